//! Lifetimes of IPv6 addresses (RFC 4862 §5.5.4).

use super::*;

fn lifetimes(preferred: u64, valid: u64) -> Lifetimes {
    Lifetimes {
        preferred: secs(preferred),
        valid: secs(valid),
    }
}

#[test]
fn address_is_deprecated_and_removed_when_its_lifetimes_end() {
    let a = checked(0);
    a.net.settle();
    let mut events = a.stack().events();
    let address = ip6("fd00::1");
    let (stack, id, cidr) = (a.stack(), a.id(), Ipv6Cidr::new(address, 64));
    let start = a.net.now();
    stack.add_ipv6_for(id, cidr, lifetimes(10, 20)).unwrap();
    let known = a.find(address).unwrap();
    assert_eq!(known.preferred_until, Some(start + secs(10)));
    assert_eq!(known.valid_until, Some(start + secs(20)));
    a.peer.answer_for([10, 0, 0, 9].into(), ip6(OTHER));
    a.net.run_for(ms(9_999));
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    a.net.run_for(ms(2));
    assert_eq!(a.state(address), Some(AddressState::Deprecated));
    // RFC 4862 §5.5.4: datagrams to it are processed as before.
    assert_eq!(a.ping(ip6(OTHER), address), 1);
    a.net.run_for(secs(10));
    assert_eq!(a.state(address), None);
    assert_eq!(a.ping(ip6(OTHER), address), 0);
    let address = address.into();
    let expected = [
        EventKind::AddressAdded(address),
        EventKind::AddressDeprecated(address),
        EventKind::AddressRemoved(address),
    ];
    assert_eq!(address_events(&mut events), expected);
}

#[test]
fn address_that_is_added_again_has_its_new_lifetimes() {
    let a = checked(0);
    a.net.settle();
    let address = ip6("fd00::1");
    let (stack, id, cidr) = (a.stack(), a.id(), Ipv6Cidr::new(address, 64));
    stack.add_ipv6_for(id, cidr, lifetimes(10, 20)).unwrap();
    a.net.run_for(secs(15));
    assert_eq!(a.state(address), Some(AddressState::Deprecated));
    let mut events = a.stack().events();
    stack.add_ipv6_for(id, cidr, lifetimes(10, 20)).unwrap();
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    let preferred = EventKind::AddressPreferred(address.into());
    assert_eq!(address_events(&mut events), [preferred]);
    // For ever.
    stack.add_ipv6(id, cidr).unwrap();
    let known = a.find(address).unwrap();
    assert_eq!((known.preferred_until, known.valid_until), (None, None));
    a.net.run_for(secs(1_000_000));
    assert_eq!(a.state(address), Some(AddressState::Preferred));
}

#[test]
fn address_that_is_preferred_for_no_time_is_deprecated_once_it_is_checked() {
    let a = checked(1);
    a.settle();
    let address = ip6("fd00::1");
    let (stack, id, cidr) = (a.stack(), a.id(), Ipv6Cidr::new(address, 64));
    stack.add_ipv6_for(id, cidr, lifetimes(0, 20)).unwrap();
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.net.run_for(ms(1_100));
    assert_eq!(a.state(address), Some(AddressState::Deprecated));
}

#[test]
fn lifetimes_that_contradict_each_other_are_refused() {
    let a = checked(0);
    a.net.settle();
    let (stack, id, cidr) = (a.stack(), a.id(), Ipv6Cidr::new(ip6("fd00::1"), 64));
    for bad in [lifetimes(20, 10), lifetimes(0, 0)] {
        let result = stack.add_ipv6_for(id, cidr, bad);
        assert_eq!(result, Err(AddressError::Invalid));
    }
    let infinite = Lifetimes {
        preferred: Duration::MAX,
        ..lifetimes(0, 10)
    };
    let result = stack.add_ipv6_for(id, cidr, infinite);
    assert_eq!(result, Err(AddressError::Invalid));
    let result = stack.add_ipv6_for(7, cidr, Lifetimes::INFINITE);
    assert_eq!(result, Err(AddressError::NoInterface));
}

#[test]
fn deprecated_address_is_no_source_for_new_flows_if_there_is_another() {
    let a = checked(0);
    a.net.settle();
    let (stack, id) = (a.stack(), a.id());
    let old = Ipv6Cidr::new(ip6("fd00::1"), 64);
    stack.add_ipv6_for(id, old, lifetimes(10, 1_000)).unwrap();
    let new = a.add("fd00::2:0:0:1");
    a.peer.answer_for([10, 0, 0, 9].into(), ip6(OTHER));
    let source = |socket: &zonda::socket::UdpSocket<'_>| {
        a.peer.take();
        let to = Some((ip6(OTHER), 9).into());
        socket.try_send_to(b"data", to).unwrap();
        a.net.run_for(ms(5));
        let frames = a.peer.take();
        read(frames.last().unwrap()).ip().unwrap().source
    };
    let any = a.host.udp("[::]:5000");
    let bound = a.host.udp("[fd00::1]:5001");
    assert_eq!(source(&any), IpAddr::V6(old.address), "the longest prefix");
    a.net.run_for(secs(11));
    assert_eq!(source(&any), IpAddr::V6(new));
    // Existing flows stay, and whoever asks for it has it.
    assert_eq!(source(&bound), IpAddr::V6(old.address));
    // For want of another it will do.
    a.remove(new);
    assert_eq!(source(&any), IpAddr::V6(old.address));
}

#[test]
fn link_local_address_lasts_for_ever() {
    let a = checked(1);
    a.settle();
    let known = a.find(a.link_local()).unwrap();
    assert_eq!((known.preferred_until, known.valid_until), (None, None));
}
