//! One list of hostile texts, wherever a capture or an argument can hold text, through the whole program in every format.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;

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
