//! Clients over UDP: a table of those that send, and futures for those that are sent to.

use core::net::{IpAddr, SocketAddr};
use core::pin::pin;

use embassy_futures::join::join_array;
use embassy_futures::select::{Either, select};
use heapless::Vec;

use super::back::{Job, State};
use super::{ZperfServer, ZperfServerError};
use crate::config::ZPERF_SESSIONS;
use crate::ip::Unreachable;
use crate::netbuf::NetBuf;
use crate::proto::deadline::before;
use crate::proto::zperf::PATIENCE;
use crate::proto::zperf::message::{
    Flags, NUMBER_LENGTH, Numbered, REQUEST_LENGTH, Request, Tests,
};
use crate::proto::zperf::meter::{Meter, Observer};
use crate::proto::zperf::result::{End, Flow, Report};
use crate::proto::zperf::udp_receive::{Came, REPORTS, Reception};
use crate::socket::{RecvInfo, UdpBind, UdpSocket};
use crate::time::{Duration, Instant};

/// For so long a client that has not got its report may ask for it again: iperf asks for two seconds.
const LINGER: Duration = Duration::from_secs(3);

/// A client that sends.
struct Session<'o> {
    peer: SocketAddr,
    /// The address that it sends to.
    local: IpAddr,
    reception: Reception,
    meter: Meter<'o>,
    /// When it said that there is no more.
    ended: Option<Instant>,
    /// Reports that it has got.
    reports: u8,
    /// Whether it gets reports at all.
    is_answered: bool,
}

type Sessions<'o> = Vec<Session<'o>, ZPERF_SESSIONS>;

impl Session<'_> {
    /// When something is to be done though nothing comes.
    fn deadline(&self) -> Instant {
        match self.ended {
            Some(ended) => ended + LINGER,
            None => self.meter.next().min(self.reception.heard + PATIENCE),
        }
    }
}

impl ZperfServer<'_> {
    /// Serves over UDP, for ever. `observer` is told of each interval, and of each transfer at its
    /// end.
    ///
    /// # Errors
    ///
    /// As the error says, if the port or the group cannot be had: otherwise it does not end.
    pub async fn udp(&self, observer: &dyn Fn(&Report)) -> Result<(), ZperfServerError> {
        // What is sent back to a client comes from a socket of its own, by the same port.
        let bind = UdpBind::new(self.config.local).reuse(true);
        let socket = UdpSocket::bind(self.stack, bind).map_err(ZperfServerError::Bind)?;
        #[cfg(feature = "multicast")]
        if let Some((group, interface)) = self.config.group {
            let joined = socket.join(group, interface);
            joined.map_err(ZperfServerError::Group)?;
        }
        let back: [_; ZPERF_SESSIONS] = core::array::from_fn(|_| self.send_back(observer));
        match select(self.receive(&socket, observer), join_array(back)).await {
            Either::First(never) => match never {},
            Either::Second([never, ..]) => match never {},
        }
    }

    async fn receive(
        &self,
        socket: &UdpSocket<'_>,
        observer: Observer<'_>,
    ) -> core::convert::Infallible {
        let mut sessions = Sessions::new();
        loop {
            let deadlines = sessions.iter().map(Session::deadline);
            let deadline = deadlines.min().unwrap_or(Instant::MAX);
            // The socket has no peer, and so hears of no errors.
            let _: Option<Result<(), Unreachable>> =
                before(self.stack, deadline, pin!(socket.readable())).await;
            while let Some((buf, info)) = socket.try_recv() {
                self.take(&mut sessions, socket, (&buf, &info), observer);
            }
            self.pass_time(&mut sessions);
        }
    }

    /// Tells of intervals, and forgets who is gone.
    fn pass_time(&self, sessions: &mut Sessions<'_>) {
        let now = self.stack.now();
        sessions.retain_mut(|session| {
            if session.ended.is_some() {
                return now < session.deadline();
            }
            let Session {
                meter, reception, ..
            } = session;
            meter.tick(now, || reception.total());
            let is_there = now < reception.heard + PATIENCE;
            if !is_there {
                meter.finish(reception.total(), End::Silent);
                let peer = session.peer;
                // What was to follow does not.
                self.with_jobs(|jobs| jobs.retain(|job| job.state != State::After(peer)));
            }
            is_there
        });
    }

    /// A datagram has come.
    fn take<'o>(
        &self,
        sessions: &mut Sessions<'o>,
        socket: &UdpSocket<'_>,
        (buf, info): (&NetBuf, &RecvInfo),
        observer: Observer<'o>,
    ) {
        let mut beginning = [0; NUMBER_LENGTH + REQUEST_LENGTH];
        let length = buf.read(0, &mut beginning);
        let beginning = beginning.get(..length).unwrap_or(&[]);
        let Some(numbered) = Numbered::new(beginning) else {
            self.count(|counters| &mut counters.malformed);
            return;
        };
        let request = beginning.get(NUMBER_LENGTH..).and_then(Request::new);
        let wide = request.is_some_and(|request| request.flags().contains(Flags::WIDE));
        let number = numbered.number(wide);
        let is_first = (0..=1).contains(&number);
        let place = |sessions: &Sessions<'_>| {
            let mut all = sessions.iter();
            all.position(|known| (known.peer, known.local) == (info.source, info.destination))
        };
        let mut known = place(sessions);
        // The same client begins anew.
        if let Some(at) = known
            && is_first
            && forget_ended(sessions, at)
        {
            known = None;
        }
        let at = match known {
            Some(at) => at,
            None if number < 0 => {
                self.count(|counters| &mut counters.stray);
                return;
            }
            None => match self.begin(sessions, (info, request.as_ref()), wide, observer) {
                Some(at) => at,
                None => return,
            },
        };
        if let Some(session) = sessions.get_mut(at) {
            self.take_of(session, socket, (beginning, buf.len()), info);
        }
    }

    /// A datagram of a client that is known.
    fn take_of(
        &self,
        session: &mut Session<'_>,
        socket: &UdpSocket<'_>,
        (beginning, length): (&[u8], usize),
        info: &RecvInfo,
    ) {
        let now = self.stack.now();
        if session.ended.is_none() {
            match session.reception.take(beginning, length, now) {
                Came::Last => {}
                Came::Data => return,
                Came::Malformed => return self.count(|counters| &mut counters.malformed),
            }
            let total = session.reception.total();
            session.meter.finish(total, End::Complete);
            session.ended = Some(now);
            let peer = session.peer;
            self.with_jobs(|jobs| {
                let follow = jobs
                    .iter_mut()
                    .filter(|job| job.state == State::After(peer));
                follow.for_each(|job| job.state = State::Waits);
            });
        } else {
            self.count(|counters| &mut counters.stray);
        }
        // The client is silent when it has got it, or asks again.
        if session.is_answered && session.reports < REPORTS {
            session.reports += 1;
            let report = session.reception.summary().report();
            if socket.try_reply_to(&report, info).is_err() {
                self.count(|counters| &mut counters.not_sent);
            }
        }
    }

    /// A client begins: it has a place from now on, unless it is only sent to, or there is none.
    fn begin<'o>(
        &self,
        sessions: &mut Sessions<'o>,
        (info, request): (&RecvInfo, Option<&Request<'_>>),
        wide: bool,
        observer: Observer<'o>,
    ) -> Option<usize> {
        let flags = request.map_or(Flags::empty(), Request::flags);
        let tests = request.map_or(Tests::empty(), Request::tests);
        let is_group = info.destination.is_multicast();
        if let Some(request) = request {
            let is_reverse = flags.contains(Flags::VERSION2) && tests.contains(Tests::REVERSE);
            let is_both = flags.contains(Flags::VERSION1) && !flags.contains(Flags::VERSION2);
            let is_allowed = self.config.sends_datagrams && !is_group;
            match is_reverse || is_both {
                false => {}
                true if is_allowed => self.add_job(info, request, is_reverse),
                true => self.count(|counters| &mut counters.refused),
            }
            if is_reverse {
                return None;
            }
        }
        make_room(sessions);
        let now = self.stack.now();
        let peer = info.source;
        let interval = self.config.interval;
        let session = Session {
            peer,
            local: info.destination,
            reception: Reception::new(wide, self.config.epoch, now),
            meter: Meter::new(observer, (peer, Flow::Received), interval, now),
            ended: None,
            reports: 0,
            is_answered: !is_group && !tests.contains(Tests::NO_REPORT),
        };
        match sessions.push(session) {
            Ok(()) => {
                self.count(|counters| &mut counters.sessions);
                Some(sessions.len() - 1)
            }
            Err(_) => {
                self.count(|counters| &mut counters.full);
                None
            }
        }
    }

    /// Sends what is asked for: to where it is asked from, or to another port there. Who asks again,
    /// because nothing has come yet, gets it once.
    fn add_job(&self, info: &RecvInfo, request: &Request<'_>, is_reverse: bool) {
        let (from, to) = match (is_reverse, request.port()) {
            (true, _) => {
                let from = SocketAddr::new(info.destination, self.config.local.port());
                (from, info.source)
            }
            (false, Some(port)) => {
                let mut to = info.source;
                to.set_port(port);
                (SocketAddr::new(info.destination, 0), to)
            }
            (false, None) => return self.count(|counters| &mut counters.malformed),
        };
        let is_now = is_reverse || request.flags().contains(Flags::RUN_NOW);
        let job = Job {
            from,
            to,
            plan: self.plan(request),
            traffic_class: request.traffic_class(),
            is_answered: !is_reverse,
            state: match is_now {
                true => State::Waits,
                false => State::After(info.source),
            },
        };
        let is_full = self.with_jobs(|jobs| {
            let is_known = jobs.iter().any(|known| known.to == to);
            !is_known && jobs.push(job).is_err()
        });
        if is_full {
            self.count(|counters| &mut counters.full);
        }
    }
}

/// Forgets who ended first, if all places are taken.
fn make_room(sessions: &mut Sessions<'_>) {
    if !sessions.is_full() {
        return;
    }
    let ended = sessions.iter().enumerate();
    let ended = ended.filter_map(|(at, session)| Some((session.ended?, at)));
    if let Some((_, at)) = ended.min() {
        let _: bool = forget_ended(sessions, at);
    }
}

/// Forgets the client at this place, if it has ended; says whether it had.
fn forget_ended(sessions: &mut Sessions<'_>, at: usize) -> bool {
    let has_ended = |session: &Session<'_>| session.ended.is_some();
    if !sessions.get(at).is_some_and(has_ended) {
        return false;
    }
    let mut place = 0;
    sessions.retain(|_| {
        place += 1;
        place != at + 1
    });
    true
}
