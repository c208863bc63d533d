//! TCP echo (RFC 862): what has come goes back, in the blocks that it came in, to several clients at
//! once.

use core::convert::Infallible;
use core::net::SocketAddr;

use embassy_futures::join::join_array;
use zonda::socket::{TcpError, TcpListener, TcpOpenError, TcpSocket};
use zonda::stack::Stack;

/// Serves `CLIENTS` at once, while so many more may wait; ends only if `local` cannot be bound.
pub async fn run<const CLIENTS: usize>(
    stack: Stack<'_>,
    local: SocketAddr,
) -> Result<Infallible, TcpOpenError> {
    let listener = TcpListener::bind(stack, local, CLIENTS as u16)?;
    let _: [(); CLIENTS] = join_array([(); CLIENTS].map(|()| serve(&listener))).await;
    // No server ends.
    core::future::pending().await
}

/// One client after the other.
async fn serve(listener: &TcpListener<'_>) {
    loop {
        let mut socket = listener.accept().await;
        // A client that resets its connection has had enough.
        let _: Result<(), TcpError> = echo(&mut socket).await;
        // The end of the socket closes the connection.
    }
}

async fn echo(socket: &mut TcpSocket<'_>) -> Result<(), TcpError> {
    while let Some(data) = socket.recv().await? {
        socket.send(data).await?;
    }
    Ok(())
}
