//! A LAN9118 as its data sheet has it, as far as the driver uses it. What a driver must not do fails.

use core::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use super::super::names::*;
use super::CHECK;
use crate::drivers::registers::Registers;

/// Words of the receive FIFO.
const RECEIVE_WORDS: usize = 2640;
/// Bytes of the transmitter's inner memory that a frame may take.
const INNER_MEMORY: usize = 2036;

/// The chip, with a cable in it.
pub struct Model(RefCell<State>);

struct State {
    is_there: bool,
    hangs: bool,
    irq_cfg: u32,
    happened: u32,
    enabled: u32,
    levels: u32,
    rx_cfg: u32,
    mac_data: u32,
    mac: [u32; 13],
    phy: [u32; 32],
    cable: bool,
    cable_was_out: bool,
    received: VecDeque<u32>,
    states: VecDeque<u32>,
    dropped: u32,
    room: usize,
    sending_fails: bool,
    sending: Sending,
    sent: Vec<Vec<u8>>,
    sent_states: VecDeque<u32>,
}

/// What has come of a frame to be sent.
#[derive(Default)]
struct Sending {
    command: Option<u32>,
    frame: Vec<u8>,
    length: usize,
    /// The piece that words are expected for: bytes to leave out, and bytes to come.
    offset: usize,
    left: usize,
    pieces: usize,
    memory: usize,
    /// Pieces of the last frame that was sent.
    last_pieces: usize,
}

impl Model {
    pub fn new() -> Self {
        Self(RefCell::new(State {
            is_there: true,
            hangs: false,
            irq_cfg: 0,
            happened: 0,
            enabled: 0,
            levels: 0x4800_0000,
            rx_cfg: 0,
            mac_data: 0,
            mac: [0; 13],
            phy: {
                let mut phy = [0; 32];
                phy[phy::PARTNER as usize] = HUNDRED_FULL | HUNDRED | ETHERNET;
                phy
            },
            cable: true,
            cable_was_out: false,
            received: VecDeque::new(),
            states: VecDeque::new(),
            dropped: 0,
            room: 4608,
            sending_fails: false,
            sending: Sending::default(),
            sent: Vec::new(),
            sent_states: VecDeque::new(),
        }))
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Takes the chip off the board.
    pub fn remove(&self) {
        self.state().is_there = false;
    }

    /// Lets its MAC do nothing more.
    pub fn hang(&self) {
        self.state().hangs = true;
    }

    /// Whether its interrupt line is active, as far as the driver has it.
    pub fn interrupts(&self) -> bool {
        let state = self.state();
        state.irq_cfg & IRQ_EN != 0 && state.happened() & state.enabled != 0
    }

    pub fn address(&self) -> [u8; 6] {
        let [a, b, c, d] = self.state().mac[mac::ADDRESS_LOW as usize].to_le_bytes();
        let [e, f, ..] = self.state().mac[mac::ADDRESS_HIGH as usize].to_le_bytes();
        [a, b, c, d, e, f]
    }

    pub fn control(&self) -> u32 {
        self.state().mac[mac::CONTROL as usize]
    }

    pub fn set_cable(&self, cable: bool) {
        let mut state = self.state();
        state.cable = cable;
        state.cable_was_out |= !cable;
        state.phy[phy::INTERRUPT_SOURCE as usize] |= if cable { 1 << 6 } else { 1 << 4 };
    }

    pub fn set_partner(&self, abilities: u32) {
        self.state().phy[phy::PARTNER as usize] = abilities;
    }

    /// A good frame arrives.
    pub fn arrive(&self, frame: &[u8]) {
        self.arrive_as(frame, 0);
    }

    /// A frame arrives that has something to it.
    pub fn arrive_as(&self, frame: &[u8], status: u32) {
        let mut state = self.state();
        if state.mac[mac::CONTROL as usize] & RX_ENABLE == 0 || !state.passes(frame) {
            return;
        }
        let offset = (state.rx_cfg >> RX_DATA_OFFSET) as usize & 0x1f;
        let mut bytes = vec![0xee; offset];
        bytes.extend(frame);
        bytes.extend([0xcc; CHECK]);
        bytes.resize(bytes.len().next_multiple_of(4), 0xdd);
        if state.received.len() + bytes.len() / 4 > RECEIVE_WORDS {
            state.dropped += 1;
            state.happened |= RXDF_INT;
            return;
        }
        let words = bytes
            .as_chunks()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word));
        state.received.extend(words);
        state
            .states
            .push_back(((frame.len() + CHECK) as u32) << 16 | status);
    }

    /// Frames that the driver has not begun to read.
    pub fn waiting(&self) -> usize {
        self.state().states.len()
    }

    /// So many frames find no room.
    pub fn overrun(&self, frames: u32) {
        let mut state = self.state();
        state.dropped += frames;
        state.happened |= RXDF_INT;
    }

    /// Something goes wrong.
    pub fn fail(&self, what: u32) {
        self.state().happened |= what;
    }

    /// The bytes that the transmit FIFO takes.
    pub fn set_room(&self, room: usize) {
        self.state().room = room;
    }

    pub fn set_sending_fails(&self, fails: bool) {
        self.state().sending_fails = fails;
    }

    pub fn take_sent(&self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.state().sent)
    }

    /// The pieces that the last frame sent came in.
    pub fn take_pieces(&self) -> usize {
        core::mem::take(&mut self.state().sending.last_pieces)
    }
}

impl State {
    /// INT_STS: what was, and what is.
    fn happened(&self) -> u32 {
        let level = |shift: u32| (self.levels >> shift) as usize & 0xff;
        let mut happened = self.happened;
        if self.states.len() > level(0) {
            happened |= RSFL_INT;
        }
        if self.sent_states.len() > level(TX_STATUS_LEVEL) {
            happened |= TSFL_INT;
        }
        if self.room > level(TX_DATA_LEVEL) * 64 {
            happened |= TDFA_INT;
        }
        let source = self.phy[phy::INTERRUPT_SOURCE as usize];
        if source & self.phy[phy::INTERRUPT_MASK as usize] != 0 {
            happened |= PHY_INT;
        }
        happened
    }

    fn passes(&self, frame: &[u8]) -> bool {
        let control = self.mac[mac::CONTROL as usize];
        let is_group = frame[0] & 1 != 0;
        #[cfg(feature = "promiscuous")]
        if control & PROMISCUOUS != 0 {
            return true;
        }
        if frame[..6] == [0xff; 6] || !is_group || control & ALL_GROUPS != 0 {
            return true;
        }
        let crc = super::crc_reversed(frame[..6].try_into().unwrap()).reverse_bits();
        let bit = crc >> 26;
        let table = self.mac[if bit < 32 {
            mac::HASH_LOW
        } else {
            mac::HASH_HIGH
        } as usize];
        control & HASH_FILTER != 0 && table >> (bit & 31) & 1 != 0
    }

    fn read_phy(&mut self, register: u32) -> u32 {
        let value = self.phy[register as usize];
        match register {
            phy::STATUS => {
                let was_out = core::mem::take(&mut self.cable_was_out);
                if self.cable && !was_out { PHY_LINK } else { 0 }
            }
            phy::INTERRUPT_SOURCE => {
                self.phy[register as usize] = 0;
                value
            }
            _ => value,
        }
    }

    fn command(&mut self, command: u32) {
        let register = command & 0xff;
        if command & MAC_READ != 0 {
            self.mac_data = self.mac[register as usize];
            return;
        }
        self.mac[register as usize] = self.mac_data;
        match register {
            mac::CONTROL if self.mac_data & RX_ENABLE == 0 => self.happened |= RXSTOP_INT,
            mac::MII_ACCESS => {
                assert_eq!(self.mac_data >> 11 & 0x1f, 1, "the chip's own PHY");
                let register = self.mac_data >> MII_REGISTER & 0x1f;
                if self.mac_data & MII_WRITE != 0 {
                    self.phy[register as usize] = self.mac[mac::MII_DATA as usize];
                } else {
                    self.mac[mac::MII_DATA as usize] = self.read_phy(register);
                }
                self.mac[mac::MII_ACCESS as usize] &= !MII_BUSY;
            }
            _ => {}
        }
    }

    /// A word comes into the transmit FIFO.
    fn send(&mut self, word: u32) {
        let sending = &mut self.sending;
        let Some(command) = sending.command else {
            sending.command = Some(word);
            sending.length = usize::MAX;
            return;
        };
        let size = command as usize & 0x7ff;
        if sending.length == usize::MAX {
            // The second command.
            let is_first = command & TX_FIRST != 0;
            assert_eq!(is_first, sending.frame.is_empty());
            assert!(size > 0);
            if !is_first && command & TX_LAST == 0 {
                assert!(size >= 4, "a short piece in the middle");
            }
            sending.length = word as usize & 0x7ff;
            sending.offset = (command >> 16) as usize & 0x1f;
            sending.left = size;
            sending.pieces += 1;
            sending.memory += 8;
            return;
        }
        sending.memory += 4;
        for byte in word.to_le_bytes() {
            if sending.offset > 0 {
                sending.offset -= 1;
            } else if sending.left > 0 {
                sending.left -= 1;
                sending.frame.push(byte);
            }
        }
        if sending.left > 0 {
            return;
        }
        sending.command = None;
        if command & TX_LAST != 0 {
            assert_eq!(
                sending.frame.len(),
                sending.length,
                "as long as it was said to be"
            );
            assert!(sending.memory <= INNER_MEMORY, "it does not fit");
            self.sent.push(core::mem::take(&mut sending.frame));
            sending.last_pieces = core::mem::take(&mut sending.pieces);
            sending.memory = 0;
            let state = if self.sending_fails {
                TX_ERROR | 1 << 10
            } else {
                0
            };
            self.sent_states.push_back(state);
        }
    }
}

impl Registers for &Model {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.state();
        if !state.is_there {
            return u32::MAX;
        }
        match offset {
            csr::RX_DATA_FIFO => state.received.pop_front().expect("there is a word"),
            csr::RX_STATUS_FIFO => state.states.pop_front().expect("there is a frame"),
            csr::TX_STATUS_FIFO => state.sent_states.pop_front().expect("one was sent"),
            csr::INT_STS => state.happened(),
            csr::BYTE_TEST => BYTE_TEST,
            csr::RX_CFG => state.rx_cfg,
            csr::RX_FIFO_INF => {
                (state.states.len() as u32) << 16 | (4 * state.received.len()) as u32
            }
            csr::TX_FIFO_INF => (state.sent_states.len() as u32) << 16 | state.room as u32,
            csr::PMT_CTRL => READY,
            csr::RX_DROP => core::mem::take(&mut state.dropped),
            csr::MAC_CSR_CMD if state.hangs => BUSY,
            csr::MAC_CSR_DATA => state.mac_data,
            csr::HW_CFG | csr::TX_CFG | csr::MAC_CSR_CMD | csr::E2P_CMD => 0,
            _ => panic!("register {offset:#x} is not to be read"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.state();
        match offset {
            csr::TX_DATA_FIFO => state.send(value),
            csr::IRQ_CFG => state.irq_cfg = value,
            csr::INT_STS => state.happened &= !value,
            csr::INT_EN => state.enabled = value,
            csr::FIFO_INT => state.levels = value,
            csr::RX_CFG => {
                if value & RX_DUMP != 0 {
                    let control = state.mac[mac::CONTROL as usize];
                    assert_eq!(control & RX_ENABLE, 0, "the receiver is at work");
                    state.received.clear();
                    state.states.clear();
                }
                state.rx_cfg = value & !RX_DUMP;
            }
            csr::TX_CFG => {
                if value & TXD_DUMP != 0 {
                    state.sending = Sending::default();
                }
                if value & TXS_DUMP != 0 {
                    state.sent_states.clear();
                }
            }
            csr::HW_CFG => {
                if value & SOFT_RESET != 0 {
                    state.received.clear();
                    state.states.clear();
                    state.sent_states.clear();
                    state.happened = 0;
                    state.enabled = 0;
                    state.mac = [0; 13];
                } else {
                    assert!(value & MUST_BE_ONE != 0);
                }
            }
            csr::MAC_CSR_DATA => state.mac_data = value,
            csr::MAC_CSR_CMD => {
                assert!(value & BUSY != 0);
                state.command(value);
            }
            _ => panic!("register {offset:#x} is not to be written"),
        }
    }
}
