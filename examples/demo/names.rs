//! Names of the link: the device is `zonda.local`, and tells of its echo service.

use std::convert::Infallible;
use std::future::pending;

use embassy_futures::join::join3;
use zonda::proto::dns_sd::ServiceConfig;
use zonda::proto::mdns::{Mdns, Renamed};
use zonda::stack::{InterfaceId, Stack};

use crate::device::ECHO;

/// Answers for the device for ever, and says on its first interface what it is called.
pub async fn answer(stack: Stack<'_>, first: InterfaceId) -> Infallible {
    let mdns = Mdns::new(stack);
    let service = ServiceConfig::new("Zonda demo", "_echo._udp", ECHO);
    let name = mdns.set_host_name("zonda").map_err(|why| why.to_string());
    let service = mdns.register(&service).map_err(|why| why.to_string());
    if let Err(why) = name.and(service.map(drop)) {
        println!("device: no name: {why}");
    }
    let tell = async {
        loop {
            mdns.announced(first).await;
            mdns.host_name(|name| println!("device: known as {name}.local"));
            while mdns.renamed().await != Renamed::Host {}
        }
    };
    let work = async {
        if let Err(why) = mdns.run().await {
            println!("device: no multicast DNS: {why}");
        }
    };
    let ((), (), never) = join3(work, tell, pending()).await;
    never
}
