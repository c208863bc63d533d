//! What an interface stands on, where that has to be connected first: a network of Wi-Fi that is
//! joined, a modem that dials.

use core::cell::Cell;
use core::future::Future;

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;

use crate::iface::{EventClass, EventKind};
use crate::stack::{InterfaceId, Stack};
use crate::time::Duration;

/// Connects and disconnects what an interface stands on.
pub trait Connectivity {
    /// Why it cannot be connected, now or ever.
    type Error;

    /// Begins to connect. It is done when the link of the interface comes up, which need not be when
    /// this returns. To drop the future is to give up.
    fn connect(&mut self) -> impl Future<Output = Result<(), Self::Error>>;

    /// Disconnects, whether it was connected or not.
    fn disconnect(&mut self) -> impl Future<Output = ()>;
}

/// How an interface is kept connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BindingOptions {
    /// Connects as soon as it is run, and whenever the interface is switched on by hand.
    pub auto_connect: bool,
    /// Connects again when the link was lost, and when it could not be connected.
    pub persistent: bool,
    /// Switches the interface off when it is not, or no longer, to be connected.
    pub auto_down: bool,
    /// How long it may take until the link is up.
    pub timeout: Option<Duration>,
    /// How long is waited before it is tried again.
    pub pause: Duration,
}

impl Default for BindingOptions {
    fn default() -> Self {
        Self {
            auto_connect: true,
            persistent: true,
            auto_down: true,
            timeout: Some(Duration::from_secs(30)),
            pause: Duration::from_secs(5),
        }
    }
}

/// How far a binding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BindingState {
    /// It is not to be connected.
    Disconnected,
    /// It is being connected, or it is waited to try again.
    Connecting,
    /// The link is up.
    Connected,
}

/// What binds a [`Connectivity`] to an interface, and keeps it connected.
pub struct Binding<'a> {
    stack: Stack<'a>,
    interface: InterfaceId,
    options: Cell<BindingOptions>,
    state: Cell<BindingState>,
    wanted: Cell<bool>,
    changed: Signal<NoopRawMutex, ()>,
}

impl<'a> Binding<'a> {
    /// Binds an interface.
    pub const fn new(stack: Stack<'a>, interface: InterfaceId, options: BindingOptions) -> Self {
        Self {
            stack,
            interface,
            options: Cell::new(options),
            state: Cell::new(BindingState::Disconnected),
            wanted: Cell::new(options.auto_connect),
            changed: Signal::new(),
        }
    }

    /// How far it is.
    pub fn state(&self) -> BindingState {
        self.state.get()
    }

    /// How it is kept connected.
    pub fn options(&self) -> BindingOptions {
        self.options.get()
    }

    /// Changes how it is kept connected, from the next attempt on.
    pub fn set_options(&self, options: BindingOptions) {
        self.options.set(options);
    }

    /// Wants it to be connected.
    pub fn connect(&self) {
        self.want(true);
    }

    /// Wants it not to be connected.
    pub fn disconnect(&self) {
        self.want(false);
    }

    fn want(&self, wanted: bool) {
        self.wanted.set(wanted);
        self.changed.signal(());
    }

    /// Connects by `driver` whenever that is wanted, for ever.
    pub async fn run(&self, driver: &mut impl Connectivity) -> ! {
        loop {
            if !self.wanted.get() {
                self.rest().await;
                continue;
            }
            let _there: bool = self.stack.set_enabled(self.interface, true);
            self.state.set(BindingState::Connecting);
            let is_up = match select(self.attempt(driver), self.unwanted()).await {
                Either::First(is_up) => is_up,
                Either::Second(()) => {
                    driver.disconnect().await;
                    continue;
                }
            };
            if is_up {
                self.state.set(BindingState::Connected);
                self.lost().await;
                driver.disconnect().await;
            } else {
                driver.disconnect().await;
                (self.stack).announce(self.interface, EventKind::ConnectFailed);
            }
            self.state.set(BindingState::Connecting);
            match self.options.get().persistent {
                true if is_up => {}
                true => {
                    let pause = self.stack.sleep(self.options.get().pause);
                    let _ = select(pause, self.unwanted()).await;
                }
                false => self.wanted.set(false),
            }
        }
    }

    /// Not connected, until that is wanted.
    async fn rest(&self) {
        self.state.set(BindingState::Disconnected);
        let options = self.options.get();
        if options.auto_down {
            let _there: bool = self.stack.set_enabled(self.interface, false);
        }
        let mut events = self.events();
        let enabled = async {
            while events.next().await.map(|event| event.kind) != Ok(EventKind::Enabled)
                || !self.options.get().auto_connect
            {}
            self.wanted.set(true);
        };
        let wanted = async {
            while !self.wanted.get() {
                self.changed.wait().await;
            }
        };
        let _ = select(enabled, wanted).await;
    }

    /// Connects; whether the link has come up in time.
    async fn attempt(&self, driver: &mut impl Connectivity) -> bool {
        let connected = async {
            match driver.connect().await {
                Ok(()) => {
                    self.stack.link_up(self.interface).await;
                    true
                }
                Err(_) => false,
            }
        };
        match self.options.get().timeout {
            None => connected.await,
            Some(timeout) => match select(connected, self.stack.sleep(timeout)).await {
                Either::First(is_up) => is_up,
                Either::Second(()) => false,
            },
        }
    }

    /// Until it is not wanted any more, or the interface is switched off.
    async fn unwanted(&self) {
        let mut events = self.events();
        let disabled = async {
            while events.next().await.map(|event| event.kind) != Ok(EventKind::Disabled) {}
            self.wanted.set(false);
        };
        let unwanted = async {
            while self.wanted.get() {
                self.changed.wait().await;
            }
        };
        let _ = select(disabled, unwanted).await;
    }

    /// Until the link is lost, or it is not wanted any more.
    async fn lost(&self) {
        let mut events = self.events();
        let down = async {
            // One that was missed may have been it.
            while !matches!(
                events.next().await.map(|event| event.kind),
                Ok(EventKind::LinkDown) | Err(_)
            ) {}
        };
        // A link goes down when the interface is switched off: that comes first.
        let _ = select(self.unwanted(), down).await;
    }

    fn events(&self) -> crate::stack::Events<'a> {
        self.stack
            .events()
            .only(EventClass::LINK)
            .of(self.interface)
    }
}
