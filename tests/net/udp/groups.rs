//! Groups, broadcasts, and ports that sockets share.

use std::net::{IpAddr, Ipv4Addr};

use zonda::iface::{AddressError, ReceiveDrop};
use zonda::socket::{SendError, UdpBind};

use super::*;

const GROUPS: [&str; 2] = ["239.1.2.3", "ff02::1234"];

fn to_group(a: &Alone, group: IpAddr, port: u16) -> Vec<u8> {
    let source: IpAddr = if group.is_ipv4() {
        PEER4.into()
    } else {
        PEER6.into()
    };
    let datagram = udp((source, 1), (group, port), b"to all of you");
    a.to(group_mac(group), &ip(source, group, UDP, &datagram))
}

#[test]
fn each_member_of_a_group_gets_its_copy_and_nobody_else() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    let bind = UdpBind::new(addr("[::]:7000")).reuse(true);
    let members: Vec<_> = (0..3).map(|_| a.host.udp_bind(bind)).collect();
    let (outsider, all_groups) = (a.host.udp_bind(bind), a.host.udp_bind(bind));
    all_groups.set_all_groups(true);
    for group in GROUPS {
        let group: IpAddr = group.parse().unwrap();
        a.refuses(
            to_group(&a, group, 7000),
            match group {
                IpAddr::V4(_) => ReceiveDrop::Ipv4Destination,
                IpAddr::V6(_) => ReceiveDrop::Ipv6Destination,
            },
        );
        for member in &members {
            member.join(group, id).unwrap();
        }
        let before = a.host.pool().stats().blocks_used;
        a.ask(to_group(&a, group, 7000));
        // One block, four views of it.
        assert_eq!(a.host.pool().stats().blocks_used, before + 1);
        for member in &members {
            let (data, info) = member.try_recv().unwrap();
            assert!(data.equals(b"to all of you"));
            assert_eq!(info.destination, group);
        }
        assert!(all_groups.try_recv().is_some());
        assert!(outsider.try_recv().is_none());
        members[0].leave(group, id).unwrap();
        assert_eq!(members[0].leave(group, id), Err(AddressError::Invalid));
        a.ask(to_group(&a, group, 7000));
        assert!(members[0].try_recv().is_none() && members[1].try_recv().is_some());
        for socket in &members[1..] {
            let _ = received(socket);
            socket.leave(group, id).unwrap();
        }
        let _ = received(&all_groups);
    }
    assert_eq!(outsider.join(PEER4.into(), id), Err(AddressError::Invalid));
    assert_eq!(
        outsider.join(GROUPS[0].parse().unwrap(), 9),
        Err(AddressError::NoInterface)
    );
}

#[test]
fn group_is_joined_on_one_interface_only_and_left_with_the_socket() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    let socket = host.udp("0.0.0.0:7000");
    let group: IpAddr = GROUPS[0].parse().unwrap();
    socket.join(group, host.interface(two)).unwrap();
    let send = |peer: Peer, n: u8| {
        let from = IpAddr::from([10, 0, n, 9]);
        let packet = ip(from, group, UDP, &udp((from, 1), (group, 7000), b"x"));
        peer.send(ethernet(group_mac(group), peer.mac(), IPV4, &packet));
        net.run_for(ms(1));
    };
    send(left, 0);
    assert!(socket.try_recv().is_none());
    send(right, 1);
    assert!(socket.try_recv().is_some());
    let filter = |link| {
        let mut groups = Vec::new();
        host.driver(link).take_filter(|all| groups = all.to_vec());
        groups
    };
    let mac = zonda::wire::LinkAddr::ethernet(group_mac(group));
    assert!(filter(two).contains(&mac) && !filter(one).contains(&mac));
    drop(socket);
    assert!(!filter(two).contains(&mac));
    send(right, 1);
    let drops = host
        .counters(two)
        .receive_drops(ReceiveDrop::Ipv4Destination);
    assert_eq!(drops, 1);
}

#[test]
fn sent_to_a_group_comes_back_to_members_here_unless_unwanted() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    for group in GROUPS {
        let group: IpAddr = group.parse().unwrap();
        let (sender, member) = (a.host.udp("[::]:0"), a.host.udp("[::]:7000"));
        member.join(group, id).unwrap();
        let to = Some((group, 7000).into());
        sender.try_send_to(b"looped", to).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(received(&member), [b"looped"]);
        let seen = &a.sent()[0];
        assert_eq!(seen.to, group_mac(group));
        assert_eq!(seen.ip().unwrap().hop_limit, 1);
        sender.set_multicast_loop(false);
        sender.set_multicast_hop_limit(5);
        sender.try_send_to(b"not looped", to).unwrap();
        a.net.run_for(ms(1));
        assert!(received(&member).is_empty());
        assert_eq!(a.sent()[0].ip().unwrap().hop_limit, 5);
    }
}

#[test]
fn interface_for_groups_can_be_chosen() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    let socket = host.udp("0.0.0.0:0");
    for (link, index) in [(one, 0), (two, 1)] {
        socket.set_multicast_interface(Some(host.interface(link)));
        left.take();
        right.take();
        socket.try_send_to(b"x", Some(addr("239.1.2.3:9"))).unwrap();
        net.run_for(ms(1));
        let seen = [left.take(), right.take()];
        assert_eq!((seen[index].len(), seen[1 - index].len()), (1, 0));
        let source = read(&seen[index][0]).ip().unwrap().source;
        assert_eq!(source, IpAddr::from([10, 0, index as u8, 1]));
    }
}

#[test]
fn broadcast_needs_permission_and_reaches_every_socket() {
    let a = acquainted();
    let socket = a.host.udp("0.0.0.0:7000");
    for to in ["255.255.255.255:9", "10.0.0.255:9"] {
        socket.set_broadcast(false);
        assert_eq!(
            socket.try_send_to(b"x", Some(addr(to))),
            Err(SendError::BroadcastNotAllowed)
        );
        socket.set_broadcast(true);
        socket.try_send_to(b"x", Some(addr(to))).unwrap();
        a.net.run_for(ms(1));
        let seen = a.sent();
        assert_eq!((seen.len(), seen[0].to), (1, BROADCAST));
    }
    drop(socket);
    let bind = UdpBind::new(addr("0.0.0.0:7000")).reuse(true);
    let sockets = [a.host.udp_bind(bind), a.host.udp_bind(bind)];
    for to in [Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 0, 255)] {
        let datagram = udp((PEER4.into(), 1), (to.into(), 7000), b"all");
        assert!(
            a.ask(a.to(BROADCAST, &ip(PEER4.into(), to.into(), UDP, &datagram)))
                .is_empty()
        );
        for socket in &sockets {
            assert_eq!(received(socket), [b"all"]);
        }
    }
}

#[test]
fn shared_port_spreads_senders_and_keeps_each_with_one_socket() {
    let a = acquainted();
    let bind = UdpBind::new(addr("[::]:7000")).reuse(true);
    let sockets: Vec<_> = (0..4).map(|_| a.host.udp_bind(bind)).collect();
    let mut counts = [0; 4];
    for port in 1000..1100 {
        let takers: Vec<usize> = (0..3)
            .map(|_| {
                a.ask(a.datagram(0, (port, 7000), b"x"));
                let all: Vec<usize> = sockets
                    .iter()
                    .map(|socket| received(socket).len())
                    .collect();
                assert_eq!(all.iter().sum::<usize>(), 1);
                all.iter().position(|count| *count == 1).unwrap()
            })
            .collect();
        assert!(takers.iter().all(|taker| *taker == takers[0]));
        counts[takers[0]] += 1;
    }
    assert!(counts.iter().all(|count| *count >= 5), "{counts:?}");
}
