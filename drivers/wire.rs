//! An in-process link: what one station sends, all others receive.
//!
//! A [`Hub`] is perfect: it keeps the order of each station's frames and loses none for want of
//! room. A frame stays with its sender until every other station has room for it, so a hub is as
//! fast as its slowest station. A station loses a frame that is longer than its MTU allows, or
//! for which its pool has no block; its port counts that as a receive error.
//!
//! Between stations of one pool a frame moves, or is shared, without being copied.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use super::{longest_frame, receive_offset};
use crate::config;
use crate::link::{DriverEnd, LinkState};
use crate::netbuf::{Charge, Meta, NetBuf, NoBuffer, Pool, Purpose};

/// Frames of one station that can wait, and so the most that it sends before others have a turn.
const ROUNDS: usize = config::PORT_TX_QUEUE * config::TRAFFIC_CLASSES;

/// A port on a hub, and the pool that it receives into.
#[derive(Clone, Copy)]
pub struct Station<'p> {
    end: DriverEnd<'p>,
    pool: Pool,
}

/// Joins `N` stations of one medium. Their links are up for as long as it lives.
///
/// ```
/// use zonda::drivers::wire::{Station, Wire};
/// use zonda::link::{Capabilities, Port};
/// use zonda::netbuf::{NetBufPool, Purpose};
///
/// static POOL: NetBufPool<8, 512> = NetBufPool::new();
/// let (here, there) = (Port::new(Capabilities::ip(512)), Port::new(Capabilities::ip(512)));
/// let (driver, sender) = here.split();
/// let (other_driver, receiver) = there.split();
/// let pool = POOL.pool();
/// let wire = Wire::new([Station::new(driver, pool), Station::new(other_driver, pool)]);
///
/// let mut packet = pool.alloc(Purpose::Send, 64)?;
/// packet.append(b"hello")?;
/// assert!(sender.send(packet).is_ok());
/// assert_eq!(wire.step(), 1);
/// assert!(receiver.receive().0.pop_front().is_some_and(|packet| packet.equals(b"hello")));
/// # Ok::<(), zonda::netbuf::NoBuffer>(())
/// ```
pub struct Hub<'p, const N: usize> {
    stations: [Station<'p>; N],
}

/// A hub of two stations.
pub type Wire<'p> = Hub<'p, 2>;

impl<'p> Station<'p> {
    /// A station that is reached by the port of `end` and receives into blocks of `pool`, which
    /// is the pool of whoever has the port's other end.
    pub const fn new(end: DriverEnd<'p>, pool: Pool) -> Self {
        Self { end, pool }
    }

    /// Gives the station a frame of its own; says by an error why it is lost.
    fn deliver(&self, frame: Result<NetBuf, NoBuffer>) {
        let Ok(mut frame) = frame else {
            self.end.count_receive_errors(1);
            return;
        };
        // What the sender knew about the frame did not travel with it.
        frame.set_meta(Meta::NEW);
        #[cfg(feature = "timestamps")]
        frame.set_stamp(Default::default());
        // Nothing bounds the charge of a packet on its way.
        let _: Result<(), NoBuffer> = frame.set_charge(Charge::Flow);
        // A port without room has counted it.
        let _: Result<(), NetBuf> = self.end.deliver(frame);
    }

    /// The frame in blocks that the station can hold.
    fn share(&self, frame: &NetBuf) -> Result<NetBuf, NoBuffer> {
        if frame.pool().is(self.pool)
            && let Ok(shared) = frame.try_clone()
        {
            return Ok(shared);
        }
        let offset = receive_offset(self.end.capabilities().medium);
        frame.copy_to(self.pool, Purpose::Receive, offset)
    }
}

impl<'p, const N: usize> Hub<'p, N> {
    /// Joins `stations`, whose links come up.
    pub fn new(stations: [Station<'p>; N]) -> Self {
        for station in &stations {
            station.end.set_link(LinkState::Up);
        }
        Self { stations }
    }

    /// Moves the frames that wait now, as far as there is room for them; says how many.
    ///
    /// The stations take turns, one frame each, so the order is the same in every run.
    pub fn step(&self) -> usize {
        self.advance(&mut Context::from_waker(Waker::noop()))
    }

    /// Moves frames whenever there are some.
    pub async fn run(&self) -> Infallible {
        poll_fn(|context| {
            if self.advance(context) > 0 {
                // Others have their turn before the next frames.
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }

    fn advance(&self, context: &mut Context<'_>) -> usize {
        let mut moved = 0;
        for _ in 0..ROUNDS {
            let before = moved;
            for (index, station) in self.stations.iter().enumerate() {
                if self.room_beside(index, context)
                    && let Poll::Ready(frame) = station.end.poll_next_tx(context)
                {
                    self.spread(index, frame);
                    moved += 1;
                }
            }
            if moved == before {
                break;
            }
        }
        moved
    }

    /// Whether all stations but `sender` have room for a frame.
    fn room_beside(&self, sender: usize, context: &mut Context<'_>) -> bool {
        let mut others = self.others(sender);
        others.all(|station| station.end.poll_room(context).is_ready())
    }

    fn others(&self, sender: usize) -> impl Iterator<Item = &Station<'p>> {
        let stations = self.stations.iter().enumerate();
        stations
            .filter(move |(index, _)| *index != sender)
            .map(|(_, station)| station)
    }

    /// Gives all stations but `sender` the frame: the last of them itself, the others a share.
    fn spread(&self, sender: usize, frame: NetBuf) {
        let fits = |station: &&Station<'_>| {
            let link = station.end.capabilities();
            let fits = frame.len() <= longest_frame(link.medium, link.mtu);
            if !fits {
                station.end.count_receive_errors(1);
            }
            fits
        };
        let mut others = self.others(sender).filter(fits);
        let Some(mut station) = others.next() else {
            return;
        };
        for next in others {
            station.deliver(station.share(&frame));
            station = next;
        }
        if frame.pool().is(station.pool) {
            station.deliver(Ok(frame));
        } else {
            station.deliver(station.share(&frame));
        }
    }
}

impl<const N: usize> Drop for Hub<'_, N> {
    fn drop(&mut self) {
        for station in &self.stations {
            station.end.set_link(LinkState::Down);
        }
    }
}

#[cfg(test)]
mod tests;
