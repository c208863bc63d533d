//! Registers, bits and numbers of a virtio network device in the memory map (VIRTIO 1.2 §4.2.2, §4.2.4,
//! §5.1).

/// Offsets of registers (§4.2.2; for version 1 §4.2.4).
pub mod register {
    pub const MAGIC: usize = 0x000;
    pub const VERSION: usize = 0x004;
    pub const DEVICE: usize = 0x008;
    pub const DEVICE_FEATURES: usize = 0x010;
    pub const DEVICE_FEATURES_SELECT: usize = 0x014;
    pub const DRIVER_FEATURES: usize = 0x020;
    pub const DRIVER_FEATURES_SELECT: usize = 0x024;
    /// Version 1 only.
    pub const PAGE_SIZE: usize = 0x028;
    pub const QUEUE_SELECT: usize = 0x030;
    pub const QUEUE_SIZE_MAX: usize = 0x034;
    pub const QUEUE_SIZE: usize = 0x038;
    /// Version 1 only.
    pub const QUEUE_ALIGN: usize = 0x03c;
    /// Version 1 only.
    pub const QUEUE_PAGE: usize = 0x040;
    pub const QUEUE_READY: usize = 0x044;
    pub const QUEUE_NOTIFY: usize = 0x050;
    pub const INTERRUPT_STATUS: usize = 0x060;
    pub const INTERRUPT_ACK: usize = 0x064;
    pub const STATUS: usize = 0x070;
    /// The low half; the high one follows.
    pub const QUEUE_DESCRIPTORS: usize = 0x080;
    pub const QUEUE_AVAILABLE: usize = 0x090;
    pub const QUEUE_USED: usize = 0x0a0;
    pub const CONFIG_GENERATION: usize = 0x0fc;
    pub const CONFIG: usize = 0x100;
}

/// What the first register reads: "virt".
pub const MAGIC: u32 = u32::from_le_bytes(*b"virt");
/// The version of the registers before VIRTIO 1.0, and since.
pub const LEGACY: u32 = 1;
pub const MODERN: u32 = 2;
/// A network device (§5.1.1).
pub const NETWORK: u32 = 1;

/// Bits of the status (§2.1).
pub const ACKNOWLEDGE: u32 = 1;
pub const DRIVER: u32 = 2;
pub const DRIVER_OK: u32 = 4;
pub const FEATURES_OK: u32 = 8;
pub const NEEDS_RESET: u32 = 64;

/// Bits of the interrupt status (§4.2.2): the configuration has changed.
pub const CONFIG_CHANGED: u32 = 2;

/// Features (§5.1.3, §6, §6.3).
pub mod feature {
    /// Received packets may come with a checksum that is not complete, or has been verified.
    pub const GUEST_CSUM: u64 = 1 << 1;
    pub const MTU: u64 = 1 << 3;
    pub const MAC: u64 = 1 << 5;
    /// A received frame may lie in several buffers.
    pub const MRG_RXBUF: u64 = 1 << 15;
    pub const STATUS: u64 = 1 << 16;
    /// Header and frame need not be apart.
    pub const ANY_LAYOUT: u64 = 1 << 27;
    pub const VERSION_1: u64 = 1 << 32;
}

/// Offsets in the configuration (§5.1.4).
pub mod config {
    pub const MAC: usize = 0;
    pub const STATUS: usize = 6;
    pub const MTU: usize = 10;
}

/// The bit of the configuration's status that says that there is a carrier.
pub const LINK_UP: u16 = 1;
/// The least MTU that a device may have (§5.1.4.1).
pub const LEAST_MTU: u16 = 68;

/// The queues (§5.1.2).
pub const RECEIVE_QUEUE: u32 = 0;
pub const SEND_QUEUE: u32 = 1;

/// The header in front of each frame (§5.1.6): the flags, which kind of large packet it is, and in how
/// many buffers it lies. Without the last field it is for devices of version 1 that merge no buffers.
pub const HEADER: usize = 12;
pub const SHORT_HEADER: usize = 10;
/// Flags: the checksum is not complete, or it has been verified.
pub const NEEDS_CSUM: u8 = 1;
pub const DATA_VALID: u8 = 2;
