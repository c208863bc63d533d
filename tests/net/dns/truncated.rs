//! What is too long for UDP comes by TCP (RFC 1035 §4.2.2, RFC 7766).

use zonda::socket::TcpListener;

use super::*;

/// What the server sends back, octet by octet; nothing: it closes.
type Script = fn(&Query) -> Vec<u8>;

/// A server that truncates all by UDP, and answers by TCP.
fn truncating(number: usize, world: &World, script: Script) -> (Log, Log) {
    let udp = world.serve(number, |query| {
        // Part of the answer is there already; it is not to be used.
        vec![query.addresses(&["10.6.6.6"]).truncated()]
    });
    let (tcp, server) = (Log::default(), world.servers[number]);
    let kept = tcp.clone();
    world.net.spawn(async move {
        let stack = server.stack();
        let listener = TcpListener::bind(stack, "[::]:53".parse().unwrap(), 4).unwrap();
        loop {
            let mut socket = listener.accept().await;
            let peer = socket.peer_addr().unwrap();
            let mut bytes = Vec::new();
            while bytes.len() < 2 || bytes.len() < 2 + usize::from(be16(&bytes, 0)) {
                let Ok(Some(more)) = socket.recv().await else {
                    break;
                };
                more.fragments().for_each(|part| bytes.extend(part));
            }
            assert_eq!(usize::from(be16(&bytes, 0)), bytes.len() - 2);
            let query = Query::read(&bytes[2..], peer, stack.now());
            let answer = script(&query);
            kept.borrow_mut().push(query);
            // In small pieces.
            for part in answer.chunks(700) {
                let mut part = part;
                while !part.is_empty() {
                    match socket.write(part).await {
                        Ok(written) => part = &part[written..],
                        Err(_) => part = &[],
                    }
                }
                stack.sleep(ms(3)).await;
            }
            socket.shutdown();
            stack.sleep(ms(50)).await;
        }
    });
    (udp, tcp)
}

fn framed(reply: &Reply) -> Vec<u8> {
    let bytes = reply.bytes();
    [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
}

fn one_truncating(script: Script) -> (World, Log, Log) {
    let world = world(1);
    let (udp, tcp) = truncating(0, &world, script);
    world.use_servers(&SERVERS[..1]);
    (world, udp, tcp)
}

#[test]
fn truncated_answer_is_asked_for_by_tcp() {
    let (world, udp, tcp) = one_truncating(|query| framed(&query.addresses(&["10.1.1.1"])));
    for _ in 0..2 {
        assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    }
    let (udp, tcp) = (take(&udp), take(&tcp));
    assert_eq!((udp.len(), tcp.len()), (1, 1));
    assert!(tcp[0].id != udp[0].id && tcp[0].is("host", A));
    let counters = world.resolver.counters();
    assert_eq!((counters.truncated, counters.tcp_queries), (1, 1));
}

#[test]
fn of_a_long_answer_by_tcp_the_beginning_is_used_and_not_remembered() {
    let (world, _udp, tcp) = one_truncating(|query| {
        // As many as the cache would take; more may come behind what is read.
        let reply = query.addresses(&["10.1.1.1", "10.1.1.2"]);
        let reply = (0..6).fold(reply, |reply, _| reply.answer("x", 99, 60, &[1; 250]));
        framed(&reply.address(&query.name, 60, "10.1.1.3"))
    });
    for _ in 0..2 {
        assert_eq!(world.v4("host").unwrap(), ["10.1.1.1", "10.1.1.2"]);
    }
    assert_eq!(take(&tcp).len(), 2);
    let (world, _udp, _tcp) = one_truncating(|query| {
        let texts: Vec<_> = (0..600)
            .map(|n| format!("10.1.{}.{}", n / 250, n % 250))
            .collect();
        let texts: Vec<_> = texts.iter().map(|text| &text[..]).collect();
        framed(&query.addresses(&texts))
    });
    let found = world.v4("host").unwrap();
    assert_eq!((found.len(), &found[7][..]), (8, "10.1.0.7"));
}

#[test]
fn record_that_is_too_long_is_said_to_be() {
    let (world, _udp, _tcp) = one_truncating(|query| {
        let text = [&[200; 1][..], &[b'x'; 200]].concat().repeat(10);
        framed(&query.reply().answer(&query.name, TXT, 60, &text))
    });
    let mut bytes = [0; 4000];
    let texts = world
        .net
        .block_on(world.resolver.lookup_txt("host", &mut bytes));
    assert_eq!(texts.unwrap_err(), DnsError::TooLong);
}

#[test]
fn server_whose_tcp_fails_is_passed_over() {
    let scripts: [Script; 5] = [
        // It closes, at once and too early; what it says is not for this query, or malformed; or
        // truncated again.
        |_| Vec::new(),
        |query| framed(&query.addresses(&["10.6.6.6"]))[..30].to_vec(),
        |query| {
            let mut reply = query.addresses(&["10.6.6.6"]);
            reply.id ^= 1;
            framed(&reply)
        },
        |query| framed(&query.reply().answer(&query.name, A, 60, &[1])),
        |query| framed(&query.addresses(&["10.6.6.6"]).truncated()),
    ];
    for script in scripts {
        let world = world(1);
        let _logs = truncating(0, &world, script);
        let _second = world.serve(1, |query| vec![query.addresses(&["10.1.1.1"])]);
        world.use_servers(&SERVERS);
        assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    }
    // Nobody listens.
    let world = world(1);
    let _first = world.serve(0, |query| vec![query.reply().truncated()]);
    let _second = world.serve(1, |query| vec![query.addresses(&["10.1.1.1"])]);
    world.use_servers(&SERVERS);
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
}

#[test]
fn answer_longer_than_was_offered_counts_as_truncated() {
    let (world, _log) = served(|query| {
        let reply = (0..65).fold(query.reply(), |reply, n| {
            reply.address(&query.name, 60, &format!("10.6.6.{n}"))
        });
        vec![reply]
    });
    assert_eq!(world.v4("host"), Err(DnsError::Unreachable));
    assert_eq!(world.resolver.counters().answers, 0);
}

#[test]
fn server_of_a_link_is_asked_by_tcp_on_that_link() {
    let world = world(1);
    let (_udp, tcp) = truncating(0, &world, |query| framed(&query.addresses(&["10.1.1.1"])));
    let (client, idle) = (world.net.host("client2"), world.net.host("idle"));
    let _first = world.net.link([client, idle]);
    let second = world.net.link([client, world.servers[0]]);
    world.net.run_for(secs(3));
    let resolver = Resolver::new(client.stack());
    let server = world.servers[0].link_local(second).into();
    let id = client.interface(second);
    resolver.set_servers(ServerSource::Static, Some(id), &[server]);
    let found = world.net.block_on(resolver.lookup_host("host", Family::V4));
    assert_eq!(found.unwrap()[..], [ip("10.1.1.1")]);
    assert_eq!(take(&tcp).len(), 1);
}
