//! What the fuzz targets (`tests/fuzz/`) do, over their seeds and over what is made of these.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use fuzz::TARGETS;

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// The seeds of a target, by their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let files = fs::read_dir(folder.join(target)).expect("a corpus of each target");
    let mut seeds: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn each_fuzz_target_takes_its_seeds_whole_and_cut_short() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 2, "{name}");
        for (_, seed) in seeds {
            // The whole stack takes its time.
            let step = if matches!(name, "stack" | "stream" | "llmnr" | "mdns") {
                29
            } else {
                1
            };
            for end in (0..seed.len()).step_by(step).chain([seed.len()]) {
                target(&seed[..end]);
            }
        }
    }
}

#[test]
fn each_fuzz_target_takes_what_is_made_of_its_seeds() {
    for (name, target) in TARGETS {
        let seeds: Vec<_> = seeds(name).into_iter().map(|(_, seed)| seed).collect();
        let cases = if matches!(name, "stack" | "stream" | "llmnr" | "mdns") {
            60
        } else {
            600
        };
        let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
        let spliced = prop::sample::select(seeds.clone());
        let strategy = (prop::sample::select(seeds), changes, spliced, any::<bool>());
        let mut runner = TestRunner::new(Config::with_cases(cases));
        let result = runner.run(&strategy, |(mut seed, changes, other, joins)| {
            if joins {
                seed.extend(other);
            }
            for (place, value) in changes {
                let place = place.index(seed.len());
                seed[place] = value;
            }
            target(&seed);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
