//! What is kept, and what gives way.

use std::format;
use std::vec::Vec;

use super::*;
use crate::proto::dns::Name;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn keep(cache: &mut Cache, now: u64, text: &str, ttl: u32) -> Stored {
    let data = [RecordData::A([10, 0, 0, 1].into())];
    cache.keep(at(now), (name(text).view(), RecordType::A), ttl, data)
}

fn knows(cache: &mut Cache, now: u64, text: &str) -> bool {
    cache
        .find(at(now), name(text).view(), RecordType::A)
        .is_some()
}

#[test]
fn cache_keeps_what_it_is_given_until_it_expires() {
    let mut cache = Cache::new();
    let key = name("Host.example.org");
    let data = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|octets| RecordData::A(octets.into()));
    let stored = cache.keep(at(0), (key.view(), RecordType::A), 60, data);
    assert_eq!(stored, Stored::Free);
    let lower = name("host.example.org");
    let (known, entry) = cache.find(at(59), lower.view(), RecordType::A).unwrap();
    assert_eq!(known, Known::Records);
    assert_eq!(entry.records().collect::<Vec<_>>(), data);
    assert!(cache.find(at(59), lower.view(), RecordType::AAAA).is_none());
    assert!(!knows(&mut cache, 60, "host.example.org"));
    assert_eq!(keep(&mut cache, 0, "zero", 0), Stored::Not);
    // For no longer than a week.
    assert_eq!(keep(&mut cache, 0, "long", u32::MAX >> 1), Stored::Free);
    assert!(knows(&mut cache, 604_799, "long") && !knows(&mut cache, 604_800, "long"));
}

#[test]
fn cache_of_names_that_do_not_exist_holds_for_all_types() {
    let mut cache = Cache::new();
    let (gone, empty) = (name("gone"), name("empty"));
    let gone = (gone.view(), RecordType::A);
    let _: Stored = cache.keep_negative(at(0), gone, 1_000_000, Known::NotFound);
    let _: Stored = cache.keep_negative(at(0), (empty.view(), RecordType::A), 60, Known::NoData);
    let mut find =
        |now, name: NameRef<'_>, kind| cache.find(at(now), name, kind).map(|found| found.0);
    assert_eq!(find(0, gone.0, RecordType::AAAA), Some(Known::NotFound));
    assert_eq!(find(0, empty.view(), RecordType::A), Some(Known::NoData));
    assert_eq!(find(0, empty.view(), RecordType::AAAA), None);
    // For no longer than three hours.
    assert_eq!(find(10_799, gone.0, RecordType::A), Some(Known::NotFound));
    assert_eq!(find(10_800, gone.0, RecordType::A), None);
}

#[test]
fn cache_gives_up_what_has_expired_then_what_is_least_used() {
    let mut cache = Cache::new();
    let count = config::DNS_CACHE;
    for n in 0..count {
        let ttl = if n == 3 { 10 } else { 1000 };
        assert_eq!(keep(&mut cache, 0, &format!("host{n}"), ttl), Stored::Free);
    }
    // The same once more takes its own place.
    assert_eq!(keep(&mut cache, 1, "host5", 1000), Stored::Free);
    assert!(knows(&mut cache, 1, "host0"));
    assert_eq!(keep(&mut cache, 20, "new0", 1000), Stored::Free);
    assert_eq!(keep(&mut cache, 20, "new1", 1000), Stored::Evicted);
    let kept: Vec<_> = (0..count)
        .map(|n| knows(&mut cache, 20, &format!("host{n}")))
        .collect();
    let expected: Vec<_> = (0..count).map(|n| n != 1 && n != 3).collect();
    assert_eq!(kept, expected);
    // What does not fit takes the place of nothing.
    let long = "a".repeat(60) + "." + &"b".repeat(60);
    assert_eq!(keep(&mut cache, 20, &long, 1000), Stored::Not);
    assert!(knows(&mut cache, 20, "new1"));
}
