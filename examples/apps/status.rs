//! What the stack has in use, as text by UDP: to be asked with `nc -u`, and by tests.

use core::convert::Infallible;
use core::fmt::{self, Write};
use core::net::SocketAddr;

use zonda::link::Port;
use zonda::socket::{BindError, UdpSocket};
use zonda::stack::Stack;

/// Answers each datagram that comes to `local` with the state of the pool and of `port`; ends only if
/// `local` cannot be bound.
pub async fn run(
    stack: Stack<'_>,
    port: &Port,
    local: SocketAddr,
) -> Result<Infallible, BindError> {
    let socket = UdpSocket::bind(stack, local)?;
    loop {
        // The question holds no block any more when they are counted.
        if let Ok((_, from)) = socket.recv_from(&mut []).await {
            let mut text = Text::default();
            // What does not fit is cut.
            let _: fmt::Result = report(stack, port, &mut text);
            let _ = socket.try_reply_to(text.bytes(), &from);
        }
    }
}

fn report(stack: Stack<'_>, port: &Port, text: &mut Text) -> fmt::Result {
    let (pool, port) = (stack.pool().stats(), port.stats());
    writeln!(text, "blocks {} of {}", pool.blocks_used, pool.blocks)?;
    writeln!(text, "headers {} of {}", pool.headers_used, pool.headers)?;
    writeln!(text, "views {} of {}", pool.views_used, pool.views)?;
    writeln!(text, "held {}", pool.held)?;
    writeln!(text, "sent {}", pool.sent)?;
    writeln!(text, "frames received {}", port.received)?;
    writeln!(text, "frames lost {}", port.receive_errors)?;
    writeln!(text, "frames sent {}", port.sent)
}

/// A text of some length.
struct Text {
    bytes: [u8; 256],
    length: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            bytes: [0; 256],
            length: 0,
        }
    }
}

impl Text {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
