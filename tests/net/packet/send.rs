//! Frames that packet sockets send.

use zonda::netbuf::Purpose;
use zonda::socket::{
    PacketAddress, PacketError, PacketKind, PacketMembership, PacketProtocol, PacketSendError,
    PacketSocket,
};
use zonda::wire::LinkAddr;

use super::*;
use crate::network::*;

#[test]
fn raw_socket_sends_a_frame_as_it_is() {
    let a = acquainted();
    let socket = a.raw(PacketProtocol::Nothing);
    // From whom it likes, and of any length that the link takes.
    for length in [0, 1, 46, 1500] {
        let frame = ethernet(a.peer.mac(), [2, 7, 7, 7, 7, 7], LOCAL, &vec![9; length]);
        socket
            .try_send_to(&frame, &PacketAddress::default())
            .unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.peer.take(), [frame]);
    }
}

#[test]
fn cooked_socket_has_the_header_written() {
    let a = acquainted();
    let socket = a.cooked(PacketProtocol::Type(LOCAL));
    socket
        .try_send_to(b"carry this", &to(a.peer.mac()))
        .unwrap();
    let other = PacketAddress {
        protocol: Some(0x88b6),
        ..to(BROADCAST)
    };
    socket.try_send_to(&[], &other).unwrap();
    a.net.run_for(ms(1));
    let expected = [
        ethernet(a.peer.mac(), a.mac(), LOCAL, b"carry this"),
        ethernet(BROADCAST, a.mac(), 0x88b6, b""),
    ];
    assert_eq!(a.peer.take(), expected);
}

#[test]
fn sender_does_not_see_its_own_frame_and_other_sockets_do() {
    let a = acquainted();
    let (sender, other) = (a.raw(PacketProtocol::All), a.cooked(PacketProtocol::All));
    let frame = a.local_frame(a.peer.mac(), b"look");
    sender
        .try_send_to(&frame, &PacketAddress::default())
        .unwrap();
    assert!(sender.try_recv().is_none());
    let seen = other.try_recv().unwrap();
    assert_eq!(
        (bytes(&seen), seen.1.kind),
        (b"look".to_vec(), PacketKind::Outgoing)
    );
    // It sees those of others again.
    other
        .try_send_to(
            b"back",
            &PacketAddress {
                protocol: Some(LOCAL),
                ..to(BROADCAST)
            },
        )
        .unwrap();
    assert!(sender.try_recv().is_some() && other.try_recv().is_none());
}

#[test]
fn frame_goes_out_in_the_blocks_that_it_was_given_in() {
    let a = acquainted();
    let (socket, sniffer) = (
        a.cooked(PacketProtocol::Type(LOCAL)),
        a.raw(PacketProtocol::All),
    );
    let mut buf = a.host.pool().alloc(Purpose::Send, 16).unwrap();
    buf.append(b"in place").unwrap();
    let place = buf.first().as_ptr();
    socket.try_send(buf, &to(a.peer.mac())).unwrap();
    let (seen, _) = sniffer.try_recv().unwrap();
    assert_eq!(seen.first()[14..].as_ptr(), place);
    drop(seen);
    a.net.run_for(ms(1));
    assert_eq!(a.sent()[0].body, b"in place");
    // What is not sent comes back as it was.
    a.link.down();
    a.net.run_for(ms(1));
    let mut buf = a.host.pool().alloc(Purpose::Send, 16).unwrap();
    buf.append(b"too late").unwrap();
    let (buf, error) = socket.try_send(buf, &to(a.peer.mac())).unwrap_err();
    assert_eq!(error, PacketSendError::QueueFull);
    assert!(buf.equals(b"too late"));
    // Nor does anybody see it.
    assert!(sniffer.try_recv().is_none());
}

#[test]
fn sending_waits_for_the_link_and_for_room() {
    let a = acquainted();
    a.link.down();
    a.net.run_for(ms(1));
    let socket = a.cooked(PacketProtocol::Type(LOCAL));
    let address = to(a.peer.mac());
    let task = a.net.spawn(async move {
        for number in 0..100u8 {
            socket.send_to(&[number], &address).await.unwrap();
        }
    });
    a.net.run_for(ms(50));
    assert!(!task.is_done());
    a.link.line_rate(1_000_000).up();
    a.net.run_for(secs(2));
    assert!(task.is_done());
    let sent = a.sent();
    let numbers = sent.iter().filter(|frame| frame.ethertype == LOCAL);
    assert!(numbers.map(|frame| frame.body[0]).eq(0..100));
}

#[test]
fn mistakes_are_told_and_nothing_is_sent() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    let unbound = PacketSocket::raw(a.stack(), PacketProtocol::All, None).unwrap();
    let raw = a.raw(PacketProtocol::All);
    let cooked = a.cooked(PacketProtocol::All);
    let nowhere = PacketAddress::default();
    let frame = a.local_frame(a.peer.mac(), b"?");
    let send = |socket: &PacketSocket<'_>, data: &[u8], to: &PacketAddress| {
        socket.try_send_to(data, to).unwrap_err()
    };
    assert_eq!(
        send(&unbound, &frame, &nowhere),
        PacketSendError::NoInterface
    );
    let wrong = PacketAddress {
        interface: Some(99),
        ..nowhere
    };
    assert_eq!(send(&raw, &frame, &wrong), PacketSendError::NoInterface);
    assert_eq!(
        send(&raw, &frame[..13], &nowhere),
        PacketSendError::TooShort
    );
    let most = PacketSendError::TooLong { most: 1514 };
    assert_eq!(send(&raw, &[0; 1515], &nowhere), most);
    assert_eq!(
        send(&cooked, b"?", &to(BROADCAST)),
        PacketSendError::NoProtocol
    );
    let unaddressed = PacketAddress {
        protocol: Some(LOCAL),
        ..nowhere
    };
    assert_eq!(
        send(&cooked, b"?", &unaddressed),
        PacketSendError::InvalidDestination
    );
    let addressed = PacketAddress {
        protocol: Some(LOCAL),
        ..to(BROADCAST)
    };
    let most = PacketSendError::TooLong { most: 1500 };
    assert_eq!(send(&cooked, &[0; 1501], &addressed), most);
    a.net.run_for(ms(1));
    assert!(a.sent().is_empty());
    // And so it is with what is asked of sockets.
    let open = PacketSocket::raw(a.stack(), PacketProtocol::All, Some(99));
    assert_eq!(open.err(), Some(PacketError::NoInterface));
    assert_eq!(
        raw.bind(PacketProtocol::All, Some(99)),
        Err(PacketError::NoInterface)
    );
    let promiscuous = PacketMembership::Promiscuous;
    assert_eq!(raw.join(99, promiscuous), Err(PacketError::NoInterface));
    let single = PacketMembership::Group(LinkAddr::ethernet([2; 6]));
    assert_eq!(raw.join(id, single), Err(PacketError::InvalidGroup));
}

#[test]
fn probe_for_an_address_is_answered_to_the_socket() {
    let a = neighborly();
    let socket = a.cooked(PacketProtocol::Type(ARP));
    socket.set_outgoing(false);
    let probe = arp(1, (a.mac(), HOST4), ([0; 6], PEER4));
    socket.try_send_to(&probe, &to(BROADCAST)).unwrap();
    a.net.run_for(ms(1));
    let answer = socket.try_recv().unwrap();
    assert_eq!(
        bytes(&answer),
        arp(2, (a.peer.mac(), PEER4), (a.mac(), HOST4))
    );
    assert_eq!(answer.1.source, LinkAddr::ethernet(a.peer.mac()));
}
