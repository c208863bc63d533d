//! The applications on the board's Ethernet.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use qemu_lm3s6965evb::{ADDRESS, ETHERNET, gone, run};
use support::cortex_m::semihosting;
use support::device;
use zonda::drivers::registers::{InterruptSignal, MappedRegisters};
use zonda::drivers::stellaris::{self, Stellaris};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;

// SAFETY: this is where the microcontroller has it, and it has no access to memory.
const MAC: MappedRegisters<64> = unsafe { MappedRegisters::new(0x4004_8000) };

static SIGNAL: InterruptSignal = InterruptSignal::new();
// 48 blocks of 512 bytes: a full frame takes three.
static POOL: NetBufPool<48, 512, 16, 32> = NetBufPool::new();
static PORT: Port = Port::new(Capabilities::ethernet(ADDRESS));

#[entry]
fn main() -> ! {
    run(ETHERNET, |spawner| {
        device::start(spawner, POOL.pool(), &PORT, semihosting::random());
        spawner.spawn(network().expect("spawned once"));
    })
}

#[embassy_executor::task]
async fn network() {
    let mac = Stellaris::new(MAC, &SIGNAL);
    let Err(error) = mac.run(PORT.split().0, POOL.pool()).await;
    gone(error)
}

/// All interrupts that are not the processor's own come here.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    match u16::try_from(number) {
        Ok(ETHERNET) => stellaris::interrupt(&MAC, &SIGNAL),
        _ => panic!("interrupt {number} is not used"),
    }
}
