//! Linux TAP and TUN: an interface of this host whose other end is a port.
//!
//! A TAP interface carries Ethernet frames, a TUN interface bare IP packets
//! (`Documentation/networking/tuntap.rst` of Linux). To make or set up one takes `CAP_NET_ADMIN`.
//!
//! A frame is scattered over the blocks of the pool as it is read, and gathered from them as it
//! is written. When the stack is behind or the pool is empty, frames wait in the queue of Linux.

mod configure;
mod system;

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::net::IpAddr;
use core::pin::pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Poll;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::string::String;
use std::vec;

use async_io::{Async, Timer};
use rustix::io::Errno;

use self::configure::Configuration;
use super::{LinkUp, longest_frame, pass, receive_offset};
use crate::link::{DriverEnd, Medium};
#[cfg(feature = "timestamps")]
use crate::netbuf::pool::Stamp;
use crate::netbuf::{NetBuf, Pool, Purpose};

/// Frames that pass in one direction before other tasks have their turn.
const BATCH: u32 = 64;
/// How long, and how often, blocks for a long frame are waited for.
const PAUSE: core::time::Duration = core::time::Duration::from_millis(1);
const PAUSES: u32 = 50;

// `linux/if_tun.h`: the kind of interface, and no header of its own before each frame.
const IFF_TUN: i16 = 0x0001;
#[cfg(feature = "ethernet")]
const IFF_TAP: i16 = 0x0002;
const IFF_NO_PI: i16 = 0x1000;

/// What an interface carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TapKind {
    /// Ethernet frames.
    #[cfg(feature = "ethernet")]
    Tap,
    /// Bare IP packets.
    Tun,
}

impl TapKind {
    const fn medium(self) -> Medium {
        match self {
            #[cfg(feature = "ethernet")]
            Self::Tap => Medium::Ethernet,
            Self::Tun => Medium::Ip,
        }
    }
}

/// How to make an interface and set up its Linux side.
#[derive(Clone, Copy, Debug)]
pub struct TapOptions<'o> {
    /// The name of the interface, at most 15 bytes. `%d` in it becomes a number that is free. An
    /// interface that exists is used if it is of this kind and nobody else uses it.
    pub name: &'o str,
    /// What it carries.
    pub kind: TapKind,
    /// The largest network packet of a frame, in bytes.
    pub mtu: u16,
    /// Addresses of the Linux side, each with the length of its prefix. Linux uses them at once,
    /// without duplicate address detection.
    pub addresses: &'o [(IpAddr, u8)],
    /// Whether to set MTU and addresses and to bring the interface up: without it the interface
    /// is used as it was set up before, which takes no privilege if its owner is this user.
    pub configure: bool,
}

impl<'o> TapOptions<'o> {
    /// An interface `name` with an MTU of 1,500 bytes and no address of the Linux side.
    pub const fn new(name: &'o str, kind: TapKind) -> Self {
        Self {
            name,
            kind,
            mtu: 1500,
            addresses: &[],
            configure: true,
        }
    }
}

/// Frames that an interface lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TapStats {
    /// Frames to be sent that Linux refused: it had no memory, its side was down, or the frame
    /// was malformed.
    pub send_refused: u32,
    /// Frames to be sent that were longer than the MTU allows.
    pub send_long: u32,
}

/// A TAP or TUN interface. It is gone when this is dropped, if this made it.
pub struct TapDevice {
    file: Async<OwnedFd>,
    name: String,
    kind: TapKind,
    mtu: u16,
    send_refused: AtomicU32,
    send_long: AtomicU32,
    #[cfg(feature = "timestamps")]
    made: std::time::Instant,
}

impl TapDevice {
    /// Makes the interface, or attaches to it, and sets up its Linux side, in the network
    /// namespace that this thread is in.
    pub fn open(options: &TapOptions<'_>) -> io::Result<Self> {
        let mut name = [0; system::NAME];
        match name.get_mut(..options.name.len()) {
            // The last byte is a zero.
            Some(place) if options.name.len() < system::NAME => {
                place.copy_from_slice(options.name.as_bytes());
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
        let kind = match options.kind {
            #[cfg(feature = "ethernet")]
            TapKind::Tap => IFF_TAP,
            TapKind::Tun => IFF_TUN,
        };
        let (file, name) = system::attach(&name, kind | IFF_NO_PI)?;
        let length = name.iter().position(|&byte| byte == 0);
        let name = name.get(..length.unwrap_or(name.len())).unwrap_or(&[]);
        let device = Self {
            file: Async::new(file)?,
            name: String::from_utf8_lossy(name).into_owned(),
            kind: options.kind,
            mtu: options.mtu,
            send_refused: AtomicU32::new(0),
            send_long: AtomicU32::new(0),
            #[cfg(feature = "timestamps")]
            made: std::time::Instant::now(),
        };
        if options.configure {
            let configuration = Configuration::of(&device.name)?;
            configuration.bring_up(Some(options.mtu))?;
            for &(address, prefix) in options.addresses {
                configuration.add_address(address, prefix)?;
            }
        }
        Ok(device)
    }

    /// The name that the interface has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the interface carries.
    pub fn kind(&self) -> TapKind {
        self.kind
    }

    /// The largest network packet of a frame, in bytes.
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Frames lost so far.
    pub fn stats(&self) -> TapStats {
        TapStats {
            send_refused: self.send_refused.load(Ordering::Relaxed),
            send_long: self.send_long.load(Ordering::Relaxed),
        }
    }

    /// Moves frames between the interface and the port of `driver`, both ways at once, receiving
    /// into blocks of `pool`. The link is up as long as this runs.
    ///
    /// It ends only with an error: [`InvalidInput`](io::ErrorKind::InvalidInput) if the port is of
    /// another medium, else what Linux says, for instance that the interface was deleted.
    pub async fn run(&self, driver: DriverEnd<'_>, pool: Pool) -> io::Result<Infallible> {
        if driver.capabilities().medium != self.kind.medium() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let _up = LinkUp::new(driver);
        let mut receive = pin!(self.receive(driver, pool));
        let mut send = pin!(self.send(driver));
        // Each direction goes on while the other waits.
        poll_fn(|context| match receive.as_mut().poll(context) {
            Poll::Pending => send.as_mut().poll(context),
            ended => ended,
        })
        .await
    }

    async fn receive(&self, driver: DriverEnd<'_>, pool: Pool) -> io::Result<Infallible> {
        let longest = longest_frame(self.kind.medium(), self.mtu);
        let mut prepared = None;
        loop {
            for _ in 0..BATCH {
                // First the room, then the frame: what finds none waits in the queue of Linux.
                poll_fn(|context| driver.poll_room(context)).await;
                let mut buf = match prepared.take() {
                    Some(buf) => buf,
                    // One byte more tells a frame that is too long.
                    None => blocks(pool, receive_offset(self.kind.medium()), longest + 1).await,
                };
                let room = buf.len();
                match system::read(&self.file, &mut buf) {
                    // What fills it may have been longer.
                    Ok(length) if (1..room).contains(&length) => {
                        buf.truncate(length);
                        #[cfg(feature = "timestamps")]
                        buf.set_stamp(Stamp {
                            nanos: self.nanos(),
                            id: 0,
                        });
                        // A port without room has counted it.
                        let _: Result<(), NetBuf> = driver.deliver(buf);
                    }
                    Ok(_) => {
                        driver.count_receive_errors(1);
                        prepared = Some(buf);
                    }
                    Err(error) => {
                        // Until there is a frame, there may be blocks for a long one.
                        prepared = Some(buf).filter(|_| room > longest);
                        match error.kind() {
                            io::ErrorKind::Interrupted => {}
                            io::ErrorKind::WouldBlock => {
                                poll_fn(|context| self.file.poll_readable(context)).await?
                            }
                            _ => return Err(error),
                        }
                    }
                }
            }
            pass().await;
        }
    }

    async fn send(&self, driver: DriverEnd<'_>) -> io::Result<Infallible> {
        let longest = longest_frame(self.kind.medium(), self.mtu);
        loop {
            for _ in 0..BATCH {
                let frame = driver.next_tx().await;
                if frame.len() > longest {
                    let _: u32 = self.send_long.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                if !self.write(&frame).await? {
                    let _: u32 = self.send_refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                #[cfg(feature = "timestamps")]
                if frame.stamp().id != 0 {
                    driver.report_transmitted(frame.stamp().id, self.nanos());
                }
            }
            pass().await;
        }
    }

    /// Sends a frame; false if Linux refuses this one.
    async fn write(&self, frame: &NetBuf) -> io::Result<bool> {
        loop {
            match write(&self.file, frame) {
                Ok(()) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => {
                    poll_fn(|context| self.file.poll_writable(context)).await?;
                }
                // There is no memory, the Linux side is down, or the frame is malformed.
                Err(Errno::NOBUFS | Errno::NOMEM | Errno::IO | Errno::INVAL) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[cfg(feature = "timestamps")]
    fn nanos(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A buffer of `length` bytes to receive into. Where there are no blocks for that, and the stack that
/// is behind does not give any back for a while, it is one of so many as are sure to be had: those that
/// wait for blocks may wait for a short frame.
async fn blocks(pool: Pool, offset: usize, length: usize) -> NetBuf {
    if pool.can_hold(Purpose::Receive, offset, length) {
        for _ in 0..PAUSES {
            if let Ok(buf) = pool.alloc_chain(Purpose::Receive, offset, length) {
                return buf;
            }
            let _: std::time::Instant = Timer::after(PAUSE).await;
        }
    }
    let sure = pool.receive_reserve(offset).min(length);
    pool.alloc_chain_async(Purpose::Receive, offset, sure).await
}

/// Sends a frame, gathered from its fragments.
fn write(file: impl AsFd, frame: &NetBuf) -> Result<(), Errno> {
    let mut pieces = heapless::Vec::<IoSlice<'_>, { system::PIECES }>::new();
    let fits = frame
        .fragments()
        .filter(|fragment| !fragment.is_empty())
        .all(|fragment| pieces.push(IoSlice::new(fragment)).is_ok());
    let _: usize = if fits {
        rustix::io::writev(file, &pieces)?
    } else {
        let mut bytes = vec![0; frame.len()];
        let _: usize = frame.read(0, &mut bytes);
        rustix::io::write(file, &bytes)?
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_is_too_long_is_refused() {
        let options = TapOptions::new("a-name-of-16-byt", TapKind::Tun);
        let error = TapDevice::open(&options).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    // The future can move to another thread.
    fn _is_send(device: &TapDevice, driver: DriverEnd<'_>, pool: Pool) -> impl Send {
        device.run(driver, pool)
    }
}
