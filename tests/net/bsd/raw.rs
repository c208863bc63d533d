//! Raw sockets.

use super::*;

/// A protocol for experiments (RFC 3692), which nobody speaks.
const LOCAL: i32 = 253;

fn both(world: &World, domain: i32, protocol: i32) -> (Fd, Fd) {
    let open = |sockets: &Sockets<'_, 16>| sockets.socket(domain, SOCK_RAW, protocol).unwrap();
    (open(&world.near), open(&world.far))
}

#[test]
fn raw_packets_pass_with_the_header_of_ipv4_and_without_that_of_ipv6() {
    let world = world();
    for (domain, to, from, header) in [
        (AF_INET, "10.0.0.2:0", "10.0.0.1:0", 20),
        (AF_INET6, "[fd00::2]:0", "[fd00::1]:0", 0),
    ] {
        let (near, far) = both(&world, domain, LOCAL);
        let mut data = [0; 64];
        let none = world.wait(world.far.recv(far, &mut data, MSG_DONTWAIT));
        assert_eq!(none, Err(Errno::EAGAIN));
        let (plain, to) = (Ancillary::default(), Some(addr(to)));
        let sent = world.near.sendmsg(near, &[b"ab", b"cd"], to, &plain, 0);
        assert_eq!(world.wait(sent), Ok(4));
        let mut fds = [PollFd::new(far, POLLIN)];
        assert_eq!(world.wait(world.far.poll(&mut fds, None)), Ok(1));
        assert_eq!(world.far.ioctl(far, FIONREAD, 0), Ok(header + 4));
        for flags in [MSG_PEEK, 0] {
            let received = world.wait(world.far.recvfrom(far, &mut data, flags));
            let header = header as usize;
            assert_eq!(received, Ok((header + 4, Some(addr(from)))));
            assert_eq!(&data[header..header + 4], b"abcd");
        }
        let get = |name| world.near.get(near, SOL_SOCKET, name);
        assert_eq!((get(SO_TYPE), get(SO_PROTOCOL)), (Ok(SOCK_RAW), Ok(LOCAL)));
        assert_eq!(get(SO_DOMAIN), Ok(domain));
    }
}

#[test]
fn raw_sockets_are_bound_and_connected_and_say_so() {
    let world = world();
    let (near, far) = both(&world, AF_INET, LOCAL);
    assert_eq!(
        world.near.bind(near, addr("10.0.0.9:0")),
        Err(Errno::EADDRNOTAVAIL)
    );
    world.near.bind(near, addr("10.0.0.1:0")).unwrap();
    assert_eq!(world.near.getsockname(near), Ok(addr("10.0.0.1:0")));
    let nobody = world.wait(world.near.send(near, b"x", 0));
    assert_eq!(nobody, Err(Errno::EDESTADDRREQ));
    assert_eq!(world.near.getpeername(near), Err(Errno::ENOTCONN));
    world
        .wait(world.near.connect(near, addr("10.0.0.2:0")))
        .unwrap();
    assert_eq!(world.near.getpeername(near), Ok(addr("10.0.0.2:0")));
    assert_eq!(world.wait(world.near.send(near, b"x", 0)), Ok(1));
    assert_eq!(world.wait(world.far.recv(far, &mut [0; 64], 0)), Ok(21));
    assert_eq!(world.near.listen(near, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(
        world.wait(world.near.accept(near)).map(|_| ()),
        Err(Errno::EOPNOTSUPP)
    );
    let family = world.wait(world.near.sendto(near, b"x", 0, addr("[fd00::2]:0")));
    assert_eq!(family, Err(Errno::EAFNOSUPPORT));
}

#[test]
fn raw_sockets_tell_and_take_ancillary_data() {
    let world = world();
    let (near, far) = both(&world, AF_INET6, LOCAL);
    for option in [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS] {
        world.far.set(far, IPPROTO_IPV6, option, 1).unwrap();
    }
    let once = Ancillary {
        hop_limit: Some(9),
        traffic_class: Some(0xb8),
        ..Ancillary::default()
    };
    for (ancillary, told) in [(once, (9, 0xb8)), (Ancillary::default(), (64, 0))] {
        let to = Some(addr("[fd00::2]:0"));
        let sent = world.near.sendmsg(near, &[b"x"], to, &ancillary, 0);
        world.wait(sent).unwrap();
        let received = world.wait(world.far.recvmsg(far, &mut [&mut [0; 8]], 0));
        let received = received.unwrap().ancillary;
        let both = received.hop_limit.zip(received.traffic_class);
        assert_eq!(both, Some(told));
        let info = received.packet_info.unwrap();
        assert_eq!(
            (info.address, info.interface),
            (addr("[fd00::2]:0").ip(), 1)
        );
    }
}

#[test]
fn header_of_ipv4_is_included_where_the_socket_says() {
    let world = world();
    let (near, far) = both(&world, AF_INET, LOCAL);
    assert_eq!(world.near.get(near, IPPROTO_IP, IP_HDRINCL), Ok(0));
    world.near.set(near, IPPROTO_IP, IP_HDRINCL, 1).unwrap();
    let whole = world.near.socket(AF_INET, SOCK_RAW, IPPROTO_RAW).unwrap();
    assert_eq!(world.near.get(whole, IPPROTO_IP, IP_HDRINCL), Ok(1));
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 7, LOCAL as u8, 0, 0];
    packet.extend([0, 0, 0, 0, 10, 0, 0, 2]);
    packet.extend(b"data");
    for fd in [near, whole] {
        let to = addr("10.0.0.2:0");
        assert_eq!(world.wait(world.near.sendto(fd, &packet, 0, to)), Ok(24));
        let mut data = [0; 64];
        assert_eq!(world.wait(world.far.recv(far, &mut data, 0)), Ok(24));
        assert_eq!((data[8], &data[20..24]), (7, &b"data"[..]));
    }
    let six = world.near.socket(AF_INET6, SOCK_RAW, LOCAL).unwrap();
    let set = world.near.set(six, IPPROTO_IP, IP_HDRINCL, 1);
    assert_eq!(set, Err(Errno::ENOPROTOOPT));
}

#[test]
fn types_of_icmp_messages_are_filtered_by_options() {
    let world = world();
    for (domain, protocol, level, request, to) in [
        (AF_INET, IPPROTO_ICMP, SOL_RAW, 8, "10.0.0.2:0"),
        (AF_INET6, IPPROTO_ICMPV6, IPPROTO_ICMPV6, 128, "[fd00::2]:0"),
    ] {
        let (near, far) = both(&world, domain, protocol);
        let size = if domain == AF_INET { 4 } else { 32 };
        let mut filter = vec![0xff; size];
        let mut told = [0; 40];
        let get = |told: &mut [u8]| world.far.getsockopt(far, level, 1, told);
        assert_eq!(
            (get(&mut told), told[..size].iter().max()),
            (Ok(size), Some(&0))
        );
        let hears = || {
            let echo = [request, 0, 0, 0, 0, 1, 0, 1];
            let echo = match domain {
                // Only ICMPv6 has its checksum filled in (RFC 3542 §3.1).
                AF_INET => [8, 0, 0xf7, 0xfd, 0, 1, 0, 1],
                _ => echo,
            };
            world
                .wait(world.near.sendto(near, &echo, 0, addr(to)))
                .unwrap();
            world.net.run_for(ms(10));
            let mut heard = false;
            while world
                .wait(world.far.recv(far, &mut [0; 64], MSG_DONTWAIT))
                .is_ok()
            {
                heard = true;
            }
            heard
        };
        assert!(hears());
        world.far.setsockopt(far, level, 1, &filter).unwrap();
        assert!(!hears());
        filter[usize::from(request) / 8] &= !(1 << (request % 8));
        world.far.setsockopt(far, level, 1, &filter).unwrap();
        assert_eq!((get(&mut told), &told[..size]), (Ok(size), &filter[..]));
        assert!(hears());
        let short = world.far.setsockopt(far, level, 1, &[0; 2]);
        assert_eq!(short, Err(Errno::EINVAL));
    }
    let (near, _) = both(&world, AF_INET, LOCAL);
    let other = world.near.setsockopt(near, SOL_RAW, ICMP_FILTER, &[0; 4]);
    assert_eq!(other, Err(Errno::ENOPROTOOPT));
}

#[test]
fn checksums_are_where_the_option_says() {
    let world = world();
    let (near, far) = both(&world, AF_INET6, LOCAL);
    for (sockets, fd) in [(&world.near, near), (&world.far, far)] {
        assert_eq!(sockets.get(fd, IPPROTO_IPV6, IPV6_CHECKSUM), Ok(-1));
        let odd = sockets.set(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 3);
        assert_eq!(odd, Err(Errno::EINVAL));
        sockets.set(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 2).unwrap();
        assert_eq!(sockets.get(fd, IPPROTO_IPV6, IPV6_CHECKSUM), Ok(2));
    }
    let to = addr("[fd00::2]:0");
    let mut data = [0; 8];
    world.wait(world.near.sendto(near, &[0; 4], 0, to)).unwrap();
    assert_eq!(world.wait(world.far.recv(far, &mut data, 0)), Ok(4));
    assert_ne!(data[2..4], [0, 0]);
    // What has none is discarded.
    world
        .near
        .set(near, IPPROTO_IPV6, IPV6_CHECKSUM, -1)
        .unwrap();
    world.wait(world.near.sendto(near, &[0; 4], 0, to)).unwrap();
    world.net.run_for(ms(10));
    let wrong = world.wait(world.far.recv(far, &mut data, MSG_DONTWAIT));
    assert_eq!(wrong, Err(Errno::EAGAIN));
    // ICMPv6 has its own place, and other sockets have none.
    let icmp = world
        .near
        .socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
        .unwrap();
    let udp = world.near.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    for (fd, error) in [(icmp, Errno::EINVAL), (udp, Errno::ENOPROTOOPT)] {
        let set = world.near.set(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 2);
        assert_eq!(set, Err(error));
        let get = world.near.get(fd, IPPROTO_IPV6, IPV6_CHECKSUM);
        assert_eq!(get, Err(Errno::ENOPROTOOPT));
    }
}

#[test]
fn raw_sockets_join_groups_and_need_leave_for_broadcasts() {
    let world = world();
    let (near, far) = both(&world, AF_INET, LOCAL);
    let request = [239, 1, 2, 3, 10, 0, 0, 2];
    world
        .far
        .setsockopt(far, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request)
        .unwrap();
    let interface = world
        .near
        .setsockopt(near, IPPROTO_IP, IP_MULTICAST_IF, &[10, 0, 0, 1]);
    interface.unwrap();
    let to = addr("239.1.2.3:0");
    world.wait(world.near.sendto(near, b"x", 0, to)).unwrap();
    assert_eq!(world.wait(world.far.recv(far, &mut [0; 64], 0)), Ok(21));
    world
        .far
        .setsockopt(far, IPPROTO_IP, IP_DROP_MEMBERSHIP, &request)
        .unwrap();
    let all = addr("10.0.0.255:0");
    let sent = world.wait(world.near.sendto(near, b"x", 0, all));
    assert_eq!(sent, Err(Errno::EACCES));
    world.near.set(near, SOL_SOCKET, SO_BROADCAST, 1).unwrap();
    world.wait(world.near.sendto(near, b"x", 0, all)).unwrap();
    assert_eq!(world.wait(world.far.recv(far, &mut [0; 64], 0)), Ok(21));
}

#[test]
fn protocols_that_are_none_and_too_many_raw_sockets_are_refused() {
    let world = world();
    for protocol in [0, 256, -1] {
        let refused = world.near.socket(AF_INET, SOCK_RAW, protocol);
        assert_eq!(refused, Err(Errno::EPROTONOSUPPORT));
    }
    let most = zonda::config::RAW_SOCKETS;
    let opened = (0..=most).map(|_| world.near.socket(AF_INET, SOCK_RAW, LOCAL));
    let opened: Vec<_> = opened.collect();
    assert_eq!(opened.iter().flatten().count(), most);
    assert_eq!(opened[most], Err(Errno::ENOBUFS));
    world.near.close_now(opened[0].unwrap()).unwrap();
    assert!(world.near.socket(AF_INET, SOCK_RAW, LOCAL).is_ok());
}
