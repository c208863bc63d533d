//! What only a target without an operating system shows: cross builds, and images run in QEMU.
#![cfg(target_os = "linux")]

#[macro_use]
#[path = "support/skip.rs"]
mod skip;
#[macro_use]
#[path = "interop/namespace.rs"]
mod namespace;
#[path = "interop/dnsmasq.rs"]
mod dnsmasq;
#[path = "firmware/ethernet.rs"]
mod ethernet;
#[path = "firmware/image.rs"]
mod image;
#[path = "firmware/line.rs"]
mod line;
#[path = "firmware/machine.rs"]
mod machine;
#[path = "firmware/panics.rs"]
mod panics;
#[path = "../examples/slip/line.rs"]
mod serial;

use std::process::Command;

use line::Form;
use machine::{Board, Link, Machine};

/// Checks the crate for `target` with no feature and with all that fit it, by `tests/matrix`.
macro_rules! cross_builds {
    ($($name:ident: $target:literal;)*) => {$(
        #[test]
        fn $name() {
            // The first build for a target compiles `core` too, and may need the network.
            if std::env::var_os("ZONDA_SKIPPED").is_none() {
                skip!("run it by `tests/run firmware`");
            }
            let run = Command::new("tests/matrix")
                .args(["--kind", "none", "--kind", "all", "--target", $target])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .expect("tests/matrix starts");
            let text = String::from_utf8_lossy(&run.stdout);
            if text.contains(" 0 do not, 2 were not tried") {
                skip!("no library for {} here", $target);
            }
            assert!(run.status.success(), "{text}{}", String::from_utf8_lossy(&run.stderr));
        }
    )*};
}

cross_builds! {
    the_crate_builds_for_a_cortex_m0: "thumbv6m-none-eabi";
    the_crate_builds_for_a_cortex_m4: "thumbv7em-none-eabihf";
    the_crate_builds_for_a_risc_v_without_atomics: "riscv32imc-unknown-none-elf";
}

/// Links the images of `benches/size`. The panic handlers of those for UDP and TCP echo need a symbol that is nowhere: the linker fails if a path to a
/// panic is left.
#[test]
fn the_echo_images_are_linked_with_no_panic_machinery() {
    if std::env::var_os("ZONDA_SKIPPED").is_none() {
        skip!("run it by `tests/run firmware`");
    }
    let run = Command::new("benches/run")
        .arg("size")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("benches/run starts");
    let said = String::from_utf8_lossy(&run.stderr);
    if run.status.code() == Some(3) {
        skip!("what builds the image is not installed");
    }
    assert!(
        run.status.success(),
        "a path to a panic is left in an image:\n{said}"
    );
    print!("{}", String::from_utf8_lossy(&run.stdout));
}

/// No function of the crate leads to a panic in the images that run in QEMU, but for those that are
/// known. What is inlined into the application is the application's there: the echo images have
/// none at all.
#[test]
fn no_image_has_a_new_way_from_the_stack_to_a_panic() {
    if std::env::var_os("ZONDA_SKIPPED").is_none() {
        skip!("run it by `tests/run firmware`");
    }
    for board in [&AN385, &AN386, &LM3S6965, &RISCV32] {
        if let Err(why) = image::build(board.package, board.target) {
            skip!("{why}");
        }
        let image = image::path(board.target, board.image);
        let ways = match panics::ways(&image) {
            Ok(ways) => ways,
            Err(why) => skip!("{why}"),
        };
        let new = panics::new(&ways);
        assert!(
            new.is_empty(),
            "{} for {}: {new:#?}",
            board.image,
            board.target
        );
    }
}

// ---- Boards of hardware -------------------------------------------------------------------------

/// Builds boards that nobody has here, and tells what their images take.
macro_rules! hardware_boards {
    ($($name:ident: $package:literal, $target:literal;)*) => {$(
        #[test]
        fn $name() {
            if std::env::var_os("ZONDA_SKIPPED").is_none() {
                skip!("run it by `tests/run firmware`");
            }
            if let Err(why) = image::build($package, $target) {
                skip!("{why}");
            }
            let image::Footprint { flash, ram } =
                image::Footprint::of(&image::path($target, $package));
            println!("{}: {flash} bytes of flash, {ram} of RAM", $package);
        }
    )*};
}

hardware_boards! {
    the_image_for_the_nucleo_f429zi_is_built: "nucleo-f429zi", "thumbv7em-none-eabihf";
    the_image_for_the_nucleo_h743zi_is_built: "nucleo-h743zi", "thumbv7em-none-eabihf";
    the_image_for_the_nrf52840_dk_is_built: "nrf52840-dk", "thumbv7em-none-eabihf";
    the_image_for_the_esp32c3_is_built: "esp32c3", "riscv32imc-unknown-none-elf";
}

// ---- Boards in QEMU ----------------------------------------------------------------------------

/// Runs functions of a module, which take a machine, as tests on a board of their own each.
macro_rules! run_on {
    ($board:ident, $tests:ident: $($test:ident)*) => {$(
        #[test]
        fn $test() {
            let board = &crate::$board;
            // Inside of the namespace it has been looked for.
            if !crate::namespace::is_inside() && let Err(why) = crate::prepare(board) {
                skip!("{why}");
            }
            in_namespace!("dnsmasq", "ping", "setpriv");
            let mut machine = crate::Machine::start(board);
            crate::$tests::$test(&mut machine);
            machine.assert_nothing_is_left();
        }
    )*};
}

/// Builds the image of a board; says why it cannot run here.
fn prepare(board: &Board) -> Result<(), String> {
    if std::env::var_os("ZONDA_SKIPPED").is_none() {
        return Err("run it by `tests/run firmware`".into());
    }
    board.build()?;
    for program in [board.qemu, "setpriv"] {
        if !namespace::is_installed(program) {
            return Err(format!("{program} is not installed"));
        }
    }
    Ok(())
}

/// The tests of every board with Ethernet.
macro_rules! ethernet_boards {
    ($($name:ident: $board:ident;)*) => {$(
        mod $name {
            run_on! {
                $board, ethernet:
                answers_ping_over_ipv4_and_ipv6
                echoes_ten_megabytes_by_tcp
                serves_fifty_connections_in_turn_and_four_at_once
                survives_a_flood_by_udp
                comes_back_when_the_cable_does
                gets_an_address_by_dhcp_and_looks_up_a_name
            }
        }
    )*};
}

/// The tests of every board with a serial line.
macro_rules! serial_boards {
    ($($name:ident: $board:ident, $form:ident;)*) => {$(
        mod $name {
            run_on_line! {
                $board, $form:
                answers_pings_and_datagrams
                echoes_streams
                takes_the_frame_behind_noise
            }
        }
    )*};
}

/// Runs functions of `line` as tests on a board of their own each.
macro_rules! run_on_line {
    ($board:ident, $form:ident: $($test:ident)*) => {$(
        #[test]
        fn $test() {
            if let Err(why) = crate::prepare(&crate::$board) {
                skip!("{why}");
            }
            let machine = crate::Machine::start(&crate::$board);
            crate::line::$test(&machine, &crate::Form::$form);
        }
    )*};
}

const AN385: Board = Board {
    package: "qemu-mps2",
    image: "qemu-mps2",
    target: "thumbv7m-none-eabi",
    qemu: "qemu-system-arm",
    machine: &["-M", "mps2-an385", "-net", "nic,netdev=net"],
    link: Link::Tap,
    lent: 0,
};
const AN386: Board = Board {
    package: "qemu-mps2",
    image: "qemu-mps2",
    target: "thumbv7em-none-eabihf",
    qemu: "qemu-system-arm",
    machine: &["-M", "mps2-an386", "-net", "nic,netdev=net"],
    link: Link::Tap,
    lent: 0,
};
/// The board of the LM3S6965, with an image.
const fn lm3s6965(image: &'static str, machine: &'static [&'static str], link: Link) -> Board {
    Board {
        package: "qemu-lm3s6965evb",
        image,
        target: "thumbv7m-none-eabi",
        qemu: "qemu-system-arm",
        machine,
        link,
        lent: 0,
    }
}
const LM3S6965: Board = lm3s6965(
    "ethernet",
    &["-M", "lm3s6965evb", "-net", "nic,netdev=net"],
    Link::Tap,
);
const LM3S6965_SLIP: Board = lm3s6965("slip", &["-M", "lm3s6965evb"], Link::Line);
const LM3S6965_SLIP_ETHERNET: Board = lm3s6965("slip-ethernet", &["-M", "lm3s6965evb"], Link::Line);
/// The RISC-V machine.
const RISCV32: Board = Board {
    package: "qemu-riscv32-virt",
    image: "qemu-riscv32-virt",
    target: "riscv32imac-unknown-none-elf",
    qemu: "qemu-system-riscv32",
    machine: &[
        "-M",
        "virt",
        "-bios",
        "none",
        "-device",
        "virtio-net-device,netdev=net,bus=virtio-mmio-bus.0",
        "-global",
        "virtio-mmio.force-legacy=false",
    ],
    link: Link::Tap,
    lent: 16,
};
/// With a device that can do no more than the first ones could.
const RISCV32_LEGACY: Board = Board {
    machine: &[
        "-M",
        "virt",
        "-bios",
        "none",
        "-device",
        "virtio-net-device,netdev=net,bus=virtio-mmio-bus.0,mrg_rxbuf=off,any_layout=off,guest_csum=off",
    ],
    lent: 12,
    ..RISCV32
};

ethernet_boards! {
    mps2_an385: AN385;
    mps2_an386: AN386;
    lm3s6965: LM3S6965;
    riscv32_virt: RISCV32;
    riscv32_virt_legacy: RISCV32_LEGACY;
}

serial_boards! {
    lm3s6965_slip: LM3S6965_SLIP, Packets;
    lm3s6965_slip_ethernet: LM3S6965_SLIP_ETHERNET, Ethernet;
}
