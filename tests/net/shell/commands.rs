//! The commands that need nothing but the stack.

use std::net::{IpAddr, SocketAddr};

use zonda::iface::OperationalState;
use zonda::socket::{TcpListener, TcpSocket};

use super::*;

#[test]
fn interfaces_are_shown_named_and_switched() {
    let (net, a, _, link, user) = two();
    let id = a.interface(link);
    let mac = a.stack().interface(id).unwrap().capabilities.address;
    user.says(
        &net,
        "iface",
        &["name", "eth0", "up", "1500", &mac.to_string()],
    );
    let words = [
        "eth0 (number 0): up",
        "IPv4      10.0.0.1/24",
        "IPv6      fe80::",
    ];
    user.says(&net, "iface eth0", &words);
    let state = || a.stack().interface(id).unwrap().state;
    for (off, on) in [
        ("iface eth0 down", "iface 0 up"),
        ("suspend eth0", "resume 0"),
    ] {
        user.does(&net, off);
        assert_eq!(state(), OperationalState::Down);
        user.says(&net, "iface", &["eth0", "off"]);
        user.does(&net, on);
        assert_eq!(state(), OperationalState::Up);
    }
    user.does(&net, "iface eth0 mtu 1280");
    assert_eq!(a.stack().interface(id).unwrap().mtu, 1280);
    user.says(&net, "iface eth0 mtu 10", &["iface: that is too small"]);
    user.does(&net, "iface eth0 name wan");
    user.says(&net, "iface wan", &["MTU       1280 of 1500"]);
    user.says(
        &net,
        "iface wan sideways",
        &["is not one of up, down, mtu, name"],
    );
    user.says(&net, "resume", &["a word is missing"]);
}

#[test]
fn why_packets_were_dropped_is_shown() {
    let (net, _, b, link, user) = two();
    let socket = b.udp("[::]:0");
    let nobody: SocketAddr = "10.0.0.1:4000".parse().unwrap();
    socket.try_send_to(b"hello", Some(nobody)).unwrap();
    net.run_for(secs(1));
    let _ = link;
    user.says(&net, "iface eth0", &["dropped   1 for UdpNoSocket"]);
}

#[test]
fn addresses_are_shown_added_and_removed() {
    let (net, a, _, link, user) = two();
    let has = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let info = a.stack().interface(a.interface(link)).unwrap();
        info.ipv4
            .iter()
            .any(|entry| IpAddr::V4(entry.cidr.address) == address)
            || info
                .ipv6
                .iter()
                .any(|entry| IpAddr::V6(entry.address) == address)
    };
    user.says(&net, "ipv4", &["eth0", "10.0.0.1/24", "Static, Active"]);
    user.says(
        &net,
        "ipv6 eth0",
        &["fd00::1/64", "Static, Preferred, preferred for ever"],
    );
    for (command, address, length) in [("ipv4", "192.0.2.7", 28), ("ipv6", "fd07::7", 48)] {
        user.does(&net, &format!("{command} add eth0 {address}/{length}"));
        assert!(has(address));
        net.run_for(secs(10));
        user.says(&net, command, &[&format!("{address}/{length}")]);
        user.does(&net, &format!("{command} del eth0 {address}"));
        assert!(!has(address));
        let again = format!("{command} del eth0 {address}");
        user.says(&net, &again, &["has no such address"]);
    }
    user.says(&net, "ipv4 add eth0 fd07::7/64", &["of the other version"]);
    user.says(&net, "ipv6 del eth0 10.0.0.1", &["of the other version"]);
    user.says(
        &net,
        "ipv4 add eth0 10.0.0.9/33",
        &["length of a prefix", "usage"],
    );
    user.says(
        &net,
        "ipv4 add eth0 224.0.0.1/4",
        &["not the address of a single host"],
    );
}

#[test]
fn routes_are_shown_added_and_removed() {
    let (net, a, _, _, user) = two();
    assert_eq!(user.enter(&net, "route"), "");
    user.does(&net, "route add 0.0.0.0/0 eth0 via 10.0.0.2");
    user.does(&net, "route add fd99::/48 0");
    let words = [
        "0.0.0.0/0 on eth0 via 10.0.0.2",
        "Static, metric 0, valid for ever",
    ];
    user.says(&net, "route", &words);
    user.says(&net, "route", &["fd99::/48 on eth0\n"]);
    assert_eq!(a.stack().routes().count(), 2);
    user.does(&net, "route del 0.0.0.0/0 eth0 via 10.0.0.2");
    user.says(
        &net,
        "route del 0.0.0.0/0 eth0 via 10.0.0.2",
        &["there is no such route"],
    );
    user.does(&net, "route del fd99::/48 eth0");
    assert_eq!(a.stack().routes().count(), 0);
    user.says(
        &net,
        "route add 0.0.0.0/0 eth0 via fd00::2",
        &["gateway of another IP version"],
    );
    user.says(
        &net,
        "route add 0.0.0.0/0 eth0 by 10.0.0.2",
        &["usage: route"],
    );
    user.says(&net, "route flush", &["`flush` is not add or del"]);
}

#[test]
fn neighbours_are_shown_added_and_removed() {
    let (net, a, b, link, user) = two();
    let [.., last] = b.mac(link);
    user.says(&net, "ping -c 1 10.0.0.2", &["1 sent, 1 answered"]);
    user.says(&net, "ping -c 1 fd00::2", &["1 sent, 1 answered"]);
    let arp = user.says(
        &net,
        "arp",
        &["eth0", "10.0.0.2", &format!(":{last:02x}"), "Reachable"],
    );
    assert!(!arp.contains("fd00::2"));
    user.says(&net, "nbr eth0", &["10.0.0.2", "Reachable"]);
    user.says(&net, "nbr", &["fd00::2", "Reachable"]);
    user.does(&net, "nbr add eth0 10.0.0.9 02:00:00:00:00:09");
    user.says(&net, "arp", &["10.0.0.9", "02:00:00:00:00:09", "Static"]);
    user.does(&net, "nbr del eth0 10.0.0.9");
    user.says(
        &net,
        "nbr del eth0 10.0.0.9",
        &["there is no such neighbour"],
    );
    user.says(
        &net,
        "nbr add eth0 10.0.0.9 02:00",
        &["`02:00` is not a link address"],
    );
    let known: Vec<_> = a.stack().neighbors(0).map(|known| known.address).collect();
    assert!(!known.contains(&"10.0.0.9".parse::<IpAddr>().unwrap().try_into().unwrap()));
}

#[test]
fn groups_are_shown() {
    let (net, a, _, _, user) = two();
    a.stack()
        .join_group(0, "239.1.2.3".parse().unwrap())
        .unwrap();
    let said = user.says(&net, "group", &["eth0", "239.1.2.3"]);
    assert!(
        said.contains("ff02::1:ff00:1"),
        "the group of fd00::1: {said}"
    );
}

#[test]
fn sockets_are_shown() {
    let (net, a, b, _, user) = two();
    let udp = a.udp("10.0.0.1:5000");
    let listener = TcpListener::bind(b.stack(), "[::]:7".parse().unwrap(), 4).unwrap();
    let own = TcpListener::bind(a.stack(), "[::]:80".parse().unwrap(), 1).unwrap();
    let open = async |remote: &str| {
        let remote: SocketAddr = remote.parse().unwrap();
        TcpSocket::connect(a.stack(), remote).await.unwrap()
    };
    let sockets = net.block_on(async { [open("10.0.0.2:7").await, open("[fd00::2]:7").await] });
    let udp_line = "udp  10.0.0.1:5000";
    user.says(&net, "udp", &[udp_line, "0 bytes to be read"]);
    user.says(
        &net,
        "tcp",
        &["tcp  [::]:80 listens, 0 wait to be accepted"],
    );
    user.says(
        &net,
        "tcp",
        &["-> 10.0.0.2:7", "Established, 0 bytes not acknowledged"],
    );
    user.says(&net, "tcp", &["-> [fd00::2]:7", "Established"]);
    assert!(!user.enter(&net, "tcp").contains("udp"));
    assert!(!user.enter(&net, "udp").contains("tcp"));
    user.says(&net, "sockets", &[udp_line, "tcp "]);
    drop((udp, listener, own, sockets));
}

#[test]
fn udp_sends_a_word() {
    let (net, _, b, _, user) = two();
    let socket = b.udp("[::]:5000");
    user.does(&net, "udp send 10.0.0.2 5000 hello");
    net.run_for(ms(10));
    let mut text = [0; 10];
    let (length, _) = socket.try_recv_from(&mut text).expect("a datagram");
    assert_eq!(&text[..length], b"hello");
    user.says(&net, "udp send 192.0.2.1 5000 hello", &["udp: "]);
}

#[test]
fn ping_says_how_long_it_took() {
    let (net, _, _, _, user) = two();
    let words = [
        "100 bytes to 10.0.0.2",
        "10.0.0.2: 1 took 1.000 ms",
        "10.0.0.2: 3 took 1.000 ms",
    ];
    let begun = net.now();
    let said = user.says(&net, "ping -c 3 -s 100 -i 500 10.0.0.2", &words);
    assert!(
        said.contains("3 sent, 3 answered, took 1.000 ms at least"),
        "{said}"
    );
    assert!((ms(1000)..ms(1100)).contains(&net.now().since(begun)));
    user.says(&net, "ping -c 1 -I eth0 fd00::2", &["1 sent, 1 answered"]);
    user.says(&net, "ping -c 1 10.0.0.77", &["1 sent, 0 answered\n"]);
    user.says(
        &net,
        "ping -s 2000 10.0.0.2",
        &["there are 1,024 bytes at most"],
    );
    // So many that they would take an hour.
    user.terminal.type_keys("ping -c 3600 10.0.0.2\r");
    net.run_for(secs(3));
    user.terminal.type_keys("\x03");
    assert!(user.finish(&net).ends_with("^C\n"));
}

#[test]
fn connections_are_shown() {
    let (net, _, _, _, user) = two();
    user.says(
        &net,
        "conn",
        &[
            "eth0",
            "IPv4: address, no router",
            "IPv6: address, no router",
        ],
    );
    user.does(&net, "route add 0.0.0.0/0 eth0 via 10.0.0.2");
    user.says(
        &net,
        "conn",
        &["eth0", "IPv4: address and router", "IPv6: address, no"],
    );
    user.does(&net, "suspend eth0");
    user.says(
        &net,
        "conn",
        &["eth0", "IPv4: no address", "IPv6: no address"],
    );
}

#[cfg(feature = "statistics")]
#[test]
fn statistics_are_shown_by_path_and_reset() {
    let (net, a, _, link, user) = two();
    user.enter(&net, "ping -c 3 10.0.0.2");
    let known = a.stack().statistics().map(|one| one.path.to_string());
    let known: Vec<_> = known.collect();
    let brief = user.enter(&net, "stats");
    assert!(brief.lines().all(|line| !line.ends_with(" 0")), "{brief}");
    let all = user.enter(&net, "stats all");
    assert_eq!(all.lines().count(), known.len());
    let tcp = user.enter(&net, "stats tcp");
    assert!(tcp.lines().count() > 3 && tcp.lines().all(|line| line.starts_with("tcp.")));
    let one = user.enter(&net, "stats pool.blocks");
    assert_eq!(one.lines().count(), 1, "{one}");
    user.says(
        &net,
        "stats tc",
        &["`tc` is not the path of a number", "usage: stats"],
    );
    assert!(a.counters(link).received > 0);
    user.does(&net, "stats reset");
    assert_eq!(a.counters(link).received, 0);
}

#[test]
fn buffers_and_memory_are_shown() {
    let (net, a, _, _, user) = two();
    let stats = a.pool().stats();
    user.says(
        &net,
        "pool",
        &[
            "blocks",
            &stats.blocks.to_string(),
            "held for sockets: 0 of",
        ],
    );
    user.says(
        &net,
        "mem",
        &["core", "interfaces", "UDP sockets", "together"],
    );
}

#[test]
fn events_are_told_as_they_happen() {
    let (net, _, _, link, user) = two();
    user.terminal.type_keys("events 2\r");
    net.run_for(secs(1));
    link.down();
    net.run_for(secs(1));
    link.up();
    let said = user.finish(&net);
    assert!(
        said.contains("eth0 LinkDown\n") && said.contains("eth0 LinkUp\n"),
        "{said}"
    );
}

#[test]
fn host_is_named() {
    let (net, a, _, _, user) = two();
    user.does(&net, "hostname kettle-7");
    assert_eq!(a.stack().hostname().as_str(), "kettle-7");
    assert_eq!(user.enter(&net, "hostname"), "kettle-7\n");
    user.says(&net, "hostname -x", &["`-x` is not a name of letters"]);
}
