//! A host with all that configures itself, among messages that are well-formed and say anything.

use zonda::iface::ConflictDetection;

use super::*;

/// Group queries of all versions.
fn igmp_query(random: &mut Random, code: u8, group: Ipv4Addr) -> Vec<u8> {
    let mut message = join(&[&[0x11, code, 0, 0], &group.octets()]);
    if random.below(3) > 0 {
        message.extend([
            random.below(8) as u8,
            random.below(256) as u8,
            0,
            1,
            10,
            0,
            0,
            9,
        ]);
    }
    let sum = checksum(&[&message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = Ip4 {
        ttl: 1,
        options: vec![148, 4, 0, 0],
        ..Ip4::new(PEER4, "224.0.0.1".parse().unwrap(), 2)
    };
    header.with(&message)
}

fn mld_query(random: &mut Random, code: u8, group: Ipv6Addr) -> Vec<u8> {
    let to: Ipv6Addr = "ff02::1".parse().unwrap();
    let mut data = group.octets().to_vec();
    if random.below(3) > 0 {
        data.extend([random.below(8) as u8, random.below(256) as u8, 0, 1]);
        data.extend(PEER6.octets());
    }
    let kind = [130, 130, 131, 132][random.below(4)];
    let message = icmpv6((ROUTERS[0], to), kind, 0, [code, code, 0, 0], &data);
    let header = Ip6 {
        hop_limit: 1,
        ..Ip6::new(ROUTERS[0], to, HOP_BY_HOP)
    };
    header.with(&join(&[&[ICMPV6, 0, 5, 2, 0, 0, 1, 0], &message]))
}

fn any_advertisement(random: &mut Random) -> Vec<u8> {
    let times = [0, 1, 6, 7300, u32::MAX];
    let mut any = ra().lifetime([0, 1, 9000][random.below(3)]);
    any.flags = random.below(256) as u8;
    any.hop_limit = random.below(256) as u8;
    any.reachable = times[random.below(5)];
    any.retrans = times[random.below(5)];
    for _ in 0..random.below(8) {
        let prefix = format!("fd0{}::", random.below(4));
        let [valid, preferred] = [(); 2].map(|()| times[random.below(5)]);
        let flags = random.below(256) as u8;
        any = any.with(match random.below(6) {
            0 => mtu_option([1279, 1280, 1400, 9000][random.below(4)]),
            1 => route_option(&prefix, [0, 16, 64][random.below(3)], flags & 0x18, valid),
            2 => rdnss_option(valid, &["fd00::53", "fe80::53"]),
            3 => dnssl_option(valid, &["a.example", "b.example"]),
            4 => link_option(1, stranger_mac(random.below(4) as u16)),
            _ => prefix_option(&prefix, 64, flags, valid, preferred),
        });
    }
    any.packet(ROUTERS[random.below(2)])
}

#[test]
fn storm_of_well_formed_messages_leaves_a_host_at_rest() {
    for seed in 1..5 {
        let net = Network::new(seed);
        let (host, peer) = (net.host("host"), net.peer("peer"));
        let link = net.link((host, peer)).delay(us(10));
        let (stack, id) = (host.stack(), host.interface(link));
        let a = Alone {
            host,
            peer,
            link,
            net,
        };
        peer.answer_for(PEER4, PEER6);
        stack.set_conflict_detection(id, ConflictDetection::DefendOnce);
        stack.set_dad_transmits(id, 1);
        stack.set_temporary_addresses(id, true);
        stack.set_optimistic(id, seed % 2 == 0);
        stack.start_ipv4_link_local(id).unwrap();
        host.discover(link);
        let socket = host.udp("[::]:5000");
        let mut random = a.net.random();
        for _ in 0..3000 {
            let interface = stack.interface(id).unwrap();
            let own6: Vec<Ipv6Addr> = interface.ipv6.iter().map(|own| own.address).collect();
            let own4: Vec<Ipv4Addr> = interface.ipv4.iter().map(|own| own.cidr.address).collect();
            let number = random.below(40) as u16;
            let any6 = match own6.get(random.below(8)) {
                Some(own) => *own,
                None => stranger6(number),
            };
            let any4 = match own4.get(random.below(3)) {
                Some(own) => *own,
                None => Ipv4Addr::new(169, 254, 1, number as u8),
            };
            let mac = stranger_mac(number);
            let code = random.below(256) as u8;
            let packet = match random.below(14) {
                0..3 => any_advertisement(&mut random),
                3 => {
                    let group = solicited_node(any6);
                    solicitation(Ipv6Addr::UNSPECIFIED, group, any6, &[])
                }
                4 => solicitation(stranger6(number), any6, any6, &link_option(1, mac)),
                5 => {
                    let flags = random.below(256) as u8 & 0xa0;
                    let to = "ff02::1".parse().unwrap();
                    let target = [any6, ROUTERS[0]][random.below(2)];
                    advertisement(target, to, flags, target, &link_option(2, mac))
                }
                6 => {
                    let data = join(&[&ROUTERS[1].octets(), &any6.octets()]);
                    let message = icmpv6((ROUTERS[0], any6), 137, 0, [0; 4], &data);
                    discovery(ROUTERS[0], any6, &message)
                }
                7 => igmp_query(&mut random, code, Ipv4Addr::UNSPECIFIED),
                8 => igmp_query(&mut random, code, "239.1.1.1".parse().unwrap()),
                9 => mld_query(&mut random, code, Ipv6Addr::UNSPECIFIED),
                10 => mld_query(&mut random, code, "ff0e::77".parse().unwrap()),
                11 => {
                    let operation = 1 + random.below(2) as u16;
                    let sender = [any4, Ipv4Addr::UNSPECIFIED][random.below(2)];
                    let packet = arp(operation, (mac, sender), ([0; 6], any4));
                    a.peer.send(ethernet(BROADCAST, mac, ARP, &packet));
                    Vec::new()
                }
                12 => {
                    let group: IpAddr = ["239.1.1.1", "ff0e::77"][random.below(2)].parse().unwrap();
                    // It may be joined already, or not.
                    let _ = match random.below(2) {
                        0 => socket.join(group, id),
                        _ => socket.leave(group, id),
                    };
                    let _ = socket.try_send_to(b"data", Some((IpAddr::V6(any6), 9).into()));
                    Vec::new()
                }
                _ => {
                    if random.below(20) == 0 {
                        a.link.down();
                        a.net.run_for(ms(random.below(50) as u64));
                        a.link.up();
                    }
                    let span = [ms(1), ms(500), secs(3), secs(70), secs(4000)];
                    a.net.run_for(span[random.below(5)]);
                    Vec::new()
                }
            };
            if !packet.is_empty() {
                let to = match packet[0] >> 4 {
                    4 => group_mac("224.0.0.1".parse().unwrap()),
                    _ => {
                        let to: [u8; 16] = packet[24..40].try_into().unwrap();
                        match Ipv6Addr::from(to).is_multicast() {
                            true => group_mac(Ipv6Addr::from(to).into()),
                            false => a.mac(),
                        }
                    }
                };
                a.peer.send(a.to(to, &packet));
            }
            a.net.run_for(us(random.below(3000) as u64));
            rests(&a);
            a.peer.take();
        }
        while socket.try_recv().is_some() {}
        is_bounded(&a);
        // Of what was said nothing is left on a link that comes up again, and the host serves.
        a.link.down();
        a.net.run_for(ms(10));
        a.link.up();
        stack.set_conflict_detection(id, ConflictDetection::Off);
        stack.set_dad_transmits(id, 0);
        stack.set_autoconfiguration(id, false);
        let old: Vec<IpAddr> = stack.interface(id).unwrap().ipv6[..]
            .iter()
            .map(|own| own.address.into())
            .collect();
        for address in old {
            stack.remove_address(id, address);
        }
        stack.stop_ipv4_link_local(id);
        host.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
        a.net.run_for(secs(2));
        pings(&a, 1);
    }
}
