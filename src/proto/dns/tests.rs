//! Messages against literal bytes, and whatever else there may be in them.

use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::wire::Malformed;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The example of RFC 1035 §4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at
/// 92.
fn rfc1035_example() -> Vec<u8> {
    let mut bytes = vec![0; 93];
    bytes[20..32].copy_from_slice(b"\x01F\x03ISI\x04ARPA\x00");
    bytes[40..46].copy_from_slice(b"\x03FOO\xc0\x14");
    bytes[64..66].copy_from_slice(b"\xc0\x1a");
    bytes
}

#[test]
fn rfc1035_4_1_4_compressed_names_are_read() {
    let bytes = rfc1035_example();
    let read = |at| {
        let (name, end) = NameRef::read(&bytes, at).unwrap();
        (name.to_string(), end)
    };
    assert_eq!(read(20), ("F.ISI.ARPA".into(), 32));
    assert_eq!(read(40), ("FOO.F.ISI.ARPA".into(), 46));
    assert_eq!(read(64), ("ARPA".into(), 66));
    assert_eq!(read(92), (".".into(), 93));
}

#[test]
fn pointers_lead_back_only_and_are_bounded() {
    let refused = |bytes: &[u8], at| NameRef::read(bytes, at).unwrap_err();
    // To itself, forward, and round in a circle.
    assert_eq!(refused(b"\xc0\x00", 0), Malformed::Value);
    assert_eq!(refused(b"\xc0\x02\x00", 0), Malformed::Value);
    assert_eq!(refused(b"\x01a\xc0\x00", 0), Malformed::Value);
    assert_eq!(refused(b"\x01a\xc0\x00\xc0\x00", 4), Malformed::Value);
    // Into the labels that it follows.
    assert_eq!(refused(b"\x00\x01a\x01b\xc0\x03", 1), Malformed::Value);
    // A long chain of pointers, each to the one before.
    let mut chain = vec![0, 0];
    for to in 0..100u16 {
        chain.extend((0xc000 + to * 2).to_be_bytes());
    }
    assert!(NameRef::read(&chain, 2 * 16).is_ok());
    assert_eq!(refused(&chain, 2 * 17), Malformed::Value);
    for (bytes, why) in [
        (&b""[..], Malformed::Truncated),
        (b"\x03ab", Malformed::Truncated),
        (b"\x01a", Malformed::Truncated),
        (b"\xc0", Malformed::Truncated),
        (b"\x40a", Malformed::Value),
        (b"\x80a", Malformed::Value),
    ] {
        assert_eq!(refused(bytes, 0), why, "{bytes:?}");
    }
}

#[test]
fn names_have_at_most_255_octets() {
    let label = [b'a'; 63];
    let mut longest = Name::ROOT;
    for length in [63, 63, 63, 61] {
        longest.push_label(&label[..length]).unwrap();
    }
    assert_eq!(longest.as_bytes().len(), 255);
    assert_eq!(longest.push_label(b"a"), Err(NameError::TooLong));
    assert!(NameRef::read(longest.as_bytes(), 0).is_ok());
    let mut longer = b"\x01b".to_vec();
    longer.extend(longest.as_bytes());
    assert_eq!(NameRef::read(&longer, 0).unwrap_err(), Malformed::Length);
    // Each part is short enough, both together are not.
    let mut parts = longest.as_bytes().to_vec();
    parts.extend(b"\x01b\xc0\x00");
    assert_eq!(NameRef::read(&parts, 255).unwrap_err(), Malformed::Length);
    let long = "a".repeat(64);
    assert_eq!(Name::new(&long), Err(NameError::TooLong));
    assert_eq!(Name::new(&long[1..]).unwrap().as_bytes().len(), 65);
}

#[test]
fn text_is_read_and_written() {
    for (text, octets) in [
        ("a.bc", &b"\x01a\x02bc\x00"[..]),
        ("a.bc.", b"\x01a\x02bc\x00"),
        (".", b"\x00"),
        ("a\\.b.c", b"\x03a.b\x01c\x00"),
        ("\\\\\\065\\255.x", b"\x03\\A\xff\x01x\x00"),
    ] {
        let name = name(text);
        assert_eq!(name.as_bytes(), octets, "{text}");
        assert_eq!(Name::new(&name.to_string()).unwrap(), name);
    }
    for (text, why) in [
        ("", NameError::EmptyLabel),
        ("a..b", NameError::EmptyLabel),
        (".a", NameError::EmptyLabel),
        ("a\\", NameError::Escape),
        ("a\\25", NameError::Escape),
        ("a\\256", NameError::Escape),
    ] {
        assert_eq!(Name::new(text), Err(why), "{text}");
    }
}

#[test]
fn defect_026_names_are_compared_without_case() {
    let (lower, upper) = (name("www.example.org"), name("WWW.Example.ORG"));
    assert_eq!(lower, upper);
    assert_eq!(lower.view(), upper.view());
    assert!(!lower.view().is_exactly(upper.view()));
    assert!(upper.view().is_within(name("example.org").view()));
    assert!(upper.view().is_within(NameRef::ROOT));
    assert!(
        !name("badexample.org")
            .view()
            .is_within(name("example.org").view())
    );
    assert_ne!(name("a.b"), name("a.c"));
    assert_ne!(name("a.b"), name("a"));
}

#[test]
fn addresses_are_reversed() {
    let reverse = |text: &str| Name::reverse(text.parse().unwrap()).to_string();
    assert_eq!(reverse("10.2.0.52"), "52.0.2.10.in-addr.arpa");
    assert_eq!(reverse("192.0.255.1"), "1.255.0.192.in-addr.arpa");
    // RFC 3596 §2.5.
    assert_eq!(
        reverse("4321:0:1:2:3:4:567:89ab"),
        "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa"
    );
}

/// A response: `www.example.org` is an alias of `host.example.org`, which has an address.
const RESPONSE: &[u8] = b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x01\
    \x03www\x07example\x03org\x00\x00\x01\x00\x01\
    \xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x07\x04host\xc0\x10\
    \xc0\x2d\x00\x01\x00\x01\x80\x00\x00\x01\x00\x04\xc0\x00\x02\x07\
    \x00\x00\x29\x04\xd0\x01\x00\x80\x00\x00\x05\x00\x0a\x00\x01x";

#[test]
fn response_is_read_and_written_octet_by_octet() {
    let message = Message::new(RESPONSE).unwrap();
    assert_eq!(message.check(), Ok(()));
    assert_eq!((message.id(), message.opcode()), (0x1234, 0));
    assert_eq!(message.rcode(), Rcode::NO_ERROR);
    let flags = Flags::RESPONSE | Flags::RECURSION_DESIRED | Flags::RECURSION_AVAILABLE;
    assert_eq!(message.flags(), flags);
    let question = message.questions().next().unwrap().unwrap();
    assert_eq!(question.name.to_string(), "www.example.org");
    assert_eq!((question.kind, question.class), (RecordType::A, CLASS_IN));
    let records: Vec<_> = message.records().map(Result::unwrap).collect();
    let [alias, address, opt] = records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(
        alias.data(),
        Ok(RecordData::Cname(name("host.example.org").view()))
    );
    assert_eq!((alias.ttl(), alias.class()), (3600, CLASS_IN));
    assert_eq!(address.name.to_string(), "host.example.org");
    assert_eq!(address.data(), Ok(RecordData::A([192, 0, 2, 7].into())));
    // RFC 2181 §8: with the highest bit the whole is zero.
    assert_eq!(address.ttl(), 0);
    assert_eq!(opt.section, Section::Additional);
    let edns = Edns {
        payload: 1232,
        extended_rcode: 1,
        version: 0,
        dnssec_ok: true,
    };
    assert_eq!(opt.edns(), edns);
    let Ok(RecordData::Opt(options)) = opt.data() else {
        panic!("no options");
    };
    assert_eq!(options.iter().collect::<Vec<_>>(), [(10, &b"x"[..])]);

    let mut bytes = [0; 200];
    let mut writer = MessageWriter::new(&mut bytes, 0x1234, flags).unwrap();
    writer
        .question(question.name, question.kind, CLASS_IN, false)
        .unwrap();
    let class = (CLASS_IN, false);
    for (record, ttl) in [(alias, 3600), (address, 0x8000_0001)] {
        let data = record.data().unwrap();
        writer
            .record(Section::Answer, record.name, class, ttl, &data)
            .unwrap();
    }
    writer.edns(edns, options).unwrap();
    let late = writer.question(question.name, question.kind, CLASS_IN, false);
    assert_eq!(late, Err(WriteError::Order));
    assert_eq!(writer.finish(), RESPONSE);
}

#[test]
fn what_does_not_fit_leaves_the_message_as_it_was() {
    let mut bytes = [0; 40];
    let mut writer = MessageWriter::new(&mut bytes, 1, Flags::empty()).unwrap();
    let (short, long) = (name("a.b"), name("a-long-name.which-does-not-fit.b"));
    writer
        .question(short.view(), RecordType::A, CLASS_IN, true)
        .unwrap();
    let refused = writer.question(long.view(), RecordType::A, CLASS_IN, false);
    assert_eq!(refused, Err(WriteError::Full));
    writer
        .question(short.view(), RecordType::AAAA, CLASS_IN, false)
        .unwrap();
    let expected = b"\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\
        \x01a\x01b\x00\x00\x01\x80\x01\xc0\x0c\x00\x1c\x00\x01";
    let message = writer.finish();
    assert_eq!(message, expected);
    let mut questions = Message::new(message).unwrap().questions();
    let first = questions.next().unwrap().unwrap();
    assert!(first.unicast && first.class == CLASS_IN);
    assert!(MessageWriter::new(&mut [0; 11], 1, Flags::empty()).is_err());
}

#[test]
fn name_does_not_point_into_itself() {
    let mut bytes = [0; 40];
    let mut writer = MessageWriter::new(&mut bytes, 0, Flags::empty()).unwrap();
    writer
        .question(name("x.x.x").view(), RecordType::A, CLASS_IN, false)
        .unwrap();
    assert_eq!(&writer.finish()[12..19], b"\x01x\x01x\x01x\x00");
}

/// Data of every type that is known, with the octets that they are.
fn all_data() -> Vec<(RecordData<'static>, &'static [u8])> {
    let read = |bytes: &'static [u8]| NameRef::read(bytes, 0).unwrap().0;
    let (ab, c) = (read(b"\x01a\x01b\x00"), read(b"\x01c\x00"));
    let soa = Soa {
        primary: ab,
        mailbox: c,
        serial: 1,
        refresh: 2,
        retry: 3,
        expire: 4,
        minimum: 5,
    };
    let srv = Srv {
        priority: 1,
        weight: 2,
        port: 8080,
        target: ab,
    };
    // RFC 4034 §4.3: A, MX, RRSIG, NSEC and TYPE1234.
    let windows: &[u8] = b"\x00\x06\x40\x01\x00\x00\x00\x03\x04\x1b\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20";
    let nsec: &[u8] = b"\x01c\x00\x00\x06\x40\x01\x00\x00\x00\x03\x04\x1b\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20";
    let texts = Txt::new(b"\x05hello\x00\x01x").unwrap();
    vec![
        (RecordData::A([192, 0, 2, 1].into()), b"\xc0\x00\x02\x01"),
        (
            RecordData::Aaaa("2001:db8::1".parse().unwrap()),
            b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
        ),
        (RecordData::Ns(ab), b"\x01a\x01b\x00"),
        (RecordData::Cname(ab), b"\x01a\x01b\x00"),
        (RecordData::Ptr(ab), b"\x01a\x01b\x00"),
        (
            RecordData::Soa(soa),
            b"\x01a\x01b\x00\x01c\x00\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
        ),
        (
            RecordData::Srv(srv),
            b"\x00\x01\x00\x02\x1f\x90\x01a\x01b\x00",
        ),
        (RecordData::Txt(texts), b"\x05hello\x00\x01x"),
        (RecordData::Nsec(Nsec::new(c, windows).unwrap()), nsec),
        (RecordData::Unknown(RecordType(99), b"data"), b"data"),
    ]
}

#[test]
fn data_of_each_type_are_read_and_written() {
    for (data, octets) in all_data() {
        let kind = data.kind();
        assert_eq!(RecordData::read(kind, octets, 0, octets.len()), Ok(data));
        let mut bytes = [0; 100];
        let mut writer = MessageWriter::bare(&mut bytes);
        writer.data(&data).unwrap();
        assert_eq!(&writer.finish()[2..], octets);
        // One octet less or more is refused, but where any number of them is right.
        if !matches!(data, RecordData::Unknown(..)) {
            let longer = [octets, b"\x01"].concat();
            assert!(
                RecordData::read(kind, &longer, 0, longer.len()).is_err(),
                "{data:?}"
            );
            let length = octets.len() - 1;
            assert!(
                RecordData::read(kind, octets, 0, length).is_err(),
                "{data:?}"
            );
        }
    }
}

#[test]
fn texts_and_bitmaps_are_taken_apart() {
    let txt = Txt::new(b"\x05hello\x00\x01x").unwrap();
    assert_eq!(
        txt.strings().collect::<Vec<_>>(),
        [&b"hello"[..], b"", b"x"]
    );
    let all = all_data();
    let Some((RecordData::Nsec(nsec), _)) = all
        .iter()
        .rfind(|(data, _)| data.kind() == RecordType::NSEC)
    else {
        panic!("no NSEC");
    };
    let types: Vec<_> = (0..2000)
        .filter(|kind| nsec.contains(RecordType(*kind)))
        .collect();
    assert_eq!(types, [1, 15, 46, 47, 1234]);
    // Windows in a wrong order, of length 0, and longer than what is there.
    for windows in [
        &b"\x01\x01\xff\x00\x01\xff"[..],
        b"\x00\x00",
        b"\x00\x02\xff",
    ] {
        assert!(Nsec::new(NameRef::ROOT, windows).is_err());
    }
}

#[test]
fn counts_that_claim_too_much_end_with_the_bytes() {
    let mut bytes = RESPONSE.to_vec();
    bytes[6..8].copy_from_slice(&[0xff; 2]);
    let message = Message::new(&bytes).unwrap();
    assert!(message.check().is_err());
    assert_eq!(message.records().count(), 4);
    assert_eq!(message.section(Section::Answer).count(), 3);
    let questions = [&bytes[..4], &[0xff; 8], &bytes[12..]].concat();
    assert_eq!(
        Message::new(&questions)
            .unwrap()
            .records()
            .filter(Result::is_err)
            .count(),
        1
    );
    for length in 0..RESPONSE.len() {
        let cut = Message::new(&RESPONSE[..length]);
        assert!(cut.is_err() || cut.unwrap().check().is_err(), "{length}");
    }
}

// ---- Properties --------------------------------------------------------------------------

fn label() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..20)
}

fn any_name() -> impl Strategy<Value = Name> {
    proptest::collection::vec(label(), 0..8).prop_map(|labels| {
        let mut name = Name::ROOT;
        for label in labels {
            name.push_label(&label).unwrap();
        }
        name
    })
}

proptest! {
    #[test]
    fn text_of_any_name_is_that_name(name in any_name()) {
        let text: String = name.to_string();
        let read = Name::new(&text).unwrap();
        prop_assert_eq!(read.as_bytes(), name.as_bytes());
    }

    #[test]
    fn names_that_share_ends_are_read_as_they_were_written(
        names in proptest::collection::vec(any_name(), 1..4),
        order in proptest::collection::vec((0usize..4, any::<bool>()), 1..30),
    ) {
        let mut bytes = [0; 4000];
        let mut writer = MessageWriter::new(&mut bytes, 7, Flags::empty()).unwrap();
        let mut expected = Vec::new();
        for (n, deeper) in order {
            let mut name = names[n % names.len()].clone();
            if deeper {
                let mut below = super::tests::name("below");
                if below.push_name(name.view()).is_err() {
                    continue;
                }
                name = below;
            }
            if writer.question(name.view(), RecordType::A, CLASS_IN, false).is_ok() {
                expected.push(name);
            }
        }
        let message = Message::new(writer.finish()).unwrap();
        let read: Result<Vec<_>, _> = message.questions().collect();
        let read: Vec<_> = read.unwrap().iter().map(|question| Name::from(question.name)).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn arbitrary_octets_are_read_without_a_panic(
        bytes in proptest::collection::vec(prop_oneof![0u8..16, Just(0xc0), any::<u8>()], 0..200),
    ) {
        if let Ok(message) = Message::new(&bytes) {
            for record in message.records().flatten() {
                let _ = format!("{:?} {:?}", record, record.data());
            }
            let _ = message.check();
            for question in message.questions().flatten() {
                prop_assert!(question.name.labels().map(|label| label.len() + 1).sum::<usize>() < 255);
            }
        }
    }

    #[test]
    fn damaged_response_is_read_without_a_panic(at in 0..RESPONSE.len(), octet: u8, length in 12..=RESPONSE.len()) {
        let mut bytes = RESPONSE.to_vec();
        bytes[at] = octet;
        if let Ok(message) = Message::new(&bytes[..length]) {
            for record in message.records().flatten() {
                let _ = record.data();
            }
        }
    }
}

#[test]
fn names_in_data_are_compressed_as_the_writer_is_told() {
    let host = Name::new("a.local").unwrap();
    let srv = RecordData::Srv(Srv {
        priority: 0,
        weight: 0,
        port: 80,
        target: host.view(),
    });
    let nsec = RecordData::Nsec(Nsec::new(host.view(), &[0, 1, 0x40]).unwrap());
    let pointer = RecordData::Ptr(host.view());
    let lengths = |compression| {
        [&srv, &nsec, &pointer].map(|data| {
            let mut bytes = [0; 200];
            let writer = MessageWriter::new(&mut bytes, 0, Flags::RESPONSE).unwrap();
            let mut writer = writer.with_compression(compression);
            let section = Section::Answer;
            writer
                .record(section, host.view(), (CLASS_IN, true), 1, data)
                .unwrap();
            let message = Message::new(writer.as_bytes()).unwrap();
            let record = message.section(section).next().unwrap();
            assert_eq!(record.data().unwrap(), *data);
            writer.len() - HEADER_LENGTH - 9 - 10
        })
    };
    // Six octets of numbers and three of types, then 9 octets of the name or the 2 of a pointer.
    assert_eq!(lengths(Compression::Multicast), [6 + 2, 2 + 3, 2]);
    assert_eq!(lengths(Compression::Usual), [6 + 9, 9 + 3, 2]);
    assert_eq!(lengths(Compression::Nothing), [6 + 9, 9 + 3, 9]);
}

#[test]
fn writer_begins_anew_with_the_same_header() {
    let name = Name::new("a.local").unwrap();
    let mut bytes = [0; 100];
    let mut writer = MessageWriter::new(&mut bytes, 7, Flags::RESPONSE).unwrap();
    assert!(writer.has_nothing());
    let data = RecordData::A([10, 0, 0, 1].into());
    let class = (CLASS_IN, false);
    for _ in 0..2 {
        writer
            .record(Section::Additional, name.view(), class, 1, &data)
            .unwrap();
        writer.clear();
    }
    writer.set_flags(Flags::TRUNCATED);
    writer
        .question(name.view(), RecordType::A, CLASS_IN, true)
        .unwrap();
    let expected =
        b"\x00\x07\x02\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x05local\x00\x00\x01\x80\x01";
    assert_eq!(writer.as_bytes(), expected);
}
