//! The frames that the peer sends.

/// Our link and IP address, and the peer's.
pub const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const ADDRESS: [u8; 4] = [10, 0, 0, 1];
pub const PEER: [u8; 4] = [10, 0, 0, 2];
/// Our port and the peer's.
pub const PORT: u16 = 7;
pub const PEER_PORT: u16 = 4007;

/// Bytes of headers in front of the data.
pub const HEADERS: usize = 14 + 20 + 8;
/// The longest frame.
pub const LONGEST: usize = HEADERS + 1472;

/// The sum of 16-bit words, as plain as can be.
fn sum(words: &[u8]) -> u32 {
    let pairs = words.chunks(2);
    pairs
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum()
}

fn finish(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// The size of small blocks, and where in the first of them a frame starts.
const BLOCK: usize = 512;
const OFFSET: usize = 2;
/// Where two octets of the data make up for the rest, in the second block.
const BALANCE: usize = 600;

/// Writes a datagram with `length` bytes of data into `to`; the length of the frame.
///
/// A pool of small blocks gives the blocks of a frame out again in the opposite order: so the
/// third block of the longest frame holds what the first does, and the frame is the same both ways.
pub fn datagram(to: &mut [u8; LONGEST], length: usize) -> usize {
    let end = HEADERS + length;
    for (index, byte) in to[HEADERS..end].iter_mut().enumerate() {
        *byte = index as u8;
    }
    to[..6].copy_from_slice(&MAC);
    to[6..12].copy_from_slice(&PEER_MAC);
    to[12..14].copy_from_slice(&[8, 0]);
    to[14..34].copy_from_slice(&[
        0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    to[16..18].copy_from_slice(&((length + 28) as u16).to_be_bytes());
    to[26..30].copy_from_slice(&PEER);
    to[30..34].copy_from_slice(&ADDRESS);
    let checksum = finish(sum(&to[14..34]));
    to[24..26].copy_from_slice(&checksum);
    let udp_length = ((length + 8) as u16).to_be_bytes();
    to[34..36].copy_from_slice(&PEER_PORT.to_be_bytes());
    to[36..38].copy_from_slice(&PORT.to_be_bytes());
    to[38..40].copy_from_slice(&udp_length);
    to[40..42].copy_from_slice(&[0, 0]);
    let pseudo = sum(&to[26..34]) + 17 + (length + 8) as u32;
    let mut balance = 40;
    if end > 2 * BLOCK {
        to[40..42].copy_from_slice(&[0x12, 0x34]);
        to.copy_within(..end + OFFSET - 2 * BLOCK - OFFSET, 2 * BLOCK);
        to[2 * BLOCK - OFFSET..2 * BLOCK].fill(0);
        to[BALANCE..BALANCE + 2].fill(0);
        balance = BALANCE;
    }
    let checksum = finish(pseudo + sum(&to[34..end]));
    to[balance..balance + 2].copy_from_slice(&checksum);
    end
}

/// The peer's answer to an ARP request.
pub fn arp_reply() -> [u8; 42] {
    let mut frame = [0; 42];
    frame[..6].copy_from_slice(&MAC);
    frame[6..12].copy_from_slice(&PEER_MAC);
    frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
    frame[22..28].copy_from_slice(&PEER_MAC);
    frame[28..32].copy_from_slice(&PEER);
    frame[32..38].copy_from_slice(&MAC);
    frame[38..].copy_from_slice(&ADDRESS);
    frame
}
