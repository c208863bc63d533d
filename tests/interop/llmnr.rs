//! LLMNR of this process on a TAP interface, and llmnrd with its tool.

use std::future::Future;
use std::net::IpAddr;
use std::process::{Child, Command, Output, Stdio};

use embassy_futures::select::{Either, select};
use zonda::proto::dns::{DnsError, Family};
use zonda::proto::llmnr::{Llmnr, NameState};
use zonda::stack::Stack;
use zonda::time::Duration;

use crate::stack::until;
use crate::tcp_client::with_stack;

/// llmnrd with a name, which ends with the test.
struct Llmnrd(Child);

impl Llmnrd {
    fn start(name: &str) -> Self {
        let child = Command::new("llmnrd")
            .args(["-6", "-i", "zonda0", "-H", name])
            .stdin(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Llmnrd {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        let _ = self.0.wait().unwrap();
    }
}

/// What `llmnr-query` says of the name of this process's stack.
async fn ask(stack: Stack<'_>, arguments: &[&str]) -> String {
    let mut child = Command::new("llmnr-query")
        .args(["-I", "zonda0", "-t", "3000"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        stack.sleep(Duration::from_millis(20)).await;
    }
    let Output { stdout, .. } = child.wait_with_output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    println!("{text}");
    text
}

async fn beside<R>(llmnr: &Llmnr<'_>, script: impl Future<Output = R>) -> R {
    match select(llmnr.run(), script).await {
        Either::First(ended) => panic!("the responder ended: {ended:?}"),
        Either::Second(result) => result,
    }
}

#[test]
fn llmnr_query_finds_the_stack() {
    in_namespace!("llmnr-query");
    with_stack(async |stack| {
        stack.set_hostname("kettle").unwrap();
        let llmnr = Llmnr::new(stack);
        beside(&llmnr, async {
            let is_unique = || llmnr.name_state(0) == NameState::Unique;
            until("the name is verified", is_unique).await;
            let own = stack.interface(0).unwrap();
            for version in [&["-T", "A"][..], &["-6", "-T", "A"]] {
                let text = ask(stack, &[version, &["kettle"]].concat()).await;
                let address = own.ipv4[0].cidr.address.to_string();
                assert!(text.contains(&address), "{text}");
            }
            let text = ask(stack, &["-6", "-T", "AAAA", "KETTLE"]).await;
            assert!(text.contains(&own.ipv6[0].address.to_string()), "{text}");
            let text = ask(stack, &["-T", "ANY", "kettle"]).await;
            assert!(text.contains("10.9.0."), "{text}");
            let text = ask(stack, &["-t", "300", "teapot"]).await;
            assert!(!text.contains("10.9.0."), "{text}");
            assert_eq!(llmnr.counters().malformed, 0);
        })
        .await;
    });
}

#[test]
fn stack_finds_llmnrd_and_leaves_it_its_name() {
    in_namespace!("llmnrd");
    with_stack(async |stack| {
        let _llmnrd = Llmnrd::start("labpeer");
        stack.set_hostname("labpeer").unwrap();
        let llmnr = Llmnr::new(stack);
        let found = loop {
            // It takes a moment until it runs, and another until it knows its addresses.
            if let Ok(found) = llmnr.lookup_host("labpeer", 7, Family::V4).await {
                break found;
            }
        };
        assert_eq!(found[..], ["10.9.0.1:7".parse().unwrap()]);
        let found = llmnr.lookup_host("LABPEER", 7, Family::Any).await.unwrap();
        let expected: [IpAddr; 2] = ["10.9.0.1".parse().unwrap(), "fd09::1".parse().unwrap()];
        for address in expected {
            assert!(found.iter().any(|host| host.ip() == address), "{found:?}");
        }
        let gone = llmnr.lookup_host("nobody", 7, Family::Any).await;
        assert_eq!(gone, Err(DnsError::NotFound));
        // The name is taken.
        beside(&llmnr, async {
            let is_taken = || llmnr.name_state(0) == NameState::Conflicted;
            until("the conflict is seen", is_taken).await;
            stack.set_hostname("kettle").unwrap();
            let is_unique = || llmnr.name_state(0) == NameState::Unique;
            until("another name is verified", is_unique).await;
        })
        .await;
        assert_eq!(llmnr.counters().malformed, 0);
    });
}
