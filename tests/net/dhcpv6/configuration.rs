//! What else servers say, and when they are asked for that alone (RFC 8415 §18.2.6, §18.2.10.4,
//! §21.23; RFC 3646, 4075, 4704, 5908, 7083).

use zonda::iface::Advertisement;
use zonda::proto::dhcpv6::{ConfigError, DnsUpdates, Duid, NtpServer, code};
use zonda::proto::dns::{DnsError, Family, Resolver};
use zonda::wire::ndp::RouterFlags;

use super::*;

const DNS: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, 0x53),
];

fn stateless() -> ClientConfig<'static> {
    ClientConfig::new().mode(Mode::Stateless)
}

/// A server that tells its DNS servers, and for how long.
fn informing(refresh: Option<u32>) -> impl FnMut(&Request) -> Vec<Answer> {
    move |request| {
        let servers = DNS.map(|server| server.octets()).concat();
        let refresh = refresh.map(|refresh| option(32, &refresh.to_be_bytes()));
        let answer = request.answer(REPLY).with(option(23, &servers));
        vec![answer.with(refresh.unwrap_or_default())]
    }
}

#[test]
fn information_alone_is_asked_for() {
    let (world, log) = served(stateless(), informing(None));
    world.net.block_on(world.client.configured());
    assert_eq!(world.state(), ClientState::Informed);
    let heard = log.take();
    let [message] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(
        (message.kind, message.codes()),
        (INFORMATION_REQUEST, vec![1, 8, 6])
    );
    assert_eq!(message.elapsed(), 0);
    // RFC 8415 §18.2.6, §21.23.
    assert_eq!(message.asked(), [82, 83, 32, 23, 24, 56, 31]);
    let told = world
        .client
        .options(|options| options.dns_servers().collect::<Vec<_>>());
    assert_eq!(told, Some(DNS.to_vec()));
    assert!(world.addresses().is_empty());
}

#[test]
fn first_information_request_is_delayed_by_up_to_a_second() {
    let mut delays = std::collections::BTreeSet::new();
    for seed in 1..9 {
        let world = world(seed, stateless());
        let log = world.serve(0, informing(None));
        let stack = world.host.stack();
        world
            .net
            .block_on(stack.ready(world.host.interface(world.link)));
        let ready = world.net.now();
        world.net.block_on(world.client.configured());
        let delay = log.borrow()[0].at.since(ready);
        assert!(delay <= ms(1002), "{delay}");
        delays.insert(delay.as_millis());
    }
    assert!(delays.len() > 5, "{delays:?}");
}

/// Seconds until the information is asked for again.
fn refreshed_after(refresh: Option<u32>) -> Option<u64> {
    let (world, log) = served(stateless(), informing(refresh));
    world.net.run_for(secs(200_000));
    let first = gaps(&log.borrow()).first().copied();
    first.map(|gap| gap / 1000)
}

#[test]
fn information_is_refreshed_when_the_server_says_and_daily_otherwise() {
    // Within INF_MAX_DELAY.
    assert!((86_400..=86_401).contains(&refreshed_after(None).unwrap()));
    assert!((7200..=7201).contains(&refreshed_after(Some(7200)).unwrap()));
    // IRT_MINIMUM.
    assert!((600..=601).contains(&refreshed_after(Some(5)).unwrap()));
    assert_eq!(refreshed_after(Some(u32::MAX)), None);
}

#[test]
fn information_request_is_repeated_up_to_what_servers_say() {
    let (world, log) = served(stateless(), |_| Vec::new());
    world.net.run_for(secs(20_000));
    let silent = gaps(&log.take());
    assert!((900..=1100).contains(&silent[0]));
    assert!((3_240_000..=3_960_000).contains(silent.last().unwrap()));
    drop(world);
    let mut answers = 1;
    let (world, log) = served(stateless(), move |request| {
        answers -= 1;
        match answers {
            0 => vec![
                request
                    .answer(REPLY)
                    .with(option(32, &600u32.to_be_bytes()))
                    .with(option(83, &120u32.to_be_bytes())),
            ],
            _ => Vec::new(),
        }
    });
    world.net.run_for(secs(20_000));
    let last = *gaps(&log.take()).last().unwrap();
    assert!((108_000..=132_000).contains(&last), "{last}");
}

#[test]
fn link_that_comes_back_is_asked_for_information_again() {
    let (world, log) = served(stateless(), informing(None));
    world.net.block_on(world.client.configured());
    log.take();
    world.link.down();
    world.net.run_for(secs(5));
    world.link.up();
    world.net.run_for(secs(5));
    assert_eq!(kinds(&log), [INFORMATION_REQUEST]);
}

impl World {
    /// Lets the second station announce itself as a router with these flags.
    fn announce(&self, flags: RouterFlags) {
        let router = self.servers[1];
        let what = Advertisement {
            lifetime: 1800,
            flags,
            ..Advertisement::default()
        };
        let (stack, id) = (router.stack(), router.interface(self.link));
        stack.advertise(id, what).unwrap();
        self.net.run_for(secs(20));
    }
}

fn automatic() -> (World, Log) {
    served(ClientConfig::new(), |request| match request.kind {
        INFORMATION_REQUEST => informing(None)(request),
        _ => usual(1000)(request),
    })
}

#[test]
fn routers_start_the_client() {
    let (world, log) = automatic();
    world.net.run_for(secs(20));
    world.announce(RouterFlags::empty());
    assert_eq!(kinds(&log), [0; 0]);
    assert_eq!(world.state(), ClientState::Idle);
    world.announce(RouterFlags::OTHER);
    assert_eq!(kinds(&log), [INFORMATION_REQUEST]);
    assert_eq!(world.state(), ClientState::Informed);
    world.announce(RouterFlags::MANAGED);
    assert_eq!(kinds(&log), [INFORMATION_REQUEST, SOLICIT, REQUEST]);
    world.assert_bound();
}

#[test]
fn leases_are_kept_when_routers_speak_of_addresses_no_longer() {
    let (world, log) = automatic();
    world.announce(RouterFlags::MANAGED | RouterFlags::OTHER);
    world.assert_bound();
    log.take();
    world.announce(RouterFlags::OTHER);
    world.net.run_for(secs(500));
    world.assert_bound();
    assert_eq!(kinds(&log), [RENEW]);
}

#[test]
fn client_that_finds_no_leases_follows_routers_that_speak_of_none() {
    let (world, log) = served(ClientConfig::new(), |request| match request.kind {
        INFORMATION_REQUEST => informing(None)(request),
        _ => Vec::new(),
    });
    world.announce(RouterFlags::MANAGED);
    assert_eq!(world.state(), ClientState::Soliciting);
    world.announce(RouterFlags::OTHER);
    assert_eq!(world.state(), ClientState::Informed);
    log.take();
    // And stops where there is nothing.
    let (world, log) = served(ClientConfig::new(), |_| Vec::new());
    world.announce(RouterFlags::OTHER);
    assert_eq!(world.state(), ClientState::Informing);
    world.announce(RouterFlags::empty());
    log.take();
    world.net.run_for(secs(10_000));
    assert_eq!(kinds(&log), [0; 0]);
}

/// Everything that the client itself reads, and an option that it knows nothing of.
fn talkative(request: &Request) -> Vec<Answer> {
    let ntp = |code, value: &[u8]| option(56, &option(code, value));
    let answers = usual(1000)(request).into_iter();
    let more = |answer: Answer| {
        answer
            .with(option(59, b"http://boot.test/"))
            .with(option(23, &DNS.map(|server| server.octets()).concat()))
            .with(option(24, b"\x03lab\x04test\x00\x04test\x00"))
            .with(option(31, &DNS[1].octets()))
            .with(ntp(1, &DNS[0].octets()))
            .with(ntp(2, &GROUP.octets()))
            .with(ntp(3, b"\x04time\x04test\x00"))
            .with(ntp(9, b"?"))
            .with(option(39, b"\x01\x06kettle\x04test\x00"))
            .with(option(17, &[0, 0, 0x7e, 0xd9, 0, 1, 0, 1, 9]))
    };
    answers.map(more).collect()
}

#[test]
fn everything_that_servers_say_can_be_read() {
    let (world, _) = served(stateful().request(&[59]), talkative);
    world.bind();
    let shown = world.client.options(|options| {
        assert!(options.dns_servers().eq(DNS));
        let domains = options.search_domains().map(|name| name.to_string());
        assert_eq!(domains.collect::<Vec<_>>(), ["lab.test", "test"]);
        assert!(options.sntp_servers().eq([DNS[1]]));
        let time = [
            NtpServer::Address(DNS[0]),
            NtpServer::Group(GROUP),
            NtpServer::Name(b"\x04time\x04test\x00"),
        ];
        assert!(options.ntp_servers().eq(time));
        assert_eq!(options.fqdn(), Some(&b"\x06kettle\x04test\x00"[..]));
        assert_eq!(options.get(59), Some(&b"http://boot.test/"[..]));
        assert_eq!(options.get(code::VENDOR_OPTIONS).map(<[u8]>::len), Some(9));
        // What belongs to the exchange is not kept.
        assert_eq!(options.get(code::CLIENT_IDENTIFIER), None);
        assert_eq!(options.get(code::IA_NA), None);
    });
    assert_eq!(shown, Some(()));
    assert_eq!(world.client.counters().missed, 0);
}

#[test]
fn options_for_which_there_is_no_room_are_counted_and_those_in_use_come_first() {
    let (world, _) = served(stateful(), |request| {
        let answers = talkative(request).into_iter();
        let more = |mut answer: Answer| {
            answer.bytes.splice(4..4, option(200, &[7; 255]));
            answer
        };
        answers.map(more).collect()
    });
    world.bind();
    assert_eq!(world.client.counters().missed, 1);
    let servers = world
        .client
        .options(|options| options.dns_servers().count());
    assert_eq!(servers, Some(2));
}

#[test]
fn configuration_that_is_said_no_longer_is_gone() {
    let (world, _) = served(stateful(), |request| match request.kind {
        RENEW => usual(1000)(request),
        _ => talkative(request),
    });
    world.bind();
    assert_eq!(
        world.client.options(|options| options.get(23).is_some()),
        Some(true)
    );
    world.net.run_for(secs(510));
    assert_eq!(
        world.client.options(|options| options.get(23).is_some()),
        Some(false)
    );
}

#[test]
fn configuration_goes_with_the_leases() {
    let mut is_over = false;
    let (world, _) = served(stateful(), move |request| {
        let answers = if is_over {
            Vec::new()
        } else {
            talkative(request)
        };
        is_over |= request.kind == REQUEST;
        answers
    });
    world.bind();
    assert_eq!(world.client.options(|_| ()), Some(()));
    world.net.run_for(secs(2005));
    assert_eq!(world.client.options(|_| ()), None);
}

#[test]
fn resolver_is_told_of_servers_as_long_as_there_are_leases() {
    let world = world(1, stateful());
    let server = world.servers[1].link_local(world.link);
    world.serve(0, move |request| {
        let answers = usual(1000)(request).into_iter();
        let more = |answer: Answer| answer.with(option(23, &server.octets()));
        answers.map(more).collect()
    });
    let socket = world.servers[1].udp("[::]:53");
    let resolver: &'static _ = Box::leak(Box::new(Resolver::new(world.host.stack())));
    world.bind();
    world
        .net
        .spawn(resolver.lookup_host("host.test", Family::V6));
    world.net.run_for(secs(1));
    let mut bytes = [0; 512];
    assert!(socket.try_recv_from(&mut bytes).is_some());
    world.client.release();
    world.net.run_for(secs(1));
    let refused = world
        .net
        .block_on(resolver.lookup_host("other.test", Family::V6));
    assert_eq!(refused.err(), Some(DnsError::NoServers));
}

#[test]
fn client_says_what_it_is_configured_to() {
    let config = stateful()
        .fqdn("kettle.lab.", DnsUpdates::Server)
        .user_class(&[b"kitchen", b"tea"])
        .vendor_class(32473, &[b"kettle", b"2"])
        .vendor_options(32473, &[0, 1, 0, 1, 9])
        // Of these those are left out that may not be asked for, or are anyhow (§21.7).
        .request(&[59, 1, 3, 23, 32, 59 + 1]);
    let (world, log) = served(config, usual(1000));
    world.bind();
    world.net.run_for(secs(510));
    world.link.down();
    world.net.run_for(secs(2));
    world.link.up();
    world.net.run_for(secs(5));
    world.client.release();
    world.net.run_for(secs(5));
    assert_eq!(kinds(&log), [SOLICIT, REQUEST, RENEW, CONFIRM, RELEASE]);
    for message in log.take() {
        assert_eq!(message.option(15), Some(&b"\x00\x07kitchen\x00\x03tea"[..]));
        assert_eq!(
            message.option(16),
            Some(&b"\x00\x00\x7e\xd9\x00\x06kettle\x00\x012"[..])
        );
        assert_eq!(
            message.option(17),
            Some(&[0, 0, 0x7e, 0xd9, 0, 1, 0, 1, 9][..])
        );
        // RFC 4704 §5, RFC 8415 §21.7.
        let asks = message.kind != CONFIRM && message.kind != RELEASE;
        let name = &b"\x01\x06kettle\x03lab\x00"[..];
        assert_eq!(message.option(39), asks.then_some(name));
        assert_eq!(message.option(6).is_some(), asks);
        if asks {
            assert_eq!(message.asked(), [82, 83, 39, 23, 24, 56, 31, 59, 60]);
        }
    }
}

#[test]
fn name_may_be_partial_and_its_records_anybodys() {
    for (updates, flags) in [(DnsUpdates::Client, 0), (DnsUpdates::None, 4)] {
        let (world, log) = served(stateful().fqdn("kettle", updates), usual(1000));
        world.bind();
        let expected = [&[flags][..], b"\x06kettle"].concat();
        assert_eq!(log.borrow()[0].option(39), Some(&expected[..]));
    }
}

#[cfg(feature = "hostname")]
#[test]
fn name_of_the_stack_is_said_where_there_is_no_other() {
    let (world, log) = served(stateful(), usual(1000));
    world.host.stack().set_hostname("samovar").unwrap();
    world.bind();
    for message in log.take() {
        assert_eq!(message.option(39), Some(&b"\x01\x07samovar"[..]));
    }
}

#[test]
fn duid_may_be_given() {
    let uuid = Box::leak(Box::new(Duid::uuid([7; 16])));
    let (world, log) = served(stateful().duid(uuid.as_bytes()), usual(1000));
    world.bind();
    let expected = [&[0, 4][..], &[7; 16]].concat();
    assert_eq!(log.borrow()[0].option(1), Some(&expected[..]));
    assert_eq!(world.client.duid().as_ref(), Some(&*uuid));
}

#[test]
fn configuration_that_cannot_be_is_refused() {
    let net = Network::new(1);
    let host = net.host("client");
    let ethernet = net.link((host, net.host("other")));
    let new = |config| {
        let client = Dhcpv6Client::new(host.stack(), host.interface(ethernet), config);
        client.map(|_| ())
    };
    assert_eq!(new(stateful().addresses(0)), Err(ConfigError::Associations));
    assert_eq!(
        new(stateful().addresses(2).prefixes(1, 0)),
        Err(ConfigError::Associations)
    );
    assert_eq!(
        new(stateful().prefixes(1, 129)),
        Err(ConfigError::Associations)
    );
    assert_eq!(new(stateless().addresses(0)), Ok(()));
    assert_eq!(
        new(stateful().duid(&[0, 4])),
        Err(ConfigError::NoIdentifier)
    );
    assert_eq!(
        new(stateful().duid(&[7; 131])),
        Err(ConfigError::NoIdentifier)
    );
    assert_eq!(new(stateful().duid(&[7; 130])), Ok(()));
    let long: &'static [u8] = &[7; 800];
    assert_eq!(
        new(stateful().vendor_options(1, long)),
        Err(ConfigError::TooLong)
    );
    // A link without addresses gives no DUID.
    let tunnel = net.ip_link((host, net.host("far")));
    let first = Network::new(2);
    let alone = first.host("alone");
    let link = first.ip_link((alone, first.host("other")));
    let refused = Dhcpv6Client::new(alone.stack(), alone.interface(link), stateful()).err();
    assert_eq!(refused, Some(ConfigError::NoIdentifier));
    // Where another interface has one that is taken (§11).
    let client = Dhcpv6Client::new(host.stack(), host.interface(tunnel), stateful()).unwrap();
    let duid = [&[0, 3, 0, 1][..], &host.mac(ethernet)].concat();
    assert_eq!(client.duid().unwrap().as_bytes(), duid);
}
