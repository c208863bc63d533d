//! The applications on the MPS2 boards in QEMU: AN385 has a Cortex-M3, AN386 a Cortex-M4, AN500 a
//! Cortex-M7; all have a LAN9118 and a CMSDK UART at the same places.
#![no_std]
#![no_main]

mod uart;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::{entry, exception};
use support::cortex_m::{semihosting, systick};
use support::host::{self, Host};
use support::{device, executor};
use zonda::drivers::lan9118::{self, InterruptPin, Lan9118};
use zonda::drivers::registers::{InterruptSignal, MappedRegisters};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;

/// The clock of the boards.
const MEGAHERTZ: u32 = 25;
const ADDRESS: [u8; 6] = *b"\x02ZONDA";
/// The number of the Ethernet controller's interrupt.
const ETHERNET: u16 = 13;

// SAFETY: the LAN9118 of the boards, which has no access to memory.
const CHIP: MappedRegisters<256> = unsafe { MappedRegisters::new(0x4020_0000) };

const PIN: InterruptPin = InterruptPin::ActiveHigh;

static SIGNAL: InterruptSignal = InterruptSignal::new();
// 64 blocks of 512 bytes: a full frame takes three.
static POOL: NetBufPool<64, 512> = NetBufPool::new();
static PORT: Port = Port::new(Capabilities::ethernet(ADDRESS));

#[derive(Clone, Copy)]
struct Interrupt(u16);

// SAFETY: the numbers are those of the board.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self.0
    }
}

#[entry]
fn main() -> ! {
    host::set(Host {
        write: uart::write,
        exit: semihosting::exit,
    });
    systick::start(MEGAHERTZ);
    executor::run(|spawner| {
        device::start(spawner, POOL.pool(), &PORT, semihosting::random());
        spawner.spawn(ethernet().expect("spawned once"));
        // SAFETY: no section relies on it being masked.
        unsafe { NVIC::unmask(Interrupt(ETHERNET)) };
    })
}

#[embassy_executor::task]
async fn ethernet() {
    let chip = Lan9118::new(CHIP, &SIGNAL, PIN);
    let Err(error) = chip.run(PORT.split().0, POOL.pool()).await;
    panic!("{error}");
}

/// All interrupts that are not the processor's own come here.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    match u16::try_from(number) {
        Ok(ETHERNET) => lan9118::interrupt(&CHIP, &SIGNAL, PIN),
        _ => panic!("interrupt {number} is not used"),
    }
}
