//! A queue of buffers that the device is lent (VIRTIO 1.2 §2.7, "Split Virtqueues").
//!
//! The device reads and writes the ring while the driver does, so the ring is reached by volatile
//! accesses alone. Nothing that is read there is relied on: which descriptors are free, and which buffer
//! is where, the driver keeps for itself.

#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::sync::atomic::{Ordering, fence};

use super::transport::Transport;
use crate::netbuf::NetBuf;

/// How the parts of a ring are aligned: what the standard asks for (§2.7), and a page to devices of
/// version 1, which count in pages of the size that they are told.
pub const ALIGNMENT: u32 = 64;

/// Bits of a descriptor: another one follows; the device writes.
const NEXT: u16 = 1;
const WRITE: u16 = 2;
/// The flag of the available ring: no interrupt; that of the used ring: no notification.
const QUIET: u16 = 1;

/// The device holds itself to no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfStep;

#[repr(C)]
struct Descriptor {
    address: u64,
    length: u32,
    flags: u16,
    next: u16,
}

#[repr(C)]
struct Available<const N: usize> {
    flags: u16,
    index: u16,
    heads: [u16; N],
    event: u16,
}

#[repr(C)]
struct Used {
    id: u32,
    length: u32,
}

#[repr(C, align(64))]
struct UsedRing<const N: usize> {
    flags: u16,
    index: u16,
    elements: [Used; N],
    event: u16,
}

/// What the device sees. The order of the parts, and where the last begins, is that of version 1
/// (§2.7.2).
#[repr(C, align(64))]
struct Ring<const N: usize> {
    descriptors: [Descriptor; N],
    available: Available<N>,
    used: UsedRing<N>,
}

struct Shared<const N: usize>(UnsafeCell<Ring<N>>);

// SAFETY: the ring is reached by the one `Queue` that has it, and by the device.
unsafe impl<const N: usize> Sync for Shared<N> {}

/// What the driver knows of a descriptor.
struct Slot {
    /// The buffer, if this is the first of its descriptors.
    buf: Option<NetBuf>,
    /// How many it has.
    count: u16,
    /// The next of the same buffer, or the next that is free.
    next: u16,
}

/// The memory of a queue of `N` descriptors.
pub struct QueueMemory<const N: usize> {
    ring: Shared<N>,
    slots: [Slot; N],
}

impl<const N: usize> QueueMemory<N> {
    pub const fn new() -> Self {
        Self {
            ring: Shared(UnsafeCell::new(Ring {
                descriptors: [const {
                    Descriptor {
                        address: 0,
                        length: 0,
                        flags: 0,
                        next: 0,
                    }
                }; N],
                available: Available {
                    flags: 0,
                    index: 0,
                    heads: [0; N],
                    event: 0,
                },
                used: UsedRing {
                    flags: 0,
                    index: 0,
                    elements: [const { Used { id: 0, length: 0 } }; N],
                    event: 0,
                },
            })),
            slots: [const {
                Slot {
                    buf: None,
                    count: 0,
                    next: 0,
                }
            }; N],
        }
    }
}

/// A queue of `N` descriptors. What it holds stays where it is until the device has given it back, or
/// has been reset.
pub struct Queue<const N: usize> {
    ring: &'static Shared<N>,
    slots: &'static mut [Slot; N],
    /// The first free descriptor, and how many there are.
    free: u16,
    free_count: u16,
    /// Buffers that the device has.
    lent: u16,
    /// Buffers that the device was given, and that it gave back, as the rings count them.
    available: u16,
    used: u16,
    /// There are some of which the device has not been told.
    untold: bool,
}

impl<const N: usize> Queue<N> {
    /// How many descriptors there are (§2.7: a power of two).
    pub const SIZE: u16 = {
        assert!(N.is_power_of_two() && N >= 2 && N <= 1024);
        N as u16
    };

    /// A queue in `memory` that no device knows yet. It is to be [`Queue::reset`] first.
    pub const fn new(memory: &'static mut QueueMemory<N>) -> Self {
        let QueueMemory { ring, slots } = memory;
        Self {
            ring,
            slots,
            free: 0,
            free_count: 0,
            lent: 0,
            available: 0,
            used: 0,
            untold: false,
        }
    }

    /// Releases what the device had, and begins anew: to be called when it has been reset.
    pub fn reset(&mut self) {
        for (next, slot) in (1..).zip(self.slots.iter_mut()) {
            *slot = Slot {
                buf: None,
                count: 0,
                next,
            };
        }
        (self.free, self.free_count, self.lent) = (0, Self::SIZE, 0);
        (self.available, self.used, self.untold) = (0, 0, false);
        let ring = self.ring.0.get();
        // SAFETY: places in the ring, which lives for ever.
        unsafe {
            (&raw mut (*ring).available.flags).write_volatile(0);
            (&raw mut (*ring).available.index).write_volatile(0);
            (&raw mut (*ring).used.flags).write_volatile(0);
            (&raw mut (*ring).used.index).write_volatile(0);
        }
    }

    /// Where descriptors, available ring and used ring are.
    pub fn places(&self) -> [*const u8; 3] {
        let ring = self.ring.0.get();
        // SAFETY: the places are inside the ring, and are not looked at.
        unsafe {
            [
                (&raw const (*ring).descriptors).cast(),
                (&raw const (*ring).available).cast(),
                (&raw const (*ring).used).cast(),
            ]
        }
    }

    /// Buffers that the device has.
    pub fn lent(&self) -> usize {
        usize::from(self.lent)
    }

    /// Whether the device has given something back.
    pub fn has_used(&self) -> bool {
        // SAFETY: a place in the ring.
        let index = unsafe { (&raw const (*self.ring.0.get()).used.index).read_volatile() };
        index != self.used
    }

    /// Lends the device a frame to be read, behind a header. The frame comes back if there are too few
    /// descriptors.
    pub fn lend(
        &mut self,
        header: &'static [u8],
        buf: NetBuf,
        transport: &impl Transport,
    ) -> Result<(), NetBuf> {
        if buf.fragments().count() + 1 > usize::from(self.free_count) {
            return Err(buf);
        }
        let mut chain = Chain::new(self.free);
        self.add(
            &mut chain,
            transport.address(header.as_ptr()),
            header.len(),
            0,
        );
        for piece in buf.fragments() {
            self.add(
                &mut chain,
                transport.address(piece.as_ptr()),
                piece.len(),
                0,
            );
        }
        self.close(&chain, buf);
        Ok(())
    }

    /// Lends the device a buffer to be written. If `split` is not 0, so many bytes have a descriptor of
    /// their own. The buffer is dropped if somebody shares it or there are too few descriptors.
    pub fn lend_to_fill(&mut self, mut buf: NetBuf, split: usize, transport: &impl Transport) {
        let count = buf.fragments().count() + usize::from(split > 0);
        if count > usize::from(self.free_count) {
            return;
        }
        let mut chain = Chain::new(self.free);
        let filled = buf.for_each_fragment_mut(|piece| {
            let at = if chain.count == 0 { split } else { 0 };
            let parts = match piece.split_at_mut_checked(at) {
                Some((header, rest)) => [header, rest],
                None => [piece, &mut []],
            };
            for part in parts.into_iter().filter(|part| !part.is_empty()) {
                let address = transport.address(part.as_mut_ptr());
                self.add(&mut chain, address, part.len(), WRITE);
            }
        });
        if filled.is_ok() && chain.count > 0 {
            self.close(&chain, buf);
        } else {
            self.give_back(chain.head, chain.count);
        }
    }

    /// Takes a free descriptor for a piece of a buffer. It says that another one follows.
    fn add(&mut self, chain: &mut Chain, address: u64, length: usize, flags: u16) {
        let index = usize::from(self.free);
        let (Some(slot), Some(left)) = (self.slots.get(index), self.free_count.checked_sub(1))
        else {
            return;
        };
        let descriptor = Descriptor {
            address,
            length: length as u32,
            flags: flags | NEXT,
            next: slot.next,
        };
        // SAFETY: there are as many descriptors as slots. The device does not look at it: it is free.
        unsafe {
            let descriptors = &raw mut (*self.ring.0.get()).descriptors;
            descriptors
                .cast::<Descriptor>()
                .add(index)
                .write_volatile(descriptor);
        }
        (chain.last, chain.flags) = (index, flags);
        chain.count += 1;
        (self.free, self.free_count) = (slot.next, left);
    }

    /// No descriptor follows the last one; the device may have them.
    fn close(&mut self, chain: &Chain, buf: NetBuf) {
        let Some(slot) = self.slots.get_mut(usize::from(chain.head)) else {
            return;
        };
        (slot.buf, slot.count) = (Some(buf), chain.count);
        let ring = self.ring.0.get();
        let place = usize::from(self.available) % N;
        self.available = self.available.wrapping_add(1);
        // SAFETY: the chain's last descriptor is one that `add` has written; `place` is less than N.
        unsafe {
            let descriptors = (&raw mut (*ring).descriptors).cast::<Descriptor>();
            (&raw mut (*descriptors.add(chain.last)).flags).write_volatile(chain.flags);
            let heads = (&raw mut (*ring).available.heads).cast::<u16>();
            heads.add(place).write_volatile(chain.head);
            // The device reads nothing of it before it sees the index (§2.7.13.3).
            fence(Ordering::SeqCst);
            (&raw mut (*ring).available.index).write_volatile(self.available);
        }
        self.lent += 1;
        self.untold = true;
    }

    /// Frees the `count` descriptors from `head` on.
    fn give_back(&mut self, head: u16, count: u16) {
        let mut last = head;
        for _ in 1..count {
            last = self
                .slots
                .get(usize::from(last))
                .map_or(last, |slot| slot.next);
        }
        if count > 0
            && let Some(slot) = self.slots.get_mut(usize::from(last))
        {
            slot.next = self.free;
            self.free = head;
            self.free_count += count;
        }
    }

    /// The next buffer that the device has given back, and how many bytes it says it has written.
    pub fn take(&mut self) -> Result<Option<(NetBuf, usize)>, OutOfStep> {
        if !self.has_used() {
            return Ok(None);
        }
        // What the index tells of is read after it.
        fence(Ordering::SeqCst);
        let place = usize::from(self.used) % N;
        // SAFETY: `place` is less than N.
        let Used { id, length } = unsafe {
            let elements = &raw const (*self.ring.0.get()).used.elements;
            elements.cast::<Used>().add(place).read_volatile()
        };
        self.used = self.used.wrapping_add(1);
        let head = u16::try_from(id).map_err(|_| OutOfStep)?;
        let slot = self.slots.get_mut(usize::from(head)).ok_or(OutOfStep)?;
        let buf = slot.buf.take().ok_or(OutOfStep)?;
        let count = slot.count;
        self.give_back(head, count);
        self.lent = self.lent.saturating_sub(1);
        Ok(Some((buf, length as usize)))
    }

    /// Asks the device for interrupts, or to go without: it may do as it likes (§2.7.7).
    pub fn set_quiet(&mut self, quiet: bool) {
        let flags = if quiet { QUIET } else { 0 };
        // SAFETY: a place in the ring.
        unsafe { (&raw mut (*self.ring.0.get()).available.flags).write_volatile(flags) };
    }

    /// Whether the device is to be told of something, and wants to be.
    pub fn take_untold(&mut self) -> bool {
        if !core::mem::take(&mut self.untold) {
            return false;
        }
        // Either it says so before it sees the index, or it looks at the index after (§2.7.13.4).
        fence(Ordering::SeqCst);
        // SAFETY: a place in the ring.
        let flags = unsafe { (&raw const (*self.ring.0.get()).used.flags).read_volatile() };
        flags & QUIET == 0
    }
}

/// Descriptors of a buffer.
struct Chain {
    head: u16,
    count: u16,
    last: usize,
    /// The flags of the last.
    flags: u16,
}

impl Chain {
    const fn new(head: u16) -> Self {
        Self {
            head,
            count: 0,
            last: 0,
            flags: 0,
        }
    }
}
