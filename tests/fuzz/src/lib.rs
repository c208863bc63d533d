//! What the fuzz targets do with arbitrary octets: read them as one format, look at all that was
//! read, and hold what every reader promises. `targets/` hands these to a fuzzer; the tests of the
//! main package run them over `corpus/`.

use std::fmt::Debug;
use std::hint::black_box;
use std::net::{IpAddr, Ipv6Addr};

use zonda::proto::{dhcpv4, dhcpv6, dns, http, sntp, zperf};
use zonda::wire;

mod buffers;
mod stack;
mod stream;

pub use buffers::netbuf;
pub use stack::stack;
pub use stream::stream;

/// What is done with arbitrary octets.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 24] = [
    ("ethernet", ethernet),
    ("arp", arp),
    ("ipv4", ipv4),
    ("ipv6", ipv6),
    ("icmpv4", icmpv4),
    ("icmpv6", icmpv6),
    ("ndp", ndp),
    ("igmp", igmp),
    ("mld", mld),
    ("udp", udp),
    ("tcp", tcp),
    ("dns", dns),
    ("dhcpv4", dhcpv4),
    ("dhcpv6", dhcpv6),
    ("sntp", sntp),
    ("http", http),
    ("zperf", zperf),
    ("http-response", http_response),
    ("slip", slip),
    ("llmnr", llmnr),
    ("mdns", mdns),
    ("stack", stack),
    ("stream", stream),
    ("netbuf", netbuf),
];

/// Looks at all that a value has to show.
fn look(value: impl Debug) {
    black_box(format!("{value:?}"));
}

/// An Ethernet header, and what may follow a length.
pub fn ethernet(data: &[u8]) {
    use wire::ethernet::{EthernetHeader, SnapHeader};

    let Some((header, rest)) = data.split_first_chunk() else {
        return;
    };
    let header = EthernetHeader::new(header);
    look((header.destination(), header.source(), header.ethertype()));
    look(header.kind());
    if let Some(Ok(snap)) = rest.first_chunk().map(SnapHeader::new) {
        look((snap.organization(), snap.protocol(), snap.ethertype()));
    }
}

/// An ARP packet.
pub fn arp(data: &[u8]) {
    use wire::arp::ArpPacket;

    if let Some(Ok(packet)) = data.first_chunk().map(ArpPacket::new) {
        look((
            packet.operation(),
            packet.is_probe(),
            packet.is_announcement(),
        ));
        look((packet.sender_hardware(), packet.sender_protocol()));
        look((packet.target_hardware(), packet.target_protocol()));
    }
}

/// An IPv4 header and its options.
pub fn ipv4(data: &[u8]) {
    use wire::ipv4::{HEADER_LENGTH, Ipv4Header};
    use wire::ipv4_options::{Ipv4OptionIter, Ipv4Options};

    let Some(Ok(header)) = data.first_chunk().map(Ipv4Header::new) else {
        return;
    };
    look((header.source(), header.destination(), header.protocol()));
    let length = header.options_length();
    assert!(length <= 40);
    if let Ok(options) = Ipv4Options::read(data, HEADER_LENGTH, length) {
        assert_eq!(options.as_bytes().len(), length);
        assert!(options.iter().count() <= length);
        options.iter().for_each(look);
        look((options.for_fragment(), options.reflected()));
        let mut recorded = options;
        look(recorded.record([10, 0, 0, 1].into(), 7));
        recorded.iter().for_each(look);
    }
    Ipv4OptionIter::new(data)
        .take(data.len() + 1)
        .for_each(look);
}

/// An IPv6 header and the headers behind it.
pub fn ipv6(data: &[u8]) {
    use wire::ipv6::{HEADER_LENGTH, Ipv6Header};
    use wire::ipv6_extension::HeaderChain;

    let Some(Ok(header)) = data.first_chunk().map(Ipv6Header::new) else {
        return;
    };
    look((
        header.source(),
        header.destination(),
        header.payload_length(),
    ));
    let packet = data.get(HEADER_LENGTH..).unwrap_or_default();
    let chain = HeaderChain::new(packet, header.next_header());
    let mut count = 0;
    for item in chain {
        count += 1;
        look(item);
        if let Ok(header) = item {
            header.options(packet).for_each(look);
        }
    }
    assert!(count <= packet.len() + 1);
}

/// An ICMPv4 message.
pub fn icmpv4(data: &[u8]) {
    use wire::icmpv4::{HEADER_LENGTH, Icmpv4Header, Icmpv4Timestamps};

    let Some((header, rest)) = data.split_first_chunk::<HEADER_LENGTH>() else {
        return;
    };
    let header = Icmpv4Header::new(header);
    look((header.message_type(), header.code(), header.checksum()));
    look((
        header.unreachable_code(),
        header.redirect_code(),
        header.gateway(),
    ));
    look((
        header.identifier(),
        header.sequence(),
        header.next_hop_mtu(),
    ));
    look((header.pointer(), header.original_length()));
    if let Some(timestamps) = rest.first_chunk() {
        let timestamps = Icmpv4Timestamps::new(timestamps);
        look((
            timestamps.originate(),
            timestamps.receive(),
            timestamps.transmit(),
        ));
    }
}

/// An ICMPv6 message.
pub fn icmpv6(data: &[u8]) {
    use wire::icmpv6::{HEADER_LENGTH, Icmpv6Header};

    if let Some(header) = data.first_chunk::<HEADER_LENGTH>() {
        let header = Icmpv6Header::new(header);
        look((header.message_type(), header.code(), header.checksum()));
        look((header.parameter(), header.mtu(), header.pointer()));
        look((
            header.identifier(),
            header.sequence_number(),
            header.quote_length(),
        ));
    }
}

/// Each message of Neighbor Discovery, and options.
pub fn ndp(data: &[u8]) {
    use wire::ndp::{
        Envelope, NeighborAdvertisement, NeighborSolicitation, Redirect, RouterAdvertisement,
        RouterSolicitation,
    };
    use wire::ndp_option::{NdpOption, NdpOptions};

    let envelope = Envelope {
        hop_limit: 255,
        source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
        destination: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
    };
    look(RouterSolicitation::check(&envelope, data));
    if let Ok(fixed) = RouterAdvertisement::check(&envelope, data) {
        let message = RouterAdvertisement::new(&fixed);
        look((
            message.flags(),
            message.preference(),
            message.router_lifetime(),
        ));
        look((message.reachable_time(), message.retrans_timer()));
    }
    if let Ok(fixed) = NeighborSolicitation::check(&envelope, data) {
        look(NeighborSolicitation::new(&fixed).target());
    }
    if let Ok(fixed) = NeighborAdvertisement::check(&envelope, data) {
        let message = NeighborAdvertisement::new(&fixed);
        look((message.target(), message.flags()));
    }
    look(Redirect::check(&envelope, data));
    for offset in [0, 8, 16, 24, 40] {
        let mut count = 0;
        for option in NdpOptions::new(data, offset) {
            count += 1;
            look(option);
            if let Ok(NdpOption::Rdnss(servers)) = option {
                servers.addresses(data).for_each(look);
            }
        }
        assert!(count <= data.len());
    }
}

/// An IGMP message.
pub fn igmp(data: &[u8]) {
    use wire::igmp::{HEADER_LENGTH, IgmpHeader, read_query};

    if let Some(header) = data.first_chunk::<HEADER_LENGTH>() {
        let header = IgmpHeader::new(header);
        look((
            header.message_type(),
            header.max_response_code(),
            header.group(),
        ));
    }
    if let Ok(query) = read_query(data) {
        look(query);
        assert!(query.first_source + 4 * usize::from(query.sources) <= data.len());
    }
}

/// An MLD message.
pub fn mld(data: &[u8]) {
    use wire::mld::{read_address, read_query};

    look(read_address(data));
    if let Ok(query) = read_query(data) {
        look(query);
        assert!(query.first_source + 16 * usize::from(query.sources) <= data.len());
    }
}

/// A UDP header.
pub fn udp(data: &[u8]) {
    use wire::udp::UdpHeader;

    if let Some(Ok(header)) = data.first_chunk().map(UdpHeader::new) {
        look((
            header.source_port(),
            header.destination_port(),
            header.length(),
        ));
        look((
            header.data_length(),
            header.checksum(),
            header.has_checksum(),
        ));
    }
}

/// A TCP header and its options.
pub fn tcp(data: &[u8]) {
    use wire::tcp::{HEADER_LENGTH, TcpHeader};
    use wire::tcp_options::{TcpOptionSpace, TcpOptions};

    look(TcpOptions::parse(data));
    let Some(Ok(header)) = data.first_chunk().map(TcpHeader::new) else {
        return;
    };
    look((
        header.source_port(),
        header.destination_port(),
        header.flags(),
    ));
    look((header.sequence(), header.acknowledgment(), header.window()));
    let length = header.options_length();
    assert!(length <= 40);
    if let Ok(space) = TcpOptionSpace::read(data, HEADER_LENGTH, length) {
        look(space.parse());
    }
}

/// A DNS message: what is read of it can be written, and read again.
pub fn dns(data: &[u8]) {
    use dns::{Message, MessageWriter, NameRef};

    if let Ok((name, end)) = NameRef::read(data, 0) {
        assert!(end <= data.len());
        let text = name.to_string();
        let again = dns::Name::new(&text).expect("what is written can be read");
        assert_eq!(again, name);
    }
    let Ok(message) = Message::new(data) else {
        return;
    };
    look((
        message.id(),
        message.flags(),
        message.opcode(),
        message.rcode(),
    ));
    let is_whole = message.check().is_ok();
    let mut bytes = vec![0; 0x1_0000];
    let mut writer = MessageWriter::new(&mut bytes, message.id(), message.flags()).unwrap();
    let mut count = 0;
    for question in message.questions().map_while(Result::ok) {
        look(question);
        let written = writer.question(
            question.name,
            question.kind,
            question.class,
            question.unicast,
        );
        count += usize::from(written.is_ok());
    }
    let mut written = Vec::new();
    // "such optimization may easily destroy the output preservation of case" (RFC 4343 §4.1).
    let text = |data: &dns::RecordData<'_>| format!("{data:?}").to_ascii_lowercase();
    for record in message.records().map_while(Result::ok) {
        let data = record.data();
        look((&record.name, record.ttl(), record.edns(), &data));
        let Ok(data) = data else {
            assert!(!is_whole || record.kind != dns::RecordType::A);
            continue;
        };
        let class = (record.class(), record.is_cache_flush());
        let result = writer.record(record.section, record.name, class, record.ttl(), &data);
        if result.is_ok() {
            written.push((record.kind, text(&data)));
        }
    }
    let again = Message::new(writer.finish()).unwrap();
    assert_eq!(again.questions().count(), count);
    let read = again.records().map(|record| {
        let record = record.expect("what is written can be read");
        (record.kind, text(&record.data().unwrap()))
    });
    assert!(read.eq(written));
}

/// A DHCPv4 message.
pub fn dhcpv4(data: &[u8]) {
    use dhcpv4::{ClasslessRoutes, Message};

    ClasslessRoutes::new(data).for_each(look);
    let Ok(message) = Message::new(data) else {
        return;
    };
    look((message.operation(), message.kind(), message.flags()));
    look((message.client_address(), message.your_address()));
    look((message.server_name(), message.boot_file()));
    assert!(message.hardware_address().len() <= 16);
    assert!(message.options().count() <= data.len() + 192);
    for code in 0..=255 {
        if let Some(option) = message.option(code) {
            assert!(option.count() <= data.len() + 192);
        }
    }
    look(message.check());
}

/// A DHCPv6 message, with what is in its leases.
pub fn dhcpv6(data: &[u8]) {
    use dhcpv6::{Association, DuidKind, Message, code};

    look(DuidKind::read(data));
    look(Association::read(data).is_some());
    let Ok(message) = Message::new(data) else {
        return;
    };
    look((message.kind(), message.transaction(), message.status()));
    look((message.server(), message.client(), message.check()));
    assert!(message.options().count() <= data.len());
    for kind in [code::IA_NA, code::IA_PD] {
        for association in message.options().all(kind).filter_map(Association::read) {
            assert!(association.addresses().count() <= data.len());
            assert!(association.prefixes().count() <= data.len());
        }
    }
}

/// What clients of iperf say before their data, and what servers say of them.
pub fn zperf(data: &[u8]) {
    use zperf::message::{Flags, NUMBER_LENGTH, Numbered, Request, Summary};

    if let Some(beginning) = Numbered::new(data) {
        look((beginning.number(true), beginning.number(false)));
        black_box(beginning.sent().to_string());
    }
    let behind = data.get(NUMBER_LENGTH..).unwrap_or(&[]);
    for request in [data, behind].into_iter().filter_map(Request::new) {
        look((request.flags(), request.tests(), request.streams()));
        look((request.port(), request.write_length(), request.amount()));
        look((request.traffic_class(), request.rate()));
        look(request.wants_acknowledgment());
        let length = Request::length(request.flags());
        assert!(length > 0 || request.flags().contains(Flags::LENGTH));
    }
    if let Some(summary) = Summary::new(data) {
        look(summary);
        let again = Summary::new(&summary.report()).expect("it is one");
        assert_eq!(
            (again.bytes, again.lost, again.reordered, again.datagrams),
            (
                summary.bytes,
                summary.lost,
                summary.reordered,
                summary.datagrams
            ),
        );
    }
}

/// The header of an NTP message, and the times in it.
pub fn sntp(data: &[u8]) {
    use sntp::NtpTimestamp;
    use sntp::message::Header;

    let Some(header) = Header::new(data) else {
        return;
    };
    look((header.leap(), header.version(), header.mode()));
    look((header.stratum(), header.poll(), header.reference()));
    look((header.root_delay(), header.root_dispersion()));
    for time in [header.originate(), header.receive(), header.transmit()] {
        black_box(time.to_unix().to_string());
        let again = NtpTimestamp::from_unix(time.to_unix());
        // A nanosecond is some four of its fractions.
        assert!(time.0 == 0 || time.0.abs_diff(again.0) <= 5);
    }
}

/// A request of HTTP, what its fields say, and its body if that comes in chunks.
pub fn http(data: &[u8]) {
    use http::{BodyLength, Fields, Request, SectionScanner, Validators};

    let mut scanner = SectionScanner::new();
    let end = scanner.scan(data);
    // However the octets come.
    let mut scanner = SectionScanner::new();
    let mut steps = (0..=data.len()).map(|length| scanner.scan(&data[..length]));
    let other = steps
        .find(|scanned| *scanned != Ok(None))
        .unwrap_or(Ok(None));
    assert_eq!(end, other);
    let Ok(Some(end)) = end else {
        return;
    };
    let (head, body) = data.split_at(end);
    if let Ok(fields) = Fields::new(head) {
        fields.iter().for_each(look);
    }
    let Ok(request) = Request::new(head) else {
        return;
    };
    look(request);
    let mut room = [0; 64];
    for (name, value) in request.query() {
        look((name.decode(&mut room), value.number()));
    }
    look(http::wildcard("/*/b/**", request.path(), 1));
    look((request.authority(), request.wishes_upgrade("h2c")));
    look((request.expects_continue(), request.expects_more()));
    let credentials = request.credentials();
    look(credentials.and_then(|credentials| credentials.basic(&mut room).map(|_| ())));
    look(http::accepts_gzip(&request.fields()));
    let validators = Validators {
        etag: Some(http::EntityTag::strong("abc")),
        last_modified: Some(http::HttpDate::from_unix(784_111_777)),
    };
    look(validators.precondition(&request));
    let range = validators.range(&request, 1000);
    if let http::ByteRange::Part { first, last } = range {
        assert!(first <= last && last < 1000);
    }
    if request.body_length() == BodyLength::Chunked {
        let whole = chunks(body, body.len().max(1));
        assert_eq!(whole, chunks(body, 1));
    }
}

/// The head of a response of HTTP, and its body if that comes in chunks.
pub fn http_response(data: &[u8]) {
    use http::{BodyLength, Method, ResponseHead, SectionScanner};

    let Ok(Some(end)) = SectionScanner::new().scan(data) else {
        return;
    };
    let (head, body) = data.split_at(end);
    let Ok(response) = ResponseHead::new(head) else {
        return;
    };
    look(response);
    look((response.keeps_alive(), response.status().reason()));
    let hidden = response.body_length(Method::Head);
    assert_eq!(hidden, Ok(BodyLength::Octets(0)));
    if response.body_length(Method::Get) == Ok(BodyLength::Chunked) {
        let whole = chunks(body, body.len().max(1));
        assert_eq!(whole, chunks(body, 1));
    }
}

/// The content of chunks, and where they end, read so many octets at a time.
fn chunks(body: &[u8], step: usize) -> Option<(Vec<u8>, usize)> {
    let mut decoder = http::ChunkedDecoder::new();
    let (mut content, mut read) = (Vec::new(), 0);
    while read < body.len() && !decoder.is_over() {
        let some = &body[read..body.len().min(read + step)];
        let decoded = decoder.decode(some, step).ok()?;
        assert!(decoded.consumed > 0 && decoded.content.end <= some.len());
        content.extend(&some[decoded.content]);
        read += decoded.consumed;
    }
    Some((content, read))
}

/// Octets of a serial line. What is decoded of them comes back when it is encoded and decoded again.
pub fn slip(data: &[u8]) {
    use zonda::l2::slip::Encoder;

    let (frames, _) = slip_frames(data);
    for frame in frames {
        let (mut encoder, mut rest) = (Encoder::new(), frame.as_slice());
        let (mut line, mut some) = (Vec::new(), [0; 7]);
        while !rest.is_empty() {
            let written = encoder.encode(&mut rest, &mut some);
            line.extend_from_slice(&some[..written]);
        }
        while !encoder.is_done() {
            let written = encoder.end(&mut some);
            line.extend_from_slice(&some[..written]);
        }
        assert_eq!(slip_frames(&line), (vec![frame], 0));
    }
}

/// The good frames on a line, and how many were bad.
fn slip_frames(mut line: &[u8]) -> (Vec<Vec<u8>>, usize) {
    use zonda::l2::slip::{Decoder, Piece};

    let (mut decoder, mut frames, mut bad) = (Decoder::new(), Vec::new(), 0);
    let mut frame = Vec::new();
    while let Some(piece) = decoder.next(&mut line) {
        match piece {
            Piece::Data(data) => frame.extend_from_slice(data),
            Piece::End if frame.is_empty() => {}
            Piece::End => frames.push(std::mem::take(&mut frame)),
            Piece::Bad => {
                frame.clear();
                bad += 1;
            }
        }
    }
    (frames, bad)
}

/// A datagram to the port of LLMNR, from another host and by both versions, to a stack that answers.
pub fn llmnr(data: &[u8]) {
    let groups: [IpAddr; 2] = [
        [224, 0, 0, 252].into(),
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3).into(),
    ];
    hear(groups, (4000, 5355), data);
}

/// A datagram to the port of multicast DNS, from a neighbour and from a program that knows no
/// multicast, to a stack that has a name and a service and asks for others.
pub fn mdns(data: &[u8]) {
    let groups: [IpAddr; 2] = [
        [224, 0, 0, 251].into(),
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb).into(),
    ];
    for from in [5353, 4000] {
        hear(groups, (from, 5353), data);
    }
}

/// Another host sends to groups of both versions.
fn hear(groups: [IpAddr; 2], ports: (u16, u16), data: &[u8]) {
    let frames = groups.map(|group| {
        let source: IpAddr = match group {
            IpAddr::V4(_) => [10, 0, 0, 9].into(),
            IpAddr::V6(_) => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9).into(),
        };
        stack::datagram((source, group), ports, data)
    });
    stack::run(&frames);
}
