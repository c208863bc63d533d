//! Tests over TCP.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::pin::pin;

use embassy_futures::join::join;
use embedded_io_async::Write;

use super::{Direction, Test, ZperfError, both};
use crate::proto::deadline::before;
use crate::proto::zperf::message::{Flags, REQUEST_LENGTH};
use crate::proto::zperf::meter::{Meter, Observer};
use crate::proto::zperf::result::{End, Flow, Outcome, Report, Transfer};
use crate::proto::zperf::stream::{drain, ended, receive, send};
use crate::socket::{TcpListener, TcpReader, TcpSocket, TcpWriter};
use crate::stack::Stack;

/// Measures over TCP. `observer` is told of each interval, and of each direction at its end.
///
/// # Errors
///
/// As the error says.
pub async fn tcp(
    stack: Stack<'_>,
    test: &Test,
    observer: &dyn Fn(&Report),
) -> Result<Outcome, ZperfError> {
    // The server may connect as soon as it has read the request.
    let listener = match test.direction {
        Direction::Dual | Direction::TradeOff => {
            let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), test.listen);
            let listener = TcpListener::bind(stack, any, 1).map_err(ZperfError::Listen)?;
            Some(listener)
        }
        _ => None,
    };
    let connected = TcpSocket::connect(stack, test.server).await;
    let mut socket = connected.map_err(ZperfError::Connect)?;
    socket.set_traffic_class(test.traffic_class());
    let meter = |flow| Meter::new(observer, (test.server, flow), test.interval, stack.now());
    let (mut sends, mut receives) = (meter(Flow::Sent), meter(Flow::Received));
    let request = test
        .wanted(Flags::empty(), test.rate.unwrap_or(0))
        .request(0);
    socket.write_all(&request).await.map_err(ZperfError::Tcp)?;
    let (mut reader, mut writer) = socket.split();
    let ends = (&mut reader, &mut writer);
    let (sent, received) = match (test.direction, &listener) {
        (Direction::Upload, _) => (Some(upload(stack, test, ends, &mut sends).await?), None),
        (Direction::Download, _) => {
            let end = test.end(stack.now());
            let (received, end) = receive(stack, &mut reader, 0, end, &mut receives).await;
            (None, Some(whole(received, end, &receives)?))
        }
        (Direction::FullDuplex, _) => {
            let end = test.end(stack.now());
            let plan = test.plan(test.rate.unwrap_or(0));
            let (up, down) = join(
                send(stack, &mut writer, &plan, REQUEST_LENGTH as u64, &mut sends),
                receive(stack, &mut reader, 0, end, &mut receives),
            )
            .await;
            let (sent, result) = up;
            sends.finish(sent, ended(&result));
            let received = whole(down.0, down.1, &receives)?;
            result.map_err(ZperfError::Tcp)?;
            (Some(sent), Some(received))
        }
        (Direction::Dual, Some(listener)) => {
            let sends = upload(stack, test, ends, &mut sends);
            let (sent, received) = both(sends, back(stack, test, listener, observer)).await?;
            (Some(sent), Some(received))
        }
        (Direction::TradeOff, Some(listener)) => {
            let sent = upload(stack, test, ends, &mut sends).await?;
            (
                Some(sent),
                Some(back(stack, test, listener, observer).await?),
            )
        }
        (Direction::Dual | Direction::TradeOff, None) => return Err(ZperfError::Direction),
    };
    Ok(Outcome {
        sent,
        received,
        server: None,
    })
}

async fn upload(
    stack: Stack<'_>,
    test: &Test,
    (reader, writer): (&mut TcpReader<'_, '_>, &mut TcpWriter<'_, '_>),
    meter: &mut Meter<'_>,
) -> Result<Transfer, ZperfError> {
    let plan = test.plan(test.rate.unwrap_or(0));
    let (sent, result) = send(stack, writer, &plan, REQUEST_LENGTH as u64, meter).await;
    meter.finish(sent, ended(&result));
    result.map_err(ZperfError::Tcp)?;
    // The server ends when it has read all of it, and has said before that it knows the request.
    drain(stack, reader).await;
    Ok(sent)
}

/// Receives what the server sends by a connection of its own.
async fn back(
    stack: Stack<'_>,
    test: &Test,
    listener: &TcpListener<'_>,
    observer: Observer<'_>,
) -> Result<Transfer, ZperfError> {
    let end = test.end(stack.now());
    let accepted = pin!(async {
        loop {
            let socket = listener.accept().await;
            let peer = socket.peer_addr().map(|peer| peer.ip());
            if peer == Some(test.server.ip()) {
                return socket;
            }
            socket.abort();
        }
    });
    let accepted = before(stack, end, accepted).await;
    let mut socket = accepted.ok_or(ZperfError::Silent)?;
    let peer = (test.server, Flow::Received);
    let mut meter = Meter::new(observer, peer, test.interval, stack.now());
    let (mut reader, _) = socket.split();
    let (received, end) = receive(stack, &mut reader, 0, end, &mut meter).await;
    whole(received, end, &meter)
}

/// What has come, if anything has.
fn whole(received: Transfer, end: End, meter: &Meter<'_>) -> Result<Transfer, ZperfError> {
    meter.finish(received, end);
    match received.bytes {
        0 => Err(ZperfError::Silent),
        _ => Ok(received),
    }
}
