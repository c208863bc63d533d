//! The DHCP client of this process on a TAP interface, and dnsmasq.

use std::future::Future;
use std::net::Ipv4Addr;

use embassy_futures::select::{Either, select};
use zonda::proto::dhcpv4::{ClientConfig, ClientState, Dhcpv4Client};
use zonda::stack::Stack;
use zonda::time::Duration;

use crate::daemon::Daemon;
use crate::dnsmasq::Dnsmasq;
use crate::tcp_client::with_stack;

fn dnsmasq(options: &str) -> Dnsmasq {
    let leases = std::env::temp_dir().join(format!("zonda-dhcp-{}", std::process::id()));
    let leases = leases.display();
    let fixed = "--port=0 --log-dhcp --dhcp-authoritative --no-ping --leasefile-ro";
    Dnsmasq::start(&format!("{fixed} --dhcp-leasefile={leases} {options}"))
}

/// Runs `script` beside the client.
async fn beside<R>(client: &Dhcpv4Client<'_, '_>, script: impl Future<Output = R>) -> R {
    match select(client.run(), script).await {
        Either::First(ended) => panic!("the client ended: {ended:?}"),
        Either::Second(result) => result,
    }
}

fn client<'a, 'c>(stack: Stack<'a>, config: ClientConfig<'c>) -> Dhcpv4Client<'a, 'c> {
    Dhcpv4Client::new(stack, 0, config).unwrap()
}

#[test]
fn dnsmasq_gives_an_address_extends_it_and_takes_it_back() {
    in_namespace!("dnsmasq");
    with_stack(async |stack| {
        // Renewed after three seconds; a route to a prefix, and everything.
        let _dnsmasq = dnsmasq(
            "--dhcp-range=10.9.0.100,10.9.0.110,255.255.255.0,120 --dhcp-option-force=58,3 \
             --dhcp-option-force=59,60 --dhcp-option=option:mtu,1400 \
             --dhcp-option=option:dns-server,10.9.0.1 --dhcp-option=option:ntp-server,10.9.0.1 \
             --dhcp-option=119,eng.lab.test,lab.test --domain=lab.test \
             --dhcp-option=121,0.0.0.0/0,10.9.0.1,10.77.0.0/16,10.9.0.1",
        );
        let config = ClientConfig::new()
            .host_name("kettle")
            .vendor_class(b"zonda");
        let client = client(stack, config);
        let lease = beside(&client, async {
            let lease = client.bound().await;
            println!("{lease:?}");
            assert_eq!(lease.server, Ipv4Addr::new(10, 9, 0, 1));
            assert_eq!(lease.address.address.octets()[..3], [10, 9, 0]);
            assert!((100..=110).contains(&lease.address.address.octets()[3]));
            assert_eq!((lease.address.prefix_length, lease.duration), (24, 120));
            assert_eq!((lease.renewal, lease.rebinding), (3, 60));
            assert_eq!(stack.routes().count(), 2);
            assert_eq!(stack.interface(0).unwrap().mtu, 1400);
            let shown = client.options(|options| {
                println!("{options:?}");
                let server = [Ipv4Addr::new(10, 9, 0, 1)];
                assert!(options.dns_servers().eq(server) && options.ntp_servers().eq(server));
                assert_eq!(options.domain(), Some("lab.test"));
                #[cfg(feature = "dns")]
                {
                    let domains = options.search_domains().map(|name| name.to_string());
                    assert_eq!(domains.collect::<Vec<_>>(), ["eng.lab.test", "lab.test"]);
                }
            });
            assert_eq!(shown, Some(()));
            // Two renewals.
            client.changed().await;
            client.changed().await;
            assert_eq!(client.lease(), Some(lease));
            lease
        })
        .await;
        assert_eq!(stack.interface(0).unwrap().ipv4.len(), 1);
        // The same address again, without an offer; then it goes back.
        let again = self::client(stack, ClientConfig::new().lease(lease));
        let taken = again.counters().taken;
        let script = async {
            assert_eq!(again.bound().await.address, lease.address);
            assert_eq!(again.counters().taken, taken);
            again.release();
            stack.sleep(Duration::from_secs(10)).await;
        };
        match select(again.run(), script).await {
            Either::First(ended) => assert_eq!(ended, Ok(())),
            Either::Second(()) => panic!("it does not end"),
        }
        assert_eq!(again.state(), ClientState::Stopped);
        assert_eq!(again.counters().malformed, 0);
    });
}

#[test]
fn dnsmasq_refuses_an_address_of_another_network() {
    in_namespace!("dnsmasq");
    with_stack(async |stack| {
        let _dnsmasq = dnsmasq("--dhcp-range=10.9.0.100,10.9.0.110,255.255.255.0,120");
        let kept = zonda::proto::dhcpv4::Lease {
            address: zonda::iface::Ipv4Cidr::new(Ipv4Addr::new(172, 16, 0, 9), 24),
            server: Ipv4Addr::new(172, 16, 0, 1),
            duration: 120,
            renewal: 60,
            rebinding: 105,
        };
        let client = client(stack, ClientConfig::new().lease(kept));
        beside(&client, async {
            let lease = client.bound().await;
            assert_eq!(lease.address.address.octets()[..3], [10, 9, 0]);
            // The refusal, and the offer.
            assert_eq!(client.counters().taken, 2);
        })
        .await;
    });
}

/// Leases an address of 10.9.0.100 to 10.9.0.110 from a server with the name of `lab.test`, extends
/// the lease after three seconds, and gives it back.
fn lease_from(command: &str, files: &[(&str, &str)]) {
    with_stack(async |stack| {
        let _server = Daemon::start(command, files);
        let client = client(stack, ClientConfig::new().host_name("kettle"));
        let script = async {
            let lease = client.bound().await;
            println!("{lease:?}");
            assert_eq!(lease.server, Ipv4Addr::new(10, 9, 0, 1));
            assert!((100..=110).contains(&lease.address.address.octets()[3]));
            assert_eq!((lease.address.prefix_length, lease.duration), (24, 120));
            let shown = client.options(|options| {
                println!("{options:?}");
                assert!(options.dns_servers().eq([Ipv4Addr::new(10, 9, 0, 1)]));
                assert_eq!(options.domain(), Some("lab.test"));
            });
            assert_eq!(shown, Some(()));
            // A minute for a server that cannot be told when.
            if lease.renewal == 3 {
                client.changed().await;
                assert_eq!(client.lease(), Some(lease));
            }
            client.release();
            stack.sleep(Duration::from_secs(10)).await;
        };
        match select(client.run(), script).await {
            Either::First(ended) => assert_eq!(ended, Ok(())),
            Either::Second(()) => panic!("it does not end"),
        }
        assert_eq!(client.counters().malformed, 0);
    });
}

#[test]
fn kea_gives_an_address_extends_it_and_takes_it_back() {
    in_namespace!("kea-dhcp4");
    let configuration = r#"{ "Dhcp4": {
        "interfaces-config": { "interfaces": [ "zonda0" ] },
        "lease-database": { "type": "memfile", "persist": false },
        "valid-lifetime": 120, "renew-timer": 3, "rebind-timer": 60,
        "subnet4": [ {
            "subnet": "10.9.0.0/24",
            "pools": [ { "pool": "10.9.0.100 - 10.9.0.110" } ],
            "option-data": [
                { "name": "domain-name-servers", "data": "10.9.0.1" },
                { "name": "domain-name", "data": "lab.test" }
            ]
        } ],
        "loggers": [ { "name": "kea-dhcp4", "severity": "INFO",
            "output_options": [ { "output": "stdout" } ] } ]
    } }"#;
    let command = "env KEA_PIDFILE_DIR=FOLDER KEA_LOCKFILE_DIR=FOLDER kea-dhcp4 -c FOLDER/conf";
    lease_from(command, &[("conf", configuration)]);
}

#[test]
fn isc_dhcpd_gives_an_address_extends_it_and_takes_it_back() {
    in_namespace!("dhcpd");
    let configuration = r#"
        authoritative;
        default-lease-time 120;
        min-lease-time 120;
        max-lease-time 120;
        ping-check false;
        dhcp-cache-threshold 0;
        subnet 10.9.0.0 netmask 255.255.255.0 {
            range 10.9.0.100 10.9.0.110;
            option domain-name-servers 10.9.0.1;
            option domain-name "lab.test";
            option dhcp-renewal-time 3;
            option dhcp-rebinding-time 60;
        }
    "#;
    let command = "dhcpd -4 -f -d --no-pid -cf FOLDER/conf -lf FOLDER/leases zonda0";
    lease_from(command, &[("conf", configuration), ("leases", "")]);
}

#[test]
fn udhcpd_gives_an_address_and_takes_it_back() {
    in_namespace!("udhcpd");
    let configuration = "start 10.9.0.100\nend 10.9.0.110\ninterface zonda0\nlease_file FOLDER/leases\n\
        pidfile FOLDER/pid\nmin_lease 60\noption subnet 255.255.255.0\noption lease 120\n\
        option dns 10.9.0.1\noption domain lab.test\n";
    lease_from(
        "udhcpd -f FOLDER/conf",
        &[("conf", configuration), ("leases", "")],
    );
}
