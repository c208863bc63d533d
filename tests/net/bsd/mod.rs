//! BSD sockets: what each call does and answers.

mod datagrams;
mod names;
mod options;
mod pairs;
mod polls;
#[cfg(feature = "raw-sockets")]
mod raw;
mod streams;
mod trouble;
mod waits;

use std::net::SocketAddr;

use embassy_futures::join::join;
use zonda::compat::bsd::*;

use crate::network::*;

/// Two hosts on a link, with descriptors each.
struct World {
    // Closed before the network looks for what is left.
    near: Sockets<'static, 16>,
    far: Sockets<'static, 16>,
    net: Network,
    link: Link,
    near_host: Host,
    far_host: Host,
}

fn world() -> World {
    let net = Network::new(11);
    let (near_host, far_host) = (net.host("near"), net.host("far"));
    let link = net.link((near_host, far_host)).delay(us(100));
    near_host.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    far_host.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    World {
        net,
        link,
        near: Sockets::new(near_host.stack()),
        far: Sockets::new(far_host.stack()),
        near_host,
        far_host,
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address and a port")
}

impl World {
    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.net.block_on(future)
    }

    /// A listener of the far host.
    fn listener(&self, domain: i32, local: &str) -> Fd {
        let fd = self.far.socket(domain, SOCK_STREAM, 0).unwrap();
        self.far.bind(fd, addr(local)).unwrap();
        self.far.listen(fd, 4).unwrap();
        fd
    }

    /// A connection: the descriptors of the near and the far host, and of the listener.
    fn connection(&self) -> (Fd, Fd, Fd) {
        let listener = self.listener(AF_INET, "0.0.0.0:7");
        let near = self.near.socket(AF_INET, SOCK_STREAM, 0).unwrap();
        let (connected, accepted) = self.wait(join(
            self.near.connect(near, addr("10.0.0.2:7")),
            self.far.accept(listener),
        ));
        connected.unwrap();
        (near, accepted.unwrap().0, listener)
    }

    /// A datagram socket of the far host.
    fn datagrams(&self, domain: i32, local: &str) -> Fd {
        let fd = self.far.socket(domain, SOCK_DGRAM, 0).unwrap();
        self.far.bind(fd, addr(local)).unwrap();
        fd
    }

    fn near_datagrams(&self) -> Fd {
        self.near.socket(AF_INET, SOCK_DGRAM, 0).unwrap()
    }
}

/// Seconds and microseconds, as `SO_RCVTIMEO` wants them.
fn time(seconds: i64, micros: i64) -> Vec<u8> {
    [seconds.to_ne_bytes(), micros.to_ne_bytes()].concat()
}

fn ints(values: &[i32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect()
}
