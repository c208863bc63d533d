//! UDP echo (RFC 862): what has come goes back, in the blocks that it came in.

use core::convert::Infallible;
use core::net::SocketAddr;

use zonda::socket::{BindError, UdpSocket};
use zonda::stack::Stack;

/// Sends back whatever comes to `local`; ends only if that cannot be bound.
pub async fn run(stack: Stack<'_>, local: SocketAddr) -> Result<Infallible, BindError> {
    let socket = UdpSocket::bind(stack, local)?;
    loop {
        // A socket that is not connected hears of no error of a single peer.
        if let Ok((data, from)) = socket.recv().await {
            // There may be no room to send it: then it is lost, as datagrams are.
            let _ = socket.try_reply(data, &from);
        }
    }
}
