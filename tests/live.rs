//! Reports while a capture is written: whenever one is asked for it holds together, and the last is that of the finished capture.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use borderpost::decrypt::Keys;
use borderpost::inspect::live::{Followed, follow, window};
use borderpost::inspect::{Inspection, KeyLogs, KeySource, Settings, inspect};
use borderpost::report::changes::{self, Changes};
use borderpost::report::schema::Report;
use borderpost::report::{self, Options};
use borderpost::session::marks::parse_option;
use borderpost::source::Follow;
use serde_json::Value;

const OPTIONS: Options = Options { show_participants: false, list_flows: true };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn shipped() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "pcapng")).collect();
    captures.sort();
    assert!(captures.len() > 5);
    captures
}

fn text(inspection: &Inspection) -> String {
    report::json(&report::build(inspection, OPTIONS))
}

/// Writes a capture in so many pieces while it is followed, and looks at a snapshot after each.
fn watched(
    bytes: &[u8],
    pieces: usize,
    settings: Settings,
    mut look: impl FnMut(&Report),
) -> (String, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcapng");
    let mut file = File::create(&path).unwrap();
    let (asked, onlooker) = window();
    let followed = Followed::new(path.clone(), Follow::default());
    let is_whole = Arc::clone(&followed.follow.is_whole);
    let text = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let inspection = follow([followed], settings, &(), &asked);
            drop(asked);
            text(&inspection)
        });
        for piece in bytes.chunks(bytes.len().div_ceil(pieces)) {
            file.write_all(piece).unwrap();
            onlooker.ask();
            let inspection = onlooker.wait().unwrap().judged();
            assert!(inspection.is_so_far());
            look(&report::build(&inspection, OPTIONS));
        }
        is_whole.store(true, Ordering::Release);
        assert!(onlooker.wait().is_none(), "nobody asked");
        reader.join().unwrap()
    });
    (text, path, folder)
}

#[test]
fn snapshots_grow_and_the_last_report_is_that_of_the_finished_capture() {
    for capture in shipped() {
        let bytes = fs::read(&capture).unwrap();
        for pieces in [1, 7, 23] {
            let mut before = (0, 0, 0, 0);
            let mut count = 0;
            let (made, path, _folder) = watched(&bytes, pieces, Settings::default(), |report| {
                assert!(report.so_far);
                let classes: u64 = report.totals.classes.values().sum();
                assert_eq!(classes, report.totals.frames, "{}", capture.display());
                let totals = (
                    report.totals.frames,
                    report.totals.bytes,
                    report.totals.flows,
                    report.inputs.first().map_or(0, |input| input.frames),
                );
                let (frames, bytes, flows, of_input) = before;
                assert!(totals.0 >= frames && totals.1 >= bytes && totals.2 >= flows && totals.3 >= of_input);
                assert_eq!(
                    report.inputs.first().and_then(|input| input.damage.as_ref()).map(|d| &d.what),
                    None
                );
                before = totals;
                count += 1;
            });
            assert!(count >= pieces.min(2));
            let finished = text(&inspect(&[path], Settings::default(), &()));
            assert!(made == finished, "{} in {pieces} pieces", capture.display());
            assert!(!made.contains("\"so_far\""));
        }
    }
}

/// With keys, what was decrypted and told stands in every snapshot as far as it went.
#[test]
fn snapshots_tell_what_was_decrypted_so_far() {
    let of = |name: &str| {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telemetry").join(name)).unwrap()
    };
    for name in ["http1", "http2"] {
        let mut keys = Keys::default();
        let tally = keys.read(&of(&format!("{name}.keys")));
        let source = KeySource { file: Some(format!("{name}.keys")), sha256: None, tally, is_late: false };
        let key_logs = KeyLogs { keys: Arc::new(keys), sources: vec![source] };
        let settings = || Settings { key_logs: key_logs.clone(), ..Settings::default() };
        let mut told: Vec<[u64; 3]> = Vec::new();
        let (made, path, _folder) = watched(&of(&format!("{name}.pcap")), 60, settings(), |report| {
            let decryption = report.decryption.as_ref().unwrap();
            let opened = decryption.client.records_opened + decryption.others.records_opened;
            let known = decryption.client.with_keys + decryption.others.with_keys;
            let sources = report.telemetry.iter().flat_map(|telemetry| &telemetry.sources);
            told.push([known, opened, sources.map(|source| source.exchanges).sum()]);
        });
        assert!(told.is_sorted_by(|one, next| (0..3).all(|at| one[at] <= next[at])), "{told:?}");
        let exchanges: BTreeSet<u64> = told.iter().map(|[.., exchanges]| *exchanges).collect();
        assert!(exchanges.len() > 3, "{told:?}");
        assert!(made == text(&inspect(&[path], settings(), &())), "{name}");
    }
}

/// After every single block: whatever a snapshot falls on, it does not change what comes after it.
#[test]
fn a_snapshot_after_every_few_frames_changes_nothing() {
    let bytes = fs::read(folder().join("joined-midway.pcapng")).unwrap();
    let (made, path, _folder) = watched(&bytes, 400, Settings::default(), |_| {});
    assert_eq!(made, text(&inspect(&[path], Settings::default(), &())));
}

#[test]
fn a_limit_on_memory_holds_for_snapshots_and_the_report_alike() {
    let limited = || Settings { max_memory: Some(60_000), lists_flows: true, ..Settings::default() };
    let bytes = fs::read(folder().join("third-parties.pcapng")).unwrap();
    let (made, path, _folder) = watched(&bytes, 9, limited(), |_| {});
    let report: Value = serde_json::from_str(&made).unwrap();
    assert!(report["quality"]["summed_up"][0]["flows"].as_u64().unwrap() > 0);
    assert_eq!(made, text(&inspect(&[path], limited(), &())));
}

#[test]
fn a_mark_set_while_reading_is_the_mark_of_an_option() {
    let bytes = fs::read(folder().join("eea-meeting.pcapng")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcapng");
    let half = bytes.len() / 2 / 4 * 4;
    fs::write(&path, &bytes[..half]).unwrap();
    let (asked, onlooker) = window();
    let questions = onlooker.questions();
    let followed = Followed::new(path.clone(), Follow::default());
    let is_whole = Arc::clone(&followed.follow.is_whole);
    let reader = thread::spawn(move || text(&follow([followed], Settings::default(), &(), &asked)));
    let there = inspect(std::slice::from_ref(&path), Settings::default(), &()).census().frames();
    while questions.position().frames < there {
        thread::sleep(Duration::from_millis(5));
    }
    onlooker.ask();
    let before = onlooker.wait().unwrap().judged();
    assert_eq!(before.census().frames(), there);
    assert!(before.units().iter().all(|unit| unit.steps().is_empty()));
    assert!(questions.mark("").is_err() && questions.mark(&"x".repeat(300)).is_err());
    questions.mark("join the meeting").unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&bytes[half..]).unwrap();
    is_whole.store(true, Ordering::Release);
    let made = reader.join().unwrap();
    assert!(questions.unset().is_empty());
    questions.mark("too late").unwrap();
    assert_eq!(questions.unset(), ["too late"]);
    let [set] = &*questions.set() else { panic!("{:?}", questions.set()) };
    let (when, label) = set.split_once('=').unwrap();
    assert_eq!(label, "join the meeting");
    assert_eq!(when, format!("frame:{}", before.census().frames() + 1));
    let settings = Settings { marks: vec![parse_option(set).unwrap()], ..Settings::default() };
    assert_eq!(made, text(&inspect(&[path], settings, &())));
}

#[test]
fn files_of_a_rotation_are_one_capture() {
    let whole = fs::read(folder().join("eea-meeting.pcapng")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = [1, 2].map(|number| folder.path().join(format!("ring_{number}.pcapng")));
    for path in &paths {
        fs::write(path, &whole).unwrap();
    }
    let joined = || Settings { join: true, ..Settings::default() };
    let (asked, onlooker) = window();
    let files = paths.clone().map(|path| {
        let followed = Followed::new(path, Follow::default());
        followed.follow.is_whole.store(true, Ordering::Release);
        followed
    });
    let made = follow(files, joined(), &(), &asked);
    assert_eq!(text(&made), text(&inspect(&paths, joined(), &())));
    assert_eq!(onlooker.questions().position().bytes, 2 * whole.len() as u64);
}

#[test]
fn lines_of_changes_are_valid_by_their_schema_and_tell_what_the_report_says() {
    let schema: Value = serde_json::from_str(changes::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for capture in shipped() {
        let bytes = fs::read(&capture).unwrap();
        let mut changes = Changes::default();
        let mut lines: Vec<Value> = Vec::new();
        let mut last = None;
        let (_, _, _folder) = watched(&bytes, 12, Settings::default(), |report| {
            let text = changes.of(report);
            lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            last = Some(report.clone());
        });
        for line in &lines {
            let faults: Vec<String> = validator.iter_errors(line).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{line}\n{faults:?}");
        }
        assert_eq!(lines.first().map(|line| &line["type"]), Some(&"changes".into()));
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        let standing = of("new_destination") - of("gone_destination");
        assert_eq!(standing, last.unwrap().destinations.len(), "{}", capture.display());
    }
}
