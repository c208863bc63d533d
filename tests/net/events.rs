//! Events: every reader gets each of them, in order, or learns how many it missed.

use zonda::config::EVENTS;
use zonda::iface::{Event, EventKind};
use zonda::stack::EventsMissed;

use crate::network::*;

fn one_host() -> (Network, Host, Link) {
    let net = Network::new(11);
    let a = net.host("a");
    let link = net.link([a]);
    net.settle();
    (net, a, link)
}

#[test]
fn every_reader_is_told_of_a_link_that_goes_down_and_up() {
    let (net, a, link) = one_host();
    let (mut first, mut second) = (a.stack().events(), a.stack().events());
    link.down();
    net.settle();
    link.up();
    net.settle();
    let interface = a.interface(link);
    for reader in [&mut first, &mut second] {
        for kind in [EventKind::LinkDown, EventKind::LinkUp] {
            assert_eq!(reader.try_next(), Some(Ok(Event { interface, kind })));
        }
        assert_eq!(reader.try_next(), None);
    }
}

#[test]
fn mtu_of_a_driver_is_an_event() {
    let (net, a, link) = one_host();
    let mut events = a.stack().events();
    a.change(link, |capabilities| capabilities.mtu = 1280);
    net.settle();
    let interface = a.interface(link);
    let kind = EventKind::Mtu(1280);
    assert_eq!(events.try_next(), Some(Ok(Event { interface, kind })));
    assert_eq!(events.try_next(), None);
}

#[test]
fn waiting_reader_is_woken() {
    let (net, a, link) = one_host();
    let mut events = a.stack().events();
    let task = net.spawn(async move { events.next().await });
    net.settle();
    assert!(!task.is_done());
    link.down();
    net.settle();
    let event = task.take().expect("an event has come");
    assert_eq!(event.map(|event| event.kind), Ok(EventKind::LinkDown));
}

#[test]
fn slow_reader_loses_its_own_oldest_events_and_learns_how_many() {
    let (net, a, link) = one_host();
    let (mut slow, mut quick) = (a.stack().events(), a.stack().events());
    let changes = EVENTS + 3;
    for n in 0..changes {
        let kind = if n % 2 == 0 {
            link.down();
            EventKind::LinkDown
        } else {
            link.up();
            EventKind::LinkUp
        };
        net.settle();
        let interface = a.interface(link);
        assert_eq!(quick.try_next(), Some(Ok(Event { interface, kind })));
    }
    assert_eq!(slow.try_next(), Some(Err(EventsMissed(3))));
    let left = std::iter::from_fn(|| slow.try_next()).count();
    assert_eq!(left, EVENTS);
}
