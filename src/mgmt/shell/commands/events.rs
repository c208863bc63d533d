//! `events`.

use super::{CommandError, Console, Words, name};
use crate::stack::Stack;

pub(super) async fn events<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let mut left = words.optional_value::<u32>("a number of events")?;
    words.end()?;
    let mut events = stack.events();
    while left != Some(0) {
        match events.next().await {
            Ok(event) => {
                let (now, name) = (stack.now(), name(stack, event.interface));
                say!(console, "{now} {name} {:?}\n", event.kind);
                left = left.map(|left| left.saturating_sub(1));
            }
            Err(missed) => say!(console, "{missed}\n"),
        }
    }
    Ok(())
}
