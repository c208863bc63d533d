//! A stack of this process and `radvd`, and Linux configured by a stack that advertises.

use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use zonda::iface::route::{Prefix, Route};
use zonda::iface::{AdvertisedPrefix, Advertisement};
use zonda::netbuf::NetBufPool;
use zonda::socket::Ping;
use zonda::stack::{InterfaceId, Stack};
use zonda::time::Duration;

use crate::demo::{Demo, reaches};
use crate::namespace::{ip, run};
use crate::stack::{on_tap, until};

/// Runs `script` with a stack that has no address but those that it finds by itself, beside Linux.
fn with_stack(script: impl AsyncFn(Stack<'_>, InterfaceId)) {
    static POOL: NetBufPool<128, 512, 16, 64> = NetBufPool::new();
    on_tap::<0>(POOL.pool(), script);
}

/// A `radvd` that runs, with its files. Dropped, it is killed.
struct Radvd {
    child: Child,
    configuration: PathBuf,
}

impl Radvd {
    fn start(configuration: &str) -> Self {
        let directory = std::env::temp_dir();
        let name = |end| directory.join(format!("zonda-radvd-{}.{end}", std::process::id()));
        fs::write(name("conf"), configuration).unwrap();
        let child = Command::new("radvd")
            .args(["--nodaemon", "--logmethod", "stderr", "--config"])
            .arg(name("conf"))
            .arg("--pidfile")
            .arg(name("pid"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            configuration: name("conf"),
        }
    }

    /// Says something else from now on.
    fn change(&self, configuration: &str) {
        fs::write(&self.configuration, configuration).unwrap();
        let _: String = run(&format!("kill -HUP {}", self.child.id()));
    }
}

impl Drop for Radvd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.configuration);
        let _ = fs::remove_file(self.configuration.with_extension("pid"));
    }
}

/// Two prefixes, a route, a server and a domain for names.
fn configuration(lifetime: u32) -> String {
    format!(
        "interface zonda0 {{
            AdvSendAdvert on;
            MinRtrAdvInterval 3;
            MaxRtrAdvInterval 4;
            AdvDefaultLifetime {lifetime};
            AdvLinkMTU 1400;
            AdvCurHopLimit 44;
            AdvOtherConfigFlag on;
            prefix fd51:1::/64 {{ AdvValidLifetime 1000; AdvPreferredLifetime 500; }};
            prefix fd51:2::/64 {{
                AdvValidLifetime {lifetime}; AdvPreferredLifetime {lifetime};
            }};
            route fd51:77::/48 {{ AdvRouteLifetime {lifetime}; AdvRoutePreference high; }};
            RDNSS fd51:1::53 {{ AdvRDNSSLifetime {lifetime}; }};
            DNSSL lab.example {{ AdvDNSSLLifetime {lifetime}; }};
        }};"
    )
}

fn prefix(text: &str, length: u8) -> Prefix {
    let address: IpAddr = text.parse().unwrap();
    Prefix::new(address.try_into().unwrap(), length).unwrap()
}

/// The address that the stack has made of a prefix.
#[cfg(feature = "slaac")]
fn made_of(stack: Stack<'_>, id: InterfaceId, of: &Prefix) -> Option<Ipv6Addr> {
    let own = stack.interface(id)?.ipv6;
    let mut own = own.iter().map(|own| own.address);
    own.find(|own| of.contains((*own).into()))
}

#[test]
fn stack_takes_what_radvd_says_and_takes_back() {
    in_namespace!("radvd");
    with_stack(async |stack, id| {
        fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
        ip("link set zonda0 up");
        ip("address add fd51:1::1/64 dev zonda0 nodad");
        ip("address add fd51:77::1/128 dev lo nodad");
        let radvd = Radvd::start(&configuration(1000));
        let has = |of: Prefix, gateway: bool| {
            let is_it = |route: Route| route.prefix == of && route.gateway.is_some() == gateway;
            stack.routes().any(is_it)
        };
        let default = prefix("::", 0);
        until("the default router", || has(default, true)).await;
        assert!(has(prefix("fd51:1::", 64), false));
        assert!(has(prefix("fd51:2::", 64), false));
        assert!(has(prefix("fd51:77::", 48), true));
        let said = stack.link_parameters(id).unwrap();
        assert_eq!((said.hop_limit, said.mtu), (Some(44), Some(1400)));
        let server: IpAddr = "fd51:1::53".parse().unwrap();
        assert_eq!(&stack.name_servers(id)[..], &[server]);
        assert_eq!(stack.search_domains(id)[0].to_string(), "lab.example");
        #[cfg(feature = "slaac")]
        {
            until("both addresses", || {
                [prefix("fd51:1::", 64), prefix("fd51:2::", 64)]
                    .iter()
                    .all(|of| made_of(stack, id, of).is_some())
            })
            .await;
            stack.ready(id).await;
            let ping = Ping::new(stack).unwrap();
            for target in ["fd51:1::1", "fd51:77::1"] {
                let took = ping
                    .ping(target.parse().unwrap(), 1, b"?", Duration::from_secs(10))
                    .await;
                assert!(took.is_ok(), "{target}: {took:?}");
            }
        }
        radvd.change(&configuration(0));
        until("the end of the default router", || !has(default, true)).await;
        until("the end of the names", || {
            stack.name_servers(id).is_empty() && stack.search_domains(id).is_empty()
        })
        .await;
        assert!(has(prefix("fd51:1::", 64), false));
        assert!(!has(prefix("fd51:2::", 64), false));
        assert!(!has(prefix("fd51:77::", 48), true));
    });
}

#[cfg(feature = "ra-server")]
#[test]
fn linux_configures_itself_by_what_the_stack_advertises() {
    in_namespace!("rdisc6");
    with_stack(async |stack, id| {
        ip("link set zonda0 up");
        let own: Ipv6Addr = "fd52::1".parse().unwrap();
        let cidr = zonda::iface::Ipv6Cidr::new(own, 64);
        stack.add_ipv6(id, cidr).unwrap();
        let mut what = Advertisement {
            lifetime: 1800,
            mtu: Some(1380),
            ..Advertisement::default()
        };
        what.prefixes.push(AdvertisedPrefix::new(own, 64)).unwrap();
        what.name_servers.push(own).unwrap();
        what.search_domains
            .push("lab.example".parse().unwrap())
            .unwrap();
        stack.advertise(id, what).unwrap();
        until("an address and a default route", || {
            run("ip -6 address show dev zonda0").contains("inet6 fd52::")
                && run("ip -6 route show dev zonda0").contains("default via fe80::")
        })
        .await;
        let routes = run("ip -6 route show dev zonda0");
        assert!(routes.contains("fd52::/64"), "{routes}");
        assert!(routes.contains("mtu 1380"), "{routes}");
        // A solicitation is answered, and the tool reads all of it.
        let asking = async_io::Timer::after(std::time::Duration::from_secs(4));
        let _ = asking.await;
        let tool = std::thread::spawn(|| run("rdisc6 -1 -w 5000 zonda0"));
        until("rdisc6", || tool.is_finished()).await;
        let read = tool.join().unwrap();
        for wanted in [
            "fd52::/64",
            "Router lifetime",
            "1380",
            "Recursive DNS server     : fd52::1",
            "lab.example",
        ] {
            assert!(read.contains(wanted), "{wanted}: {read}");
        }
        assert!(stack.stop_advertising(id));
        until("the end of the default route", || {
            !run("ip -6 route show dev zonda0").contains("default via")
        })
        .await;
    });
}

#[test]
fn demo_is_configured_by_radvd() {
    in_namespace!("radvd", "ping");
    let mut demo = Demo::start("--tap zonda0");
    let _: String = demo.wait_for("link up on zonda0");
    fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
    ip("address add fd51:1::1/64 dev zonda0 nodad");
    let _radvd = Radvd::start(&configuration(1000));
    for told in [
        "is a router",
        "servers for names are fd51:1::53",
        "fd51:1::5a:4fff:fe4e:4441 is an address",
    ] {
        let _: String = demo.wait_for(told);
    }
    reaches("fd51:1::5a:4fff:fe4e:4441");
    let _ = demo.stop();
}
