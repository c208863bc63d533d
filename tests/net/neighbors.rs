//! Neighbours: Neighbor Discovery (RFC 4861 §7), frame in, frame out; ARP stands beside it.

#[path = "neighbors/arp.rs"]
mod arp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::iface::neighbor::{Neighbor, NeighborState};
use zonda::iface::{ReceiveDrop, SendDrop};
use zonda::ip::Unreachable;
use zonda::socket::{SendError, UdpSocket};

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

const ZERO: Mac = [0; 6];

fn neighbor(a: &Alone, address: IpAddr) -> Option<Neighbor> {
    let address = address.try_into().unwrap();
    let mut neighbors = a.stack().neighbors(a.host.interface(a.link));
    neighbors.find(|neighbor| neighbor.address == address)
}

fn state(a: &Alone, address: IpAddr) -> Option<NeighborState> {
    Some(neighbor(a, address)?.state)
}

fn entries(a: &Alone) -> usize {
    a.stack().neighbors(a.host.interface(a.link)).count()
}

fn send(socket: &UdpSocket<'_>, to: IpAddr) -> Result<(), SendError> {
    socket.try_send_to(b"data", Some((to, 9).into()))
}

// ---- Neighbor Discovery ------------------------------------------------------------------

#[test]
fn nd_asks_before_sending_and_sends_what_waited() {
    let a = alone();
    let socket = a.host.udp("[::]:5000");
    send(&socket, PEER6.into()).unwrap();
    a.net.run_for(ms(1));
    let sent = a.sent();
    assert_eq!(sent.len(), 1);
    let group = solicited_node(PEER6);
    assert_eq!(sent[0].to, group_mac(group.into()));
    let packet = sent[0].ip().unwrap();
    assert_eq!(packet.destination, IpAddr::V6(group));
    assert_eq!(packet.source, IpAddr::V6(HOST6));
    let (_, target, options) = packet.discovery(135).unwrap();
    assert_eq!((target, options), (PEER6, &link_option(1, a.mac())[..]));
    let sent = a.ask(a.advertise(SOLICITED | OVERRIDE));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, a.peer.mac());
    assert_eq!(
        sent[0].ip().unwrap().udp().unwrap(),
        (5000, 9, &b"data"[..])
    );
    assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Reachable));
}

/// RFC 4861 §7.2.2: the neighbour will have to answer to it.
#[test]
fn nd_solicitation_comes_from_the_source_of_the_packet_that_waits() {
    let a = alone();
    a.host.add(a.link, "fd00::2/64").add(a.link, "fd00::3/64");
    a.net.run_for(ms(1));
    a.sent();
    for own in [2, 3, 1] {
        let own = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, own);
        let missing = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, own.segments()[7]);
        let socket = a.host.udp(&format!("[{own}]:0"));
        send(&socket, missing.into()).unwrap();
        a.net.run_for(ms(2500));
        let sent = a.sent();
        assert_eq!(sent.len(), 3);
        for seen in sent {
            let packet = seen.ip().unwrap();
            assert_eq!(packet.discovery(135).unwrap().1, missing);
            assert_eq!(packet.source, IpAddr::V6(own));
        }
    }
}

/// RFC 4861 §4.6.1 to §4.6.4.
#[test]
fn nd_options_in_messages_in_which_they_have_no_place_are_ignored() {
    let a = alone();
    let mac = a.peer.mac();
    // A prefix, an MTU, the target's link address.
    let mut prefix = vec![
        3, 4, 64, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    prefix.extend([0; 4]);
    prefix.extend("2001:db8::".parse::<Ipv6Addr>().unwrap().octets());
    let options = join(&[&prefix, &[5, 1, 0, 0, 0, 0, 5, 0], &link_option(2, mac)]);
    let packet = solicitation(PEER6, HOST6, HOST6, &options);
    assert_eq!(a.ask(a.to_host(&packet)).len(), 1);
    assert_eq!(entries(&a), 0);
    assert_eq!(a.stack().routes().count(), 0);
    let interface = a.stack().interface(a.host.interface(a.link)).unwrap();
    assert!(interface.ipv6.iter().all(|own| own.prefix_length == 64));
    assert_eq!(interface.ipv6.len(), 2);
    // The source's in an advertisement.
    let socket = a.host.udp("[::]:0");
    send(&socket, PEER6.into()).unwrap();
    a.net.run_for(ms(1));
    a.sent();
    let packet = advertisement(PEER6, HOST6, SOLICITED, PEER6, &link_option(1, mac));
    assert!(a.ask(a.to_host(&packet)).is_empty());
    assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Incomplete));
}

#[test]
fn nd_solicitation_is_answered_with_override_and_our_link_address() {
    let a = alone();
    let to_us = solicitation(PEER6, HOST6, HOST6, &link_option(1, a.peer.mac()));
    for frame in [a.solicit(), a.to_host(&to_us)] {
        let answers = a.ask(frame);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].to, a.peer.mac());
        let packet = answers[0].ip().unwrap();
        assert_eq!(
            (packet.source, packet.destination),
            (HOST6.into(), PEER6.into())
        );
        let (flags, target, options) = packet.discovery(136).unwrap();
        assert_eq!(flags, SOLICITED | OVERRIDE);
        assert_eq!((target, options), (HOST6, &link_option(2, a.mac())[..]));
    }
    assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Stale));
}

#[test]
fn nd_solicitation_for_another_address_gets_no_answer() {
    let a = alone();
    let other: Ipv6Addr = "fd00::2".parse().unwrap();
    let packet = solicitation(PEER6, HOST6, other, &link_option(1, a.peer.mac()));
    a.refuses(a.to_host(&packet), ReceiveDrop::NeighborDiscovery);
    assert_eq!(neighbor(&a, PEER6.into()), None);
}

#[test]
fn nd_probe_of_an_address_in_use_is_answered_to_all_nodes() {
    let a = alone();
    let group = solicited_node(HOST6);
    let probe = solicitation(Ipv6Addr::UNSPECIFIED, group, HOST6, &[]);
    let answers = a.ask(a.to(group_mac(group.into()), &probe));
    assert_eq!(answers.len(), 1);
    let packet = answers[0].ip().unwrap();
    let all_nodes: Ipv6Addr = "ff02::1".parse().unwrap();
    assert_eq!(packet.destination, IpAddr::V6(all_nodes));
    assert_eq!(answers[0].to, group_mac(all_nodes.into()));
    let (flags, target, options) = packet.discovery(136).unwrap();
    // "the Solicited flag MUST be set to zero" (RFC 4861 §7.2.4).
    assert_eq!((flags & SOLICITED, target), (0, HOST6));
    assert_eq!(options, link_option(2, a.mac()));
    assert_eq!(entries(&a), 0);
}

/// The checks of RFC 4861 §7.1.1.
#[test]
fn nd_solicitation_that_breaks_a_rule_is_dropped() {
    let a = alone();
    let option = link_option(1, a.peer.mac());
    let group = solicited_node(HOST6);
    let header = Ip6::new(PEER6, HOST6, ICMPV6);
    let data = join(&[&HOST6.octets(), &option]);
    let message = icmpv6((PEER6, HOST6), 135, 0, [0; 4], &data);
    // Hop limit other than 255: from beyond a router.
    a.refuses(
        a.to_host(
            &Ip6 {
                hop_limit: 254,
                ..header.clone()
            }
            .with(&message),
        ),
        ReceiveDrop::NeighborDiscovery,
    );
    let mut packets = vec![
        // From the unspecified address, with a source link-layer address.
        solicitation(Ipv6Addr::UNSPECIFIED, group, HOST6, &option),
        // From the unspecified address, not to a solicited-node group.
        solicitation(Ipv6Addr::UNSPECIFIED, HOST6, HOST6, &[]),
        // For a group.
        solicitation(PEER6, HOST6, "ff02::1".parse().unwrap(), &option),
        // With an option of length zero.
        solicitation(PEER6, HOST6, HOST6, &[1, 0, 0, 0, 0, 0, 0, 0]),
        // With half an option.
        solicitation(PEER6, HOST6, HOST6, &option[..5]),
    ];
    // A code other than 0; a message that is too short.
    let header = Ip6 {
        hop_limit: 255,
        ..header
    };
    packets.push(header.with(&icmpv6((PEER6, HOST6), 135, 1, [0; 4], &data)));
    packets.push(header.with(&icmpv6((PEER6, HOST6), 135, 0, [0; 4], &data[..12])));
    for packet in packets {
        a.refuses(a.to_host(&packet), ReceiveDrop::NeighborDiscovery);
    }
    // A wrong checksum.
    let mut packet = header.with(&message);
    *packet.last_mut().unwrap() ^= 1;
    a.refuses(a.to_host(&packet), ReceiveDrop::Icmp);
    assert_eq!(entries(&a), 0);
}

/// The checks of RFC 4861 §7.1.2.
#[test]
fn nd_advertisement_that_breaks_a_rule_teaches_nothing() {
    let a = alone();
    let socket = a.host.udp("[::]:0");
    send(&socket, PEER6.into()).unwrap();
    a.net.run_for(ms(1));
    let option = link_option(2, a.peer.mac());
    let data = join(&[&PEER6.octets(), &option]);
    let all_nodes: Ipv6Addr = "ff02::1".parse().unwrap();
    let header = |to| Ip6 {
        hop_limit: 255,
        ..Ip6::new(PEER6, to, ICMPV6)
    };
    let message = |code, data: &[u8]| icmpv6((PEER6, HOST6), 136, code, [SOLICITED, 0, 0, 0], data);
    let bad = [
        Ip6 {
            hop_limit: 64,
            ..header(HOST6)
        }
        .with(&message(0, &data)),
        header(HOST6).with(&message(3, &data)),
        header(HOST6).with(&message(0, &data[..12])),
        header(HOST6).with(&message(
            0,
            &join(&[&PEER6.octets(), &[2, 0, 0, 0, 0, 0, 0, 0]]),
        )),
        // Solicited, but to a group.
        advertisement(PEER6, all_nodes, SOLICITED, PEER6, &option),
        // About a group.
        advertisement(PEER6, HOST6, SOLICITED, all_nodes, &option),
    ];
    for packet in bad {
        a.refuses(a.to_host(&packet), ReceiveDrop::NeighborDiscovery);
        assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Incomplete));
    }
    // An INCOMPLETE entry needs a link address.
    assert!(
        a.ask(a.to_host(&advertisement(PEER6, HOST6, SOLICITED, PEER6, &[])))
            .is_empty()
    );
    assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Incomplete));
    assert_eq!(a.ask(a.advertise(SOLICITED)).len(), 1);
    assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Reachable));
}

#[test]
fn nd_unsolicited_advertisement_makes_no_entry() {
    let a = alone();
    for flags in [0, OVERRIDE, SOLICITED, SOLICITED | OVERRIDE] {
        assert!(a.ask(a.advertise(flags)).is_empty());
    }
    assert_eq!(neighbor(&a, PEER6.into()), None);
}

/// A fault of a relative: the entry went under the source of the packet, not under its target.
#[test]
fn nd_advertisement_is_about_its_target_and_not_its_source() {
    let a = alone();
    let socket = a.host.udp("[::]:0");
    let (first, second) = (PEER6, "fd00::a".parse::<Ipv6Addr>().unwrap());
    send(&socket, first.into()).unwrap();
    a.net.run_for(ms(1));
    a.sent();
    let option = link_option(2, a.peer.mac());
    let about_another = advertisement(first, HOST6, SOLICITED, second, &option);
    assert!(a.ask(a.to_host(&about_another)).is_empty());
    let from_another = advertisement(second, HOST6, SOLICITED, first, &option);
    assert_eq!(a.ask(a.to_host(&from_another)).len(), 1);
}

/// RFC 4861 §7.2.5 and appendix C.
#[test]
fn nd_advertisement_of_another_link_address_needs_override() {
    let a = alone();
    let socket = a.host.udp("[::]:0");
    send(&socket, PEER6.into()).unwrap();
    a.net.run_for(ms(1));
    a.ask(a.advertise(SOLICITED | OVERRIDE));
    let moved = [2, 0, 0, 0, 0x77, 1];
    let other = |flags| {
        a.to_host(&advertisement(
            PEER6,
            HOST6,
            flags,
            PEER6,
            &link_option(2, moved),
        ))
    };
    let link = || {
        neighbor(&a, PEER6.into())
            .unwrap()
            .link
            .unwrap()
            .as_ethernet()
            .unwrap()
    };
    a.ask(other(SOLICITED));
    assert_eq!(
        (link(), state(&a, PEER6.into())),
        (a.peer.mac(), Some(NeighborState::Stale))
    );
    a.ask(other(OVERRIDE));
    assert_eq!(
        (link(), state(&a, PEER6.into())),
        (moved, Some(NeighborState::Stale))
    );
    a.ask(other(SOLICITED | OVERRIDE));
    assert_eq!(
        (link(), state(&a, PEER6.into())),
        (moved, Some(NeighborState::Reachable))
    );
}

/// REACHABLE, STALE, DELAY, PROBE and gone (RFC 4861 §7.3.2), over both versions.
#[test]
fn neighbor_in_use_is_probed_and_given_up() {
    for (_, peer) in PAIRS {
        let a = alone();
        let any = if peer.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = a.host.udp(any);
        socket.connect((peer, 9).into()).unwrap();
        let is_solicitation = |seen: &Seen| {
            seen.arp().is_some() || seen.ip().is_some_and(|ip| ip.discovery(135).is_some())
        };
        socket.try_send_to(b"x", None).unwrap();
        a.net.run_for(ms(1));
        let answer = if peer.is_ipv4() {
            a.reply()
        } else {
            a.advertise(SOLICITED | OVERRIDE)
        };
        a.ask(answer);
        assert_eq!(state(&a, peer), Some(NeighborState::Reachable));
        // ReachableTime is between 15 and 45 seconds.
        a.net.run_for(secs(14));
        assert_eq!(state(&a, peer), Some(NeighborState::Reachable));
        a.net.run_for(secs(32));
        assert_eq!(state(&a, peer), Some(NeighborState::Stale));
        assert!(a.sent().is_empty(), "nobody asks for who is not needed");
        socket.try_send_to(b"x", None).unwrap();
        a.net.run_for(ms(4_900));
        assert_eq!(state(&a, peer), Some(NeighborState::Delay));
        assert_eq!(a.sent().len(), 1, "the datagram only");
        a.net.run_for(ms(200));
        assert_eq!(state(&a, peer), Some(NeighborState::Probe));
        a.net.run_for(secs(10));
        let probes: Vec<Seen> = a.sent().into_iter().filter(is_solicitation).collect();
        assert_eq!(probes.len(), 3, "MAX_UNICAST_SOLICIT");
        assert!(probes.iter().all(|probe| probe.to == a.peer.mac()));
        assert!(!matches!(
            state(&a, peer),
            Some(NeighborState::Reachable | NeighborState::Stale | NeighborState::Probe)
        ));
        // Whoever sends now asks all again.
        let _ = socket.try_send_to(b"x", None);
        let _ = socket.try_send_to(b"x", None);
        a.net.run_for(ms(1));
        let asked: Vec<Seen> = a.sent().into_iter().filter(is_solicitation).collect();
        assert_eq!(asked.len(), 1);
        assert_ne!(asked[0].to, a.peer.mac());
    }
}

#[test]
fn probed_neighbor_that_answers_stays() {
    let a = acquainted();
    let socket = a.host.udp("[::]:0");
    send(&socket, PEER6.into()).unwrap();
    send(&socket, PEER4.into()).unwrap();
    a.net.run_for(ms(5_100));
    assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Probe));
    assert_eq!(state(&a, PEER4.into()), Some(NeighborState::Probe));
    a.ask(a.advertise(SOLICITED));
    a.ask(a.reply());
    assert_eq!(state(&a, PEER6.into()), Some(NeighborState::Reachable));
    assert_eq!(state(&a, PEER4.into()), Some(NeighborState::Reachable));
}

/// "#1101": one missing neighbour silenced the whole interface for a second.
#[test]
fn defect_1101_a_missing_neighbor_does_not_delay_another() {
    let a = alone();
    let socket = a.host.udp("[::]:0");
    let missing = [IpAddr::from([10, 0, 0, 50]), "fd00::50".parse().unwrap()];
    for to in missing.into_iter().chain([PEER4.into(), PEER6.into()]) {
        send(&socket, to).unwrap();
    }
    a.net.run_for(ms(1));
    assert_eq!(a.sent().len(), 4);
    assert_eq!(a.ask(a.reply()).len(), 1);
    assert_eq!(a.ask(a.advertise(SOLICITED)).len(), 1);
}

#[test]
fn missing_neighbor_is_asked_for_once_a_second_and_the_connected_socket_told() {
    for (_, peer) in PAIRS {
        let a = alone();
        let socket = a.host.udp(if peer.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        });
        socket.connect((peer, 9).into()).unwrap();
        socket.try_send_to(b"lost", None).unwrap();
        let mut times = Vec::new();
        let start = a.net.now();
        let error = a.net.block_on(socket.recv()).unwrap_err();
        assert_eq!(error, Unreachable::Host);
        for (at, frame) in a.peer.take_timed() {
            let seen = read(&frame);
            assert!(seen.arp().is_some() || seen.ip().unwrap().discovery(135).is_some());
            times.push(at.since(start).as_millis());
        }
        assert_eq!(times, [0, 1000, 2000]);
        assert_eq!(a.net.now().since(start).as_millis(), 3000);
        let drops = a
            .host
            .counters(a.link)
            .send_drops(SendDrop::NeighborUnreachable);
        assert_eq!(drops, 1);
        // The error was told once; the socket can go on.
        socket.try_send_to(b"again", None).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent().len(), 1);
    }
}

/// However many packets there are for it, a neighbour is asked for once a second (RFC 1122
/// §2.3.2.1), also when others push it out of the cache.
#[test]
fn defect_047_thrashing_the_cache_does_not_defeat_the_rate_limit() {
    let a = alone();
    let socket = a.host.udp("0.0.0.0:0");
    let start = a.net.now();
    for round in 0..200u64 {
        for last in 100..140 {
            let _ = send(&socket, IpAddr::from([10, 0, 0, last]));
        }
        a.net.run_for(ms(10));
        let _ = round;
    }
    let seconds = a.net.now().since(start).as_secs() as usize;
    let mut asked = std::collections::BTreeMap::<Ipv4Addr, usize>::new();
    for seen in a.sent() {
        *asked.entry(seen.arp().unwrap().target.1).or_default() += 1;
    }
    for (address, times) in asked {
        assert!(
            times <= seconds + 2,
            "{address} was asked for {times} times"
        );
    }
}

#[test]
fn defect_048_one_queue_does_not_drop_another_neighbors_only_packet() {
    let a = alone();
    let socket = a.host.udp("0.0.0.0:0");
    send(&socket, PEER4.into()).unwrap();
    for _ in 0..20 {
        let _ = send(&socket, IpAddr::from([10, 0, 0, 50]));
    }
    a.net.run_for(ms(1));
    a.sent();
    assert_eq!(a.ask(a.reply()).len(), 1);
}

/// RFC 4861 §7.2.2: the newest of too many are kept.
#[test]
fn pending_packets_of_one_neighbor_are_bounded_and_the_newest_stay() {
    let a = alone();
    let socket = a.host.udp("0.0.0.0:0");
    let many = zonda::config::NEIGHBOR_PENDING as u8 + 4;
    for n in 0..many {
        socket.try_send_to(&[n], Some((PEER4, 9).into())).unwrap();
    }
    a.net.run_for(ms(1));
    a.sent();
    let sent: Vec<u8> = a
        .ask(a.reply())
        .iter()
        .map(|seen| seen.ip().unwrap().udp().unwrap().2[0])
        .collect();
    assert_eq!(sent, [4, 5, 6].map(|n| many - 7 + n));
    assert_eq!(
        a.host.counters(a.link).send_drops(SendDrop::NeighborQueue),
        4
    );
}

#[test]
fn pending_packets_of_all_neighbors_are_bounded() {
    let a = alone();
    let socket = a.host.udp("0.0.0.0:0");
    for last in 50..58 {
        for _ in 0..5 {
            let _ = send(&socket, IpAddr::from([10, 0, 0, last]));
        }
    }
    let id = a.host.interface(a.link);
    let pending: usize = (a.stack().neighbors(id))
        .map(|neighbor| neighbor.pending)
        .sum();
    assert!(
        pending <= zonda::config::NEIGHBOR_PENDING_TOTAL,
        "{pending}"
    );
    assert!(pending >= 8);
}

/// A pool of 8 blocks, all of whose packets want to wait: the answer still comes in.
#[test]
fn defects_004_007_pending_packets_leave_room_for_the_answer() {
    for version in [0, 1] {
        let a = alone_with(Network::new(1), |net| {
            net.host_with("host", pool::<8, 128, 4, 8>())
        });
        let socket = a.host.udp("[::]:0");
        let (_, peer) = PAIRS[version];
        let mut sent = 0;
        for _ in 0..50 {
            let to = Some((peer, 9).into());
            sent += usize::from(socket.try_send_to(&[7; 100], to).is_ok());
        }
        assert!(sent > 0);
        a.net.run_for(ms(1));
        a.sent();
        let answer = if version == 0 {
            a.reply()
        } else {
            a.advertise(SOLICITED)
        };
        assert!(!a.ask(answer).is_empty());
        socket
            .try_send_to(&[7; 100], Some((peer, 9).into()))
            .unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent().len(), 1);
    }
}

#[test]
fn defect_006_datagrams_sent_between_polls_wait_for_the_neighbor() {
    let a = alone();
    let socket = a.host.udp("0.0.0.0:0");
    // The virtual network does not poll the stack in between.
    for n in 0..3 {
        socket.try_send_to(&[n], Some((PEER4, 9).into())).unwrap();
    }
    a.net.run_for(ms(1));
    a.sent();
    assert_eq!(a.ask(a.reply()).len(), 3);
}

#[test]
fn entries_in_use_survive_a_flood_of_thousands_of_strangers() {
    let net = Network::new(5);
    let (host, peer, flood) = (net.host("host"), net.peer("peer"), net.peer("flood"));
    let link = net.link((host, peer, flood));
    host.add(link, "10.0.0.1/16").add(link, "fd00::1/64");
    let a = Alone {
        host,
        peer,
        link,
        net,
    };
    a.net.run_for(ms(1));
    let socket = a.host.udp("[::]:0");
    a.introduce();
    send(&socket, PEER4.into()).unwrap();
    send(&socket, PEER6.into()).unwrap();
    for round in 0..100u16 {
        for n in 0..50u16 {
            let n = round * 50 + n;
            let [high, low] = n.to_be_bytes();
            let mac = [2, 9, 9, 9, high, low];
            let stranger = Ipv4Addr::new(10, 0, 1 + (high & 0x7f), low);
            let request = arp(1, (mac, stranger), (ZERO, HOST4));
            flood.send(ethernet(BROADCAST, mac, ARP, &request));
            let stranger = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, n);
            let packet = solicitation(stranger, HOST6, HOST6, &link_option(1, mac));
            flood.send(ethernet(a.mac(), mac, IPV6, &packet));
        }
        a.net.run_for(ms(100));
        // The peer is used, and answers when it is probed.
        a.peer.take();
        send(&socket, PEER4.into()).unwrap();
        send(&socket, PEER6.into()).unwrap();
        a.net.run_for(ms(1));
        let mut datagrams = 0;
        for seen in a.sent() {
            if seen.to == a.peer.mac() && seen.ip().is_some_and(|ip| ip.udp().is_some()) {
                datagrams += 1;
            }
        }
        assert_eq!(datagrams, 2, "round {round}");
        a.ask(a.reply());
        a.ask(a.advertise(SOLICITED));
    }
}

#[test]
fn link_that_goes_down_forgets_neighbors_and_what_waits() {
    let a = acquainted();
    let socket = a.host.udp("0.0.0.0:0");
    send(&socket, IpAddr::from([10, 0, 0, 50])).unwrap();
    a.net.run_for(ms(1));
    a.link.down();
    a.net.run_for(ms(1));
    assert_eq!(entries(&a), 0);
    assert!(send(&socket, PEER4.into()).is_err());
    assert_eq!(a.host.pool().stats().blocks_used, 0);
    a.sent();
    a.link.up();
    a.net.run_for(ms(1));
    assert!(a.sent().is_empty());
    send(&socket, PEER4.into()).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent()[0].arp().unwrap().target.1, PEER4);
    assert_eq!(a.ask(a.reply()).len(), 1);
    a.serves();
}

#[test]
fn waiting_for_the_link_ends_when_it_is_up() {
    let a = alone();
    a.link.down();
    a.net.run_for(ms(1));
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    let task = a.net.spawn(stack.link_up(id));
    a.net.run_for(secs(1));
    assert!(!task.is_done());
    a.link.up();
    a.net.run_for(ms(1));
    assert!(task.is_done());
}
