//! `dhcpv4`, `dhcpv6`.

use super::{CommandError, Console, Left, Services, Words};
#[cfg(feature = "dhcpv4-client")]
use crate::time::Duration;

/// Whether the leases are to be given back.
fn wants_release<'l>(words: &mut Words<'l>) -> Result<bool, CommandError<'l>> {
    let verb = words.optional();
    words.end()?;
    match verb {
        None => Ok(false),
        Some("release") => Ok(true),
        Some(word) => {
            let wanted = "release";
            Err(CommandError::Wrong { wanted, word })
        }
    }
}

const NO_CLIENT: CommandError<'static> = CommandError::Failed("there is no client");

#[cfg(feature = "dhcpv4-client")]
pub(super) async fn dhcpv4<'l>(
    services: &Services<'_, '_, '_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let wants_release = wants_release(&mut words)?;
    if services.dhcpv4.is_empty() {
        return Err(NO_CLIENT);
    }
    for client in services.dhcpv4 {
        if wants_release {
            client.release();
            continue;
        }
        say!(console, "{:?}\n", client.state());
        if let Some(lease) = client.lease() {
            let (address, length) = (lease.address.address, lease.address.prefix_length);
            let left = Left(client.time_left().unwrap_or(Duration::MAX));
            say!(
                console,
                "  {address}/{length} from {}, {left}\n",
                lease.server
            );
        }
        let counters = client.counters();
        let (sent, acknowledged) = (counters.sent, counters.acknowledged);
        let (stray, conflicts) = (counters.stray, counters.conflicts);
        say!(
            console,
            "  {sent} messages sent, {acknowledged} acknowledged, {stray} stray, "
        );
        say!(console, "{conflicts} conflicts\n");
    }
    Ok(())
}

#[cfg(feature = "dhcpv6-client")]
pub(super) async fn dhcpv6<'l>(
    services: &Services<'_, '_, '_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let wants_release = wants_release(&mut words)?;
    if services.dhcpv6.is_empty() {
        return Err(NO_CLIENT);
    }
    for client in services.dhcpv6 {
        if wants_release {
            client.release();
            continue;
        }
        say!(console, "{:?}\n", client.state());
        for lease in client.leases().iter().flat_map(|leases| &leases.list) {
            let (address, length) = (lease.address, lease.length);
            let (preferred, valid) = (Left(lease.preferred), Left(lease.valid));
            say!(
                console,
                "  {address}/{length}\n    preferred {preferred}, valid {valid}\n"
            );
        }
        let counters = client.counters();
        let (sent, acknowledged) = (counters.sent, counters.acknowledged);
        let stray = counters.stray;
        say!(
            console,
            "  {sent} messages sent, {acknowledged} acknowledged, {stray} stray\n"
        );
    }
    Ok(())
}
