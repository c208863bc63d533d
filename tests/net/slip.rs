//! Two stacks at the ends of a serial line (RFC 1055).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Poll, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use zonda::drivers::slip::SlipDriver;
use zonda::iface::{Counters, Ipv4Cidr, Ipv6Cidr, ReceiveDrop};
use zonda::l2::slip::USUAL_MTU;
use zonda::link::{Capabilities, Port};
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::InterfaceId;

use crate::network::*;

/// One direction of a line: octets on their way, and who waits for some or for room.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    octets: VecDeque<u8>,
    waiting: Vec<Waker>,
    /// Octets that have passed.
    passed: u64,
    /// Of so many octets one is turned into another; 0 for none.
    noise: u64,
}

impl Wire {
    /// Octets that a UART holds.
    const ROOM: usize = 100;

    fn disturb(&self, noise: &[u8]) {
        let mut state = self.0.borrow_mut();
        state.octets.extend(noise);
        state.waiting.drain(..).for_each(Waker::wake);
    }
}

impl ErrorType for Wire {
    type Error = Infallible;
}

impl Read for Wire {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.octets.is_empty() {
                state.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
            let length = state.octets.len().min(to.len());
            for (place, octet) in to.iter_mut().zip(state.octets.drain(..length)) {
                *place = octet;
            }
            state.waiting.drain(..).for_each(Waker::wake);
            Poll::Ready(Ok(length))
        })
        .await
    }
}

impl Write for Wire {
    async fn write(&mut self, from: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            let length = from
                .len()
                .min(Self::ROOM.saturating_sub(state.octets.len()));
            if length == 0 {
                state.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
            for octet in &from[..length] {
                state.passed += 1;
                let noisy = state.noise > 0 && state.passed.is_multiple_of(state.noise);
                state.octets.push_back(octet ^ u8::from(noisy));
            }
            state.waiting.drain(..).for_each(Waker::wake);
            Poll::Ready(Ok(length))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A host at one end of a line.
struct End {
    host: Host,
    id: InterfaceId,
    port: &'static Port,
    /// What comes in here.
    wire: Wire,
}

impl End {
    fn counters(&self) -> Counters {
        self.host.stack().counters(self.id).unwrap()
    }

    /// What was dropped, but for what goes to routers.
    fn drops(&self) -> u32 {
        let counters = self.counters();
        let mut drops = counters.all_receive_drops();
        for reason in [ReceiveDrop::Ipv4Destination, ReceiveDrop::Ipv6Destination] {
            drops -= counters.receive_drops(reason);
        }
        drops
    }

    /// Everything that came was put to use, or was dropped for a reason that was counted.
    fn check(&self) {
        let counters = self.counters();
        let drops = counters.all_receive_drops();
        assert_eq!(counters.received, counters.accepted.wrapping_add(drops));
    }
}

const ADDRESSES: [[&str; 2]; 2] = [["10.0.0.1", "10.0.0.2"], ["fd00::1", "fd00::2"]];

/// Two hosts that are joined by a serial line.
fn joined(net: &Network, capabilities: impl Fn(u8) -> Capabilities) -> [End; 2] {
    let wires = [Wire::default(), Wire::default()];
    [0, 1].map(|n| {
        let host = net.host(["one", "two"][n]);
        let port: &'static Port = Box::leak(Box::new(Port::new(capabilities(n as u8 + 1))));
        let (driver, end) = port.split();
        let (stack, pool) = (host.stack(), host.pool());
        let id = stack.attach(end).unwrap();
        #[cfg(feature = "acd")]
        stack.set_conflict_detection(id, zonda::iface::ConflictDetection::Off);
        #[cfg(feature = "dad")]
        stack.set_dad_transmits(id, 0);
        let [ipv4, ipv6] = ADDRESSES.map(|pair| pair[n]);
        stack
            .add_ipv4(id, Ipv4Cidr::new(ipv4.parse().unwrap(), 24))
            .unwrap();
        stack
            .add_ipv6(id, Ipv6Cidr::new(ipv6.parse().unwrap(), 64))
            .unwrap();
        let (reader, writer) = (wires[n].clone(), wires[1 - n].clone());
        net.spawn(async move {
            let mut line = SlipDriver::new(reader, writer);
            let error = line.run(driver, pool).await.unwrap_err();
            unreachable!("the line ends: {error}");
        });
        let wire = wires[n].clone();
        End {
            host,
            id,
            port,
            wire,
        }
    })
}

/// What a link is, and which versions of IP it carries.
type Form = (fn(u8) -> Capabilities, &'static [usize]);

/// The links on which the tests run.
fn forms() -> [Form; 3] {
    [
        (|_| Capabilities::ip(USUAL_MTU), &[0]),
        (|_| Capabilities::ip(1500), &[0, 1]),
        (|n| Capabilities::ethernet([2, 0, 0, 0, 0, n]), &[0, 1]),
    ]
}

/// Sends so many bytes each way over one connection from the first host to the second.
fn transfer(net: &Network, ends: &[End; 2], to: SocketAddr, length: usize) {
    let sent: Vec<u8> = (0..length).map(|n| (n / 3) as u8).collect();
    let listener = TcpListener::bind(ends[1].host.stack(), to, 1).unwrap();
    let client = net.block_on(TcpSocket::connect(ends[0].host.stack(), to));
    let (mut client, mut server) = (client.unwrap(), net.block_on(listener.accept()));
    let echo = net.spawn(async move {
        let mut bytes = [0; 500];
        loop {
            match server.read(&mut bytes).await.unwrap() {
                0 => break,
                length => server.write_all(&bytes[..length]).await.unwrap(),
            }
        }
        server.shutdown();
    });
    let mut received = vec![0; sent.len()];
    let talk = async {
        let (mut reader, mut writer) = client.split();
        let ((), read) = embassy_futures::join::join(
            async {
                writer.write_all(&sent).await.unwrap();
                writer.shutdown();
            },
            reader.read_exact(&mut received),
        )
        .await;
        read.unwrap();
    };
    net.block_on(talk);
    assert!(received == sent);
    net.run_for(secs(1));
    assert!(echo.is_done());
    drop((client, listener));
    net.run_for(secs(600));
}

#[test]
fn slip_carries_pings_and_streams_in_both_forms_and_versions() {
    for (capabilities, versions) in forms() {
        let net = Network::new(1);
        let ends = joined(&net, capabilities);
        net.settle();
        for &version in versions {
            let to: IpAddr = ADDRESSES[version][1].parse().unwrap();
            let ping = ends[0].host.ping();
            // Octets that are escaped are among them.
            let data: Vec<u8> = (0..500).map(|n| (n % 256) as u8).collect();
            net.block_on(ping.ping(to, 1, &data, secs(5))).unwrap();
            drop(ping);
            transfer(&net, &ends, (to, 7).into(), 60_000);
        }
        for end in &ends {
            assert_eq!(end.port.stats().receive_errors, 0);
            assert_eq!(end.drops(), 0);
            end.check();
        }
    }
}

#[test]
fn slip_stream_survives_noise_on_the_line() {
    for (capabilities, versions) in forms() {
        let net = Network::new(2);
        let ends = joined(&net, capabilities);
        for end in &ends {
            end.wire.0.borrow_mut().noise = 30_011;
        }
        for &version in versions {
            let to = ADDRESSES[version][1].parse().unwrap();
            transfer(&net, &ends, SocketAddr::new(to, 7), 200_000);
        }
        // Sums found what the noise had done.
        assert!(
            ends.iter()
                .any(|end| end.counters().all_receive_drops() > 0)
        );
        ends.iter().for_each(End::check);
    }
}

#[test]
fn slip_noise_between_frames_is_dropped_and_the_next_packet_is_good() {
    let noises: [&[u8]; 5] = [
        &[0xff; 7],
        &[219],
        &[219, 7],
        &[192, 192, 0x45, 0, 1],
        &[0x61; 3000],
    ];
    for noise in noises {
        let net = Network::new(3);
        let ends = joined(&net, |_| Capabilities::ip(1500));
        net.settle();
        net.run_for(secs(10));
        ends[1].wire.disturb(noise);
        net.settle();
        let ping = ends[0].host.ping();
        let to = ADDRESSES[0][1].parse().unwrap();
        net.block_on(ping.ping(to, 1, b"clear", secs(1))).unwrap();
        let lost = ends[1].port.stats().receive_errors;
        assert_eq!(lost + ends[1].drops(), 1, "{:?}", ends[1].counters());
        ends[1].check();
    }
}

#[test]
fn slip_line_with_the_usual_mtu_has_no_ipv6() {
    let net = Network::new(4);
    let ends = joined(&net, |_| Capabilities::ip(USUAL_MTU));
    net.settle();
    let socket = ends[0].host.udp("[::]:0");
    let to = SocketAddr::new(ADDRESSES[1][1].parse().unwrap(), 7);
    assert!(socket.try_send_to(b"none", Some(to)).is_err());
    let to = SocketAddr::new(ADDRESSES[0][1].parse().unwrap(), 7);
    let received = ends[1].counters().received;
    socket.try_send_to(b"some", Some(to)).unwrap();
    net.settle();
    assert_eq!(ends[1].counters().received, received + 1);
}
