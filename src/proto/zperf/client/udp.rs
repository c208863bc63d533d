//! Tests over UDP.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Direction, Test, ZperfError, both};
use crate::proto::zperf::message::{Flags, NUMBER_LENGTH, Summary};
use crate::proto::zperf::meter::{Meter, Observer};
use crate::proto::zperf::result::{Datagrams, End, Flow, Outcome, Report, Transfer};
use crate::proto::zperf::udp_receive::{Receiver, ended};
use crate::proto::zperf::udp_send::Sender;
use crate::socket::UdpSocket;
use crate::stack::Stack;

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// Bits per second, where nothing is said.
const USUAL: u64 = 1_000_000;
/// What a server is asked for that is to send as fast as it goes: to iperf 0 is no rate at all.
const FASTEST: u64 = 10_000_000_000;

/// Measures over UDP. `observer` is told of each interval, and of each direction at its end.
///
/// # Errors
///
/// As the error says. That the server does not say what has come is none:
/// [`Outcome::server`] is `None` then.
pub async fn udp(
    stack: Stack<'_>,
    test: &Test,
    observer: &dyn Fn(&Report),
) -> Result<Outcome, ZperfError> {
    let is_group = test.server.ip().is_multicast();
    match test.direction {
        Direction::FullDuplex => return Err(ZperfError::Direction),
        Direction::Upload => {}
        _ if is_group => return Err(ZperfError::Direction),
        _ => {}
    }
    let socket = UdpSocket::bind(stack, SocketAddr::new(ANY, 0))?;
    match is_group {
        true => {
            socket.set_multicast_hop_limit(test.multicast_hop_limit);
            socket.set_multicast_interface(test.interface);
        }
        false => socket.connect(test.server)?,
    }
    socket.set_traffic_class(test.traffic_class());
    let flags = match test.direction {
        Direction::Download => Flags::WIDE | Flags::UDP_TESTS,
        _ => Flags::WIDE,
    };
    let rate = test.rate.unwrap_or(USUAL);
    let asked = match rate {
        0 => FASTEST,
        rate => rate,
    };
    let request = test.wanted(flags, asked).request(NUMBER_LENGTH);
    let sender = Sender {
        stack,
        socket: &socket,
        group: is_group.then_some(test.server),
        plan: test.plan(rate),
        request: Some(request),
    };
    match test.direction {
        Direction::Upload | Direction::FullDuplex => upload(test, &sender, observer).await,
        Direction::Download => {
            let received = download(test, &sender, observer).await?;
            Ok(Outcome {
                received: Some(received),
                ..Outcome::default()
            })
        }
        Direction::Dual | Direction::TradeOff => {
            let back = UdpSocket::bind(stack, SocketAddr::new(ANY, test.listen))?;
            let (outcome, received) = match test.direction {
                Direction::Dual => {
                    let sends = upload(test, &sender, observer);
                    both(sends, receive(stack, test, &back, observer)).await?
                }
                _ => {
                    let outcome = upload(test, &sender, observer).await?;
                    (outcome, receive(stack, test, &back, observer).await?)
                }
            };
            Ok(Outcome {
                received: Some(received),
                ..outcome
            })
        }
    }
}

async fn upload(
    test: &Test,
    sender: &Sender<'_, '_>,
    observer: Observer<'_>,
) -> Result<Outcome, ZperfError> {
    let now = sender.stack.now();
    let mut meter = Meter::new(observer, (test.server, Flow::Sent), test.interval, now);
    let (mut sent, result) = sender.run(&mut meter).await;
    let summary = match result {
        Ok(()) => sender.finish(&mut sent, sender.group.is_none()).await,
        Err(error) => {
            meter.finish(sent, End::Broken);
            return Err(error.into());
        }
    };
    meter.finish(sent, End::Complete);
    Ok(Outcome {
        sent: Some(sent),
        server: summary.map(of_server),
        received: None,
    })
}

fn of_server(summary: Summary) -> Transfer {
    Transfer {
        time: summary.time,
        bytes: summary.bytes,
        datagrams: Some(Datagrams {
            sent: summary.datagrams,
            lost: summary.lost,
            reordered: summary.reordered,
            duplicates: 0,
            jitter: summary.jitter,
            transit: summary.transit,
        }),
    }
}

/// Has the server send to the port that it is asked from. It wants no report.
async fn download(
    test: &Test,
    sender: &Sender<'_, '_>,
    observer: Observer<'_>,
) -> Result<Transfer, ZperfError> {
    let (stack, now) = (sender.stack, sender.stack.now());
    let mut meter = Meter::new(observer, (test.server, Flow::Received), test.interval, now);
    let receiver = Receiver {
        stack,
        socket: sender.socket,
        from: test.server.ip(),
        epoch: test.epoch,
        end: test.end(now),
    };
    let (reception, result) = receiver.run(Some(sender), &mut meter).await;
    let received = reception.total();
    meter.finish(received, ended(&result));
    match (received.bytes, result) {
        (0, Err(error)) => Err(error.into()),
        (0, Ok(_)) => Err(ZperfError::Silent),
        _ => Ok(received),
    }
}

/// Receives what the server sends to a port of its own, and tells it what has come.
async fn receive<'a>(
    stack: Stack<'a>,
    test: &Test,
    socket: &UdpSocket<'a>,
    observer: Observer<'_>,
) -> Result<Transfer, ZperfError> {
    let now = stack.now();
    let mut meter = Meter::new(observer, (test.server, Flow::Received), test.interval, now);
    let receiver = Receiver {
        stack,
        socket,
        from: test.server.ip(),
        epoch: test.epoch,
        end: test.end(now),
    };
    let (reception, result) = receiver.run(None, &mut meter).await;
    let received = reception.total();
    meter.finish(received, ended(&result));
    if let Ok(Some(last)) = result {
        receiver.answer(&reception, last).await;
    }
    match received.bytes {
        0 => Err(ZperfError::Silent),
        _ => Ok(received),
    }
}
