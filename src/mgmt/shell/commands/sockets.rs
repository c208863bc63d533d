//! `sockets`, `udp`, `tcp`.

use super::{CommandError, Console, Words};
use crate::stack::{SocketInfo, SocketKind, Stack};

pub(super) async fn sockets<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    words.end()?;
    for socket in stack.sockets() {
        show(&socket, console).await;
    }
    Ok(())
}

async fn show(socket: &SocketInfo, console: &Console<'_>) {
    let SocketInfo {
        kind,
        local,
        remote,
        received,
        to_send,
    } = socket;
    match kind {
        #[cfg(feature = "udp")]
        SocketKind::Udp => say!(console, "udp  {local}"),
        #[cfg(feature = "tcp")]
        SocketKind::TcpListener => {
            say!(
                console,
                "tcp  {local} listens, {received} wait to be accepted\n"
            );
            return;
        }
        #[cfg(feature = "tcp")]
        SocketKind::Tcp(_) => say!(console, "tcp  {local}"),
    }
    match remote {
        // Two ends of IPv6 may be too long for one line.
        Some(remote) if remote.is_ipv6() => say!(console, "\n     -> {remote}"),
        Some(remote) => say!(console, " -> {remote}"),
        None => {}
    }
    #[cfg(feature = "tcp")]
    if let SocketKind::Tcp(state) = kind {
        say!(
            console,
            "\n     {state:?}, {to_send} bytes not acknowledged,"
        );
    }
    let _ = to_send;
    say!(console, "\n     {received} bytes to be read\n");
}

#[cfg(feature = "udp")]
pub(super) async fn udp<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    use core::net::{Ipv4Addr, SocketAddr};

    use crate::socket::UdpSocket;

    match words.optional() {
        None => {
            for socket in stack.sockets().filter(|one| one.kind == SocketKind::Udp) {
                show(&socket, console).await;
            }
        }
        Some("send") => {
            let to = words.socket_address()?;
            let text = words.word()?;
            words.end()?;
            let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
            let socket = UdpSocket::bind(stack, any);
            let socket = socket.map_err(|_| CommandError::Failed("no socket is free"))?;
            if let Err(why) = socket.send_to(text.as_bytes(), to).await {
                say!(console, "udp: {why}\n");
            }
        }
        Some(word) => {
            let wanted = "send";
            return Err(CommandError::Wrong { wanted, word });
        }
    }
    Ok(())
}

#[cfg(feature = "tcp")]
pub(super) async fn tcp<'l>(
    stack: Stack<'_>,
    mut words: Words<'l>,
    console: &Console<'_>,
) -> Result<(), CommandError<'l>> {
    words.end()?;
    let is_tcp =
        |one: &SocketInfo| matches!(one.kind, SocketKind::TcpListener | SocketKind::Tcp(_));
    for socket in stack.sockets().filter(is_tcp) {
        show(&socket, console).await;
    }
    Ok(())
}
