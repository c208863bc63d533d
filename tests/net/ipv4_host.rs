//! What a host does about IPv4 headers, options and addresses (RFC 1122 §3.2, RFC 3021).

use std::net::{IpAddr, Ipv4Addr};

use zonda::iface::{AddressError, Ipv4Cidr, ReceiveDrop};
use zonda::ip::Unreachable;
use zonda::socket::SendError;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// An echo request with options, as a packet.
fn echo_with(options: &[u8]) -> Vec<u8> {
    let header = Ip4 {
        options: options.to_vec(),
        ..Ip4::new(PEER4, HOST4, ICMP)
    };
    header.with(&icmp(8, 0, [0, 1, 0, 1], b"ping"))
}

// ---- Options -----------------------------------------------------------------------------

#[test]
fn rfc_1122_3_2_2_5_malformed_option_is_reported_where_it_is() {
    let a = acquainted();
    // Of length 0 and 1, beyond the header, and after others.
    for (options, pointer) in [
        (&[222, 0, 0, 0][..], 21),
        (&[222, 1, 0, 0], 21),
        (&[222, 5, 0, 0], 21),
        (&[1, 1, 1, 222], 23),
        (&[1, 148, 4, 0, 0, 222, 9, 0], 26),
    ] {
        let packet = echo_with(options);
        let answers = a.ask(a.to_host(&packet));
        assert_eq!(answers.len(), 1, "{options:?}");
        let answer = answers[0].ip().unwrap();
        let (kind, code, word, quote) = answer.icmp().unwrap();
        assert_eq!((kind, code, word), (12, 0, [pointer, 0, 0, 0]));
        assert_eq!(quote, packet);
        let counters = a.host.counters(a.link);
        assert!(counters.receive_drops(ReceiveDrop::Ipv4Options) > 0);
        a.net.run_for(secs(1));
    }
}

#[test]
fn malformed_option_is_not_reported_to_many_nor_of_later_fragments() {
    let a = acquainted();
    let options = vec![222, 0, 0, 0];
    let to_all = Ip4 {
        options: options.clone(),
        ..Ip4::new(PEER4, Ipv4Addr::new(10, 0, 0, 255), UDP)
    };
    a.refuses(
        a.to(BROADCAST, &to_all.with(&[0; 8])),
        ReceiveDrop::Ipv4Options,
    );
    let fragment = Ip4 {
        options,
        fragment: 0x0002,
        ..Ip4::new(PEER4, HOST4, UDP)
    };
    a.refuses(a.to_host(&fragment.with(&[0; 8])), ReceiveDrop::Ipv4Options);
}

/// The options of the echo reply to a request with these.
#[cfg(feature = "ipv4-options")]
fn reflected(a: &Alone, options: &[u8]) -> Vec<u8> {
    let answers = a.ask(a.to_host(&echo_with(options)));
    assert_eq!(answers.len(), 1);
    let packet = &answers[0].body;
    let start = usize::from(packet[0] & 15) * 4;
    // The header's sum covers the options.
    let answer = answers[0].ip().unwrap();
    let (kind, _, word, data) = answer.icmp().unwrap();
    assert_eq!((kind, word, data), (0, [0, 1, 0, 1], &b"ping"[..]));
    assert_eq!(checksum(&[&packet[..start]]), 0);
    assert_eq!(answer.source, IpAddr::V4(HOST4));
    packet[20..start].to_vec()
}

#[cfg(feature = "ipv4-options")]
#[test]
fn rfc_1122_3_2_2_6_record_route_comes_back_with_this_host_in_it() {
    let a = acquainted();
    let request = [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        reflected(&a, &request),
        [7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0]
    );
    // Full, it comes back as it is, without truncation.
    let full = [7, 7, 8, 10, 9, 9, 9, 0];
    assert_eq!(reflected(&a, &full), full);
    // What else there is does not.
    let mixed = [148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0];
    assert_eq!(reflected(&a, &mixed), [7, 7, 8, 10, 0, 0, 1, 0]);
    assert!(reflected(&a, &[148, 4, 0, 0]).is_empty());
}

#[cfg(feature = "ipv4-options")]
#[test]
fn rfc_1122_3_2_2_6_timestamp_comes_back_with_the_time_of_this_host() {
    let a = acquainted();
    a.net.run_for(secs(5));
    let now = 0x8000_0000 | a.net.now().as_millis() as u32;
    let options = reflected(&a, &[68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(options[..8], [68, 12, 13, 1, 10, 0, 0, 1]);
    assert_eq!(u32::from_be_bytes(options[8..].try_into().unwrap()), now);
    // Where there is no space left that is counted.
    let full = reflected(&a, &[68, 4, 5, 0]);
    assert_eq!(full, [68, 4, 5, 0x10]);
    // What cannot be counted any more is an error of the sender (RFC 791 §3.1).
    let answers = a.ask(a.to_host(&echo_with(&[68, 4, 5, 0xf0])));
    let answer = answers[0].ip().unwrap();
    assert_eq!(answer.icmp().unwrap().0, 12);
}

// ---- ICMP --------------------------------------------------------------------------------

#[cfg(feature = "icmp-timestamp")]
#[test]
fn rfc_1122_3_2_2_8_request_for_the_time_is_answered() {
    let a = acquainted();
    a.net.run_for(secs(7));
    let request = icmp(13, 0, [0, 5, 0, 6], &[1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
    let frame = a.to_host(&ip(PEER4.into(), HOST4.into(), ICMP, &request));
    let now = (0x8000_0000 | a.net.now().as_millis() as u32).to_be_bytes();
    let answers = a.ask(frame);
    assert_eq!(answers.len(), 1);
    let answer = answers[0].ip().unwrap();
    assert_eq!(answer.source, IpAddr::V4(HOST4));
    let (kind, code, word, times) = answer.icmp().unwrap();
    assert_eq!((kind, code, word), (14, 0, [0, 5, 0, 6]));
    assert_eq!(times, [&[1, 2, 3, 4], &now[..], &now[..]].concat());
    assert_eq!(checksum(&[&answer.payload]), 0);
    // Not to many, and not one that is cut short.
    let to_all = ip(PEER4.into(), [10, 0, 0, 255].into(), ICMP, &request);
    a.refuses(a.to(BROADCAST, &to_all), ReceiveDrop::IcmpUnused);
    let cut = icmp(13, 0, [0; 4], &[0; 11]);
    let cut = a.to_host(&ip(PEER4.into(), HOST4.into(), ICMP, &cut));
    a.refuses(cut, ReceiveDrop::Icmp);
}

#[test]
fn rfc_1122_3_2_2_5_parameter_problem_reaches_the_socket() {
    let a = acquainted();
    let socket = a.host.udp("0.0.0.0:5000");
    socket.connect((PEER4, 9).into()).unwrap();
    socket.try_send_to(b"data", None).unwrap();
    a.net.run_for(ms(1));
    let sent = a.peer.next().unwrap();
    let error = icmp(12, 0, [1, 0, 0, 0], &sent[14..42]);
    let answers = a.ask(a.to_host(&ip(PEER4.into(), HOST4.into(), ICMP, &error)));
    assert!(answers.is_empty());
    assert_eq!(
        socket.try_send_to(b"data", None),
        Err(SendError::Unreachable(Unreachable::ParameterProblem))
    );
}

// ---- Addresses ---------------------------------------------------------------------------

#[test]
fn rfc_3021_2_1_link_of_two_has_no_broadcast_address() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]);
    a.add(link, "10.0.0.0/31");
    b.add(link, "10.0.0.1/31");
    // Both addresses are of hosts, the one with a host number of all ones too.
    let ping = a.ping();
    net.block_on(ping.ping([10, 0, 0, 1].into(), 1, b"x", secs(1)))
        .unwrap();
    let ping = b.ping();
    net.block_on(ping.ping([10, 0, 0, 0].into(), 1, b"x", secs(1)))
        .unwrap();
    // The limited broadcast reaches the other (§2.2.1).
    let server = b.udp("0.0.0.0:7");
    let client = a.udp("0.0.0.0:0");
    client.set_broadcast(true);
    client
        .try_send_to(b"x", Some("255.255.255.255:7".parse().unwrap()))
        .unwrap();
    net.run_for(ms(10));
    assert!(server.try_recv().is_some());
}

#[test]
fn address_of_a_single_host_reaches_others_by_routes_only() {
    let a = alone();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    stack.remove_address(id, HOST4.into());
    a.host.add(a.link, "10.0.0.1/32");
    let socket = a.host.udp("0.0.0.0:7");
    let to = Some((IpAddr::from(PEER4), 9).into());
    assert_eq!(socket.try_send_to(b"x", to), Err(SendError::NoRoute));
    // What comes to it is taken.
    assert!(a.ask(a.datagram(0, (9, 7), b"x")).is_empty());
    assert!(socket.try_recv().is_some());
}

#[test]
fn secondary_addresses_are_each_used_in_their_subnet() {
    let a = alone();
    a.host.add(a.link, "10.1.0.1/16");
    let socket = a.host.udp("0.0.0.0:7");
    for (to, own) in [("10.0.0.9", [10, 0, 0, 1]), ("10.1.2.9", [10, 1, 0, 1])] {
        let to: Ipv4Addr = to.parse().unwrap();
        socket.try_send_to(b"x", Some((to, 9).into())).unwrap();
        a.net.run_for(ms(1));
        let request = a.sent()[0].arp().unwrap();
        assert_eq!((request.sender.1, request.target.1), (own.into(), to));
    }
    // Gone, the other stays.
    let id = a.host.interface(a.link);
    assert!(a.stack().remove_address(id, [10, 1, 0, 1].into()));
    let to = Some("10.1.2.9:9".parse().unwrap());
    assert_eq!(socket.try_send_to(b"x", to), Err(SendError::NoRoute));
}

#[test]
fn prefix_of_an_address_can_change_and_its_place_stays() {
    let a = alone();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    a.host.add(a.link, "10.1.0.1/16");
    let socket = a.host.udp("0.0.0.0:7");
    let far = Some("10.0.9.9:9".parse().unwrap());
    assert_eq!(socket.try_send_to(b"x", far), Err(SendError::NoRoute));
    let cidr = Ipv4Cidr::new(HOST4, 16);
    stack.add_ipv4(id, cidr).unwrap();
    socket.try_send_to(b"x", far).unwrap();
    assert_eq!(stack.interface(id).unwrap().ipv4[0].cidr, cidr);
    // The broadcast address of the subnet goes with it.
    socket.set_broadcast(true);
    let to_all = Some("10.0.255.255:9".parse().unwrap());
    a.peer.take();
    socket.try_send_to(b"x", to_all).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent()[0].to, BROADCAST);
    let third = Ipv4Cidr::new([10, 2, 0, 1].into(), 16);
    assert_eq!(stack.add_ipv4(id, third), Err(AddressError::TableFull));
}

#[test]
fn address_that_is_of_no_single_host_is_refused() {
    let a = alone();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    for (address, length) in [
        ([0, 0, 0, 0], 0),
        ([224, 0, 0, 1], 24),
        ([255, 255, 255, 255], 32),
        ([10, 9, 0, 255], 24),
        ([10, 9, 0, 0], 24),
    ] {
        let cidr = Ipv4Cidr::new(address.into(), length);
        assert_eq!(stack.add_ipv4(id, cidr), Err(AddressError::Invalid));
    }
}

#[test]
fn rfc_922_broadcast_to_the_subnet_and_to_all_is_received_in_both_forms() {
    let a = acquainted();
    let socket = a.host.udp("0.0.0.0:7");
    for to in [[10, 0, 0, 255], [10, 0, 0, 0], [255, 255, 255, 255]] {
        let to = IpAddr::from(to);
        let packet = ip(
            PEER4.into(),
            to,
            UDP,
            &udp((PEER4.into(), 9), (to, 7), b"x"),
        );
        assert!(a.ask(a.to(BROADCAST, &packet)).is_empty());
        let (_, info) = socket.try_recv().unwrap();
        assert_eq!(info.destination, to);
    }
    // That of another subnet is not.
    let to = IpAddr::from([10, 0, 1, 255]);
    let packet = ip(
        PEER4.into(),
        to,
        UDP,
        &udp((PEER4.into(), 9), (to, 7), b"x"),
    );
    a.refuses(a.to(BROADCAST, &packet), ReceiveDrop::Ipv4Destination);
}

#[test]
fn directed_broadcast_can_be_left_out_and_the_limited_one_cannot() {
    let a = acquainted();
    let socket = a.host.udp("0.0.0.0:7");
    let id = a.host.interface(a.link);
    assert!(a.stack().receive_directed_broadcast(id, false));
    for (to, reason) in [
        ([10, 0, 0, 255], Some(ReceiveDrop::Ipv4Destination)),
        ([255, 255, 255, 255], None),
    ] {
        let to = IpAddr::from(to);
        let packet = ip(
            PEER4.into(),
            to,
            UDP,
            &udp((PEER4.into(), 9), (to, 7), b"x"),
        );
        let frame = a.to(BROADCAST, &packet);
        match reason {
            Some(reason) => a.refuses(frame, reason),
            None => assert!(a.ask(frame).is_empty()),
        }
        assert_eq!(socket.try_recv().is_some(), reason.is_none());
    }
    assert!(!a.stack().receive_directed_broadcast(9, false));
}
