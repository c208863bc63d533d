//! The demo takes its IPv4 address by DHCP.

use crate::daemon::Daemon;
use crate::demo::{Demo, join_tap, reaches};
use crate::namespace::{run, until};

#[test]
fn device_takes_its_address_from_the_gateway() {
    in_namespace!();
    let mut demo = Demo::start("");
    let line = demo.wait_for("by DHCP");
    assert_eq!(
        line,
        "device: 10.0.0.2/24 by DHCP from 10.0.0.1, for 3600 s"
    );
    let _: String = demo.wait_for("gateway: UDP echo from 10.0.0.2");
    let _: String = demo.wait_for("gateway: UDP echo from fd00:");
    let _ = demo.stop();
}

#[test]
fn address_given_to_the_device_stands_in_place_of_dhcp() {
    in_namespace!();
    let mut demo = Demo::start("--ipv4 192.168.7.9/24");
    let _: String = demo.wait_for("gateway: UDP echo from 192.168.7.9");
    let report = demo.stop();
    assert!(!report.lines.iter().any(|line| line.contains("by DHCP")));
}

#[test]
fn device_takes_its_address_from_udhcpd() {
    in_namespace!("udhcpd");
    let mut demo = Demo::start("--tap zonda0 --dhcp");
    until("the interface", || run("ip -brief link").contains("zonda0"));
    join_tap();
    let configuration = "start 10.9.0.77\nend 10.9.0.77\ninterface zonda0\n\
        lease_file FOLDER/leases\npidfile FOLDER/pid\noption subnet 255.255.255.0\n";
    let files = [("conf", configuration), ("leases", "")];
    let _server = Daemon::start("udhcpd -f FOLDER/conf", &files);
    let line = demo.wait_for("by DHCP");
    assert!(
        line.starts_with("device: 10.9.0.77/24 by DHCP from 10.9.0.1"),
        "{line}"
    );
    reaches("10.9.0.77");
    let _ = demo.stop();
}
