//! Flow labels (RFC 6437): one for each flow, that nobody else can foresee.

use core::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::rng::Rng;
use crate::wire::IpAddress;

/// What labels are made with.
pub(crate) struct FlowLabels {
    key: [u8; 16],
}

impl FlowLabels {
    /// With a secret of its own.
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let mut key = [0; 16];
        rng.fill(&mut key);
        Self { key }
    }

    /// The label of a flow: the same for each of its packets, one of all values but zero, equally
    /// likely, and hard to foresee (RFC 6437 §3, §6.1). IPv4 has none: zero.
    pub(crate) fn label(
        &self,
        protocol: u8,
        source: (IpAddress, u16),
        destination: (IpAddress, u16),
    ) -> u32 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        for (address, port) in [source, destination] {
            match address {
                IpAddress::V6(address) => hasher.write(&address.octets()),
                #[cfg(feature = "ipv4")]
                IpAddress::V4(_) => return 0,
            }
            hasher.write(&port.to_be_bytes());
        }
        hasher.write(&[protocol]);
        let hash = hasher.finish();
        // Twenty bits, of the other if these are zero.
        let fold = |bits: u64| (bits & 0xf_ffff) as u32;
        match fold(hash) {
            0 => fold(hash >> 20).max(1),
            label => label,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use super::*;

    #[test]
    fn labels_are_stable_secret_and_not_zero() {
        let one = FlowLabels::new(&mut Rng::new([1; 32]));
        let two = FlowLabels::new(&mut Rng::new([2; 32]));
        let end = |n: u16| (IpAddress::V6(Ipv6Addr::LOCALHOST), n);
        let mut same = 0;
        for port in 0..1_000 {
            let label = one.label(6, end(port), end(80));
            assert_eq!(label, one.label(6, end(port), end(80)));
            assert!((1..1 << 20).contains(&label));
            same += u32::from(label == one.label(17, end(port), end(80)));
            same += u32::from(label == one.label(6, end(port), end(81)));
            same += u32::from(label == two.label(6, end(port), end(80)));
        }
        assert!(same < 3, "{same}");
    }
}
