//! Addresses that are used while they are checked for duplicates (RFC 4429).

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::{AddressState, EventKind, SendDrop};

use crate::addresses::*;
use crate::frame::*;
use crate::network::*;

const PREFIX: &str = "fd01::/64";
const OTHER: &str = "fe80::77";

fn optimistic() -> Checked {
    let a = checked(1);
    assert!(a.stack().set_optimistic(a.id(), true));
    a.quiet();
    a
}

impl Checked {
    /// The Neighbor Advertisements since the frames were taken before: flags and target.
    fn advertisements(&self) -> Vec<(u8, Ipv6Addr)> {
        let frames = self.peer.take().into_iter();
        let seen = frames.filter_map(|frame| {
            let ip = read(&frame).ip()?;
            let (flags, target, _) = ip.discovery(136)?;
            Some((flags, target))
        });
        seen.collect()
    }
}

#[test]
fn optimistic_address_is_used_at_once() {
    let a = optimistic();
    let mut events = a.stack().events();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.made().address;
    assert_eq!(a.made().state, AddressState::Optimistic);
    let added = EventKind::AddressAdded(address.into());
    assert_eq!(address_events(&mut events), [added]);
    // It is asked for without delay, and routers are told of it without the override flag.
    let questions = a.questions();
    assert_eq!(questions.len(), 1);
    assert_eq!(a.ping(ip6(GATEWAY), address), 1);
    a.net.run_for(ms(1_000));
    assert_eq!(a.made().state, AddressState::Preferred);
    assert_eq!(address_events(&mut events), []);
}

#[test]
fn routers_are_told_of_an_optimistic_address_at_once_and_without_override() {
    let a = optimistic();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    assert_eq!(a.advertisements(), [(0, a.made().address)]);
    // Once, as often as of others.
    a.net.run_for(secs(5));
    assert_eq!(a.advertisements(), []);
}

#[test]
fn neighbors_that_ask_are_answered_without_override() {
    let a = optimistic();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.made().address;
    let ask = || {
        a.peer.take();
        let group = solicited_node(address);
        let option = link_option(1, a.peer.mac());
        a.to_group(group, &solicitation(ip6(OTHER), group, address, &option));
        a.advertisements()
    };
    assert_eq!(ask(), [(SOLICITED, address)]);
    a.settle();
    assert_eq!(ask(), [(SOLICITED | OVERRIDE, address)]);
}

#[test]
fn question_of_another_station_takes_the_address_away_and_is_not_answered() {
    let a = optimistic();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.made().address;
    a.peer.take();
    let mut events = a.stack().events();
    a.ask(address, &[]);
    assert_eq!(a.made().state, AddressState::Duplicate);
    assert_eq!(a.advertisements(), []);
    let duplicate = EventKind::AddressDuplicate(address.into());
    assert_eq!(address_events(&mut events), [duplicate]);
    assert_eq!(a.ping(ip6(GATEWAY), address), 0);
}

#[test]
fn owner_that_defends_its_address_takes_it_away() {
    let a = optimistic();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.made().address;
    // What it says comes from the very address.
    a.claim(address);
    assert_eq!(a.made().state, AddressState::Duplicate);
}

#[test]
fn nobody_is_solicited_for_a_packet_from_an_optimistic_address() {
    let a = optimistic();
    a.add("fd01::77");
    a.quiet();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.made().address;
    a.peer.take();
    let socket = a.host.udp(&format!("[{address}]:5000"));
    let to = Some((ip6("fd01::9"), 9).into());
    socket.try_send_to(b"data", to).unwrap();
    a.net.run_for(ms(1));
    // It goes to the router, "in the hope that the packet will be redirected".
    let frames = a.peer.take();
    assert_eq!(frames.len(), 1);
    let seen = read(&frames[0]);
    assert_eq!(seen.to, a.peer.mac());
    assert_eq!(seen.ip().unwrap().destination, IpAddr::V6(ip6("fd01::9")));
    // Later its neighbour is asked for.
    a.settle();
    a.peer.take();
    socket.try_send_to(b"data", to).unwrap();
    a.net.run_for(ms(1));
    let ip = read(&a.peer.next().unwrap()).ip().unwrap();
    assert_eq!(ip.discovery(135).unwrap().1, ip6("fd01::9"));
}

#[test]
fn address_is_not_optimistic_where_the_link_address_of_the_router_is_not_known() {
    let a = optimistic();
    a.advertise_bare(&prefix_option(PREFIX, AUTONOMOUS, FOR_EVER, FOR_EVER));
    assert_eq!(a.made().state, AddressState::Tentative);
}

#[test]
fn addresses_that_somebody_has_set_are_not_optimistic() {
    let a = optimistic();
    a.advertise(&[]);
    let address = a.add("fd00::1");
    assert_eq!(a.state(address), Some(AddressState::Tentative));
}

#[test]
fn addresses_are_not_optimistic_unless_the_interface_is_set_to_it() {
    let a = checked(1);
    a.quiet();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    assert_eq!(a.made().state, AddressState::Tentative);
    assert!(!a.stack().set_optimistic(9, true));
}

#[test]
fn what_waits_for_a_neighbor_is_not_sent_when_its_source_turns_out_to_be_a_duplicate() {
    let a = optimistic();
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.made().address;
    // The router is none any more: what goes to a neighbor cannot take the way by it.
    let gateway = ip6(GATEWAY);
    let option = link_option(2, a.peer.mac());
    let all_nodes = ip6("ff02::1");
    let retired = advertisement(gateway, all_nodes, OVERRIDE, gateway, &option);
    a.to_group(all_nodes, &retired);
    let socket = a.host.udp(&format!("[{address}]:0"));
    let to = Some((ip6(OTHER), 9).into());
    socket.try_send_to(b"data", to).unwrap();
    assert!(a.host.pool().stats().blocks_used > 0);
    a.ask(address, &[]);
    assert_eq!(a.made().state, AddressState::Duplicate);
    let counters = a.host.counters(a.link);
    assert_eq!(counters.send_drops(SendDrop::Source), 1);
    assert_eq!(a.host.pool().stats().blocks_used, 0);
}
