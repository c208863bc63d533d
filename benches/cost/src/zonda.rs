//! Zonda's way through a row.

use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use zonda::iface::Ipv4Cidr;
use zonda::link::{Capabilities, DriverEnd, LinkState, Offload, Port};
use zonda::netbuf::{Limits, NetBuf, NetBufPool, Pool, Purpose};
use zonda::socket::UdpSocket;
use zonda::stack::{ManualClock, Stack, StackCell, StackStorage};

use crate::frames::{self, ADDRESS, HEADERS, LONGEST, MAC, PEER, PEER_PORT};
use crate::{Measure, Row, Work};

/// The pool that the row is measured with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// Blocks that take a whole frame.
    Large,
    /// Blocks of 512 bytes.
    Small,
}

static LARGE: NetBufPool<64, 1536> = NetBufPool::new();
static SMALL: NetBufPool<160, 512> = NetBufPool::new();

struct Bench<'a> {
    stack: Stack<'a>,
    driver: DriverEnd<'a>,
    pool: Pool,
    row: Row,
    headers: &'a [u8],
}

impl Bench<'_> {
    /// A frame as a driver finds it in its ring: in blocks that were written before. All blocks
    /// of the pool hold the same frame, so the contents are right whichever come.
    #[inline(always)]
    fn frame(&self) -> Option<NetBuf> {
        (self.pool)
            .alloc_chain(Purpose::Receive, 2, HEADERS + self.row.length)
            .ok()
    }

    /// Takes what is to be sent, and gives it back to the pool as sent.
    #[inline(always)]
    fn sent(&self) -> u32 {
        let mut frames = 0;
        while let Some(frame) = self.driver.try_next_tx() {
            black_box(frame.first());
            frames += 1;
        }
        frames
    }

    fn run(&self, socket: &UdpSocket<'_>, data: &mut [u8], polls: u32) {
        let peer = Some(SocketAddr::new(Ipv4Addr::from(PEER).into(), PEER_PORT));
        let length = self.row.length;
        let mut done = 0;
        for _ in 0..polls {
            match self.row.work {
                Work::Receive | Work::ReceiveInPlace | Work::Echo => {
                    for _ in 0..self.row.batch {
                        if let Some(frame) = self.frame() {
                            let _ = self.driver.deliver(frame);
                        }
                    }
                    let _ = self.stack.poll();
                }
                Work::Poll => {
                    let _ = self.stack.poll();
                    done += 1;
                }
                Work::Send => {}
            }
            match self.row.work {
                Work::Receive => {
                    while let Some((count, info)) = socket.try_recv_from(data) {
                        black_box(&info);
                        done += u32::from(count == length);
                    }
                }
                Work::ReceiveInPlace => {
                    while let Some((buf, info)) = socket.try_recv() {
                        black_box(&info);
                        done += u32::from(buf.len() == length);
                    }
                }
                Work::Send => {
                    for _ in 0..self.row.batch {
                        let _ = socket.try_send_to(&data[..length], peer);
                    }
                    done += self.sent();
                }
                Work::Echo => {
                    while let Some((buf, info)) = socket.try_recv() {
                        let _ = socket.try_send(buf, Some(info.source));
                    }
                    done += self.sent();
                    self.rewrite();
                }
                Work::Poll => {}
            }
        }
        assert_eq!(done, polls * self.row.batch, "datagrams went missing");
    }

    /// An answer has overwritten the headers in the block: puts them back. What this takes is
    /// measured by [`rewritten`] and taken off.
    #[inline(never)]
    fn rewrite(&self) {
        if let Some(mut frame) = self.frame() {
            let _ = frame.write(0, self.headers);
        }
    }
}

/// Measures a row.
pub fn run(row: Row, blocks: Blocks, measure: Measure<'_>) {
    match row.idle {
        0 => run_with::<2>(row, blocks, measure, false),
        _ => run_with::<1001>(row, blocks, measure, false),
    }
}

/// Measures what [`Work::Echo`] needs to put the headers back, for each poll.
pub fn rewritten(row: Row, blocks: Blocks, measure: Measure<'_>) {
    run_with::<2>(row, blocks, measure, true);
}

fn run_with<const SOCKETS: usize>(row: Row, blocks: Blocks, measure: Measure<'_>, rewrite: bool) {
    let pool = match blocks {
        Blocks::Large => LARGE.pool(),
        Blocks::Small => SMALL.pool(),
    };
    pool.set_limits(Limits {
        held: 100,
        send: 50,
        control: 2,
    });
    let mut bytes = [0; LONGEST];
    let length = frames::datagram(&mut bytes, row.length);
    let clock = ManualClock::new();
    let mut capabilities = Capabilities::ethernet(MAC);
    if row.offload {
        capabilities.offload = Offload::all();
    }
    let port = Port::new(capabilities);
    let (driver, end) = port.split();
    let mut storage = StackStorage::<1, SOCKETS>::new();
    let cell = StackCell::new(&mut storage, pool, [7; 32], &clock);
    let stack = cell.stack();
    let id = stack.attach(end).unwrap();
    stack
        .add_ipv4(id, Ipv4Cidr::new(ADDRESS.into(), 24))
        .unwrap();
    driver.set_link(LinkState::Up);
    let any = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let mut idle: [Option<UdpSocket<'_>>; 1000] = [const { None }; 1000];
    for (port, socket) in (10_000..).zip(idle.iter_mut().take(row.idle)) {
        *socket = Some(UdpSocket::bind(stack, any(port)).unwrap());
    }
    let socket = UdpSocket::bind(stack, any(frames::PORT)).unwrap();
    socket.set_quota(u32::MAX, 100);
    // The neighbour is resolved: it answers the request for the first datagram.
    let _ = stack.poll();
    let peer = SocketAddr::new(Ipv4Addr::from(PEER).into(), PEER_PORT);
    socket.try_send_to(&[0], Some(peer)).unwrap();
    drop(driver.try_next_tx().expect("an ARP request"));
    let mut reply = pool.alloc(Purpose::Receive, 2).unwrap();
    reply.append(&frames::arp_reply()).unwrap();
    driver.deliver(reply).unwrap_or_else(|_| panic!());
    let _ = stack.poll();
    drop(driver.try_next_tx().expect("the datagram"));

    let bench = Bench {
        stack,
        driver,
        pool,
        row,
        headers: &bytes[..HEADERS],
    };
    // The driver's ring is filled beforehand: what it allocates has been written already, in both
    // of the orders in which the blocks of a frame come.
    for _ in 0..2 {
        let frames: [NetBuf; 16] = core::array::from_fn(|_| {
            let mut frame = pool.alloc_chain(Purpose::Receive, 2, length).unwrap();
            frame.write(0, &bytes[..length]).unwrap();
            frame
        });
        drop(frames);
    }
    let mut data = [0x55; 1472];
    if rewrite {
        measure(&mut |polls| (0..polls).for_each(|_| bench.rewrite()));
    } else {
        measure(&mut |polls| bench.run(&socket, &mut data, polls));
    }
}
