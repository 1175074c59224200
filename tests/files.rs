//! What a run may do to the files of the machine: links, devices and pipes in the place of outputs, and inputs that change.
//!
//! Input: a folder of traps. What must hold: nothing is followed, nothing is written over unasked, no input is touched.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail")]
#![cfg(unix)]

#[allow(dead_code, reason = "this file runs the program in folders of its own")]
mod common;

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use self::common::{assert_refused, command, err, status};

/// A folder with a capture, and a file that is nobody's to write.
struct Place(tempfile::TempDir);

const KEPT: &str = "kept";

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/eea-meeting.pcapng");
        fs::copy(capture, place.at("in.pcapng")).unwrap();
        fs::write(place.at(KEPT), KEPT).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(arguments).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// Inspects the capture into an output.
    fn inspect(&self, output: &str, more: &[&str]) -> Output {
        self.run(&[&["inspect", "in.pcapng", "-o", output], more].concat())
    }

    fn refuses(&self, output: &str, more: &[&str], what: &str) {
        assert_refused(&self.inspect(output, more), &[what]);
        self.is_untouched();
    }

    fn does(&self, output: &str, more: &[&str]) {
        let run = self.inspect(output, more);
        assert_eq!(status(&run), 0, "{}", err(&run));
        self.is_untouched();
    }

    /// Nothing was written to what is kept, and nothing half-written lies about.
    fn is_untouched(&self) {
        assert_eq!(fs::read_to_string(self.at(KEPT)).unwrap(), KEPT);
        let names = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".partial")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

#[test]
fn f1_a_link_is_refused_and_by_force_replaced_itself() {
    for output in ["r.json", "r.zip"] {
        let place = Place::new();
        symlink(KEPT, place.at(output)).unwrap();
        place.refuses(output, &[], "is a symbolic link: --force replaces the link");
        assert!(is_link(&place.at(output)));
        place.does(output, &["--force"]);
        assert!(!is_link(&place.at(output)) && fs::metadata(place.at(output)).unwrap().len() > 100);
    }
}

#[test]
fn f1_a_link_to_nothing_makes_nothing_there() {
    let place = Place::new();
    symlink("nowhere", place.at("r.json")).unwrap();
    place.refuses("r.json", &[], "is a symbolic link");
    place.does("r.json", &["--force"]);
    assert!(!place.at("nowhere").exists() && !is_link(&place.at("r.json")));
}

#[test]
fn f1_a_link_to_a_device_is_refused_by_force_too() {
    let place = Place::new();
    symlink("/dev/null", place.at("r.json")).unwrap();
    for more in [&[][..], &["--force"]] {
        place.refuses("r.json", more, "is a symbolic link to a device or a pipe: name /dev/null itself");
    }
    assert!(is_link(&place.at("r.json")));
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn f1_an_input_is_refused_under_any_name_by_force_too() {
    let place = Place::new();
    let before = fs::read(place.at("in.pcapng")).unwrap();
    symlink("in.pcapng", place.at("soft.json")).unwrap();
    fs::hard_link(place.at("in.pcapng"), place.at("hard.json")).unwrap();
    fs::create_dir(place.at("room")).unwrap();
    symlink("../in.pcapng", place.at("room/far.zip")).unwrap();
    for output in ["soft.json", "hard.json", "room/../hard.json", "room/far.zip"] {
        for more in [&[][..], &["--force"]] {
            place.refuses(output, more, "is an input");
        }
    }
    fs::hard_link(place.at("in.pcapng"), place.at("copy.pcapng.log.json")).unwrap();
    for output in ["hard.json", "copy.pcapng"] {
        assert_refused(&place.run(&["redact", "in.pcapng", output, "--force"]), &["is an input"]);
    }
    assert_eq!(fs::read(place.at("in.pcapng")).unwrap(), before);
}

#[test]
fn f1_a_report_that_is_there_is_not_written_over_unasked() {
    let place = Place::new();
    for output in ["r.json", "b.zip", "b/"] {
        place.does(output, &[]);
        let shown = output.trim_end_matches('/');
        place.refuses(output, &["--vantage", "NL"], &format!("{shown} exists: --force replaces it"));
        place.does(output, &["--vantage", "NL", "--force"]);
    }
    for arguments in [
        &["redact", "in.pcapng", "r.json"][..],
        &["redact", "in.pcapng", "new.pcapng"],
        &["diff", "in.pcapng", "in.pcapng", "-o", "r.json"],
        &["baseline", "learn", "in.pcapng", "--owner", "me", "-o", "r.json"],
        &["baseline", "update", "base.toml", "in.pcapng", "-o", "r.json"],
        &["geoip", "import", "ranges.json", "-o", "r.json"],
    ] {
        fs::write(place.at("new.pcapng.log.json"), "another's").unwrap();
        let before = fs::read(place.at("r.json")).unwrap();
        assert_refused(&place.run(arguments), &["exists: --force replaces it"]);
        assert_eq!(fs::read(place.at("r.json")).unwrap(), before, "{arguments:?}");
        assert!(!place.at("new.pcapng").exists());
    }
}

#[test]
fn f1_what_is_made_is_its_owners_alone() {
    let place = Place::new();
    fs::write(place.at("open.json"), "").unwrap();
    fs::set_permissions(place.at("open.json"), fs::Permissions::from_mode(0o666)).unwrap();
    place.does("open.json", &["--force", "-o", "r.html", "-o", "b.zip", "-o", "b/"]);
    let shared = place.run(&["redact", "in.pcapng", "shared.pcapng"]);
    assert_eq!(status(&shared), 0, "{}", err(&shared));
    let mode = |name: &str| fs::symlink_metadata(place.at(name)).unwrap().permissions().mode() & 0o7777;
    for name in ["open.json", "r.html", "b.zip", "b/report.json", "shared.pcapng", "shared.pcapng.log.json"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(mode("b"), 0o700);
}

#[test]
fn f1_a_pipe_is_neither_waited_for_nor_written_to_unasked() {
    let place = Place::new();
    let made = Command::new("mkfifo").arg(place.at("r.json")).status().unwrap();
    assert!(made.success());
    place.refuses("r.json", &[], "is a device or a pipe: --force writes into it");
    let reader = Command::new("cat").arg(place.at("r.json")).stdout(Stdio::piped()).spawn().unwrap();
    place.does("r.json", &["--force"]);
    let read = reader.wait_with_output().unwrap().stdout;
    assert!(serde_json::from_slice::<serde_json::Value>(&read).is_ok());
    assert!(fs::symlink_metadata(place.at("r.json")).unwrap().file_type().is_fifo());
}

#[test]
fn f1_a_device_is_written_into_only_where_that_is_asked_for() {
    let place = Place::new();
    let learn = |more: &[&str], to: &str| {
        place.run(&[&["baseline", "learn", "in.pcapng", "--owner", "me", "-o", to], more].concat())
    };
    assert_refused(&learn(&[], "/dev/null"), &["/dev/null is a device or a pipe"]);
    assert_eq!(status(&learn(&["--force"], "/dev/null")), 0);
    if Path::new("/dev/full").exists() {
        assert_refused(&learn(&["--force"], "/dev/full"), &["/dev/full", "No space left"]);
    }
    assert!(fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn f1_a_bundle_is_written_through_no_link_to_a_folder() {
    let place = Place::new();
    fs::create_dir(place.at("room")).unwrap();
    symlink("room", place.at("b")).unwrap();
    for output in ["b", "b/"] {
        place.refuses(output, &[], "b is a symbolic link");
    }
    place.does("b/", &["--force"]);
    assert_eq!(fs::read_dir(place.at("room")).unwrap().count(), 0);
    assert!(!is_link(&place.at("b")) && place.at("b/report.json").is_file());
}

/// The name of the file that becomes the report can be guessed: nothing that lies there is followed.
#[test]
fn f1_the_name_that_is_written_under_is_followed_by_nobody() {
    let place = Place::new();
    let script = "ln -s kept .r.json.$$.partial; exec \"$0\" inspect in.pcapng -o r.json";
    let run = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_borderpost")])
        .current_dir(place.0.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_refused(&run, &["r.json", "nothing was written there"]);
    assert!(!place.at("r.json").exists());
    place.is_untouched();
}

/// What comes to the path of the report while the captures are read is not replaced either.
#[test]
fn f1_what_comes_to_the_path_meanwhile_stays() {
    for is_link in [true, false] {
        let place = Place::new();
        assert!(Command::new("mkfifo").arg(place.at("late.pcapng")).status().unwrap().success());
        let child = command(&["inspect", "-j", "1", "late.pcapng", "-o", "r.json"])
            .current_dir(place.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Opens once the program reads it, and so has looked at its outputs.
        let mut late = fs::OpenOptions::new().write(true).open(place.at("late.pcapng")).unwrap();
        if is_link {
            symlink(KEPT, place.at("r.json")).unwrap();
        } else {
            fs::write(place.at("r.json"), "another's").unwrap();
        }
        std::io::copy(&mut fs::File::open(place.at("in.pcapng")).unwrap(), &mut late).unwrap();
        drop(late);
        let output = child.wait_with_output().unwrap();
        assert_refused(&output, &["r.json", "--force replaces"]);
        place.is_untouched();
        assert!(is_link || fs::read_to_string(place.at("r.json")).unwrap() == "another's");
    }
}

#[test]
fn f6_an_input_is_as_it_was() {
    let place = Place::new();
    let told = |name: &str| {
        let known = fs::metadata(place.at(name)).unwrap();
        (known.size(), known.mtime(), known.mtime_nsec(), known.ctime(), known.ctime_nsec(), known.mode())
    };
    let before = told("in.pcapng");
    for arguments in [
        &["inspect", "in.pcapng", "-o", "b.zip", "--bundle-inputs"][..],
        &["info", "in.pcapng"],
        &["verify", "b.zip", "in.pcapng"],
        &["redact", "in.pcapng", "shared.pcapng"],
        &["diff", "in.pcapng", "in.pcapng"],
    ] {
        let run = place.run(arguments);
        assert!(status(&run) < 2, "{}", err(&run));
        assert_eq!(told("in.pcapng"), before, "{arguments:?}");
    }
}

#[test]
fn outputs_that_are_one_file_are_refused_before_anything_is_read() {
    let place = Place::new();
    fs::create_dir(place.at("sub")).unwrap();
    symlink("sub", place.at("way")).unwrap();
    // What is to be read is not there: who reads first says so.
    for [first, second] in [["a.json", "a.json"], ["a.json", "./a.json"], ["sub/a.json", "way/../sub/a.json"]]
        .into_iter()
        .chain([["sub/b/", "way/b"], ["sub/b.zip", "way/b.zip"]])
    {
        let run = place.run(&["inspect", "nowhere.pcap", "-o", first, "-o", second]);
        assert_refused(&run, &[second, "the file that -o names as", first]);
        assert!(!err(&run).contains("nowhere"), "{}", err(&run));
    }
    let run = place.run(&["diff", "nowhere.pcap", "other.pcap", "-o", "sub/a.json", "-o", "way/a.json"]);
    assert_refused(&run, &["way/a.json: the file that -o names as sub/a.json"]);
    // One name in two folders is two files.
    let run = place.run(&["inspect", "in.pcapng", "-o", "a.json", "-o", "way/a.json"]);
    assert_eq!(status(&run), 0, "{}", err(&run));
    assert!(place.at("a.json").is_file() && place.at("sub/a.json").is_file());
}

/// One that is written to when it was read already is not.
#[test]
fn f6_an_input_that_changes_later_is_as_it_was_read() {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.at("late.pcapng")).status().unwrap().success());
    let child = command(&["inspect", "-j", "1", "in.pcapng", "late.pcapng", "--format", "json"])
        .args(["--fail-on", "lossy"])
        .current_dir(place.0.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opens once the program has read the input before it.
    let mut late = fs::OpenOptions::new().write(true).open(place.at("late.pcapng")).unwrap();
    let whole = fs::read(place.at("in.pcapng")).unwrap();
    fs::write(place.at("in.pcapng"), "another's").unwrap();
    std::io::Write::write_all(&mut late, &whole).unwrap();
    drop(late);
    let output = child.wait_with_output().unwrap();
    assert_eq!(status(&output), 0, "{}", err(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["inputs"].as_array().unwrap().iter().all(|input| input["damage"].is_null()));
    assert!(!err(&output).contains("changed"), "{}", err(&output));
}

/// What is said of it, and what is done to a file.
#[cfg(target_os = "linux")]
type Change = (&'static str, fn(&Path));

/// Whether a program is so far in a file.
#[cfg(target_os = "linux")]
fn is_reading(program: u32, path: &Path, least: u64) -> bool {
    let entries = fs::read_dir(format!("/proc/{program}/fd")).into_iter().flatten().flatten();
    let mut at = entries.filter_map(|entry| {
        let aim = fs::read_link(entry.path()).ok()?;
        // One that is gone has more behind its name.
        let is_it = aim.to_string_lossy().starts_with(&*path.to_string_lossy());
        let number = entry.file_name().into_string().ok().filter(|_| is_it)?;
        let told = fs::read_to_string(format!("/proc/{program}/fdinfo/{number}")).ok()?;
        told.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse::<u64>().ok())
    });
    at.any(|at| at >= least)
}

/// A capture of many sections, changed while it is read.
#[cfg(target_os = "linux")]
fn changed(change: fn(&Path)) -> (Place, Output) {
    for _ in 0..50 {
        let place = Place::new();
        let path = fs::canonicalize(place.at("in.pcapng")).unwrap();
        fs::write(&path, fs::read(&path).unwrap().repeat(40)).unwrap();
        let mut child = command(&["inspect", "-j", "1", "in.pcapng", "--format", "json"])
            .args(["-o", "r.txt", "-o", "r.md", "--fail-on", "lossy"])
            .current_dir(place.0.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(place.at("out")).unwrap())
            .stderr(fs::File::create(place.at("err")).unwrap())
            .spawn()
            .unwrap();
        let is_over = |child: &mut std::process::Child| child.try_wait().unwrap().is_some();
        while !is_reading(child.id(), &path, 1 << 20) && !is_over(&mut child) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        change(&path);
        let was_reading = is_reading(child.id(), &path, 1 << 20);
        let status = child.wait().unwrap();
        if was_reading {
            let read = |name| fs::read(place.at(name)).unwrap();
            let output = Output { status, stdout: read("out"), stderr: read("err") };
            return (place, output);
        }
    }
    panic!("it was always read before it could be changed");
}

/// One that is written to while it is read is marked, in the report and on standard error, once, and beside other damage.
#[cfg(target_os = "linux")]
#[test]
fn f6_an_input_that_changes_is_noticed() {
    let changes: [Change; 3] = [
        ("it had", |path| {
            let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
            std::io::Write::write_all(&mut file, &[0; 4]).unwrap();
        }),
        ("its time of change is another", |path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
        ("it is no longer there", |path| fs::remove_file(path).unwrap()),
    ];
    for (how, change) in changes {
        let (place, output) = changed(change);
        assert_eq!(status(&output), 1, "{}", err(&output));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut odd = report["anomalies"].as_array().unwrap().iter();
        let odd = odd.find(|odd| odd["kind"] == "changed").unwrap();
        let what = odd["what"].as_str().unwrap();
        assert!(what.starts_with("the file changed while it was read: ") && what.contains(how), "{what}");
        let lines: Vec<String> = err(&output).lines().map(str::to_owned).collect();
        let told: Vec<_> = lines.iter().filter(|line| line.contains("changed while it was read")).collect();
        assert_eq!(told.len(), 1, "{lines:?}");
        assert!(told[0].contains("in.pcapng: the file changed"), "{lines:?}");
        // What else is wrong with it, such as half a block at its end, goes before.
        let damage = &report["inputs"][0]["damage"];
        let is_damaged = lines.iter().any(|line| line.contains("damaged at byte"));
        assert_eq!(is_damaged, damage["kind"] != "changed", "{damage} {lines:?}");
        assert_eq!(is_damaged, how == "it had", "{damage}");
        for file in ["r.txt", "r.md"] {
            let text = fs::read_to_string(place.at(file)).unwrap();
            assert!(text.replace('\n', " ").contains("changed"), "{text}");
        }
    }
}
