//! Bundles of evidence: made, moved, verified; altered in every way that somebody might; and made up to do harm.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::common::{assert_refused, borderpost, command, err, out, status};

const CAPTURE: &str = "captures/eu-meeting-us-telemetry.pcapng";

/// A folder to work in, with a capture.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::copy(shipped(CAPTURE), place.at("meeting.pcapng")).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(arguments).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs, and does what it should.
    fn does(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert_eq!(status(&output), 0, "{arguments:?}: {}{}", out(&output), err(&output));
        output
    }

    fn bundle(&self) -> PathBuf {
        self.does(&["inspect", "meeting.pcapng", "--force", "-o", "bundle/"]);
        self.at("bundle")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.at(name), text).unwrap();
    }
}

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What verifying prints, in short.
fn found(output: &Output) -> (i32, String) {
    (status(output), out(output) + &err(output))
}

fn assert_found(output: &Output, expected: i32, parts: &[&str]) {
    let (status, said) = found(output);
    // Lines are broken at spaces.
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(status, expected, "{said}");
    for part in parts {
        assert!(words.contains(part), "no {part:?} in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

/// The files below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn sha256(bytes: &[u8]) -> String {
    let digits: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Makes the manifest and the sums fit what lies in the folder: what a careful forger would do.
fn seal(folder: &Path) {
    let mut files = files(folder);
    files.remove("manifest.json");
    files.remove("SHA256SUMS");
    let rows: Vec<String> = files
        .iter()
        .map(|(path, bytes)| {
            let (size, sha256) = (bytes.len(), sha256(bytes));
            format!("    {{\n      \"path\": \"{path}\",\n      \"size\": {size},\n      \"sha256\": \"{sha256}\"\n    }}")
        })
        .collect();
    let schema = "{\n    \"name\": \"borderpost-bundle\",\n    \"version\": \"1.0\"\n  }";
    let manifest = format!("{{\n  \"schema\": {schema},\n  \"files\": [\n{}\n  ]\n}}\n", rows.join(",\n"));
    files.insert("manifest.json".to_owned(), manifest.clone().into_bytes());
    let sums: Vec<String> =
        files.iter().map(|(path, bytes)| format!("{}  {path}\n", sha256(bytes))).collect();
    fs::write(folder.join("manifest.json"), manifest).unwrap();
    fs::write(folder.join("SHA256SUMS"), sums.concat()).unwrap();
}

/// Replaces text in a file of a bundle.
fn edit(folder: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(from), "no {from} in {name}");
    fs::write(folder.join(name), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_bundle_verifies_where_it_was_made_and_where_it_was_taken() {
    let (here, there) = (Place::new(), Place::new());
    here.does(&["inspect", "meeting.pcapng", "-o", "bundle/", "-o", "annex.zip"]);
    for bundle in ["bundle", "bundle/", "annex.zip"] {
        assert_found(
            &here.run(&["verify", bundle]),
            0,
            &["Same:", "found where it was", "report.json: the same"],
        );
    }
    fs::remove_file(there.at("meeting.pcapng")).unwrap();
    fs::rename(here.at("bundle"), there.at("from a colleague")).unwrap();
    fs::rename(here.at("annex.zip"), there.at("other.zip")).unwrap();
    for bundle in ["from a colleague", "other.zip"] {
        let lost = there.run(&["verify", bundle]);
        assert_found(&lost, 2, &["Not done:", "meeting.pcapng: a capture of the run, not found; name it"]);
        let given = shipped(CAPTURE);
        let named = there.run(&["verify", bundle, given.to_str().unwrap()]);
        assert_found(&named, 0, &["Same:", "as given"]);
        let folder = there.run(&["verify", bundle, shipped("captures").to_str().unwrap()]);
        assert_found(&folder, 0, &["Same:"]);
    }
    fs::copy(shipped(CAPTURE), there.at("meeting.pcapng")).unwrap();
    let beside = borderpost(&["verify", there.at("other.zip").to_str().unwrap()]);
    assert_found(&beside, 0, &["found beside the bundle"]);
}

#[test]
fn with_the_captures_in_it_a_bundle_needs_nothing_else() {
    let (here, there) = (Place::new(), Place::new());
    here.does(&["inspect", "meeting.pcapng", "-o", "b/", "-o", "b.zip", "--bundle-inputs"]);
    fs::remove_file(there.at("meeting.pcapng")).unwrap();
    fs::rename(here.at("b"), there.at("b")).unwrap();
    fs::rename(here.at("b.zip"), there.at("b.zip")).unwrap();
    for bundle in ["b", "b.zip"] {
        assert_found(&there.run(&["verify", bundle]), 0, &["Same:", "meeting.pcapng: found in the bundle"]);
    }
    assert_eq!(
        fs::read(there.at("b/inputs/000-meeting.pcapng")).unwrap(),
        fs::read(shipped(CAPTURE)).unwrap()
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, other) = (Place::new(), Place::new());
    one.does(&[
        "inspect",
        "meeting.pcapng",
        "-o",
        "a.zip",
        "-o",
        "a/",
        "--vantage",
        "NL",
        "--exclusive",
        "-j",
        "1",
    ]);
    other.does(&[
        "inspect",
        "--exclusive",
        "-o",
        "z.zip",
        "-o",
        "z/",
        "-j",
        "4",
        "--vantage=NL",
        "-r",
        "meeting.pcapng",
    ]);
    assert_eq!(fs::read(one.at("a.zip")).unwrap(), fs::read(other.at("z.zip")).unwrap());
    assert_eq!(files(&one.at("a")), files(&other.at("z")));
}

#[test]
fn a_bundle_holds_what_its_report_rests_on() {
    let place = Place::new();
    let plain = place.does(&["inspect", "meeting.pcapng", "--format", "json"]);
    let bundle = files(&place.bundle());
    assert_eq!(out(&plain).into_bytes(), bundle["report.json"]);
    let answers = String::from_utf8(bundle["answers.jsonl"].clone()).unwrap();
    let report: Value = serde_json::from_slice(&bundle["report.json"]).unwrap();
    let addresses: Vec<&str> = report["destinations"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|destination| destination["addresses"].as_array().unwrap())
        .map(|address| address.as_str().unwrap())
        .filter(|address| !address.contains('x'))
        .collect();
    assert!(!addresses.is_empty());
    for address in addresses {
        let line = answers.lines().find(|line| line.contains(&format!("\"{address}\""))).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["answers"][0]["sha256"].as_str().unwrap().len(), 64, "{line}");
    }
    for name in
        ["data/registers/surf-2024.toml", "data/place/zones.toml", "data/claims/claims.toml", "run.toml"]
    {
        assert!(bundle.contains_key(name), "{name}");
    }
}

#[test]
fn every_option_that_a_report_depends_on_is_recorded_with_its_file() {
    let place = Place::new();
    place.write("mine.toml", OVERRIDE);
    place.write("register.toml", fs::read(shipped("src/verdict/registers/surf-2022.toml")).unwrap());
    place.write("any cast.txt", "198.51.100.0/24\n");
    place.write("steps.csv", "at,label\n+1,sign in\n+5,meeting\n");
    let options = [
        "inspect",
        "meeting.pcapng",
        "--override",
        "mine.toml",
        "--anycast",
        "any cast.txt@2026-01-01",
        "--marks",
        "steps.csv",
        "--mark",
        "+9=\"quoted\" \\ step",
        "--register",
        "register.toml",
        "--claims",
        "surf-2022,surf-2024",
        "--local",
        "10.0.0.0/8",
        "--law-date",
        "2025-01-01",
        "--against",
        "surf-2024",
        "--without",
        "round-trip",
        "--show-participants",
        "--max-memory",
        "512M",
        "-o",
        "b.zip",
        "-o",
        "b/",
        "--bundle-inputs",
    ];
    place.does(&options);
    let away = Place::new();
    fs::remove_file(away.at("meeting.pcapng")).unwrap();
    fs::rename(place.at("b.zip"), away.at("b.zip")).unwrap();
    assert_found(&away.run(&["verify", "b.zip"]), 0, &["Same:"]);
    let run = fs::read_to_string(place.at("b/run.toml")).unwrap();
    for part in ["--law-date=2025-01-01", "files/000", "any cast.txt", "surf-2022"] {
        assert!(run.contains(part), "no {part} in {run}");
    }
}

const OVERRIDE: &str = "schema = 1\n[[override]]\nrange = \"170.114.0.0/16\"\ncountry = \"DE\"\nreason = \"by contract\"\nauthor = \"me\"\ndated = \"2026-01-01\"\n";

#[test]
fn studies_joined_captures_and_standard_input_are_made_again() {
    let place = Place::new();
    for (folder, capture) in [("win", "eea-meeting"), ("mac", "traveller")] {
        fs::create_dir_all(place.at("cells").join(folder)).unwrap();
        let name = format!("captures/{capture}.pcapng");
        fs::copy(shipped(&name), place.at("cells").join(folder).join("run.pcapng")).unwrap();
    }
    place.write("cells/win/notes.txt", "no capture");
    let manifest = "[[cell]]\nname = \"w\"\nfile = \"cells/win\"\nvantage = \"NL\"\n[[cell]]\nname = \"m\"\nfile = \"cells/mac/run.pcapng\"\nmarks = \"m.toml\"\n";
    place.write("study.toml", manifest);
    place.write("m.toml", "[[mark]]\nat = \"+1\"\nlabel = \"sign in\"\n");
    let both = ["cells/win/run.pcapng", "cells/mac/run.pcapng"];
    let runs: [&[&str]; 3] =
        [&["--by-folder", "cells"], &["--manifest", "study.toml"], &["--join", both[0], both[1]]];
    for (number, run) in runs.into_iter().enumerate() {
        let (zip, folder) = (format!("{number}.zip"), format!("{number}/"));
        place.does(&[&["inspect", "-o", &zip, "-o", &folder, "--bundle-inputs"], run].concat());
        let away = Place::new();
        fs::rename(place.at(&zip), away.at("b.zip")).unwrap();
        assert_found(&away.run(&["verify", "b.zip"]), 0, &["Same:"]);
    }
    let mut child = command(&["inspect", "-", "-o", "piped.zip"])
        .current_dir(place.at(""))
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(shipped(CAPTURE)).unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
    fs::rename(place.at("meeting.pcapng"), place.at("x")).unwrap();
    assert_found(&place.run(&["verify", "piped.zip"]), 2, &["-: a capture of the run, not found"]);
    assert_found(&place.run(&["verify", "piped.zip", "x"]), 0, &["Same:"]);
}

#[test]
fn one_flipped_byte_anywhere_in_a_folder_is_found_and_named() {
    let place = Place::new();
    let folder = place.bundle();
    fs::remove_file(place.at("meeting.pcapng")).unwrap();
    for (name, bytes) in files(&folder) {
        for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 2, bytes.len() - 1] {
            let mut bad = bytes.clone();
            bad[at] ^= 0x01;
            fs::write(folder.join(&name), &bad).unwrap();
            let output = place.run(&["verify", "bundle"]);
            assert_ne!(status(&output), 0, "byte {at} of {name}");
            let (_, said) = found(&output);
            assert!(said.contains(&name), "byte {at} of {name}: {said}");
        }
        fs::write(folder.join(&name), bytes).unwrap();
    }
    assert_found(&place.run(&["verify", "bundle", shipped(CAPTURE).to_str().unwrap()]), 0, &["Same:"]);
}

#[test]
fn one_flipped_byte_anywhere_in_a_zip_is_found() {
    let place = Place::new();
    place.does(&["inspect", "meeting.pcapng", "-o", "b.zip", "--bundle-inputs"]);
    let good = fs::read(place.at("b.zip")).unwrap();
    let directory = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let far = (0..good.len()).step_by(good.len() / 60);
    let near = (directory..good.len()).step_by(37);
    for at in far.chain(0..40).chain(near).chain(good.len() - 22..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        place.write("bad.zip", &bad);
        let output = place.run(&["verify", "bad.zip"]);
        let (status, said) = found(&output);
        assert!(status != 0 && !said.contains("panicked"), "byte {at}: {said}");
        let is_named = said.contains("ALTERED")
            || said.starts_with("borderpost: bad.zip: ")
            || said.contains("manifest.json: ");
        assert!(is_named, "byte {at}: {said}");
    }
}

#[test]
fn what_was_altered_is_told_and_what_the_report_should_say() {
    let place = Place::new();
    let folder = place.bundle();
    edit(&folder, "report.json", "\"outside\": ", "\"outside\": 7");
    let told = &["Differs:", "ALTERED report.json", "/headline/outside", "recorded", "made again"];
    assert_found(&place.run(&["verify", "bundle"]), 1, told);
    // A forger who sees to the manifest, too.
    seal(&folder);
    assert_found(
        &place.run(&["verify", "bundle"]),
        1,
        &["nothing shows why", "/headline/outside", "37 of 37"],
    );
    let json = place.run(&["verify", "--format", "json", "bundle"]);
    let read: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (read["outcome"].as_str(), read["causes"][0]["kind"].as_str()),
        (Some("differs"), Some("unknown"))
    );
    assert_eq!(read["differences"][0]["at"], "/headline/outside");
}

#[test]
fn files_that_are_missing_or_too_many_are_named() {
    let place = Place::new();
    let folder = place.bundle();
    fs::remove_file(folder.join("answers.jsonl")).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    assert_found(&place.run(&["verify", "bundle"]), 1, &["MISSING answers.jsonl", "UNLISTED notes.txt"]);
    fs::remove_file(folder.join("manifest.json")).unwrap();
    assert_refused(&place.run(&["verify", "bundle"]), &["no manifest.json", "ask for another copy"]);
}

#[test]
fn a_capture_of_other_bytes_is_told_from_one_that_is_not_there() {
    let place = Place::new();
    place.bundle();
    let mut other = fs::read(place.at("meeting.pcapng")).unwrap();
    let last = other.len() - 9;
    other[last] ^= 1;
    place.write("meeting.pcapng", &other);
    assert_found(&place.run(&["verify", "bundle"]), 2, &["what is at its recorded path has other bytes"]);
    let named = place.run(&["verify", "bundle", "meeting.pcapng"]);
    // It differs, and the report could not be made again, which counts first.
    let told =
        ["Differs:", "meeting.pcapng is none of the files that the run read", &sha256(&other), "Not done"];
    assert_found(&named, 2, &told);
    assert_refused(
        &place.run(&["verify", "bundle", "no-such.pcapng"]),
        &["no-such.pcapng", "check the path"],
    );
}

#[test]
fn another_version_and_other_data_are_said_to_be_why() {
    let place = Place::new();
    let folder = place.bundle();
    edit(&folder, "run.toml", "version = \"0.", "version = \"99.");
    edit(&folder, "report.json", "\"version\": \"0.", "\"version\": \"99.");
    edit(&folder, "data/place/zones.toml", "\n", "\n# other\n");
    seal(&folder);
    let told = [
        "made by borderpost 99.",
        "borderpost 99.",
        "other data than it did: place/zones.toml",
        "/tool/version",
    ];
    assert_found(&place.run(&["verify", "bundle"]), 1, &told);
}

#[test]
fn what_is_newer_is_refused_with_the_next_step() {
    let place = Place::new();
    let newer = |file: &str, from: &str, to: &str| {
        let folder = place.bundle();
        edit(&folder, file, from, to);
        if file != "manifest.json" {
            seal(&folder);
        }
        place.run(&["verify", "bundle"])
    };
    let next = "read it with a newer borderpost";
    assert_refused(&newer("report.json", "\"1.0\"", "\"1.1\""), &["report.json", "schema 1.1", next]);
    assert_refused(&newer("report.json", "\"1.0\"", "\"2.0\""), &["report.json", "schema 2.0", next]);
    assert_refused(&newer("run.toml", "\"1.0\"", "\"1.1\""), &["run.toml", next]);
    assert_refused(&newer("manifest.json", "\"1.0\"", "\"1.1\""), &["manifest.json", next]);
}

#[test]
fn a_bundle_gives_no_orders_and_opens_no_other_files() {
    let place = Place::new();
    place.write("secret.toml", OVERRIDE);
    let hostile = [
        "\"--output=stolen.json\"",
        "\"--follow\"",
        "\"--override=secret.toml\"",
        "\"--geoip=/dev/zero\"",
        "\"--manifest=/etc/passwd\"",
        "\"--\", \"/etc/passwd\"",
        "\"--marks=../../x\"",
    ];
    for options in hostile {
        let folder = place.bundle();
        edit(&folder, "run.toml", "arguments = []", &format!("arguments = [{options}]"));
        seal(&folder);
        let output = place.run(&["verify", "bundle"]);
        assert_found(&output, 2, &["Not done:"]);
        assert!(!place.at("stolen.json").exists(), "{options}");
    }
    for (from, to) in [
        ("sha256 =", "copy = \"../secret.toml\"\nsha256 ="),
        ("sha256 =", "copy = \"/etc/passwd\"\nsha256 ="),
    ] {
        let folder = place.bundle();
        edit(&folder, "run.toml", from, to);
        seal(&folder);
        assert_refused(&place.run(&["verify", "bundle"]), &["run.toml", "ask for another copy"]);
    }
}

#[cfg(unix)]
#[test]
fn links_and_pipes_in_a_folder_are_refused() {
    let place = Place::new();
    let folder = place.bundle();
    fs::remove_file(folder.join("report.txt")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("report.txt")).unwrap();
    assert_refused(&place.run(&["verify", "bundle"]), &["report.txt", "a link", "put the file itself"]);
    fs::remove_file(folder.join("report.txt")).unwrap();
    std::os::unix::fs::symlink("..", folder.join("data/up")).unwrap();
    assert_refused(&place.run(&["verify", "bundle"]), &["up", "a link"]);
}

#[test]
fn a_database_is_not_handed_on_and_is_known_by_its_hash() {
    let place = Place::new();
    fs::copy(concat!(env!("OUT_DIR"), "/default.mmdb"), place.at("licensed.mmdb")).unwrap();
    place.does(&["inspect", "meeting.pcapng", "--geoip", "licensed.mmdb", "-o", "b/"]);
    assert!(!files(&place.at("b")).keys().any(|name| name.starts_with("files/")));
    fs::create_dir(place.at("data")).unwrap();
    fs::rename(place.at("licensed.mmdb"), place.at("data/renamed.mmdb")).unwrap();
    let lost = place.run(&["verify", "b"]);
    assert_found(&lost, 2, &["licensed.mmdb: a file that an option of the run names, not found"]);
    assert_found(&place.run(&["verify", "b", "data"]), 0, &["Same:", "licensed.mmdb: as given"]);
}

/// A file of a zip that is made up: its name, its bytes as they are stored, its method and the size that it declares.
type Made<'a> = (&'a str, Vec<u8>, u16, u32);

/// A zip of such files, by the same form as bundles have.
fn zip(files: &[Made<'_>]) -> Vec<u8> {
    let (mut whole, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes, method, size) in files {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let mut common = [20, 0, *method, 0, 0x21].map(u16::to_le_bytes).concat();
        let packed = u32::try_from(bytes.len()).unwrap();
        common.extend([crc.sum(), packed, *size].map(u32::to_le_bytes).concat());
        common.extend([u16::try_from(name.len()).unwrap(), 0].map(u16::to_le_bytes).concat());
        let offset = u32::try_from(whole.len()).unwrap().to_le_bytes();
        whole.extend([b"PK\x03\x04", &common[..], name.as_bytes(), bytes].concat());
        directory.extend([b"PK\x01\x02", &[20, 0][..], &common, &[0; 10], &offset, name.as_bytes()].concat());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let sizes =
        [directory.len(), whole.len()].map(|size| u32::try_from(size).unwrap().to_le_bytes()).concat();
    let end = [b"PK\x05\x06", &[0; 4][..], &count, &count, &sizes, &[0, 0]].concat();
    [whole, directory, end].concat()
}

fn stored(name: &str) -> Made<'_> {
    (name, b"x".to_vec(), 0, 1)
}

#[test]
fn zips_that_are_made_up_to_do_harm_are_refused() {
    let place = Place::new();
    let zeros = {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 64 << 20]).unwrap();
        packer.finish().unwrap()
    };
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (zip(&[stored("../out")]), &["leads out of the bundle: ../out"]),
        (zip(&[stored("a/../../out")]), &["leads out of the bundle"]),
        (zip(&[stored("/etc/cron.d/x")]), &["does not start in the bundle"]),
        (zip(&[stored("C:\\x")]), &["does not start in the bundle"]),
        (zip(&[stored("a\u{1b}[31m")]), &["a path that no bundle has", "\\u{1b}"]),
        (zip(&[stored("manifest.json"), stored("manifest.json")]), &["manifest.json twice"]),
        (zip(&[stored("a"), stored("b")]), &["no manifest.json"]),
        (zip(&[("manifest.json", zeros.clone(), 8, u32::MAX)]), &["would unpack to", "at most 1024 MiB"]),
        (zip(&[("manifest.json", zeros.clone(), 8, 1000)]), &["manifest.json", "other than the 1000 bytes"]),
        (zip(&[("manifest.json", b"x".to_vec(), 8, 1 << 20)]), &["manifest.json"]),
        (zip(&[("manifest.json", b"{}".to_vec(), 0, 1 << 20)]), &["manifest.json"]),
        (zip(&[("manifest.json", b"{}".to_vec(), 12, 2)]), &["manifest.json"]),
        (zip(&[("manifest.json", b"{}".to_vec(), 0, 2)]), &["manifest.json", "schema"]),
        (b"PK\x05\x06".to_vec(), &["neither a folder nor a zip"]),
        (Vec::new(), &["neither a folder nor a zip"]),
    ];
    for (bytes, parts) in cases {
        place.write("evil.zip", &bytes);
        assert_refused(&place.run(&["verify", "evil.zip"]), parts);
    }
    assert_eq!(fs::read_dir(place.at("")).unwrap().count(), 2, "nothing is unpacked");
}

#[test]
fn a_zip_that_is_cut_short_or_has_something_behind_it_is_refused() {
    let place = Place::new();
    place.does(&["inspect", "meeting.pcapng", "-o", "b.zip"]);
    let good = fs::read(place.at("b.zip")).unwrap();
    for len in [30, good.len() / 2, good.len() - 1] {
        place.write("cut.zip", &good[..len]);
        assert_refused(&place.run(&["verify", "cut.zip"]), &["cut.zip", "cut short", "ask for another copy"]);
    }
    place.write("more.zip", [&good[..], b"more"].concat());
    assert_refused(&place.run(&["verify", "more.zip"]), &["more.zip", "ask for another copy"]);
}

#[test]
fn the_log_of_a_redacted_capture_goes_along_and_is_held_against_it() {
    let place = Place::new();
    place.does(&["redact", "meeting.pcapng", "shared.pcapng"]);
    place.does(&["inspect", "shared.pcapng", "-o", "bundle/", "-o", "bundle.zip"]);
    let name = "redaction/000-shared.pcapng.log.json";
    let log = fs::read(place.at("shared.pcapng.log.json")).unwrap();
    assert_eq!(fs::read(place.at("bundle").join(name)).unwrap(), log);
    let original = sha256(&fs::read(place.at("meeting.pcapng")).unwrap());
    let told = [
        "Same:",
        "Redacted shared.pcapng: by borderpost",
        &format!("from a capture with SHA-256 {original};"),
    ];
    for bundle in ["bundle", "bundle.zip"] {
        assert_found(&place.run(&["verify", bundle]), 0, &told);
        let given = place.run(&["verify", bundle, "shared.pcapng", "meeting.pcapng"]);
        assert_found(&given, 0, &["as given, meeting.pcapng"]);
    }
    let json = place.run(&["verify", "--format", "json", "bundle"]);
    let read: Value = serde_json::from_slice(&json.stdout).unwrap();
    let redaction = &read["redactions"][0];
    assert_eq!((&redaction["original_sha256"], &redaction["what"]), (&original.into(), &Value::Null));
    // One byte of it, and one who sees to the manifest, too.
    let folder = place.at("bundle");
    edit(&folder, name, "\"key\": \"random\"", "\"key\": \"rondom\"");
    assert_found(&place.run(&["verify", "bundle"]), 1, &[&format!("ALTERED {name}"), "NOT BY redaction/000"]);
    let own = sha256(&fs::read(place.at("shared.pcapng")).unwrap());
    edit(&folder, name, &own, &"0".repeat(64));
    seal(&folder);
    let told = [&format!("{name}: it is the log of a capture with SHA-256 0000"), "not of shared.pcapng"];
    assert_found(&place.run(&["verify", "bundle"]), 1, &[told[0], told[1], "Differs: the bundle"]);
    fs::write(folder.join(name), "[]").unwrap();
    seal(&folder);
    assert_found(&place.run(&["verify", "bundle"]), 1, &["no log of a redaction"]);
}

#[test]
fn a_log_of_another_capture_is_never_put_beside_one() {
    let place = Place::new();
    place.does(&["redact", "meeting.pcapng", "shared.pcapng"]);
    fs::rename(place.at("shared.pcapng.log.json"), place.at("meeting.pcapng.log.json")).unwrap();
    let made = place.does(&["inspect", "meeting.pcapng", "-o", "bundle/"]);
    let told = "meeting.pcapng.log.json: the log of a capture with other bytes";
    assert!(err(&made).contains(told) && !place.at("bundle/redaction").exists(), "{}", err(&made));
    place.write("meeting.pcapng.log.json.txt", "{}");
    let refused = |arguments: &[&str], parts: &[&str]| {
        assert_refused(&place.run(&[&["inspect", "meeting.pcapng"], arguments].concat()), parts);
    };
    let log = ["--redaction-log", "meeting.pcapng.log.json"];
    refused(&[&log[..], &["-o", "b/"]].concat(), &["which no input has"]);
    refused(&log, &["--redaction-log needs a bundle"]);
    refused(&["-o", "b/", "--redaction-log", "meeting.pcapng.log.json.txt"], &["no log of a redaction"]);
    refused(&["-o", "b/", "--redaction-log", "none.json"], &["none.json", "--redaction-log"]);
    refused(&[&log[..], &["-o", "b/", "-o", "meeting.pcapng.log.json"]].concat(), &["is an input"]);
    assert!(!place.at("b").exists());
    // Named from anywhere, it is known by the capture's hash.
    place.does(&[&["inspect", "shared.pcapng", "-o", "b/"], &log[..]].concat());
    assert!(place.at("b/redaction/000-meeting.pcapng.log.json").exists());
}

#[test]
fn no_good_thing_is_written_over() {
    let place = Place::new();
    fs::create_dir(place.at("notes")).unwrap();
    place.write("notes/mine.txt", "mine");
    let refused = |arguments: &[&str], parts: &[&str]| {
        assert_refused(&place.run(&[&["inspect", "meeting.pcapng"], arguments].concat()), parts);
    };
    refused(&["-o", "notes"], &["notes", "other files than those of a bundle", "name a new folder"]);
    refused(&["-o", "."], &["an input lies in it"]);
    refused(&["-o", "meeting.pcapng/"], &["meeting.pcapng"]);
    refused(&["-o", "b/", "--no-hash"], &["leave --no-hash out"]);
    refused(&["--bundle-inputs"], &["-o FOLDER/"]);
    refused(&["no-such.pcapng", "-o", "b/"], &["no-such.pcapng", "no bundle was written"]);
    refused(&["-o", "no/such/b.zip"], &["nothing was written there"]);
    assert!(!place.at("b").exists());
    // A bundle takes the place of a bundle, whole.
    place.bundle();
    refused(&["-o", "bundle"], &["bundle exists: --force replaces it"]);
    place.does(&["inspect", "meeting.pcapng", "--force", "-o", "bundle", "--bundle-inputs"]);
    assert_found(&place.run(&["verify", "bundle"]), 0, &["found in the bundle"]);
    place.bundle();
    assert!(!place.at("bundle/inputs").exists());
    let mut left: Vec<_> = fs::read_dir(place.at(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["bundle", "meeting.pcapng", "notes"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_what_was_there() {
    let place = Place::new();
    place.does(&["inspect", "meeting.pcapng", "-o", "b.zip", "-o", "b/", "-o", "r.json"]);
    let before = files(&place.at(""));
    for output in ["b.zip", "b/", "r.json"] {
        // A limit on the size of files stands in for a full disk: blocks are of 512 or of 1,024 bytes.
        let script = format!(
            "ulimit -f 20; trap '' XFSZ; exec \"$0\" inspect meeting.pcapng --vantage NL --force -o {output}"
        );
        let run = std::process::Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_borderpost")])
            .current_dir(place.at(""))
            .output()
            .unwrap();
        assert_refused(&run, &[output.trim_end_matches('/'), "nothing was written there"]);
        assert_eq!(files(&place.at("")), before, "{output}");
    }
}

#[cfg(unix)]
#[test]
fn killed_at_any_moment_a_report_is_the_old_one_or_the_new_one() {
    let place = Place::new();
    let outputs = ["--force", "-o", "r.json", "-o", "b.zip", "-o", "b/"];
    let variants = [&[][..], &["--vantage", "NL"]]
        .map(|more| [&["inspect", "meeting.pcapng"], &outputs[..], more].concat());
    let known = |name: &str| {
        let path = place.at(name);
        if path.is_dir() { files(&path) } else { BTreeMap::from([(String::new(), fs::read(path).unwrap())]) }
    };
    let names = ["r.json", "b.zip", "b"];
    let began = std::time::Instant::now();
    let whole = variants.each_ref().map(|arguments| {
        place.does(arguments);
        names.map(known)
    });
    let takes = began.elapsed() / 2;
    for moment in 1..=20 {
        let mut child = command(&variants[moment % 2])
            .current_dir(place.at(""))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(takes * u32::try_from(moment).unwrap() / 20);
        // It may have ended already.
        drop(child.kill());
        child.wait().unwrap();
        for (number, name) in names.iter().enumerate() {
            // A folder that steps aside for another may be caught doing so.
            if number == 2 && !place.at(name).exists() {
                continue;
            }
            let found = known(name);
            assert!(whole.iter().any(|whole| whole[number] == found), "{name} at {moment}");
        }
    }
    // What was left lying about is in nobody's way.
    place.does(&variants[0]);
    assert_eq!(names.map(known), whole[0]);
}
