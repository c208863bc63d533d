//! `stats`, `pool`, `mem`.

use core::mem::size_of;

use super::{CommandError, Console, Words};
use crate::iface::Interface;
use crate::stack::{Core, Stack};

#[cfg(feature = "statistics")]
pub(super) async fn stats<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    use core::fmt::Write;

    let wanted = words.optional();
    words.end()?;
    if wanted == Some("reset") {
        stack.reset_statistics();
        return Ok(());
    }
    let prefix = wanted.filter(|wanted| *wanted != "all").unwrap_or("");
    let mut is_there = false;
    for one in stack.statistics() {
        let mut path = heapless::String::<80>::new();
        // No path is as long.
        let _: core::fmt::Result = write!(path, "{}", one.path);
        let is_of = path
            .strip_prefix(prefix)
            .is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('.'));
        if is_of && (wanted.is_some() || one.value > 0) {
            say!(console, "{path:<56} {}\n", one.value);
        }
        is_there |= is_of;
    }
    match wanted {
        Some(word) if !is_there => Err(CommandError::Wrong {
            wanted: "the path of a number, or its beginning up to a dot",
            word,
        }),
        _ => Ok(()),
    }
}

pub(super) async fn pool<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    words.end()?;
    let (stats, limits) = (stack.pool().stats(), stack.pool().limits());
    say!(
        console,
        "{:<14} {:>6} {:>6} {:>12}\n",
        "",
        "all",
        "used",
        "fewest free"
    );
    for (name, all, used, low) in [
        ("blocks", stats.blocks, stats.blocks_used, stats.blocks_low),
        (
            "header blocks",
            stats.headers,
            stats.headers_used,
            stats.headers_low,
        ),
        (
            "spare views",
            stats.views,
            stats.views_used,
            stats.views_low,
        ),
    ] {
        say!(console, "{name:<14} {all:>6} {used:>6} {low:>12}\n");
    }
    let size = stack.pool().block_size();
    say!(console, "a block has {size} bytes\n");
    say!(
        console,
        "held for sockets: {} of {} blocks\n",
        stats.held,
        limits.held
    );
    say!(
        console,
        "waiting to be sent: {} of {} blocks\n",
        stats.sent,
        limits.send
    );
    for (purpose, failures) in [
        ("receive into", stats.receive_failures),
        ("send from", stats.send_failures),
        ("write a header to", stats.header_failures),
        ("write a control packet to", stats.control_failures),
        ("share", stats.view_failures),
        ("hold", stats.held_failures),
    ] {
        if failures > 0 {
            say!(console, "{failures} times there was none to {purpose}\n");
        }
    }
    Ok(())
}

pub(super) async fn mem<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    words.end()?;
    say!(
        console,
        "{:<18} {:>6} {:>8} {:>9}\n",
        "",
        "places",
        "of bytes",
        "bytes"
    );
    let pool = stack.pool();
    let lines = stack.visit(|core| {
        [
            ("core", 1, size_of::<Core<'_>>()),
            (
                "interfaces",
                core.interfaces.len(),
                size_of::<Option<Interface<'_>>>(),
            ),
            #[cfg(feature = "udp")]
            (
                "UDP sockets",
                core.udp.len(),
                size_of::<crate::udp::UdpSlot>(),
            ),
            #[cfg(feature = "tcp")]
            (
                "TCP connections",
                core.tcp.len(),
                size_of::<crate::tcp::table::TcpSlot>(),
            ),
            (
                "packet blocks",
                pool.stats().blocks.into(),
                pool.block_size(),
            ),
        ]
    });
    let mut sum = 0usize;
    for (what, places, each) in lines {
        let bytes = places.saturating_mul(each);
        sum = sum.saturating_add(bytes);
        say!(console, "{what:<18} {places:>6} {each:>8} {bytes:>9}\n");
    }
    say!(console, "{:<18} {:>6} {:>8} {sum:>9}\n", "together", "", "");
    Ok(())
}
