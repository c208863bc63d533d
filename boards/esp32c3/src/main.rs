//! The applications on an ESP32-C3, as a station of the Wi-Fi network that it was built for.
#![no_std]
#![no_main]

use defmt::{info, warn};
use device::hardware;
use embassy_executor::Spawner;
use embassy_futures::join::join;
use embassy_time::Timer;
use esp_backtrace as _;
use esp_hal::clock::CpuClock;
use esp_hal::gpio::{Level, Output, OutputConfig};
use esp_hal::ram;
use esp_hal::rng::{Trng, TrngSource};
use esp_hal::timer::timg::TimerGroup;
use esp_println as _;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{AuthenticationMethodConfig, Config, Interface, WifiController};
use zonda::netbuf::NetBufPool;

esp_bootloader_esp_idf::esp_app_desc!();

/// The network and its password, told when this is built.
const NETWORK: Option<&str> = option_env!("ZONDA_WIFI_NETWORK");
const PASSWORD: Option<&str> = option_env!("ZONDA_WIFI_PASSWORD");
/// Seconds between two attempts to join it.
const PAUSE: u64 = 5;

// 64 blocks of 512 bytes: a full frame takes three.
static POOL: NetBufPool<64, 512> = NetBufPool::new();

fn station() -> Config {
    let authentication = match PASSWORD {
        Some(password) => {
            let password = password.try_into().expect("it is a password for Wi-Fi");
            AuthenticationMethodConfig::Wpa2Personal(password)
        }
        None => AuthenticationMethodConfig::Open,
    };
    let name = NETWORK.unwrap_or("zonda");
    let name = name.try_into().expect("it is a name of a Wi-Fi network");
    let config = StationConfig::default().with_ssid(name);
    Config::Station(config.with_authentication(authentication))
}

/// Joins the network, and again each time that it is lost. The link of the interface goes up and
/// down with it.
async fn stay_connected(controller: &mut WifiController<'_>) -> ! {
    loop {
        match controller.connect_async().await {
            Ok(_) => {
                info!("joined {}", NETWORK.unwrap_or("zonda"));
                let _ = controller.wait_for_disconnect_async().await;
                warn!("the network is lost");
            }
            Err(error) => warn!("not joined: {}", error),
        }
        Timer::after_secs(PAUSE).await;
    }
}

#[esp_rtos::main]
async fn main(spawner: Spawner) -> ! {
    let config = esp_hal::Config::default().with_cpu_clock(CpuClock::max());
    let board = esp_hal::init(config);
    // The Wi-Fi's own heap; the stack takes nothing of it. The first part is where the boot loader was.
    esp_alloc::heap_allocator!(#[ram(reclaimed)] size: 64 * 1024);
    esp_alloc::heap_allocator!(size: 32 * 1024);
    esp_rtos::start(TimerGroup::new(board.TIMG0).timer0, board.FROM_CPU_INTR0);

    // The noise of the converter, which is let go before the radio starts.
    let mut seed = [0; 32];
    let source = TrngSource::new(board.RNG, board.ADC1);
    let random = Trng::try_new();
    random.expect("it has a source").read(&mut seed);
    drop(source);

    let controller = WifiController::new(board.WIFI, Default::default());
    let mut controller = controller.expect("the Wi-Fi starts");
    let configured = controller.set_config(&station());
    configured.expect("the configuration is good");
    let led = Output::new(board.GPIO10, Level::Low, OutputConfig::default());
    let applications = hardware::run(spawner, Interface::station(), POOL.pool(), seed, led);
    match join(stay_connected(&mut controller), applications).await {}
}
