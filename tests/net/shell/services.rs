//! The commands for what an application runs beside the stack.

use zonda::mgmt::Connections;
use zonda::proto::dhcpv4::{ClientConfig, Dhcpv4Client, Dhcpv4Server, LeaseSlot};
use zonda::proto::dhcpv6::{self, Dhcpv6Client};
use zonda::proto::mdns::Mdns;
use zonda::proto::sntp::{Leap, SntpClient, SntpConfig, SntpServer, UnixTime, WallClock, WallTime};

use super::*;
use crate::dhcpv4_server::usual;
use crate::dns;

fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn user(net: &Network, host: Host, services: Services<'static, 'static, 'static>) -> User {
    User::of(net, Shell::new(host.stack(), services))
}

#[test]
fn commands_say_that_there_is_no_service() {
    let (net, _, _, _, user) = two();
    for (line, words) in [
        ("dns kettle.lab", "dns: there is no resolver"),
        ("mdns", "mdns: there is no multicast DNS"),
        ("sntp", "sntp: there is no client"),
        ("dhcpv4", "dhcpv4: there is no client"),
        ("dhcpv6 release", "dhcpv6: there is no client"),
    ] {
        user.says(&net, line, &[words]);
    }
}

#[test]
fn names_are_looked_up() {
    let (world, _log) = dns::served(|query| match query.kind {
        dns::A => vec![query.addresses(&["10.0.0.53"])],
        dns::PTR => {
            let name = dns::encode("kettle.lab");
            vec![query.reply().answer(&query.name, dns::PTR, 60, &name)]
        }
        _ => vec![query.reply()],
    });
    let services = Services {
        resolver: Some(world.resolver),
        ..Services::NONE
    };
    let (net, client) = (&world.net, world.client);
    let user = user(net, client, services);
    assert_eq!(user.enter(net, "dns kettle.lab"), "10.0.0.53\n");
    assert_eq!(user.enter(net, "dns kettle.lab 4"), "10.0.0.53\n");
    user.says(net, "dns kettle.lab 6", &["dns: kettle.lab: "]);
    user.says(net, "dns 10.0.0.53", &["kettle.lab"]);
    user.says(net, "dns kettle.lab 5", &["`5` is not 4 or 6"]);
    user.says(
        net,
        "ping -c 1 kettle.lab",
        &["bytes to 10.0.0.53", "1 answered"],
    );
    user.says(net, "dns stats", &["answers from the cache   "]);
    user.does(net, "dns flush");
    assert_eq!(user.enter(net, "dns servers"), "");
}

#[test]
fn lease_of_dhcpv4_is_shown_and_given_back() {
    let net = Network::new(3);
    let (host, client) = (net.host("server"), net.host("client"));
    let link = net.link((host, client)).delay(ms(1));
    host.add(link, "10.0.0.1/24");
    let leases = Box::leak(vec![LeaseSlot::UNUSED; 4].into_boxed_slice());
    let server = Dhcpv4Server::new(host.stack(), usual(), leases).unwrap();
    net.spawn(async move { server.run().await.map(|_: std::convert::Infallible| ()) });
    let id = client.interface(link);
    let dhcp = kept(Dhcpv4Client::new(client.stack(), id, ClientConfig::new()).unwrap());
    net.spawn(dhcp.run());
    net.run_for(secs(30));
    let services = Services {
        dhcpv4: kept([dhcp]),
        ..Services::NONE
    };
    let user = user(&net, client, services);
    let words = [
        "Bound\n",
        "10.0.0.10",
        "/24 from 10.0.0.1, for ",
        "2 acknowledged",
    ];
    let said = user.enter(&net, "dhcpv4");
    for word in &words[..3] {
        assert!(said.contains(word), "{said}");
    }
    user.says(&net, "ipv4", &["10.0.0.10", "Dhcp, Active"]);
    user.does(&net, "dhcpv4 release");
    net.run_for(secs(5));
    assert_eq!(dhcp.lease(), None);
    user.says(&net, "dhcpv4", &["Stopped"]);
    user.says(&net, "dhcpv4 renew", &["`renew` is not release"]);
}

#[test]
fn state_of_dhcpv6_is_shown() {
    let (net, a, _, link, _) = two();
    let config = dhcpv6::ClientConfig::new();
    let client = Dhcpv6Client::new(a.stack(), a.interface(link), config).unwrap();
    let services = Services {
        dhcpv6: kept([kept(client)]),
        ..Services::NONE
    };
    let user = user(&net, a, services);
    user.says(&net, "dhcpv6", &["Idle", "0 messages sent"]);
}

#[test]
fn time_is_shown_and_asked_for() {
    struct Clock;

    impl WallClock for Clock {
        fn read(&self) -> Option<WallTime> {
            let now = UnixTime::new(1_900_000_000, 0);
            Some(WallTime {
                now,
                set: now,
                stratum: 1,
                reference: *b"GPS\0",
                leap: Leap::None,
            })
        }
    }

    let (net, a, b, _, _) = two();
    let server = kept(SntpServer::new(b.stack(), kept(Clock)));
    net.spawn(async move { server.run().await });
    let client = SntpClient::new(a.stack(), SntpConfig::default());
    let services = Services {
        sntp: Some(kept(client)),
        ..Services::NONE
    };
    let user = user(&net, a, services);
    user.says(&net, "sntp", &["the time is not known", "0 requests"]);
    user.says(&net, "sntp 10.0.0.2", &["2030-03-17", "stratum"]);
    user.says(&net, "sntp", &["2030-03-17", "1 requests, 1 told the time"]);
    user.says(&net, "sntp 10.0.0.2 99", &["sntp: "]);
    user.says(&net, "sntp noon", &["`noon` is not an address"]);
}

#[test]
fn names_on_the_link_are_shown() {
    let (net, a, b, _, _) = two();
    let (own, other) = (kept(Mdns::new(a.stack())), kept(Mdns::new(b.stack())));
    net.spawn(own.run());
    net.spawn(other.run());
    own.set_host_name("kettle").unwrap();
    let service = zonda::proto::dns_sd::ServiceConfig::new("Lamp", "_http._tcp", 80);
    other.set_host_name("lamp").unwrap();
    other.register(&service).unwrap();
    net.run_for(secs(10));
    let services = Services {
        mdns: Some(own),
        ..Services::NONE
    };
    let user = user(&net, a, services);
    user.says(
        &net,
        "mdns",
        &["kettle.local is answered for on eth0", "responses received"],
    );
    user.terminal.type_keys("mdns browse _http._tcp\r");
    net.run_for(secs(10));
    user.terminal.type_keys("\x03");
    let said = user.finish(&net);
    assert!(said.contains("+ Lamp._http._tcp.local on eth0"), "{said}");
    user.says(
        &net,
        "mdns browse http",
        &["`http` is not a type of services"],
    );
}

#[test]
fn connection_manager_is_asked() {
    let (net, a, _, _, _) = two();
    let connections = kept(Connections::new(a.stack()));
    net.spawn(connections.run());
    net.settle();
    let services = Services {
        connections: Some(connections),
        ..Services::NONE
    };
    let user = user(&net, a, services);
    user.says(&net, "conn", &["IPv4 connected", "IPv6 connected"]);
    user.does(&net, "suspend eth0");
    user.says(&net, "conn", &["IPv4 not connected", "IPv6 not connected"]);
}

#[cfg(feature = "zperf")]
#[test]
fn throughput_is_measured() {
    use zonda::proto::zperf::{ZperfServer, ZperfServerConfig};

    let (net, _, b, _, user) = two();
    let server = kept(ZperfServer::new(b.stack(), ZperfServerConfig::default()));
    net.spawn(async { server.udp(&|_| {}).await.map(|_| ()) });
    let words = ["sent:", "bit/s", "of that the server has:", "bit/s"];
    user.says(&net, "zperf udp up 10.0.0.2 2 1000000", &words);
    user.says(
        &net,
        "zperf sctp up 10.0.0.2",
        &["`sctp` is not a protocol to measure"],
    );
    user.says(&net, "zperf udp in 10.0.0.2", &["`in` is not up or down"]);
}
