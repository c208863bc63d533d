//! A virtio network device of either version, as far as the driver can tell.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ptr::with_exposed_provenance_mut;
use std::vec;
use std::vec::Vec;

use super::super::names::{feature, register, *};
use super::super::transport::Transport;

/// Who the device is, and what it may do.
#[derive(Clone, Copy)]
pub struct Kind {
    pub version: u32,
    pub features: u64,
}

#[derive(Clone, Copy, Default)]
struct Ring {
    size: u16,
    ready: bool,
    descriptors: u64,
    available: u64,
    used: u64,
    /// Buffers taken, and given back.
    taken: u16,
    given: u16,
}

#[derive(Clone, Copy)]
pub struct Descriptor {
    address: u64,
    length: usize,
    flags: u16,
    next: u16,
}

pub struct Model {
    kind: Kind,
    /// What the registers say that this is.
    pub identity: Cell<[u32; 3]>,
    pub config: Cell<[u8; 12]>,
    /// The configuration seems to change for so many looks.
    pub unsteady: Cell<u32>,
    pub status: Cell<u32>,
    /// It does not accept what the driver wants.
    pub refuses: Cell<bool>,
    /// It does not stop when it is told to.
    pub is_stuck: Cell<bool>,
    /// It does not read what is to be sent.
    pub holds: Cell<bool>,
    /// It wants not to be told of buffers.
    pub is_awake: Cell<bool>,
    pub queue_size: Cell<u32>,
    /// What the device calls 0.
    origin: Cell<u64>,
    accepted: Cell<u64>,
    selected: Cell<[u32; 3]>,
    page_size: Cell<u64>,
    align: Cell<u64>,
    interrupts: Cell<u32>,
    /// How often it has interrupted because of a buffer.
    pub raised: Cell<usize>,
    pub notified: Cell<usize>,
    rings: RefCell<[Ring; 2]>,
    pub sent: RefCell<Vec<Vec<u8>>>,
    /// Where the pieces of the last frame were.
    pub pieces: RefCell<Vec<(usize, usize)>>,
}

impl Model {
    pub fn new(kind: Kind) -> Self {
        let mut config = [0; 12];
        config[..6].copy_from_slice(&[2, 9, 8, 7, 6, 5]);
        config[6] = 1;
        config[10..].copy_from_slice(&1500_u16.to_le_bytes());
        Self {
            kind,
            identity: Cell::new([MAGIC, kind.version, NETWORK]),
            config: Cell::new(config),
            unsteady: Cell::new(0),
            status: Cell::new(0),
            refuses: Cell::new(false),
            is_stuck: Cell::new(false),
            holds: Cell::new(false),
            is_awake: Cell::new(false),
            queue_size: Cell::new(256),
            origin: Cell::new(0),
            accepted: Cell::new(0),
            selected: Cell::new([0; 3]),
            page_size: Cell::new(0),
            align: Cell::new(0),
            interrupts: Cell::new(0),
            raised: Cell::new(0),
            notified: Cell::new(0),
            rings: RefCell::default(),
            sent: RefCell::default(),
            pieces: RefCell::default(),
        }
    }

    /// Sees memory from somewhat below `place` on at small addresses, as devices of version 1 must.
    pub fn look_from<P>(&self, place: *const P) {
        let place = place.expose_provenance() as u64;
        self.origin.set((place & !0xffff) - 0x1_0000);
    }

    pub fn has_accepted(&self, features: u64) -> bool {
        self.accepted.get() & features == features
    }

    pub fn interrupts(&self) -> bool {
        self.interrupts.get() != 0
    }

    /// Changes the configuration and tells of it.
    pub fn configure(&self, change: impl FnOnce(&mut [u8; 12])) {
        let mut config = self.config.get();
        change(&mut config);
        self.config.set(config);
        self.interrupts.set(self.interrupts.get() | 2);
    }

    // ---- Memory ---------------------------------------------------------------------------------

    fn read_memory<V: Copy>(&self, address: u64) -> V {
        let place = address.wrapping_add(self.origin.get()) as usize;
        // SAFETY: the driver has said that this is memory, and it lives for ever.
        unsafe { with_exposed_provenance_mut::<V>(place).read_volatile() }
    }

    fn write_memory<V: Copy>(&self, address: u64, value: V) {
        let place = address.wrapping_add(self.origin.get()) as usize;
        // SAFETY: as above, and that it is lent.
        unsafe { with_exposed_provenance_mut::<V>(place).write_volatile(value) };
    }

    fn ring(&self, number: usize) -> Ring {
        let ring = self.rings.borrow()[number];
        assert!(ring.ready, "the queue is used before the device knows it");
        ring
    }

    /// The next buffer that the device may use.
    pub fn take(&self, number: usize) -> Option<(u16, Vec<Descriptor>)> {
        let ring = self.ring(number);
        if self.read_memory::<u16>(ring.available + 2) == ring.taken {
            return None;
        }
        let place = u64::from(ring.taken % ring.size);
        let head: u16 = self.read_memory(ring.available + 4 + 2 * place);
        self.rings.borrow_mut()[number].taken = ring.taken.wrapping_add(1);
        let (mut next, mut chain) = (head, Vec::new());
        loop {
            assert!(next < ring.size && chain.len() < usize::from(ring.size));
            let at = ring.descriptors + 16 * u64::from(next);
            let descriptor = Descriptor {
                address: self.read_memory(at),
                length: self.read_memory::<u32>(at + 8) as usize,
                flags: self.read_memory(at + 12),
                next: self.read_memory(at + 14),
            };
            chain.push(descriptor);
            if descriptor.flags & 1 == 0 {
                return Some((head, chain));
            }
            next = descriptor.next;
        }
    }

    /// Gives a buffer back, whatever its number and length.
    pub fn give(&self, number: usize, id: u32, length: u32) {
        let ring = self.ring(number);
        let at = ring.used + 4 + 8 * u64::from(ring.given % ring.size);
        self.write_memory(at, id);
        self.write_memory(at + 4, length);
        let given = ring.given.wrapping_add(1);
        self.rings.borrow_mut()[number].given = given;
        self.write_memory(ring.used + 2, given);
        if self.read_memory::<u16>(ring.available) & 1 == 0 {
            self.interrupts.set(self.interrupts.get() | 1);
            self.raised.set(self.raised.get() + 1);
        }
    }

    /// Buffers that the device may receive into.
    pub fn empty(&self) -> usize {
        let ring = self.ring(0);
        let index: u16 = self.read_memory(ring.available + 2);
        usize::from(index.wrapping_sub(ring.taken))
    }

    fn header(&self) -> usize {
        let long = self.accepted.get() & (feature::VERSION_1 | feature::MRG_RXBUF) != 0;
        if long { 12 } else { 10 }
    }

    /// A frame from the network; false if the device finds no room for it.
    pub fn receive(&self, frame: &[u8]) -> bool {
        self.receive_behind([0, 0], frame)
    }

    /// As [`Model::receive`], with the first bytes of the header. Gives where it was written, too.
    pub fn receive_behind(&self, header: [u8; 2], frame: &[u8]) -> bool {
        let merges = self.has_accepted(feature::MRG_RXBUF);
        let mut bytes = header.to_vec();
        bytes.resize(self.header(), 0);
        bytes.extend(frame);
        let before = self.ring(0).taken;
        let (mut left, mut filled, mut first) = (&bytes[..], Vec::new(), None);
        let mut pieces = Vec::new();
        while !left.is_empty() {
            let Some((head, chain)) = self.take(0).filter(|_| merges || filled.is_empty()) else {
                self.rings.borrow_mut()[0].taken = before;
                return false;
            };
            let mut length = 0;
            for piece in chain {
                assert_eq!(piece.flags & 2, 2, "the device may write");
                let _: u64 = *first.get_or_insert(piece.address);
                let (now, later) = left.split_at(left.len().min(piece.length));
                for (address, byte) in (piece.address..).zip(now) {
                    self.write_memory(address, *byte);
                }
                pieces.push((self.place(piece.address), piece.length));
                length += now.len();
                left = later;
            }
            filled.push((head, length));
        }
        if let Some(first) = first.filter(|_| self.header() == 12) {
            self.write_memory(first + 10, filled.len() as u16);
        }
        for (head, length) in filled {
            self.give(0, u32::from(head), length as u32);
        }
        *self.pieces.borrow_mut() = pieces;
        true
    }

    /// Says that the last received frame lies in so many buffers.
    pub fn merge(&self, buffers: u8) {
        let (first, _) = self.pieces.borrow()[0];
        let address = (first as u64).wrapping_sub(self.origin.get());
        self.write_memory(address + 10, u16::from(buffers));
    }

    fn place(&self, address: u64) -> usize {
        address.wrapping_add(self.origin.get()) as usize
    }

    /// Reads what is to be sent.
    pub fn transmit(&self) {
        while !self.holds.get()
            && let Some((head, chain)) = self.take(1)
        {
            let mut bytes = Vec::new();
            assert_eq!(chain[0].length, self.header());
            for piece in &chain {
                assert_eq!(piece.flags & 2, 0, "the device may not write");
                let places = (piece.address..).take(piece.length);
                bytes.extend(places.map(|place| self.read_memory::<u8>(place)));
            }
            let frame = bytes.split_off(self.header());
            assert_eq!(bytes, vec![0; bytes.len()]);
            let pieces = chain.iter().skip(1);
            *self.pieces.borrow_mut() = pieces
                .map(|piece| (self.place(piece.address), piece.length))
                .collect();
            self.sent.borrow_mut().push(frame);
            self.give(1, u32::from(head), 0);
        }
    }

    fn set_queue(&self, change: impl FnOnce(&mut Ring)) {
        let number = self.selected.get()[2] as usize;
        change(&mut self.rings.borrow_mut()[number]);
    }

    /// The driver wants the device to be woken, or not.
    pub fn set_awake(&self, awake: bool) {
        self.is_awake.set(awake);
        for number in 0..2 {
            self.write_memory(self.ring(number).used, u16::from(awake));
        }
    }
}

impl Transport for &Model {
    fn read(&self, register: usize) -> u32 {
        let [magic, version, device] = self.identity.get();
        let legacy = version == LEGACY;
        match register {
            register::MAGIC => magic,
            register::VERSION => version,
            register::DEVICE => device,
            register::DEVICE_FEATURES => {
                (self.kind.features >> (32 * self.selected.get()[0])) as u32
            }
            register::QUEUE_SIZE_MAX => self.queue_size.get(),
            register::INTERRUPT_STATUS => self.interrupts.get(),
            register::STATUS => self.status.get(),
            register::CONFIG_GENERATION => {
                let left = self.unsteady.get();
                self.unsteady.set(left.saturating_sub(1));
                left
            }
            _ => panic!("register {register:#x} of version {legacy} is not to be read"),
        }
    }

    fn write(&self, register: usize, value: u32) {
        let legacy = self.kind.version == LEGACY;
        let half = |old: u64, high: bool| match high {
            false => old & !0xffff_ffff | u64::from(value),
            true => old & 0xffff_ffff | u64::from(value) << 32,
        };
        match register {
            register::DEVICE_FEATURES_SELECT => {
                let [_, driver, queue] = self.selected.get();
                self.selected.set([value, driver, queue]);
            }
            register::DRIVER_FEATURES_SELECT => {
                let [device, _, queue] = self.selected.get();
                self.selected.set([device, value, queue]);
            }
            register::QUEUE_SELECT => {
                let [device, driver, _] = self.selected.get();
                self.selected.set([device, driver, value]);
            }
            register::DRIVER_FEATURES => {
                let high = self.selected.get()[1] == 1;
                self.accepted.set(half(self.accepted.get(), high));
                assert_eq!(self.accepted.get() & !self.kind.features, 0, "not offered");
            }
            register::QUEUE_SIZE => self.set_queue(|queue| queue.size = value as u16),
            register::PAGE_SIZE if legacy => self.page_size.set(value.into()),
            register::QUEUE_ALIGN if legacy => self.align.set(value.into()),
            register::QUEUE_PAGE if legacy => self.set_queue(|queue| {
                let size = u64::from(queue.size);
                queue.descriptors = u64::from(value) * self.page_size.get();
                queue.available = queue.descriptors + 16 * size;
                queue.used = (queue.available + 6 + 2 * size).next_multiple_of(self.align.get());
                queue.ready = true;
            }),
            register::QUEUE_READY if !legacy => self.set_queue(|queue| queue.ready = value == 1),
            0x080..0x0a8 if !legacy => self.set_queue(|queue| {
                let part = match register & !0xf {
                    register::QUEUE_DESCRIPTORS => &mut queue.descriptors,
                    register::QUEUE_AVAILABLE => &mut queue.available,
                    _ => &mut queue.used,
                };
                *part = half(*part, register & 4 != 0);
            }),
            register::QUEUE_NOTIFY => {
                assert_ne!(self.status.get() & DRIVER_OK, 0, "it is not ready");
                self.notified.set(self.notified.get() + 1);
                self.transmit();
            }
            register::INTERRUPT_ACK => self.interrupts.set(self.interrupts.get() & !value),
            register::STATUS if value == 0 => {
                if !self.is_stuck.get() {
                    self.status.set(0);
                    self.interrupts.set(0);
                    self.accepted.set(0);
                    *self.rings.borrow_mut() = Default::default();
                }
            }
            register::STATUS => {
                let accepted = if self.refuses.get() { !FEATURES_OK } else { !0 };
                self.status.set(value & accepted);
            }
            _ => panic!("register {register:#x} is not to be written"),
        }
    }

    fn config_byte(&self, offset: usize) -> u8 {
        self.config.get()[offset]
    }

    fn config_half(&self, offset: usize) -> u16 {
        let config = self.config.get();
        u16::from_le_bytes([config[offset], config[offset + 1]])
    }

    fn address(&self, place: *const u8) -> u64 {
        (place.expose_provenance() as u64).wrapping_sub(self.origin.get())
    }
}
