//! The audit of xarxa (and smoltcp): DHCP and DNS.

use std::cell::RefCell;
use std::rc::Rc;

use zonda::proto::dhcpv4::{ClientConfig, ClientState};
use zonda::proto::dns::Family;

use crate::dhcpv4;
use crate::dns::{self, A, NAME_ERROR, encode};
use crate::network::*;

/// RFC 2131 figure 5: a client that is bound discards what servers say.
#[test]
fn audit_157_refusal_of_nothing_ends_no_lease() {
    let kept = Rc::new(RefCell::new(Vec::new()));
    let (world, _log) = dhcpv4::served(ClientConfig::new(), {
        let kept = kept.clone();
        let mut usual = dhcpv4::usual(3600);
        move |request| {
            let mut replies = usual(request);
            if request.kind == dhcpv4::REQUEST {
                let server = dhcpv4::SERVERS[0];
                // A minute later the same exchange is answered again, otherwise.
                for kind in [dhcpv4::NAK, dhcpv4::OFFER, dhcpv4::ACK] {
                    let other = [10, 0, 0, 66].into();
                    let reply = match kind {
                        dhcpv4::NAK => request.reply(kind, server),
                        _ => request.grant(kind, other, 60),
                    };
                    replies.push(reply.after(secs(60)));
                }
                kept.borrow_mut().push(request.xid);
            }
            replies
        }
    });
    world.bind();
    world.net.run_for(secs(100));
    assert_eq!(kept.borrow().len(), 1);
    assert_eq!(world.state(), ClientState::Bound);
    world.assert_bound();
}

/// Servers are exchanged while a lookup waits for one of them: it ends by the new ones.
#[test]
fn audit_117_lookup_outlives_an_exchange_of_the_servers() {
    let world = dns::world(1);
    world.use_servers(&dns::SERVERS[..1]);
    let _new = world.serve(1, |query| vec![query.addresses(&["10.9.9.9"])]);
    let lookup = world
        .net
        .spawn(world.resolver.lookup_host("name.test", Family::V4));
    world.net.run_for(ms(500));
    world.use_servers(&dns::SERVERS[1..]);
    world.net.run_for(secs(20));
    let found = lookup.take().expect("an end");
    assert!(found.is_err() || found.unwrap()[..] == [dns::ip("10.9.9.9")]);
    assert_eq!(world.v4("other.test").unwrap(), ["10.9.9.9"]);
}

/// A response is held against the question before anything else of it counts.
#[test]
fn audit_123_124_wrong_response_ends_no_lookup_and_changes_no_name() {
    let (world, log) = dns::served(|query| {
        let wrong = [&encode("other.test")[..], &[0, 1, 0, 1]].concat();
        let mut denial = query.reply().rcode(NAME_ERROR);
        denial.question = wrong.clone();
        let mut alias = query.reply().alias(&query.name, 60, "evil.test");
        alias.question = wrong;
        vec![denial, alias, query.addresses(&["10.1.2.3"])]
    });
    assert_eq!(world.v4("name.test").unwrap(), ["10.1.2.3"]);
    assert!(log.borrow().iter().all(|query| query.is("name.test", A)));
}
