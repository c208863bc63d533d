//! TCP between two stacks of one kind that are joined by a wire in memory: what both ends take
//! together, acknowledgements and all. The same code runs under QEMU and under callgrind.
#![no_std]

pub mod smoltcp;
pub mod zonda;

/// What is done again and again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// One end writes slices, the other reads them.
    Slices,
    /// One end gives buffers to be sent, the other looks at the data where they are.
    InPlace,
    /// 64 bytes there, and 64 bytes back.
    Exchange,
    /// A connection is opened, accepted, and closed from both ends.
    Connect,
}

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Row {
    pub work: Work,
    /// Bytes that may wait at either end.
    pub quota: usize,
}

/// The rows, each with its name.
pub const ROWS: &[(&str, Row)] = &[
    ("tcp-4k", Row::new(Work::Slices, 4096)),
    ("tcp-16k", Row::new(Work::Slices, 16384)),
    ("tcp-64k", Row::new(Work::Slices, 65535)),
    ("tcp-4k-in-place", Row::new(Work::InPlace, 4096)),
    ("tcp-16k-in-place", Row::new(Work::InPlace, 16384)),
    ("tcp-64k-in-place", Row::new(Work::InPlace, 65535)),
    ("tcp-exchange-64", Row::new(Work::Exchange, 4096)),
    ("tcp-connect-close", Row::new(Work::Connect, 4096)),
];

impl Row {
    const fn new(work: Work, quota: usize) -> Self {
        Self { work, quota }
    }

    /// What is counted in one round: full segments, exchanges or connections.
    pub const fn units(self) -> u32 {
        match self.work {
            Work::Slices | Work::InPlace => (self.quota / SEGMENT) as u32,
            Work::Exchange | Work::Connect => 1,
        }
    }
}

/// Bytes of data in a full segment.
pub const SEGMENT: usize = 1460;
/// Bytes of an exchange, each way.
pub const MESSAGE: usize = 64;
/// The two ends: the link and IP address of each.
pub const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
pub const ADDRESSES: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];
/// Where the second end listens.
pub const PORT: u16 = 7;
/// Milliseconds that pass in each round, and in each round of connections: the longest time that an
/// end waits after it has closed.
pub const ROUND: u64 = 1;
pub const LINGER: u64 = 61_000;

/// Counts: calls what it is given with two run lengths, in rounds.
pub type Measure<'m> = &'m mut dyn FnMut(&mut dyn FnMut(u32));
