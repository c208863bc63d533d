//! The calls to Linux that need `unsafe`.

#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, OwnedFd};
use std::slice;
use std::vec;

use heapless::Vec;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

use crate::netbuf::NetBuf;

/// Pieces of memory that one call gathers from or scatters to; beyond that bytes are copied.
pub(super) const PIECES: usize = 64;

/// Attaches the file to an interface; `TUNSETIFF` of `linux/if_tun.h`.
const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
/// The bytes of an interface's name and of the zero behind it; `IFNAMSIZ` of `linux/if.h`.
pub(super) const NAME: usize = 16;

/// `struct ifreq` of `linux/if.h`, with the flags of its union.
#[repr(C, align(8))]
struct InterfaceRequest {
    name: [u8; NAME],
    flags: i16,
    rest: [u8; 22],
}

/// Opens a file that is one queue of the interface `name`, which is made if there is none; gives
/// the name that it has.
pub(super) fn attach(name: &[u8; NAME], flags: i16) -> io::Result<(OwnedFd, [u8; NAME])> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    let mut request = InterfaceRequest {
        name: *name,
        flags,
        rest: [0; 22],
    };
    // SAFETY: `TUNSETIFF` reads and writes a `struct ifreq`, which has 40 bytes at most.
    unsafe {
        let update = Updater::<{ TUNSETIFF }, InterfaceRequest>::new(&mut request);
        ioctl(&file, update)?;
    }
    Ok((file.into(), request.name))
}

/// Reads one frame over the bytes of `buf`; says how long it is,
/// or was cut to.
pub(super) fn read(file: impl AsFd, buf: &mut NetBuf) -> io::Result<usize> {
    let mut pieces = Vec::<(*mut u8, usize), PIECES>::new();
    let mut many = false;
    let shared = buf.for_each_fragment_mut(|piece| {
        many |= pieces.push((piece.as_mut_ptr(), piece.len())).is_err();
    });
    if many || shared.is_err() {
        let mut bytes = vec![0; buf.len()];
        let length = rustix::io::read(file, &mut bytes)?;
        let frame = bytes.get(..length).unwrap_or(&[]);
        let written = buf.write(0, frame).unwrap_or(0);
        return Ok(written);
    }
    let mut pieces = pieces
        .into_iter()
        .map(|(start, length)| {
            // SAFETY: fragments do not overlap, and `buf` is borrowed mutably and not touched
            // while these slices live.
            IoSliceMut::new(unsafe { slice::from_raw_parts_mut(start, length) })
        })
        .collect::<Vec<_, PIECES>>();
    Ok(rustix::io::readv(file, &mut pieces)?)
}
