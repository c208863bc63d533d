//! Neighbours whose link addresses the user says.

use std::net::IpAddr;

use zonda::iface::SendDrop;
use zonda::iface::neighbor::{NeighborError, NeighborState};
use zonda::wire::LinkAddr;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

const ELSEWHERE: Mac = [2, 0, 0, 0, 0x55, 1];

fn known(a: &Alone) -> Vec<(IpAddr, NeighborState)> {
    let neighbors = a.stack().neighbors(a.host.interface(a.link));
    neighbors
        .map(|neighbor| (neighbor.address.into(), neighbor.state))
        .collect()
}

/// Where a datagram to the peer goes; `None` if somebody is asked first.
fn goes_to(a: &Alone, peer: IpAddr) -> Option<Mac> {
    let socket = a.host.udp("[::]:0");
    a.sent();
    socket.try_send_to(b"x", Some((peer, 9).into())).unwrap();
    a.net.run_for(ms(1));
    let sent = a.sent();
    assert_eq!(sent.len(), 1);
    let datagram = sent[0].ip().is_some_and(|ip| ip.udp().is_some());
    datagram.then_some(sent[0].to)
}

#[test]
fn neighbor_that_the_user_adds_is_never_asked_for_and_stays_until_it_is_removed() {
    let a = alone();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    for (_, peer) in PAIRS {
        let link = LinkAddr::ethernet(ELSEWHERE);
        stack.add_neighbor(id, peer, link).unwrap();
        assert!(known(&a).contains(&(peer, NeighborState::Static)));
        assert_eq!(goes_to(&a, peer), Some(ELSEWHERE));
    }
    // Neither what others say nor time or the link changes it.
    a.introduce();
    a.ask(a.advertise(SOLICITED | OVERRIDE));
    a.ask(a.reply());
    a.net.run_for(secs(1000));
    a.link.down();
    a.net.run_for(secs(1));
    a.link.up();
    a.net.run_for(secs(1));
    for (_, peer) in PAIRS {
        assert_eq!(goes_to(&a, peer), Some(ELSEWHERE));
        stack
            .add_neighbor(id, peer, LinkAddr::ethernet(a.peer.mac()))
            .unwrap();
        assert_eq!(goes_to(&a, peer), Some(a.peer.mac()));
        assert!(stack.remove_neighbor(id, peer));
        assert!(!stack.remove_neighbor(id, peer));
        assert_eq!(goes_to(&a, peer), None);
    }
}

#[test]
fn what_waits_goes_when_the_user_adds_the_neighbor_and_is_dropped_when_it_is_removed() {
    let a = alone();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    for (_, peer) in PAIRS {
        assert_eq!(goes_to(&a, peer), None);
        let link = LinkAddr::ethernet(ELSEWHERE);
        stack.add_neighbor(id, peer, link).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent()[0].to, ELSEWHERE);
        assert!(stack.remove_neighbor(id, peer));
        assert_eq!(goes_to(&a, peer), None);
        let dropped = || {
            let counters = a.host.counters(a.link);
            counters.send_drops(SendDrop::NeighborUnreachable)
        };
        let before = dropped();
        assert!(stack.remove_neighbor(id, peer));
        assert_eq!(dropped(), before + 1);
        assert_eq!(a.host.pool().stats().blocks_used, 0);
    }
}

#[test]
fn static_neighbor_that_cannot_be_is_refused() {
    let a = alone();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    let link = LinkAddr::ethernet(ELSEWHERE);
    let add = |id, address: &str, link| stack.add_neighbor(id, address.parse().unwrap(), link);
    for (address, link) in [
        ("10.0.0.1", link),
        ("fd00::1", link),
        ("0.0.0.0", link),
        ("ff02::1", link),
        ("10.0.0.9", LinkAddr::NONE),
        ("10.0.0.9", LinkAddr::ETHERNET_BROADCAST),
    ] {
        assert_eq!(add(id, address, link), Err(NeighborError::Address));
    }
    assert_eq!(add(9, "10.0.0.9", link), Err(NeighborError::NoInterface));
    for last in 0..zonda::config::NEIGHBORS {
        add(id, &format!("10.0.0.{}", last + 10), link).unwrap();
    }
    assert_eq!(add(id, "10.0.0.9", link), Err(NeighborError::CacheFull));
    assert!(
        known(&a)
            .iter()
            .all(|(_, state)| *state == NeighborState::Static)
    );
}
