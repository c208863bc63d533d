//! What the images share: a network interface whose registers nobody can optimise away, and for each
//! stack its driver.
#![no_std]

pub mod embassy;
pub mod nic;
pub mod smoltcp;
#[cfg(feature = "tcp")]
pub mod sockets;
pub mod tasks;
pub mod zonda;

/// The link address of the board.
pub const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// Its IP address, with a prefix of 24 bits.
pub const ADDRESS: [u8; 4] = [10, 0, 0, 1];
/// Its IPv6 address, with a prefix of 64 bits.
pub const ADDRESS6: [u16; 8] = [0xfd00, 0, 0, 0, 0, 0, 0, 1];
/// The echo service (RFC 862).
pub const ECHO: u16 = 7;
/// Whom the client looks up, and the port it connects to there.
pub const SERVER: (&str, u16) = ("server.example", 80);
/// What the client sends.
pub const GREETING: &[u8] = b"hello";
/// Bytes for each direction of a TCP socket, on the stacks where sockets have buffers.
pub const WINDOW: usize = 2048;
