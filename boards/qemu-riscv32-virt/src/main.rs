//! The applications on the `virt` machine of QEMU: a 32-bit RISC-V processor, virtio-net, a 16550 UART.
#![no_std]
#![no_main]

mod plic;
mod uart;

use riscv::interrupt::Interrupt;
use riscv_rt::{core_interrupt, entry};
use static_cell::ConstStaticCell;
use support::host::{self, Host};
use support::riscv::mtime;
use support::{device, executor, semihosting};
use zonda::drivers::virtio_net::{self, VirtioMmio, VirtioNet, VirtioNetMemory, VirtioNetSignal};
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;

/// The port's address, until the device says its own.
const ADDRESS: [u8; 6] = *b"\x02ZONDA";
/// The number of the first virtio device's interrupt.
const VIRTIO: u32 = 1;

// SAFETY: the first of the machine's places for virtio devices, which nothing else uses. They see
// memory as the processor does.
const DEVICE: VirtioMmio = unsafe { VirtioMmio::new(0x1000_1000) };

static SIGNAL: VirtioNetSignal = VirtioNetSignal::new();
static MEMORY: ConstStaticCell<VirtioNetMemory<16, 32>> =
    ConstStaticCell::new(VirtioNetMemory::new());
// 64 blocks of 512 bytes: a full frame takes three.
static POOL: NetBufPool<64, 512> = NetBufPool::new();
static PORT: Port = Port::new(Capabilities::ethernet(ADDRESS));

#[entry]
fn main() -> ! {
    host::set(Host {
        write: uart::write,
        exit: semihosting::exit,
    });
    executor::run(|spawner| {
        device::start(spawner, POOL.pool(), &PORT, semihosting::random());
        spawner.spawn(network().expect("spawned once"));
        plic::enable(VIRTIO);
        // SAFETY: no section relies on them being masked.
        unsafe {
            riscv::interrupt::enable_interrupt(Interrupt::MachineExternal);
            riscv::interrupt::enable_interrupt(Interrupt::MachineTimer);
            riscv::interrupt::enable();
        }
    })
}

#[embassy_executor::task]
async fn network() {
    let mut device = VirtioNet::new(DEVICE, &SIGNAL, MEMORY.take());
    let Err(error) = device.run(PORT.split().0, POOL.pool()).await;
    panic!("{error}");
}

#[core_interrupt(Interrupt::MachineExternal)]
fn external() {
    plic::handle(|source| match source {
        VIRTIO => virtio_net::interrupt(&DEVICE, &SIGNAL),
        _ => panic!("interrupt {source} is not used"),
    });
}

#[core_interrupt(Interrupt::MachineTimer)]
fn timer() {
    mtime::interrupt();
}
