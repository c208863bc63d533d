//! A million damaged frames, and the smallest pool under load.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use zonda::iface::ReceiveDrop;
use zonda::link::{LinkState, Offload};
use zonda::netbuf::{Pool, Purpose};
#[cfg(feature = "tcp")]
use zonda::socket::{TcpListener, TcpSocket};
use zonda::socket::{UdpBind, UdpSocket};

use crate::alone::*;
use crate::frame::*;
use crate::multicast::talk::{FAMILIES, Family, Query, older_report};
use crate::network::*;

/// Frames of every kind that the stack knows, all of them right.
fn frames(a: &Alone) -> Vec<Vec<u8>> {
    let (me, host) = (a.peer.mac(), a.mac());
    let all_nodes: Ipv6Addr = "ff02::1".parse().unwrap();
    let group: IpAddr = "239.1.2.3".parse().unwrap();
    // One that begins a TCP header anew, in the middle of it.
    let hidden = Ip4 {
        fragment: 1,
        ..Ip4::new(PEER4, HOST4, 6)
    };
    let mut all = vec![
        a.to_host(&hidden.with(&[0; 32])),
        a.reply(),
        a.solicit(),
        a.advertise(SOLICITED | OVERRIDE),
        ethernet(BROADCAST, me, ARP, &a.request()),
        ethernet(
            host,
            me,
            ARP,
            &arp(1, (me, Ipv4Addr::UNSPECIFIED), ([0; 6], HOST4)),
        ),
        a.to_host(&advertisement(
            PEER6,
            all_nodes,
            ROUTER,
            PEER6,
            &link_option(2, me),
        )),
    ];
    for (version, (own, peer)) in PAIRS.into_iter().enumerate() {
        for (id, offset, more) in [(1, 0, true), (1, 8, true), (1, 40, false), (2, 16, false)] {
            let length = if more { 8 } else { 30 };
            all.push(crate::fragments::part(
                a,
                version,
                UDP,
                id,
                offset,
                more,
                &vec![0; length],
            ));
        }
        for size in [0, 1, 57, 300, 1400] {
            all.push(a.datagram(version, (9, 7000), &vec![size as u8; size]));
            all.push(a.to_host(&echo(peer, own, false, 3, 4, &vec![1; size])));
            all.push(a.to_host(&echo(peer, own, true, 3, 4, &vec![1; size])));
        }
        all.push(a.datagram(version, (9, 7001), b"connected"));
        all.push(a.datagram(version, (9, 65_000), b"closed"));
        all.push(a.to_host(&ip(peer, own, 6, &[0x50; 40])));
        let quote = ip(own, peer, UDP, &udp((own, 7001), (peer, 9), b"quoted"));
        for (kind, code) in [
            (3, 1),
            (3, 3),
            (3, 4),
            (11, 0),
            (12, 0),
            (5, 1),
            (1, 4),
            (2, 0),
            (4, 1),
        ] {
            let packet = match (peer, own) {
                (IpAddr::V6(from), IpAddr::V6(to)) => ip(
                    peer,
                    own,
                    ICMPV6,
                    &icmpv6((from, to), kind, code, [0, 0, 5, 0], &quote),
                ),
                _ => ip(peer, own, ICMP, &icmp(kind, code, [0, 0, 5, 0], &quote)),
            };
            all.push(a.to_host(&packet));
        }
    }
    let to_group = udp((PEER4.into(), 9), (group, 7002), b"all of you");
    all.push(a.to(group_mac(group), &ip(PEER4.into(), group, UDP, &to_group)));
    let blocked = IpAddr::from(BLOCKED);
    let to_group = udp((blocked, 9), (group, 7002), b"not from me");
    all.push(a.to(group_mac(group), &ip(blocked, group, UDP, &to_group)));
    all.extend(queries(a));
    let to_all = udp(
        (PEER4.into(), 9),
        (Ipv4Addr::BROADCAST.into(), 7000),
        b"everybody",
    );
    all.push(a.to(
        BROADCAST,
        &ip(PEER4.into(), Ipv4Addr::BROADCAST.into(), UDP, &to_all),
    ));
    // Options and extension headers.
    let message = icmp(8, 0, [0; 4], b"options");
    for options in [
        &[7, 7, 4, 0, 0, 0, 0, 0][..],
        &[68, 8, 5, 0, 0, 0, 0, 0],
        &[1; 40],
    ] {
        let header = Ip4 {
            options: options.to_vec(),
            ..Ip4::new(PEER4, HOST4, ICMP)
        };
        all.push(a.to_host(&header.with(&message)));
    }
    let message = icmpv6((PEER6, HOST6), 128, 0, [0; 4], b"extensions");
    for first in [0, 43, 44, 60] {
        let chain = [60, 0, 1, 4, 0, 0, 0, 0, 0x3a, 0, 0x1e, 4, 0, 0, 0, 0];
        all.push(a.to_host(&Ip6::new(PEER6, HOST6, first).with(&join(&[&chain, &message]))));
    }
    for fragment in [0x2000, 0x0010] {
        let header = Ip4 {
            fragment,
            ..Ip4::new(PEER4, HOST4, UDP)
        };
        all.push(a.to_host(&header.with(&[9; 64])));
    }
    // Router discovery.
    let options = join(&[&link_option(1, me), &[5, 1, 0, 0, 0, 0, 5, 0xdc]]);
    let prefix = join(&[
        &[3, 4, 64, 0xc0],
        &[0, 0, 14, 16, 0, 0, 7, 8, 0, 0, 0, 0],
        &PEER6.octets(),
    ]);
    let local: Ipv6Addr = "fe80::9".parse().unwrap();
    for (kind, data) in [
        (133, options.clone()),
        (134, join(&[&[0; 8], &options, &prefix])),
    ] {
        let message = icmpv6((local, all_nodes), kind, 0, [64, 0, 7, 8], &data);
        let header = Ip6 {
            hop_limit: 255,
            ..Ip6::new(local, all_nodes, ICMPV6)
        };
        all.push(a.to(group_mac(all_nodes.into()), &header.with(&message)));
    }
    // IEEE 802.3 with SNAP.
    let packet = ip(
        PEER4.into(),
        HOST4.into(),
        ICMP,
        &icmp(8, 0, [0; 4], b"snap"),
    );
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet]);
    all.push(ethernet(host, me, snap.len() as u16, &snap));
    all
}

/// A segment of the peer's, as a frame.
#[cfg(feature = "tcp")]
fn segment(a: &Alone, to: IpAddr, segment: &Tcp) -> Vec<u8> {
    a.to_host(&segment.packet(PEER4.into(), to))
}

/// TCP frames for ports that are open and closed, and for groups.
#[cfg(feature = "tcp")]
fn segments(a: &Alone, all: &mut Vec<Vec<u8>>) {
    let options = join(&[
        &[2, 4, 5, 180, 4, 2, 8, 10],
        &[0, 0, 3, 232, 0, 0, 0, 0],
        &[1, 3, 3, 2],
    ]);
    for (port, flags) in [
        (80, SYN),
        (80, ACK),
        (81, SYN),
        (81, SYN | ACK),
        (81, RST),
        (80, 0),
    ] {
        for options in [Vec::new(), options.clone()] {
            let syn = Tcp {
                source: 6000,
                destination: port,
                seq: 1000,
                ack: 2000,
                flags,
                window: 5000,
                options,
                ..Tcp::default()
            };
            for (host, peer) in PAIRS {
                all.push(a.to_host(&syn.packet(peer, host)));
            }
            all.push(segment(a, Ipv4Addr::new(10, 0, 0, 255).into(), &syn));
        }
    }
}

/// The peer opens a connection, and fills it with what leaves gaps; then whatever is like what it
/// has sent, damaged, is among what comes.
#[cfg(feature = "tcp")]
fn converse(a: &Alone, random: &mut Random, all: &mut Vec<Vec<u8>>, first: usize) {
    all.truncate(first);
    let mut next = Tcp {
        source: 7000 + random.below(50) as u16,
        destination: 80,
        seq: random.next() as u32,
        flags: SYN,
        window: 5000,
        options: join(&[&[2, 4, 5, 180], &[1, 1, 4, 2]]),
        ..Tcp::default()
    };
    a.sent();
    a.peer.send(segment(a, HOST4.into(), &next));
    a.net.run_for(ms(2));
    let mut answers = a.sent().into_iter().filter_map(|frame| frame.ip()?.tcp());
    let answer = answers.find(|answer| answer.ack == next.seq.wrapping_add(1));
    let Some(answer) = answer else { return };
    next = Tcp {
        seq: answer.ack,
        ack: answer.seq.wrapping_add(1),
        flags: ACK,
        options: Vec::new(),
        ..next
    };
    a.peer.send(segment(a, HOST4.into(), &next));
    a.net.run_for(ms(1));
    for n in 0..600u32 {
        let gap = Tcp {
            seq: next.seq.wrapping_add(2 + 2 * n),
            data: vec![n as u8],
            ..next.clone()
        };
        a.peer.send(segment(a, HOST4.into(), &gap));
        if n % 8 == 0 {
            a.net.run_for(us(100));
        }
        if n % 50 == 0 {
            all.push(segment(a, HOST4.into(), &gap));
        }
    }
    for (flags, length) in [
        (ACK, 0),
        (ACK | PSH, 300),
        (FIN | ACK, 3),
        (RST, 0),
        (SYN, 0),
    ] {
        let like = Tcp {
            flags,
            data: vec![9; length],
            ..next.clone()
        };
        all.push(segment(a, HOST4.into(), &like));
    }
}

/// A source of a group that the host does not want.
const BLOCKED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);

/// Queries for groups, and another host's reports, of all versions.
fn queries(a: &Alone) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for family in FAMILIES {
        let group = match family {
            Family::Igmp => Ipv4Addr::new(239, 1, 2, 3).into(),
            Family::Mld => solicited_node(HOST6).into(),
        };
        let general = Query::general(family, secs(1));
        let of_sources = general.clone().of(group).sources(family.sources([1, 2]));
        for query in [general, of_sources, Query::older(family, secs(1))] {
            all.push(query.frame(a));
        }
        all.push(older_report(a, family, group));
    }
    all
}

/// Damages a frame, or makes noise.
fn damage(random: &mut Random, all: &[Vec<u8>], host: Mac, frame: &mut Vec<u8>) {
    frame.clear();
    if random.below(8) == 0 {
        let most = [100, 100, 100, 1600][random.below(4)];
        let length = random.below(most);
        frame.resize(length, 0);
        random.fill(frame);
        if random.below(2) == 0 && length > 14 {
            frame[..6].copy_from_slice(&host);
            frame[12..14].copy_from_slice(&[IPV4, ARP, IPV6][random.below(3)].to_be_bytes());
        }
        return;
    }
    frame.extend_from_slice(&all[random.below(all.len())]);
    for _ in 0..random.below(4) {
        if frame.is_empty() {
            break;
        }
        // The headers are at the front, and so is most of what can go wrong.
        let at = match random.below(4) {
            0 => random.below(frame.len()),
            _ => random.below(frame.len().min(80)),
        };
        match random.below(8) {
            0..3 => frame[at] ^= 1 << random.below(8),
            3 => frame[at] = [0, 1, 4, 6, 0x7f, 0x80, 0xfe, 0xff][random.below(8)],
            4 => frame[at] = random.next() as u8,
            5 => frame.truncate(at),
            6 => frame.resize(frame.len() + random.below(64), 0xa5),
            _ => {
                let other = &all[random.below(all.len())];
                let from = at.min(other.len());
                frame.truncate(at);
                frame.extend_from_slice(&other[from..]);
            }
        }
    }
    // With sums put right, damage reaches what is behind them.
    if random.below(3) != 0 && frame.len() > 14 {
        hardware::fill(Offload::all(), &mut frame[14..]);
    }
    frame.truncate(1514);
}

fn deliver(host: Host, link: Link, frame: &[u8]) {
    let driver = host.driver(link);
    match host.pool().alloc_chain(Purpose::Receive, 2, frame.len()) {
        Ok(mut buf) => {
            buf.write(0, frame).unwrap();
            driver.deliver(buf).unwrap();
        }
        Err(_) => driver.count_receive_errors(1),
    }
}

/// Ping and UDP echo of both versions, after a rest in which whatever was asked for times out.
fn check_service(a: &Alone, server: &UdpSocket<'_>) {
    while server.try_recv().is_some() {}
    a.net.run_for(secs(30));
    while server.try_recv().is_some() {}
    a.serves();
    for version in [0, 1] {
        let data = b"datagram in the eye of the storm";
        a.peer.send(a.datagram(version, (9, 7000), data));
        a.net.run_for(ms(1));
        a.sent();
        let (buf, info) = server.try_recv().expect("a datagram");
        server.try_send(buf, Some(info.source)).unwrap();
        a.net.run_for(ms(1));
        let [answer] = &a.sent()[..] else {
            panic!("one answer");
        };
        assert_eq!(answer.ip().unwrap().udp().unwrap(), (7000, 9, &data[..]));
    }
    a.host.check_counters();
}

fn storm(count: usize, pool: Pool, seed: u64) {
    let missed = storm_beside(count, pool, seed, |_| ());
    // A storm finds every reason for which frames can be dropped, but for what a host with
    // interfaces and blocks has none for. What fits a TCP window is kept, but where many are open.
    let rare = [
        ReceiveDrop::InterfaceDown,
        ReceiveDrop::PoolHeld,
        ReceiveDrop::NoBuffer,
        ReceiveDrop::Lost,
        ReceiveDrop::Filter,
        ReceiveDrop::RawQuota,
        ReceiveDrop::TcpQuota,
        #[cfg(not(feature = "redirects"))]
        ReceiveDrop::Redirect,
    ];
    assert!(
        missed.iter().all(|reason| rare.contains(reason)),
        "not once: {missed:?}"
    );
}

/// The same beside sockets that nobody reads. Gives the reasons for which no frame was dropped.
fn storm_beside<S>(
    count: usize,
    pool: Pool,
    seed: u64,
    open: impl FnOnce(&Alone) -> S,
) -> Vec<ReceiveDrop> {
    let a = alone_with(Network::new(seed), |net| net.host_with("host", pool));
    let unread = open(&a);
    let far = a.net.peer("far");
    let bare = a.net.ip_link((a.host, far));
    a.host.add(bare, "10.0.9.1/24");
    let mut all = frames(&a);
    let id = a.host.interface(a.link);
    let server = a.host.udp_bind(UdpBind::new("[::]:7000".parse().unwrap()));
    let connected = a.host.udp("[::]:7001");
    let member = a.host.udp("[::]:7002");
    let group = "239.1.2.3".parse().unwrap();
    member.join(group, id).unwrap();
    member.block_source(group, BLOCKED.into(), id).unwrap();
    member.set_quota(u32::MAX, 1);
    let ping = a.host.ping();
    let mut random = a.net.random();
    let mut frame = Vec::new();
    #[cfg(feature = "tcp")]
    let listener = TcpListener::bind(a.stack(), "0.0.0.0:80".parse().unwrap(), 1).unwrap();
    #[cfg(feature = "tcp")]
    segments(&a, &mut all);
    #[cfg(feature = "tcp")]
    let first = all.len();
    // Lets go of all connections, and waits for the ends of what was begun.
    let calm = || {
        #[cfg(feature = "tcp")]
        {
            while let Some(socket) = listener.try_accept() {
                socket.abort();
            }
            a.net.run_for(secs(100));
            a.peer.take();
        }
    };
    let batch = zonda::config::PORT_RX_QUEUE;
    for round in 0..count / batch {
        for _ in 0..batch {
            damage(&mut random, &all, a.mac(), &mut frame);
            let bare_ip = random.below(16) == 0 && frame.len() > 14;
            let (link, frame) = if bare_ip {
                (bare, &frame[14..])
            } else {
                (a.link, &frame[..])
            };
            deliver(a.host, link, frame);
        }
        a.net.run_for(us(random.below(3000) as u64));
        if random.below(8) == 0 {
            // The application goes on meanwhile.
            let last = random.below(256) as u8;
            let to: IpAddr = match random.below(4) {
                0 => PEER4.into(),
                1 => PEER6.into(),
                2 => IpAddr::from([10, 0, 0, last]),
                _ => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
            };
            let _ = ping.try_send(to, 1, b"anybody?");
            let _ = ping.try_recv();
            let _ = connected.connect(SocketAddr::new(PAIRS[random.below(2)].1, 9));
            let _ = connected.try_send_to(&[7; 300], None);
            let _ = connected.try_send_to(&[7; 300], Some(SocketAddr::new(to, 9)));
            let _ = (connected.try_recv(), member.try_recv());
            while server.try_recv().is_some() {}
            #[cfg(feature = "tcp")]
            drop(TcpSocket::begin(a.stack(), SocketAddr::new(to, 9)));
        }
        #[cfg(feature = "tcp")]
        match round % 1000 {
            100 | 101 => converse(&a, &mut random, &mut all, first),
            900 => drop(listener.try_accept()),
            _ => {}
        }
        if round % 64 == 0 {
            a.peer.take();
            far.take();
        }
        if round % 20_000 == 10_000 {
            calm();
            check_service(&a, &server);
        }
    }
    while connected.try_recv().is_some() || member.try_recv().is_some() {}
    drop((connected, member, ping));
    calm();
    check_service(&a, &server);
    drop((server, unread));
    a.net.run_for(secs(60));
    // An advertisement may have said that neighbours are to be asked once in an hour: what waits for
    // them goes with the link.
    a.host.driver(a.link).set_link(LinkState::Down);
    a.net.run_for(ms(1));
    assert_eq!(a.host.pool().stats().blocks_used, 0);
    let counters = [a.link, bare].map(|link| a.host.counters(link));
    let total: u32 = counters.iter().map(|counters| counters.received).sum();
    assert!(
        total as usize > count * 9 / 10,
        "{total} of {count} reached the stack"
    );
    let of_none = |reason| counters.iter().all(|all| all.receive_drops(reason) == 0);
    let reasons = ReceiveDrop::ALL.iter().copied();
    reasons.filter(|reason| of_none(*reason)).collect()
}

#[test]
fn a_million_damaged_frames_leave_it_in_service() {
    storm(1_000_000, pool::<64, 512, 32, 64>(), 1);
}

#[cfg(all(feature = "packet-sockets", feature = "raw-sockets"))]
#[test]
fn a_storm_beside_packet_and_raw_sockets_that_nobody_reads() {
    use zonda::socket::{IpVersion, PacketProtocol, PacketSocket, RawSocket};

    storm_beside(100_000, pool::<32, 512, 16, 32>(), 8, |a| {
        let raw = [(IpVersion::V4, 1), (IpVersion::V6, 58), (IpVersion::V6, 17)];
        (
            PacketSocket::raw(a.stack(), PacketProtocol::All, None).unwrap(),
            PacketSocket::cooked(a.stack(), PacketProtocol::Type(IPV6), Some(0)).unwrap(),
            raw.map(|(version, number)| RawSocket::open(a.stack(), version, number).unwrap()),
        )
    });
}

#[test]
fn a_storm_on_large_blocks() {
    storm(50_000, pool::<32, 1536, 16, 32>(), 2);
}

#[test]
fn a_storm_on_the_smallest_blocks() {
    storm(50_000, pool::<512, 64, 16, 32>(), 3);
}

// ---- The smallest pool -------------------------------------------------------------------

/// 8 blocks of 128 bytes, 4 header blocks, 8 spare views.
fn smallest() -> Pool {
    pool::<8, 128, 4, 8>()
}

#[test]
fn smallest_pool_resolves_pings_and_echoes() {
    let a = alone_with(Network::new(1), |net| net.host_with("host", smallest()));
    let server = a.host.udp("[::]:7000");
    let ping = a.host.ping();
    check_service(&a, &server);
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        for size in 0..=400 {
            // The host may probe the peer meanwhile.
            a.ask(a.reply());
            a.ask(a.advertise(SOLICITED));
            let mut answers = a.ask(a.to_host(&echo(peer, host, false, 1, 1, &vec![3; size])));
            answers.retain(|seen| seen.ip().is_some_and(|ip| ip.discovery(135).is_none()));
            // Two blocks, with the Ethernet header and two bytes of alignment. What does not fit into
            // the three blocks that may be sent, or held, is not answered.
            let headers = [28, 48][version];
            if size + headers + 16 <= 2 * 128 {
                assert_eq!(answers.len(), 1, "{size} bytes to {host}");
            }
            a.peer.send(a.datagram(version, (9, 7000), &vec![4; size]));
            a.net.run_for(ms(1));
            let received = server.try_recv();
            if size + headers + 16 <= 2 * 128 {
                let (buf, info) = received.expect("a datagram");
                server.try_send(buf, Some(info.source)).unwrap();
                a.net.run_for(ms(1));
                let sent = a.sent();
                assert!(
                    sent.iter()
                        .any(|seen| seen.ip().is_some_and(|ip| ip.udp().is_some()))
                );
            }
        }
    }
    // As a client, between two such hosts.
    drop((ping, server));
    let net = Network::new(2);
    let (one, two) = (
        net.host_with("one", smallest()),
        net.host_with("two", smallest()),
    );
    let link = net.link([one, two]);
    one.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    two.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    let ping = one.ping();
    for to in ["10.0.0.2", "fd00::2"] {
        for size in 0..=200 {
            net.block_on(ping.ping(to.parse().unwrap(), 1, &vec![5; size], secs(5)))
                .unwrap_or_else(|error| panic!("{size} bytes to {to}: {error}"));
        }
    }
}

#[test]
fn smallest_pool_recovers_from_a_flood_of_pings() {
    let a = alone_with(Network::new(1), |net| net.host_with("host", smallest()));
    let server = a.host.udp("[::]:7000");
    a.introduce();
    // The driver is slow, so that answers stay.
    a.link.from(a.host).line_rate(1_000_000);
    for round in 0..2000 {
        let (host, peer) = PAIRS[round % 2];
        for size in [0, 56, 100, 400] {
            a.peer
                .send(a.to_host(&echo(peer, host, false, 1, 1, &vec![1; size])));
        }
        a.net.run_for(us(100));
    }
    check_service(&a, &server);
    assert_eq!(a.host.pool().stats().blocks_used, 0);
}

#[test]
fn smallest_pool_recovers_from_neighbors_that_do_not_answer() {
    let a = alone_with(Network::new(1), |net| net.host_with("host", smallest()));
    let (server, client) = (a.host.udp("[::]:7000"), a.host.udp("[::]:0"));
    for round in 0..200u16 {
        for last in 100..110 {
            let _ = client.try_send_to(&[1; 100], Some((Ipv4Addr::new(10, 0, 0, last), 9).into()));
            let six = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, last.into());
            let _ = client.try_send_to(&[1; 300], Some((six, 9).into()));
        }
        a.net.run_for(ms(50));
        if round % 20 == 0 {
            // While all that wait, others are served: ARP, ND, ping.
            a.sent();
            a.serves();
        }
    }
    check_service(&a, &server);
}

#[test]
fn smallest_pool_serves_beside_a_reader_that_never_reads() {
    let a = alone_with(Network::new(1), |net| net.host_with("host", smallest()));
    let (slow, server) = (a.host.udp("[::]:7001"), a.host.udp("[::]:7000"));
    for _ in 0..1000 {
        for (version, size) in [(0, 1), (1, 100), (0, 300)] {
            a.peer.send(a.datagram(version, (9, 7001), &vec![1; size]));
        }
        a.net.run_for(us(50));
    }
    assert!(slow.dropped() > 0);
    check_service(&a, &server);
    assert!(slow.try_recv().is_some());
}

/// A hub of hosts with the smallest pools, all of whom talk to all, over a bad link: nothing is
/// ever stuck.
#[test]
fn smallest_pools_on_a_bad_hub_recover() {
    let net = Network::new(3);
    let hosts: Vec<_> = (0..5)
        .map(|n| net.host_with(&format!("h{n}"), smallest()))
        .collect();
    let hub = net
        .link(&hosts[..])
        .loss(0.1)
        .duplication(0.05)
        .corruption(0.05)
        .jitter(ms(3));
    let mut tasks = Vec::new();
    for (n, host) in hosts.iter().enumerate() {
        host.add(hub, &format!("10.0.0.{}/24", n + 1))
            .add(hub, &format!("fd00::{}/64", n + 1));
        let server = host.udp("[::]:7");
        net.spawn(async move {
            loop {
                if let Ok((buf, info)) = server.recv().await {
                    let _ = server.try_send(buf, Some(info.source));
                }
            }
        });
    }
    for (n, host) in hosts.iter().enumerate() {
        let (client, stack) = (host.udp("[::]:0"), host.stack());
        tasks.push(net.spawn(async move {
            let mut answers = 0;
            for round in 0..500usize {
                let other = 1 + (n + 1 + round % 4) % 5;
                let to = match round % 2 {
                    0 => format!("10.0.0.{other}:7"),
                    _ => format!("[fd00::{other}]:7"),
                };
                let _ = client.try_send_to(&vec![9; round % 200], Some(to.parse().unwrap()));
                stack.sleep(ms(20)).await;
                while client.try_recv().is_some() {
                    answers += 1;
                }
            }
            answers
        }));
    }
    net.run_for(secs(20));
    for task in tasks {
        let answers = task.take().expect("an end");
        assert!(answers > 200, "{answers} of 500");
    }
    hub.perfect();
    net.run_for(secs(10));
    let ping = hosts[0].ping();
    for n in 2..=5 {
        for to in [format!("10.0.0.{n}"), format!("fd00::{n}")] {
            net.block_on(ping.ping(to.parse().unwrap(), 1, b"well?", secs(5)))
                .unwrap();
        }
    }
}
