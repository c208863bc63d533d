//! Connections from this computer to a port of the device, by way of the gateway.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::pin;

use async_io::Async;
use embassy_futures::join::join_array;
use embassy_futures::select::{Either, select};
use zonda::socket::{TcpReader, TcpSocket, TcpWriter};
use zonda::stack::Stack;

/// Connections that are passed on at once: a browser opens up to six.
pub const DOORS: usize = 12;

/// The port of this computer where the page is looked for.
const USUAL: u16 = 8080;

/// A port of this computer behind which is one of the device.
pub struct Door {
    host: Async<TcpListener>,
    device: SocketAddr,
}

impl Door {
    /// Opens the port `port` of 127.0.0.1; without one the usual port, or any if that is taken.
    pub fn open(port: Option<u16>, device: SocketAddr) -> io::Result<Self> {
        let open = |port: u16| {
            Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, port))
                .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))
        };
        let host = match port {
            Some(port) => open(port)?,
            None => open(USUAL).or_else(|_| open(0))?,
        };
        let address = host.get_ref().local_addr()?;
        println!("web: http://{address}/ is the page of the device");
        Ok(Self { host, device })
    }

    /// Passes connections on for ever.
    pub async fn run(&self, gateway: Stack<'_>) {
        let _ = join_array([(); DOORS].map(|()| self.serve(gateway))).await;
    }

    async fn serve(&self, gateway: Stack<'_>) -> Infallible {
        loop {
            // A client may be gone before it is taken; one whose peer breaks off is told by the end.
            if let Ok((host, _)) = self.host.accept().await {
                let _ = self.pass(gateway, host).await;
            }
        }
    }

    async fn pass(&self, gateway: Stack<'_>, host: Async<TcpStream>) -> io::Result<()> {
        let device = TcpSocket::connect(gateway, self.device).await;
        let mut device = device.map_err(io::Error::other)?;
        let (reader, writer) = device.split();
        let mut there = pin!(inwards(&host, writer));
        let mut back = pin!(outwards(&host, reader));
        // Each direction ends by itself; what breaks one off ends both.
        match select(there.as_mut(), back.as_mut()).await {
            Either::First(ended) => {
                ended?;
                back.await
            }
            Either::Second(ended) => {
                ended?;
                there.await
            }
        }
    }
}

async fn inwards(host: &Async<TcpStream>, mut device: TcpWriter<'_, '_>) -> io::Result<()> {
    let mut bytes = [0; 4096];
    loop {
        let length = host.read_with(|mut host| host.read(&mut bytes)).await?;
        if length == 0 {
            device.shutdown();
            return Ok(());
        }
        let mut rest = &bytes[..length];
        while !rest.is_empty() {
            let taken = device.write(rest).await.map_err(io::Error::other)?;
            rest = &rest[taken..];
        }
    }
}

async fn outwards(host: &Async<TcpStream>, mut device: TcpReader<'_, '_>) -> io::Result<()> {
    while let Some(data) = device.recv().await.map_err(io::Error::other)? {
        for mut piece in data.fragments() {
            while !piece.is_empty() {
                let taken = host.write_with(|mut host| host.write(piece)).await?;
                piece = &piece[taken..];
            }
        }
    }
    host.get_ref().shutdown(Shutdown::Write)
}
