//! What a network controller does to checksums that the stack leaves to it.

use zonda::link::Offload;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Fills in the checksums of an IP packet that is sent.
pub fn fill(offload: Offload, packet: &mut [u8]) {
    let header = packet
        .first()
        .map_or(0, |octet| usize::from(octet & 15) * 4);
    let is_ipv4 = packet.first().is_some_and(|octet| octet >> 4 == 4);
    if is_ipv4 && (20..=packet.len()).contains(&header) && offload.contains(Offload::SEND_IPV4) {
        packet[10..12].fill(0);
        let sum = !fold(add(0, &packet[..header]));
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let Some(parts) = parts(packet) else {
        return;
    };
    let wanted = match parts.protocol {
        UDP => Offload::SEND_UDP,
        TCP => Offload::SEND_TCP,
        _ => Offload::SEND_ICMP,
    };
    if offload.contains(wanted) {
        packet[parts.field..parts.field + 2].fill(0);
        let sum = match !fold(add(parts.pseudo_header, &packet[parts.start..parts.end])) {
            0 if parts.protocol == UDP => 0xffff,
            sum => sum,
        };
        packet[parts.field..parts.field + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Whether the checksums of a received packet are right, as far as the hardware verifies them.
pub fn verify(offload: Offload, packet: &[u8]) -> bool {
    let is_ipv4 = packet.first().is_some_and(|octet| octet >> 4 == 4);
    if is_ipv4 && offload.contains(Offload::RECEIVE_IPV4) {
        let length = usize::from(packet[0] & 15) * 4;
        if length > packet.len() || fold(add(0, &packet[..length])) != 0xffff {
            return false;
        }
    }
    let Some(parts) = parts(packet) else {
        return true;
    };
    let wanted = match parts.protocol {
        UDP => Offload::RECEIVE_UDP,
        TCP => Offload::RECEIVE_TCP,
        _ => Offload::RECEIVE_ICMP,
    };
    let has_none = parts.protocol == UDP && packet[parts.field..parts.field + 2] == [0, 0];
    !offload.contains(wanted)
        || has_none
        || fold(add(parts.pseudo_header, &packet[parts.start..parts.end])) == 0xffff
}

/// Where a packet has its checksums.
struct Parts {
    protocol: u8,
    start: usize,
    end: usize,
    field: usize,
    /// The sum of the pseudo-header, where there is one.
    pseudo_header: u64,
}

fn parts(packet: &[u8]) -> Option<Parts> {
    let be16 = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let is_ipv4 = packet.first()? >> 4 == 4;
    let (protocol, start, end, addresses) = match packet[0] >> 4 {
        4 if be16(6)? & 0x3fff == 0 => {
            let start = usize::from(packet[0] & 15) * 4;
            (*packet.get(9)?, start, usize::from(be16(2)?), 12..20)
        }
        6 => (*packet.get(6)?, 40, 40 + usize::from(be16(4)?), 8..40),
        _ => return None,
    };
    let field = start
        + match protocol {
            ICMP if is_ipv4 => 2,
            ICMPV6 if !is_ipv4 => 2,
            TCP => 16,
            UDP => 6,
            _ => return None,
        };
    if start < 20 || end > packet.len() || field + 2 > end {
        return None;
    }
    let pseudo_header = match protocol {
        ICMP => 0,
        _ => add(
            (end - start) as u64 + u64::from(protocol),
            &packet[addresses],
        ),
    };
    Some(Parts {
        protocol,
        start,
        end,
        field,
        pseudo_header,
    })
}

fn add(sum: u64, bytes: &[u8]) -> u64 {
    bytes.chunks(2).fold(sum, |sum, pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        sum + u64::from(u16::from_be_bytes([pair[0], low]))
    })
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
