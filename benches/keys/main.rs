//! What opening connections costs: one capture, read without its keys and with them; see `benches/README.md`.
//!
//! Input: one client over TLS 1.3, made in memory, in a temporary folder: answers with files, which are counted, and uploads of events,
//! every field of which is looked into. Output: the processor time of both readings, and their ratio, which is to be at least [`GOAL`].
//! Rounds are interleaved, and medians count. Must not: measure before it was seen that with keys every byte is opened and every
//! request read.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use borderpost::decrypt::Keys;
use borderpost::inspect::{Inspection, KeyLogs, Settings, inspect};
use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256};
use rustls::version::TLS13;
use tls::{Ends, ip, segments};

#[path = "../../tests/common/tls.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "tests use the rest, and may fail")]
mod tls;
#[path = "../usage/mod.rs"]
#[expect(dead_code, reason = "`compare` uses the rest")]
mod usage;

/// How fast a capture is read with keys, beside the same without them, at the least.
const GOAL: f64 = 0.5;
/// What one exchange carries, in bytes.
const BODY: usize = 48 << 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = Wish::read(&arguments).and_then(|wish| wish.map_or(Ok(()), |wish| run(&wish)));
    let Err(error) = done else { return ExitCode::SUCCESS };
    // Where even standard error is gone, the exit status still tells.
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

/// What the user wants.
struct Wish {
    mebibytes: usize,
    rounds: usize,
}

impl Wish {
    /// `None` where another benchmark is wanted, by a filter that all of them are given.
    fn read(arguments: &[String]) -> Result<Option<Self>, Box<dyn Error>> {
        // More would be past the most events that are kept.
        let mut wish = Self { mebibytes: 32, rounds: 5 };
        for argument in arguments {
            match argument.as_str() {
                // Cargo adds this.
                "--bench" => {}
                "--test" => (wish.mebibytes, wish.rounds) = (1, 1),
                filter if !filter.starts_with('-') && "keys".contains(filter) => {}
                filter if !filter.starts_with('-') => return Ok(None),
                _ => return Err(format!("{argument:?} is no option; there is --test alone").into()),
            }
        }
        Ok(Some(wish))
    }
}

fn run(wish: &Wish) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let suites =
        [("AES-128-GCM", TLS13_AES_128_GCM_SHA256), ("ChaCha20-Poly1305", TLS13_CHACHA20_POLY1305_SHA256)];
    let mut out = io::stdout();
    writeln!(out, "{} MiB of each; rounds, interleaved: {}.\n", wish.mebibytes, wish.rounds)?;
    writeln!(
        out,
        "| what | suite | without keys | with keys | ratio, to be {GOAL} |\n| --- | --- | --- | --- | --- |"
    )?;
    for (said, (name, suite)) in Said::ALL.into_iter().flat_map(|said| suites.map(|suite| (said, suite))) {
        let made = Made::new(folder.path(), suite, said, wish.mebibytes)?;
        made.check()?;
        let (mut plain, mut keyed) = (Vec::new(), Vec::new());
        for _ in 0..wish.rounds {
            plain.push(took(|| made.inspected(false))?);
            keyed.push(took(|| made.inspected(true))?);
        }
        let [plain, keyed] = [plain, keyed].map(median);
        let ratio = plain.as_secs_f64() / keyed.as_secs_f64().max(f64::EPSILON);
        let said = said.name();
        writeln!(out, "| {said} | {name} | {plain:.1?} | {keyed:.1?} | {ratio:.2} |")?;
    }
    Ok(())
}

/// Processor time of this process.
fn took(run: impl FnOnce() -> Inspection) -> io::Result<Duration> {
    let (before, _) = usage::of(usage::Whose::Own)?;
    std::hint::black_box(run());
    let (after, _) = usage::of(usage::Whose::Own)?;
    Ok(after.saturating_sub(before))
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// What is said.
#[derive(Clone, Copy)]
enum Said {
    /// Answers with files.
    Answers,
    /// Uploads of events.
    Events,
}

impl Said {
    const ALL: [Self; 2] = [Self::Answers, Self::Events];

    const fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Events => "events",
        }
    }

    /// A request and its answer.
    fn exchange(self) -> [Vec<u8>; 2] {
        let host = tls::NAME;
        match self {
            Self::Answers => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY}\r\n\r\n");
                let request = format!("GET /file HTTP/1.1\r\nhost: {host}\r\n\r\n");
                [request.into(), [head.as_bytes(), &vec![b'x'; BODY]].concat()]
            }
            Self::Events => {
                let event = r#"{"event":"JoinMeeting","event_time":"2024-03-01T10:00:00Z"}"#;
                let body = format!("[{}]", vec![event; BODY / event.len()].join(","));
                let length = body.len();
                let head =
                    format!("POST /events HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n");
                let request = format!("{head}content-length: {length}\r\n\r\n{body}");
                [request.into(), b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]
            }
        }
    }
}

/// A capture and its keys.
struct Made {
    path: PathBuf,
    keys: Arc<Keys>,
    requests: u64,
}

impl Made {
    /// So many MiB over one connection.
    fn new(
        folder: &Path,
        suite: SupportedCipherSuite,
        said: Said,
        mebibytes: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let ends = Ends::new(suite, &TLS13, false);
        let mut talk = ends.talk();
        talk.carry();
        let [request, answer] = said.exchange();
        let requests = (mebibytes << 20) / BODY;
        for _ in 0..requests {
            talk.exchange(&request, &answer);
        }
        talk.close();
        let mut file = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 262_144, 101].map(u32::to_le_bytes).concat();
        for (number, segment) in (0_u32..).zip(&segments(&talk.flights, 1400)) {
            let packet = ip(segment, 50_000);
            let len = u32::try_from(packet.len())?;
            let head = [1_700_000_000 + number / 10_000, number % 10_000 * 100, len, len];
            file.extend(head.map(u32::to_le_bytes).concat());
            file.extend(packet);
        }
        let path = folder.join("run.pcap");
        fs::write(&path, file)?;
        let mut keys = Keys::default();
        keys.read(ends.log.text().as_bytes());
        Ok(Self { path, keys: Arc::new(keys), requests: requests as u64 })
    }

    /// Hashed as captures are unless somebody says otherwise, and on one thread, so that both are read in one go.
    fn inspected(&self, with_keys: bool) -> Inspection {
        let keys = if with_keys { Arc::clone(&self.keys) } else { Arc::default() };
        let key_logs = KeyLogs { keys, sources: Vec::new() };
        let settings = Settings { key_logs, hash: true, threads: NonZeroUsize::MIN, ..Settings::default() };
        inspect(std::slice::from_ref(&self.path), settings, &())
    }

    fn check(&self) -> Result<(), String> {
        let inspection = self.inspected(true);
        let decryption = inspection.units().iter().find_map(|unit| unit.decryption());
        let read = decryption.map_or(0, |decryption| decryption.exchanges().iter().len() as u64);
        if read == self.requests {
            Ok(())
        } else {
            Err(format!("{read} of {} requests were read", self.requests))
        }
    }
}
