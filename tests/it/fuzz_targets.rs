//! The fuzz targets go on working: each takes what decoders take, whole and mutilated. Guided by coverage, `make fuzz` runs
//! them for longer.

use std::collections::BTreeSet;
use std::path::Path;

#[expect(unreachable_pub, reason = "to the fuzzer it is a library")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use targets::TARGETS;

/// Something that each of them reads, and much that it does not.
const SEEDS: [&[u8]; 8] = [
    b"",
    br#"{"message":"took 17 ms","ddsource":"shop","timestamp":1790000000000}"#,
    br#"{"streams":[{"stream":{"app":"shop"},"values":[["1790000000000000000","took 17 ms"]]}]}"#,
    b"{\"index\":{}}\n{\"message\":\"took 17 ms\",\"@timestamp\":\"2026-11-30T10:00:00Z\"}\n",
    b"<34>1 2026-11-30T10:00:00Z shop cart 17 - - took 17 ms\n<13>Nov 30 10:00:00 shop cart: took 17 ms",
    b"MESSAGE=took 17 ms\n__REALTIME_TIMESTAMP=1790000000000000\n\n",
    b"service:shop -\"took 17\" took* /1[0-9]/ status:>=500 (a OR b)",
    b"\n\x18\n\x16\n\x14\n\x0cservice.name\x12\x04shop\x12\x10\x12\x0e*\x0c\n\ntook 17 ms",
];

#[test]
fn every_target_has_its_file_and_is_built() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let named: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    let files = std::fs::read_dir(root.join("fuzz_targets")).unwrap();
    let stems = files.map(|file| file.unwrap().path().file_stem().unwrap().to_owned());
    let stems: BTreeSet<String> = stems.map(|stem| stem.into_string().unwrap()).collect();
    assert!(named.iter().copied().eq(stems.iter().map(String::as_str)), "{named:?} {stems:?}");
    for name in &named {
        let file = root.join("fuzz_targets").join(name).with_extension("rs");
        let calls = format!("groundcrew_fuzz::{name}(data)");
        assert!(std::fs::read_to_string(file).unwrap().contains(&calls), "{calls}");
    }
    let manifest: toml::Table =
        std::fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let built = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap());
    assert_eq!(built.collect::<BTreeSet<&str>>(), named);
}

#[test]
fn every_target_takes_whatever_comes() {
    for (_, target) in TARGETS {
        for seed in SEEDS {
            target(seed);
            for at in 0..seed.len() {
                let mut changed = seed.to_vec();
                changed[at] ^= 1 << (at % 8);
                target(&changed);
                if at % 8 == 0 {
                    target(&seed[..at]);
                    changed.insert(at, 0xff);
                    target(&changed);
                }
            }
        }
    }
}
