//! The tables of a stack, lent to it at the start.

use heapless::Vec;

#[cfg(feature = "tcp")]
use super::timer_queue::TimerEntry;
use super::waiters::Waiter;
use crate::config;
use crate::iface::Interface;
use crate::iface::route::{LEARNED, RouteSlot};
#[cfg(feature = "tcp")]
use crate::tcp::table::{Listener, TcpSlot};
#[cfg(feature = "udp")]
use crate::udp::UdpSlot;

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
    // Vectors, since those need not be filled before there is a stack: an empty table takes neither
    // code nor constants. (What borrows for 'a cannot be in one: it would have to outlive that.)
    pub(super) routes: Vec<Option<RouteSlot>, { config::ROUTES + LEARNED }>,
    pub(super) waiters: Vec<Waiter, { config::WAITERS }>,
    #[cfg(feature = "udp")]
    pub(super) udp: Vec<UdpSlot, UDP>,
    #[cfg(feature = "tcp")]
    pub(super) tcp: Vec<TcpSlot, TCP>,
    #[cfg(feature = "tcp")]
    pub(super) tcp_timers: Vec<TimerEntry, TCP>,
    #[cfg(feature = "tcp")]
    pub(super) listeners: Vec<Option<Listener>, LISTENERS>,
}

impl<const INTERFACES: usize, const UDP: usize, const TCP: usize, const LISTENERS: usize>
    StackStorage<'_, INTERFACES, UDP, TCP, LISTENERS>
{
    /// Empty tables.
    pub fn new() -> Self {
        const {
            assert!(
                INTERFACES >= 1 && INTERFACES <= 32,
                "a stack has 1 to 32 interfaces"
            )
        };
        Self {
            interfaces: core::array::from_fn(|_| None),
            routes: Vec::new(),
            waiters: Vec::new(),
            #[cfg(feature = "udp")]
            udp: Vec::new(),
            #[cfg(feature = "tcp")]
            tcp: Vec::new(),
            #[cfg(feature = "tcp")]
            tcp_timers: Vec::new(),
            #[cfg(feature = "tcp")]
            listeners: Vec::new(),
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

/// All places of a table that has none yet, empty.
pub(super) fn filled<T, const N: usize>(table: &mut Vec<T, N>, empty: fn() -> T) -> &mut [T] {
    while !table.is_full() {
        // Nothing comes back: there is room.
        let _: Result<(), ()> = table.push(empty()).map_err(core::mem::forget);
    }
    table
}
