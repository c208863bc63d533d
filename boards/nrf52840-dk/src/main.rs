//! The applications on the nRF52840 DK, with a W5500 on SPI for Ethernet.
#![no_std]
#![no_main]

use defmt_rtt as _;
use device::hardware;
use embassy_executor::Spawner;
use embassy_futures::join::join;
use embassy_net_wiznet::chip::W5500;
use embassy_nrf::gpio::{Input, Level, Output, OutputDrive, Pull};
use embassy_nrf::rng::Rng;
use embassy_nrf::spim::{self, Spim};
use embassy_nrf::{bind_interrupts, pac, peripherals};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use panic_probe as _;
use static_cell::ConstStaticCell;
use zonda::netbuf::NetBufPool;

bind_interrupts!(struct Interrupts {
    SPI2 => spim::InterruptHandler<peripherals::SPI2>;
});

/// Frames that wait to be received and to be sent.
type Frames = embassy_net_wiznet::State<4, 4>;

// 64 blocks of 512 bytes: a full frame takes three.
static POOL: NetBufPool<64, 512> = NetBufPool::new();
static FRAMES: ConstStaticCell<Frames> = ConstStaticCell::new(Frames::new());

/// The chip's own random address.
fn address() -> [u8; 6] {
    let words = [0, 1].map(|word| pac::FICR.deviceaddr(word).read().to_le_bytes());
    hardware::station_address(words.as_flattened())
}

#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    let board = embassy_nrf::init(Default::default());
    let mut seed = [0; 32];
    let mut random = Rng::new_blocking(board.RNG);
    random.set_bias_correction(true);
    random.blocking_fill_bytes(&mut seed);

    let mut config = spim::Config::default();
    // The most of this controller. SPIM3 is faster, but may send what is wrong while the processor
    // is at the same RAM (anomaly 198 of the chip).
    config.frequency = spim::Frequency::M8;
    // The header of an Arduino Uno: D13, D12, D11, D10, and D8, D9 for the module's own pins.
    let bus = Spim::new(
        board.SPI2,
        Interrupts,
        board.P1_15,
        board.P1_14,
        board.P1_13,
        config,
    );
    let select = Output::new(board.P1_12, Level::High, OutputDrive::HighDrive);
    let interrupt = Input::new(board.P1_10, Pull::Up);
    let reset = Output::new(board.P1_11, Level::High, OutputDrive::Standard);
    let Ok(chip) = ExclusiveDevice::new(bus, select, Delay);
    let frames = FRAMES.take();
    let started =
        embassy_net_wiznet::new::<4, 4, W5500, _, _, _>(address(), frames, chip, interrupt, reset);
    let (ethernet, runner) = started.await.expect("there is a W5500");

    // LED 1 is on while its pin is low.
    let led = Output::new(board.P0_13, Level::High, OutputDrive::Standard);
    let applications = hardware::run(spawner, ethernet, POOL.pool(), seed, led);
    match join(runner.run(), applications).await {}
}
