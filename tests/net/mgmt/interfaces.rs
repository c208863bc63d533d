//! Names, interfaces that are switched off, and who is told.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use zonda::iface::{NameError, OperationalState, ReceiveDrop};
use zonda::socket::UdpSocket;

use super::*;

fn two() -> (Network, Host, Host, Link) {
    let net = Network::new(5);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link((a, b)).delay(us(10));
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    net.settle();
    (net, a, b, link)
}

fn pings(net: &Network, from: Host, to: &str) -> bool {
    let ping = from.ping();
    let to = to.parse().unwrap();
    net.block_on(ping.ping(to, 1, &[], secs(1))).is_ok()
}

#[test]
fn interfaces_have_names_by_which_they_are_found() {
    let net = Network::new(5);
    let a = net.host("a");
    let (one, two) = (net.link([a]), net.link([a]));
    let stack = a.stack();
    let (first, second) = (a.interface(one), a.interface(two));
    assert_eq!(stack.name(first).unwrap(), "eth0");
    assert_eq!(stack.name(second).unwrap(), "eth1");
    assert_eq!(stack.interfaces().collect::<Vec<_>>(), [first, second]);
    assert_eq!(stack.set_name(second, "wan"), Ok(()));
    assert_eq!(stack.find_interface("wan"), Some(second));
    assert_eq!(stack.find_interface("eth1"), None);
    // One name leads to one interface.
    for name in ["wan", "eth0", "", "two words", "a name that is long"] {
        let refused = stack.set_name(first, name);
        let expected = match name {
            "wan" => Err(NameError::Taken),
            "eth0" => Ok(()),
            _ => Err(NameError::Invalid),
        };
        assert_eq!(refused, expected, "{name:?}");
    }
    assert_eq!(stack.set_name(9, "nine"), Err(NameError::NoInterface));
    assert_eq!(stack.name(9), None);
}

#[test]
fn nothing_passes_an_interface_that_is_switched_off() {
    let (net, a, b, link) = two();
    let id = a.interface(link);
    let mut events = a.stack().events().only(EventClass::LINK);
    assert!(pings(&net, b, "10.0.0.1") && pings(&net, b, "fd00::1"));
    assert!(a.stack().set_enabled(id, false));
    net.settle();
    assert_eq!(
        kinds(&mut events),
        [EventKind::Disabled, EventKind::LinkDown]
    );
    let state = || a.stack().interface(id).unwrap().state;
    assert_eq!(state(), OperationalState::Down);
    let accepted = a.counters(link).accepted;
    assert!(!pings(&net, b, "10.0.0.1") && !pings(&net, a, "10.0.0.2"));
    // Not even what comes with all addresses right.
    assert_eq!(a.counters(link).accepted, accepted);
    assert!(a.counters(link).receive_drops(ReceiveDrop::InterfaceDown) > 0);
    // What the driver says of the link meanwhile makes no difference.
    link.down();
    net.settle();
    link.up();
    net.settle();
    assert_eq!(state(), OperationalState::Down);
    assert_eq!(kinds(&mut events), []);
    assert!(a.stack().set_enabled(id, true));
    net.settle();
    assert_eq!(kinds(&mut events), [EventKind::Enabled, EventKind::LinkUp]);
    assert_eq!(state(), OperationalState::Up);
    net.run_for(secs(3));
    assert!(pings(&net, b, "10.0.0.1") && pings(&net, a, "fd00::2"));
    link.down();
    net.settle();
    assert_eq!(state(), OperationalState::LowerLayerDown);
    assert!(
        !a.stack().set_enabled(9, true),
        "there is no such interface"
    );
}

#[test]
fn what_waits_to_be_sent_is_dropped_when_an_interface_is_switched_off() {
    let (net, a, b, link) = two();
    assert!(pings(&net, b, "10.0.0.1"));
    let own: SocketAddr = "10.0.0.1:9".parse().unwrap();
    let socket = UdpSocket::bind(a.stack(), own).unwrap();
    let received = b.counters(link).received;
    // The driver has not had its turn yet.
    let to: SocketAddr = "10.0.0.2:9".parse().unwrap();
    let sent = socket.try_send_to(b"late", Some(to));
    assert_eq!(sent, Ok(()));
    assert!(a.stack().set_enabled(a.interface(link), false));
    net.settle();
    net.run_for(secs(1));
    assert_eq!(b.counters(link).received, received);
}

#[test]
fn reader_gets_events_of_its_kinds_and_its_interface_only() {
    let net = Network::new(5);
    let a = net.host("a");
    let (one, two) = (net.link([a]), net.link([a]));
    net.settle();
    let (stack, id) = (a.stack(), a.interface(two));
    let mut all = stack.events();
    let classes = EventClass::IPV4_ADDRESS | EventClass::ROUTE;
    let mut addresses = stack.events().only(classes);
    let mut second = stack.events().only(EventClass::LINK).of(id);
    a.add(one, "10.0.0.1/24");
    one.down();
    two.down();
    net.settle();
    let added = EventKind::AddressAdded("10.0.0.1".parse().unwrap());
    assert_eq!(kinds(&mut addresses), [added]);
    let down = Event {
        interface: id,
        kind: EventKind::LinkDown,
    };
    assert_eq!(second.try_next(), Some(Ok(down)));
    assert_eq!(second.try_next(), None);
    assert!(kinds(&mut all).len() > 2);
}

#[test]
fn callback_may_use_the_stack() {
    let (net, a, _, link) = two();
    let told = Rc::new(RefCell::new(Vec::new()));
    let (stack, log) = (a.stack(), told.clone());
    let _task = net.spawn(stack.events().only(EventClass::LINK).tell(move |event| {
        let event = event.expect("no event was missed");
        let info = stack.interface(event.interface).expect("an interface");
        log.borrow_mut().push((event.kind, info.link));
    }));
    net.settle();
    link.down();
    net.settle();
    use zonda::link::LinkState::Down;
    assert_eq!(*told.borrow(), [(EventKind::LinkDown, Down)]);
}
