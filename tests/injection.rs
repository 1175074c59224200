//! One list of hostile texts, wherever a capture or an argument can hold text, through the whole program in every format.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use borderpost::source::raw_byte;
use serde_json::Value;

use self::common::{assert_refused, borderpost, command, err, out, status};

/// Escapes, both kinds of direction marks, C1, line ends, markup, formulas, commands of a forge, and what is no text.
const HOSTILE: [&[u8]; 12] = [
    b"\x1b[31m\x1b]0;title\x07",
    "\u{202e}gnp.exe\u{2066}".as_bytes(),
    "\u{9b}31m\u{85}".as_bytes(),
    b"a\rb\x08\x08c\x7f",
    b"</script><img src=x onerror=alert(1)>",
    b"\"><svg/onload=alert(1)>",
    b"=HYPERLINK(\"http://evil.example\")",
    b"[x](http://evil.example) | `y` ![z](http://evil.example/z)",
    b"\n::error file=x::injected\n##[group]x",
    b"\xff\xfe\xc3\x28 no text",
    b"]]>&#x1b;<!--",
    b"\xe2\x80\xa8line\xe2\x80\xa9paragraph\xef\xbb\xbf",
];

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let padded = value.len().next_multiple_of(4);
    let len = u16::try_from(value.len()).unwrap();
    let mut bytes = [code.to_le_bytes(), len.to_le_bytes()].concat();
    bytes.extend(value);
    bytes.resize(4 + padded, 0);
    bytes
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
    [&kind.to_le_bytes(), &len[..], body, &len[..]].concat()
}

/// A capture that says a hostile text wherever pcapng has room for one: of itself, its interface, its frame, and an address.
fn capture(text: &[u8]) -> Vec<u8> {
    let end = option(0, &[]);
    let all = |codes: &[u16]| {
        let options: Vec<u8> = codes.iter().flat_map(|code| option(*code, text)).collect();
        [options, end.clone()].concat()
    };
    let head = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let interface = [&[1, 0, 0, 0], &[0; 4][..]].concat();
    let mut name = vec![192, 0, 2, 7];
    name.extend(text);
    name.push(0);
    let record = [option(1, &name), vec![0; 4]].concat();
    let mut frame = vec![0xff; 12];
    frame.extend([8, 6]);
    frame.resize(60, 0);
    let packet = [&[0; 4][..], &[0, 6, 0, 0], &[0; 4], &[60, 0, 0, 0], &[60, 0, 0, 0], &frame].concat();
    [
        block(0x0a0d_0d0a, &[head, all(&[1, 2, 3, 4])].concat()),
        block(1, &[interface, all(&[1, 2, 3, 11, 12, 15])].concat()),
        block(4, &record),
        block(6, &[packet, all(&[1])].concat()),
    ]
    .concat()
}

/// What steers a terminal or turns text around.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn assert_inert(text: &str, of: &str) {
    assert!(
        !text.contains(steers),
        "{of}: {:?}",
        text.find(steers).map(|at| &text[at..text.len().min(at + 40)])
    );
}

#[test]
fn what_a_capture_says_of_itself_steers_no_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcapng");
    let shown = path.display().to_string();
    for text in HOSTILE {
        fs::write(&path, capture(text)).unwrap();
        for format in ["table", "json", "jsonl", "csv", "md", "html", "junit"] {
            let fail_on: &[&str] = if format == "junit" { &["--fail-on", "undetermined,lossy"] } else { &[] };
            let output = borderpost(&[&["inspect", "--format", format, &shown], fail_on].concat());
            assert!(status(&output) < 2, "{format}: {}", err(&output));
            assert_inert(&out(&output).replace("\r\n", "\n"), format);
            assert_inert(&err(&output), format);
            assert!(!out(&output).contains("<img src=x") && !out(&output).contains("<svg/"), "{format}");
        }
        for format in ["table", "json", "jsonl"] {
            let output = borderpost(&["info", "--format", format, &shown]);
            assert_eq!(status(&output), 0, "{}", err(&output));
            assert_inert(&out(&output), "info");
        }
        let output = borderpost(&["explain", "192.0.2.7", "--in", &shown]);
        assert_inert(&(out(&output) + &err(&output)), "explain");
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_typed_or_lie_in_a_folder_steer_no_message() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let folder = tempfile::tempdir().unwrap();
    for text in HOSTILE {
        let name: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'/' | 0)).collect();
        let path = folder.path().join(OsStr::from_bytes(&name));
        let refused = command(&["info"]).arg(&path).stdin(Stdio::null()).output().unwrap();
        assert_refused(&refused, &[]);
        assert_inert(&err(&refused), "a missing file");
        fs::write(&path, capture(text)).unwrap();
    }
    for arguments in [
        ["info", "--no-hash"],
        ["inspect", "--no-hash"],
        ["inspect", "--format=html"],
        ["inspect", "--format=md"],
    ] {
        let output = command(&arguments).arg(folder.path()).stdin(Stdio::null()).output().unwrap();
        assert_eq!(status(&output), 0, "{}", err(&output));
        assert_inert(&out(&output), arguments[1]);
    }
    assert!(Path::new(folder.path()).is_dir());
}

/// Names that nobody would give, each once, from a fixed start: hostile texts, pieces of names and bytes at random, put together.
fn names(count: usize) -> Vec<Vec<u8>> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let plain: [&[u8]; 6] =
        [b"zoom.us", b"a-", b"*", "b\u{fc}cher".as_bytes(), b"\0", b"{{x}} {y:n} %s $(x)"];
    let made = |number: usize| {
        let mut name = Vec::new();
        for part in 0..=next(3) {
            if part == 1 {
                name.extend(format!("n{number}").bytes());
            }
            match next(4) {
                0 => name.extend((0..next(6)).map(|_| u8::try_from(next(256)).unwrap())),
                1 => name.extend(plain[next(plain.len())]),
                _ => name.extend(HOSTILE[next(HOSTILE.len())]),
            }
        }
        name.extend(format!("_{number}").bytes());
        name
    };
    (0..count).map(made).collect()
}

/// The bytes that a text of the JSON stands for.
fn bytes(text: &str) -> Vec<u8> {
    let of = |c: char| raw_byte(c).map_or_else(|| c.to_string().into_bytes(), |byte| vec![byte]);
    text.chars().flat_map(of).collect()
}

fn texts(value: &Value, found: &mut BTreeSet<Vec<u8>>) {
    match value {
        Value::String(text) => drop(found.insert(bytes(text))),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

/// Every text of interfaces, of a thousand of them in each of two captures: 10,000 names, none raw, none lost.
#[test]
fn g11_ten_thousand_names_reach_no_format_raw_and_are_all_in_the_json() {
    const OF_AN_INTERFACE: [u16; 5] = [2, 3, 11, 12, 15];
    let folder = tempfile::tempdir().unwrap();
    let (path, all) = (folder.path().join("x.pcapng"), names(10_000));
    for half in all.chunks(5_000) {
        let head = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
        let mut file = block(0x0a0d_0d0a, &head);
        for five in half.chunks(5) {
            let options = five.iter().zip(OF_AN_INTERFACE).flat_map(|(name, code)| match code {
                // A filter says first that it is one in text.
                11 => option(code, &[&[0], &name[..]].concat()),
                _ => option(code, name),
            });
            let interface = [&[1, 0, 0, 0], &[0; 4][..], &options.collect::<Vec<u8>>(), &[0; 4]].concat();
            file.extend(block(1, &interface));
        }
        fs::write(&path, file).unwrap();
        let shown = path.display().to_string();
        for format in ["table", "json", "jsonl"] {
            let output = borderpost(&["info", "--no-hash", "--format", format, &shown]);
            assert_eq!(status(&output), 0, "{}", err(&output));
            assert_inert(&(out(&output) + &err(&output)), format);
            if format == "json" {
                let mut found = BTreeSet::new();
                texts(&serde_json::from_str(&out(&output)).unwrap(), &mut found);
                let lost: Vec<_> = half.iter().filter(|name| !found.contains(&name[..])).collect();
                assert!(lost.is_empty(), "{} are lost, first {:?}", lost.len(), lost[0]);
            }
        }
    }
}

/// The same as labels of steps, which are in every format of a report.
#[test]
fn g11_labels_by_the_thousand_reach_no_format_raw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcapng");
    let count = std::env::var("BORDERPOST_NAMES").map_or(500, |value| value.parse().unwrap());
    let all = names(count);
    let head = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut file = [block(0x0a0d_0d0a, &head), block(1, &[1, 0, 0, 0, 0, 0, 0, 0])].concat();
    for (number, name) in (0_u32..).zip(&all) {
        let mut frame = vec![0xff; 12];
        frame.extend([8, 6]);
        frame.resize(60, 0);
        let time = [&[0, 6, 0, 0][..], &(number * 1_000_000).to_le_bytes()].concat();
        let comment = option(1, &[b"step:", &name[..]].concat());
        file.extend(block(
            6,
            &[&[0; 4], &time[..], &[60, 0, 0, 0], &[60, 0, 0, 0], &frame, &comment, &[0; 4]].concat(),
        ));
    }
    fs::write(&path, file).unwrap();
    let shown = path.display().to_string();
    for format in ["table", "json", "jsonl", "csv", "md", "html", "junit", "gitlab"] {
        let more: &[&str] = match format {
            "junit" | "gitlab" => &["--fail-on", "undetermined,lossy"],
            "table" => &["--lang", "nl", "--fail-on", "nothing-recognised", "--annotate", "github"],
            _ => &[],
        };
        let output = borderpost(&[&["inspect", "--no-hash", "--format", format, &shown], more].concat());
        assert!(status(&output) < 2, "{format}: {}", err(&output));
        let text = out(&output).replace("\r\n", "\n");
        assert_inert(&text, format);
        assert_inert(&err(&output), format);
        let is_page = format == "html";
        assert!(
            is_page
                || format == "md"
                || is_machine(format)
                || !text.lines().any(|line| line.trim_start().starts_with("::")),
            "{format}"
        );
        assert_no_markup(format, &text);
        if format == "json" {
            let report: Value = serde_json::from_str(&text).unwrap();
            let mut found = BTreeSet::new();
            texts(&report["steps"], &mut found);
            // A label is one line, without spaces at its ends.
            let whole = |name: &&Vec<u8>| {
                let has_end = |byte: &u8| matches!(byte, b'\n' | b'\r' | b'\0');
                let text = String::from_utf8_lossy(name);
                !name.iter().any(has_end) && text.trim() == text && text.chars().count() < 190
            };
            let kept: Vec<_> = all.iter().filter(whole).collect();
            let lost: Vec<_> = kept.iter().filter(|name| !found.contains(&name[..])).collect();
            assert!(
                kept.len() > count / 3 && lost.is_empty(),
                "{} of {} are lost: {:?}",
                lost.len(),
                kept.len(),
                lost.first()
            );
        }
    }
}

/// Nothing in a page or a comment is markup that the text brought with it. A terminal knows none.
fn assert_no_markup(format: &str, text: &str) {
    let page = match format {
        "html" => text.to_owned(),
        "md" => {
            let mut options = comrak::Options::default();
            options.extension.table = true;
            // What a forge would strip is shown, so that it is seen.
            options.render.r#unsafe = true;
            comrak::markdown_to_html(text, &options)
        }
        _ => return,
    };
    for markup in ["<img src=x", "<svg/", "<script>alert", "href=\"http://evil", "src=\"http://evil"] {
        assert!(!page.contains(markup), "{format}: {markup}");
    }
}

fn is_machine(format: &str) -> bool {
    matches!(format, "json" | "jsonl" | "csv" | "gitlab")
}

/// The text as a string of TOML.
fn quoted(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let inner = text.chars().fold(String::new(), |inner, c| inner + &format!("\\U{:08x}", u32::from(c)));
    format!("\"{inner}\"")
}

/// What people write about runs: titles, names and notes of a study, marks, and who answers for a baseline.
#[test]
fn what_files_of_the_user_say_steers_no_format() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in ["nightly-a.pcapng", "nightly-b.pcapng"] {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name), at(name)).unwrap();
    }
    let (base, new, learnt) = (at("nightly-a.pcapng"), at("nightly-b.pcapng"), at("learnt.toml"));
    let inert = |arguments: &[&str]| {
        let output = borderpost(arguments);
        assert!(status(&output) < 3, "{arguments:?}: {}", err(&output));
        let text = out(&output).replace("\r\n", "\n");
        assert_inert(&text, &format!("{arguments:?}"));
        assert_inert(&err(&output), &format!("{arguments:?}"));
        let format = arguments.windows(2).find(|pair| pair[0] == "--format").map_or("table", |pair| pair[1]);
        assert_no_markup(format, &text);
        let is_formula = |line: &str| line.starts_with(['=', '+', '@']);
        assert!(!arguments.contains(&"matrix-csv") || !text.lines().any(is_formula), "{arguments:?}");
    };
    // Every text is a cell, and a mark.
    let (study, marks) = (at("study.toml"), at("marks.toml"));
    let (mut cells, mut steps) = (vec![format!("title = {}\n", quoted(HOSTILE[0]))], Vec::new());
    for (number, text) in HOSTILE.iter().enumerate() {
        let (file, said) = (format!("{number}.pcapng"), quoted(text));
        fs::write(at(&file), capture(text)).unwrap();
        let name = quoted(&[text, &b" "[..], file.as_bytes()].concat());
        let cell = format!("[[cell]]\nfile = \"{file}\"\nname = {name}\nplatform = \"linux\"\n");
        cells.push(format!("{cell}scenario = {said}\nnotes = {said}\nbuild = {said}\n"));
        steps.push(format!("[[mark]]\nat = \"+{number}\"\nlabel = {said}\n"));
    }
    fs::write(&study, cells.concat()).unwrap();
    fs::write(&marks, steps.concat()).unwrap();
    for format in ["table", "json", "md", "html", "matrix-csv"] {
        inert(&["inspect", "--manifest", &study, "--format", format]);
    }
    for format in ["table", "md", "html"] {
        inert(&["inspect", "--marks", &marks, &base, "--format", format]);
    }
    // Of a baseline and of builds there is one owner and one name.
    for (number, text) in HOSTILE.iter().enumerate() {
        drop(fs::remove_file(&learnt));
        let owner = String::from_utf8_lossy(text).replace('\0', "");
        inert(&["baseline", "learn", &base, "-o", &learnt, "--owner", &owner, "--reason", &owner]);
        assert!(Path::new(&learnt).exists());
        let format = ["table", "json", "md", "html", "junit", "gitlab"][number % 6];
        let check = ["baseline", "check", &learnt, &new, "--format", format, "--fail-on", "any"];
        inert(&[&check[..], &["--annotate", "github", "--date", "2100-01-01"]].concat());
        let builds = ["diff", &base, &new, "--base-build", &owner, "--new-build", "x"];
        inert(&[&builds[..], &["--fail-on", "added", "--annotate", "github", "--format", format]].concat());
    }
}

/// Files that are none of what they are taken for: what is said about them shows nothing of them raw.
#[test]
fn what_is_said_of_broken_files_is_inert() {
    let folder = tempfile::tempdir().unwrap();
    let capture = "captures/eea-meeting.pcapng";
    for (number, text) in HOSTILE.into_iter().enumerate() {
        for extension in ["toml", "csv", "json", "mmdb", "har", "pcapng", "zip"] {
            let path = folder.path().join(format!("{number}.{extension}"));
            let broken = match extension {
                "toml" => [b"id = \"x\"\nname = ", text, b"\n[[entry]]\nx = ", text].concat(),
                "csv" => [b"at,label\n", text, b",", text, b"\n"].concat(),
                "json" | "har" => [b"{\"log\":{\"entries\":[{\"", text, b"\":1}]}}"].concat(),
                _ => text.to_vec(),
            };
            fs::write(&path, broken).unwrap();
            let file = path.to_str().unwrap();
            let runs: Vec<Vec<&str>> = match extension {
                "toml" => vec![
                    vec!["inspect", capture, "--register", file],
                    vec!["inspect", capture, "--override", file],
                    vec!["inspect", capture, "--marks", file],
                    vec!["inspect", capture, "--planted", file],
                    vec!["inspect", "--manifest", file],
                    vec!["register", "check", file],
                    vec!["claims", "check", file],
                    vec!["baseline", "check", file, capture],
                ],
                "csv" => vec![
                    vec!["inspect", capture, "--marks", file],
                    vec!["inspect", capture, "--events", file],
                    vec!["inspect", capture, "--ranges", file],
                    vec!["inspect", capture, "--geofeed", file],
                    vec!["inspect", capture, "--keylog", file],
                ],
                "json" => vec![vec!["diff", file, capture], vec!["geoip", "import", file]],
                "har" => vec![vec!["inspect", capture, "--decrypted", file]],
                "mmdb" => vec![vec!["inspect", capture, "--geoip", file], vec!["geoip", "info", file]],
                _ => vec![vec!["inspect", file], vec!["verify", file]],
            };
            for run in runs {
                let output = borderpost(&run);
                assert!(
                    status(&output) <= 2 && !err(&output).contains("panicked"),
                    "{run:?}: {}",
                    err(&output)
                );
                assert_inert(&out(&output), &format!("{run:?}"));
                assert_inert(&err(&output), &format!("{run:?}"));
            }
        }
    }
}

/// What another tool decrypted: hosts, paths, fields and bodies of requests.
#[test]
fn what_was_decrypted_steers_no_format() {
    let folder = tempfile::tempdir().unwrap();
    let har = folder.path().join("x.har");
    let entry = |text: &[u8], number: usize| {
        let said = serde_json::to_string(&String::from_utf8_lossy(text)).unwrap();
        let said = said.trim_matches('"');
        let body =
            serde_json::to_string(&format!("{{\"event\":{:?}}}", String::from_utf8_lossy(text))).unwrap();
        format!(
            "{{\"startedDateTime\":\"2024-06-18T08:31:{:02}Z\",\"time\":1,\"serverIPAddress\":\"52.202.62.238\",\
             \"request\":{{\"method\":\"POST{said}\",\"url\":\"https://log.zoom.us/{said}?{said}={said}\",\
             \"headers\":[{{\"name\":\"{said}\",\"value\":\"{said}\"}}],\
             \"postData\":{{\"mimeType\":\"application/json\",\"text\":{body}}}}},\
             \"response\":{{\"status\":200,\"headers\":[],\"content\":{{\"mimeType\":\"{said}\",\"text\":\"{said}\"}}}}}}",
            10 + number
        )
    };
    let entries: Vec<String> = HOSTILE.iter().enumerate().map(|(number, text)| entry(text, number)).collect();
    let log = format!("{{\"log\":{{\"version\":\"1.2\",\"entries\":[{}]}}}}", entries.join(","));
    assert!(serde_json::from_str::<Value>(&log).is_ok());
    fs::write(&har, log).unwrap();
    for format in ["table", "json", "jsonl", "csv", "md", "html"] {
        let run = [
            "inspect",
            "captures/eu-meeting-us-telemetry.pcapng",
            "--decrypted",
            har.to_str().unwrap(),
            "--reveal",
        ];
        let output = borderpost(&[&run[..], &["--format", format]].concat());
        assert_eq!(status(&output), 0, "{}", err(&output));
        let text = out(&output).replace("\r\n", "\n");
        assert_inert(&text, format);
        assert_inert(&err(&output), format);
        assert_no_markup(format, &text);
        if format == "json" {
            let report: Value = serde_json::from_str(&text).unwrap();
            assert!(!report["telemetry"].is_null());
        }
    }
}
