//! `mdns`.

use super::{CommandError, Console, Services, Words};
use crate::stack::Stack;

pub(super) async fn mdns<'l>(
    stack: Stack<'_>,
    services: &Services<'_, '_, '_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let mdns = services.mdns;
    let mdns = mdns.ok_or(CommandError::Failed("there is no multicast DNS"))?;
    match words.optional() {
        None => {}
        #[cfg(all(feature = "mdns", feature = "dns-sd"))]
        Some("browse") => {
            use super::name;
            use crate::proto::dns_sd::Found;

            let word = words.word()?;
            words.end()?;
            let wanted = "a type of services, as in _http._tcp, or as many are looked for already";
            let mut browser =
                (mdns.browse(word)).map_err(|_| CommandError::Wrong { wanted, word })?;
            // For ever: until Ctrl-C.
            loop {
                let (sign, instance) = match browser.next().await {
                    Found::Added(instance) => ('+', instance),
                    Found::Removed(instance) => ('-', instance),
                };
                let interface = name(stack, instance.interface);
                say!(console, "{sign} {} on {interface}\n", instance.name);
            }
        }
        Some(_) => return Err(CommandError::Usage),
    }
    #[cfg(feature = "mdns-responder")]
    {
        let host = mdns.host_name(|name| heapless::String::<64>::try_from(name));
        let host = host.unwrap_or_default();
        for id in stack.interfaces() {
            let is = match mdns.is_announced(id) {
                true => "is",
                false => "is not, or not yet,",
            };
            say!(
                console,
                "{host}.local {is} answered for on {}\n",
                super::name(stack, id)
            );
        }
    }
    let _ = stack;
    let counters = mdns.counters();
    let (queries, responses) = (counters.queries, counters.responses);
    let (sent, renames) = (counters.sent, counters.renames);
    say!(
        console,
        "{queries} queries and {responses} responses received, {sent} messages sent\n"
    );
    say!(console, "{renames} names given up to others\n");
    Ok(())
}
