//! Drivers in C: a table of functions for each interface.

use core::cell::Cell;
use core::ffi::{c_int, c_uint, c_void};
use core::task::{Context, Waker};

use super::layout::{Driver, IoVec};
use super::pointers::NOWHERE;
use crate::compat::bsd::Errno;
use crate::config;
use crate::link::{Capabilities, DriverEnd, LinkState, Medium, Offload, Port};
#[cfg(feature = "ethernet")]
use crate::netbuf::pool::RECEIVE_OFFSET;
use crate::netbuf::{NetBuf, Pool, Purpose};

/// Ethernet frames, without the frame check sequence.
pub const MEDIUM_ETHERNET: c_uint = 0;
/// Bare IP packets.
pub const MEDIUM_IP: c_uint = 1;

/// Pieces of a frame, at most.
const PIECES: usize = 16;

/// What of a frame on Ethernet is no packet: its header and one tag (IEEE 802.3 §3.2.7).
#[cfg(feature = "ethernet")]
const ETHERNET: usize = 14 + 4;

/// Frames that pass in either direction before the stack has its turn.
const BATCH: usize = config::PORT_RX_QUEUE;

/// A driver and its port.
pub(super) struct Link {
    pub(super) port: Port,
    driver: Driver,
    /// The longest frame that is received.
    longest: usize,
    /// What the driver has had no room for.
    waiting: Cell<Option<NetBuf>>,
}

impl Link {
    pub(super) fn new(driver: Driver) -> Result<Self, Errno> {
        let mtu = if driver.mtu == 0 { 1500 } else { driver.mtu };
        let (capabilities, header) = match driver.medium {
            #[cfg(feature = "ethernet")]
            // A group, or nobody, is no station (IEEE 802 §8.2).
            MEDIUM_ETHERNET if driver.address[0] & 1 == 1 || driver.address == [0; 6] => {
                return Err(Errno::EINVAL);
            }
            #[cfg(feature = "ethernet")]
            MEDIUM_ETHERNET => (Capabilities::ethernet(driver.address), ETHERNET),
            MEDIUM_IP => (Capabilities::ip(mtu), 0),
            _ => return Err(Errno::EINVAL),
        };
        let offload = Offload::from_bits(driver.offload).ok_or(Errno::EINVAL)?;
        if driver.receive.is_none() || driver.send.is_none() {
            return Err(Errno::EFAULT);
        }
        let capabilities = Capabilities {
            mtu,
            offload,
            ..capabilities
        };
        Ok(Self {
            port: Port::new(capabilities),
            driver,
            longest: usize::from(mtu) + header,
            waiting: Cell::new(None),
        })
    }

    /// One without a driver, which leads to this host itself.
    #[cfg(feature = "loopback")]
    pub(super) const fn loopback() -> Self {
        Self {
            port: Port::new(Capabilities::ip(1500)),
            driver: Driver {
                context: NOWHERE,
                link: None,
                receive: None,
                send: None,
                filter: None,
                medium: MEDIUM_IP,
                mtu: 1500,
                offload: 0,
                address: [0; 6],
            },
            longest: 1500,
            waiting: Cell::new(None),
        }
    }

    /// Whether the driver has not taken a frame yet that it was given.
    pub(super) fn is_behind(&self) -> bool {
        let waiting = self.waiting.take();
        let is_behind = waiting.is_some();
        self.waiting.set(waiting);
        is_behind
    }

    /// Moves a batch of frames both ways; says whether there were any.
    pub(super) fn serve(&self, pool: Pool) -> bool {
        if self.driver.send.is_none() {
            return false;
        }
        let (port, _) = self.port.split();
        let is_up = self.look(port);
        let mut any = false;
        for _ in 0..BATCH {
            let received = is_up && self.receive(port, pool);
            let sent = self.send(port, pool);
            if !received && !sent {
                break;
            }
            any = true;
        }
        any
    }

    /// Tells the port of the link, and the driver of groups.
    fn look(&self, port: DriverEnd<'_>) -> bool {
        let context = self.driver.context;
        // SAFETY: the program says that it may be called so.
        let is_up = self
            .driver
            .link
            .is_none_or(|link| unsafe { link(context) } != 0);
        match is_up {
            true => port.set_link(LinkState::Up),
            false => {
                port.set_link(LinkState::Down);
                drop(self.waiting.take());
            }
        }
        #[cfg(feature = "multicast")]
        if let Some(filter) = self.driver.filter {
            port.take_filter(|groups| {
                let mut bytes = [[0; 6]; config::LINK_GROUPS];
                let mut count = 0;
                for (to, group) in bytes.iter_mut().zip(groups) {
                    if let Some(octets) = group.as_bytes().first_chunk() {
                        *to = *octets;
                        count += 1;
                    }
                }
                // SAFETY: as above; `count` groups are there for as long as the call takes.
                unsafe { filter(context, bytes.as_flattened().as_ptr(), count) };
            });
        }
        is_up
    }

    /// Takes a received frame from the driver; false if there is none, or no room for it.
    fn receive(&self, port: DriverEnd<'_>, pool: Pool) -> bool {
        let Some(receive) = self.driver.receive else {
            return false;
        };
        let mut nobody = Context::from_waker(Waker::noop());
        if port.poll_room(&mut nobody).is_pending() {
            return false;
        }
        let offset = match port.capabilities().medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => RECEIVE_OFFSET,
            Medium::Ip => 0,
        };
        // What is sure to find blocks in the end, and fits the pieces.
        let most = (PIECES * pool.block_size()).saturating_sub(offset);
        let room = self.longest.min(pool.receive_reserve(offset)).min(most);
        let Ok(mut buf) = pool.alloc_chain(Purpose::Receive, offset, room) else {
            return false;
        };
        let mut pieces = Pieces::new();
        // Nobody shares it yet, and there are no more than so many.
        let _ = buf.for_each_fragment_mut(|piece| {
            let _: bool = pieces.push(piece.as_mut_ptr().cast(), piece.len());
        });
        let Pieces { list, count } = &pieces;
        // SAFETY: the program says that it may be called so; the pieces are of a buffer that is
        // nobody else's, and all bytes of it have values.
        let length = unsafe { receive(self.driver.context, list.as_ptr(), *count) };
        if length == 0 {
            return false;
        }
        if length > room {
            port.count_receive_errors(1);
            return true;
        }
        buf.truncate(length);
        // A port without room has counted it.
        drop(port.deliver(buf));
        true
    }

    /// Gives the driver a frame to be sent; false if there is none, or it has no room for it.
    fn send(&self, port: DriverEnd<'_>, pool: Pool) -> bool {
        let Some(send) = self.driver.send else {
            return false;
        };
        let Some(mut frame) = self.waiting.take().or_else(|| port.try_next_tx()) else {
            return false;
        };
        let mut pieces = Pieces::of(&frame);
        if pieces.is_none() {
            // It is in more pieces than the driver is given: fewer blocks have it too.
            match frame
                .copy_to(pool, Purpose::Header, 0)
                .or_else(|_| frame.copy_to(pool, Purpose::Receive, 0))
            {
                Ok(copy) => frame = copy,
                Err(_) => {
                    port.count_send_errors(1);
                    return true;
                }
            }
            pieces = Pieces::of(&frame);
        }
        let Some(Pieces { list, count }) = pieces else {
            port.count_send_errors(1);
            return true;
        };
        // SAFETY: the program says that it may be called so; the pieces are there for as long as the
        // call takes, and it only reads them.
        match unsafe { send(self.driver.context, list.as_ptr(), count) } {
            0 => true,
            again if again == Errno::EAGAIN as c_int => {
                self.waiting.set(Some(frame));
                false
            }
            _ => {
                port.count_send_errors(1);
                true
            }
        }
    }
}

/// Where the pieces of a frame are.
struct Pieces {
    list: [IoVec; PIECES],
    count: usize,
}

impl Pieces {
    const fn new() -> Self {
        const NONE: IoVec = IoVec {
            iov_base: NOWHERE,
            iov_len: 0,
        };
        Self {
            list: [NONE; PIECES],
            count: 0,
        }
    }

    /// The pieces of a frame, unless there are too many.
    fn of(frame: &NetBuf) -> Option<Self> {
        let mut pieces = Self::new();
        let mut fragments = frame.fragments().filter(|piece| !piece.is_empty());
        fragments
            .all(|piece| pieces.push(piece.as_ptr().cast_mut().cast(), piece.len()))
            .then_some(pieces)
    }

    fn push(&mut self, iov_base: *mut c_void, iov_len: usize) -> bool {
        let place = self.list.get_mut(self.count);
        self.count += usize::from(place.is_some());
        place
            .map(|place| *place = IoVec { iov_base, iov_len })
            .is_some()
    }
}
