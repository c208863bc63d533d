//! Names of hosts and services, and addresses as text.

use super::*;

fn hints(flags: i32, family: i32, socktype: i32) -> Hints {
    Hints {
        flags,
        family,
        socktype,
        protocol: 0,
    }
}

impl World {
    fn info(
        &self,
        host: Option<&str>,
        service: Option<&str>,
        hints: &Hints,
    ) -> Result<Vec<String>, Eai> {
        let found = self.wait(self.near.getaddrinfo(host, service, hints))?;
        let list = found.list.iter();
        Ok(list.map(|entry| entry.address.to_string()).collect())
    }
}

#[test]
fn addresses_as_text_need_nobody() {
    let world = world();
    let stream = hints(AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM);
    let host = |text| world.info(Some(text), Some("http"), &stream);
    assert_eq!(host("192.0.2.1").unwrap(), ["192.0.2.1:80"]);
    assert_eq!(host("2001:db8::1").unwrap(), ["[2001:db8::1]:80"]);
    assert_eq!(host("fe80::1%2").unwrap(), ["[fe80::1%2]:80"]);
    assert_eq!(host("example.org"), Err(Eai::NoName));
    let four = hints(0, AF_INET, SOCK_STREAM);
    assert_eq!(
        world.info(Some("2001:db8::1"), None, &four),
        Err(Eai::NoName)
    );
    let mapped = hints(AI_V4MAPPED, AF_INET6, SOCK_STREAM);
    let found = world.info(Some("192.0.2.1"), Some("7"), &mapped).unwrap();
    assert_eq!(found, ["[::ffff:192.0.2.1]:7"]);
    // Without a resolver there is nobody to ask.
    let any = hints(0, AF_UNSPEC, 0);
    assert_eq!(world.info(Some("example.org"), None, &any), Err(Eai::Fail));
}

#[test]
fn addresses_of_this_host_are_to_bind_or_to_connect_to() {
    let world = world();
    let passive = hints(AI_PASSIVE, AF_UNSPEC, SOCK_STREAM);
    let found = world.info(None, Some("80"), &passive).unwrap();
    assert_eq!(found, ["[::]:80", "0.0.0.0:80"]);
    let active = hints(0, AF_INET, SOCK_DGRAM);
    let found = world.info(None, Some("80"), &active).unwrap();
    assert_eq!(found, ["127.0.0.1:80"]);
}

#[test]
fn services_have_types_and_numbers() {
    let world = world();
    let of = |service, flags, socktype| {
        world.info(
            Some("192.0.2.1"),
            Some(service),
            &hints(flags, AF_UNSPEC, socktype),
        )
    };
    assert_eq!(of("tftp", 0, 0).unwrap(), ["192.0.2.1:69"]);
    assert_eq!(
        of("domain", 0, 0).unwrap(),
        ["192.0.2.1:53", "192.0.2.1:53"]
    );
    assert_eq!(of("tftp", 0, SOCK_STREAM), Err(Eai::Service));
    assert_eq!(of("nonesuch", 0, 0), Err(Eai::Service));
    assert_eq!(of("http", AI_NUMERICSERV, 0), Err(Eai::NoName));
    assert_eq!(of("65536", 0, 0), Err(Eai::Service));
}

#[test]
fn hints_that_make_no_sense_are_refused() {
    let world = world();
    let host = Some("192.0.2.1");
    let with = |hints| world.info(host, None, &hints).unwrap_err();
    assert_eq!(with(hints(0x4000, 0, 0)), Eai::BadFlags);
    assert_eq!(with(hints(0, AF_PACKET, 0)), Eai::Family);
    assert_eq!(with(hints(0, 0, SOCK_RAW)), Eai::SockType);
    let nothing = world.info(None, None, &Hints::default());
    assert_eq!(nothing, Err(Eai::NoName));
    let canonical = hints(AI_CANONNAME, 0, 0);
    assert_eq!(world.info(None, Some("7"), &canonical), Err(Eai::BadFlags));
    let found = world
        .wait(world.near.getaddrinfo(host, None, &canonical))
        .unwrap();
    assert_eq!(found.canonical.as_deref(), host);
}

#[test]
fn addrconfig_leaves_out_versions_that_the_host_lacks() {
    let net = Network::new(3);
    let host = net.host("four");
    let link = net.ip_link([host, net.host("other")]);
    let _ = host.add(link, "10.0.0.1/24");
    let sockets = Sockets::<4>::new(host.stack());
    let passive = hints(AI_PASSIVE | AI_ADDRCONFIG, AF_UNSPEC, SOCK_STREAM);
    let found = net.block_on(sockets.getaddrinfo(None, Some("80"), &passive));
    let list: Vec<_> = found
        .unwrap()
        .list
        .iter()
        .map(|entry| entry.address)
        .collect();
    assert_eq!(list, [addr("0.0.0.0:80")]);
}

#[test]
fn names_of_addresses_without_a_resolver_are_text() {
    let world = world();
    let name = |address, flags| world.wait(world.near.getnameinfo(addr(address), flags));
    let found = name("192.0.2.1:80", 0).unwrap();
    assert_eq!((&*found.host, &*found.service), ("192.0.2.1", "http"));
    let found = name("[2001:db8::1]:80", NI_NUMERICSERV).unwrap();
    assert_eq!((&*found.host, &*found.service), ("2001:db8::1", "80"));
    assert_eq!(&*name("10.0.0.1:69", NI_DGRAM).unwrap().service, "tftp");
    assert_eq!(&*name("10.0.0.1:69", 0).unwrap().service, "69");
    assert_eq!(name("10.0.0.1:69", NI_NAMEREQD), Err(Eai::NoName));
    let both = NI_NAMEREQD | NI_NUMERICHOST;
    assert_eq!(name("10.0.0.1:69", both), Err(Eai::BadFlags));
    let scoped = "[fe80::1%3]:7";
    assert_eq!(&*name(scoped, 0).unwrap().host, "fe80::1%3");
}

#[test]
fn addresses_are_read_and_written_as_text() {
    for (family, text) in [
        (AF_INET, "192.0.2.1"),
        (AF_INET6, "2001:db8::1"),
        (AF_INET6, "::"),
        (AF_INET6, "::ffff:192.0.2.1"),
    ] {
        let address = inet_pton(family, text).unwrap();
        let mut lent = [0; 46];
        assert_eq!(inet_ntop(address, &mut lent), Ok(text));
        assert_eq!(inet_ntop(address, &mut lent[..1]), Err(Errno::ENOSPC));
    }
    for (family, text) in [
        (AF_INET, "1.2.3"),
        (AF_INET, "256.1.1.1"),
        (AF_INET, "::1"),
        (AF_INET6, "1.2.3.4"),
        (AF_INET6, ":::"),
    ] {
        assert_eq!(inet_pton(family, text), Err(Errno::EINVAL));
    }
    assert_eq!(inet_pton(AF_LOCAL, "x"), Err(Errno::EAFNOSUPPORT));
}

#[cfg(feature = "hostname")]
#[test]
fn name_of_the_host_needs_room() {
    let world = world();
    world.near_host.stack().set_hostname("lamp").unwrap();
    let mut lent = [0; 64];
    assert_eq!(world.near.gethostname(&mut lent), Ok("lamp"));
    assert_eq!(world.near.gethostname(&mut lent[..3]), Err(Errno::ENOSPC));
}
