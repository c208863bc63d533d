//! `sntp`.

use core::net::SocketAddr;

use super::{CommandError, Console, Services, Words};
use crate::proto::sntp::Sample;

/// The port of time servers (RFC 4330 §4).
const PORT: u16 = 123;

pub(super) async fn sntp<'l>(
    services: &Services<'_, '_, '_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let server = words.optional_value("an address")?;
    let port = words.optional_value("a port")?;
    words.end()?;
    let client = services.sntp;
    let client = client.ok_or(CommandError::Failed("there is no client"))?;
    if let Some(address) = server {
        let server = SocketAddr::new(address, port.unwrap_or(PORT));
        match client.query(server).await {
            Ok(sample) => show(&sample, console).await,
            Err(why) => say!(console, "sntp: {why}\n"),
        }
        return Ok(());
    }
    match client.now() {
        Some(time) => say!(console, "{time}\n"),
        None => say!(console, "the time is not known\n"),
    }
    if let Some(sample) = client.last() {
        show(&sample, console).await;
    }
    let counters = client.counters();
    let (requests, samples, timeouts) = (counters.requests, counters.samples, counters.timeouts);
    say!(
        console,
        "{requests} requests, {samples} told the time, {timeouts} were not answered\n"
    );
    Ok(())
}

async fn show(sample: &Sample, console: &Console<'_>) {
    let (time, stratum, delay) = (sample.time, sample.stratum, sample.delay);
    say!(console, "{time}, stratum {stratum}, delay {delay}");
    if let Some(offset) = sample.offset {
        say!(console, ", {offset} us ahead of ours");
    }
    say!(console, "\n");
}
