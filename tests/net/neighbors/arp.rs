//! ARP (RFC 826, RFC 1122 §2.3.2), frame in, frame out.

use super::*;

#[test]
fn arp_asks_before_sending_and_sends_what_waited() {
    let a = alone();
    let socket = a.host.udp("0.0.0.0:5000");
    send(&socket, PEER4.into()).unwrap();
    a.net.run_for(ms(1));
    let sent = a.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].to, sent[0].from), (BROADCAST, a.mac()));
    let request = sent[0].arp().unwrap();
    assert_eq!(request.operation, 1);
    assert_eq!(request.sender, (a.mac(), HOST4));
    assert_eq!(request.target.1, PEER4);
    let sent = a.ask(a.reply());
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, a.peer.mac());
    assert_eq!(
        sent[0].ip().unwrap().udp().unwrap(),
        (5000, 9, &b"data"[..])
    );
    assert_eq!(state(&a, PEER4.into()), Some(NeighborState::Reachable));
    // Known now: the next one goes at once.
    send(&socket, PEER4.into()).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent().len(), 1);
}

#[test]
fn arp_request_is_answered_whether_broadcast_or_unicast() {
    let a = alone();
    for to in [BROADCAST, a.mac()] {
        let answers = a.ask(ethernet(to, a.peer.mac(), ARP, &a.request()));
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].to, answers[0].from), (a.peer.mac(), a.mac()));
        let reply = answers[0].arp().unwrap();
        assert_eq!(reply.operation, 2);
        assert_eq!(reply.sender, (a.mac(), HOST4));
        assert_eq!(reply.target, (a.peer.mac(), PEER4));
    }
}

#[test]
fn rfc_1122_2_3_2_1_timeout_of_arp_entries_is_configurable() {
    let a = alone();
    let id = a.host.interface(a.link);
    assert!(a.stack().set_arp_timeout(id, secs(1_000)));
    let socket = a.host.udp("0.0.0.0:5000");
    send(&socket, PEER4.into()).unwrap();
    a.ask(a.reply());
    a.net.run_for(secs(400));
    assert_eq!(state(&a, PEER4.into()), Some(NeighborState::Reachable));
    a.net.run_for(secs(1_200));
    assert_eq!(state(&a, PEER4.into()), Some(NeighborState::Stale));
    assert!(!a.stack().set_arp_timeout(9, secs(1)));
}

#[test]
fn arp_request_for_another_address_is_ignored_and_makes_no_entry() {
    let a = alone();
    let other = arp(1, (a.peer.mac(), PEER4), (ZERO, Ipv4Addr::new(10, 0, 0, 2)));
    assert!(
        a.ask(ethernet(BROADCAST, a.peer.mac(), ARP, &other))
            .is_empty()
    );
    assert_eq!(neighbor(&a, PEER4.into()), None);
}

#[test]
fn arp_reply_is_not_answered_and_unsolicited_makes_no_entry() {
    let a = alone();
    assert!(a.ask(a.reply()).is_empty());
    let gratuitous = arp(2, (a.peer.mac(), PEER4), (a.peer.mac(), PEER4));
    assert!(
        a.ask(ethernet(BROADCAST, a.peer.mac(), ARP, &gratuitous))
            .is_empty()
    );
    let gratuitous = arp(1, (a.peer.mac(), PEER4), (ZERO, PEER4));
    assert!(
        a.ask(ethernet(BROADCAST, a.peer.mac(), ARP, &gratuitous))
            .is_empty()
    );
    assert_eq!(neighbor(&a, PEER4.into()), None);
}

#[test]
fn arp_gratuitous_changes_an_entry_that_is_there() {
    let a = acquainted();
    let moved = [2, 0, 0, 0, 0x77, 1];
    let gratuitous = arp(1, (moved, PEER4), (ZERO, PEER4));
    a.ask(ethernet(BROADCAST, moved, ARP, &gratuitous));
    let entry = neighbor(&a, PEER4.into()).unwrap();
    assert_eq!(entry.link.unwrap().as_ethernet(), Some(moved));
    assert_eq!(entry.state, NeighborState::Stale);
}

/// A probe of a host that has no address yet, of RFC 5227 §1.1.
#[test]
fn defect_068_arp_probe_from_the_unspecified_address_is_answered() {
    let a = alone();
    let probe = arp(1, (a.peer.mac(), Ipv4Addr::UNSPECIFIED), (ZERO, HOST4));
    let answers = a.ask(ethernet(BROADCAST, a.peer.mac(), ARP, &probe));
    assert_eq!(answers.len(), 1);
    let reply = answers[0].arp().unwrap();
    assert_eq!((reply.operation, reply.sender), (2, (a.mac(), HOST4)));
    assert_eq!(entries(&a), 0);
}

#[test]
fn defect_073_arp_from_outside_our_prefixes_makes_no_entry() {
    let a = alone();
    let stranger = Ipv4Addr::new(192, 0, 2, 1);
    let request = arp(1, (a.peer.mac(), stranger), (ZERO, HOST4));
    a.ask(ethernet(BROADCAST, a.peer.mac(), ARP, &request));
    assert_eq!(entries(&a), 0);
}

#[test]
fn defect_046_arp_of_another_hardware_or_protocol_is_refused() {
    let a = alone();
    for (at, octet) in [
        (1, 6),
        (0, 1),
        (2, 0x86),
        (3, 1),
        (4, 8),
        (5, 16),
        (4, 0),
        (7, 3),
    ] {
        let mut request = a.request();
        request[at] = octet;
        a.refuses(
            ethernet(BROADCAST, a.peer.mac(), ARP, &request),
            ReceiveDrop::Arp,
        );
    }
    for length in 0..28 {
        let request = &a.request()[..length];
        a.refuses(
            ethernet(BROADCAST, a.peer.mac(), ARP, request),
            ReceiveDrop::Arp,
        );
    }
    assert_eq!(entries(&a), 0);
}

#[test]
fn arp_that_speaks_for_us_or_for_a_group_is_refused() {
    let a = acquainted();
    let me = a.peer.mac();
    for sender in [
        (me, HOST4),
        (BROADCAST, PEER4),
        ([1, 0, 0x5e, 0, 0, 1], PEER4),
        (a.mac(), PEER4),
        (me, Ipv4Addr::new(224, 0, 0, 1)),
        (me, Ipv4Addr::new(10, 0, 0, 255)),
        (me, Ipv4Addr::BROADCAST),
    ] {
        for operation in [1, 2] {
            let packet = arp(operation, sender, (ZERO, HOST4));
            a.refuses(ethernet(a.mac(), me, ARP, &packet), ReceiveDrop::Arp);
        }
    }
    assert_eq!(
        neighbor(&a, PEER4.into())
            .unwrap()
            .link
            .unwrap()
            .as_ethernet(),
        Some(me)
    );
}

#[test]
fn frame_for_another_station_teaches_nothing() {
    let a = alone();
    let other = [2, 0, 0, 0, 0x55, 5];
    a.refuses(
        ethernet(other, a.peer.mac(), ARP, &a.request()),
        ReceiveDrop::OtherStation,
    );
    assert_eq!(entries(&a), 0);
}
