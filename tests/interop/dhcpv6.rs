//! The DHCPv6 client of this process on a TAP interface, and the servers of others.

use std::fs;
use std::future::Future;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use embassy_futures::select::{Either, select};
use zonda::netbuf::NetBufPool;
use zonda::proto::dhcpv6::{ClientConfig, ClientState, Dhcpv6Client, Mode};
use zonda::stack::{InterfaceId, Stack};
use zonda::time::Duration;

use crate::dnsmasq::Dnsmasq;
use crate::namespace::ip;
use crate::stack::on_tap;

const LINUX: Ipv6Addr = Ipv6Addr::new(0xfd53, 1, 0, 0, 0, 0, 0, 1);

/// Runs `script` with a stack that has no address but those that it finds by itself, beside Linux.
fn with_stack(script: impl AsyncFn(Stack<'_>, InterfaceId)) {
    static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();
    on_tap::<0>(POOL.pool(), async |stack, id| {
        ip("link set zonda0 up");
        ip("address add fd53:1::1/64 dev zonda0 nodad");
        // Servers listen on it as soon as it can be used.
        crate::namespace::until("a link-local address of Linux", || {
            let shown = crate::namespace::run("ip -6 address show dev zonda0 scope link");
            shown.contains("fe80::") && !shown.contains("tentative")
        });
        script(stack, id).await;
    });
}

/// Runs `script` beside the client.
async fn beside<R>(client: &Dhcpv6Client<'_, '_>, script: impl Future<Output = R>) -> R {
    match select(client.run(), script).await {
        Either::First(ended) => panic!("the client ended: {ended:?}"),
        Either::Second(result) => result,
    }
}

/// Gives back what there is, which the server answers.
async fn give_back(stack: Stack<'_>, client: &Dhcpv6Client<'_, '_>) {
    let taken = client.counters().taken;
    let script = async {
        stack.sleep(Duration::from_millis(10)).await;
        client.release();
        stack.sleep(Duration::from_secs(30)).await;
    };
    match select(client.run(), script).await {
        Either::First(ended) => assert_eq!(ended, Ok(())),
        Either::Second(()) => panic!("it does not end"),
    }
    assert_eq!(client.state(), ClientState::Stopped);
    assert!(client.addresses().is_empty());
    let counters = client.counters();
    println!("{counters:?}");
    assert_eq!((counters.malformed, counters.missed), (0, 0));
    assert!(counters.taken > taken);
}

/// A server with a configuration of its own. Dropped, it is killed.
struct Server {
    child: Child,
    directory: PathBuf,
}

impl Server {
    /// Starts `program`; in its arguments `{}` is a directory of its own, where `file` is.
    fn start(program: &str, arguments: &str, (file, text): (&str, &str)) -> Self {
        let name = format!("zonda-{program}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let at = directory.display().to_string();
        fs::write(directory.join(file), text.replace("{}", &at)).unwrap();
        fs::write(directory.join("leases"), "").unwrap();
        let child = Command::new(program)
            .args(arguments.replace("{}", &at).split_whitespace())
            .env("KEA_PIDFILE_DIR", &at)
            .env("KEA_LOCKFILE_DIR", &at)
            .stdin(Stdio::null())
            .spawn();
        Self {
            child: child.unwrap(),
            directory,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Whether an address is of the range that all of these servers lease.
fn is_leased(address: &Ipv6Addr) -> bool {
    let [0xfd53, 1, 0, 0, 0, 0, 0, 0x100..=0x1ff] = address.segments() else {
        return false;
    };
    true
}

/// The first network of those that all of these servers delegate.
fn is_delegated(prefix: Ipv6Addr) -> bool {
    prefix.segments()[..2] == [0xfd53, 0x100]
}

/// An address, a prefix and servers; two renewals; and all goes back.
async fn takes_everything(stack: Stack<'_>, id: InterfaceId, config: ClientConfig<'_>) {
    let client = Dhcpv6Client::new(stack, id, config.mode(Mode::Stateful)).unwrap();
    beside(&client, async {
        client.bound().await;
        let (addresses, prefixes) = (client.addresses(), client.prefixes());
        println!("{addresses:?} {prefixes:?} {:?}", client.server());
        let shown = client.options(|options| {
            println!("{options:?}");
            assert!(options.dns_servers().eq([LINUX]));
            #[cfg(feature = "dns")]
            {
                let domains = options.search_domains().map(|name| name.to_string());
                assert_eq!(domains.collect::<Vec<_>>(), ["lab.test"]);
            }
        });
        assert_eq!(shown, Some(()));
        assert!(addresses.len() == 1 && addresses.iter().all(is_leased));
        assert_eq!(prefixes.len(), 1);
        assert!(is_delegated(prefixes[0].prefix));
        let acknowledged = client.counters().acknowledged;
        while client.counters().acknowledged < acknowledged + 2 {
            client.changed().await;
        }
        assert_eq!(client.addresses(), addresses);
        assert_eq!(client.prefixes()[0].prefix, prefixes[0].prefix);
    })
    .await;
    give_back(stack, &client).await;
}

#[test]
fn dnsmasq_leases_an_address_to_a_client_that_its_router_starts() {
    in_namespace!("dnsmasq");
    with_stack(async |stack, id| {
        let _dnsmasq = Dnsmasq::start(
            "--port=0 --log-dhcp --leasefile-ro --enable-ra --ra-param=zonda0,4,60 \
             --dhcp-range=fd53:1::100,fd53:1::1ff,64,120 \
             --dhcp-option=option6:dns-server,[fd53:1::1] \
             --dhcp-option=option6:domain-search,lab.test",
        );
        let config = ClientConfig::new().fqdn("kettle", zonda::proto::dhcpv6::DnsUpdates::Server);
        let client = Dhcpv6Client::new(stack, id, config).unwrap();
        beside(&client, async {
            client.bound().await;
            let addresses = client.addresses();
            println!("{addresses:?}");
            assert!(addresses.len() == 1 && is_leased(&addresses[0]));
            let servers = client.options(|options| options.dns_servers().collect::<Vec<_>>());
            assert_eq!(servers, Some(vec![LINUX]));
            #[cfg(feature = "ping")]
            {
                let ping = zonda::socket::Ping::new(stack).unwrap();
                let patience = Duration::from_secs(10);
                let took = ping.ping(LINUX.into(), 1, b"?", patience).await;
                assert!(took.is_ok(), "{took:?}");
            }
        })
        .await;
        // Run again, it is told that the address is good for this link, and gives it back.
        let taken = client.counters().taken;
        beside(&client, async {
            while client.counters().taken == taken {
                stack.sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        assert_eq!(client.state(), ClientState::Bound);
        let all = async {
            client.bound().await;
            client.release();
            stack.sleep(Duration::from_secs(30)).await;
        };
        match select(client.run(), all).await {
            Either::First(ended) => assert_eq!(ended, Ok(())),
            Either::Second(()) => panic!("it does not end"),
        }
    });
}

#[test]
fn dnsmasq_tells_a_stateless_client_its_servers() {
    in_namespace!("dnsmasq");
    with_stack(async |stack, id| {
        let _dnsmasq = Dnsmasq::start(
            "--port=0 --log-dhcp --leasefile-ro --enable-ra --ra-param=zonda0,4,60 \
             --dhcp-range=fd53:1::,ra-stateless \
             --dhcp-option=option6:dns-server,[fd53:1::1] \
             --dhcp-option=option6:ntp-server,[fd53:1::1]",
        );
        let client = Dhcpv6Client::new(stack, id, ClientConfig::new()).unwrap();
        beside(&client, async {
            client.configured().await;
            assert_eq!(client.state(), ClientState::Informed);
            let shown = client.options(|options| {
                println!("{options:?}");
                assert!(options.dns_servers().eq([LINUX]));
                let time = zonda::proto::dhcpv6::NtpServer::Address(LINUX);
                assert!(options.ntp_servers().eq([time]));
            });
            assert_eq!(shown, Some(()));
        })
        .await;
    });
}

#[test]
fn kea_leases_an_address_and_a_prefix() {
    in_namespace!("kea-dhcp6");
    let configuration = r#"{"Dhcp6": {
        "interfaces-config": {"interfaces": ["zonda0"], "service-sockets-require-all": true,
            "service-sockets-max-retries": 50, "service-sockets-retry-wait-time": 200},
        "lease-database": {"type": "memfile", "persist": false},
        "data-directory": "{}",
        "server-id": {"type": "LL", "persist": false},
        "renew-timer": 2, "rebind-timer": 20, "preferred-lifetime": 60, "valid-lifetime": 90,
        "option-data": [{"name": "dns-servers", "data": "fd53:1::1"},
            {"name": "domain-search", "data": "lab.test"}],
        "subnet6": [{"subnet": "fd53:1::/64", "interface": "zonda0", "rapid-commit": true,
            "pools": [{"pool": "fd53:1::100-fd53:1::1ff"}],
            "pd-pools": [{"prefix": "fd53:100::", "prefix-len": 40, "delegated-len": 56}]}],
        "loggers": [{"name": "kea-dhcp6", "severity": "INFO",
            "output_options": [{"output": "stdout"}]}]
    }}"#;
    with_stack(async |stack, id| {
        let _kea = Server::start("kea-dhcp6", "-c {}/kea.conf", ("kea.conf", configuration));
        takes_everything(stack, id, ClientConfig::new().prefixes(1, 56)).await;
        // And by two messages instead of four.
        let config = ClientConfig::new().rapid_commit(true).prefixes(1, 0);
        let client = Dhcpv6Client::new(stack, id, config.mode(Mode::Stateful)).unwrap();
        beside(&client, async {
            client.bound().await;
            assert_eq!(
                (client.counters().acknowledged, client.counters().taken),
                (1, 0)
            );
        })
        .await;
        give_back(stack, &client).await;
    });
}

#[test]
fn wide_dhcpv6_leases_an_address_and_a_prefix() {
    in_namespace!("dhcp6s");
    // The client's DUID is that of its link address.
    let configuration = "option domain-name-servers fd53:1::1; option domain-name \"lab.test\";
        interface zonda0 { address-pool leases 4 10; };
        host device { duid 00:03:00:01:02:5a:4f:4e:44:41; address-pool leases 4 10;
            prefix fd53:100::/56 4 10; };
        pool leases { range fd53:1::100 to fd53:1::1ff; };";
    with_stack(async |stack, id| {
        let arguments = "-f -D -c {}/dhcp6s.conf -P {}/pid zonda0";
        let _server = Server::start("dhcp6s", arguments, ("dhcp6s.conf", configuration));
        takes_everything(stack, id, ClientConfig::new().prefixes(1, 0)).await;
    });
}

#[test]
fn isc_dhcpd_leases_an_address_and_a_prefix() {
    in_namespace!("dhcpd");
    let configuration = "default-lease-time 60; preferred-lifetime 40; authoritative;
        option dhcp-renewal-time 2; option dhcp-rebinding-time 20;
        option dhcp6.name-servers fd53:1::1; option dhcp6.domain-search \"lab.test\";
        subnet6 fd53:1::/64 { range6 fd53:1::100 fd53:1::1ff;
            prefix6 fd53:100:: fd53:100:0:ff00:: /56; }";
    with_stack(async |stack, id| {
        let arguments = "-6 -f -d --no-pid -cf {}/dhcpd.conf -lf {}/leases zonda0";
        let _server = Server::start("dhcpd", arguments, ("dhcpd.conf", configuration));
        takes_everything(stack, id, ClientConfig::new().prefixes(1, 56)).await;
    });
}
