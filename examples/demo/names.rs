//! Names of the link: the device is `zonda.local`, and tells of its echo service and its page.

use std::convert::Infallible;
use std::future::pending;

use embassy_futures::join::join3;
use zonda::proto::dns_sd::ServiceConfig;
use zonda::proto::mdns::{Mdns, Renamed};
use zonda::stack::{InterfaceId, Stack};

use crate::device::ECHO;
use crate::web::HTTP;

/// Answers for the device for ever, and says on its first interface what it is called.
pub async fn answer(mdns: &Mdns<'_>, first: InterfaceId) -> Infallible {
    let services = [("_echo._udp", ECHO), ("_http._tcp", HTTP)];
    let mut name = mdns.set_host_name("zonda").map_err(|why| why.to_string());
    for (kind, port) in services {
        let service = mdns.register(&ServiceConfig::new("Zonda demo", kind, port));
        name = name.and(service.map(drop).map_err(|why| why.to_string()));
    }
    if let Err(why) = name {
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

/// What the device is called now.
pub fn host_name(mdns: &Mdns<'_>) -> String {
    mdns.host_name(|name| format!("{name}.local"))
}

/// Answers for the gateway, which is `gateway.local`, for ever.
pub async fn answer_for_gateway(gateway: Stack<'_>) -> Infallible {
    let mdns = Mdns::new(gateway);
    if let Err(why) = mdns.set_host_name("gateway") {
        println!("gateway: no name: {why}");
    }
    if let Err(why) = mdns.run().await {
        println!("gateway: no multicast DNS: {why}");
    }
    pending().await
}
