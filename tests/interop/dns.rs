//! The DNS client of this process on a TAP interface asks dnsmasq.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, TcpListener};
use std::thread;

use zonda::proto::dns::{DnsError, Family, Resolver, ServerSource};
use zonda::stack::Stack;
use zonda::time::Duration;

use crate::dnsmasq::Dnsmasq;
use crate::tcp_client::with_stack;

const SERVERS: [&str; 2] = ["10.9.0.1", "fd09::1"];

/// It makes no processes for what comes by TCP.
fn dnsmasq(records: &str) -> Dnsmasq {
    let fixed = "--no-resolv --no-hosts --local-ttl=60 --local=/lab.test/";
    Dnsmasq::start(&format!("{fixed} {records}"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A resolver that asks this server, which answers already.
async fn resolver_of<'a>(stack: Stack<'a>, server: &str) -> Resolver<'a> {
    let resolver = Resolver::new(stack);
    let count = resolver.set_servers(ServerSource::Static, None, &[ip(server)]);
    assert_eq!(count, 1);
    while resolver
        .lookup_host("host.lab.test", Family::V4)
        .await
        .is_err()
    {
        stack.sleep(Duration::from_millis(100)).await;
    }
    resolver.clear_cache();
    resolver
}

#[test]
fn dnsmasq_answers_every_kind_of_question() {
    in_namespace!("dnsmasq");
    with_stack(async |stack| {
        let _dnsmasq = dnsmasq(
            "--host-record=host.lab.test,10.9.0.77,fd09::77 --txt-record=txt.lab.test,hello,world \
             --cname=alias.lab.test,host.lab.test --cname=second.lab.test,alias.lab.test \
             --srv-host=_svc._tcp.lab.test,host.lab.test,8080,10,5",
        );
        for server in SERVERS {
            let resolver = resolver_of(stack, server).await;
            for name in [
                "host.lab.test",
                "HOST.lab.test.",
                "alias.lab.test",
                "second.lab.test",
            ] {
                resolver.clear_cache();
                let found = resolver.lookup_host(name, Family::Any).await.unwrap();
                assert_eq!(found[..], [ip("10.9.0.77"), ip("fd09::77")], "{name}");
            }
            let alias = resolver.lookup_alias("alias.lab.test").await.unwrap();
            assert_eq!(alias.to_string(), "host.lab.test");
            for text in ["10.9.0.77", "fd09::77"] {
                let name = resolver.lookup_addr(ip(text)).await.unwrap();
                assert_eq!(name.to_string(), "host.lab.test");
            }
            let services = resolver
                .lookup_services::<2>("_svc._tcp.lab.test")
                .await
                .unwrap();
            assert_eq!((services.len(), services[0].port), (1, 8080));
            assert_eq!((services[0].priority, services[0].weight), (10, 5));
            assert_eq!(services[0].target.to_string(), "host.lab.test");
            let mut bytes = [0; 100];
            let texts = resolver
                .lookup_txt("txt.lab.test", &mut bytes)
                .await
                .unwrap();
            assert_eq!(texts.strings().collect::<Vec<_>>(), [b"hello", b"world"]);
            let gone = resolver.lookup_host("gone.lab.test", Family::Any).await;
            assert_eq!(gone, Err(DnsError::NotFound));
            let empty = resolver.lookup_host("txt.lab.test", Family::V4).await;
            assert_eq!(empty, Err(DnsError::NoData));
            resolver.set_search(&["lab.test"]).unwrap();
            assert!(resolver.lookup_host("host", Family::V6).await.is_ok());
            // dnsmasq repeats the letters as they were.
            resolver.set_case_randomization(true);
            resolver.clear_cache();
            assert!(
                resolver
                    .lookup_host("host.lab.test", Family::V6)
                    .await
                    .is_ok()
            );
            let counters = resolver.counters();
            println!("{server}: {counters:?}");
            assert_eq!((counters.malformed, counters.wrong_question), (0, 0));
        }
    });
}

#[test]
fn dnsmasq_gives_by_tcp_what_is_too_long() {
    in_namespace!("dnsmasq");
    with_stack(async |stack| {
        let mut records = "--host-record=host.lab.test,10.9.0.77".to_string();
        for n in 1..=120 {
            write!(records, " --host-record=many.lab.test,10.9.1.{n}").unwrap();
        }
        let _dnsmasq = dnsmasq(&records);
        for server in SERVERS {
            let resolver = resolver_of(stack, server).await;
            let found = resolver
                .lookup_host("many.lab.test", Family::V4)
                .await
                .unwrap();
            assert_eq!(found.len(), 8);
            let counters = resolver.counters();
            assert_eq!((counters.truncated, counters.tcp_queries), (1, 1));
        }
    });
}

#[test]
fn linux_is_connected_to_by_name() {
    in_namespace!("dnsmasq");
    with_stack(async |stack| {
        let _dnsmasq = dnsmasq(
            "--host-record=host.lab.test,10.9.0.77 --host-record=linux.lab.test,10.9.0.1,fd09::1",
        );
        let resolver = resolver_of(stack, SERVERS[0]).await;
        let refused = resolver.connect("linux.lab.test", 4000).await;
        assert!(refused.is_err());
        // Only over IPv4: the other version refuses.
        let listener = TcpListener::bind("0.0.0.0:4000").unwrap();
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"hello").unwrap();
        });
        let mut socket = resolver.connect("linux.lab.test", 4000).await.unwrap();
        let data = socket.recv().await.unwrap().unwrap();
        assert!(data.equals(b"hello"));
        assert!(socket.peer_addr().unwrap().is_ipv4());
        peer.join().unwrap();
    });
}
