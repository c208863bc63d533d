//! `ping`.

use core::net::IpAddr;

use super::{CommandError, Console, Services, Words};
use crate::socket::Ping;
use crate::stack::Stack;
use crate::time::Duration;

/// The longest data.
const LONGEST: usize = 1024;
static DATA: [u8; LONGEST] = [0x5a; LONGEST];

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn ping<'l>(
    stack: Stack<'_>,
    services: &Services<'_, '_, '_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let (mut count, mut size, mut pause) = (4u16, 56, 1000);
    let mut interface = None;
    let host = loop {
        match words.word()? {
            "-c" => count = words.value("a number of requests")?,
            "-s" => size = words.value("a number of bytes")?,
            "-i" => pause = words.value("a number of milliseconds")?,
            "-I" => interface = Some(words.interface(stack)?),
            host => break host,
        }
    };
    words.end()?;
    let data = DATA.get(..size);
    let data = data.ok_or(CommandError::Failed("there are 1,024 bytes at most"))?;
    let address = address(services, host).await?;
    let mut ping = Ping::new(stack).map_err(|_| CommandError::Failed("all pingers are in use"))?;
    ping.set_interface(interface);
    say!(console, "{size} bytes to {address}\n");
    let mut times = Times::NONE;
    for sequence in 1..=count {
        let begun = stack.now();
        match ping.ping(address, sequence, data, TIMEOUT).await {
            Ok(time) => {
                times.add(time);
                say!(console, "{address}: {sequence} took {}\n", Millis(time));
            }
            Err(why) => say!(console, "{address}: {sequence} {why}\n"),
        }
        if sequence < count {
            stack
                .sleep_until(begun + Duration::from_millis(pause))
                .await;
        }
    }
    let answers = times.count;
    say!(console, "{count} sent, {answers} answered");
    if answers > 0 {
        let mean = Duration::from_micros(times.sum.as_micros() / u64::from(answers));
        let (least, most) = (Millis(times.least), Millis(times.most));
        say!(
            console,
            ", took {least} at least, {} on average, {most} at most",
            Millis(mean)
        );
    }
    say!(console, "\n");
    Ok(())
}

#[cfg_attr(not(feature = "dns"), allow(clippy::unused_async))]
async fn address<'l>(
    services: &Services<'_, '_, '_>,
    host: &'l str,
) -> Result<IpAddr, CommandError<'l>> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    #[cfg(feature = "dns")]
    if let Some(resolver) = services.resolver {
        let found = resolver.lookup_host(host, Default::default()).await;
        if let Some(address) = found.ok().and_then(|found| found.first().copied()) {
            return Ok(address);
        }
    }
    let _ = services;
    Err(CommandError::Wrong {
        wanted: "an address, nor a name that has one",
        word: host,
    })
}

struct Times {
    count: u32,
    sum: Duration,
    least: Duration,
    most: Duration,
}

impl Times {
    const NONE: Self = Self {
        count: 0,
        sum: Duration::ZERO,
        least: Duration::MAX,
        most: Duration::ZERO,
    };

    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.sum = self.sum + time;
        self.least = self.least.min(time);
        self.most = self.most.max(time);
    }
}

struct Millis(Duration);

impl core::fmt::Display for Millis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03} ms", micros / 1000, micros % 1000)
    }
}
