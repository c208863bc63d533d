//! Multicast DNS and services with avahi and python-zeroconf on the other side.

use std::net::IpAddr;
use std::process::{Command, Stdio};

use async_io::Timer;
use embassy_futures::select::{Either, select};
use zonda::netbuf::{NetBufPool, Pool};
use zonda::proto::dns_sd::{Attribute, Found, Instance, ServiceConfig, ServiceId};
use zonda::proto::mdns::{Mdns, Renamed};

use crate::avahi::Avahi;
use crate::demo::{DEVICE4, DEVICE6, Demo};
use crate::stack::{beside_linux, until};

fn pool() -> Pool {
    static POOL: NetBufPool<64, 512, 32, 64> = NetBufPool::new();
    POOL.pool()
}

/// Runs a script beside multicast DNS on the network with Linux.
fn with_mdns(script: impl AsyncFn(&Mdns<'_>)) {
    beside_linux::<1>(pool(), async |stack| {
        let mdns = Mdns::new(stack);
        match select(mdns.run(), script(&mdns)).await {
            Either::First(ended) => panic!("it ended: {ended:?}"),
            Either::Second(()) => {}
        }
    });
}

fn kettle() -> ServiceConfig<'static> {
    const ATTRIBUTES: &[Attribute<'static>] =
        &[Attribute::new("path", b"/state"), Attribute::flag("hot")];
    ServiceConfig::new("My. Kettle", "_http._tcp", 80)
        .subtypes(&["_steam"])
        .attributes(ATTRIBUTES)
}

/// Lets announcements pass.
async fn pause() {
    let _: std::time::Instant = Timer::after(std::time::Duration::from_secs(3)).await;
}

/// Waits for the next instance that comes.
async fn added(mdns: &Mdns<'_>, kind: &str) -> Instance {
    let mut browser = mdns.browse(kind).unwrap();
    loop {
        if let Found::Added(instance) = browser.next().await {
            return instance;
        }
    }
}

#[test]
fn avahi_finds_and_resolves_the_host_and_its_service() {
    in_namespace!(
        "avahi-daemon",
        "avahi-browse",
        "avahi-resolve",
        "dbus-daemon"
    );
    with_mdns(async |mdns| {
        let avahi = Avahi::start("linux").await;
        mdns.set_host_name("zonda").unwrap();
        let id = mdns.register(&kettle()).unwrap();
        mdns.announced(0).await;
        let found = avahi.run("avahi-resolve -4 -n zonda.local").await;
        assert!(found.contains(DEVICE4));
        let found = avahi.run("avahi-resolve -6 -n ZONDA.local").await;
        assert!(found.contains(DEVICE6) || found.contains("fe80::"));
        for address in [DEVICE4, DEVICE6] {
            let found = avahi.run(&format!("avahi-resolve -a {address}")).await;
            assert!(found.contains("zonda.local"));
        }
        let found = avahi.run("avahi-browse -rtpk _http._tcp").await;
        let ours = "My\\.\\032Kettle;_http._tcp;local;zonda.local;";
        let resolved = found
            .lines()
            .filter(|line| line.starts_with('=') && line.contains(ours));
        let resolved: Vec<_> = resolved.collect();
        // Over both versions.
        assert_eq!(resolved.len(), 2);
        assert!(
            resolved
                .iter()
                .all(|line| line.contains(";80;\"hot\" \"path=/state\""))
        );
        let found = avahi.run("avahi-browse -tpk _steam._sub._http._tcp").await;
        assert!(found.contains("My\\.\\032Kettle"));
        let found = avahi.run("avahi-browse -tpka").await;
        assert!(found.contains("My\\.\\032Kettle"));
        // What is said of it changes, and it goes.
        mdns.set_attributes(id, &[Attribute::new("path", b"/new")])
            .unwrap();
        pause().await;
        let found = avahi.run("avahi-browse -rtpk _http._tcp").await;
        assert!(found.contains("\"path=/new\""));
        mdns.unregister(id).unwrap();
        pause().await;
        let found = avahi.run("avahi-browse -tpk _http._tcp").await;
        assert!(!found.contains("Kettle"));
    });
}

#[test]
fn avahi_is_found_and_resolved() {
    in_namespace!(
        "avahi-daemon",
        "avahi-publish",
        "avahi-resolve",
        "dbus-daemon"
    );
    with_mdns(async |mdns| {
        let avahi = Avahi::start("linux").await;
        let found = mdns.lookup_host("linux.local", None).await.unwrap();
        assert!(found.contains(&"10.9.0.1".parse::<IpAddr>().unwrap()));
        assert!(found.iter().any(IpAddr::is_ipv6));
        let name = mdns
            .lookup_addr("10.9.0.1".parse().unwrap(), None)
            .await
            .unwrap();
        assert_eq!(name.to_string(), "linux.local");
        let kept = avahi.keep("avahi-publish -s Pot _http._tcp 8080 path=/x hot");
        let mut browser = mdns.browse("_http._tcp").unwrap();
        let Found::Added(instance) = browser.next().await else {
            panic!("it has come");
        };
        assert_eq!(instance.label(), Some("Pot"));
        let mut txt = [0; 200];
        let resolved = mdns.resolve(&instance, &mut txt).await.unwrap();
        assert_eq!(
            (resolved.host.to_string(), resolved.port),
            ("linux.local".into(), 8080)
        );
        assert!(resolved.addresses.contains(&"10.9.0.1".parse().unwrap()));
        assert_eq!(resolved.attributes.get("path"), Some(Some(&b"/x"[..])));
        assert_eq!(resolved.attributes.get("hot"), Some(None));
        let kind = added_type(mdns).await;
        assert_eq!(kind, "_http._tcp.local");
        drop(kept);
        assert_eq!(browser.next().await, Found::Removed(instance));
    });
}

/// The first type of services that is found.
async fn added_type(mdns: &Mdns<'_>) -> String {
    let mut types = mdns.browse_types().unwrap();
    match types.next().await {
        Found::Added(kind) => kind.name.to_string(),
        Found::Removed(kind) => panic!("{} was not there", kind.name),
    }
}

#[test]
fn name_that_avahi_has_is_left_to_it() {
    in_namespace!("avahi-daemon", "avahi-resolve", "dbus-daemon");
    with_mdns(async |mdns| {
        let avahi = Avahi::start("zonda").await;
        // It announces its own first.
        pause().await;
        mdns.set_host_name("zonda").unwrap();
        assert_eq!(mdns.renamed().await, Renamed::Host);
        mdns.host_name(|name| assert_eq!(name, "zonda-2"));
        mdns.announced(0).await;
        let found = avahi.run("avahi-resolve -4 -n zonda-2.local").await;
        assert!(found.contains(DEVICE4));
        let found = avahi.run("avahi-resolve -4 -n zonda.local").await;
        assert!(found.contains("10.9.0.1"));
    });
}

#[test]
fn avahi_leaves_the_name_that_is_ours() {
    in_namespace!("avahi-daemon", "avahi-resolve", "dbus-daemon");
    with_mdns(async |mdns| {
        mdns.set_host_name("zonda").unwrap();
        mdns.announced(0).await;
        pause().await;
        let avahi = Avahi::start("zonda").await;
        let mut found = String::new();
        for _ in 0..20 {
            found = avahi.run("avahi-resolve -4 -n zonda-2.local").await;
            if found.contains("10.9.0.1") {
                break;
            }
        }
        assert!(found.contains("10.9.0.1"));
        mdns.host_name(|name| assert_eq!(name, "zonda"));
        let found = avahi.run("avahi-resolve -4 -n zonda.local").await;
        assert!(found.contains(DEVICE4));
    });
}

/// Runs a script of python-zeroconf in the namespace, and gives what it prints.
async fn zeroconf(script: &str) -> String {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the script ends", || child.try_wait().unwrap().is_some()).await;
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    println!("{text}");
    text
}

#[test]
fn zeroconf_of_python_finds_and_is_found() {
    in_namespace!();
    let there = Command::new("/usr/bin/python3")
        .args(["-c", "import zeroconf"])
        .output();
    if !there.is_ok_and(|output| output.status.success()) {
        skip!("python3-zeroconf is not installed");
    }
    with_mdns(async |mdns| {
        mdns.set_host_name("zonda").unwrap();
        let _: ServiceId = mdns.register(&kettle()).unwrap();
        mdns.announced(0).await;
        let browse = "
import time
from zeroconf import Zeroconf
zc = Zeroconf(interfaces=['10.9.0.1'])
info = zc.get_service_info('_http._tcp.local.', 'My. Kettle._http._tcp.local.', 5000)
print(info.server, info.port, info.parsed_addresses(), info.properties)
zc.close()
";
        let found = zeroconf(browse).await;
        assert!(found.contains("zonda.local. 80"));
        assert!(found.contains(DEVICE4));
        assert!(found.contains("b'path': b'/state'"));
        let serve = "
import socket, time
from zeroconf import Zeroconf, ServiceInfo
zc = Zeroconf(interfaces=['10.9.0.1'])
info = ServiceInfo('_ipp._tcp.local.', 'Printer._ipp._tcp.local.', port=631,
    addresses=[socket.inet_aton('10.9.0.1')], server='printer.local.', properties={'pdl': 'x'})
zc.register_service(info)
time.sleep(6)
zc.unregister_service(info)
zc.close()
";
        let script = zeroconf(serve);
        let ours = async {
            let instance = added(mdns, "_ipp._tcp").await;
            assert_eq!(instance.label(), Some("Printer"));
            let mut browser = mdns.browse("_ipp._tcp").unwrap();
            assert_eq!(browser.next().await, Found::Added(instance.clone()));
            let mut txt = [0; 200];
            let resolved = mdns.resolve(&instance, &mut txt).await.unwrap();
            assert_eq!(
                (resolved.host.to_string(), resolved.port),
                ("printer.local".into(), 631)
            );
            assert_eq!(
                resolved.addresses[..],
                ["10.9.0.1".parse::<IpAddr>().unwrap()]
            );
            assert_eq!(resolved.attributes.get("pdl"), Some(Some(&b"x"[..])));
            assert_eq!(browser.next().await, Found::Removed(instance));
        };
        let both = embassy_futures::join::join(script, ours).await;
        assert!(!both.0.contains("Traceback"));
    });
}

#[test]
fn avahi_finds_the_demo() {
    in_namespace!(
        "avahi-daemon",
        "avahi-browse",
        "avahi-resolve",
        "dbus-daemon"
    );
    let demo = Demo::on_tap("");
    async_io::block_on(async {
        let avahi = Avahi::start("linux").await;
        let found = avahi.run("avahi-resolve -4 -n zonda.local").await;
        assert!(found.contains(DEVICE4));
        let found = avahi.run("avahi-browse -rtpk _echo._udp").await;
        let ours = "Zonda\\032demo;_echo._udp;local;zonda.local;";
        let mut lines = found.lines();
        assert!(lines.any(|line| line.starts_with('=') && line.contains(ours)));
    });
    let mut lines = demo.stop().lines.into_iter();
    assert!(lines.any(|line| line == "device: known as zonda.local"));
}
