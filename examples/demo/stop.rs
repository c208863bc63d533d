//! When to stop, and what else the operating system gives.

use std::fs::File;
use std::future::pending;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use async_io::{Async, Timer};
use embassy_futures::select::select;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// Ctrl-C, a request to end, or the end of the time given.
pub struct Stop {
    signals: Async<UnixStream>,
    time: Option<Duration>,
}

impl Stop {
    /// From now on the signals no longer end the process.
    pub fn new(time: Option<Duration>) -> io::Result<Self> {
        let (signals, sender) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            let _ = pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Self {
            signals: Async::new(signals)?,
            time,
        })
    }

    /// Waits until it is time to stop.
    pub async fn wait(&self) {
        let end = async {
            match self.time {
                Some(time) => drop(Timer::after(time).await),
                None => pending().await,
            }
        };
        let _ = select(self.signals.readable(), end).await;
    }
}

/// A seed for the random numbers of a stack.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}
