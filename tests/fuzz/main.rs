//! The targets that are fuzzed, run shortly: every regression, every seed, and so many inputs changed from them at random
//! with a fixed start. The long runs are made with libFuzzer (`libfuzzer/`), which looks at what an input reaches.

#![expect(
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may fail, and its targets are a crate's elsewhere"
)]

mod targets;

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use targets::{TARGETS, Target};

/// Inputs that once broke a law, replayed for ever.
#[test]
fn regressions_stay_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/regressions");
    let mut replayed = 0;
    for target in TARGETS {
        let Ok(entries) = fs::read_dir(folder.join(target.name)) else { continue };
        for entry in entries.flatten() {
            let input = fs::read(entry.path()).expect("a regression is readable");
            attempt(target, &input, &format!("regression {}", entry.file_name().display()));
            replayed += 1;
        }
    }
    let known: Vec<_> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    assert!(known.iter().all(|name| TARGETS.iter().any(|target| target.name == name)), "{known:?}");
    say(&format!("{replayed} regressions replayed"));
}

macro_rules! short_runs {
    ($($name:ident: $runs:literal),+ $(,)?) => {
        $(#[test] fn $name() { short_run(stringify!($name), $runs); })+

        #[test]
        fn every_target_has_a_short_run() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
        }
    };
}

// How often each is taken, without optimisation.
short_runs!(
    container: 3_000, packet: 20_000, fragments: 3_000, tcp: 2_000, hello: 5_000, certificate: 5_000, quic: 500, dns: 20_000, stun: 20_000, zoom: 20_000, http: 10_000, keylog: 5_000, exchange: 3_000, import: 2_000, planted: 10_000, blocks: 5_000, text: 10_000, policy: 1_000, bundle: 500, database: 500, whole: 40
);

fn short_run(name: &str, runs: u32) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for (number, seed) in seeds.iter().enumerate() {
        attempt(target, seed, &format!("seed {number}"));
    }
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for number in 0..runs {
        let input = chance.changed(&seeds);
        attempt(target, &input, &format!("input {number}"));
    }
    say(&format!("{name}: {} seeds, {runs} changed inputs", seeds.len()));
}

/// Runs the target; where it breaks a law, the input is written down, so that it can become a regression.
fn attempt(target: &Target, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        let path = std::env::temp_dir().join(format!("borderpost-{}-broken", target.name));
        let _ = fs::write(&path, input);
        panic!("{}: {what} breaks a law; it is in {}", target.name, path.display());
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Chance that is the same each time (xorshift64*).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or(0)
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end.max(1)
    }

    /// A seed with up to eight changes, of the kinds that fuzzers make.
    fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(8) {
            let at = self.below(input.len());
            match self.below(6) {
                0 if !input.is_empty() => input[at] = [0, 1, 0x7f, 0x80, 0xff, 0x40][self.below(6)],
                1 if !input.is_empty() => input[at] ^= 1 << self.below(8),
                2 => input.truncate(at.max(1)),
                3 => input.insert(at, u8::try_from(self.below(256)).unwrap_or(0)),
                4 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let length = self.below(64).min(other.len() - from);
                    input.splice(at..at, other[from..from + length].iter().copied());
                }
                _ => {
                    let length = self.below(16).min(input.len() - at);
                    input.drain(at..at + length);
                }
            }
        }
        input
    }
}
