//! What a server sends over UDP.

use core::net::SocketAddr;

use heapless::Vec;

use super::ZperfServer;
use crate::config::ZPERF_SESSIONS;
use crate::proto::waiting::until;
use crate::proto::zperf::message::Summary;
use crate::proto::zperf::meter::{Meter, Observer};
use crate::proto::zperf::result::{End, Flow};
use crate::proto::zperf::udp_send::{Plan, Sender};
use crate::socket::{SendError, UdpBind, UdpSocket};
use crate::stack::waiters::WaitKey;

/// Something that is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    /// From where: the port 0 stands for any.
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) plan: Plan,
    pub(super) traffic_class: u8,
    /// Whether the client tells what has come.
    pub(super) is_answered: bool,
    pub(super) state: State,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It begins when all has come from this client.
    After(SocketAddr),
    Waits,
    Runs,
}

pub(super) type Jobs = Vec<Job, ZPERF_SESSIONS>;

impl ZperfServer<'_> {
    /// Looks at the jobs, and wakes who waits for one.
    pub(super) fn with_jobs<R>(&self, work: impl FnOnce(&mut Jobs) -> R) -> R {
        let mut jobs = self.jobs.take();
        let result = work(&mut jobs);
        self.jobs.set(jobs);
        self.stack.visit(|core| core.waiters.wake(WaitKey::ZPERF));
        result
    }

    /// Does one job after the other.
    pub(super) async fn send_back(&self, observer: Observer<'_>) -> core::convert::Infallible {
        loop {
            let job = until(self.stack, WaitKey::ZPERF, || self.next_job()).await;
            let _: Result<(), SendError> = self.send_one(&job, observer).await;
            self.with_jobs(|jobs| jobs.retain(|other| other.to != job.to));
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut jobs = self.jobs.take();
        let next = jobs.iter_mut().find(|job| job.state == State::Waits);
        let next = next.map(|job| {
            job.state = State::Runs;
            *job
        });
        self.jobs.set(jobs);
        next
    }

    async fn send_one(&self, job: &Job, observer: Observer<'_>) -> Result<(), SendError> {
        let bind = UdpBind::new(job.from).reuse(job.from.port() != 0);
        let Ok(socket) = UdpSocket::bind(self.stack, bind) else {
            self.count(|counters| &mut counters.refused);
            return Ok(());
        };
        socket.connect(job.to)?;
        socket.set_traffic_class(job.traffic_class);
        self.count(|counters| &mut counters.sessions);
        let sender = Sender {
            stack: self.stack,
            socket: &socket,
            group: None,
            plan: job.plan,
            request: None,
        };
        let (interval, now) = (self.config.interval, self.stack.now());
        let mut meter = Meter::new(observer, (job.to, Flow::Sent), interval, now);
        let (mut sent, result) = sender.run(&mut meter).await;
        let end = match result {
            Ok(()) => {
                // What the client says is for it to know.
                let _: Option<Summary> = sender.finish(&mut sent, job.is_answered).await;
                End::Complete
            }
            Err(_) => End::Broken,
        };
        meter.finish(sent, end);
        Ok(())
    }
}
