//! What the images share: a network interface whose registers nobody can optimise away, and the
//! echo server on Zonda.
#![no_std]

pub mod nic;
pub mod zonda;

/// The link address of the board.
pub const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// Its IP address, with a prefix of 24 bits.
pub const ADDRESS: [u8; 4] = [10, 0, 0, 1];
/// The echo service (RFC 862).
pub const ECHO: u16 = 7;
