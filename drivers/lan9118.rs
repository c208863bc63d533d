//! The LAN9118 of SMSC and its relatives (LAN9115 to LAN9118, LAN9210 to LAN9221): a 10/100 Ethernet
//! controller behind two FIFOs, on many evaluation boards and in QEMU's `mps2` machines.
//!
//! A received frame is read from the FIFO into the blocks of the pool, word by word, with its network
//! header aligned; a frame to be sent is written as the pieces that it consists of. What finds the
//! stack behind or the pool empty waits in the FIFO of the chip, which counts what does not fit.
//!
//! Nothing is polled: [`interrupt`] is to be called by the handler of the chip's interrupt, and wakes
//! the task that [`Lan9118::run`] is awaited in.
//!
//! ```no_run
//! # use zonda::drivers::lan9118::{self, InterruptPin, Lan9118};
//! # use zonda::drivers::registers::{InterruptSignal, MappedRegisters};
//! # use zonda::link::DriverEnd;
//! # use zonda::netbuf::Pool;
//! static SIGNAL: InterruptSignal = InterruptSignal::new();
//! // SAFETY: this is where the board has the chip.
//! const CHIP: MappedRegisters<256> = unsafe { MappedRegisters::new(0x4020_0000) };
//!
//! const PIN: InterruptPin = InterruptPin::ActiveHigh;
//!
//! fn on_interrupt() {
//!     lan9118::interrupt(&CHIP, &SIGNAL, PIN);
//! }
//!
//! async fn network(driver: DriverEnd<'_>, pool: Pool) {
//!     let chip = Lan9118::new(CHIP, &SIGNAL, PIN);
//!     let Err(_gone) = chip.run(driver, pool).await;
//! }
//! ```

mod fifo;
mod names;

use core::cell::Cell;
use core::convert::Infallible;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use self::names::{csr, mac, phy, *};
use super::fifo::{WordReader, WordWriter};
use super::registers::{InterruptSignal, Registers};
use super::{longest_frame, receive_offset};
#[cfg(feature = "promiscuous")]
use crate::link::ReceiveMode;
use crate::link::{DriverEnd, LinkState, Medium};
use crate::netbuf::{NetBuf, Pool};
#[cfg(feature = "multicast")]
use crate::wire::LinkAddr;

/// Frames that pass in one direction before other tasks have their turn.
const BATCH: u32 = 16;
/// How often a register is read until it says what it is to say: longer than a reset takes.
const TRIES: u32 = 1_000_000;
/// The frame check sequence, which the chip counts and hands over.
const CHECK: usize = 4;
/// The shortest frame: an Ethernet header.
const SHORTEST: usize = 14;
/// The room in the transmit FIFO, in 64 bytes, at which the chip tells of it: enough for any frame.
const ROOM: u32 = 32;
/// States of frames sent that may wait to be read until the chip tells of them.
const STATES: u32 = 16;

/// How the chip's interrupt pin is wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum InterruptPin {
    /// Driven both ways, high when there is something.
    ActiveHigh,
    /// Driven both ways, low when there is something.
    ActiveLow,
    /// Pulled low when there is something, else let go.
    OpenDrain,
}

impl InterruptPin {
    const fn bits(self) -> u32 {
        match self {
            Self::ActiveHigh => IRQ_POL | IRQ_TYPE,
            Self::ActiveLow => IRQ_TYPE,
            Self::OpenDrain => 0,
        }
    }
}

/// Why a chip is not used (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Lan9118Error {
    /// There is no such chip.
    Absent,
    /// The chip does not get done with what it was told to do.
    Stuck,
    /// The port is not one for Ethernet, or has no Ethernet address.
    Port,
}

impl fmt::Display for Lan9118Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there is no LAN9118",
            Self::Stuck => "the LAN9118 does not answer",
            Self::Port => "the port is not for Ethernet",
        })
    }
}

impl core::error::Error for Lan9118Error {}

/// Frames that were lost, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lan9118Stats {
    /// Received frames that were damaged.
    pub damaged: u32,
    /// Received frames shorter than Ethernet has them.
    pub short: u32,
    /// Received frames longer than the MTU allows, or than the pool can hold, or can hold beside
    /// what others do.
    pub long: u32,
    /// Frames for which the FIFO had no room.
    pub overruns: u32,
    /// Received frames that were lost with all that was in the FIFO, when the receiver was started
    /// anew.
    pub dumped: u32,
    /// Frames to be sent that were longer than the MTU allows.
    pub send_long: u32,
    /// Frames that could not be sent: no carrier, or too many collisions.
    pub send_failed: u32,
    /// How often receiver or transmitter had to be started anew.
    pub restarts: u32,
}

/// A LAN9118.
pub struct Lan9118<'s, R> {
    registers: R,
    signal: &'s InterruptSignal,
    pin: InterruptPin,
    /// What the MAC's control register is.
    control: Cell<u32>,
    /// What it lets in beside what is for this station.
    #[cfg(feature = "promiscuous")]
    mode: Cell<ReceiveMode>,
    /// The port has named groups.
    #[cfg(feature = "multicast")]
    is_filtered: Cell<bool>,
    /// What INT_EN is.
    enabled: Cell<u32>,
    /// There was no received frame, or no room for one to be sent.
    frame_wanted: Cell<bool>,
    room_wanted: Cell<bool>,
    /// How often the receive FIFO was emptied at once.
    dumps: Cell<u32>,
    stats: Cell<Lan9118Stats>,
}

/// For the handler of the chip's interrupt: keeps the chip quiet until the driver has looked at it,
/// and wakes the driver's task. It may be called before the driver runs.
pub fn interrupt(registers: &impl Registers, signal: &InterruptSignal, pin: InterruptPin) {
    registers.write(csr::IRQ_CFG, pin.bits());
    signal.raise();
}

/// The chip is at work as long as this lives.
struct AtWork<'l, 's, 'p, R: Registers>(&'l Lan9118<'s, R>, DriverEnd<'p>);

impl<R: Registers> Drop for AtWork<'_, '_, '_, R> {
    fn drop(&mut self) {
        let Self(chip, driver) = self;
        chip.registers.write(csr::INT_EN, 0);
        chip.registers.write(csr::IRQ_CFG, chip.pin.bits());
        // A chip that does not answer sends nothing either.
        let _: Result<(), Lan9118Error> = chip.write_mac(mac::CONTROL, 0);
        driver.set_link(LinkState::Down);
    }
}

impl<'s, R: Registers> Lan9118<'s, R> {
    /// The chip with these registers, whose interrupt raises `signal`.
    pub const fn new(registers: R, signal: &'s InterruptSignal, pin: InterruptPin) -> Self {
        Self {
            registers,
            signal,
            pin,
            control: Cell::new(0),
            #[cfg(feature = "promiscuous")]
            mode: Cell::new(ReceiveMode::empty()),
            #[cfg(feature = "multicast")]
            is_filtered: Cell::new(false),
            enabled: Cell::new(0),
            frame_wanted: Cell::new(false),
            room_wanted: Cell::new(false),
            dumps: Cell::new(0),
            stats: Cell::new(Lan9118Stats {
                damaged: 0,
                short: 0,
                long: 0,
                overruns: 0,
                dumped: 0,
                send_long: 0,
                send_failed: 0,
                restarts: 0,
            }),
        }
    }

    /// Frames lost so far.
    pub fn stats(&self) -> Lan9118Stats {
        self.stats.get()
    }

    /// Starts the chip, with the address of the port, and moves frames between it and the port, both
    /// ways at once, receiving into blocks of `pool`. Does not end but with an error, and may be
    /// called again after one.
    pub async fn run(&self, driver: DriverEnd<'_>, pool: Pool) -> Result<Infallible, Lan9118Error> {
        self.start(driver)?;
        let _at_work = AtWork(self, driver);
        self.look_at_link(driver)?;
        (self.signal)
            .serve(
                || self.look(driver),
                pin!(self.receive(driver, pool)),
                pin!(self.send(driver)),
                || self.listen(),
            )
            .await
    }

    fn count(&self, add: impl FnOnce(&mut Lan9118Stats)) {
        let mut stats = self.stats.get();
        add(&mut stats);
        self.stats.set(stats);
    }

    // ---- Start ------------------------------------------------------------------------------------

    fn start(&self, driver: DriverEnd<'_>) -> Result<(), Lan9118Error> {
        let Some(address) = driver.capabilities().address.as_ethernet() else {
            return Err(Lan9118Error::Port);
        };
        let registers = &self.registers;
        if registers.read(csr::BYTE_TEST) != BYTE_TEST {
            return Err(Lan9118Error::Absent);
        }
        self.until(csr::PMT_CTRL, |value| value & READY != 0)?;
        registers.write(csr::HW_CFG, SOFT_RESET);
        self.until(csr::HW_CFG, |value| value & SOFT_RESET == 0)?;
        // Five of sixteen kilobytes for frames to be sent, the others for received ones.
        registers.write(csr::HW_CFG, MUST_BE_ONE | 5 << TX_FIFO_SIZE);
        // Until then the chip sets the address that its memory has.
        self.until(csr::E2P_CMD, |value| value & BUSY == 0)?;
        let [a, b, c, d, e, f] = address;
        self.write_mac(mac::ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]))?;
        self.write_mac(mac::ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]))?;

        registers.write(csr::IRQ_CFG, self.pin.bits());
        registers.write(csr::INT_EN, 0);
        self.enabled.set(0);
        registers.write(csr::INT_STS, u32::MAX);
        registers.write(
            csr::FIFO_INT,
            ROOM << TX_DATA_LEVEL | STATES << TX_STATUS_LEVEL,
        );
        let offset = receive_offset(Medium::Ethernet) as u32;
        registers.write(csr::RX_CFG, offset << RX_DATA_OFFSET);
        registers.write(csr::TX_CFG, TX_ON);

        let speeds = TEN | TEN_FULL | HUNDRED | HUNDRED_FULL;
        self.write_phy(phy::ADVERTISEMENT, speeds | ETHERNET)?;
        self.write_phy(phy::CONTROL, NEGOTIATE)?;
        self.write_phy(phy::INTERRUPT_MASK, PHY_CHANGES)?;

        // Until the port has named groups, or where it never does, all of them come in.
        self.set_control(TX_ENABLE | RX_ENABLE | ALL_GROUPS)
    }

    /// Reads a register until it is as wished.
    fn until(&self, register: usize, wish: impl Fn(u32) -> bool) -> Result<(), Lan9118Error> {
        for _ in 0..TRIES {
            if wish(self.registers.read(register)) {
                return Ok(());
            }
        }
        Err(Lan9118Error::Stuck)
    }

    // ---- The registers of MAC and PHY -------------------------------------------------------------

    fn mac_is_done(&self) -> Result<(), Lan9118Error> {
        self.until(csr::MAC_CSR_CMD, |value| value & BUSY == 0)
    }

    fn write_mac(&self, register: u32, value: u32) -> Result<(), Lan9118Error> {
        self.mac_is_done()?;
        self.registers.write(csr::MAC_CSR_DATA, value);
        self.registers.write(csr::MAC_CSR_CMD, BUSY | register);
        self.mac_is_done()
    }

    fn read_mac(&self, register: u32) -> Result<u32, Lan9118Error> {
        self.mac_is_done()?;
        (self.registers).write(csr::MAC_CSR_CMD, BUSY | MAC_READ | register);
        self.mac_is_done()?;
        Ok(self.registers.read(csr::MAC_CSR_DATA))
    }

    fn set_control(&self, control: u32) -> Result<(), Lan9118Error> {
        self.control.set(control);
        self.write_mac(mac::CONTROL, control)
    }

    fn phy_is_done(&self) -> Result<(), Lan9118Error> {
        for _ in 0..TRIES {
            if self.read_mac(mac::MII_ACCESS)? & MII_BUSY == 0 {
                return Ok(());
            }
        }
        Err(Lan9118Error::Stuck)
    }

    fn write_phy(&self, register: u32, value: u32) -> Result<(), Lan9118Error> {
        self.phy_is_done()?;
        self.write_mac(mac::MII_DATA, value)?;
        let access = PHY_ADDRESS | register << MII_REGISTER | MII_WRITE | MII_BUSY;
        self.write_mac(mac::MII_ACCESS, access)?;
        self.phy_is_done()
    }

    fn read_phy(&self, register: u32) -> Result<u32, Lan9118Error> {
        self.phy_is_done()?;
        let access = PHY_ADDRESS | register << MII_REGISTER | MII_BUSY;
        self.write_mac(mac::MII_ACCESS, access)?;
        self.phy_is_done()?;
        self.read_mac(mac::MII_DATA)
    }

    // ---- What the chip tells of -------------------------------------------------------------------

    /// Looks at what has happened since the last time, frames apart.
    fn look(&self, driver: DriverEnd<'_>) -> Result<(), Lan9118Error> {
        #[cfg(feature = "multicast")]
        self.look_at_filter(driver)?;
        #[cfg(feature = "promiscuous")]
        self.look_at_mode(driver)?;
        let happened = self.registers.read(csr::INT_STS);
        self.registers.write(csr::INT_STS, happened);
        if happened & PHY_INT != 0 {
            self.look_at_link(driver)?;
        }
        if happened & RXDF_INT != 0 {
            let overruns = self.registers.read(csr::RX_DROP);
            self.count(|stats| stats.overruns = stats.overruns.wrapping_add(overruns));
            driver.count_receive_errors(overruns);
        }
        if happened & RXE_INT != 0 {
            self.restart_receiver(driver)?;
        }
        if happened & (TXE_INT | TDFO_INT) != 0 {
            self.restart_transmitter()?;
        }
        if happened & TSFL_INT != 0 {
            let _: usize = self.room();
        }
        Ok(())
    }

    /// Lets the chip interrupt for all that is waited for.
    fn listen(&self) {
        let mut wanted = PHY_INT | RXE_INT | TXE_INT | TDFO_INT | TSFL_INT | RXDF_INT;
        if self.frame_wanted.get() {
            wanted |= RSFL_INT;
        }
        if self.room_wanted.get() {
            wanted |= TDFA_INT;
        }
        if self.enabled.replace(wanted) != wanted {
            self.registers.write(csr::INT_EN, wanted);
        }
        (self.registers).write(csr::IRQ_CFG, self.pin.bits() | IRQ_EN);
    }

    #[cold]
    fn look_at_link(&self, driver: DriverEnd<'_>) -> Result<(), Lan9118Error> {
        let _: u32 = self.read_phy(phy::INTERRUPT_SOURCE)?;
        // The first time it says whether the link was lost meanwhile (IEEE 802.3 §22.2.4.2.13).
        let steady = self.read_phy(phy::STATUS)? & PHY_LINK != 0;
        let up = self.read_phy(phy::STATUS)? & PHY_LINK != 0;
        if !steady {
            driver.set_link(LinkState::Down);
        }
        if up {
            let common = self.read_phy(phy::ADVERTISEMENT)? & self.read_phy(phy::PARTNER)?;
            // The best that both can do; a partner that does not negotiate has half duplex.
            let duplex = if common & (HUNDRED | HUNDRED_FULL) != 0 {
                common & HUNDRED_FULL != 0
            } else {
                common & TEN_FULL != 0
            };
            let control = self.control.get() & !(FULL_DUPLEX | RECEIVE_OWN_OFF);
            self.set_control(control | if duplex { FULL_DUPLEX } else { RECEIVE_OWN_OFF })?;
            driver.set_link(LinkState::Up);
        }
        Ok(())
    }

    /// Programs the groups that the port names, as a table of 64 bits (data sheet, "Hash
    /// Perfect Filtering").
    #[cfg(feature = "multicast")]
    fn look_at_filter(&self, driver: DriverEnd<'_>) -> Result<(), Lan9118Error> {
        let mut table = None;
        driver.take_filter(|groups| {
            let bits = groups.iter().map(|group| 1 << hash(group));
            table = Some(bits.fold(0, |table: u64, bit: u64| table | bit));
        });
        let Some(table) = table else {
            return Ok(());
        };
        self.write_mac(mac::HASH_LOW, table as u32)?;
        self.write_mac(mac::HASH_HIGH, (table >> 32) as u32)?;
        self.is_filtered.set(true);
        self.set_reception()
    }

    /// Lets in what the port wants beside what is for this station.
    #[cfg(feature = "promiscuous")]
    fn look_at_mode(&self, driver: DriverEnd<'_>) -> Result<(), Lan9118Error> {
        let mut mode = None;
        driver.take_mode(|wanted| mode = Some(wanted));
        let Some(mode) = mode else {
            return Ok(());
        };
        self.mode.set(mode);
        self.set_reception()
    }

    #[cfg(any(feature = "multicast", feature = "promiscuous"))]
    fn set_reception(&self) -> Result<(), Lan9118Error> {
        let control = self.control.get();
        #[cfg(feature = "multicast")]
        let control = match self.is_filtered.get() {
            true => control & !ALL_GROUPS | HASH_FILTER,
            false => control,
        };
        #[cfg(feature = "promiscuous")]
        let control = {
            let bit = |flag, bit| {
                if self.mode.get().contains(flag) {
                    bit
                } else {
                    0
                }
            };
            let everything = bit(ReceiveMode::PROMISCUOUS, PROMISCUOUS);
            control & !PROMISCUOUS | everything | bit(ReceiveMode::ALL_GROUPS, ALL_GROUPS)
        };
        self.set_control(control)
    }

    /// Empties the receive FIFO, whose frames cannot be told apart any more.
    #[cold]
    fn restart_receiver(&self, driver: DriverEnd<'_>) -> Result<(), Lan9118Error> {
        self.write_mac(mac::CONTROL, self.control.get() & !RX_ENABLE)?;
        self.until(csr::INT_STS, |happened| happened & RXSTOP_INT != 0)?;
        let lost = self.frames();
        let settings = self.registers.read(csr::RX_CFG);
        self.registers.write(csr::RX_CFG, settings | RX_DUMP);
        self.until(csr::RX_CFG, |value| value & RX_DUMP == 0)?;
        self.registers.write(csr::INT_STS, RXSTOP_INT | RXE_INT);
        self.dumps.set(self.dumps.get().wrapping_add(1));
        driver.count_receive_errors(lost);
        self.count(|stats| {
            stats.dumped = stats.dumped.wrapping_add(lost);
            stats.restarts = stats.restarts.wrapping_add(1);
        });
        self.write_mac(mac::CONTROL, self.control.get())
    }

    /// Empties the transmit FIFO, whose commands the chip does not understand.
    #[cold]
    fn restart_transmitter(&self) -> Result<(), Lan9118Error> {
        self.registers.write(csr::TX_CFG, STOP_TX);
        self.until(csr::TX_CFG, |value| value & STOP_TX == 0)?;
        self.registers.write(csr::TX_CFG, TXD_DUMP | TXS_DUMP);
        self.until(csr::TX_CFG, |value| value & (TXD_DUMP | TXS_DUMP) == 0)?;
        (self.registers).write(csr::INT_STS, TXSTOP_INT | TXE_INT | TDFO_INT);
        self.count(|stats| stats.restarts = stats.restarts.wrapping_add(1));
        self.registers.write(csr::TX_CFG, TX_ON);
        Ok(())
    }

    // ---- Received frames (data sheet, "Receive Data Path Operation") ------------------------------

    async fn receive(&self, driver: DriverEnd<'_>, pool: Pool) -> Infallible {
        let offset = receive_offset(Medium::Ethernet);
        let capabilities = driver.capabilities();
        let room = usize::from(pool.stats().blocks) * pool.block_size();
        let longest =
            longest_frame(capabilities.medium, capabilities.mtu).min(room.saturating_sub(offset));
        loop {
            for _ in 0..BATCH {
                let status = poll_fn(|_| self.poll_frame()).await;
                let dumps = self.dumps.get();
                // With the frame check sequence.
                let whole = (status >> 16) as usize & 0x3fff;
                let length = whole.saturating_sub(CHECK);
                let mut frame = WordReader::new(&self.registers, csr::RX_DATA_FIFO, offset, whole);
                if !self.is_good(status, length, longest) {
                    frame.skip();
                    driver.count_receive_errors(1);
                    continue;
                }
                poll_fn(|context| driver.poll_room(context)).await;
                let buf = super::blocks_for(pool, offset, length).await;
                if self.dumps.get() != dumps {
                    // The frame has gone with the others.
                    self.count(|stats| stats.dumped = stats.dumped.wrapping_add(1));
                    driver.count_receive_errors(1);
                    continue;
                }
                let Some(mut buf) = buf else {
                    frame.skip();
                    self.count(|stats| stats.long = stats.long.wrapping_add(1));
                    driver.count_receive_errors(1);
                    continue;
                };
                let _: Result<(), _> = buf.for_each_fragment_mut(|piece| frame.fill(piece));
                frame.skip();
                // There was room.
                let _: Result<(), NetBuf> = driver.deliver(buf);
            }
            super::pass().await;
        }
    }

    /// Frames in the receive FIFO.
    fn frames(&self) -> u32 {
        self.registers.read(csr::RX_FIFO_INF) >> 16 & 0xff
    }

    /// The status of the next received frame.
    fn poll_frame(&self) -> Poll<u32> {
        let none = self.frames() == 0;
        self.frame_wanted.set(none);
        if none {
            return Poll::Pending;
        }
        Poll::Ready(self.registers.read(csr::RX_STATUS_FIFO))
    }

    /// Whether a received frame is good; counts it if not.
    fn is_good(&self, status: u32, length: usize, longest: usize) -> bool {
        let good = status & RX_ERROR == 0 && (SHORTEST..=longest).contains(&length);
        if !good {
            self.count(|stats| {
                let counter = if status & RX_TOO_LONG != 0 || length > longest {
                    &mut stats.long
                } else if status & RX_RUNT != 0 || length < SHORTEST {
                    &mut stats.short
                } else {
                    &mut stats.damaged
                };
                *counter = counter.wrapping_add(1);
            });
        }
        good
    }

    // ---- Frames to be sent (data sheet, "Transmit Data Path Operation") ---------------------------

    async fn send(&self, driver: DriverEnd<'_>) -> Infallible {
        let capabilities = driver.capabilities();
        let longest = longest_frame(capabilities.medium, capabilities.mtu);
        loop {
            for _ in 0..BATCH {
                let frame = driver.next_tx().await;
                if frame.len() > longest {
                    self.count(|stats| stats.send_long = stats.send_long.wrapping_add(1));
                    continue;
                }
                let pieces = fifo::in_pieces(&frame);
                let bytes = pieces.unwrap_or(8 + frame.len().next_multiple_of(4));
                poll_fn(|_| self.poll_room(bytes)).await;
                if pieces.is_some() {
                    self.write_pieces(&frame);
                } else {
                    self.write_whole(&frame);
                }
            }
            super::pass().await;
        }
    }

    /// Ready when the transmit FIFO has room for so many bytes.
    fn poll_room(&self, bytes: usize) -> Poll<()> {
        let full = self.room() < bytes;
        self.room_wanted.set(full);
        if full { Poll::Pending } else { Poll::Ready(()) }
    }

    /// The free bytes of the transmit FIFO. Takes in what has become of the frames sent before.
    fn room(&self) -> usize {
        let state = self.registers.read(csr::TX_FIFO_INF);
        for _ in 0..state >> 16 & 0xff {
            if self.registers.read(csr::TX_STATUS_FIFO) & TX_ERROR != 0 {
                self.count(|stats| stats.send_failed = stats.send_failed.wrapping_add(1));
            }
        }
        state as usize & 0xffff
    }

    /// Begins a piece of a frame of `length` bytes: the two commands.
    fn begin(&self, piece: u32, length: usize) {
        self.registers.write(csr::TX_DATA_FIFO, piece);
        self.registers.write(csr::TX_DATA_FIFO, length as u32);
    }

    /// Each fragment is a piece, and its words are as they are in memory.
    fn write_pieces(&self, frame: &NetBuf) {
        let mut at = 0;
        for piece in frame.fragments() {
            let offset = fifo::offset(piece);
            let mut command = (offset as u32) << 16 | piece.len() as u32;
            if at == 0 {
                command |= TX_FIRST;
            }
            at += piece.len();
            if at == frame.len() {
                command |= TX_LAST;
            }
            self.begin(command, frame.len());
            let mut words = WordWriter::new(&self.registers, csr::TX_DATA_FIFO, offset);
            words.put(piece);
            words.finish();
        }
    }

    /// The whole frame is one piece.
    #[cold]
    fn write_whole(&self, frame: &NetBuf) {
        self.begin(TX_FIRST | TX_LAST | frame.len() as u32, frame.len());
        let mut words = WordWriter::new(&self.registers, csr::TX_DATA_FIFO, 0);
        frame.fragments().for_each(|piece| words.put(piece));
        words.finish();
    }
}

/// Which bit of the table stands for a group: the upper six of the CRC of its address.
#[cfg(feature = "multicast")]
fn hash(group: &LinkAddr) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    let mut crc = u32::MAX;
    for byte in group.as_bytes() {
        for bit in 0..8 {
            let differs = (crc >> 31 ^ u32::from(*byte) >> bit) & 1 != 0;
            crc = crc << 1 ^ if differs { POLYNOMIAL } else { 0 };
        }
    }
    crc >> 26
}

#[cfg(test)]
mod tests;
