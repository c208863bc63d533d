//! Fragments: reassembly ([`received`]), what is sent in fragments ([`sent`]), and both under load
//! ([`load`]), over IPv4 (RFC 791, RFC 1122 §3.3.2) and IPv6 (RFC 8200 §4.5).

#[path = "fragments/load.rs"]
mod load;
#[path = "fragments/received.rs"]
mod received;
#[path = "fragments/sent.rs"]
mod sent;

use std::net::IpAddr;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// A fragment from an address to the host, as a packet: of a datagram of `protocol`, its data from
/// `offset` on.
pub fn fragment(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    id: u32,
    (offset, more): (usize, bool),
    data: &[u8],
) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Ip4 {
            id: id as u16,
            fragment: (offset / 8) as u16 | u16::from(more) << 13,
            ..Ip4::new(source, destination, protocol)
        }
        .with(data),
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = fragment_header(protocol, id, (offset, more));
            Ip6::new(source, destination, FRAGMENT).with(&join(&[&header, data]))
        }
        _ => panic!("addresses of two versions"),
    }
}

/// A Fragment header (RFC 8200 §4.5).
fn fragment_header(next: u8, id: u32, (offset, more): (usize, bool)) -> Vec<u8> {
    let place = (offset as u16 | u16::from(more)).to_be_bytes();
    join(&[&[next, 0], &place, &id.to_be_bytes()])
}

/// A fragment from the peer to the host, as a frame.
pub fn part(
    a: &Alone,
    version: usize,
    protocol: u8,
    id: u32,
    offset: usize,
    more: bool,
    data: &[u8],
) -> Vec<u8> {
    let (host, peer) = PAIRS[version];
    a.to_host(&fragment(peer, host, protocol, id, (offset, more), data))
}

/// The protocol of echo messages, and an echo request of the peer's with so many bytes of data.
fn request(version: usize, length: usize) -> (u8, Vec<u8>) {
    let (host, peer) = PAIRS[version];
    let data: Vec<u8> = (0..length).map(|n| (n * 7 + n / 256) as u8).collect();
    let packet = echo(peer, host, false, 7, 7, &data);
    let header = [20, 40][version];
    ([ICMP, ICMPV6][version], packet[header..].to_vec())
}

/// The frames of a message, cut at these offsets.
fn cut(
    a: &Alone,
    version: usize,
    (protocol, message): (u8, &[u8]),
    id: u32,
    at: &[usize],
) -> Vec<Vec<u8>> {
    let starts = [&[0], at].concat();
    let ends = [at, &[message.len()]].concat();
    let pieces = starts.into_iter().zip(ends);
    pieces
        .map(|(start, end)| {
            let more = end < message.len();
            part(a, version, protocol, id, start, more, &message[start..end])
        })
        .collect()
}

/// Sends frames; gives the answer, whole, if there is one.
fn answer(a: &Alone, frames: &[Vec<u8>]) -> Option<SeenIp> {
    a.peer.take();
    for frame in frames {
        a.peer.send(frame);
    }
    a.net.run_for(ms(10));
    whole(&a.sent())
}

/// The one packet that was sent, whole or in fragments.
fn whole(seen: &[Seen]) -> Option<SeenIp> {
    let seen: Vec<SeenIp> = seen.iter().map(|seen| seen.ip().unwrap()).collect();
    match &seen[..] {
        [] => None,
        [one] if one.fragment.is_none() => Some(one.clone()),
        fragments => Some(reassemble(fragments)),
    }
}

/// The frames are those of an echo request, and are answered.
#[track_caller]
fn echoed(a: &Alone, frames: &[Vec<u8>], message: &[u8]) {
    let answer = answer(a, frames).expect("an answer");
    let (kind, _, _, data) = answer.icmp().unwrap();
    assert!(matches!(kind, 0 | 129), "{kind}");
    assert!(data == &message[8..]);
}
