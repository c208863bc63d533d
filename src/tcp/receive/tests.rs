extern crate std;

use core::net::Ipv4Addr;

use proptest::prelude::*;
use std::string::String;
use std::{format, vec};

use super::*;
use crate::netbuf::{NetBufPool, Pool, Purpose};
use crate::tcp::connection::Tuple;
use crate::tcp::segment::{Outgoing, Scoreboards};
use crate::wire::IpAddress;
use crate::wire::tcp_options::TcpOptions;

/// Bytes of a header without options.
const HEADER: usize = 20;

/// What a segment is, relative to what the connection waits for.
#[derive(Clone, Debug)]
struct Step {
    seq: i8,
    length: u16,
    /// Of what is on its way, in quarters; or beyond all.
    acked: u8,
    window: u16,
    flags: TcpFlags,
    stamp: i8,
    /// What the application does before: writes and reads so much.
    written: u16,
    reads: bool,
    millis: u16,
}

fn step() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![
        6 => Just(TcpFlags::ACK),
        6 => Just(TcpFlags::ACK | TcpFlags::PSH),
        1 => Just(TcpFlags::ACK | TcpFlags::FIN),
        1 => Just(TcpFlags::RST | TcpFlags::ACK),
        1 => Just(TcpFlags::ACK | TcpFlags::URG),
    ];
    (
        prop_oneof![6 => Just(0_i8), 1 => any::<i8>()],
        prop_oneof![1 => Just(0_u16), 2 => 0..600_u16],
        0..6_u8,
        prop_oneof![6 => Just(500_u16), 1 => 0..600_u16],
        flags,
        prop_oneof![6 => 0..2_i8, 1 => any::<i8>()],
        prop_oneof![1 => Just(0_u16), 1 => 0..2000_u16],
        any::<bool>(),
        prop_oneof![1 => 0..2_u16, 1 => 0..400_u16],
    )
        .prop_map(
            |(seq, length, acked, window, flags, stamp, written, reads, millis)| Step {
                seq,
                length,
                acked,
                window,
                flags,
                stamp,
                written,
                reads,
                millis,
            },
        )
}

/// One of two connections that are to stay alike.
struct Side {
    connection: Connection,
    boards: Scoreboards,
    pool: Pool,
    now: Instant,
    stamp: u32,
}

impl Side {
    fn new(pool: Pool, has_options: bool) -> Self {
        let tuple = Tuple {
            local: IpAddress::V4(Ipv4Addr::new(192, 0, 2, 1)),
            local_port: 80,
            remote: IpAddress::V4(Ipv4Addr::new(192, 0, 2, 2)),
            remote_port: 5000,
        };
        let now = Instant::from_millis(5000);
        let mut connection = Connection::new(tuple, Seq(0xffff_f000), 77, 536, now);
        let agreed = Agreed {
            peer_mss: 536,
            scale: has_options.then_some(2),
            sack: has_options,
            timestamp: has_options.then_some(1000),
            ecn: false,
        };
        connection.agree(agreed, 536, Seq(0xffff_fff0), now);
        connection.open_passively(2000, 4096, Seq(0xffff_fff0), now);
        connection.flags -= Flags::UNACCEPTED | Flags::ORPHAN;
        Self {
            connection,
            boards: Scoreboards::new(),
            pool,
            now,
            stamp: 1000,
        }
    }

    /// Lets a step happen: what came of it, and all that is known then.
    fn take(&mut self, step: &Step, is_whole: bool) -> String {
        let connection = &mut self.connection;
        self.now += Duration::from_millis(step.millis.into());
        if step.reads {
            connection.received.advance(usize::MAX);
        }
        if step.written > 0
            && let Ok(mut data) = self.pool.alloc(Purpose::Send, 0)
        {
            let _: Result<(), _> = data.append(&vec![1; step.written.min(500).into()]);
            let _: Result<(), NetBuf> = connection.to_send.push(data);
        }
        let mut sent = self.send();
        let connection = &mut self.connection;
        let seq = Seq(connection.rcv_nxt.0.wrapping_add_signed(step.seq.into()));
        let ack = connection.una + connection.flight() * u32::from(step.acked) / 4;
        self.stamp = self.stamp.wrapping_add_signed(step.stamp.into());
        let has_options = connection.flags.contains(Flags::TIMESTAMPS);
        let echo = connection.timestamp(self.now);
        let segment = Segment {
            seq,
            ack,
            flags: step.flags,
            window: step.window,
            options: TcpOptions {
                timestamps: has_options.then_some((self.stamp, echo)),
                ..TcpOptions::default()
            },
            length: step.length.into(),
            congestion: false,
        };
        let mut buf = self.pool.alloc(Purpose::Receive, 0).unwrap();
        let mut bytes = vec![0; HEADER + usize::from(step.length)];
        bytes[4..8].copy_from_slice(&seq.0.to_be_bytes());
        buf.append(&bytes).unwrap();
        let mut meta = buf.meta();
        (meta.network, meta.payload) = (0, HEADER as u16);
        buf.set_meta(meta);
        let mut turn = Turn {
            now: self.now,
            pool: self.pool,
            index: 0,
            boards: &mut self.boards,
        };
        let arrived = match is_whole {
            true => connection.any_segment_arrives(&mut turn, &segment, buf),
            false => connection.segment_arrives(&mut turn, &segment, buf),
        };
        sent.push_str(&self.send());
        format!("{arrived:?} {sent} {}", self.state())
    }

    fn send(&mut self) -> String {
        let mut sent = String::new();
        for _ in 0..20 {
            let mut turn = Turn {
                now: self.now,
                pool: self.pool,
                index: 0,
                boards: &mut self.boards,
            };
            let mut to = Outgoing::new();
            if !self.connection.next_outgoing(&mut turn, &mut to) {
                break;
            }
            let length = to.data.map_or(0, |data| data.len());
            let Outgoing {
                seq,
                ack,
                flags,
                window,
                ..
            } = to;
            sent.push_str(&format!("{seq:?} {ack:?} {flags:?} {window} {length}; "));
        }
        self.connection.arm_probe(self.now, self.boards.get(0));
        sent
    }

    fn state(&self) -> String {
        let c = &self.connection;
        format!(
            "{:?} {:?} {:?} {:?} {} {:?} {} {} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {} {:?}",
            c.state,
            c.flags,
            c.una,
            c.nxt,
            c.wnd,
            c.wl1,
            c.max_wnd,
            c.to_send.len(),
            c.rcv_nxt,
            c.rcv_edge,
            c.last_ack,
            c.received.len(),
            c.out_of_order.iter().count(),
            c.round_trips,
            c.rtt,
            c.congestion,
            c.recovery,
            c.timers,
            c.probes,
            c.heard,
        )
    }
}

proptest! {
    #[test]
    fn expected_segment_ends_as_any_other(
        steps in prop::collection::vec(step(), 0..60), has_options: bool,
    ) {
        static POOLS: [NetBufPool<96, 640>; 2] = [const { NetBufPool::new() }; 2];
        let mut one = Side::new(POOLS[0].pool(), has_options);
        let mut other = Side::new(POOLS[1].pool(), has_options);
        for step in &steps {
            prop_assert_eq!(one.take(step, false), other.take(step, true));
        }
    }
}
