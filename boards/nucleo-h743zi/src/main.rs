//! The applications on the NUCLEO-H743ZI: an STM32H743 with a PHY on RMII.
#![no_std]
#![no_main]

use defmt_rtt as _;
use device::hardware;
use embassy_executor::Spawner;
use embassy_stm32::eth::{self, Ethernet, PacketQueue};
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::rcc::{
    AHBPrescaler, APBPrescaler, Pll, PllDiv, PllMul, PllPreDiv, PllSource, Sysclk, VoltageScale,
};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::{Config, bind_interrupts, peripherals, uid};
use panic_probe as _;
use static_cell::ConstStaticCell;
use zonda::netbuf::NetBufPool;

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<peripherals::RNG>;
});

// 64 blocks of 512 bytes: a full frame takes three.
static POOL: NetBufPool<64, 512> = NetBufPool::new();
/// What the Ethernet's DMA sends from and receives into.
static QUEUE: ConstStaticCell<PacketQueue<4, 4>> = ConstStaticCell::new(PacketQueue::new());

/// 400 MHz, and 200 MHz for the buses, of the chip's own oscillator. Its caches stay off, as they are
/// after reset: what the DMA writes is what the processor reads.
fn clocks() -> Config {
    let mut config = Config::default();
    let rcc = &mut config.rcc;
    rcc.pll1 = Some(Pll {
        source: PllSource::HSI,
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL50,
        fracn: None,
        divp: Some(PllDiv::DIV2),
        divq: None,
        divr: None,
    });
    rcc.sys = Sysclk::PLL1_P;
    rcc.ahb_pre = AHBPrescaler::DIV2;
    rcc.apb1_pre = APBPrescaler::DIV2;
    rcc.apb2_pre = APBPrescaler::DIV2;
    rcc.apb3_pre = APBPrescaler::DIV2;
    rcc.apb4_pre = APBPrescaler::DIV2;
    rcc.voltage_scale = VoltageScale::Scale1;
    config
}

#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    let board = embassy_stm32::init(clocks());
    let mut seed = [0; 32];
    let mut random = Rng::new(board.RNG, Interrupts);
    let seeded = random.async_fill_bytes(&mut seed).await;
    seeded.expect("the generator works");
    let ethernet = Ethernet::new(
        QUEUE.take(),
        board.ETH,
        Interrupts,
        board.PA1,
        board.PA7,
        board.PC4,
        board.PC5,
        board.PG13,
        board.PB13,
        board.PG11,
        hardware::station_address(&uid::uid()),
        board.ETH_SMA,
        board.PA2,
        board.PC1,
    );
    let led = Output::new(board.PB0, Level::Low, Speed::Low);
    hardware::run(spawner, ethernet, POOL.pool(), seed, led).await
}
