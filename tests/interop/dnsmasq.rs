//! dnsmasq on `zonda0`, as a server for names and for addresses.

use std::process::{Child, Command, Stdio};

/// The program, which ends with the test.
pub struct Dnsmasq(Child);

impl Dnsmasq {
    /// Starts it with these options, apart by white space.
    pub fn start(options: &str) -> Self {
        let fixed = "--no-daemon --conf-file=/dev/null --user=root --pid-file= --log-facility=- \
            --bind-interfaces --interface=zonda0 --except-interface=lo";
        let child = Command::new("dnsmasq")
            .args(fixed.split_whitespace().chain(options.split_whitespace()))
            .stdin(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        let _ = self.0.wait().unwrap();
    }
}
