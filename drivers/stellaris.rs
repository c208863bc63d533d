//! The Ethernet controller of the Stellaris LM3S6000 and LM3S8000 microcontrollers, MAC and PHY: in
//! QEMU on the board `lm3s6965evb`.
//!
//! It has a FIFO of 2 KiB for received frames and one for the frame that is being sent. Received
//! ones are read word by word into the blocks of the pool, with their network header aligned; those
//! to be sent are written fragment by fragment. What finds the stack behind or the pool empty waits
//! in the FIFO; when that is full, it is emptied and what was in it is counted.
//!
//! Nothing is polled: [`interrupt`] is to be called by the handler of the controller's interrupt,
//! and wakes the task that [`Stellaris::run`] is awaited in. The clocks of MAC and PHY, and the pins
//! of the lamps, are the board's affair.
//!
//! ```no_run
//! # use zonda::drivers::registers::{InterruptSignal, MappedRegisters};
//! # use zonda::drivers::stellaris::{self, Stellaris};
//! # use zonda::link::DriverEnd;
//! # use zonda::netbuf::Pool;
//! static SIGNAL: InterruptSignal = InterruptSignal::new();
//! // SAFETY: this is where the microcontroller has it.
//! const MAC: MappedRegisters<64> = unsafe { MappedRegisters::new(0x4004_8000) };
//!
//! fn on_interrupt() {
//!     stellaris::interrupt(&MAC, &SIGNAL);
//! }
//!
//! async fn network(driver: DriverEnd<'_>, pool: Pool) {
//!     let mac = Stellaris::new(MAC, &SIGNAL);
//!     let Err(_gone) = mac.run(driver, pool).await;
//! }
//! ```

use core::cell::Cell;
use core::convert::Infallible;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use super::fifo::{WordReader, WordWriter};
use super::registers::{InterruptSignal, Registers};
use super::{longest_frame, pass, receive_offset};
#[cfg(feature = "promiscuous")]
use crate::link::ReceiveMode;
use crate::link::{DriverEnd, LinkState, Medium};
use crate::netbuf::{NetBuf, Pool};

// The registers (LM3S6965 data sheet, "Ethernet MAC Register Descriptions"), by their offset.
/// What has happened; written to, it is acknowledged.
const MACRIS: usize = 0x00;
/// What of that interrupts.
const MACIM: usize = 0x04;
const MACRCTL: usize = 0x08;
const MACTCTL: usize = 0x0c;
/// Both FIFOs: read from one, written to the other.
const MACDATA: usize = 0x10;
const MACIA0: usize = 0x14;
const MACIA1: usize = 0x18;
/// How much of a frame has to be there before it is sent.
const MACTHR: usize = 0x1c;
const MACMCTL: usize = 0x20;
const MACMTXD: usize = 0x2c;
const MACMRXD: usize = 0x30;
/// The number of received frames.
const MACNP: usize = 0x34;
/// Sends what has been written.
const MACTR: usize = 0x38;

// What can happen (MACRIS, MACIM).
const RXINT: u32 = 1 << 0;
const TXER: u32 = 1 << 1;
const TXEMP: u32 = 1 << 2;
const FOV: u32 = 1 << 3;
const RXER: u32 = 1 << 4;
const MDINT: u32 = 1 << 5;
const PHYINT: u32 = 1 << 6;

// The receiver (MACRCTL).
const RXEN: u32 = 1 << 0;
/// All groups.
const AMUL: u32 = 1 << 1;
/// Everything.
#[cfg(feature = "promiscuous")]
const PRMS: u32 = 1 << 2;
const BADCRC: u32 = 1 << 3;
const RSTFIFO: u32 = 1 << 4;

// The transmitter (MACTCTL).
const TXEN: u32 = 1 << 0;
const PADEN: u32 = 1 << 1;
const CRC: u32 = 1 << 2;
const DUPLEX: u32 = 1 << 4;

/// The whole frame (MACTHR).
const NO_THRESHOLD: u32 = 0x3f;
const NEWTX: u32 = 1 << 0;
const NP: u32 = 0x3f;

// Access to the PHY (MACMCTL).
const START: u32 = 1 << 0;
const WRITE: u32 = 1 << 1;
const REGADR: u32 = 3;

// The PHY: IEEE 802.3 §22.2.4, and the register of its interrupts.
const MR0: u32 = 0;
const MR1: u32 = 1;
const MR4: u32 = 4;
const MR5: u32 = 5;
const MR17: u32 = 17;
const NEGOTIATE: u32 = 1 << 12 | 1 << 9;
const LINK: u32 = 1 << 2;
const TEN_FULL: u32 = 1 << 6;
const HUNDRED: u32 = 1 << 7;
const HUNDRED_FULL: u32 = 1 << 8;
/// Interrupts when the link changes, and when the negotiation is complete.
const PHY_CHANGES: u32 = 1 << 10 | 1 << 8;

/// Frames that pass in one direction before other tasks have their turn.
const BATCH: u32 = 16;
/// How often a register is read until it says what it is to say.
const TRIES: u32 = 1_000_000;
/// What the length in front of a received frame counts beside it: itself, and the frame check
/// sequence.
const AROUND: usize = 2 + 4;
/// An Ethernet header, which the length in front of a frame to be sent does not count.
const HEADER: usize = 14;
/// The bytes of a FIFO.
const FIFO: usize = 2048;

/// Why a controller is not used (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StellarisError {
    /// The PHY does not answer.
    Stuck,
    /// The port is not one for Ethernet, or has no Ethernet address.
    Port,
}

impl fmt::Display for StellarisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stuck => "the Ethernet PHY does not answer",
            Self::Port => "the port is not for Ethernet",
        })
    }
}

impl core::error::Error for StellarisError {}

/// Frames that were lost, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StellarisStats {
    /// Received frames that were damaged.
    pub damaged: u32,
    /// Received frames shorter than an Ethernet header.
    pub short: u32,
    /// Received frames longer than the MTU allows, or than the pool can hold, or can hold beside
    /// what others do.
    pub long: u32,
    /// Received frames that were lost with all that was in the FIFO, when it was emptied.
    pub dumped: u32,
    /// How often the receiver had to be started anew: the FIFO was full, or its frames could not be
    /// told apart any more.
    pub restarts: u32,
    /// Frames to be sent that were longer than the MTU allows.
    pub send_long: u32,
    /// Frames that could not be sent: too many collisions.
    pub send_failed: u32,
}

/// A Stellaris Ethernet controller.
pub struct Stellaris<'s, R> {
    registers: R,
    signal: &'s InterruptSignal,
    /// What MACRCTL is.
    receiver: Cell<u32>,
    /// Groups come in.
    #[cfg(any(feature = "multicast", feature = "promiscuous"))]
    groups: Cell<bool>,
    #[cfg(feature = "promiscuous")]
    mode: Cell<ReceiveMode>,
    /// The controller has not told yet that it is done with the last frame.
    sending: Cell<bool>,
    stats: Cell<StellarisStats>,
}

/// For the handler of the controller's interrupt: keeps it quiet until the driver has looked at it,
/// and wakes the driver's task.
pub fn interrupt(registers: &impl Registers, signal: &InterruptSignal) {
    registers.write(MACIM, 0);
    signal.raise();
}

/// The controller is at work as long as this lives.
struct AtWork<'l, 's, 'p, R: Registers>(&'l Stellaris<'s, R>, DriverEnd<'p>);

impl<R: Registers> Drop for AtWork<'_, '_, '_, R> {
    fn drop(&mut self) {
        let Self(mac, driver) = self;
        for register in [MACIM, MACRCTL, MACTCTL] {
            mac.registers.write(register, 0);
        }
        driver.set_link(LinkState::Down);
    }
}

impl<'s, R: Registers> Stellaris<'s, R> {
    /// The controller with these registers, whose interrupt raises `signal`.
    pub const fn new(registers: R, signal: &'s InterruptSignal) -> Self {
        Self {
            registers,
            signal,
            receiver: Cell::new(0),
            #[cfg(any(feature = "multicast", feature = "promiscuous"))]
            groups: Cell::new(true),
            #[cfg(feature = "promiscuous")]
            mode: Cell::new(ReceiveMode::empty()),
            sending: Cell::new(false),
            stats: Cell::new(StellarisStats {
                damaged: 0,
                short: 0,
                long: 0,
                dumped: 0,
                restarts: 0,
                send_long: 0,
                send_failed: 0,
            }),
        }
    }

    /// Frames lost so far.
    pub fn stats(&self) -> StellarisStats {
        self.stats.get()
    }

    /// Starts the controller, with the address of the port, and moves frames between it and the
    /// port, both ways at once, receiving into blocks of `pool`. Does not end but with an error, and
    /// may be called again after one.
    pub async fn run(
        &self,
        driver: DriverEnd<'_>,
        pool: Pool,
    ) -> Result<Infallible, StellarisError> {
        self.start(driver)?;
        let _at_work = AtWork(self, driver);
        self.look_at_link(driver)?;
        (self.signal)
            .serve(
                || self.look(driver),
                pin!(self.receive(driver, pool)),
                pin!(self.send(driver)),
                || {
                    self.registers
                        .write(MACIM, RXINT | TXER | TXEMP | FOV | RXER | PHYINT)
                },
            )
            .await
    }

    fn count(&self, counter: impl FnOnce(&mut StellarisStats) -> &mut u32, frames: u32) {
        let mut stats = self.stats.get();
        let counter = counter(&mut stats);
        *counter = counter.wrapping_add(frames);
        self.stats.set(stats);
    }

    // ---- Start ------------------------------------------------------------------------------------

    fn start(&self, driver: DriverEnd<'_>) -> Result<(), StellarisError> {
        let Some([a, b, c, d, e, f]) = driver.capabilities().address.as_ethernet() else {
            return Err(StellarisError::Port);
        };
        let registers = &self.registers;
        registers.write(MACIM, 0);
        registers.write(MACTCTL, 0);
        registers.write(MACRCTL, 0);
        registers.write(MACRCTL, RSTFIFO);
        registers.write(MACRIS, RXINT | TXER | TXEMP | FOV | RXER | MDINT | PHYINT);
        registers.write(MACIA0, u32::from_le_bytes([a, b, c, d]));
        registers.write(MACIA1, u32::from_le_bytes([e, f, 0, 0]));
        registers.write(MACTHR, NO_THRESHOLD);
        self.write_phy(MR17, PHY_CHANGES)?;
        self.write_phy(MR0, NEGOTIATE)?;
        // Until the port has named groups, or where it never does, all of them come in.
        self.receiver.set(RXEN | AMUL | BADCRC);
        self.sending.set(false);
        registers.write(MACRCTL, self.receiver.get());
        registers.write(MACTCTL, TXEN | PADEN | CRC);
        Ok(())
    }

    // ---- The registers of the PHY -----------------------------------------------------------------

    fn access_phy(&self, register: u32, command: u32) -> Result<(), StellarisError> {
        self.registers
            .write(MACMCTL, register << REGADR | command | START);
        for _ in 0..TRIES {
            if self.registers.read(MACMCTL) & START == 0 {
                return Ok(());
            }
        }
        Err(StellarisError::Stuck)
    }

    fn write_phy(&self, register: u32, value: u32) -> Result<(), StellarisError> {
        self.registers.write(MACMTXD, value);
        self.access_phy(register, WRITE)
    }

    fn read_phy(&self, register: u32) -> Result<u32, StellarisError> {
        self.access_phy(register, 0)?;
        Ok(self.registers.read(MACMRXD) & 0xffff)
    }

    // ---- What the controller tells of -------------------------------------------------------------

    /// Looks at what has happened since the last time, frames apart.
    fn look(&self, driver: DriverEnd<'_>) -> Result<(), StellarisError> {
        #[cfg(feature = "multicast")]
        driver.take_filter(|groups| {
            // There is no filter but for all of them.
            self.groups.set(!groups.is_empty());
            self.program();
        });
        #[cfg(feature = "promiscuous")]
        driver.take_mode(|mode| {
            self.mode.set(mode);
            self.program();
        });
        let happened = self.registers.read(MACRIS);
        // This also clears the transmit FIFO of a frame that could not be sent.
        self.registers.write(MACRIS, happened);
        if happened & PHYINT != 0 {
            self.look_at_link(driver)?;
        }
        if happened & (TXER | TXEMP) != 0 {
            self.sending.set(false);
        }
        if happened & TXER != 0 {
            self.count(|stats| &mut stats.send_failed, 1);
        }
        if happened & RXER != 0 {
            self.count(|stats| &mut stats.damaged, 1);
            driver.count_receive_errors(1);
        }
        if happened & FOV != 0 {
            // The frame that did not fit is lost too.
            self.restart_receiver(driver, 1);
        }
        Ok(())
    }

    /// Has the receiver let in what is wanted beside what is for this station.
    #[cfg(any(feature = "multicast", feature = "promiscuous"))]
    fn program(&self) {
        let groups = if self.groups.get() { AMUL } else { 0 };
        let receiver = self.receiver.get() & !AMUL | groups;
        #[cfg(feature = "promiscuous")]
        let receiver = {
            let bit = |flag, bit| {
                if self.mode.get().contains(flag) {
                    bit
                } else {
                    0
                }
            };
            let all = bit(ReceiveMode::PROMISCUOUS, PRMS) | bit(ReceiveMode::ALL_GROUPS, AMUL);
            receiver & !PRMS | all
        };
        self.receiver.set(receiver);
        self.registers.write(MACRCTL, receiver);
    }

    #[cold]
    fn look_at_link(&self, driver: DriverEnd<'_>) -> Result<(), StellarisError> {
        // Reading it acknowledges the interrupt.
        let _: u32 = self.read_phy(MR17)?;
        // The first time it says whether the link was lost meanwhile (IEEE 802.3 §22.2.4.2.13).
        let before = self.read_phy(MR1)?;
        let now = self.read_phy(MR1)?;
        // No PHY has no abilities: this is an emulated controller without one.
        let is_emulated = now == 0;
        if before & LINK == 0 && !is_emulated {
            driver.set_link(LinkState::Down);
        }
        if now & LINK != 0 || is_emulated {
            let common = self.read_phy(MR4)? & self.read_phy(MR5)?;
            // The best that both can do; a partner that does not negotiate has half duplex.
            let full = if common & (HUNDRED | HUNDRED_FULL) != 0 {
                HUNDRED_FULL
            } else {
                TEN_FULL
            };
            let duplex = if common & full != 0 || is_emulated {
                DUPLEX
            } else {
                0
            };
            self.registers.write(MACTCTL, TXEN | PADEN | CRC | duplex);
            driver.set_link(LinkState::Up);
        }
        Ok(())
    }

    /// Empties the receive FIFO. Frames that are lost beside those in it are told.
    #[cold]
    fn restart_receiver(&self, driver: DriverEnd<'_>, others: u32) {
        let lost = self.frames().saturating_add(others);
        let receiver = self.receiver.get();
        self.registers.write(MACRCTL, receiver & !RXEN);
        self.registers.write(MACRCTL, receiver & !RXEN | RSTFIFO);
        self.registers.write(MACRCTL, receiver);
        self.count(|stats| &mut stats.restarts, 1);
        self.count(|stats| &mut stats.dumped, lost);
        driver.count_receive_errors(lost);
    }

    // ---- Received frames --------------------------------------------------------------------------

    async fn receive(&self, driver: DriverEnd<'_>, pool: Pool) -> Infallible {
        let offset = receive_offset(Medium::Ethernet);
        let link = driver.capabilities();
        let room = usize::from(pool.stats().blocks) * pool.block_size();
        let longest = longest_frame(link.medium, link.mtu).min(room.saturating_sub(offset));
        loop {
            for _ in 0..BATCH {
                poll_fn(|context| driver.poll_room(context)).await;
                poll_fn(|_| match self.frames() {
                    0 => Poll::Pending,
                    _ => Poll::Ready(()),
                })
                .await;
                // In its lower half the first word has the length of the frame, in the upper the
                // first two bytes of it.
                let first = self.registers.read(MACDATA);
                let whole = first as usize & 0xffff;
                if !(AROUND..=FIFO).contains(&whole) {
                    self.restart_receiver(driver, 0);
                    continue;
                }
                let length = whole - AROUND;
                let words = whole.div_ceil(4) - 1;
                let mut frame = WordReader::behind(&self.registers, MACDATA, (first, 2), words);
                if !(HEADER..=longest).contains(&length) {
                    frame.skip();
                    let is_short = length < HEADER;
                    self.count(
                        |stats| match is_short {
                            true => &mut stats.short,
                            false => &mut stats.long,
                        },
                        1,
                    );
                    driver.count_receive_errors(1);
                    continue;
                }
                let restarts = self.stats.get().restarts;
                let buf = super::blocks_for(pool, offset, length).await;
                if self.stats.get().restarts != restarts {
                    // The frame has gone with the others, which it was counted among.
                    continue;
                }
                let Some(mut buf) = buf else {
                    frame.skip();
                    self.count(|stats| &mut stats.long, 1);
                    driver.count_receive_errors(1);
                    continue;
                };
                let _: Result<(), _> = buf.for_each_fragment_mut(|piece| frame.fill(piece));
                frame.skip();
                // There was room.
                let _: Result<(), NetBuf> = driver.deliver(buf);
            }
            pass().await;
        }
    }

    /// Frames in the receive FIFO, the one that is being read among them.
    fn frames(&self) -> u32 {
        self.registers.read(MACNP) & NP
    }

    // ---- Frames to be sent ------------------------------------------------------------------------

    async fn send(&self, driver: DriverEnd<'_>) -> Infallible {
        loop {
            for _ in 0..BATCH {
                // The highest class first, as late as can be.
                poll_fn(|_| self.poll_done()).await;
                let frame = driver.next_tx().await;
                let link = driver.capabilities();
                if frame.len() > longest_frame(link.medium, link.mtu).min(FIFO - AROUND) {
                    self.count(|stats| &mut stats.send_long, 1);
                    continue;
                }
                let length = frame.len().saturating_sub(HEADER) as u16;
                let mut words = WordWriter::new(&self.registers, MACDATA, 0);
                words.put(&length.to_le_bytes());
                frame.fragments().for_each(|piece| words.put(piece));
                words.finish();
                // What is told from now on is about this one.
                self.registers.write(MACRIS, TXEMP);
                self.sending.set(true);
                self.registers.write(MACTR, NEWTX);
            }
            pass().await;
        }
    }

    /// Ready when the frame before has left.
    fn poll_done(&self) -> Poll<()> {
        if self.sending.get() && self.registers.read(MACTR) & NEWTX != 0 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

#[cfg(test)]
mod tests;
