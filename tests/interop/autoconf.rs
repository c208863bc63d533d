//! Linux and the device find out which of them has an IPv6 address (RFC 4862 §5.4).

use crate::demo::{DEVICE4, DEVICE6, Demo, MAC, reaches};
use crate::namespace::{ip, run, until};

#[test]
fn address_that_linux_has_is_a_duplicate() {
    in_namespace!("ping");
    // Linux is there before the device.
    ip("tuntap add zonda0 mode tap");
    ip("link set zonda0 up");
    ip(&format!("address add {DEVICE6}/64 dev zonda0 nodad"));
    let mut demo = Demo::start(&format!(
        "--tap zonda0 --ipv4 {DEVICE4}/24 --ipv6 {DEVICE6}/64"
    ));
    let line = demo.wait_for("link up on zonda0");
    let taken = format!("{DEVICE6}/64 (in use by another station)");
    assert!(line.contains(&taken), "{line}");
    // Its other addresses are as good as ever.
    ip("address replace 10.9.0.1/24 dev zonda0");
    reaches(DEVICE4);
    reaches("fe80::5a:4fff:fe4e:4441%zonda0");
    let _ = demo.stop();
}

#[test]
fn linux_does_not_take_the_address_of_the_device() {
    in_namespace!("ping");
    let demo = Demo::on_tap("");
    reaches(DEVICE6);
    ip(&format!("address add {DEVICE6}/64 dev zonda0"));
    until("Linux finds its address to be a duplicate", || {
        run("ip -6 address show dev zonda0").contains("dadfailed")
    });
    ip(&format!("address delete {DEVICE6}/64 dev zonda0"));
    reaches(DEVICE6);
    let _ = demo.stop();
}

#[test]
fn ndisc6_is_told_the_link_address_of_each_address() {
    in_namespace!("ndisc6", "ping");
    let demo = Demo::on_tap("");
    reaches(DEVICE6);
    for address in [DEVICE6, "fe80::5a:4fff:fe4e:4441"] {
        let told = run(&format!("ndisc6 -1 -q {address} zonda0"));
        assert_eq!(told.trim().to_lowercase(), MAC);
    }
    let _ = demo.stop();
}
