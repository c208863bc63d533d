//! What packet sockets see of frames that come and go.

use zonda::iface::ReceiveDrop;
use zonda::link::{Capabilities, Port, ReceiveMode};
use zonda::netbuf::Pool;
use zonda::socket::{PacketAddress, PacketKind, PacketMembership, PacketProtocol, PacketSocket};
use zonda::wire::LinkAddr;

use super::*;
use crate::network::*;

#[test]
fn raw_socket_sees_the_whole_frame_and_a_cooked_one_what_it_carries() {
    let a = acquainted();
    let raw = a.raw(PacketProtocol::Type(LOCAL));
    let cooked = a.cooked(PacketProtocol::Type(LOCAL));
    let frame = a.local_frame(a.mac(), b"what is carried");
    assert!(a.ask(&frame).is_empty());
    for (socket, expected) in [(&raw, &frame[..]), (&cooked, &frame[14..])] {
        let received = socket.try_recv().unwrap();
        assert_eq!(bytes(&received), expected);
        let info = received.1;
        assert_eq!(info.interface, a.host.interface(a.link));
        assert_eq!((info.protocol, info.hardware), (LOCAL, 1));
        assert_eq!(info.kind, PacketKind::Host);
        assert_eq!(info.source, LinkAddr::ethernet(a.peer.mac()));
        assert_eq!(info.length, expected.len());
        assert!(socket.try_recv().is_none());
    }
}

#[test]
fn frame_that_only_a_packet_socket_wants_is_accepted() {
    let a = acquainted();
    let frame = a.local_frame(a.mac(), b"?");
    a.refuses(&frame, ReceiveDrop::LinkProtocol);
    let socket = a.raw(PacketProtocol::Type(LOCAL));
    let before = a.host.counters(a.link);
    a.ask(&frame);
    let after = a.host.counters(a.link);
    assert_eq!(after.accepted, before.accepted + 1);
    // One that has no room for it has not taken it.
    socket.set_quota(0, 0);
    a.refuses(&frame, ReceiveDrop::LinkProtocol);
    drop(socket);
    a.refuses(&frame, ReceiveDrop::LinkProtocol);
}

#[test]
fn socket_for_all_protocols_sees_what_comes_and_what_goes_in_order() {
    let a = acquainted();
    let (raw, cooked) = (a.raw(PacketProtocol::All), a.cooked(PacketProtocol::All));
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let request = a.to_host(&echo(peer, host, false, 7, 1, b"who goes there?"));
        let reply = &a.peer.exchange(&request)[0];
        for (kind, frame) in [(PacketKind::Host, &request), (PacketKind::Outgoing, reply)] {
            let received = raw.try_recv().unwrap();
            assert_eq!(&bytes(&received), frame);
            let info = received.1;
            assert_eq!((info.kind, info.protocol), (kind, [IPV4, IPV6][version]));
            assert_eq!(info.source.as_bytes(), &frame[6..12]);
            let received = cooked.try_recv().unwrap();
            assert_eq!(bytes(&received), frame[14..]);
            assert_eq!(received.1.kind, kind);
        }
    }
    assert!(raw.try_recv().is_none() && cooked.try_recv().is_none());
    // The stack's own questions, ARP's among them, are seen too.
    let socket = a.host.udp("0.0.0.0:0");
    let unknown = "10.0.0.77:7".parse().unwrap();
    socket.try_send_to(b"?", Some(unknown)).unwrap();
    assert_eq!(raw.try_recv().unwrap().1.protocol, ARP);
    raw.set_outgoing(false);
    socket
        .try_send_to(b"?", Some("10.0.0.78:7".parse().unwrap()))
        .unwrap();
    assert!(raw.try_recv().is_none());
    assert_eq!(cooked.try_recv().unwrap().1.protocol, ARP);
    assert_eq!(cooked.try_recv().unwrap().1.kind, PacketKind::Outgoing);
}

#[test]
fn kinds_of_destination_are_told_apart() {
    let a = acquainted();
    let socket = a.raw(PacketProtocol::Type(LOCAL));
    for (to, kind) in [
        (a.mac(), PacketKind::Host),
        (BROADCAST, PacketKind::Broadcast),
        ([1, 0x80, 0xc2, 0, 0, 0x0e], PacketKind::Multicast),
        ([2, 9, 9, 9, 9, 9], PacketKind::OtherHost),
    ] {
        a.ask(a.local_frame(to, b"to whom?"));
        assert_eq!(socket.try_recv().unwrap().1.kind, kind);
    }
}

#[test]
fn frames_for_others_reach_packet_sockets_and_nobody_else() {
    let a = acquainted();
    let (host, peer) = PAIRS[0];
    let other = a.to(
        [2, 9, 9, 9, 9, 9],
        &echo(peer, host, false, 1, 1, b"not you"),
    );
    a.refuses(&other, ReceiveDrop::OtherStation);
    let socket = a.raw(PacketProtocol::All);
    assert!(a.ask(&other).is_empty());
    assert_eq!(bytes(&socket.try_recv().unwrap()), other);
}

#[test]
fn socket_of_one_protocol_sees_no_other() {
    let a = acquainted();
    let arp = a.raw(PacketProtocol::Type(ARP));
    let nothing = a.raw(PacketProtocol::Nothing);
    let llc = a.raw(PacketProtocol::LLC);
    let (host, peer) = PAIRS[0];
    a.ask(a.to_host(&echo(peer, host, false, 1, 1, b"ping")));
    a.ask(a.local_frame(a.mac(), b"?"));
    assert!(arp.try_recv().is_none());
    a.introduce();
    let kinds = [arp.try_recv(), arp.try_recv()].map(|received| received.unwrap().1.kind);
    assert_eq!(kinds, [PacketKind::Broadcast, PacketKind::Outgoing]);
    // The spanning tree has a length where others have a type.
    let bridges = [1, 0x80, 0xc2, 0, 0, 0];
    a.ask(ethernet(
        bridges,
        a.peer.mac(),
        7,
        &[0x42, 0x42, 3, 0, 0, 0, 0],
    ));
    assert_eq!(llc.try_recv().unwrap().1.protocol, 4);
    assert!(llc.try_recv().is_none());
    assert!(nothing.try_recv().is_none());
    nothing.bind(PacketProtocol::Type(LOCAL), None).unwrap();
    llc.bind(PacketProtocol::Nothing, None).unwrap();
    a.ask(a.local_frame(a.mac(), b"!"));
    assert!(nothing.try_recv().is_some() && llc.try_recv().is_none());
}

#[test]
fn socket_of_one_interface_sees_no_other() {
    let net = Network::new(1);
    let host = net.host("host");
    let peers = [net.peer("one"), net.peer("two")];
    let links = peers.map(|peer| net.link((host, peer)));
    let open = |id| PacketSocket::raw(host.stack(), PacketProtocol::Type(LOCAL), id).unwrap();
    let (second, all) = (open(Some(1)), open(None));
    for (peer, link) in peers.iter().zip(links) {
        peer.send(ethernet(host.mac(link), peer.mac(), LOCAL, b"?"));
    }
    net.run_for(ms(1));
    assert_eq!(second.try_recv().unwrap().1.interface, 1);
    assert!(second.try_recv().is_none());
    let seen = [all.try_recv(), all.try_recv()].map(|received| received.unwrap().1.interface);
    assert_eq!(seen, [0, 1]);
}

#[test]
fn frame_that_does_not_fit_the_slice_is_cut_and_its_length_told() {
    let a = acquainted();
    let socket = a.cooked(PacketProtocol::Type(LOCAL));
    let data: Vec<u8> = (0..200).collect();
    a.ask(a.local_frame(a.mac(), &data));
    let mut to = [0; 32];
    let (copied, info) = socket.try_recv_from(&mut to).unwrap();
    assert_eq!((copied, info.length), (32, 200));
    assert_eq!(to[..], data[..32]);
    assert!(socket.try_recv().is_none());
}

#[test]
fn bare_packets_have_no_header_to_be_seen() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.ip_link([a, b]);
    a.add(link, "10.0.0.1/24");
    b.add(link, "10.0.0.2/24");
    let raw = PacketSocket::raw(b.stack(), PacketProtocol::All, None).unwrap();
    let cooked = PacketSocket::cooked(b.stack(), PacketProtocol::Type(IPV4), Some(0)).unwrap();
    let ping = a.ping();
    net.block_on(ping.ping("10.0.0.2".parse().unwrap(), 1, b"?", secs(1)))
        .unwrap();
    for kind in [PacketKind::Host, PacketKind::Outgoing] {
        let (raw, cooked) = (raw.try_recv().unwrap(), cooked.try_recv().unwrap());
        assert_eq!(bytes(&raw), bytes(&cooked));
        assert_eq!(raw.1, cooked.1);
        assert_eq!((raw.1.protocol, raw.1.hardware), (IPV4, 65534));
        assert_eq!((raw.1.kind, raw.1.source), (kind, LinkAddr::NONE));
        assert_eq!(bytes(&raw)[0], 0x45);
    }
    // What is sent is a packet as it is.
    let packet = ip([10, 0, 0, 2].into(), [10, 0, 0, 1].into(), 253, b"raw");
    let sniffer = PacketSocket::raw(a.stack(), PacketProtocol::All, None).unwrap();
    raw.try_send_to(
        &packet,
        &PacketAddress {
            interface: Some(0),
            ..Default::default()
        },
    )
    .unwrap();
    net.run_for(ms(1));
    assert_eq!(bytes(&sniffer.try_recv().unwrap()), packet);
}

#[cfg(feature = "loopback")]
#[test]
fn loopback_is_seen_on_its_way_out_and_on_its_way_in() {
    let a = acquainted();
    let port = Box::leak(Box::new(Port::new(Capabilities::ip(1500))));
    let id = a.stack().attach_loopback(port).unwrap();
    let (lo, ether) = (
        PacketSocket::raw(a.stack(), PacketProtocol::All, Some(id)).unwrap(),
        a.raw(PacketProtocol::All),
    );
    let (server, client) = (a.host.udp("127.0.0.1:7"), a.host.udp("0.0.0.0:0"));
    client
        .try_send_to(b"me", Some("127.0.0.1:7".parse().unwrap()))
        .unwrap();
    a.net.run_for(ms(1));
    assert!(server.try_recv().is_some());
    let (out, back) = (lo.try_recv().unwrap(), lo.try_recv().unwrap());
    assert_eq!(bytes(&out), bytes(&back));
    assert_eq!(
        (out.1.kind, back.1.kind),
        (PacketKind::Outgoing, PacketKind::Host)
    );
    assert_eq!((out.1.hardware, out.1.protocol), (772, IPV4));
    // What is given to the interface comes back by it.
    let (host, _) = PAIRS[0];
    let packet = ip(host, host, UDP, &udp((host, 9), (host, 7), b"hand-made"));
    let to = PacketAddress {
        interface: Some(id),
        ..Default::default()
    };
    lo.try_send_to(&packet, &to).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(lo.try_recv().unwrap().1.kind, PacketKind::Host);
    // Addresses of the Ethernet are reached without it, and without the Ethernet.
    client
        .try_send_to(b"me", Some("10.0.0.1:7".parse().unwrap()))
        .unwrap();
    a.net.run_for(ms(1));
    assert!(ether.try_recv().is_none());
}

#[test]
fn links_listen_to_what_sockets_join_until_the_last_leaves() {
    let a = acquainted();
    let (one, other) = (a.raw(PacketProtocol::All), a.raw(PacketProtocol::All));
    let id = a.host.interface(a.link);
    let driver = a.host.driver(a.link);
    let told = || {
        let mut told = None;
        driver.take_mode(|mode| told = Some(mode));
        told
    };
    assert_eq!(told(), None);
    one.join(id, PacketMembership::Promiscuous).unwrap();
    assert_eq!(told(), Some(ReceiveMode::PROMISCUOUS));
    other.join(id, PacketMembership::Promiscuous).unwrap();
    other.join(id, PacketMembership::Promiscuous).unwrap();
    other.join(id, PacketMembership::AllGroups).unwrap();
    assert_eq!(told(), Some(ReceiveMode::all()));
    assert_eq!(a.stack().receive_mode(id), Some(ReceiveMode::all()));
    // As often left as joined, and closing leaves all.
    other.leave(id, PacketMembership::Promiscuous).unwrap();
    drop(one);
    other.leave(id, PacketMembership::AllGroups).unwrap();
    assert_eq!(told(), Some(ReceiveMode::PROMISCUOUS));
    assert!(a.stack().set_receive_mode(id, ReceiveMode::ALL_GROUPS));
    other.leave(id, PacketMembership::Promiscuous).unwrap();
    assert_eq!(told(), Some(ReceiveMode::ALL_GROUPS));
    assert_eq!(
        other.leave(id, PacketMembership::Promiscuous),
        Err(zonda::socket::PacketError::NotMember)
    );
    other.join(id, PacketMembership::Promiscuous).unwrap();
    drop(other);
    assert_eq!(told(), Some(ReceiveMode::ALL_GROUPS));
    assert!(a.stack().set_receive_mode(id, ReceiveMode::empty()));
    assert_eq!(told(), Some(ReceiveMode::empty()));
    assert!(!a.stack().set_receive_mode(99, ReceiveMode::empty()));
    assert_eq!(
        a.stack().interface(id).unwrap().receive_mode,
        ReceiveMode::empty()
    );
}

#[cfg(feature = "multicast")]
#[test]
fn groups_of_the_link_that_sockets_join_reach_the_driver() {
    let a = acquainted();
    let (id, driver) = (a.host.interface(a.link), a.host.driver(a.link));
    let lldp = LinkAddr::ethernet([1, 0x80, 0xc2, 0, 0, 0x0e]);
    let socket = a.raw(PacketProtocol::Type(0x88cc));
    let listens = || {
        let mut groups = Vec::new();
        driver.take_filter(|all| groups = all.to_vec());
        groups.contains(&lldp)
    };
    socket.join(id, PacketMembership::Group(lldp)).unwrap();
    assert!(listens());
    // Groups of the stack come and go without it.
    let group = [224, 0, 0, 77].into();
    a.stack().join_group(id, group).unwrap();
    assert!(listens());
    socket.leave(id, PacketMembership::Group(lldp)).unwrap();
    assert!(!listens());
    a.stack().leave_group(id, group).unwrap();
}

#[test]
fn damaged_link_headers_are_dropped_as_ever() {
    let a = acquainted();
    let socket = a.raw(PacketProtocol::All);
    socket.set_outgoing(false);
    for length in 0..14 {
        a.refuses(&[2; 14][..length], ReceiveDrop::LinkHeader);
    }
    assert!(socket.try_recv().is_none());
}

#[test]
fn task_that_waits_for_a_frame_is_woken() {
    let a = acquainted();
    let socket = a.raw(PacketProtocol::Type(LOCAL));
    let task = a.net.spawn(async move {
        let mut first = [0; 64];
        let (length, _) = socket.recv_from(&mut first).await;
        let second = socket.recv().await;
        (first[..length].to_vec(), bytes(&second))
    });
    a.net.run_for(ms(5));
    assert!(!task.is_done());
    let frames = [b"one", b"two"].map(|data| a.local_frame(a.mac(), data));
    frames.iter().for_each(|frame| {
        a.ask(frame);
    });
    assert_eq!(task.take(), Some(frames.into()));
}

/// Data blocks of a pool that are in use.
fn used(pool: Pool) -> u16 {
    pool.stats().blocks_used
}

#[test]
fn copies_of_a_frame_share_its_blocks_and_its_bytes_never_change() {
    let a = acquainted();
    let sockets = [(); 3].map(|()| a.raw(PacketProtocol::All));
    let (host, peer) = PAIRS[0];
    let data = vec![0x5a; 300];
    let request = a.to_host(&echo(peer, host, false, 1, 1, &data));
    // The answer goes out in the block of the request, with other headers in front.
    assert_eq!(a.peer.exchange(&request).len(), 1);
    assert_eq!(
        used(a.host.pool()),
        1,
        "three sockets have two frames each, in one block"
    );
    for socket in &sockets {
        assert_eq!(bytes(&socket.try_recv().unwrap()), request);
    }
    drop(sockets);
    assert_eq!(used(a.host.pool()), 0);
}
