//! TCP against a scripted peer, segment in, segment out, under virtual time.

mod arrives;
mod defects;
#[cfg(feature = "tcp-ecn")]
mod ecn;
pub mod listener;
mod options;
mod sockets;
mod timers;
mod windows;

use std::net::{IpAddr, SocketAddr};

use zonda::socket::{TcpListener, TcpSocket};

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// The peer's first sequence number: the numbers wrap early.
pub const IRS: u32 = 0xffff_fff0;

/// A host and a peer with the state of the peer's end of one connection.
pub struct Session {
    pub a: Alone,
    pub own: IpAddr,
    pub peer: IpAddr,
    /// The peer's port and the host's.
    pub ports: (u16, u16),
    /// The peer's SND.NXT and RCV.NXT.
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    /// Options of every segment, as those of timestamps.
    pub options: Vec<u8>,
}

/// Maximum Segment Size as an option.
pub fn mss(size: u16) -> Vec<u8> {
    join(&[&[2, 4], &size.to_be_bytes()])
}

/// Timestamps as an option.
pub fn stamps(value: u32, echo: u32) -> Vec<u8> {
    join(&[&[1, 1, 8, 10], &value.to_be_bytes(), &echo.to_be_bytes()])
}

/// The options of SYN that have SACK.
pub fn permitted() -> Vec<u8> {
    join(&[&mss(1460), &[1, 1, 4, 2]])
}

/// The only one.
#[track_caller]
pub fn one(segments: Vec<Tcp>) -> Tcp {
    assert_eq!(segments.len(), 1, "one segment: {segments:#?}");
    segments.into_iter().next().unwrap()
}

#[track_caller]
pub fn none(segments: Vec<Tcp>) {
    assert!(segments.is_empty(), "{segments:#?}");
}

/// What matters most of a segment: flags (those of ECN apart), number, acknowledgement, bytes of data.
pub fn brief(segment: &Tcp) -> (u8, u32, u32, usize) {
    (
        segment.flags & 0x3f,
        segment.seq,
        segment.ack,
        segment.data.len(),
    )
}

impl Session {
    pub fn new() -> Self {
        Self::over(0)
    }

    /// Over IPv4 (0) or IPv6 (1).
    pub fn over(version: usize) -> Self {
        let (own, peer) = PAIRS[version];
        let a = alone_with(Network::new(1), |net| {
            net.host_with("host", pool::<128, 512, 32, 64>())
        });
        a.introduce();
        a.peer.answer_for(PEER4, PEER6);
        Self {
            a,
            own,
            peer,
            ports: (5000, 80),
            seq: IRS,
            ack: 0,
            window: 20_000,
            options: Vec::new(),
        }
    }

    pub fn listen(&self, backlog: u16) -> TcpListener<'static> {
        let local = SocketAddr::new(self.own, self.ports.1);
        TcpListener::bind(self.a.stack(), local, backlog).expect("a listener")
    }

    /// A connection that the peer opened, with these options in its SYN.
    #[track_caller]
    pub fn accepted(&mut self, options: &[u8]) -> TcpSocket<'static> {
        let listener = self.listen(1);
        self.open(options);
        listener.try_accept().expect("a connection")
    }

    /// The peer's SYN and ACK; gives the SYN-ACK.
    #[track_caller]
    pub fn open(&mut self, options: &[u8]) -> Tcp {
        let syn = Tcp {
            options: options.to_vec(),
            ..self.segment(SYN, &[])
        };
        let answer = one(self.ask(syn));
        assert_eq!(answer.flags, SYN | ACK);
        self.seq = self.seq.wrapping_add(1);
        self.ack = answer.seq.wrapping_add(1);
        assert_eq!(answer.ack, self.seq);
        if let Some((value, _)) = answer.timestamps() {
            self.options = stamps(1000, value);
        }
        none(self.say(ACK, &[]));
        answer
    }

    /// A connection that the host opened; the peer's SYN has these options.
    #[track_caller]
    pub fn connected(&mut self, options: &[u8]) -> TcpSocket<'static> {
        let (socket, _) = self.begun();
        let syn = Tcp {
            options: options.to_vec(),
            ..self.segment(SYN | ACK, &[])
        };
        let answer = one(self.ask(syn));
        self.seq = self.seq.wrapping_add(1);
        assert_eq!(brief(&answer), (ACK, self.ack, self.seq, 0));
        socket
    }

    /// The host has sent a SYN.
    #[track_caller]
    pub fn begun(&mut self) -> (TcpSocket<'static>, Tcp) {
        let remote = SocketAddr::new(self.peer, 7);
        let socket = TcpSocket::begin(self.a.stack(), remote).expect("a socket");
        let syn = one(self.passed(ms(1)));
        assert_eq!(brief(&syn), (SYN, syn.seq, 0, 0));
        self.ports = (7, syn.source);
        self.ack = syn.seq.wrapping_add(1);
        (socket, syn)
    }

    /// A segment at the peer's present numbers.
    pub fn segment(&self, flags: u8, data: &[u8]) -> Tcp {
        Tcp {
            source: self.ports.0,
            destination: self.ports.1,
            seq: self.seq,
            ack: if flags & ACK != 0 { self.ack } else { 0 },
            flags,
            window: self.window,
            urgent: 0,
            options: self.options.clone(),
            data: data.to_vec(),
        }
    }

    /// Sends a segment, and gives those that come back within a millisecond.
    pub fn ask(&self, segment: Tcp) -> Vec<Tcp> {
        let packet = segment.packet(self.peer, self.own);
        self.a.peer.send(self.a.to_host(&packet));
        self.passed(ms(1))
    }

    /// Sends the next segment of the peer's.
    pub fn say(&mut self, flags: u8, data: &[u8]) -> Vec<Tcp> {
        let segment = self.segment(flags, data);
        let length = data.len() as u32 + u32::from(flags & FIN != 0) + u32::from(flags & SYN != 0);
        self.seq = self.seq.wrapping_add(length);
        self.ask(segment)
    }

    /// Sends a segment `offset` bytes from the peer's next number.
    pub fn at(&self, offset: i32, flags: u8, data: &[u8]) -> Vec<Tcp> {
        let segment = self.segment(flags, data);
        self.ask(Tcp {
            seq: self.seq.wrapping_add_signed(offset),
            ..segment
        })
    }

    /// The peer acknowledges so many bytes more.
    pub fn acknowledge(&mut self, length: u32) -> Vec<Tcp> {
        self.ack = self.ack.wrapping_add(length);
        self.say(ACK, &[])
    }

    /// The segments that the host has sent.
    pub fn sent(&self) -> Vec<Tcp> {
        let frames = self.a.sent().into_iter();
        frames.filter_map(|frame| frame.ip()?.tcp()).collect()
    }

    /// Lets time pass, and gives the segments that the host sends.
    pub fn passed(&self, span: zonda::time::Duration) -> Vec<Tcp> {
        self.a.net.run_for(span);
        self.sent()
    }

    /// Lets time pass, and gives the segments that the host sends, with milliseconds from now.
    pub fn passed_timed(&self, span: zonda::time::Duration) -> Vec<(u64, Tcp)> {
        let begin = self.a.net.now();
        self.a.net.run_for(span);
        let frames = self.a.peer.take_timed().into_iter();
        let segments = frames.filter_map(|(at, frame)| Some((at, read(&frame).ip()?.tcp()?)));
        segments
            .map(|(at, segment)| (at.since(begin).as_millis(), segment))
            .collect()
    }
}

/// Reads all that is there.
pub fn read_all(socket: &mut TcpSocket<'_>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = [0; 700];
    while let Some(Ok(length @ 1..)) = socket.try_read(&mut buf) {
        all.extend_from_slice(&buf[..length]);
    }
    all
}

/// Writes all.
#[track_caller]
pub fn write_all(socket: &mut TcpSocket<'_>, data: &[u8]) {
    let written = socket.try_write(data).expect("room").expect("open");
    assert_eq!(written, data.len());
}
