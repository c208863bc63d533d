//! Clients over TCP: each has a future of its own.

use core::net::SocketAddr;
use core::pin::pin;

use embassy_futures::join::{join, join_array};
use embedded_io_async::Write;

use super::{ZperfServer, ZperfServerError};
use crate::config::ZPERF_SESSIONS;
use crate::proto::deadline::before;
use crate::proto::zperf::message::{
    Flags, NUMBER_LENGTH, REQUEST_LENGTH, Request, Tests, acknowledgment,
};
use crate::proto::zperf::meter::{Meter, Observer};
use crate::proto::zperf::result::{End, Flow, Report};
use crate::proto::zperf::stream::{drain, ended, receive, send};
use crate::proto::zperf::{PATIENCE, time_of};
use crate::socket::{TcpError, TcpListener, TcpReader, TcpSocket, TcpWriter};
use crate::time::{Duration, Instant};

/// How long a client has to say what it wants: as long as iperf gives it.
const REQUEST_TIME: Duration = Duration::from_secs(4);
/// The request, and when it was sent (`client_hdrext_starttime_fq`).
const TIMED_LENGTH: usize = REQUEST_LENGTH + 20;

/// What a client says before its data.
struct Opening {
    bytes: [u8; TIMED_LENGTH],
    length: usize,
    /// Bytes that have come so far.
    came: u64,
}

impl Opening {
    fn request(&self) -> Option<Request<'_>> {
        Request::new(self.bytes.get(..self.length).unwrap_or(&[]))
    }

    /// What has been said of the flags, once they are there.
    fn flags(&self) -> Option<Flags> {
        let flags = self.bytes.first_chunk().filter(|_| self.length >= 4)?;
        Some(Flags::from_bits_retain(u32::from_be_bytes(*flags)))
    }

    fn is_whole(&self) -> bool {
        let wanted = self.flags().map(Request::length);
        wanted.is_some_and(|wanted| self.length >= wanted.min(TIMED_LENGTH))
    }

    /// When the request was sent, if it says so.
    fn sent(&self) -> Duration {
        let time = self.bytes.last_chunk::<NUMBER_LENGTH>();
        let secs = time.map_or(0, |time| {
            u32::from_be_bytes([time[0], time[1], time[2], time[3]])
        });
        let micros = time.map_or(0, |time| {
            u32::from_be_bytes([time[4], time[5], time[6], time[7]])
        });
        Duration::from_secs(secs.into()) + Duration::from_micros(micros.into())
    }
}

impl ZperfServer<'_> {
    /// Serves over TCP, for ever. `observer` is told of each interval, and of each direction of a
    /// connection at its end.
    ///
    /// # Errors
    ///
    /// As the error says, if the port cannot be had: otherwise it does not end.
    pub async fn tcp(&self, observer: &dyn Fn(&Report)) -> Result<(), ZperfServerError> {
        let backlog = ZPERF_SESSIONS as u16;
        let listener = TcpListener::bind(self.stack, self.config.local, backlog);
        let listener = listener.map_err(ZperfServerError::Listen)?;
        let clients = core::array::from_fn(|_| self.accept(&listener, observer));
        let [never, ..] = join_array::<_, ZPERF_SESSIONS>(clients).await;
        match never {}
    }

    async fn accept(
        &self,
        listener: &TcpListener<'_>,
        observer: Observer<'_>,
    ) -> core::convert::Infallible {
        loop {
            let mut socket = listener.accept().await;
            let Some(peer) = socket.peer_addr() else {
                continue;
            };
            let (mut reader, mut writer) = socket.split();
            if !self.serve(&mut reader, &mut writer, peer, observer).await {
                socket.abort();
            }
        }
    }

    /// Serves one client; says whether that came to a good end.
    async fn serve(
        &self,
        reader: &mut TcpReader<'_, '_>,
        writer: &mut TcpWriter<'_, '_>,
        peer: SocketAddr,
        observer: Observer<'_>,
    ) -> bool {
        let begun = self.stack.now();
        let Some(opening) = self.open(reader, begun).await else {
            self.count(|counters| &mut counters.malformed);
            return false;
        };
        let flags = opening.flags().unwrap_or(Flags::empty());
        let request = opening.request();
        let is_bounce_back = flags.contains(Flags::BOUNCE_BACK);
        let has_key = request.is_some() && flags.contains(Flags::KEY);
        if is_bounce_back || has_key {
            self.count(|counters| &mut counters.refused);
            return false;
        }
        if let Some(request) = &request
            && request.wants_acknowledgment()
        {
            let is_timed = request.tests().contains(Tests::TRIP_TIMES);
            let time = |at| time_of(self.config.epoch, at);
            let times = [opening.sent(), time(begun), time(self.stack.now())];
            let (answer, length) = acknowledgment(is_timed.then_some(times));
            let answer = answer.get(..length).unwrap_or(&answer);
            if writer.write_all(answer).await.is_err() {
                return false;
            }
        }
        let meter = |flow| Meter::new(observer, (peer, flow), self.config.interval, begun);
        let (mut sends, mut receives) = (meter(Flow::Sent), meter(Flow::Received));
        let came = opening.came;
        let mode = request.as_ref().map_or(Mode::Receives, Mode::of);
        let Some(request) = request.filter(|_| mode != Mode::Receives) else {
            return self.receive_from(reader, came, &mut receives).await;
        };
        if !self.config.sends {
            self.count(|counters| &mut counters.refused);
            if mode == Mode::Sends {
                return false;
            }
            return self.receive_from(reader, came, &mut receives).await;
        }
        let plan = self.plan(&request);
        match mode {
            Mode::Receives => true,
            Mode::Sends => {
                self.count(|counters| &mut counters.sessions);
                let (sent, result) = send(self.stack, writer, &plan, 0, &mut sends).await;
                sends.finish(sent, ended(&result));
                drain(self.stack, reader).await;
                result.is_ok()
            }
            Mode::FullDuplex => {
                self.count(|counters| &mut counters.sessions);
                let ((sent, result), good) = join(
                    send(self.stack, writer, &plan, 0, &mut sends),
                    self.receive_from(reader, came, &mut receives),
                )
                .await;
                sends.finish(sent, ended(&result));
                good && result.is_ok()
            }
            Mode::Dual => {
                let back = self.connect_back(peer, &request, observer);
                join(self.receive_from(reader, came, &mut receives), back)
                    .await
                    .0
            }
            Mode::TradeOff => {
                let good = self.receive_from(reader, came, &mut receives).await;
                // The client waits for the end of this connection before it listens.
                writer.shutdown();
                if good {
                    self.connect_back(peer, &request, observer).await;
                }
                good
            }
        }
    }

    async fn receive_from(
        &self,
        reader: &mut TcpReader<'_, '_>,
        came: u64,
        meter: &mut Meter<'_>,
    ) -> bool {
        self.count(|counters| &mut counters.sessions);
        let (received, end) = receive(self.stack, reader, came, Instant::MAX, meter).await;
        meter.finish(received, end);
        end == End::Complete
    }

    /// Reads what the client wants: `None` if it says nothing.
    async fn open(&self, reader: &mut TcpReader<'_, '_>, begun: Instant) -> Option<Opening> {
        let mut opening = Opening {
            bytes: [0; TIMED_LENGTH],
            length: 0,
            came: 0,
        };
        let deadline = begun + REQUEST_TIME;
        while !opening.is_whole() {
            let buf = before(self.stack, deadline, pin!(reader.recv())).await?;
            let Ok(Some(buf)) = buf else {
                break;
            };
            let rest = opening.bytes.get_mut(opening.length..).unwrap_or(&mut []);
            opening.length += buf.read(0, rest);
            opening.came = opening.came.saturating_add(buf.len() as u64);
        }
        (opening.length >= 4).then_some(opening)
    }

    /// Sends to the port where the client waits for it.
    async fn connect_back(&self, peer: SocketAddr, request: &Request<'_>, observer: Observer<'_>) {
        let Some(port) = request.port() else {
            return self.count(|counters| &mut counters.malformed);
        };
        let mut to = peer;
        to.set_port(port);
        let deadline = self.stack.now() + PATIENCE;
        let connect = pin!(TcpSocket::connect(self.stack, to));
        let Some(Ok(mut socket)) = before(self.stack, deadline, connect).await else {
            return self.count(|counters| &mut counters.refused);
        };
        self.count(|counters| &mut counters.sessions);
        socket.set_traffic_class(request.traffic_class());
        let now = self.stack.now();
        let mut meter = Meter::new(observer, (to, Flow::Sent), self.config.interval, now);
        let (mut reader, mut writer) = socket.split();
        let plan = self.plan(request);
        let (sent, result): (_, Result<(), TcpError>) =
            send(self.stack, &mut writer, &plan, 0, &mut meter).await;
        meter.finish(sent, ended(&result));
        drain(self.stack, &mut reader).await;
    }
}

/// What a client wants of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Receives,
    Sends,
    FullDuplex,
    Dual,
    TradeOff,
}

impl Mode {
    fn of(request: &Request<'_>) -> Self {
        let (flags, tests) = (request.flags(), request.tests());
        if flags.contains(Flags::VERSION2) {
            return match tests {
                tests if tests.contains(Tests::REVERSE) => Self::Sends,
                tests if tests.contains(Tests::FULL_DUPLEX) => Self::FullDuplex,
                _ => Self::Receives,
            };
        }
        match flags.contains(Flags::VERSION1) {
            true if flags.contains(Flags::RUN_NOW) => Self::Dual,
            true => Self::TradeOff,
            false => Self::Receives,
        }
    }
}
