//! `iface`, `suspend`, `resume`, `group`, `hostname`.

#[cfg(any(feature = "ipv6", feature = "multicast"))]
use super::chosen;
use super::{CommandError, Console, Words, name};
use crate::iface::{NameError, OperationalState};
use crate::stack::{InterfaceId, MtuError, Stack};

pub(super) async fn iface<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let Some(id) = words.optional_interface(stack)? else {
        say!(
            console,
            "{:<15} {:<8} {:>5}  {:<17} {:>10} {:>10}\n",
            "name",
            "state",
            "MTU",
            "address",
            "received",
            "sent"
        );
        for id in stack.interfaces() {
            let Some(info) = stack.interface(id) else {
                continue;
            };
            say!(
                console,
                "{:<15} {:<8} {:>5}  {:<17} {:>10} {:>10}\n",
                name(stack, id),
                state(info.state),
                info.mtu,
                info.capabilities.address,
                info.counters.received,
                info.counters.sent
            );
        }
        return Ok(());
    };
    match words.optional() {
        None => show(stack, id, console).await,
        Some("up") => enable(stack, id, words, true)?,
        Some("down") => enable(stack, id, words, false)?,
        Some("mtu") => {
            let mtu = words.value("a number of bytes")?;
            words.end()?;
            stack.set_mtu(id, mtu).map_err(|why| match why {
                MtuError::NoInterface => CommandError::Failed("no such interface"),
                MtuError::TooSmall => CommandError::Failed("that is too small"),
            })?;
        }
        Some("name") => {
            let new = words.word()?;
            words.end()?;
            stack.set_name(id, new).map_err(|why| match why {
                NameError::Taken => CommandError::Failed("another interface has this name"),
                NameError::NoInterface | NameError::Invalid => CommandError::Wrong {
                    wanted: "a name for an interface",
                    word: new,
                },
            })?;
        }
        Some(word) => {
            let wanted = "one of up, down, mtu, name";
            return Err(CommandError::Wrong { wanted, word });
        }
    }
    Ok(())
}

fn enable<'l>(
    stack: Stack<'_>,
    id: InterfaceId,
    mut words: Words<'l>,
    enabled: bool,
) -> Result<(), CommandError<'l>> {
    words.end()?;
    let _there: bool = stack.set_enabled(id, enabled);
    Ok(())
}

pub(super) fn set_enabled<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    enabled: bool,
) -> Result<(), CommandError<'l>> {
    let id = words.interface(stack)?;
    enable(stack, id, words, enabled)
}

const fn state(state: OperationalState) -> &'static str {
    match state {
        OperationalState::Up => "up",
        OperationalState::Down => "off",
        OperationalState::LowerLayerDown => "no link",
    }
}

async fn show(stack: Stack<'_>, id: InterfaceId, console: &Console<'_>) {
    let Some(info) = stack.interface(id) else {
        return;
    };
    let (capabilities, counters) = (info.capabilities, info.counters);
    say!(
        console,
        "{} (number {id}): {}\n",
        name(stack, id),
        state(info.state)
    );
    say!(
        console,
        "  link      {:?}, address {}\n",
        capabilities.medium,
        capabilities.address
    );
    say!(
        console,
        "  MTU       {} of {}\n",
        info.mtu,
        capabilities.mtu
    );
    #[cfg(feature = "ipv4")]
    for entry in &info.ipv4 {
        let cidr = entry.cidr;
        say!(
            console,
            "  IPv4      {}/{}\n",
            cidr.address,
            cidr.prefix_length
        );
    }
    #[cfg(feature = "ipv6")]
    for entry in &info.ipv6 {
        say!(
            console,
            "  IPv6      {}/{}\n",
            entry.address,
            entry.prefix_length
        );
    }
    say!(
        console,
        "  received  {} frames, {} of use\n",
        counters.received,
        counters.accepted
    );
    say!(console, "  sent      {} frames\n", counters.sent);
    for reason in crate::iface::ReceiveDrop::ALL {
        let count = counters.receive_drops(*reason);
        if count > 0 {
            say!(console, "  dropped   {count} for {reason:?}\n");
        }
    }
    for reason in crate::iface::SendDrop::ALL {
        let count = counters.send_drops(*reason);
        if count > 0 {
            say!(console, "  not sent  {count} for {reason:?}\n");
        }
    }
}

#[cfg(any(feature = "ipv6", feature = "multicast"))]
pub(super) async fn group<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let id = words.optional_interface(stack)?;
    words.end()?;
    for id in chosen(stack, id) {
        for group in stack.groups(id) {
            say!(console, "{:<15} {group}\n", name(stack, id));
        }
    }
    Ok(())
}

#[cfg(feature = "hostname")]
pub(super) async fn hostname<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let Some(word) = words.optional() else {
        say!(console, "{}\n", stack.hostname());
        return Ok(());
    };
    words.end()?;
    let wanted = "a name of letters, digits and hyphens";
    let set = stack.set_hostname(word);
    set.map_err(|_| CommandError::Wrong { wanted, word })
}
