//! Names by the calls of BSD sockets.

use zonda::compat::bsd::*;

use super::*;

fn of_family(flags: i32, family: i32) -> Hints {
    Hints {
        flags,
        family,
        socktype: SOCK_STREAM,
        protocol: 0,
    }
}

/// The addresses of a host, with port 80.
fn ask(world: &World, host: &str, hints: Hints) -> Result<Vec<String>, Eai> {
    let sockets = Sockets::<4>::new(world.client.stack()).with_resolver(world.resolver);
    let asked = sockets.getaddrinfo(Some(host), Some("http"), &hints);
    let found = world.net.block_on(asked)?;
    let list = found.list.iter();
    Ok(list.map(|entry| entry.address.to_string()).collect())
}

#[test]
fn getaddrinfo_asks_for_the_family_and_maps_what_it_must() {
    let (world, _) = served(|query| match (&*query.name, query.kind) {
        ("both.org", A) | ("four.org", A) => vec![query.addresses(&["10.0.0.9"])],
        ("both.org", AAAA) => vec![query.addresses(&["fd00::9"])],
        ("four.org", _) => vec![query.reply()],
        _ => vec![query.reply().rcode(NAME_ERROR)],
    });
    let ask = |host, flags, family| ask(&world, host, of_family(flags, family));
    assert_eq!(ask("both.org", 0, AF_INET).unwrap(), ["10.0.0.9:80"]);
    assert_eq!(ask("both.org", 0, AF_INET6).unwrap(), ["[fd00::9]:80"]);
    assert_eq!(ask("both.org", 0, AF_UNSPEC).unwrap().len(), 2);
    assert_eq!(ask("four.org", 0, AF_INET6), Err(Eai::NoName));
    assert_eq!(ask("none.org", 0, AF_UNSPEC), Err(Eai::NoName));
    let mapped = "[::ffff:10.0.0.9]:80";
    assert_eq!(ask("four.org", AI_V4MAPPED, AF_INET6).unwrap(), [mapped]);
    assert_eq!(
        ask("both.org", AI_V4MAPPED, AF_INET6).unwrap(),
        ["[fd00::9]:80"]
    );
    let mut all = ask("both.org", AI_V4MAPPED | AI_ALL, AF_INET6).unwrap();
    all.sort();
    assert_eq!(all, [mapped, "[fd00::9]:80"]);
}

#[test]
fn getnameinfo_asks_for_the_name() {
    let (world, _) = served(|query| match query.kind {
        PTR => vec![query.reply().rcode(NAME_ERROR)],
        _ => vec![],
    });
    let sockets = Sockets::<4>::new(world.client.stack()).with_resolver(world.resolver);
    let address = "10.0.0.9:80".parse().unwrap();
    let unnamed = world.net.block_on(sockets.getnameinfo(address, 0)).unwrap();
    assert_eq!(&*unnamed.host, "10.0.0.9");
    let required = world
        .net
        .block_on(sockets.getnameinfo(address, NI_NAMEREQD));
    assert_eq!(required, Err(Eai::NoName));
}
