//! The tables of a stack, lent to it at the start.

use super::timers::TimerEntry;
use super::waiters::Waiter;
use crate::config;
use crate::iface::Interface;
use crate::iface::route::{LEARNED, RouteSlot};
#[cfg(feature = "tcp")]
use crate::tcp::table::{Listener, TcpSlot};
#[cfg(feature = "udp")]
use crate::udp::UdpSlot;

/// Timers that are not of one socket: the neighbours', the routes', and one for each sleep.
pub(super) const TIMERS: usize = super::timers::FIRST_SLEEP as usize + config::SLEEPS;

/// Room for the tables of a stack of `INTERFACES` interfaces, `UDP` UDP sockets, `TCP` TCP
/// connections and `LISTENERS` ports that accept such.
///
/// Make it a `static` in a `StaticCell`, or let it outlive the [`StackCell`](super::StackCell)
/// that borrows it.
pub struct StackStorage<
    'a,
    const INTERFACES: usize = 1,
    const UDP: usize = 4,
    const TCP: usize = 4,
    const LISTENERS: usize = 2,
> {
    pub(super) interfaces: [Option<Interface<'a>>; INTERFACES],
    pub(super) routes: [Option<RouteSlot>; config::ROUTES + LEARNED],
    pub(super) timers: [TimerEntry; TIMERS],
    pub(super) waiters: [Waiter; config::WAITERS],
    #[cfg(feature = "udp")]
    pub(super) udp: [UdpSlot; UDP],
    #[cfg(feature = "tcp")]
    pub(super) tcp: [TcpSlot; TCP],
    #[cfg(feature = "tcp")]
    pub(super) tcp_timers: [TimerEntry; TCP],
    #[cfg(feature = "tcp")]
    pub(super) listeners: [Option<Listener>; LISTENERS],
}

impl<const INTERFACES: usize, const UDP: usize, const TCP: usize, const LISTENERS: usize>
    StackStorage<'_, INTERFACES, UDP, TCP, LISTENERS>
{
    /// Empty tables.
    pub const fn new() -> Self {
        const {
            assert!(
                INTERFACES >= 1 && INTERFACES <= 32,
                "a stack has 1 to 32 interfaces"
            )
        };
        Self {
            interfaces: [const { None }; INTERFACES],
            routes: [None; config::ROUTES + LEARNED],
            timers: [TimerEntry::UNUSED; TIMERS],
            waiters: [const { Waiter::UNUSED }; config::WAITERS],
            #[cfg(feature = "udp")]
            udp: [const { UdpSlot::UNUSED }; UDP],
            #[cfg(feature = "tcp")]
            tcp: [const { TcpSlot::UNUSED }; TCP],
            #[cfg(feature = "tcp")]
            tcp_timers: [TimerEntry::UNUSED; TCP],
            #[cfg(feature = "tcp")]
            listeners: [const { None }; LISTENERS],
        }
    }
}

impl<const INTERFACES: usize, const UDP: usize, const TCP: usize, const LISTENERS: usize> Default
    for StackStorage<'_, INTERFACES, UDP, TCP, LISTENERS>
{
    fn default() -> Self {
        Self::new()
    }
}
