//! Reports in other languages than English: nothing is left in English but names and titles, no row is dead, and formats for
//! machines stay as they are.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use borderpost::compare::baseline::{self, Baseline};
use borderpost::compare::{self, Comparison, Run};
use borderpost::inspect::{Settings, inspect};
use borderpost::report::lang::{Lang, MARKS};
use borderpost::report::schema::Report;
use borderpost::report::table::{Color, table};
use borderpost::report::{self, Options};
use borderpost::study::Study;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use self::common::{assert_refused, borderpost, err, out, status};

const CAPTURES: [&str; 10] = [
    "browser-join",
    "eea-meeting",
    "eu-meeting-us-telemetry",
    "ipv6-only",
    "joined-midway",
    "third-parties",
    "through-a-vpn",
    "traveller",
    "trust-and-safety",
    "webinar-invitation",
];

fn dutch() -> Lang {
    Lang::of("nl").unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn made(captures: &[PathBuf], settings: Settings) -> Report {
    report::build(&inspect(captures, settings, &()), Options { show_participants: false, list_flows: true })
}

/// The settings that change what is said.
fn settings() -> Vec<Settings> {
    let vantage = |code: &str| Some(code.parse().unwrap());
    let selection = || {
        let packs = borderpost::claims::builtin().packs();
        borderpost::claims::Selection::of_packs(&packs)
    };
    vec![
        Settings { claims: selection(), ..Settings::default() },
        Settings { exclusive: true, vantage: vantage("NL"), ..Settings::default() },
        Settings { vantage: vantage("US"), registers: Vec::new(), ..Settings::default() },
        Settings { law_date: Some("2019-05-01".parse().unwrap()), ..Settings::default() },
        Settings { law_date: Some("2021-02-01".parse().unwrap()), ..Settings::default() },
        Settings { max_memory: Some(1), ..Settings::default() },
    ]
}

/// The study of the shipped captures.
fn study() -> Report {
    let file = "captures/study.toml";
    let text = fs::read_to_string(root().join(file)).unwrap();
    let find = |path: &Path| path.exists().then(|| path.to_owned());
    let study = Study::parse(file, &text, &root().join("captures"), &find).unwrap();
    let captures = study.captures();
    made(&captures, Settings { study: Some(study), ..Settings::default() })
}

fn rendered(report: &Report, lang: Lang) -> [String; 3] {
    [
        table(report, Color::Never, lang),
        report::markdown(report, usize::MAX, lang),
        report::html(report, lang),
    ]
}

/// What stands between the marks.
fn untranslated(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(MARKS[0]).skip(1);
    parts.map(|part| part.split(MARKS[1]).next().unwrap_or_default().to_owned())
}

#[test]
fn every_sentence_of_the_shipped_captures_has_a_translation() {
    let mut missing = BTreeSet::new();
    let mut look = |report: &Report| {
        for text in rendered(report, dutch().marking()) {
            missing.extend(untranslated(&text));
        }
    };
    look(&study());
    for capture in CAPTURES {
        let path = root().join(format!("captures/{capture}.pcapng"));
        for settings in settings() {
            look(&made(std::slice::from_ref(&path), settings));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A report by its JSON, as another program may have made it: in each of `flows`, its host, the destination's place and zone.
fn stated(name: &str, more: &Value, destinations: &[[&str; 6]]) -> Vec<Run> {
    let rows: Vec<Value> = (1..)
        .zip(destinations)
        .map(|(id, [host, recipient, axis, country, zone, listing])| {
            json!({
                "id": id, "whose": "client", "host_pattern": host, "service": "web", "listing": listing, "flows": 2, "input": 0,
                "recipient": (!recipient.is_empty()).then_some(recipient), "zone": zone,
                "place": { "axis": axis, "grade": "likely", "located": [country] }, "bytes_out": 100, "first_frame": 3,
            })
        })
        .collect();
    let flow = |id: usize| {
        json!({
            "input": 0, "destination": id + 1, "phase": more["phase"], "transport": "tcp", "bytes_out": more["sent"], "first_frame": 3,
            "handshake": [{ "kind": "client_hello", "value": "" }, { "kind": "ja4", "value": more["ja4"] }],
        })
    };
    let all =
        (0..destinations.len()).flat_map(|id| (0..more["flows"].as_u64().unwrap()).map(move |_| flow(id)));
    let mut report = json!({
        "schema": { "name": "borderpost-report", "version": more["version"] },
        "inputs": [{ "path": name, "start": "2024-06-01T00:00:00Z", "end": "2024-06-01T01:00:00Z", "frames_lost": more["lost"] }],
        "destinations": rows, "flows": all.collect::<Vec<Value>>(),
        "cells": [{ "name": "c", "inputs": [0], "platform": more["platform"], "account": "free", "scenario": more["scenario"], "vantage": "NL" }],
        "quality": { "law_date": more["law_date"] },
    });
    if more["lost"] == 3 {
        report["inputs"][0]["damage"] = json!({});
        report["so_far"] = json!(true);
        report["quality"]["summed_up"] = json!([{ "flows": 4, "input": 0 }]);
        let meeting =
            |start: &str, end: &str| json!({ "start_input": 0, "start_rule": start, "end_rule": end });
        report["meetings"] = json!([meeting("media_joined_midway", "capture_end")]);
    }
    compare::runs_in(name, report.to_string().as_bytes(), false).unwrap()
}

/// Comparisons in which everything is said that there is to say.
fn comparisons() -> Vec<Comparison> {
    let more = |phase: &str, sent: u64, flows: u64, ja4: &str| json!({ "phase": phase, "sent": sent, "flows": flows, "ja4": ja4, "lost": 0, "version": "1.0", "platform": "linux", "scenario": null });
    let stays = ["stays.zoom.us", "zoom", "eea", "DE", "EEA", "not_compared"];
    let base = [
        stays,
        ["moves.zoom.us", "zoom", "eea", "DE", "EEA", "not_compared"],
        ["run.zoom.us", "zoom", "outside", "US", "third country", "unlisted"],
        ["place.zoom.us", "zoom", "outside", "US", "adequate, recipient certified", "listed"],
        ["list.zoom.us", "zoom", "outside", "CA", "adequate", "listed"],
        ["gone.zoom.us", "", "undetermined", "", "", "undecided"],
    ];
    let new = [
        stays,
        ["moves.zoom.us", "zoom", "outside", "JP", "adequate", "unlisted"],
        ["run.zoom.us", "other", "outside", "US", "third country", "unlisted"],
        ["place.zoom.us", "zoom", "outside", "IN", "adequate, recipient certified", "listed"],
        ["list.zoom.us", "zoom", "outside", "CA", "third country", "unlisted"],
        ["new.a81f09c3d277.zoom.us", "zoom", "local", "", "", "no_register"],
    ];
    let first = || stated("1.pcap", &more("launch", 100, 2, "t13d1_a_b"), &base);
    let several = || [first(), stated("2.pcap", &more("launch", 120, 3, "t13d1_a_b"), &base)].concat();
    let mut odd = more("idle", 20_000, 9, "t13d2_c_d");
    for (key, value) in [
        ("lost", json!(3)),
        ("version", json!("1.7")),
        ("platform", json!("macos")),
        ("law_date", json!("2024-01-01")),
    ] {
        odd[key] = value;
    }
    odd["scenario"] = json!("one call");
    let odd = || stated("3.pcap", &odd, &new);
    let mixed = || [first(), odd()].concat();
    let text = ["host = \"stays.zoom.us\"", "hosts = \"*\"", "host = \"*.zoom.us\"", "hosts = \"*.old.us\"", "host = \"list.zoom.us\"", "host = \"run.zoom.us\""]
        .iter()
        .zip([("zoom", "EEA", ""), ("zoom", "local network", ""), ("zoom", "EEA", ""), ("zoom", "*", ""), ("*", "third country", "expires = \"2024-05-01\""), ("zoom", "third country", "proposed = true")])
        .fold("version = 1\n".to_owned(), |text, (host, (recipient, zone, more))| {
            text + &format!("[[entry]]\n{host}\nservice = \"web\"\nprotocol = \"tls\"\nrecipient = \"{recipient}\"\nzone = \"{zone}\"\nfirst_seen = \"2024-01-01\"\nreason = \"r\"\nowner = \"o\"\nbuilds = [\"6.1.0\"]\n{more}\n")
        });
    let baseline = Baseline::parse("b.toml", &text).unwrap();
    let nothing = stated("4.pcap", &more("launch", 1, 1, "t"), &[]);
    let real = |name: &str| {
        let report = made(&[root().join(format!("captures/{name}.pcapng"))], Settings::default());
        compare::runs_of(name, &report, false).unwrap()
    };
    vec![
        compare::diff(several(), odd()).unwrap(),
        compare::diff(odd(), first()).unwrap(),
        compare::diff([mixed(), nothing].concat(), mixed()).unwrap(),
        compare::diff(first(), first()).unwrap(),
        compare::diff(real("nightly-a"), real("nightly-b")).unwrap(),
        compare::diff(real("browser-join"), real("ipv6-only")).unwrap(),
        baseline::check(&baseline, odd(), None).unwrap(),
        baseline::check(&baseline, [real("nightly-a"), first()].concat(), None).unwrap(),
    ]
}

#[test]
fn every_sentence_of_a_comparison_has_a_translation() {
    let mut missing = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for comparison in comparisons() {
        kinds.extend(comparison.differences.iter().flat_map(|of| &of.changes).map(|change| change.kind));
        for text in told(&comparison, dutch().marking()) {
            missing.extend(untranslated(&text));
        }
        let [text, _, page] = told(&comparison, dutch());
        assert!(text.lines().map(str::width).max() <= Some(80), "{text}");
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"nl\">"));
        for english in ["Before you compare", " in the base", "not seen", "third country", "beyond"] {
            assert!(!text.contains(english), "{english}: {text}");
        }
    }
    assert_eq!(kinds.len(), compare::Kind::ALL.len(), "not every kind is there: {kinds:?}");
    assert!(missing.is_empty(), "{missing:#?}");
}

fn told(comparison: &Comparison, lang: Lang) -> [String; 3] {
    let document = compare::document(comparison, lang);
    [document.text(Color::Never), report::document::markdown(&document), report::document::html(&document)]
}

#[test]
fn formats_of_comparisons_for_machines_are_english_in_any_case() {
    for format in ["json", "junit", "gitlab"] {
        let run = |lang: &str| {
            let [base, new] = ["captures/nightly-a.pcapng", "captures/nightly-b.pcapng"];
            let output =
                borderpost(&["diff", base, new, "--fail-on", "any", "--format", format, "--lang", lang]);
            (status(&output), out(&output))
        };
        assert!(run("en") == run("nl"), "{format}");
    }
}

/// Captures that are not part of the project, where they are there: they are odd in more ways.
#[test]
fn every_sentence_of_other_captures_has_a_translation() {
    let folder = root().join("../shared/captures");
    let mut missing = BTreeSet::new();
    for entry in fs::read_dir(&folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let is_capture = path.to_string_lossy().contains(".pcap");
        if is_capture && path.metadata().unwrap().len() < 20_000_000 {
            let report = made(&[path], Settings::default());
            for text in rendered(&report, dutch().marking()) {
                missing.extend(untranslated(&text));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_report_in_another_language_keeps_to_the_page() {
    let mut reports = vec![study()];
    let eea = root().join("captures/eea-meeting.pcapng");
    reports.extend(settings().into_iter().map(|settings| made(std::slice::from_ref(&eea), settings)));
    for report in &reports {
        let [text, markdown, page] = rendered(report, dutch());
        let widest = text.lines().map(str::width).max();
        assert!(widest <= Some(80), "{text}");
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"nl\">"));
        assert!(markdown.starts_with("# Waar het verkeer van de Zoom-client heen ging\n"));
    }
}

#[test]
fn formats_for_machines_are_english_in_any_case() {
    let capture = "captures/eu-meeting-us-telemetry.pcapng";
    for format in ["json", "jsonl", "csv", "junit", "gitlab"] {
        let run = |lang: &str| {
            let options =
                ["inspect", "--format", format, "--fail-on", "unlisted,lossy", "--lang", lang, capture];
            let output = borderpost(&options);
            (status(&output), out(&output))
        };
        assert!(run("en") == run("nl"), "{format}");
    }
    let matrix = |lang: &str| {
        let options =
            ["inspect", "--format", "matrix-csv", "--lang", lang, "--manifest", "captures/study.toml"];
        out(&borderpost(&options))
    };
    assert_eq!(matrix("en"), matrix("nl"));
}

#[test]
fn a_language_that_there_is_not_is_refused_with_those_that_there_are() {
    let output = borderpost(&["inspect", "--lang", "xx", "captures/eea-meeting.pcapng"]);
    let expected: Vec<&str> = Lang::codes().collect();
    assert_refused(&output, &[&format!("[possible values: {}]", expected.join(", "))]);
}

/// The user's own words and those of a capture stay as they are, whatever they say.
#[test]
fn a_label_that_reads_like_a_sentence_of_ours_stays() {
    let labels = ["time unknown", "nothing ties it to the client", "Input", "no new flow"];
    for label in labels {
        let mark = format!("+1={label}");
        for format in ["table", "md"] {
            let options = [
                "inspect",
                "--lang",
                "nl",
                "--format",
                format,
                "--mark",
                &mark,
                "captures/eea-meeting.pcapng",
            ];
            let text = out(&borderpost(&options));
            assert!(text.contains(label), "{label}: {text}");
        }
    }
}

#[test]
fn a_bundle_in_another_language_is_made_again_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = format!("{}/", folder.path().join("bundle").display());
    let capture = "captures/eea-meeting.pcapng";
    let made = borderpost(&["inspect", "--lang", "nl", "-o", &bundle, capture]);
    assert_eq!(status(&made), 0, "{}", err(&made));
    let verified = borderpost(&["verify", &bundle, capture]);
    assert_eq!(status(&verified), 0, "{}{}", out(&verified), err(&verified));
    let text = |name: &str| fs::read_to_string(Path::new(&bundle).join(name)).unwrap();
    assert!(text("report.txt").contains("\nWat de opname niet kon tonen\n"));
    assert!(text("report.html").contains("<html lang=\"nl\">"));
    assert!(text("report.json").contains("what servers pass on is not visible in a capture"));
}

// ---------------------------------------------------------------------------------------------------------------------
// The code against the files of the languages.

/// The files below a folder that end in one of these.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_wanted = path.extension().is_some_and(|e| extensions.iter().any(|known| e == *known));
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if is_wanted {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The texts in quotes of a source, as they are at run time, each with what stands before it on its line.
fn quoted(source: &str) -> Vec<(String, String)> {
    let source = source.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let (mut found, mut rest, mut before) = (Vec::new(), source, String::new());
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').and_then(|at| rest.get(at..)).unwrap_or_default();
        } else if c == '"' {
            let mut end = 1;
            while let Some(byte) = rest.as_bytes().get(end).filter(|byte| **byte != b'"') {
                end += if *byte == b'\\' { 2 } else { 1 };
            }
            found.push((plain(rest.get(1..end).unwrap_or_default()), std::mem::take(&mut before)));
            rest = rest.get(end + 1..).unwrap_or_default();
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\''") {
            rest = rest.get(if rest.starts_with("'\"'") { 3 } else { 4 }..).unwrap_or_default();
        } else {
            before.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    found
}

/// A literal without its escapes.
fn plain(literal: &str) -> String {
    let mut out = String::new();
    let mut chars = literal.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('"' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// The words between the placeholders of a template.
fn pieces(template: &str) -> Vec<String> {
    let mut rest = template;
    let mut found = Vec::new();
    while let Some((text, behind)) = rest.split_once('{') {
        found.push(text.to_owned());
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    found.push(rest.to_owned());
    found.iter().map(|piece| piece.trim().to_owned()).filter(|piece| piece.len() > 3).collect()
}

#[test]
fn no_row_is_of_something_that_the_program_does_not_say() {
    let mut said = String::new();
    for path in files(&root().join("src"), &["rs", "html"]) {
        let text = fs::read_to_string(&path).unwrap();
        for (literal, _) in quoted(&text) {
            said.push_str(&literal);
            said.push('\n');
            // An id may be said as words.
            if literal.contains('_') {
                said.push_str(&literal.replace('_', " "));
                said.push('\n');
            }
        }
        if path.extension().is_some_and(|extension| extension == "html") {
            said.push_str(&text);
        }
    }
    let data = [root().join("src"), root().join("geoip")];
    let data = data.iter().flat_map(|folder| files(folder, &["toml"]));
    for path in data.filter(|path| !path.to_string_lossy().contains("report/lang/")) {
        said.push_str(&fs::read_to_string(path).unwrap().replace("\\\"", "\""));
    }
    let is_said = |piece: &String| is_composed(piece, &said);
    let forms = |row: &str| row.split('|').flat_map(pieces).collect::<Vec<_>>();
    let dead: Vec<&str> = dutch().rows().filter(|row| !forms(row).iter().all(is_said)).collect();
    assert!(dead.is_empty(), "{dead:#?}");
}

/// Whether a text is made of a few that stand there: sentences have parts that not all of them have.
fn is_composed(text: &str, said: &str) -> bool {
    let mut rest = text;
    for _ in 0..MOST_PARTS {
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
        let longest = ends.into_iter().find(|end| said.contains(&rest[..*end])).unwrap_or_default();
        rest = &rest[longest..];
        if rest.is_empty() {
            return true;
        }
    }
    false
}

const MOST_PARTS: usize = 4;

/// What renderers look up, as it stands in their sources.
#[test]
fn what_the_renderers_say_has_a_translation() {
    let rows: BTreeSet<&str> = dutch().rows().collect();
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    let folders = ["src/report", "src/compare"].map(|folder| files(&root().join(folder), &["rs", "html"]));
    for path in folders.concat() {
        let source = fs::read_to_string(&path).unwrap();
        let all = quoted(&source);
        for (number, (literal, before)) in all.iter().enumerate() {
            let before = before.trim_end();
            let row = if before.ends_with(".word(") || before.ends_with(".say(") {
                Some(literal.clone())
            } else if before.ends_with(',') && before.contains(".plural(") {
                all.get(number + 1).map(|(many, _)| format!("{literal}|{many}"))
            } else {
                None
            };
            seen += usize::from(row.is_some());
            missing.extend(row.filter(|row| !rows.contains(row.as_str()) && !path.ends_with("lang.rs")));
        }
    }
    assert!(seen > 200, "{seen}");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Modules whose sentences a report keeps as text: every one of them is part of a template.
#[test]
fn what_is_said_below_the_renderers_has_a_translation() {
    let rows: String = dutch().rows().map(|row| pieces(row).join("\n") + "\n" + row + "\n").collect();
    let lang = dutch().marking();
    let mut missing = BTreeSet::new();
    for file in SPEAKERS {
        let source = fs::read_to_string(root().join("src").join(file)).unwrap();
        let source = source.split(NOT_SAID_FROM).next().unwrap_or_default();
        for (literal, before) in quoted(source) {
            let is_attribute = before.trim_end().ends_with("reason =");
            let is_known = NAMES.contains(&literal.as_str()) || !lang.sentence(&literal).contains(MARKS[0]);
            let said = pieces(&literal).into_iter().filter(|_| !is_attribute && !is_known);
            let said = said.map(|piece| piece.trim_start_matches([',', ';', ':', ' ']).to_owned());
            missing.extend(said.filter(|piece| piece.contains(' ') && !rows.contains(piece.as_str())));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Names of protocols.
const NAMES: [&str; 7] = [
    "AH (IPsec)",
    "EAP over LAN, IEEE 802.1X",
    "ESP (IPsec)",
    "ESP in UDP (IPsec)",
    "HomePlug AV",
    "IEEE 1905.1",
    "Precision Time Protocol",
];

/// From here on the file says rules, which reports do not.
const NOT_SAID_FROM: &str = "\npub fn rule(";

const SPEAKERS: [&str; 30] = [
    "claims/need.rs",
    "claims/pile.rs",
    "claims/words.rs",
    "client/statement.rs",
    "client/zoom/attribute.rs",
    "compare/document.rs",
    "compare/noise.rs",
    "compare/words.rs",
    "packet/fragment.rs",
    "packet/ip.rs",
    "packet/link/apple.rs",
    "packet/link/bsd.rs",
    "packet/link/ethernet.rs",
    "packet/link/mod.rs",
    "packet/link/ppp.rs",
    "packet/link/rings.rs",
    "packet/link/wifi.rs",
    "packet/transport.rs",
    "place/resolution.rs",
    "place/round_trip.rs",
    "place/settle.rs",
    "place/witness.rs",
    "report/anomalies.rs",
    "report/decryption.rs",
    "report/headline.rs",
    "report/matrix.rs",
    "report/protocol.rs",
    "report/quality.rs",
    "report/tunnels.rs",
    "source/pcapng.rs",
];

/// The texts of the claims, and of the tables that reports quote.
#[test]
fn what_data_files_say_has_a_translation() {
    let rows: BTreeSet<&str> = dutch().rows().collect();
    let mut missing = BTreeSet::new();
    for (file, keys) in [
        ("src/claims/data/claims.toml", &["text", "limits", "says", "because", "place"][..]),
        ("src/session/data/step-kinds.toml", &["title", "onward"]),
        ("src/verdict/registers/surf-2022.toml", &["title", "limits"]),
        ("src/verdict/registers/surf-2024.toml", &["title", "limits"]),
        ("geoip/zones.toml", &["decision"]),
        ("src/compare/data/folding.toml", &["why"]),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let value: toml::Value = toml::from_str(&text).unwrap();
        texts(&value, keys, &mut |text| {
            let parts: Vec<&str> = if file.ends_with("zones.toml") {
                text.strip_prefix("none: ").unwrap_or(text).split("; ").collect()
            } else {
                vec![text]
            };
            missing.extend(parts.into_iter().filter(|part| !rows.contains(part)).map(str::to_owned));
        });
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Every text under one of the keys.
fn texts(value: &toml::Value, keys: &[&str], say: &mut dyn FnMut(&str)) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                match value {
                    toml::Value::String(text) if keys.contains(&key.as_str()) => say(text),
                    other => texts(other, keys, say),
                }
            }
        }
        toml::Value::Array(all) => all.iter().for_each(|value| texts(value, keys, say)),
        _ => {}
    }
}
