//! Interface identifiers that tell nothing of the hardware: stable ones (RFC 7217 §5) and random ones
//! (RFC 8981 §3.3.1).

use core::hash::Hasher;
use core::net::Ipv6Addr;

use siphasher::sip::SipHasher24;

#[cfg(feature = "temporary-addresses")]
use crate::rng::Rng;
use crate::wire::ipv6_address;

/// Other addresses that are tried after a duplicate (RFC 7217 §7: IDGEN_RETRIES).
pub(crate) const IDGEN_RETRIES: u8 = 3;

/// Whether an identifier stands for something else than one interface: the routers of a subnet,
/// reserved anycast addresses, the block of IANA's own Ethernet addresses (RFC 5453 §3 and its
/// registry).
pub(crate) const fn is_reserved(identifier: [u8; 8]) -> bool {
    matches!(
        u64::from_be_bytes(identifier),
        0 | 0xfdff_ffff_ffff_ff80..=0xfdff_ffff_ffff_ffff
            | 0x0200_5eff_fe00_0000..=0x0200_5eff_feff_ffff
    )
}

/// The identifier of an interface in the network of `prefix`: RID = F(Prefix, Net_Iface,
/// DAD_Counter, secret_key) of RFC 7217 §5, without a Network_ID, which is optional. The next one
/// that is not reserved is taken; with it comes the counter that it was made with.
///
/// F is SipHash-2-4, a pseudorandom function with a key of 128 bits and an output of 64.
pub(crate) fn opaque(
    key: &[u8; 16],
    prefix: Ipv6Addr,
    net_iface: &[u8],
    mut counter: u8,
) -> ([u8; 8], u8) {
    loop {
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(&ipv6_address::prefix(prefix, 64).octets());
        hasher.write(net_iface);
        hasher.write(&[counter]);
        let identifier = hasher.finish().to_be_bytes();
        // The ranges are small: a second try in a row is less likely than any accident.
        if !is_reserved(identifier) || counter == u8::MAX {
            return (identifier, counter);
        }
        counter += 1;
    }
}

/// A random identifier.
#[cfg(feature = "temporary-addresses")]
pub(crate) fn random(rng: &mut Rng) -> [u8; 8] {
    let mut identifier = [0; 8];
    while is_reserved(identifier) {
        rng.fill(&mut identifier);
    }
    identifier
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn reserved_identifiers_of_the_registry() {
        for reserved in [
            0,
            0xfdff_ffff_ffff_ff80,
            0xfdff_ffff_ffff_ffff,
            0x0200_5eff_fe00_0000,
            0x0200_5eff_fe00_5213,
            0x0200_5eff_feff_ffff,
        ] {
            assert!(is_reserved(u64::to_be_bytes(reserved)), "{reserved:x}");
        }
        for free in [
            1,
            0xfdff_ffff_ffff_ff7f,
            0xfe00_0000_0000_0000,
            0x0200_5eff_fdff_ffff,
            0x0200_5eff_ff00_0000,
        ] {
            assert!(!is_reserved(u64::to_be_bytes(free)), "{free:x}");
        }
    }

    #[test]
    fn opaque_identifier_depends_on_each_of_its_arguments_and_on_nothing_else() {
        let (key, iface) = ([7; 16], [2, 0, 0, 0, 0, 1]);
        let here = prefix("2001:db8:1:2::");
        let (own, counter) = opaque(&key, here, &iface, 0);
        assert_eq!(counter, 0);
        assert_eq!(opaque(&key, here, &iface, 0).0, own);
        // What lies behind the prefix does not count.
        assert_eq!(opaque(&key, prefix("2001:db8:1:2::9"), &iface, 0).0, own);
        let others = [
            opaque(&[8; 16], here, &iface, 0),
            opaque(&key, prefix("2001:db8:1:3::"), &iface, 0),
            opaque(&key, here, &[2, 0, 0, 0, 0, 2], 0),
            opaque(&key, here, &iface, 1),
        ];
        assert!(others.iter().all(|(other, _)| *other != own));
    }
}
