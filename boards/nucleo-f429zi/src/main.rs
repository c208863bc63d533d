//! The applications on the NUCLEO-F429ZI: an STM32F429 with a PHY on RMII.
#![no_std]
#![no_main]

use defmt_rtt as _;
use device::hardware;
use embassy_executor::Spawner;
use embassy_stm32::eth::{self, Ethernet, PacketQueue};
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::rcc::{
    AHBPrescaler, APBPrescaler, Hse, HseMode, Pll, PllMul, PllPDiv, PllPreDiv, PllQDiv, PllSource,
    Sysclk,
};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::time::Hertz;
use embassy_stm32::{Config, bind_interrupts, peripherals, uid};
use panic_probe as _;
use static_cell::ConstStaticCell;
use zonda::netbuf::NetBufPool;

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    HASH_RNG => rng::InterruptHandler<peripherals::RNG>;
});

// 64 blocks of 512 bytes: a full frame takes three.
static POOL: NetBufPool<64, 512> = NetBufPool::new();
/// What the Ethernet's DMA sends from and receives into.
static QUEUE: ConstStaticCell<PacketQueue<4, 4>> = ConstStaticCell::new(PacketQueue::new());

/// 168 MHz, and 48 MHz for the random numbers, of the 8 MHz that the ST-LINK gives.
fn clocks() -> Config {
    let mut config = Config::default();
    let rcc = &mut config.rcc;
    rcc.hse = Some(Hse {
        freq: Hertz(8_000_000),
        mode: HseMode::Bypass,
    });
    rcc.pll_src = PllSource::HSE;
    rcc.pll = Some(Pll {
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL168,
        divp: Some(PllPDiv::DIV2),
        divq: Some(PllQDiv::DIV7),
        divr: None,
    });
    rcc.sys = Sysclk::PLL1_P;
    rcc.ahb_pre = AHBPrescaler::DIV1;
    rcc.apb1_pre = APBPrescaler::DIV4;
    rcc.apb2_pre = APBPrescaler::DIV2;
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
