//! Linux and the device agree on who has an IPv4 address (RFC 5227).

use std::process::Command;

use crate::demo::{DEVICE4, Demo, reaches};
use crate::namespace::{ip, run, until};

/// Whether arping, in duplicate address detection mode, finds that somebody has an address.
fn is_taken(address: &str) -> bool {
    let arping = Command::new("arping")
        .args(["-D", "-q", "-c", "2", "-w", "3", "-I", "zonda0", address])
        .status();
    // It fails if there was an answer.
    !arping.unwrap().success()
}

#[test]
fn arping_finds_the_address_of_the_device_taken_and_others_not() {
    in_namespace!("ping", "arping");
    let demo = Demo::on_tap("");
    reaches(DEVICE4);
    assert!(is_taken(DEVICE4));
    assert!(!is_taken("10.9.0.77"));
    let _ = demo.stop();
}

#[test]
fn device_does_not_use_an_address_that_linux_has() {
    in_namespace!("ping", "arping");
    let mut demo = Demo::start(&format!("--tap zonda0 --ipv4 {DEVICE4}/24"));
    until("the interface is there", || {
        let show = Command::new("ip").args(["link", "show", "zonda0"]).output();
        show.unwrap().status.success()
    });
    // The device asks three times within seconds.
    ip(&format!("address add {DEVICE4}/24 dev zonda0"));
    ip("link set zonda0 up");
    let line = demo.wait_for("link up on zonda0");
    assert!(line.contains("in use by another station"), "{line}");
    ip(&format!("address delete {DEVICE4}/24 dev zonda0"));
    ip("address add 10.9.0.1/24 dev zonda0");
    assert!(!is_taken(DEVICE4));
    let _ = demo.stop();
}

#[test]
fn device_defends_its_address_once_and_then_leaves_it_to_linux() {
    in_namespace!("ping", "arping");
    let demo = Demo::on_tap("");
    reaches(DEVICE4);
    ip(&format!("address add {DEVICE4}/32 dev zonda0"));
    let announce = || {
        let text = run(&format!("arping -U -c 1 -I zonda0 {DEVICE4}"));
        println!("{text}");
    };
    announce();
    ip(&format!("address delete {DEVICE4}/32 dev zonda0"));
    assert!(is_taken(DEVICE4));
    // Within ten seconds of the first: it insists.
    ip(&format!("address add {DEVICE4}/32 dev zonda0"));
    announce();
    ip(&format!("address delete {DEVICE4}/32 dev zonda0"));
    until("the device has given up", || !is_taken(DEVICE4));
    let _ = demo.stop();
}
