//! A device with a Zonda stack, in a network made for it: `cargo run --release --example demo`.
//!
//! Without arguments the network is inside of this process, with a gateway that talks to the
//! device; as root, `--tap NAME` and `--tun NAME` put the device on interfaces of Linux. `--help`
//! lists all flags.

#[path = "demo/capture.rs"]
mod capture;
#[path = "demo/device.rs"]
mod device;
#[path = "demo/dhcp.rs"]
mod dhcp;
#[path = "demo/door.rs"]
mod door;
#[path = "demo/events.rs"]
mod events;
#[path = "demo/gateway.rs"]
mod gateway;
#[path = "demo/inside.rs"]
mod inside;
#[cfg(target_os = "linux")]
#[path = "demo/linux.rs"]
mod linux;
#[path = "demo/names.rs"]
mod names;
#[path = "demo/options.rs"]
mod options;
#[path = "demo/report.rs"]
mod report;
#[path = "demo/shell.rs"]
mod shell;
#[path = "demo/stop.rs"]
mod stop;
#[path = "demo/web.rs"]
mod web;

use std::io;
use std::process::ExitCode;

use options::Options;

fn main() -> ExitCode {
    let options = match Options::from_arguments() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("demo: {error} (--help lists the flags)");
            return ExitCode::from(2);
        }
    };
    let result = run(&options);
    // The stack and its drivers are gone: what is in use now has been lost.
    report::pool("device", device::POOL.pool());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until it is stopped; the error says what went wrong before.
fn run(options: &Options) -> io::Result<()> {
    if options.tap.is_none() && options.tun.is_none() {
        return inside::run(options);
    }
    #[cfg(target_os = "linux")]
    return linux::run(options);
    #[cfg(not(target_os = "linux"))]
    return Err(io::Error::other("--tap and --tun need Linux"));
}
