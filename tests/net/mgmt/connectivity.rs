//! What has to be connected before the link is there.

use std::cell::RefCell;
use std::rc::Rc;

use zonda::mgmt::{Binding, BindingOptions, BindingState, Connectivity};

use super::*;

/// A modem: dialing takes a second, and the link comes up by it if it works at all.
#[derive(Clone)]
struct Modem {
    stack: zonda::stack::Stack<'static>,
    link: Link,
    log: Rc<RefCell<Vec<&'static str>>>,
    works: Rc<RefCell<Works>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Works {
    Yes,
    /// It says so at once.
    No,
    /// It dials, and nothing comes of it.
    Silent,
}

impl Connectivity for Modem {
    type Error = ();

    async fn connect(&mut self) -> Result<(), ()> {
        self.log.borrow_mut().push("connect");
        let works = *self.works.borrow();
        if works == Works::No {
            return Err(());
        }
        self.stack.sleep(secs(1)).await;
        if works == Works::Yes {
            self.link.up();
        }
        Ok(())
    }

    async fn disconnect(&mut self) {
        self.log.borrow_mut().push("disconnect");
        self.link.down();
    }
}

struct World {
    net: Network,
    host: Host,
    link: Link,
    modem: Modem,
    binding: Rc<Binding<'static>>,
    events: Events<'static>,
}

fn world(works: Works, options: BindingOptions) -> World {
    let net = Network::new(3);
    let host = net.host("host");
    let link = net.link([host]);
    link.down();
    net.settle();
    let modem = Modem {
        stack: host.stack(),
        link,
        log: Rc::default(),
        works: Rc::new(RefCell::new(works)),
    };
    let binding = Rc::new(Binding::new(host.stack(), host.interface(link), options));
    let events = host.stack().events().only(EventClass::CONNECTION);
    let (driven, mut driver) = (binding.clone(), modem.clone());
    let _task = net.spawn(async move { driven.run(&mut driver).await });
    net.settle();
    World {
        net,
        host,
        link,
        modem,
        binding,
        events,
    }
}

impl World {
    #[track_caller]
    fn is(&self, state: BindingState, log: &[&str]) {
        self.net.settle();
        assert_eq!(self.binding.state(), state);
        assert_eq!(std::mem::take(&mut *self.modem.log.borrow_mut()), log);
    }

    fn is_enabled(&self) -> bool {
        let interface = self.host.stack().interface(self.host.interface(self.link));
        interface.unwrap().state != zonda::iface::OperationalState::Down
    }
}

use BindingState::{Connected, Connecting, Disconnected};

#[test]
fn binding_connects_by_itself_and_again_when_the_link_is_lost() {
    let world = world(Works::Yes, BindingOptions::default());
    world.is(Connecting, &["connect"]);
    world.net.run_for(secs(2));
    world.is(Connected, &[]);
    world.link.down();
    world.is(Connecting, &["disconnect", "connect"]);
    world.net.run_for(secs(2));
    world.is(Connected, &[]);
}

#[test]
fn what_is_not_persistent_stays_down_and_is_switched_off() {
    let options = BindingOptions {
        persistent: false,
        ..BindingOptions::default()
    };
    let world = world(Works::Yes, options);
    world.net.run_for(secs(2));
    world.is(Connected, &["connect"]);
    world.link.down();
    world.is(Disconnected, &["disconnect"]);
    world.net.run_for(secs(60));
    world.is(Disconnected, &[]);
    assert!(!world.is_enabled());
    // By hand it goes on.
    world.binding.connect();
    world.net.run_for(secs(2));
    world.is(Connected, &["connect"]);
    assert!(world.is_enabled());
}

#[test]
fn connection_is_made_and_ended_on_request() {
    let options = BindingOptions {
        auto_connect: false,
        ..BindingOptions::default()
    };
    let world = world(Works::Yes, options);
    world.is(Disconnected, &[]);
    assert!(!world.is_enabled());
    world.binding.connect();
    world.is(Connecting, &["connect"]);
    // It changes its mind.
    world.binding.disconnect();
    world.is(Disconnected, &["disconnect"]);
    world.net.run_for(secs(60));
    world.is(Disconnected, &[]);
    world.binding.connect();
    world.net.run_for(secs(2));
    world.is(Connected, &["connect"]);
    world.binding.disconnect();
    world.is(Disconnected, &["disconnect"]);
}

#[test]
fn attempt_ends_in_time_and_is_made_again_after_a_pause() {
    let options = BindingOptions {
        timeout: Some(secs(10)),
        pause: secs(5),
        ..BindingOptions::default()
    };
    for (works, first) in [(Works::Silent, 10), (Works::No, 0)] {
        let mut world = world(works, options);
        world.is(
            Connecting,
            if first == 0 {
                &["connect", "disconnect"]
            } else {
                &["connect"]
            },
        );
        world.net.run_for(secs(first) + ms(100));
        assert_eq!(kinds(&mut world.events), [EventKind::ConnectFailed]);
        let _ = world.modem.log.take();
        *world.modem.works.borrow_mut() = Works::Yes;
        world.net.run_for(ms(4800));
        world.is(Connecting, &[]);
        world.net.run_for(secs(2));
        world.is(Connected, &["connect"]);
    }
}

#[test]
fn interface_switched_off_by_hand_is_disconnected_until_it_is_switched_on() {
    let world = world(Works::Yes, BindingOptions::default());
    world.net.run_for(secs(2));
    world.is(Connected, &["connect"]);
    let (stack, id) = (world.host.stack(), world.host.interface(world.link));
    assert!(stack.set_enabled(id, false));
    world.is(Disconnected, &["disconnect"]);
    world.net.run_for(secs(60));
    world.is(Disconnected, &[]);
    assert!(stack.set_enabled(id, true));
    world.net.run_for(secs(2));
    world.is(Connected, &["connect"]);
}
