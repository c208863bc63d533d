//! The client and the server of zperf.

mod tcp;
mod udp;
mod udp_server;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use zonda::proto::zperf::{
    Amount, End, Flow, Outcome, Report, Test, ZperfError, ZperfServer, ZperfServerConfig,
};
use zonda::time::Duration;

use crate::network::*;

/// What was told of transfers.
#[derive(Clone, Default)]
pub struct Told(Rc<RefCell<Vec<Report>>>);

impl Told {
    fn observer(&self) -> impl Fn(&Report) + use<> {
        let told = self.0.clone();
        move |report| told.borrow_mut().push(*report)
    }

    /// Of whole transfers.
    fn ends(&self) -> Vec<Report> {
        let told = self.0.borrow();
        told.iter()
            .filter(|report| report.end.is_some())
            .copied()
            .collect()
    }

    /// Of the one transfer of this flow, which is complete.
    fn only(&self, flow: Flow) -> Report {
        let ends = self.ends();
        let mut ends = ends.iter().filter(|report| report.flow == flow);
        let end = ends.next().expect("a transfer has ended");
        assert!(ends.next().is_none());
        assert_eq!(end.end, Some(End::Complete));
        *end
    }

    fn intervals(&self, flow: Flow) -> Vec<Report> {
        let told = self.0.borrow();
        let is_interval = |report: &&Report| report.end.is_none() && report.flow == flow;
        told.iter().filter(is_interval).copied().collect()
    }
}

/// Two clients and a server on a link.
pub struct World {
    net: Network,
    link: Link,
    client: Host,
    other: Host,
    host: Host,
    server: Rc<ZperfServer<'static>>,
    /// What the server tells.
    told: Told,
}

pub const V4: &str = "10.0.0.3:5001";
pub const V6: &str = "[fd00::3]:5001";

/// Two clients and a server with this configuration, whose neighbours are known to each other.
pub fn world(config: impl FnOnce(&mut ZperfServerConfig)) -> World {
    world_of(3, config)
}

/// The same with one client on the link.
pub fn pair(config: impl FnOnce(&mut ZperfServerConfig)) -> World {
    world_of(2, config)
}

fn world_of(count: usize, config: impl FnOnce(&mut ZperfServerConfig)) -> World {
    let net = Network::new(77);
    let [client, host, other] = ["client", "server", "other"].map(|name| net.host(name));
    let hosts = [(client, 1), (host, 3), (other, 2)];
    let link = net.link([client, host]);
    for (host, last) in hosts.into_iter().take(count) {
        if last == 2 {
            link.join(host);
        }
        host.add(link, &format!("10.0.0.{last}/24"));
        host.add(link, &format!("fd00::{last}/64"));
    }
    net.settle();
    let mut ours = ZperfServerConfig::default();
    config(&mut ours);
    let server = Rc::new(ZperfServer::new(host.stack(), ours));
    let told = Told::default();
    for is_udp in [true, false] {
        let (server, observer) = (server.clone(), told.observer());
        let _task = net.spawn(async move {
            let result = match is_udp {
                true => server.udp(&observer).await,
                false => server.tcp(&observer).await,
            };
            panic!("the server has ended: {result:?}");
        });
    }
    let world = World {
        net,
        link,
        client,
        other,
        host,
        server,
        told,
    };
    let clients = [world.client, world.other];
    world.know_neighbors(clients.into_iter().take(count - 1));
    world
}

impl World {
    /// Lets nothing but the test's own frames be on the link.
    fn know_neighbors(&self, clients: impl Iterator<Item = Host>) {
        for host in clients {
            for ours in ["10.0.0.3:9", "[fd00::3]:9"] {
                let socket = host.udp("[::]:0");
                socket
                    .try_send_to(b"hello", Some(ours.parse().unwrap()))
                    .unwrap();
                self.net.run_for(ms(10));
            }
        }
    }

    fn udp(&self, test: &Test) -> (Result<Outcome, ZperfError>, Told) {
        let told = Told::default();
        let observer = told.observer();
        let outcome = zonda::proto::zperf::udp(self.client.stack(), test, &observer);
        (self.net.block_on(outcome), told)
    }

    fn tcp(&self, test: &Test) -> (Result<Outcome, ZperfError>, Told) {
        let told = Told::default();
        let observer = told.observer();
        let outcome = zonda::proto::zperf::tcp(self.client.stack(), test, &observer);
        (self.net.block_on(outcome), told)
    }
}

/// A test of a second: 100 datagrams of 1250 bytes.
pub fn test(server: &str) -> Test {
    Test {
        amount: Amount::Time(secs(1)),
        length: 1250,
        rate: Some(1_000_000),
        ..Test::new(server.parse().unwrap())
    }
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// Whether two spans differ by no more than a millisecond.
fn is_about(one: Duration, other: Duration) -> bool {
    one.as_micros().abs_diff(other.as_micros()) <= 1000
}
