//! `zperf`.

use core::net::SocketAddr;

use super::{CommandError, Console, Words};
use crate::proto::zperf::{self, Amount, Direction, PORT, Test};
use crate::stack::Stack;
use crate::time::Duration;

pub(super) async fn zperf<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    let protocol = words.word()?;
    let direction = match words.word()? {
        "up" => Direction::Upload,
        "down" => Direction::Download,
        word => {
            let wanted = "up or down";
            return Err(CommandError::Wrong { wanted, word });
        }
    };
    let mut test = Test::new(SocketAddr::new(words.address()?, PORT));
    test.direction = direction;
    if let Some(seconds) = words.optional_value::<u16>("a number of seconds")? {
        test.amount = Amount::Time(Duration::from_secs(seconds.into()));
    }
    test.rate = words.optional_value("a number of bits per second")?;
    words.end()?;
    // What there is to say is in the outcome.
    let outcome = match protocol {
        "udp" => zperf::udp(stack, &test, &|_| {}).await,
        #[cfg(feature = "tcp")]
        "tcp" => zperf::tcp(stack, &test, &|_| {}).await,
        word => {
            let wanted = "a protocol to measure";
            return Err(CommandError::Wrong { wanted, word });
        }
    };
    match outcome {
        Ok(outcome) => {
            for (what, transfer) in [
                ("sent", outcome.sent),
                ("of that the server has", outcome.server),
                ("received", outcome.received),
            ] {
                if let Some(transfer) = transfer {
                    say!(console, "{what}:\n    {transfer}\n");
                }
            }
        }
        Err(why) => say!(console, "zperf: {why}\n"),
    }
    Ok(())
}
