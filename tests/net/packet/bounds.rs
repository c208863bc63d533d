//! What packet sockets may hold, and what happens beyond that.

use zonda::config;
use zonda::netbuf::Limits;
use zonda::socket::{PacketError, PacketMembership, PacketProtocol, PacketSocket};
use zonda::wire::LinkAddr;

use super::*;
use crate::network::*;

#[test]
fn what_a_socket_does_not_read_is_dropped_and_counted() {
    let a = acquainted();
    let socket = a.raw(PacketProtocol::Type(LOCAL));
    let reader = a.raw(PacketProtocol::Type(LOCAL));
    socket.set_quota(u32::MAX, 3);
    for number in 0..10u8 {
        a.ask(a.local_frame(a.mac(), &[number]));
        assert!(reader.try_recv().is_some());
    }
    assert_eq!((socket.received(), socket.dropped()), (10, 7));
    assert_eq!((reader.received(), reader.dropped()), (10, 0));
    for number in 0..3 {
        assert_eq!(bytes(&socket.try_recv().unwrap())[14], number);
    }
    socket.set_quota(40, 100);
    a.ask(a.local_frame(a.mac(), &[0; 20]));
    a.ask(a.local_frame(a.mac(), &[0; 20]));
    assert_eq!(socket.dropped(), 8);
    a.serves();
}

#[test]
fn socket_that_nobody_reads_does_not_stop_the_stack() {
    let a = alone_with(Network::new(3), |net| {
        net.host_with("small", pool::<8, 1536, 8, 8>())
    });
    a.introduce();
    let sniffer = a.raw(PacketProtocol::All);
    for round in 0..50 {
        for (host, peer) in PAIRS {
            let data = vec![round; 900];
            let answers = a.ask(a.to_host(&echo(peer, host, false, 1, 1, &data)));
            assert_eq!(answers.len(), 1, "round {round}");
        }
    }
    assert!(sniffer.dropped() > 0);
    a.serves();
}

#[test]
fn sockets_that_nobody_reads_leave_room_for_those_whom_packets_are_for() {
    let a = acquainted();
    let sniffers = [(); 4].map(|()| a.raw(PacketProtocol::All));
    for socket in &sniffers {
        socket.set_quota(u32::MAX, u16::MAX);
    }
    let server = a.host.udp("0.0.0.0:7");
    let frame = a.datagram(0, (9, 7), b"for the server");
    for _ in 0..200 {
        a.ask(&frame);
        assert!(server.try_recv().is_some());
    }
    assert!(sniffers.iter().all(|socket| socket.dropped() > 100));
}

#[test]
fn where_no_views_are_spare_copies_are_dropped_and_counted() {
    let a = alone_with(Network::new(3), |net| {
        net.host_with("bare", pool::<8, 1536, 8, 1>())
    });
    a.introduce();
    let sockets = [(); 3].map(|()| a.raw(PacketProtocol::Type(LOCAL)));
    a.ask(a.local_frame(a.mac(), b"one for three"));
    assert_eq!(sockets.each_ref().map(PacketSocket::dropped), [0, 1, 1]);
    assert!(sockets[0].try_recv().is_some());
    a.serves();
}

#[test]
fn what_the_pool_does_not_let_be_held_is_dropped_and_counted() {
    let a = acquainted();
    let limits = a.host.pool().limits();
    a.host.pool().set_limits(Limits { held: 1, ..limits });
    let socket = a.raw(PacketProtocol::Type(LOCAL));
    socket.set_quota(u32::MAX, u16::MAX);
    for _ in 0..3 {
        a.ask(a.local_frame(a.mac(), b"hold this"));
    }
    assert_eq!((socket.received(), socket.dropped()), (3, 2));
}

#[test]
fn tables_are_full_when_they_are() {
    let a = acquainted();
    let open = || PacketSocket::raw(a.stack(), PacketProtocol::All, None);
    let mut sockets: Vec<_> = (0..config::PACKET_SOCKETS)
        .map(|_| open().unwrap())
        .collect();
    assert_eq!(open().err(), Some(PacketError::TableFull));
    sockets.pop();
    let last = open().unwrap();
    let group = |number| PacketMembership::Group(LinkAddr::ethernet([1, 0, 0, 0, 0, number]));
    for number in 0..config::PACKET_MEMBERSHIPS as u8 {
        last.join(0, group(number)).unwrap();
    }
    assert_eq!(last.join(0, group(99)), Err(PacketError::MembershipsFull));
    drop(last);
    sockets[0].join(0, group(99)).unwrap();
}

#[test]
fn closing_gives_back_what_waits() {
    let a = acquainted();
    let socket = a.raw(PacketProtocol::All);
    for _ in 0..5 {
        a.ask(a.local_frame(a.mac(), b"nobody reads this"));
    }
    assert!(a.host.pool().stats().held > 0);
    drop(socket);
    assert_eq!(a.host.pool().stats().blocks_used, 0);
}
