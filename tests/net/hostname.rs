//! The name of the host, who is told of it, and its suffix.

use zonda::config::HOSTNAME;
use zonda::iface::{EventKind, HostnameError, HostnameSuffix};

use crate::network::*;

#[test]
fn host_has_the_name_of_the_build_until_it_is_given_another() {
    let net = Network::new(1);
    let stack = net.host("a").stack();
    let mut events = stack.events();
    assert_eq!(stack.hostname().as_str(), HOSTNAME);
    for malformed in ["", "-kettle", "kettle.lab", &"x".repeat(64)] {
        assert_eq!(stack.set_hostname(malformed), Err(HostnameError::Malformed));
    }
    assert_eq!(events.try_next(), None);
    // The second time nothing changes.
    for _ in 0..2 {
        assert_eq!(stack.set_hostname("Kettle-7"), Ok(()));
        assert_eq!(stack.hostname().as_str(), "Kettle-7");
    }
    let event = events.try_next().expect("an event").unwrap();
    assert_eq!(event.kind, EventKind::HostnameChanged);
    assert_eq!(events.try_next(), None);
}

#[test]
fn suffix_of_the_hardware_tells_hosts_apart_and_stays() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link((a, b));
    let unique = |host: Host| {
        let suffix = HostnameSuffix::Hardware(host.interface(link));
        host.stack().set_unique_hostname("zonda", suffix).unwrap();
        host.stack().hostname().to_string()
    };
    let [.., x, y, z] = a.mac(link);
    assert_eq!(unique(a), format!("zonda-{x:02x}{y:02x}{z:02x}"));
    assert_ne!(unique(a), unique(b));
    assert_eq!(unique(a), unique(a));
    let absent = HostnameSuffix::Hardware(7);
    let stack = a.stack();
    assert_eq!(
        stack.set_unique_hostname("zonda", absent),
        Err(HostnameError::NoHardwareAddress)
    );
    assert_eq!(
        stack.set_unique_hostname("zonda-", HostnameSuffix::Random),
        Err(HostnameError::Malformed)
    );
}

#[test]
fn random_suffix_is_another_each_time() {
    let net = Network::new(1);
    let stack = net.host("a").stack();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let made = stack.set_unique_hostname("zonda", HostnameSuffix::Random);
        assert_eq!(made, Ok(()));
        let name = stack.hostname();
        let digits = name.as_str().strip_prefix("zonda-").expect("a suffix");
        assert!(digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()));
        names.insert(digits.to_string());
    }
    assert_eq!(names.len(), 10);
}
