//! Names of registers and of bits in them (LAN9118 data sheet, "Register Description").

/// The registers that are in the memory map, by their offsets.
pub mod csr {
    pub const RX_DATA_FIFO: usize = 0x00;
    pub const TX_DATA_FIFO: usize = 0x20;
    pub const RX_STATUS_FIFO: usize = 0x40;
    pub const TX_STATUS_FIFO: usize = 0x48;
    pub const IRQ_CFG: usize = 0x54;
    pub const INT_STS: usize = 0x58;
    pub const INT_EN: usize = 0x5c;
    pub const BYTE_TEST: usize = 0x64;
    pub const FIFO_INT: usize = 0x68;
    pub const RX_CFG: usize = 0x6c;
    pub const TX_CFG: usize = 0x70;
    pub const HW_CFG: usize = 0x74;
    pub const RX_FIFO_INF: usize = 0x7c;
    pub const TX_FIFO_INF: usize = 0x80;
    pub const PMT_CTRL: usize = 0x84;
    pub const RX_DROP: usize = 0xa0;
    pub const MAC_CSR_CMD: usize = 0xa4;
    pub const MAC_CSR_DATA: usize = 0xa8;
    pub const E2P_CMD: usize = 0xb0;
}

/// What BYTE_TEST always is.
pub const BYTE_TEST: u32 = 0x8765_4321;

// IRQ_CFG
pub const IRQ_EN: u32 = 1 << 8;
pub const IRQ_POL: u32 = 1 << 4;
pub const IRQ_TYPE: u32 = 1 << 0;

// INT_STS and INT_EN
pub const RXSTOP_INT: u32 = 1 << 24;
pub const TXSTOP_INT: u32 = 1 << 25;
pub const PHY_INT: u32 = 1 << 18;
pub const RXE_INT: u32 = 1 << 14;
pub const TXE_INT: u32 = 1 << 13;
pub const TDFO_INT: u32 = 1 << 10;
pub const TDFA_INT: u32 = 1 << 9;
pub const TSFL_INT: u32 = 1 << 7;
pub const RXDF_INT: u32 = 1 << 6;
pub const RSFL_INT: u32 = 1 << 3;

// FIFO_INT: levels of data to be sent (in 64 bytes), of states of what was sent, of received frames.
pub const TX_DATA_LEVEL: u32 = 24;
pub const TX_STATUS_LEVEL: u32 = 16;

// RX_CFG
pub const RX_DUMP: u32 = 1 << 15;
pub const RX_DATA_OFFSET: u32 = 8;

// TX_CFG
pub const TXS_DUMP: u32 = 1 << 15;
pub const TXD_DUMP: u32 = 1 << 14;
pub const TX_ON: u32 = 1 << 1;
pub const STOP_TX: u32 = 1 << 0;

// HW_CFG
pub const MUST_BE_ONE: u32 = 1 << 20;
pub const TX_FIFO_SIZE: u32 = 16;
pub const SOFT_RESET: u32 = 1 << 0;

// PMT_CTRL
pub const READY: u32 = 1 << 0;

// MAC_CSR_CMD and E2P_CMD
pub const BUSY: u32 = 1 << 31;
pub const MAC_READ: u32 = 1 << 30;

// RX status
pub const RX_ERROR: u32 = 1 << 15;
pub const RX_RUNT: u32 = 1 << 11;
pub const RX_TOO_LONG: u32 = 1 << 7;

// TX commands and status
pub const TX_FIRST: u32 = 1 << 13;
pub const TX_LAST: u32 = 1 << 12;
pub const TX_ERROR: u32 = 1 << 15;

/// The registers of the MAC, behind MAC_CSR_CMD.
pub mod mac {
    pub const CONTROL: u32 = 1;
    pub const ADDRESS_HIGH: u32 = 2;
    pub const ADDRESS_LOW: u32 = 3;
    #[cfg(feature = "multicast")]
    pub const HASH_HIGH: u32 = 4;
    #[cfg(feature = "multicast")]
    pub const HASH_LOW: u32 = 5;
    pub const MII_ACCESS: u32 = 6;
    pub const MII_DATA: u32 = 7;
}

// MAC_CR
pub const RECEIVE_OWN_OFF: u32 = 1 << 23;
pub const FULL_DUPLEX: u32 = 1 << 20;
pub const ALL_GROUPS: u32 = 1 << 19;
#[cfg(feature = "promiscuous")]
pub const PROMISCUOUS: u32 = 1 << 18;
#[cfg(feature = "multicast")]
pub const HASH_FILTER: u32 = 1 << 13;
pub const TX_ENABLE: u32 = 1 << 3;
pub const RX_ENABLE: u32 = 1 << 2;

// MII_ACC: the address of the chip's own PHY, a register of it, and what to do.
pub const PHY_ADDRESS: u32 = 1 << 11;
pub const MII_REGISTER: u32 = 6;
pub const MII_WRITE: u32 = 1 << 1;
pub const MII_BUSY: u32 = 1 << 0;

/// The registers of the PHY (IEEE 802.3 §22.2.4; those above 15 are the chip's own).
pub mod phy {
    pub const CONTROL: u32 = 0;
    pub const STATUS: u32 = 1;
    pub const ADVERTISEMENT: u32 = 4;
    pub const PARTNER: u32 = 5;
    pub const INTERRUPT_SOURCE: u32 = 29;
    pub const INTERRUPT_MASK: u32 = 30;
}

// The PHY's control: negotiate, and do it now.
pub const NEGOTIATE: u32 = 1 << 12 | 1 << 9;
// The PHY's status.
pub const PHY_LINK: u32 = 1 << 2;
// What can be advertised, best last but for the protocol's number in the lowest bits.
pub const TEN: u32 = 1 << 5;
pub const TEN_FULL: u32 = 1 << 6;
pub const HUNDRED: u32 = 1 << 7;
pub const HUNDRED_FULL: u32 = 1 << 8;
pub const ETHERNET: u32 = 1;
// The PHY's interrupts: there is energy, the negotiation is done, the link is down.
pub const PHY_CHANGES: u32 = 1 << 7 | 1 << 6 | 1 << 4;
