//! The name of a host, as it is told to DHCP servers (RFC 4702, RFC 4704).

/// Who keeps the DNS records of the client (RFC 4702 §3, RFC 4704 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DnsUpdates {
    /// The server keeps both, from name to address and back.
    Server,
    /// The client keeps that from name to address.
    Client,
    /// The server is to keep none.
    None,
}

/// The labels of a name, with the root's if it ends with a dot, given octet by octet.
pub(super) fn labels(name: &str, mut push: impl FnMut(u8)) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes();
        let label = label.get(..63).unwrap_or(label);
        push(label.len() as u8);
        label.iter().copied().for_each(&mut push);
    }
    if name.ends_with('.') {
        push(0);
    }
}
