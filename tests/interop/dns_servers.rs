//! The DNS client of this process on a TAP interface asks BIND and unbound.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use zonda::proto::dns::{DnsError, Family, Resolver, ServerSource};
use zonda::stack::Stack;
use zonda::time::Duration;

use crate::tcp_client::with_stack;

const SERVERS: [&str; 2] = ["10.9.0.1", "fd09::1"];

/// A server with its files. Dropped, it is killed and they are removed.
struct Server {
    child: Child,
    files: PathBuf,
}

impl Server {
    /// Starts a program whose command line ends with the configuration, in which `DIR` stands for a
    /// directory with these files.
    fn start(program: &[&str], configuration: &str, others: &[(&str, &str)]) -> Self {
        let name = format!("zonda-{}-{}", program[0], std::process::id());
        let files = std::env::temp_dir().join(name);
        fs::create_dir_all(&files).unwrap();
        let write = |name: &str, text: &str| {
            let path = files.join(name);
            fs::write(&path, text.replace("DIR", files.to_str().unwrap())).unwrap();
            path
        };
        for (name, text) in others {
            let _: PathBuf = write(name, text);
        }
        let configuration: &Path = &write("configuration", configuration);
        let child = Command::new(program[0])
            .args(&program[1..])
            .arg(configuration)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, files }
    }

    fn bind(zone: &str) -> Self {
        Self::start(
            &["named", "-g", "-c"],
            r#"options {
                directory "DIR"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
                listen-on { 10.9.0.1; }; listen-on-v6 { fd09::1; };
            };
            controls { };
            zone "lab.test" { type primary; file "DIR/zone"; };"#,
            &[("zone", zone)],
        )
    }

    fn unbound() -> Self {
        Self::start(
            &["unbound", "-d", "-c"],
            r#"server:
                interface: 10.9.0.1
                interface: fd09::1
                access-control: 10.9.0.0/24 allow
                access-control: fd09::/64 allow
                directory: "DIR"
                username: ""
                chroot: ""
                pidfile: ""
                do-daemonize: no
                use-syslog: no
                module-config: "iterator"
                local-zone: "lab.test." static
                local-data: "lab.test. 60 IN SOA ns.lab.test. admin.lab.test. 1 60 60 60 2"
                local-data: "host.lab.test. 60 IN A 10.9.0.77"
                local-data: "host.lab.test. 60 IN AAAA fd09::77"
                local-data: "short.lab.test. 1 IN A 10.9.0.78"
                local-data-ptr: "10.9.0.77 host.lab.test"
                local-zone: "refused.test." refuse
            remote-control:
                control-enable: no
            "#,
            &[],
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        let _ = self.child.wait().unwrap();
        let _ = fs::remove_dir_all(&self.files);
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A resolver that asks this server, which answers already.
async fn resolver_of<'a>(stack: Stack<'a>, server: &str) -> Resolver<'a> {
    let resolver = Resolver::new(stack);
    let count = resolver.set_servers(ServerSource::Static, None, &[ip(server)]);
    assert_eq!(count, 1);
    let name = "host.lab.test";
    while resolver.lookup_host(name, Family::V4).await.is_err() {
        stack.sleep(Duration::from_millis(100)).await;
    }
    resolver.clear_cache();
    resolver
}

#[test]
fn unbound_answers_over_both_versions_and_its_no_is_remembered() {
    in_namespace!("unbound");
    with_stack(async |stack| {
        let _unbound = Server::unbound();
        for server in SERVERS {
            let resolver = resolver_of(stack, server).await;
            let found = resolver.lookup_host("host.lab.test", Family::Any).await;
            assert_eq!(found.unwrap()[..], [ip("10.9.0.77"), ip("fd09::77")]);
            let name = resolver.lookup_addr(ip("10.9.0.77")).await.unwrap();
            assert_eq!(name.to_string(), "host.lab.test");
            // A no is an answer, and asked for once in the two seconds that the SOA record says.
            let queries = || resolver.counters().queries;
            let before = queries();
            for _ in 0..3 {
                let gone = resolver.lookup_host("gone.lab.test", Family::V4).await;
                assert_eq!(gone, Err(DnsError::NotFound));
                let empty = resolver.lookup_host("short.lab.test", Family::V6).await;
                assert_eq!(empty, Err(DnsError::NoData));
            }
            assert_eq!(queries(), before + 2);
            stack.sleep(Duration::from_millis(2100)).await;
            let gone = resolver.lookup_host("gone.lab.test", Family::V4).await;
            assert_eq!(gone, Err(DnsError::NotFound));
            assert_eq!(queries(), before + 3);
            // So is a yes, for its TTL.
            for _ in 0..3 {
                assert!(
                    resolver
                        .lookup_host("host.lab.test", Family::V4)
                        .await
                        .is_ok()
                );
            }
            assert_eq!(queries(), before + 3);
            let refused = resolver.lookup_host("host.refused.test", Family::V4).await;
            assert_eq!(refused, Err(DnsError::ServerFailure));
            let counters = resolver.counters();
            assert_eq!((counters.malformed, counters.wrong_question), (0, 0));
        }
    });
}

#[test]
fn bind_answers_aliases_and_by_tcp_what_is_too_long() {
    in_namespace!("named");
    with_stack(async |stack| {
        let mut zone = "$TTL 60\n@ IN SOA ns admin 1 60 60 60 5\n@ IN NS ns\nns IN A 10.9.0.1\n\
            host IN A 10.9.0.77\nhost IN AAAA fd09::77\n\
            a IN CNAME b\nb IN CNAME c\nc IN CNAME host\nloop IN CNAME pool\npool IN CNAME loop\n\
            _svc._tcp IN SRV 10 5 8080 host\ntxt IN TXT \"hello\" \"world\"\n"
            .to_string();
        // BIND takes no more than 100 of a kind.
        for n in 0..90 {
            zone.push_str(&format!("many IN A 10.9.1.{n}\n"));
            // What fits in 1,232 octets, and not in 512.
            if n < 60 {
                zone.push_str(&format!("some IN A 10.9.2.{n}\n"));
            }
        }
        let _bind = Server::bind(&zone);
        for server in SERVERS {
            let resolver = resolver_of(stack, server).await;
            for name in ["host.lab.test", "a.lab.test", "b.lab.test"] {
                resolver.clear_cache();
                let found = resolver.lookup_host(name, Family::Any).await.unwrap();
                assert_eq!(found[..], [ip("10.9.0.77"), ip("fd09::77")], "{name}");
            }
            // BIND sees the loop.
            let looped = resolver.lookup_host("loop.lab.test", Family::V4).await;
            assert_eq!(looped, Err(DnsError::ServerFailure));
            let services = resolver.lookup_services::<2>("_svc._tcp.lab.test").await;
            assert_eq!(services.unwrap()[0].port, 8080);
            let mut bytes = [0; 100];
            let texts = resolver.lookup_txt("txt.lab.test", &mut bytes).await;
            assert_eq!(texts.unwrap().strings().count(), 2);
            let gone = resolver.lookup_host("gone.lab.test", Family::V4).await;
            assert_eq!(gone, Err(DnsError::NotFound));
            // Thanks to EDNS this comes by UDP.
            let some = resolver.lookup_host("some.lab.test", Family::V4).await;
            assert_eq!(some.unwrap().len(), 8);
            assert_eq!(resolver.counters().tcp_queries, 0);
            let many = resolver.lookup_host("many.lab.test", Family::V4).await;
            assert_eq!(many.unwrap().len(), 8);
            let counters = resolver.counters();
            assert_eq!((counters.truncated, counters.tcp_queries), (1, 1));
            // BIND repeats the letters as they were.
            resolver.set_case_randomization(true);
            resolver.clear_cache();
            assert!(resolver.lookup_host("a.lab.test", Family::V6).await.is_ok());
            let counters = resolver.counters();
            assert_eq!((counters.malformed, counters.wrong_question), (0, 0));
        }
    });
}
