//! Drivers: what moves frames between a port and the world.
//!
//! A driver stands on [`link`](crate::link) and [`netbuf`](crate::netbuf) only: it takes the
//! [`DriverEnd`](crate::link::DriverEnd) of a port and a [`Pool`](crate::netbuf::Pool) to receive
//! into, and is an async task of its own.

#[cfg(all(
    test,
    feature = "ethernet",
    any(foreign_device, feature = "driver-virtio-net")
))]
mod bench;
#[cfg(feature = "driver-embassy-net")]
pub mod embassy_net_driver;
#[cfg(any(feature = "driver-lan9118", feature = "driver-stellaris"))]
mod fifo;
#[cfg(foreign_device)]
mod foreign;
#[cfg(feature = "driver-lan9118")]
pub mod lan9118;
#[cfg(feature = "pcap")]
pub mod pcap;
#[cfg(any(feature = "driver-lan9118", feature = "driver-stellaris"))]
pub mod registers;
#[cfg(feature = "slip")]
pub mod slip;
#[cfg(feature = "driver-stellaris")]
pub mod stellaris;
#[cfg(all(feature = "driver-tap", target_os = "linux"))]
pub mod tap;
#[cfg(feature = "driver-virtio-net")]
pub mod virtio_net;
#[cfg(feature = "driver-wire")]
pub mod wire;
#[cfg(feature = "driver-xarxa")]
pub mod xarxa_driver;

#[cfg(foreign_device)]
pub use foreign::UnsupportedMedium;

/// The longest frame of a link, in bytes: on Ethernet its header and one tag come on top of the
/// packet (IEEE 802.3 §3.2.7).
#[cfg(any(
    foreign_device,
    feature = "driver-lan9118",
    feature = "driver-stellaris",
    feature = "driver-virtio-net",
    feature = "driver-wire",
    feature = "slip",
    all(feature = "driver-tap", target_os = "linux")
))]
fn longest_frame(medium: crate::link::Medium, mtu: u16) -> usize {
    match medium {
        #[cfg(feature = "ethernet")]
        crate::link::Medium::Ethernet => usize::from(mtu) + 14 + 4,
        crate::link::Medium::Ip => usize::from(mtu),
    }
}

/// Where a received frame starts in its first block, so that its network header is aligned.
#[cfg(any(
    foreign_device,
    feature = "driver-lan9118",
    feature = "driver-stellaris",
    feature = "driver-virtio-net",
    feature = "driver-wire",
    feature = "slip",
    all(feature = "driver-tap", target_os = "linux")
))]
fn receive_offset(medium: crate::link::Medium) -> usize {
    match medium {
        #[cfg(feature = "ethernet")]
        crate::link::Medium::Ethernet => crate::netbuf::pool::RECEIVE_OFFSET,
        crate::link::Medium::Ip => 0,
    }
}

/// The link is up as long as this lives.
#[cfg(any(feature = "slip", all(feature = "driver-tap", target_os = "linux")))]
struct LinkUp<'p>(crate::link::DriverEnd<'p>);

#[cfg(any(feature = "slip", all(feature = "driver-tap", target_os = "linux")))]
impl<'p> LinkUp<'p> {
    fn new(driver: crate::link::DriverEnd<'p>) -> Self {
        driver.set_link(crate::link::LinkState::Up);
        Self(driver)
    }
}

#[cfg(any(feature = "slip", all(feature = "driver-tap", target_os = "linux")))]
impl Drop for LinkUp<'_> {
    fn drop(&mut self) {
        self.0.set_link(crate::link::LinkState::Down);
    }
}

/// Blocks for a received frame of `length` bytes. They are waited for where they are sure to come; a
/// frame that is longer than that finds them now, or not at all: nobody's patience keeps the others
/// out.
#[cfg(any(feature = "driver-lan9118", feature = "driver-stellaris"))]
async fn blocks_for(
    pool: crate::netbuf::Pool,
    offset: usize,
    length: usize,
) -> Option<crate::netbuf::NetBuf> {
    use crate::netbuf::Purpose;

    if length > pool.receive_reserve(offset) {
        return pool.alloc_chain(Purpose::Receive, offset, length).ok();
    }
    let blocks = pool.alloc_chain_async(Purpose::Receive, offset, length);
    Some(blocks.await)
}

/// Lets other tasks have their turn.
#[cfg(any(
    feature = "driver-lan9118",
    feature = "driver-stellaris",
    feature = "slip",
    all(feature = "driver-tap", target_os = "linux")
))]
async fn pass() {
    use core::task::Poll;

    let mut passed = false;
    core::future::poll_fn(|context| {
        if core::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
