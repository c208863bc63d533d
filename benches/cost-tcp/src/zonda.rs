//! Zonda's way through a row. A frame goes from one stack to the other as the buffer that it is.

use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use zonda::iface::Ipv4Cidr;
use zonda::link::{Capabilities, DriverEnd, LinkState, Port};
use zonda::netbuf::{Limits, NetBufPool, Pool, Purpose};
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::{ManualClock, Stack, StackCell, StackStorage};
use zonda::time::{Duration, Instant};
use zonda::wire::LinkAddr;

use crate::{ADDRESSES, LINGER, MACS, MESSAGE, Measure, PORT, ROUND, Row, SEGMENT, Work};

static POOL: NetBufPool<192, 1536, 96, 192> = NetBufPool::new();

/// Bytes in front of the data of a buffer that is given to be sent.
const HEADROOM: usize = 64;

struct Bench<'a> {
    stacks: [Stack<'a>; 2],
    drivers: [DriverEnd<'a>; 2],
    clock: &'a ManualClock,
    listener: TcpListener<'a>,
    pool: Pool,
    row: Row,
}

impl<'a> Bench<'a> {
    /// Passes frames on until both stacks are at rest.
    fn settle(&self) {
        let mut is_busy = true;
        while is_busy {
            is_busy = false;
            for (from, to) in [(0, 1), (1, 0)] {
                let mut has_frames = false;
                while let Some(frame) = self.drivers[from].try_next_tx() {
                    assert!(self.drivers[to].deliver(frame).is_ok());
                    has_frames = true;
                }
                if has_frames {
                    // A queue that was full has room again: there may be more to send.
                    let _ = self.stacks[from].poll();
                    let _ = self.stacks[to].poll();
                    is_busy = true;
                }
            }
        }
    }

    fn pass(&self, millis: u64) {
        let now = self.stacks[0].now();
        self.clock.set(now + Duration::from_millis(millis));
        self.stacks.iter().for_each(|stack| {
            let _ = stack.poll();
        });
        self.settle();
    }

    fn open(&self) -> [TcpSocket<'a>; 2] {
        let remote = SocketAddr::new(Ipv4Addr::from(ADDRESSES[1]).into(), PORT);
        let client = TcpSocket::begin(self.stacks[0], remote).unwrap();
        self.settle();
        let server = self.listener.try_accept().expect("a connection");
        let quota = self.row.quota as u32;
        let mut ends = [client, server];
        ends.iter_mut().for_each(|end| end.set_quota(quota, quota));
        ends
    }

    /// Moves so many full segments from the first end to the second.
    fn stream(&self, ends: &mut [TcpSocket<'a>; 2], data: &mut [u8]) {
        let whole = self.row.units() as usize * SEGMENT;
        let (mut written, mut read) = (0, 0);
        let [writer, reader] = ends;
        while read < whole {
            let before = (written, read);
            match self.row.work {
                Work::InPlace => {
                    while written < whole {
                        let buf = self.pool.alloc_chain(Purpose::Send, HEADROOM, SEGMENT);
                        let Ok(buf) = buf else { break };
                        match writer.try_send(buf) {
                            Ok(()) => written += SEGMENT,
                            Err((left, _)) => {
                                written += SEGMENT - left.len();
                                break;
                            }
                        }
                    }
                }
                _ => {
                    while let Some(Ok(count)) = writer.try_write(&data[..whole - written])
                        && count > 0
                    {
                        written += count;
                    }
                }
            }
            self.settle();
            match self.row.work {
                Work::InPlace => {
                    while let Some(Ok(piece)) = reader.try_fill_buf()
                        && !piece.is_empty()
                    {
                        let length = piece.len();
                        black_box(piece);
                        reader.advance(length);
                        read += length;
                    }
                }
                _ => {
                    while let Some(Ok(count)) = reader.try_read(data)
                        && count > 0
                    {
                        read += count;
                    }
                }
            }
            self.settle();
            if (written, read) == before {
                self.pass(50);
            }
        }
    }

    fn exchange(&self, ends: &mut [TcpSocket<'a>; 2], data: &mut [u8]) {
        for (from, to) in [(0, 1), (1, 0)] {
            assert_eq!(ends[from].try_write(&data[..MESSAGE]), Some(Ok(MESSAGE)));
            self.settle();
            assert_eq!(ends[to].try_read(data), Some(Ok(MESSAGE)));
        }
    }

    fn connect(&self) {
        let [mut client, mut server] = self.open();
        client.shutdown();
        self.settle();
        server.shutdown();
        self.settle();
        drop((client, server));
        self.pass(LINGER);
    }
}

/// Measures a row.
pub fn run(row: Row, data: &mut [u8], measure: Measure<'_>) {
    let pool = POOL.pool();
    pool.set_limits(Limits {
        held: 160,
        send: 160,
        control: 8,
    });
    let clock = ManualClock::new();
    clock.set(Instant::from_millis(1));
    let ports = MACS.map(|mac| Port::new(Capabilities::ethernet(mac)));
    let [near, far] = ports.each_ref().map(Port::split);
    let mut storages = [(); 2].map(|()| StackStorage::<1, 0, 4, 1>::new());
    let [storage, other] = &mut storages;
    let cells = [
        StackCell::new(storage, pool, [7; 32], &clock),
        StackCell::new(other, pool, [8; 32], &clock),
    ];
    let stacks = cells.each_ref().map(StackCell::stack);
    for (side, (driver, end)) in [near, far].into_iter().enumerate() {
        let [own, peer] = [side, 1 - side].map(|side| Ipv4Addr::from(ADDRESSES[side]));
        let id = stacks[side].attach(end).unwrap();
        stacks[side].add_ipv4(id, Ipv4Cidr::new(own, 24)).unwrap();
        driver.set_link(LinkState::Up);
        let _ = stacks[side].poll();
        // The neighbour is known, and stays so whatever time passes.
        let link = LinkAddr::ethernet(MACS[1 - side]);
        stacks[side].add_neighbor(id, peer.into(), link).unwrap();
    }
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
    let bench = Bench {
        stacks,
        drivers: [near.0, far.0],
        clock: &clock,
        listener: TcpListener::bind(stacks[1], any, 2).unwrap(),
        pool,
        row,
    };
    match row.work {
        Work::Connect => measure(&mut |rounds| (0..rounds).for_each(|_| bench.connect())),
        work => {
            let mut ends = bench.open();
            measure(&mut |rounds| {
                for _ in 0..rounds {
                    match work {
                        Work::Exchange => bench.exchange(&mut ends, data),
                        _ => bench.stream(&mut ends, data),
                    }
                    bench.pass(ROUND);
                }
            });
            ends.into_iter().for_each(TcpSocket::abort);
        }
    }
    bench.settle();
}
