extern crate std;

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn envelope(source: &str, destination: &str) -> Envelope {
    Envelope {
        hop_limit: HOP_LIMIT,
        source: address(source),
        destination: address(destination),
    }
}

const SOURCE_ADDRESS: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 1];
const NO_LENGTH: [u8; 8] = [253, 0, 0, 0, 0, 0, 0, 0];

const SOLICITATION: [u8; 24] = [
    135, 0, 0, 0, 0, 0, 0, 0, //
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
];

const ROUTER: [u8; 16] = [
    134, 0, 0, 0, 64, 0xc8, 0x07, 0x08, // 64 hops, M, O, high, 1800 s
    0, 0, 0x75, 0x30, 0, 0, 0x03, 0xe8, // 30 s, 1 s
];

const REDIRECT: [u8; 40] = [
    137, 0, 0, 0, 0, 0, 0, 0, //
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, //
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
];

/// `message` with `option` behind it.
fn with(message: &[u8], option: [u8; 8]) -> Vec<u8> {
    [message, &option].concat()
}

type Check = fn(&Envelope, &[u8]) -> Result<(), Invalid>;

/// All messages with what they are found valid in.
fn all() -> Vec<(Vec<u8>, Envelope, Check)> {
    let link_local = envelope("fe80::1", "ff02::1");
    let mut advertisement = SOLICITATION;
    advertisement[0] = 136;
    vec![
        (vec![133, 0, 0, 0, 0, 0, 0, 0], link_local, |e, m| {
            RouterSolicitation::check(e, m).map(|_| ())
        }),
        (ROUTER.to_vec(), link_local, |e, m| {
            RouterAdvertisement::check(e, m).map(|_| ())
        }),
        (SOLICITATION.to_vec(), link_local, |e, m| {
            NeighborSolicitation::check(e, m).map(|_| ())
        }),
        (advertisement.to_vec(), link_local, |e, m| {
            NeighborAdvertisement::check(e, m).map(|_| ())
        }),
        (REDIRECT.to_vec(), link_local, |e, m| {
            Redirect::check(e, m).map(|_| ())
        }),
    ]
}

#[test]
fn valid_messages_are_found_valid() {
    for (message, envelope, check) in all() {
        assert_eq!(check(&envelope, &message), Ok(()));
        assert_eq!(check(&envelope, &with(&message, SOURCE_ADDRESS)), Ok(()));
        // Unknown options are passed over.
        let unknown = with(&message, [253, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(check(&envelope, &unknown), Ok(()));
        // And so are reserved bits.
        if message[0] != 136 {
            let mut reserved = message.clone();
            reserved[5..8].fill(0xff);
            assert_eq!(check(&envelope, &reserved), Ok(()));
        }
    }
}

#[test]
fn forwarded_messages_are_refused() {
    for (message, mut envelope, check) in all() {
        envelope.hop_limit = 254;
        assert_eq!(check(&envelope, &message), Err(Invalid::HopLimit));
    }
}

#[test]
fn messages_with_another_code_are_refused() {
    for (mut message, envelope, check) in all() {
        message[1] = 1;
        assert_eq!(check(&envelope, &message), Err(Invalid::Code));
    }
}

#[test]
fn truncated_messages_are_refused() {
    let truncated = Err(Invalid::Malformed(Malformed::Truncated));
    for (message, envelope, check) in all() {
        for end in 0..message.len() {
            assert_eq!(check(&envelope, &message[..end]), truncated);
        }
        let option = with(&message, SOURCE_ADDRESS);
        for end in message.len() + 1..option.len() {
            assert_eq!(check(&envelope, &option[..end]), truncated);
        }
    }
}

#[test]
fn options_without_length_are_refused() {
    for (message, envelope, check) in all() {
        let message = with(&with(&message, SOURCE_ADDRESS), NO_LENGTH);
        let refused = Err(Invalid::Malformed(Malformed::Length));
        assert_eq!(check(&envelope, &message), refused);
    }
}

#[test]
fn unspecified_source_gives_no_link_address() {
    let envelope = envelope("::", "ff02::1:ff00:1");
    let refused = Err(Invalid::LinkLayerAddressOfUnspecified);
    for (message, _, check) in all() {
        if !matches!(message[0], 133 | 135) {
            continue;
        }
        assert_eq!(check(&envelope, &message), Ok(()));
        // RFC 7527 has a nonce there.
        let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
        assert_eq!(check(&envelope, &with(&message, nonce)), Ok(()));
        let message = with(&with(&message, nonce), SOURCE_ADDRESS);
        assert_eq!(check(&envelope, &message), refused);
    }
}

#[test]
fn duplicate_address_detection_goes_to_a_solicited_node_group() {
    for destination in ["ff02::1", "fe80::1", "ff02::1:fe00:1"] {
        let refused = NeighborSolicitation::check(&envelope("::", destination), &SOLICITATION[..]);
        assert_eq!(refused, Err(Invalid::UnspecifiedToOther));
    }
}

#[test]
fn routers_speak_from_link_local_addresses() {
    for source in ["2001:db8::1", "::", "ff02::1"] {
        let envelope = envelope(source, "ff02::1");
        let refused = RouterAdvertisement::check(&envelope, &ROUTER[..]);
        assert_eq!(refused, Err(Invalid::SourceNotLinkLocal));
        let refused = Redirect::check(&envelope, &REDIRECT[..]);
        assert_eq!(refused, Err(Invalid::SourceNotLinkLocal));
    }
}

#[test]
fn groups_are_no_targets() {
    let mut message = SOLICITATION;
    message[8] = 0xff;
    let envelope = envelope("fe80::1", "ff02::1");
    let refused = NeighborSolicitation::check(&envelope, &message[..]);
    assert_eq!(refused, Err(Invalid::Target));
    let refused = NeighborAdvertisement::check(&envelope, &message[..]);
    assert_eq!(refused, Err(Invalid::Target));
}

#[test]
fn advertisement_to_a_group_is_not_solicited() {
    let mut message = SOLICITATION;
    message[0] = 136;
    message[4] = 0x40;
    let refused = NeighborAdvertisement::check(&envelope("fe80::1", "ff02::1"), &message[..]);
    assert_eq!(refused, Err(Invalid::MulticastSolicited));
    let unicast = NeighborAdvertisement::check(&envelope("fe80::1", "fe80::2"), &message[..]);
    assert_eq!(unicast, Ok(message));
}

#[test]
fn redirect_leads_to_a_router_or_to_the_destination() {
    let envelope = envelope("fe80::1", "2001:db8::1");
    let mut message = REDIRECT;
    let destination = REDIRECT[24..].to_vec();
    message[8..24].copy_from_slice(&destination);
    assert_eq!(Redirect::check(&envelope, &message[..]), Ok(message));
    message[23] = 8;
    let refused = Redirect::check(&envelope, &message[..]);
    assert_eq!(refused, Err(Invalid::Target));
    message[8] = 0xff;
    message[24] = 0xff;
    let refused = Redirect::check(&envelope, &message[..]);
    assert_eq!(refused, Err(Invalid::DestinationMulticast));
}

#[test]
fn router_advertisement_fields_are_where_the_rfc_has_them() {
    let advertisement = RouterAdvertisement::new(&ROUTER);
    assert_eq!(advertisement.current_hop_limit(), Some(64));
    let flags = RouterFlags::MANAGED | RouterFlags::OTHER;
    assert_eq!(advertisement.flags(), flags);
    assert_eq!(advertisement.preference(), Preference::High);
    assert_eq!(advertisement.router_lifetime(), 1800);
    assert_eq!(advertisement.reachable_time(), 30_000);
    assert_eq!(advertisement.retrans_timer(), 1000);
    let mut written = [0xff; 16];
    RouterAdvertisement::write(
        &mut written,
        64,
        flags,
        Preference::High,
        1800,
        30_000,
        1000,
    );
    assert_eq!(written, ROUTER);
}

#[test]
fn router_flags_are_those_of_rfc_5175() {
    for (bit, flag) in [
        (0x80, RouterFlags::MANAGED),
        (0x40, RouterFlags::OTHER),
        (0x20, RouterFlags::HOME_AGENT),
        (0x04, RouterFlags::PROXY),
        (0x03, RouterFlags::empty()),
    ] {
        let mut bytes = ROUTER;
        bytes[5] = bit;
        assert_eq!(RouterAdvertisement::new(&bytes).flags(), flag);
    }
}

#[test]
fn preference_counts_for_default_routers_only() {
    let preference = |flags, lifetime| {
        let mut bytes = ROUTER;
        bytes[5] = flags;
        bytes[7] = lifetime;
        bytes[6] = 0;
        RouterAdvertisement::new(&bytes).preference()
    };
    assert_eq!(preference(0x08, 1), Preference::High);
    assert_eq!(preference(0x00, 1), Preference::Medium);
    assert_eq!(preference(0x18, 1), Preference::Low);
    assert_eq!(preference(0x10, 1), Preference::Medium);
    assert_eq!(preference(0x08, 0), Preference::Medium);
    assert_eq!(preference(0x18, 0), Preference::Medium);

    let mut bytes = [0xff; 16];
    let none = RouterFlags::empty();
    RouterAdvertisement::write(&mut bytes, 0, none, Preference::Low, 0, 0, 0);
    assert_eq!(bytes[4..], [0; 12]);
    assert_eq!(RouterAdvertisement::new(&bytes).current_hop_limit(), None);
}

#[test]
fn solicitations_are_written_as_the_rfc_lays_them_out() {
    let mut bytes = [0xff; 8];
    RouterSolicitation::write(&mut bytes);
    assert_eq!(bytes, [133, 0, 0, 0, 0, 0, 0, 0]);
    let mut bytes = [0xff; 24];
    NeighborSolicitation::write(&mut bytes, address("fe80::1"));
    assert_eq!(bytes, SOLICITATION);
    let target = NeighborSolicitation::new(&bytes).target();
    assert_eq!(target, address("fe80::1"));
}

#[test]
fn neighbor_advertisement_flags_are_where_the_rfc_has_them() {
    for (bit, flag) in [
        (0x80, NeighborFlags::ROUTER),
        (0x40, NeighborFlags::SOLICITED),
        (0x20, NeighborFlags::OVERRIDE),
    ] {
        let mut bytes = [0xff; 24];
        NeighborAdvertisement::write(&mut bytes, flag, address("fe80::1"));
        assert_eq!(bytes[..8], [136, 0, 0, 0, bit, 0, 0, 0]);
        assert_eq!(bytes[8..], SOLICITATION[8..]);
        bytes[4] |= 0x1f;
        let advertisement = NeighborAdvertisement::new(&bytes);
        assert_eq!(advertisement.flags(), flag);
        assert_eq!(advertisement.target(), address("fe80::1"));
    }
}

#[test]
fn redirect_is_written_as_the_rfc_lays_it_out() {
    let mut bytes = [0xff; 40];
    Redirect::write(&mut bytes, address("fe80::2"), address("2001:db8::9"));
    assert_eq!(bytes, REDIRECT);
    let redirect = Redirect::new(&bytes);
    assert_eq!(redirect.target(), address("fe80::2"));
    assert_eq!(redirect.destination(), address("2001:db8::9"));
}

proptest! {
    #[test]
    fn written_router_advertisement_is_read_back(
        hop_limit: u8,
        flags: u8,
        preference in prop_oneof![
            Just(Preference::Low),
            Just(Preference::Medium),
            Just(Preference::High),
        ],
        lifetime in 1_u16..,
        reachable: u32,
        retrans: u32,
    ) {
        let mut bytes = [0xff; 16];
        let flags = RouterFlags::from_bits_truncate(flags);
        RouterAdvertisement::write(
            &mut bytes, hop_limit, flags, preference, lifetime, reachable, retrans,
        );
        let envelope = envelope("fe80::1", "ff02::1");
        prop_assert_eq!(RouterAdvertisement::check(&envelope, &bytes[..]), Ok(bytes));
        let read = RouterAdvertisement::new(&bytes);
        prop_assert_eq!(read.current_hop_limit().unwrap_or(0), hop_limit);
        prop_assert_eq!(read.flags(), flags);
        prop_assert_eq!(read.preference(), preference);
        prop_assert_eq!(read.router_lifetime(), lifetime);
        prop_assert_eq!(read.reachable_time(), reachable);
        prop_assert_eq!(read.retrans_timer(), retrans);
    }

    #[test]
    fn written_neighbor_messages_are_read_back(flags: u8, target: u128, destination: u128) {
        let (target, destination) = (Ipv6Addr::from(target), Ipv6Addr::from(destination));
        let flags = NeighborFlags::from_bits_truncate(flags);
        let mut bytes = [0xff; 24];
        NeighborSolicitation::write(&mut bytes, target);
        prop_assert_eq!(NeighborSolicitation::new(&bytes).target(), target);
        NeighborAdvertisement::write(&mut bytes, flags, target);
        prop_assert_eq!(NeighborAdvertisement::new(&bytes).target(), target);
        prop_assert_eq!(NeighborAdvertisement::new(&bytes).flags(), flags);
        let mut bytes = [0xff; 40];
        Redirect::write(&mut bytes, target, destination);
        prop_assert_eq!(Redirect::new(&bytes).target(), target);
        prop_assert_eq!(Redirect::new(&bytes).destination(), destination);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(prop_oneof![0_u8..6, any::<u8>()], 0..128),
        source: u128,
        destination: u128,
    ) {
        let mut bytes = bytes;
        if let Some(code) = bytes.get_mut(1) {
            *code = 0;
        }
        for source in [source.into(), address("fe80::1"), address("::")] {
            let destination = destination.into();
            let envelope = Envelope { hop_limit: HOP_LIMIT, source, destination };
            for end in 0..=bytes.len() {
                for (_, _, check) in all() {
                    let _ = check(&envelope, &bytes[..end]);
                }
            }
        }
    }
}
