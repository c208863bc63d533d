//! A stack of this process on a TAP interface, and Linux at the other end.

use std::fmt::Debug;
use std::future::Future;
use std::time::Instant;

use async_io::{Timer, block_on};
use embassy_futures::select::{Either, Either3, select, select3};
use zonda::drivers::tap::{TapDevice, TapKind, TapOptions};
use zonda::iface::{Ipv4Cidr, Ipv6Cidr};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::Pool;
use zonda::stack::{EmbassyClock, InterfaceId, Runner, Stack, StackCell, StackStorage};
use zonda::time::Duration;

use crate::demo::{DEVICE4, DEVICE6, join_tap};
use crate::namespace::PATIENCE;

/// Runs `script` with a stack on `zonda0` that has no address but those that it makes itself, and
/// room for so many TCP connections; nothing of its pool may be left.
pub fn on_tap<const TCP: usize>(pool: Pool, script: impl AsyncFn(Stack<'_>, InterfaceId)) {
    let device = TapDevice::open(&TapOptions::new("zonda0", TapKind::Tap)).unwrap();
    let port = Port::new(Capabilities::ethernet(*b"\x02ZONDA"));
    on_port::<TCP>(pool, &port, device.run(port.split().0, pool), script);
    drop((port, device));
    assert_eq!(pool.stats().blocks_used, 0);
}

/// The same with any driver, whose end of `port` is in the hands of `run`.
pub fn on_port<const TCP: usize>(
    pool: Pool,
    port: &Port,
    run: impl Future<Output: Debug>,
    script: impl AsyncFn(Stack<'_>, InterfaceId),
) {
    let clock = EmbassyClock;
    let mut storage = StackStorage::<1, 4, TCP, 1>::new();
    let cell = StackCell::new(&mut storage, pool, [7; 32], &clock);
    let stack = cell.stack();
    let id = stack.attach(port.split().1).unwrap();
    let mut runner = Runner::new(stack);
    let script = async {
        stack.link_up(id).await;
        limited(stack, script(stack, id)).await;
    };
    match block_on(select3(script, run, runner.run())) {
        Either3::First(()) => {}
        Either3::Second(end) => panic!("the driver ended: {end:?}"),
        Either3::Third(never) => match never {},
    }
}

/// The same with the addresses of the device, on a network with Linux.
pub fn beside_linux<const TCP: usize>(pool: Pool, script: impl AsyncFn(Stack<'_>)) {
    on_tap::<TCP>(pool, async |stack, id| {
        join_linux(stack, id).await;
        script(stack).await;
    });
}

/// Gives the stack the addresses of the device, and Linux its own.
pub async fn join_linux(stack: Stack<'_>, id: InterfaceId) {
    // Nobody else is there to have the address.
    #[cfg(feature = "acd")]
    let _: bool = stack.set_conflict_detection(id, zonda::iface::ConflictDetection::Off);
    let ipv4 = Ipv4Cidr::new(DEVICE4.parse().unwrap(), 24);
    stack.add_ipv4(id, ipv4).unwrap();
    let ipv6 = Ipv6Cidr::new(DEVICE6.parse().unwrap(), 64);
    stack.add_ipv6(id, ipv6).unwrap();
    join_tap();
    stack.ready(id).await;
}

/// What work comes to, within 100 seconds.
async fn limited<R>(stack: Stack<'_>, work: impl Future<Output = R>) -> R {
    match select(work, stack.sleep(Duration::from_secs(100))).await {
        Either::First(result) => result,
        Either::Second(()) => panic!("it takes too long"),
    }
}

/// Asks again and again until the answer is yes, and lets the stack run meanwhile.
pub async fn until(what: &str, mut question: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !question() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        let _: Instant = Timer::after(std::time::Duration::from_millis(20)).await;
    }
}
