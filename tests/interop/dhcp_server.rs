//! The DHCP server of this process on a TAP interface, and the clients of Linux.

use std::net::Ipv4Addr;

use embassy_futures::select::{Either, select};
use zonda::iface::Ipv4Cidr;
use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::netbuf::NetBufPool;
use zonda::proto::dhcpv4::{
    AddressRange, Dhcpv4Server, LeaseSlot, LeaseState, OptionValue, ServerConfig, ServerLease,
    ServerOption, Subnet, code,
};
use zonda::stack::Stack;

use crate::daemon::Daemon;
use crate::demo::DEVICE4;
use crate::namespace::{ip, run};
use crate::stack::{on_tap, until};

/// What a client runs when something happens: writes down what, and takes the address.
const SCRIPT: &str = "#!/bin/sh
echo ${reason:-$1} ${new_ip_address:-$ip} ${new_routers:-$router} ${new_domain_name:-$domain} >> FOLDER/log
case ${reason:-$1} in
bound | BOUND) ip address replace ${new_ip_address:-$ip}/24 dev ${interface} ;;
release | RELEASE | deconfig) ip address flush dev ${interface} scope global ;;
esac
";

/// Runs `script` beside a server for its link and for 10.10.0.0/24.
fn serving(script: impl AsyncFn(Stack<'_>, &Dhcpv4Server<'_, '_>)) {
    static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();
    on_tap::<0>(POOL.pool(), async |stack, id| {
        #[cfg(feature = "acd")]
        let _: bool = stack.set_conflict_detection(id, zonda::iface::ConflictDetection::Off);
        let own: Ipv4Addr = DEVICE4.parse().unwrap();
        stack.add_ipv4(id, Ipv4Cidr::new(own, 24)).unwrap();
        let behind = |number| Ipv4Addr::new(10, 10, 0, number);
        let prefix = Prefix::new(behind(0).into(), 24).unwrap();
        let route = Route {
            prefix,
            gateway: Some(Ipv4Addr::new(10, 9, 0, 1).into()),
            interface: id,
            metric: 0,
            expires: None,
            origin: RouteOrigin::Static,
        };
        stack.add_route(route).unwrap();
        let range = |[first, last]: [Ipv4Addr; 2]| [AddressRange::new(first, last)];
        let ranges = [
            range([100, 110].map(|number| Ipv4Addr::new(10, 9, 0, number))),
            range([100, 110].map(behind)),
        ];
        let routers = [own];
        let options = [
            ServerOption::routers(&routers),
            ServerOption::domain("lab.test"),
            ServerOption::new(code::RENEWAL_TIME, OptionValue::Long(2)),
            ServerOption::new(code::REBINDING_TIME, OptionValue::Long(60)),
        ];
        let subnet = |network, ranges| Subnet::new(Ipv4Cidr::new(network, 24)).ranges(ranges);
        let subnets = [
            subnet(own, &ranges[0]).interface(id).options(&options),
            subnet(behind(0), &ranges[1]).options(&options),
        ];
        let mut places = [LeaseSlot::UNUSED; 8];
        let server = Dhcpv4Server::new(stack, ServerConfig::new(&subnets), &mut places).unwrap();
        match select(server.run(), script(stack, &server)).await {
            Either::First(Err(error)) => panic!("the server ended: {error}"),
            Either::First(Ok(never)) => match never {},
            Either::Second(()) => {}
        }
        println!("{:?}", server.counters());
        assert_eq!(server.counters().malformed, 0);
    });
}

/// The one lease of a network that is as asked.
async fn lease(server: &Dhcpv4Server<'_, '_>, network: [u8; 3], state: LeaseState) -> ServerLease {
    let find = || {
        let mut leases = server.leases().filter(|lease| lease.state == state);
        leases.find(|lease| lease.address.octets()[..3] == network)
    };
    until("a lease", || find().is_some()).await;
    find().unwrap()
}

/// A client has an address, extends the lease, and gives the address back.
async fn observe(
    server: &Dhcpv4Server<'_, '_>,
    client: &Daemon,
    renew: impl FnOnce(),
    release: impl FnOnce(),
) {
    let lease = self::lease(server, [10, 9, 0], LeaseState::Leased).await;
    let bound = format!("{} {DEVICE4} lab.test", lease.address);
    until("the client has it", || {
        client.folder.read("log").contains(&bound)
    })
    .await;
    until("Linux has it", || {
        run("ip -4 address show dev zonda0").contains(&lease.address.to_string())
    })
    .await;
    let before = server.counters().acknowledged;
    renew();
    until("a renewal", || server.counters().acknowledged > before).await;
    release();
    let former = self::lease(server, [10, 9, 0], LeaseState::Former).await;
    assert_eq!(
        (former.address, former.client),
        (lease.address, lease.client)
    );
    let counters = server.counters();
    assert_eq!((counters.released, counters.refused), (1, 0));
}

/// A client on this interface, which asks each second.
fn udhcpc(interface: &str) -> Daemon {
    let command = format!("busybox udhcpc -f -i {interface} -O domain -t 20 -T 1 -s FOLDER/script");
    Daemon::start(&command, &[("script", SCRIPT)])
}

#[test]
fn udhcpc_gets_an_address_extends_the_lease_and_gives_it_back() {
    in_namespace!("busybox");
    serving(async |_, server| {
        ip("link set zonda0 up");
        let client = udhcpc("zonda0");
        let signal = |name: &str| {
            let _: String = run(&format!("kill -{name} {}", client.id()));
        };
        observe(server, &client, || signal("USR1"), || signal("USR2")).await;
    });
}

#[test]
fn dhclient_gets_an_address_extends_the_lease_and_gives_it_back() {
    in_namespace!("dhclient");
    serving(async |_, server| {
        ip("link set zonda0 up");
        let files = "-sf FOLDER/script -cf FOLDER/conf -lf FOLDER/leases -pf FOLDER/pid";
        let client = Daemon::start(
            &format!("dhclient -4 -d {files} zonda0"),
            &[
                ("script", SCRIPT),
                ("conf", "timeout 20;\n"),
                ("leases", ""),
            ],
        );
        let release = client
            .folder
            .fill(&format!("dhclient -4 -r {files} zonda0"));
        // It runs beside the stack, which has to be asked for its link address.
        let releasing = std::cell::OnceCell::new();
        let release = || {
            let _: &Daemon = releasing.get_or_init(|| Daemon::start(&release, &[]));
        };
        // The client renews by itself, after two seconds.
        observe(server, &client, || {}, release).await;
    });
}

#[test]
fn client_behind_a_relay_agent_gets_an_address() {
    in_namespace!("dhcrelay", "busybox");
    serving(async |_, server| {
        ip("address replace 10.9.0.1/24 dev zonda0");
        ip("link set zonda0 up");
        // The agent at one end of a cable, the client at the other.
        ip("link add agent type veth peer name client");
        ip("address replace 10.10.0.1/24 dev agent");
        ip("link set agent up");
        ip("link set client up");
        let agent = format!("dhcrelay -4 -d -a -iu zonda0 -id agent {DEVICE4}");
        let _agent = Daemon::start(&agent, &[]);
        let client = udhcpc("client");
        let lease = lease(server, [10, 10, 0], LeaseState::Leased).await;
        let bound = format!("{} {DEVICE4} lab.test", lease.address);
        until("the client has it", || {
            client.folder.read("log").contains(&bound)
        })
        .await;
    });
}
