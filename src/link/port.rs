//! Two bounded queues, the state of the link, and who waits for what.

#[cfg(all(debug_assertions, ip))]
mod check;

use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

#[cfg(feature = "timestamps")]
use heapless::Deque;
#[cfg(feature = "multicast")]
use heapless::Vec;

#[cfg(feature = "promiscuous")]
use super::ReceiveMode;
use super::{Capabilities, LinkState};
use crate::config;
use crate::netbuf::{BufQueue, NetBuf};
use crate::sync::Section;
#[cfg(feature = "multicast")]
use crate::wire::LinkAddr;

/// Packets that passed a port, and those that found it full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PortStats {
    /// Frames that the driver delivered.
    pub received: u32,
    /// Frames that the driver could not deliver, because the stack was behind.
    pub receive_full: u32,
    /// Frames that the driver lost or refused before there was a buffer to deliver: overruns,
    /// damaged frames, no block free.
    pub receive_errors: u32,
    /// Frames that the driver took to be sent.
    pub sent: u32,
    /// Frames among those that the driver could not send: too long, or the hardware failed.
    pub send_errors: u32,
    /// Frames that the stack could not queue, because the driver was behind or the link down, and
    /// those that waited when it went down.
    pub send_full: u32,
}

/// Where a driver and the stack meet. Make it a `static`, or let it outlive both.
pub struct Port {
    state: Section<State>,
}

struct State {
    capabilities: Capabilities,
    link: LinkState,
    /// The link or its capabilities have changed since the stack looked.
    changed: bool,
    /// The link has gone down since then.
    fell: bool,
    received: BufQueue,
    to_send: [BufQueue; config::TRAFFIC_CLASSES],
    /// The classes that have frames to be sent, a bit each.
    classes: u8,
    stats: PortStats,
    driver: Option<Waker>,
    stack: Option<Waker>,
    /// The stack waits for the driver to take a frame.
    room_wanted: bool,
    #[cfg(feature = "multicast")]
    groups: Vec<LinkAddr, { config::LINK_GROUPS }>,
    #[cfg(feature = "multicast")]
    groups_changed: bool,
    #[cfg(feature = "promiscuous")]
    mode: ReceiveMode,
    #[cfg(feature = "promiscuous")]
    mode_changed: bool,
    #[cfg(feature = "timestamps")]
    transmitted: Deque<(u32, u64), { config::TRANSMIT_STAMPS }>,
}

/// The driver's end of a port.
///
/// There is one place for a waker: a driver does all its waiting in one task. Where two wait, they
/// take the place from each other and are polled in turn until one of them can go on.
#[derive(Clone, Copy)]
pub struct DriverEnd<'p>(&'p Port);

/// The stack's end of a port.
#[derive(Clone, Copy)]
pub struct StackEnd<'p>(&'p Port);

impl Port {
    /// A port whose link is down.
    #[cfg(not(loom_models))]
    pub const fn new(capabilities: Capabilities) -> Self {
        Self {
            state: Section::new(State::new(capabilities)),
        }
    }

    /// A port whose link is down.
    #[cfg(loom_models)]
    pub fn new(capabilities: Capabilities) -> Self {
        Self {
            state: Section::new(State::new(capabilities)),
        }
    }

    /// The two ends.
    pub fn split(&self) -> (DriverEnd<'_>, StackEnd<'_>) {
        (DriverEnd(self), StackEnd(self))
    }

    /// What has passed so far.
    pub fn stats(&self) -> PortStats {
        self.state.with(|state| state.stats)
    }

    /// Changes the state, and wakes the stack if `work` says so.
    #[inline]
    fn change<R>(&self, work: impl FnOnce(&mut State) -> (bool, R)) -> R {
        let (waker, result) = self.state.with(|state| {
            let (wake, result) = work(state);
            (if wake { state.stack.take() } else { None }, result)
        });
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }
}

impl State {
    const fn new(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            link: LinkState::Down,
            changed: true,
            fell: false,
            received: BufQueue::new(),
            to_send: [const { BufQueue::new() }; config::TRAFFIC_CLASSES],
            classes: 0,
            stats: PortStats {
                received: 0,
                receive_full: 0,
                receive_errors: 0,
                sent: 0,
                send_errors: 0,
                send_full: 0,
            },
            driver: None,
            stack: None,
            room_wanted: false,
            #[cfg(feature = "multicast")]
            groups: Vec::new(),
            #[cfg(feature = "multicast")]
            groups_changed: false,
            #[cfg(feature = "promiscuous")]
            mode: ReceiveMode::empty(),
            #[cfg(feature = "promiscuous")]
            mode_changed: false,
            #[cfg(feature = "timestamps")]
            transmitted: Deque::new(),
        }
    }

    /// The next frame to be sent, and the stack's task if it waits for the place.
    #[inline]
    fn next_to_send(&mut self) -> Option<(NetBuf, Option<Waker>)> {
        let class = self.classes.checked_ilog2()?;
        let queue = self.to_send.get_mut(class as usize)?;
        let buf = queue.pop_front()?;
        if queue.is_empty() {
            self.classes &= !(1 << class);
        }
        self.stats.sent = self.stats.sent.wrapping_add(1);
        let waker = if core::mem::take(&mut self.room_wanted) {
            self.changed = true;
            self.stack.take()
        } else {
            None
        };
        Some((buf, waker))
    }

    /// All frames that wait to be sent, which count as not sent.
    fn take_unsent(&mut self) -> [BufQueue; config::TRAFFIC_CLASSES] {
        let none = [const { BufQueue::new() }; config::TRAFFIC_CLASSES];
        let unsent = core::mem::replace(&mut self.to_send, none);
        self.classes = 0;
        let count = unsent.iter().map(BufQueue::len).sum::<usize>() as u32;
        self.stats.send_full = self.stats.send_full.wrapping_add(count);
        unsent
    }
}

impl DriverEnd<'_> {
    /// Hands a received frame to the stack. On an error, which gives it back, the stack is behind:
    /// drop the frame, or keep it until [`DriverEnd::poll_room`] is ready. A frame of another pool
    /// than those that wait comes back too.
    #[inline]
    pub fn deliver(&self, buf: NetBuf) -> Result<(), NetBuf> {
        self.0.change(|state| {
            let result = if state.received.len() < config::PORT_RX_QUEUE {
                state.received.try_push_back(buf)
            } else {
                Err(buf)
            };
            let count = match result {
                Ok(()) => &mut state.stats.received,
                Err(_) => &mut state.stats.receive_full,
            };
            *count = count.wrapping_add(1);
            (true, result)
        })
    }

    /// Counts frames that were lost before they could be delivered.
    pub fn count_receive_errors(&self, frames: u32) {
        self.0.state.with(|state| {
            state.stats.receive_errors = state.stats.receive_errors.wrapping_add(frames);
        });
    }

    /// Counts frames that were taken to be sent, and could not be.
    pub fn count_send_errors(&self, frames: u32) {
        self.0.state.with(|state| {
            state.stats.send_errors = state.stats.send_errors.wrapping_add(frames);
        });
    }

    /// Ready when [`DriverEnd::deliver`] would take a frame.
    pub fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        self.poll(context, |state| {
            (state.received.len() < config::PORT_RX_QUEUE).then_some(())
        })
    }

    /// The next frame to be sent, of the highest traffic class that has one.
    #[inline]
    pub fn try_next_tx(&self) -> Option<NetBuf> {
        self.0.state.with(State::next_to_send).map(wake_stack)
    }

    /// As [`DriverEnd::try_next_tx`], waking the driver's task when there is one.
    pub fn poll_next_tx(&self, context: &mut Context<'_>) -> Poll<NetBuf> {
        self.poll(context, State::next_to_send).map(wake_stack)
    }

    /// Waits for the next frame to be sent, of the highest traffic class that has one.
    pub async fn next_tx(&self) -> NetBuf {
        poll_fn(|context| self.poll_next_tx(context)).await
    }

    /// Frames that wait to be sent.
    pub fn waiting_tx(&self) -> usize {
        self.0
            .state
            .with(|state| state.to_send.iter().map(BufQueue::len).sum())
    }

    /// Reports the state of the link. Frames that wait when it goes down are dropped.
    pub fn set_link(&self, link: LinkState) {
        // The frames are dropped outside of the section.
        let _stale = self.0.change(|state| {
            let changed = state.link != link;
            state.link = link;
            state.changed |= changed;
            state.fell |= changed && link == LinkState::Down;
            let stale = (link == LinkState::Down).then(|| state.take_unsent());
            (changed, stale)
        });
    }

    /// What the link is.
    pub fn capabilities(&self) -> Capabilities {
        self.0.state.with(|state| state.capabilities)
    }

    /// Reports that the link is another than it was: its MTU, address or offloads. The medium
    /// stays as it was.
    pub fn set_capabilities(&self, capabilities: Capabilities) {
        self.0.change(|state| {
            let medium = state.capabilities.medium;
            state.capabilities = Capabilities {
                medium,
                ..capabilities
            };
            state.changed = true;
            (true, ())
        });
    }

    /// The link addresses of the groups that this station listens to, given to `program` when they
    /// have changed since the last call; a waiting driver is woken for that.
    #[cfg(feature = "multicast")]
    pub fn take_filter(&self, program: impl FnOnce(&[LinkAddr])) {
        let groups = self
            .0
            .state
            .with(|state| core::mem::take(&mut state.groups_changed).then(|| state.groups.clone()));
        if let Some(groups) = groups {
            program(&groups);
        }
    }

    /// Ready when [`DriverEnd::take_filter`] has something to tell.
    #[cfg(feature = "multicast")]
    pub fn poll_filter(&self, context: &mut Context<'_>) -> Poll<()> {
        self.poll(context, |state| state.groups_changed.then_some(()))
    }

    /// What is to be delivered beside the frames for this station, given to `program` when it has
    /// changed since the last call; a waiting driver is woken for that. A driver that delivers
    /// everything in any case need not ask.
    #[cfg(feature = "promiscuous")]
    pub fn take_mode(&self, program: impl FnOnce(ReceiveMode)) {
        let mode = (self.0.state)
            .with(|state| core::mem::take(&mut state.mode_changed).then_some(state.mode));
        if let Some(mode) = mode {
            program(mode);
        }
    }

    /// Ready when [`DriverEnd::take_mode`] has something to tell.
    #[cfg(feature = "promiscuous")]
    pub fn poll_mode(&self, context: &mut Context<'_>) -> Poll<()> {
        self.poll(context, |state| state.mode_changed.then_some(()))
    }

    /// Reports when the frame with the number `id` was sent, in nanoseconds on the driver's clock.
    #[cfg(feature = "timestamps")]
    pub fn report_transmitted(&self, id: u32, nanos: u64) {
        self.0.change(|state| {
            if state.transmitted.is_full() {
                let _: Option<(u32, u64)> = state.transmitted.pop_front();
            }
            let _: Result<(), _> = state.transmitted.push_back((id, nanos));
            (true, ())
        });
    }

    fn poll<R>(
        &self,
        context: &mut Context<'_>,
        mut work: impl FnMut(&mut State) -> Option<R>,
    ) -> Poll<R> {
        let mut waker = None;
        loop {
            let result = self.0.state.with(|state| {
                let result = work(state);
                if result.is_none() {
                    // What was registered before comes out, to be dropped outside of the section.
                    if let Some(new) = waker.take() {
                        waker = state.driver.replace(new);
                        return Some(Poll::Pending);
                    }
                }
                result.map(Poll::Ready)
            });
            match result {
                Some(poll) => {
                    // Another task of the driver was registered: it looks again.
                    if let Some(other) = waker.filter(|old| !old.will_wake(context.waker())) {
                        other.wake();
                    }
                    return poll;
                }
                None => waker = Some(context.waker().clone()),
            }
        }
    }
}

/// Wakes the stack's task, if it waits for the place of the frame that the driver has taken.
#[inline]
fn wake_stack((buf, waker): (NetBuf, Option<Waker>)) -> NetBuf {
    if let Some(waker) = waker {
        waker.wake();
    }
    buf
}

impl StackEnd<'_> {
    /// Takes all frames that wait, so that the driver can deliver as many again: if they were as
    /// many as the port holds it may wait for that, and [`StackEnd::wake_driver`] is to follow. Says
    /// too whether [`StackEnd::take_change`] has something to tell.
    #[inline]
    pub fn receive(&self) -> (BufQueue, bool) {
        self.0
            .state
            .with(|state| (state.received.take(), state.changed))
    }

    /// Queues a frame to be sent in the class that its meta names. On an error, which gives it
    /// back, the queue is full or has frames of another pool, or the link is down. The driver is
    /// woken by [`StackEnd::wake_driver`], once for many frames.
    pub fn send(&self, buf: NetBuf) -> Result<(), NetBuf> {
        self.send_unwoken(buf).map(|_| ())
    }

    /// As [`StackEnd::send`]. Says whether there is a task of the driver to be woken.
    #[inline]
    pub(crate) fn send_unwoken(&self, buf: NetBuf) -> Result<bool, NetBuf> {
        self.0.state.with(|state| {
            let class = usize::from(buf.meta().class).min(config::TRAFFIC_CLASSES - 1);
            let result = match state.to_send.get_mut(class) {
                Some(queue)
                    if queue.len() < config::PORT_TX_QUEUE && state.link == LinkState::Up =>
                {
                    queue.try_push_back(buf)
                }
                _ => Err(buf),
            };
            if result.is_err() {
                state.stats.send_full = state.stats.send_full.wrapping_add(1);
            }
            result.map(|()| {
                state.classes |= 1 << class;
                state.driver.is_some()
            })
        })
    }

    /// Drops the frames that wait to be sent.
    #[cfg(all(ip, feature = "mgmt"))]
    pub(crate) fn drop_unsent(&self) {
        drop(self.0.state.with(State::take_unsent));
    }

    /// Ready when [`StackEnd::send`] would take a frame of the traffic class `class`, and when the
    /// link is down, for it to say so. The task is the one of [`StackEnd::register`].
    pub fn poll_room(&self, class: u8, context: &mut Context<'_>) -> Poll<()> {
        let class = usize::from(class).min(config::TRAFFIC_CLASSES - 1);
        let waker = context.waker().clone();
        let (poll, old) = self.0.state.with(|state| {
            let full = state
                .to_send
                .get(class)
                .is_some_and(|queue| queue.len() >= config::PORT_TX_QUEUE);
            if !full || state.link == LinkState::Down {
                return (Poll::Ready(()), Some(waker));
            }
            state.room_wanted = true;
            (Poll::Pending, state.stack.replace(waker))
        });
        drop(old);
        poll
    }

    /// Whether [`StackEnd::send`] would take a frame of the traffic class `class`, or the link is
    /// down. If not, [`StackEnd::receive`] tells of a change as soon as it would.
    pub fn want_room(&self, class: u8) -> bool {
        let class = usize::from(class).min(config::TRAFFIC_CLASSES - 1);
        self.0.state.with(|state| {
            let queue = state.to_send.get(class);
            let full = queue.is_some_and(|queue| queue.len() >= config::PORT_TX_QUEUE);
            state.room_wanted |= full;
            !full || state.link == LinkState::Down
        })
    }

    /// Wakes the driver's task.
    #[inline]
    pub fn wake_driver(&self) {
        if let Some(driver) = self.take_driver() {
            driver.wake();
        }
    }

    /// The driver's task, which is to be woken.
    #[inline]
    pub(crate) fn take_driver(&self) -> Option<Waker> {
        self.0.state.with(|state| state.driver.take())
    }

    /// The link's state and what it is, if one of them has changed since the last call. To be called
    /// until there is nothing more to tell: of a link that went down and is up again already it is
    /// said first that it was down, as what comes up may be another.
    pub fn take_change(&self) -> Option<(LinkState, Capabilities)> {
        self.0.state.with(|state| {
            if core::mem::take(&mut state.fell) && state.link == LinkState::Up {
                return Some((LinkState::Down, state.capabilities));
            }
            core::mem::take(&mut state.changed).then_some((state.link, state.capabilities))
        })
    }

    /// What the link is.
    pub fn capabilities(&self) -> Capabilities {
        self.0.state.with(|state| state.capabilities)
    }

    /// Registers the task to wake when the driver has something for the stack. False if it has
    /// that already: then nothing is registered.
    pub fn register(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let (waiting, old) = self.0.state.with(|state| {
            if !state.received.is_empty() || state.changed {
                return (false, Some(waker));
            }
            #[cfg(feature = "timestamps")]
            if !state.transmitted.is_empty() {
                return (false, Some(waker));
            }
            (true, state.stack.replace(waker))
        });
        drop(old);
        waiting
    }

    /// Tells the driver which groups this station listens to, once [`StackEnd::wake_driver`] has
    /// woken it. Those beyond
    /// [`config::LINK_GROUPS`] are left out.
    #[cfg(feature = "multicast")]
    pub fn set_filter(&self, groups: impl Iterator<Item = LinkAddr>) {
        let groups =
            (groups.take(config::LINK_GROUPS)).collect::<Vec<_, { config::LINK_GROUPS }>>();
        self.0.state.with(|state| {
            state.groups = groups;
            state.groups_changed = true;
        });
    }

    /// Tells the driver what to deliver beside the frames for this station, once
    /// [`StackEnd::wake_driver`] has woken it.
    #[cfg(feature = "promiscuous")]
    pub fn set_mode(&self, mode: ReceiveMode) {
        self.0.state.with(|state| {
            state.mode_changed |= state.mode != mode;
            state.mode = mode;
        });
    }

    /// The number of a frame that was sent with a number, and when, in nanoseconds on the driver's
    /// clock; oldest first.
    #[cfg(feature = "timestamps")]
    pub fn take_transmitted(&self) -> Option<(u32, u64)> {
        self.0.state.with(|state| state.transmitted.pop_front())
    }

    /// What has passed so far.
    pub fn stats(&self) -> PortStats {
        self.0.stats()
    }

    /// Lets all that is counted begin at zero again.
    #[cfg(all(ip, feature = "statistics"))]
    pub(crate) fn reset_stats(&self) {
        self.0
            .state
            .with(|state| state.stats = PortStats::default());
    }
}
