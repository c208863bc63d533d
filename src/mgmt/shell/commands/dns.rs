//! `dns`.

use core::net::IpAddr;

use super::{CommandError, Console, Services, Words};
use crate::proto::dns::{Family, Resolver};
use crate::stack::Stack;

pub(super) async fn dns<'l>(
    stack: Stack<'_>,
    services: &Services<'_, '_, '_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let host = words.word()?;
    let version = words.optional();
    words.end()?;
    if host == "servers" {
        #[cfg(names)]
        for id in stack.interfaces() {
            for server in stack.name_servers(id) {
                say!(console, "{:<15} {server}\n", super::name(stack, id));
            }
        }
        let _ = stack;
        return Ok(());
    }
    let resolver = services.resolver;
    let resolver = resolver.ok_or(CommandError::Failed("there is no resolver"))?;
    match host {
        "flush" => resolver.clear_cache(),
        "stats" => stats(resolver, console).await,
        _ => {
            let family = match version {
                None => Family::Any,
                Some("4") => Family::V4,
                Some("6") => Family::V6,
                Some(word) => {
                    let wanted = "4 or 6";
                    return Err(CommandError::Wrong { wanted, word });
                }
            };
            look_up(resolver, host, family, console).await;
        }
    }
    Ok(())
}

async fn look_up(resolver: &Resolver<'_>, host: &str, family: Family, console: &Console<'_>) {
    let failed = match host.parse::<IpAddr>() {
        Ok(address) => match resolver.lookup_addr(address).await {
            Ok(found) => {
                say!(console, "{found}\n");
                None
            }
            Err(why) => Some(why),
        },
        Err(_) => match resolver.lookup_host(host, family).await {
            Ok(found) => {
                for address in found {
                    say!(console, "{address}\n");
                }
                None
            }
            Err(why) => Some(why),
        },
    };
    if let Some(why) = failed {
        say!(console, "dns: {host}: {why}\n");
    }
}

async fn stats(resolver: &Resolver<'_>, console: &Console<'_>) {
    let counters = resolver.counters();
    for (what, count) in [
        ("queries by UDP", counters.queries),
        ("queries by TCP", counters.tcp_queries),
        ("answers", counters.answers),
        ("answers from the cache", counters.cache_hits),
        ("failures", counters.failures),
        ("timeouts", counters.timeouts),
    ] {
        say!(console, "{what:<24} {count}\n");
    }
}
