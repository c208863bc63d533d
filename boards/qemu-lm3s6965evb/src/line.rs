//! The applications on a serial line: the second UART.

use embassy_executor::Spawner;
use support::cortex_m::semihosting;
use support::device;
use zonda::drivers::slip::SlipDriver;
use zonda::link::Port;
use zonda::netbuf::{NetBufPool, Pool};

use crate::uart::Uart;

static LINE: Uart = Uart::second();
// 48 blocks of 512 bytes: the longest frame takes three.
static POOL: NetBufPool<48, 512, 16, 32> = NetBufPool::new();

/// Runs them on `port`, in the form of its medium.
pub fn run(port: &'static Port) -> ! {
    crate::run(crate::UART1, |spawner| start(spawner, port))
}

fn start(spawner: Spawner, port: &'static Port) {
    LINE.start();
    let pool = POOL.pool();
    device::start(spawner, pool, port, semihosting::random());
    spawner.spawn(network(port, pool).expect("spawned once"));
}

#[embassy_executor::task]
async fn network(port: &'static Port, pool: Pool) {
    let (reader, writer) = LINE.split();
    let mut line = SlipDriver::new(reader, writer);
    let Err(error) = line.run(port.split().0, pool).await;
    crate::gone(error)
}

/// For the handler of the UART's interrupt.
pub fn on_interrupt() {
    LINE.on_interrupt();
}
