//! What the boards of hardware share: their network is a device with a driver for embassy-net, an LED
//! shows that it is good, and defmt tells what happens.

use embassy_executor::Spawner;
use embassy_futures::join::join;
use embassy_net_driver::Driver;
use embassy_time::Timer;
use embedded_hal::digital::OutputPin;
use static_cell::StaticCell;
use zonda::drivers::embassy_net_driver::Adapter;
use zonda::link::Port;
use zonda::netbuf::Pool;
use zonda::stack::{InterfaceId, Stack};

use crate::News;

/// What is looked up when there is an address by DHCP.
const NAME: &str = "example.com";
/// How long the LED stays as it is, in milliseconds.
const BLINK: u64 = 500;

/// Runs the stack and the applications on `network`; `led` blinks while that can be used.
pub async fn run(
    spawner: Spawner,
    network: impl Driver,
    pool: Pool,
    seed: [u8; 32],
    led: impl OutputPin,
) -> ! {
    static PORT: StaticCell<Port> = StaticCell::new();
    let mut adapter = Adapter::new(network).expect("the device is an Ethernet");
    let port = PORT.init(Port::new(adapter.capabilities()));
    let (stack, id) = crate::start(spawner, pool, port, seed, NAME, log);
    let (ended, _) = join(adapter.run(port.split().0, pool), blink(stack, id, led)).await;
    panic!("{ended:?}");
}

fn log(news: News) {
    match news {
        News::Ready => defmt::info!("ready"),
        News::Lease(lease) => defmt::info!("lease {}", lease.address),
        News::Found(address) => defmt::info!("{} {}", NAME, address),
        News::NotFound(error) => defmt::info!("{} {}", NAME, error),
    }
}

async fn blink(stack: Stack<'static>, id: InterfaceId, mut led: impl OutputPin) {
    loop {
        stack.ready(id).await;
        // An LED that fails is no reason to stop.
        let _: Result<(), _> = led.set_high();
        Timer::after_millis(BLINK).await;
        let _: Result<(), _> = led.set_low();
        Timer::after_millis(BLINK).await;
    }
}

/// A link address of nobody else's ("locally administered"), made of what is unique to the chip.
pub fn station_address(unique: &[u8]) -> [u8; 6] {
    let mut address = [0x02, 0, 0, 0, 0, 0];
    for part in unique.chunks(5) {
        for (to, from) in address[1..].iter_mut().zip(part) {
            *to ^= from;
        }
    }
    address
}
