//! Writing options. Each function fills the start of what it is given and returns how many octets
//! the option takes, which is a multiple of eight.

use core::net::Ipv6Addr;

use super::{
    DNSSL, MTU, NONCE, Preference, RDNSS, REDIRECTED_HEADER, ROUTE_INFORMATION,
    SOURCE_LINK_LAYER_ADDRESS, TARGET_LINK_LAYER_ADDRESS, UNIT,
};
use crate::wire::{LinkAddr, Malformed};

/// How long an option with this link address is, in octets (RFC 4861 §4.6.1).
pub fn link_layer_address_length(address: LinkAddr) -> usize {
    (address.as_bytes().len() + 2).next_multiple_of(UNIT)
}

/// Writes a Source Link-Layer Address option (RFC 4861 §4.6.1).
///
/// # Errors
///
/// [`Malformed::Truncated`] if there is no room.
pub fn write_source_link_layer_address(
    to: &mut [u8],
    address: LinkAddr,
) -> Result<usize, Malformed> {
    let length = link_layer_address_length(address);
    write(to, SOURCE_LINK_LAYER_ADDRESS, length, address.as_bytes())
}

/// Writes a Target Link-Layer Address option (RFC 4861 §4.6.1).
///
/// # Errors
///
/// [`Malformed::Truncated`] if there is no room.
pub fn write_target_link_layer_address(
    to: &mut [u8],
    address: LinkAddr,
) -> Result<usize, Malformed> {
    let length = link_layer_address_length(address);
    write(to, TARGET_LINK_LAYER_ADDRESS, length, address.as_bytes())
}

/// Writes an MTU option (RFC 4861 §4.6.4).
pub const fn write_mtu(bytes: &mut [u8; 8], mtu: u32) {
    let [a, b, c, d] = mtu.to_be_bytes();
    *bytes = [MTU, 1, 0, 0, a, b, c, d];
}

/// Writes the start of a Redirected Header option (RFC 4861 §4.6.3), behind which `length` octets
/// of the redirected packet follow.
///
/// # Errors
///
/// [`Malformed::Length`] if the length is not a multiple of eight, or more than 2032.
pub fn write_redirected_header(bytes: &mut [u8; 8], length: usize) -> Result<(), Malformed> {
    let units = units(length.saturating_add(8))?;
    *bytes = [REDIRECTED_HEADER, units, 0, 0, 0, 0, 0, 0];
    Ok(())
}

/// Writes a Nonce option (RFC 3971 §5.3.2). A nonce has 6 octets, or a multiple of 8 more.
///
/// # Errors
///
/// [`Malformed::Length`] for a nonce of another length, [`Malformed::Truncated`] if there is no
/// room.
pub fn write_nonce(to: &mut [u8], nonce: &[u8]) -> Result<usize, Malformed> {
    write(to, NONCE, nonce.len().saturating_add(2), nonce)
}

/// Writes a Route Information option (RFC 4191 §2.3), as short as the prefix allows, with a
/// lifetime in seconds. The bits behind the prefix length are not sent.
///
/// # Errors
///
/// [`Malformed::Value`] if the prefix is longer than an address, [`Malformed::Truncated`] if there
/// is no room.
pub fn write_route_information(
    to: &mut [u8],
    prefix: Ipv6Addr,
    prefix_length: u8,
    preference: Preference,
    lifetime: u32,
) -> Result<usize, Malformed> {
    let length = match prefix_length {
        0 => 8,
        1..=64 => 16,
        65..=128 => 24,
        _ => return Err(Malformed::Value),
    };
    let prefix = super::ipv6_address::prefix(prefix, prefix_length).octets();
    let prefix = prefix.get(..length - 8).unwrap_or(&[]);
    let [a, b, c, d] = lifetime.to_be_bytes();
    let start = [prefix_length, preference.to_flags(), a, b, c, d];
    write_parts(to, ROUTE_INFORMATION, length, start, prefix)
}

/// Writes an RDNSS option (RFC 8106 §5.1) with a lifetime in seconds.
///
/// # Errors
///
/// [`Malformed::Length`] if there is no address, or more than 127, [`Malformed::Truncated`] if
/// there is no room.
pub fn write_rdnss(
    to: &mut [u8],
    lifetime: u32,
    addresses: &[Ipv6Addr],
) -> Result<usize, Malformed> {
    if addresses.is_empty() {
        return Err(Malformed::Length);
    }
    let length = addresses.len().saturating_mul(16).saturating_add(8);
    let [a, b, c, d] = lifetime.to_be_bytes();
    let length = write_parts(to, RDNSS, length, [0, 0, a, b, c, d], &[])?;
    let places = to.iter_mut().skip(8);
    let octets = addresses.iter().flat_map(Ipv6Addr::octets);
    places.zip(octets).for_each(|(to, octet)| *to = octet);
    Ok(length)
}

/// Writes a DNSSL option (RFC 8106 §5.2) with a lifetime in seconds. `names` are domain names in
/// the uncompressed form of RFC 1035 §3.1, one behind the other.
///
/// # Errors
///
/// [`Malformed::Length`] if there is no name, or more than 2032 octets of them,
/// [`Malformed::Truncated`] if there is no room.
pub fn write_dnssl(to: &mut [u8], lifetime: u32, names: &[u8]) -> Result<usize, Malformed> {
    if names.is_empty() {
        return Err(Malformed::Length);
    }
    let padded = names.len().checked_next_multiple_of(UNIT);
    let length = padded.unwrap_or(usize::MAX).saturating_add(8);
    let [a, b, c, d] = lifetime.to_be_bytes();
    write_parts(to, DNSSL, length, [0, 0, a, b, c, d], names)
}

/// The units of a length in octets, if an option can have it.
fn units(length: usize) -> Result<u8, Malformed> {
    match u8::try_from(length / UNIT) {
        Ok(units @ 1..) if length.is_multiple_of(UNIT) => Ok(units),
        _ => Err(Malformed::Length),
    }
}

/// Writes an option of `length` octets: type, length, `data`, padding.
fn write(to: &mut [u8], kind: u8, length: usize, data: &[u8]) -> Result<usize, Malformed> {
    let units = units(length)?;
    let option = to.get_mut(..length).ok_or(Malformed::Truncated)?;
    option.fill(0);
    let head = [kind, units];
    let octets = head.iter().chain(data);
    option
        .iter_mut()
        .zip(octets)
        .for_each(|(to, from)| *to = *from);
    Ok(length)
}

/// Writes an option of `length` octets: type, length, `start`, `data`, padding.
fn write_parts(
    to: &mut [u8],
    kind: u8,
    length: usize,
    start: [u8; 6],
    data: &[u8],
) -> Result<usize, Malformed> {
    let length = write(to, kind, length, &start)?;
    let places = to.iter_mut().take(length).skip(8);
    places.zip(data).for_each(|(to, from)| *to = *from);
    Ok(length)
}
