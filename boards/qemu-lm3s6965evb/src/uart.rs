//! The UARTs, which are PL011 (Arm DDI 0183): read and written by tasks, driven by interrupts.

use core::cell::RefCell;
use core::convert::Infallible;
use core::future::poll_fn;
use core::ptr::{read_volatile, write_volatile};
use core::task::{Poll, Waker};

use critical_section::Mutex;
use embedded_io_async::{Error, ErrorKind, ErrorType, Read, Write};
use heapless::Deque;

use crate::clock::MEGAHERTZ;

const DR: usize = 0x00;
const FR: usize = 0x18;
const IBRD: usize = 0x24;
const FBRD: usize = 0x28;
const LCRH: usize = 0x2c;
const CR: usize = 0x30;
const IFLS: usize = 0x34;
const IMSC: usize = 0x38;
const ICR: usize = 0x44;

/// What was received is damaged: framing, parity, break, overrun (DR).
const DAMAGED: u32 = 0xf << 8;
const RXFE: u32 = 1 << 4;
const TXFF: u32 = 1 << 5;
const EIGHT_BITS_AND_FIFO: u32 = 0b11 << 5 | 1 << 4;
const ON: u32 = 1 << 9 | 1 << 8 | 1 << 0;
/// Interrupts at a quarter of the receive FIFO, and at a quarter of the transmit FIFO.
const LEVELS: u32 = 1 << 3 | 1;
const RXIM: u32 = 1 << 4;
const TXIM: u32 = 1 << 5;
/// Something has been in the receive FIFO for a while.
const RTIM: u32 = 1 << 6;

const BAUD: u32 = 115_200;
/// What comes in while no task reads, in octets.
const RING: usize = 256;

/// Octets on the line were lost or are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl core::fmt::Display for Damaged {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("octets on the line are damaged")
    }
}

impl core::error::Error for Damaged {}

impl Error for Damaged {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidData
    }
}

/// One of the UARTs, with eight bits at 115,200 baud. Make it a `static`.
pub struct Uart {
    base: usize,
    state: Mutex<RefCell<State>>,
}

struct State {
    /// Octets received, with what is said of each in DR.
    ring: Deque<u16, RING>,
    enabled: u32,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Uart {
    /// The first.
    pub const fn first() -> Self {
        Self::at(0x4000_c000)
    }

    /// The second.
    pub const fn second() -> Self {
        Self::at(0x4000_d000)
    }

    const fn at(base: usize) -> Self {
        Self {
            base,
            state: Mutex::new(RefCell::new(State {
                ring: Deque::new(),
                enabled: 0,
                reader: None,
                writer: None,
            })),
        }
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: a register of the UART at `base`, which is used by this value only.
        unsafe { read_volatile((self.base + register) as *const u32) }
    }

    fn write(&self, register: usize, value: u32) {
        // SAFETY: as above.
        unsafe { write_volatile((self.base + register) as *mut u32, value) };
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        critical_section::with(|section| work(&mut self.state.borrow_ref_mut(section)))
    }

    /// Switches it on.
    pub fn start(&self) {
        // In units of 1/64: clock / (16 * rate).
        let divider = (MEGAHERTZ * 1_000_000 * 4 + BAUD / 2) / BAUD;
        self.write(CR, 0);
        self.write(IBRD, divider / 64);
        self.write(FBRD, divider % 64);
        self.write(LCRH, EIGHT_BITS_AND_FIFO);
        self.write(IFLS, LEVELS);
        self.write(ICR, u32::MAX);
        self.write(CR, ON);
    }

    /// Writes all, and waits for room meanwhile.
    pub fn write_all(&self, octets: &[u8]) {
        for &octet in octets {
            while self.read(FR) & TXFF != 0 {}
            self.write(DR, octet.into());
        }
    }

    /// The two directions, for a task each. There is one place for a waker in each direction.
    pub const fn split(&self) -> (Receiver<'_>, Sender<'_>) {
        (Receiver(self), Sender(self))
    }

    /// For the handler of its interrupt.
    pub fn on_interrupt(&self) {
        let wakers = self.with(|state| {
            self.drain(state);
            let reader = (!state.ring.is_empty()).then(|| state.reader.take());
            let has_room = state.enabled & TXIM != 0 && self.read(FR) & TXFF == 0;
            if has_room {
                self.enable(state, state.enabled & !TXIM);
            }
            [reader.flatten(), state.writer.take_if(|_| has_room)]
        });
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Moves octets from the FIFO to the ring. While that is full they stay where they are.
    fn drain(&self, state: &mut State) {
        while !state.ring.is_full() {
            if self.read(FR) & RXFE != 0 {
                return self.enable(state, state.enabled | RXIM | RTIM);
            }
            // There is room.
            let _: Result<(), u16> = state.ring.push_back(self.read(DR) as u16);
        }
        self.enable(state, state.enabled & !(RXIM | RTIM));
    }

    fn enable(&self, state: &mut State, interrupts: u32) {
        state.enabled = interrupts;
        self.write(IMSC, interrupts);
    }
}

impl State {
    /// Moves octets from the ring to `to`, up to what is damaged.
    fn take(&mut self, to: &mut [u8]) -> Result<usize, Damaged> {
        let mut taken = 0;
        for place in to {
            match self.ring.front() {
                Some(octet) if u32::from(*octet) & DAMAGED != 0 => {
                    if taken == 0 {
                        let _: Option<u16> = self.ring.pop_front();
                        return Err(Damaged);
                    }
                    break;
                }
                Some(octet) => *place = *octet as u8,
                None => break,
            }
            let _: Option<u16> = self.ring.pop_front();
            taken += 1;
        }
        Ok(taken)
    }
}

/// The receiving half.
pub struct Receiver<'u>(&'u Uart);

/// The sending half.
pub struct Sender<'u>(&'u Uart);

impl ErrorType for Receiver<'_> {
    type Error = Damaged;
}

impl ErrorType for Sender<'_> {
    type Error = Infallible;
}

impl Read for Receiver<'_> {
    /// A future that is dropped has taken nothing.
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Damaged> {
        poll_fn(|context| {
            self.0.with(|state| {
                self.0.drain(state);
                match state.take(to) {
                    Ok(0) if !to.is_empty() => {
                        state.reader = Some(context.waker().clone());
                        Poll::Pending
                    }
                    result => Poll::Ready(result),
                }
            })
        })
        .await
    }
}

impl Write for Sender<'_> {
    /// A future that is dropped has written nothing.
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            self.0.with(|state| {
                let mut written = 0;
                for &octet in octets {
                    if self.0.read(FR) & TXFF != 0 {
                        break;
                    }
                    self.0.write(DR, octet.into());
                    written += 1;
                }
                if written == 0 && !octets.is_empty() {
                    state.writer = Some(context.waker().clone());
                    self.0.enable(state, state.enabled | TXIM);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(written))
            })
        })
        .await
    }

    /// What is in the FIFO leaves by itself.
    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
