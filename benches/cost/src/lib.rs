//! The rows of the table, and each stack's way through them. The same code runs under QEMU and
//! under callgrind: a row is handed to the machine that counts as a function of a run length.
#![no_std]

pub mod frames;
pub mod smoltcp;
pub mod zonda;

/// What is done again and again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A datagram comes in and is copied into the application's array.
    Receive,
    /// A datagram comes in and is looked at where it is (smoltcp: in the socket's buffer).
    ReceiveInPlace,
    /// The application sends a copy of its array.
    Send,
    /// A datagram comes in and goes back as it is (smoltcp: from the socket's buffer).
    Echo,
    /// There is nothing to do.
    Poll,
}

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Row {
    pub work: Work,
    /// Bytes of data in a datagram.
    pub length: usize,
    /// Datagrams for each poll.
    pub batch: u32,
    /// The link layer verifies and fills in checksums.
    pub offload: bool,
    /// Other sockets that have nothing to do.
    pub idle: usize,
}

/// The rows, each with its name.
pub const ROWS: &[(&str, Row)] = &[
    ("receive-64", Row::new(Work::Receive, 64)),
    ("receive-64-offload", Row::new(Work::Receive, 64).offload()),
    ("receive-64-batch", Row::new(Work::Receive, 64).batch()),
    (
        "receive-64-batch-offload",
        Row::new(Work::Receive, 64).batch().offload(),
    ),
    ("receive-1472", Row::new(Work::Receive, 1472)),
    (
        "receive-1472-offload",
        Row::new(Work::Receive, 1472).offload(),
    ),
    ("receive-1472-batch", Row::new(Work::Receive, 1472).batch()),
    (
        "receive-1472-batch-offload",
        Row::new(Work::Receive, 1472).batch().offload(),
    ),
    ("in-place-64", Row::new(Work::ReceiveInPlace, 64)),
    (
        "in-place-64-offload",
        Row::new(Work::ReceiveInPlace, 64).offload(),
    ),
    ("in-place-1472", Row::new(Work::ReceiveInPlace, 1472)),
    (
        "in-place-1472-offload",
        Row::new(Work::ReceiveInPlace, 1472).offload(),
    ),
    ("send-64", Row::new(Work::Send, 64)),
    ("send-64-offload", Row::new(Work::Send, 64).offload()),
    ("send-1472", Row::new(Work::Send, 1472)),
    ("send-1472-offload", Row::new(Work::Send, 1472).offload()),
    ("echo-64", Row::new(Work::Echo, 64)),
    ("echo-64-offload", Row::new(Work::Echo, 64).offload()),
    ("echo-1472-offload", Row::new(Work::Echo, 1472).offload()),
    ("empty-poll", Row::new(Work::Poll, 0)),
];

/// How many sockets there are at most beside the one that works, see [`Row::idle`].
pub const IDLE: &[usize] = &[0, 1, 10, 100, 1000];

impl Row {
    /// One datagram for each poll, checksums by software.
    pub const fn new(work: Work, length: usize) -> Self {
        Self {
            work,
            length,
            batch: 1,
            offload: false,
            idle: 0,
        }
    }

    const fn offload(self) -> Self {
        Self {
            offload: true,
            ..self
        }
    }

    const fn batch(self) -> Self {
        Self { batch: 16, ..self }
    }

    /// With so many idle sockets.
    pub const fn idle(self, idle: usize) -> Self {
        Self { idle, ..self }
    }
}

/// Counts: calls what it is given with two run lengths, in polls.
pub type Measure<'m> = &'m mut dyn FnMut(&mut dyn FnMut(u32));
