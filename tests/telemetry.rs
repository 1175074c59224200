//! Decrypted exchanges through the front door: planted values in every coding and none where there is none, events against a list, a
//! capture with keys against a HAR file of the same run, what is masked and for whom files are, and bad input.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;
#[path = "common/tls.rs"]
#[expect(dead_code, reason = "another test says something early")]
mod tls;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use data_encoding::{BASE64, HEXLOWER};
use rustls::crypto::ring::cipher_suite as suites;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::common::{assert_refused, borderpost, command, err, out, status};
use self::tls::{Ends, ip, segments};

const PLANTED: &str = "
[[planted]]
label = \"address\"
kind = \"email\"
value = \"tester@example.org\"

[[planted]]
label = \"number\"
kind = \"meeting_number\"
value = \"987 6543 2101\"

[[planted]]
label = \"nick\"
kind = \"name\"
value = \"Ann\"
";
const MAIL: &str = "tester@example.org";

/// A request: target, content type, content coding, body.
struct Said {
    target: String,
    kind: &'static str,
    coding: Option<&'static str>,
    body: Vec<u8>,
}

fn said(target: &str, kind: &'static str, body: impl Into<Vec<u8>>) -> Said {
    Said { target: target.to_owned(), kind, coding: None, body: body.into() }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(plain).unwrap();
    packer.finish().unwrap()
}

const HOST: &str = tls::NAME;

struct Place(tempfile::TempDir);

impl Place {
    /// A folder with a capture of a connection over which that was said, and its keys.
    fn new(requests: &[Said], is_old: bool) -> Self {
        let ends = if is_old {
            Ends::new(suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, &TLS12, false)
        } else {
            Ends::new(suites::TLS13_AES_256_GCM_SHA384, &TLS13, false)
        };
        let mut talk = ends.talk();
        talk.carry();
        for request in requests {
            let Said { target, kind, coding, body } = request;
            let coding = coding.map(|coding| format!("Content-Encoding: {coding}\r\n")).unwrap_or_default();
            let head = format!(
                "POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {kind}\r\n{coding}Content-Length: {}\r\n\r\n",
                body.len()
            );
            talk.exchange(
                &[head.as_bytes(), body].concat(),
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            );
        }
        talk.close();
        let packets: Vec<Vec<u8>> = segments(&talk.flights, 1400).iter().map(|one| ip(one, 40_001)).collect();
        let place = Self(tempfile::tempdir().unwrap());
        place.write("a.pcap", pcap(&packets));
        place.write("a.keys", ends.log.text());
        place.write("planted.toml", PLANTED);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.at(name), content).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(&[&["inspect", "a.pcap"], arguments].concat());
        command.current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--format", "json"], arguments].concat());
        assert_eq!(status(&output), 0, "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A classic capture of IP packets, a millisecond apart.
fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 262_144, 101].map(u32::to_le_bytes).concat();
    for (number, packet) in (0..).zip(packets) {
        let len = u32::try_from(packet.len()).unwrap();
        file.extend([1_700_000_000, number * 1000, len, len].map(u32::to_le_bytes).concat());
        file.extend(packet);
    }
    file
}

const KEYS: [&str; 4] = ["--keylog", "a.keys", "--planted", "planted.toml"];

/// What was found, a line each.
fn found(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = report["telemetry"]["personal"].as_array().unwrap().iter();
    rows.map(|row| {
        let codings: Vec<String> = row["codings"].as_array().unwrap().iter().map(text).collect();
        let [what, path, part, field, hash] =
            ["what", "path", "part", "field", "hash"].map(|name| text(&row[name]));
        format!("{what} {path} {part} {field} {hash} {} {}", codings.join("+"), row["count"])
    })
    .collect()
}

/// A page that sends what was planted in every way, to two places.
fn page() -> Vec<Said> {
    let digest = HEXLOWER.encode(&Sha256::digest(MAIL));
    let mut packed = said("/b/packed", "application/json", gzip(format!("{{\"m\":\"{MAIL}\"}}").as_bytes()));
    packed.coding = Some("gzip");
    vec![
        said("/a/plain", "application/json", format!("{{\"m\":\"{MAIL}\",\"n\":98765432101}}")),
        said("/a/query?m=tester%40example.org", "text/plain", "nothing"),
        said("/a/form", "application/x-www-form-urlencoded", "x=1&m=tester%40example.org"),
        said("/b/base64", "application/json", format!("{{\"m\":\"{}\"}}", BASE64.encode(MAIL.as_bytes()))),
        said("/b/hex", "text/plain", format!("m={}", HEXLOWER.encode(MAIL.as_bytes()))),
        said("/b/hashed", "application/json", format!("{{\"m\":\"{digest}\"}}")),
        said("/b/short", "text/plain", HEXLOWER.encode(&md5::compute("ann").0)),
        packed,
        said("/b/tester%40example.org", "application/octet-stream", gzip(MAIL.as_bytes())),
    ]
}

#[test]
fn planted_values_are_each_found_once_and_none_is_invented() {
    for is_old in [false, true] {
        let place = Place::new(&page(), is_old);
        let report = place.report(&KEYS);
        let expected = [
            "address /a/form body m - percent 1",
            "address /a/plain body m -  1",
            "address /a/query query m - percent 1",
            "address /b/* body - - gzip 1",
            "address /b/* path - - percent 1",
            "address /b/base64 body m - base64 1",
            "address /b/hashed body m sha256 hexadecimal 1",
            "address /b/hex body - - hexadecimal 1",
            "address /b/packed body m -  1",
            "nick /b/short body - md5 hexadecimal 1",
            "number /a/plain body n -  1",
        ];
        let mut found = found(&report);
        found.sort();
        assert_eq!(found, expected);
        let telemetry = &report["telemetry"];
        assert_eq!(telemetry["sources"][0]["exchanges"], 9);
        assert_eq!(telemetry["planted"][2]["only_as_hash"], true);
        let frames =
            telemetry["personal"].as_array().unwrap().iter().map(|row| row["frame"].as_u64().unwrap());
        assert!(frames.min().unwrap() > 3);
    }
}

#[test]
fn a_page_with_nothing_planted_finds_nothing() {
    let noise: Vec<u8> = (0..100_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let requests = [
        said(
            "/a?m=somebody%40example.org",
            "application/json",
            r#"{"m":"else@example.org","n":12345678901}"#,
        ),
        said("/b", "application/octet-stream", noise.clone()),
        said("/c", "text/plain", BASE64.encode(&noise)),
    ];
    let report = Place::new(&requests, false).report(&KEYS);
    let planted: Vec<String> = found(&report).into_iter().filter(|row| !row.starts_with("email ")).collect();
    assert_eq!(planted, [""; 0]);
    assert!(report["telemetry"]["planted"].as_array().unwrap().iter().all(|value| value["found"] == 0));
}

/// Events as a client may tell them.
fn events() -> Vec<Said> {
    let body = r#"[{"event":"EndMeeting","sub_event":"Cancel","event_time":1700000000,"client_type":"linux"},
        {"event":"Secret","sub_event":"Look","event_time":1700000001,"client_type":"linux"}]"#;
    vec![
        said("/v2/log/123456789", "application/json", body),
        said("/v2/log/123456789", "application/json", body),
    ]
}

#[test]
fn events_are_held_against_a_list() {
    let place = Place::new(&events(), false);
    let report = place.report(&KEYS[..2]);
    let rows = report["telemetry"]["events"].as_array().unwrap();
    let told = |row: &Value| {
        let [name, detail, path, on_list] =
            ["name", "detail", "path", "on_list"].map(|f| row[f].as_str().unwrap());
        format!("{name}.{detail} {path} {on_list} {}", row["count"])
    };
    let expected = ["EndMeeting.Cancel /v2/log/* listed 2", "Secret.Look /v2/log/* unknown 2"];
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(report["telemetry"]["list"]["never_seen"].as_array().unwrap().len(), 6);

    place.write("list.csv", "event,sub-event,mood\nEndMeeting,Cancel,sad\nJoin,Video,glad\n");
    let report = place.report(&[KEYS[0], KEYS[1], "--events", "list.csv"]);
    let list = &report["telemetry"]["list"];
    assert_eq!((&list["listed"], &list["not_listed"]), (&json!(1), &json!(1)));
    assert_eq!((&list["never_seen"], &list["unknown_columns"]), (&json!(["Join.Video"]), &json!(["mood"])));
}

/// What a HAR file of the same requests says.
fn har(requests: &[Said]) -> String {
    let entries: Vec<Value> = requests
        .iter()
        .map(|request| {
            let mut headers = vec![json!({"name": "Content-Type", "value": request.kind})];
            headers.extend(request.coding.map(|coding| json!({"name": "Content-Encoding", "value": coding})));
            let text = String::from_utf8(request.body.clone()).unwrap();
            json!({
                "startedDateTime": "2023-11-14T22:13:20.010Z",
                "time": 1,
                "serverIPAddress": "192.0.2.10",
                "request": {
                    "method": "POST", "url": format!("https://{HOST}{}", request.target), "httpVersion": "HTTP/1.1",
                    "headers": headers, "postData": {"mimeType": request.kind, "text": text},
                },
                "response": {"status": 200, "httpVersion": "HTTP/1.1", "headers": [], "content": {"size": 2, "text": "ok"}},
            })
        })
        .collect();
    json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": entries}})
        .to_string()
}

#[test]
fn a_har_file_gives_the_same_inventory_as_the_capture_with_keys() {
    let mut requests = events();
    requests.extend(page().into_iter().filter(|request| String::from_utf8(request.body.clone()).is_ok()));
    let place = Place::new(&requests, false);
    place.write("a.har", har(&requests));
    let by_keys = place.report(&KEYS);
    let by_har = place.report(&["--decrypted", "a.har", "--planted", "planted.toml"]);
    let source = &by_har["telemetry"]["sources"][0];
    assert_eq!((&source["kind"], &source["with_flow"]), (&json!("har"), &json!(requests.len())), "{source}");
    // A file of another tool has no frames, and its times are its own.
    let bare = |report: &Value, part: &str| {
        let mut rows = report["telemetry"][part].clone();
        for row in rows.as_array_mut().unwrap() {
            for field in ["input", "frame", "first", "last"] {
                row.as_object_mut().unwrap().remove(field);
            }
        }
        rows
    };
    for part in ["endpoints", "events", "personal"] {
        assert_eq!(bare(&by_keys, part), bare(&by_har, part), "{part}");
    }
}

#[test]
fn an_import_that_is_named_like_a_capture_is_taken_for_what_it_is() {
    let requests = events();
    let place = Place::new(&requests, false);
    place.write("b.har", har(&requests));
    let named = place.report(&["--decrypted", "b.har"]);
    assert_eq!(named["inputs"].as_array().unwrap().len(), 1);
    for arguments in [&["b.har"][..], &["-r", "b.har"]] {
        assert_eq!(place.report(arguments), named, "{arguments:?}");
    }
    // Named twice, by whatever path, it is counted once, and that is said.
    fs::copy(place.at("b.har"), place.at("copy.har")).unwrap();
    for arguments in [&["b.har", "--decrypted", "./b.har"][..], &["copy.har", "--decrypted", "b.har"]] {
        let output = place.run(&[&["--format", "json"], arguments].concat());
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), named, "{arguments:?}");
        assert!(err(&output).contains("it is counted once"), "{}", err(&output));
    }
    // A bundle records it as what it is, and verifies by its hash.
    let output = place.run(&["b.har", "--planted", "planted.toml", "-o", "e.zip"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let verified = command(&["verify", "e.zip"]).current_dir(place.0.path()).output().unwrap();
    assert_eq!(status(&verified), 0, "{}{}", out(&verified), err(&verified));
    // The other way round it is said what to do, and of standard input, too.
    assert_refused(
        &place.run(&["--decrypted", "a.pcap"]),
        &["a.pcap: a capture; name it without --decrypted"],
    );
    let input = fs::File::open(place.at("b.har")).unwrap();
    let output = command(&["inspect", "-"]).stdin(input).output().unwrap();
    assert_refused(&output, &["an HTTP archive (HAR)", "save it as a file"]);
}

#[test]
fn imports_alone_give_an_inventory() {
    let requests = events();
    let place = Place::new(&requests, false);
    place.write("b.har", har(&requests));
    let alone = |arguments: &[&str]| {
        command(&[&["inspect"], arguments].concat()).current_dir(place.0.path()).output().unwrap()
    };
    let json = |arguments: &[&str]| -> Value {
        let output = alone(&[&["--format", "json"], arguments].concat());
        assert_eq!(status(&output), 0, "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let report = json(&["b.har"]);
    assert_eq!((&report["inputs"], report["totals"]["frames"].as_u64()), (&json!([]), Some(0)));
    let names = |report: &Value| -> Vec<String> {
        let rows = report["telemetry"]["events"].as_array().unwrap().iter();
        rows.map(|row| format!("{} {} {}", row["name"], row["count"], row["on_list"])).collect()
    };
    let of_capture = names(&place.report(&["--decrypted", "b.har"]));
    assert!(!of_capture.is_empty());
    assert_eq!(names(&report), of_capture);
    let schema: Value = serde_json::from_str(borderpost::report::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&report).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    for format in ["table", "md", "html", "csv", "jsonl"] {
        let output = alone(&["--format", format, "--decrypted", "b.har"]);
        assert_eq!(status(&output), 0, "{format}: {}", err(&output));
        let is_for_people = ["table", "md", "html"].contains(&format);
        assert_eq!(
            out(&output).contains("No capture was named"),
            is_for_people || format == "jsonl",
            "{format}"
        );
    }
    // Nothing is known of the network, which passes no check.
    for format in ["table", "md", "html"] {
        let text = out(&alone(&["--format", format, "b.har"]));
        for absent in ["of others", "Inputs", ">Input<", "\nInput\n"] {
            assert!(!text.contains(absent), "{format}: {absent}");
        }
    }
    assert_eq!(status(&alone(&["b.har", "--fail-on", "undetermined"])), 3);
    for condition in ["outside", "unlisted", "lossy"] {
        let output = alone(&["b.har", "--fail-on", condition, "--format", "junit"]);
        assert_eq!(status(&output), 0, "{condition}");
        assert!(out(&output).contains("no capture was read"), "{condition}: {}", out(&output));
    }
    let output = alone(&["b.har", "-o", "e.zip"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    assert_eq!(status(&command(&["verify", "e.zip"]).current_dir(place.0.path()).output().unwrap()), 0);
    // A capture that was named and is not there is not made up for.
    assert_eq!(status(&alone(&["b.har", "none.pcap"])), 2);
}

#[test]
fn the_flow_file_and_the_har_file_of_one_run_give_the_same_inventory() {
    let place = Place::new(&[], false);
    let of = |name: &str| {
        let path = format!("{}/tests/imports/{name}", env!("CARGO_MANIFEST_DIR"));
        let report = place.report(&["--decrypted", &path]);
        let rows = report["telemetry"]["endpoints"].as_array().unwrap().clone();
        let line =
            |row: &Value| format!("{} {} {} {}", row["host"], row["path"], row["exchanges"], row["bodies"]);
        (rows.iter().map(line).collect::<BTreeSet<_>>(), found(&report).into_iter().collect::<BTreeSet<_>>())
    };
    let (flows, har) = (of("run.mitm"), of("run.har"));
    assert!(flows.0.len() >= 8, "{flows:?}");
    assert_eq!(flows, har);
}

#[test]
fn values_are_masked_unless_they_are_to_be_shown_and_then_for_their_owner_alone() {
    let place = Place::new(&page(), false);
    for format in ["json", "jsonl", "table", "md", "html", "csv"] {
        let output = place.run(&[&["--format", format, "--lang", "nl"], &KEYS[..]].concat());
        assert_eq!(status(&output), 0, "{}", err(&output));
        assert!(!out(&output).contains("ester@") && !out(&output).contains("98765432101"), "{format}");
    }
    let output = place.run(&[&["--reveal", "-o", "r.json"], &KEYS[..]].concat());
    assert_eq!(status(&output), 0, "{}", err(&output));
    let text = fs::read_to_string(place.at("r.json")).unwrap();
    assert!(text.contains(MAIL) && text.contains("owner alone"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(place.at("r.json")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let output = place.run(&[&["-o", "bundle/"], &KEYS[..]].concat());
    assert_eq!(status(&output), 0, "{}", err(&output));
    for entry in walk(&place.at("bundle")) {
        let bytes = fs::read(&entry).unwrap();
        let holds = bytes.windows(MAIL.len()).any(|part| part == MAIL.as_bytes());
        assert!(!holds, "{}", entry.display());
    }
}

/// In the name of a header and in the host.
#[test]
fn names_hold_no_planted_value_unless_it_is_to_be_shown() {
    let requests = [said("/a", "text/plain", "nothing")];
    let place = Place::new(&requests, false);
    let secret = "alicesecret77";
    let hosted = har(&requests)
        .replace(HOST, &format!("{secret}.zoom.us"))
        .replace("\"Content-Type\"", &format!("\"X-{secret}\""));
    place.write("b.har", hosted);
    place.write("p.toml", format!("[[planted]]\nkind = \"user_id\"\nvalue = \"{secret}\"\n"));
    let options = ["b.har", "--planted", "p.toml"];
    for format in ["json", "jsonl", "table", "md", "html", "csv"] {
        let output = place.run(&[&["--format", format, "--lang", "nl"], &options[..]].concat());
        assert_eq!(status(&output), 0, "{}", err(&output));
        assert!(!out(&output).to_lowercase().contains(secret), "{format}");
    }
    let report = place.report(&options);
    let rows = ["- /a header (a name of a field) -  1", "- /a host - -  1"];
    let mut told = found(&report);
    for row in &mut told {
        *row = row.replacen("user_id", "-", 1);
    }
    told.sort();
    assert_eq!(told, rows);
    assert_eq!(report["telemetry"]["personal"][0]["host"], "*.zoom.us");
    let revealed = place.report(&[&options[..], &["--reveal"]].concat());
    assert_eq!(revealed["telemetry"]["personal"][0]["host"], format!("{secret}.zoom.us"));
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// A frame of text that a client sends (RFC 6455 section 5.2), with a mask.
fn frame(text: &str) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let masked = text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [0x81, 0x80 | u8::try_from(text.len()).unwrap()].into_iter().chain(mask).chain(masked).collect()
}

#[test]
fn messages_of_a_web_socket_are_looked_into() {
    let ends = Ends::new(suites::TLS13_AES_256_GCM_SHA384, &TLS13, false);
    let mut talk = ends.talk();
    talk.carry();
    let open = format!(
        "GET /socket HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let opened = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    talk.exchange(open.as_bytes(), opened.as_bytes());
    talk.exchange(&frame(&format!("{{\"who\":\"{MAIL}\"}}")), b"");
    talk.close();
    let packets: Vec<Vec<u8>> = segments(&talk.flights, 1400).iter().map(|one| ip(one, 40_001)).collect();
    let place = Place::new(&[], false);
    place.write("a.pcap", pcap(&packets));
    place.write("a.keys", ends.log.text());
    assert_eq!(found(&place.report(&KEYS)), ["address /socket websocket who -  1"]);
}

#[test]
fn a_bomb_costs_itself_and_is_said() {
    let mut bomb = said("/bomb", "text/plain", gzip(&vec![b'x'; 256 << 20]));
    bomb.coding = Some("gzip");
    let place = Place::new(&[bomb, said("/a", "text/plain", MAIL)], false);
    let report = place.report(&KEYS);
    assert_eq!(found(&report), ["address /a body - -  1"]);
    let endpoints = report["telemetry"]["endpoints"].as_array().unwrap();
    let partial: Vec<&Value> = endpoints.iter().map(|row| &row["partial"]).collect();
    assert_eq!(partial, [0, 1]);
    let remarks = report["telemetry"]["remarks"].to_string();
    assert!(remarks.contains("past a limit: 1 request."), "{remarks}");
}

#[test]
fn what_is_no_input_is_refused_with_what_to_do() {
    let place = Place::new(&[], false);
    place.write("nonsense.toml", "[[planted]]\nkind = \"colour\"\nvalue = \"x\"\n");
    place.write("list.csv", "colour,mood\nred,sad\n");
    let output = place.run(&["--planted", "nonsense.toml"]);
    assert_refused(&output, &["nonsense.toml:2:8"]);
    assert!(err(&output).contains('^'), "{}", err(&output));
    assert_refused(&place.run(&["--events", "list.csv"]), &["no column named event"]);
    assert_refused(&place.run(&["--decrypted", "a.keys"]), &["not a HAR file"]);
    assert_refused(&place.run(&["--decrypted", "none.har"]), &["none.har"]);
    let har = format!("{}/tests/imports/run.har", env!("CARGO_MANIFEST_DIR"));
    assert_refused(&borderpost(&["redact", &har, "shared.pcapng"]), &["HTTP archive", "borderpost inspect"]);
    let report = place.report(&["--planted", "planted.toml"]);
    assert!(report["telemetry"]["remarks"].to_string().contains("not looked for"));
}

/// A report of a capture of Chromium and curl (`tests/telemetry/README.md`).
fn browser(name: &str) -> Value {
    let place = Place::new(&[], false);
    let file = |end: &str| format!("{}/tests/telemetry/{name}.{end}", env!("CARGO_MANIFEST_DIR"));
    place.write("a.pcap", fs::read(file("pcap")).unwrap());
    place.report(&["--keylog", &file("keys"), "--planted", "planted.toml"])
}

/// What the server logged: path and length of each request.
fn logged(name: &str) -> Vec<(String, u64)> {
    let path = format!("{}/tests/telemetry/{name}.log", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let row: (String, String, u64) = serde_json::from_str(line).unwrap();
        (row.1.split('?').next().unwrap().to_owned(), row.2)
    };
    let mut rows: Vec<_> = text.lines().map(line).collect();
    rows.sort();
    rows
}

/// What the report has: the same.
fn reported(report: &Value) -> Vec<(String, u64)> {
    let rows = report["telemetry"]["endpoints"].as_array().unwrap().iter();
    rows.map(|row| (row["path"].as_str().unwrap().to_owned(), row["bytes_up"].as_u64().unwrap())).collect()
}

const BROWSER: [&str; 9] = [
    "address /a/form body m - percent 1",
    "address /a/multipart body m -  1",
    "address /a/percent query m - percent 1",
    "address /a/plain body m -  1",
    "address /b/base64 body - - base64 1",
    "address /b/gzip body m -  1",
    "address /b/hash body - sha256 hexadecimal 1",
    "address /b/raw-gzip body - - gzip 1",
    "address /curl body m - percent 1",
];

#[test]
fn what_chromium_and_curl_sent_is_what_the_server_logged() {
    for name in ["http1", "none"] {
        assert_eq!(reported(&browser(name)), logged(name), "{name}");
    }
}

#[test]
fn what_a_page_planted_is_found_once_each_in_http_1_and_2() {
    for name in ["http1", "http2"] {
        assert_eq!(found(&browser(name)), BROWSER, "{name}");
    }
    let without: Vec<String> =
        found(&browser("none")).into_iter().filter(|row| row.starts_with("address")).collect();
    assert_eq!(without, BROWSER[8..]);
}

/// tshark as the oracle: the same requests in the same frames.
#[test]
fn requests_are_in_the_frames_where_tshark_shows_them() {
    for (name, port, fields) in [
        ("http1", 24551, ["http.request", "http.request.uri"]),
        ("http2", 24553, ["http2.headers.method", "http2.headers.path"]),
    ] {
        let file = |end: &str| format!("{}/tests/telemetry/{name}.{end}", env!("CARGO_MANIFEST_DIR"));
        let tshark = std::process::Command::new("tshark")
            .args(["-r", &file("pcap"), "-o", &format!("tls.keylog_file:{}", file("keys"))])
            .args(["-d", &format!("tcp.port=={port},tls"), "-Y", fields[0], "-T", "fields"])
            .args(["-e", "frame.number", "-e", fields[1]])
            .output();
        let Ok(tshark) = tshark else {
            std::io::stderr().write_all(b"\n*** NOT CHECKED: tshark is not there ***\n\n").unwrap();
            return;
        };
        let text = String::from_utf8(tshark.stdout).unwrap();
        let mut expected: Vec<(String, u64)> = text
            .lines()
            .map(|line| {
                let (frame, target) = line.split_once('\t').unwrap();
                (target.split('?').next().unwrap().to_owned(), frame.parse().unwrap())
            })
            .collect();
        expected.sort();
        let report = browser(name);
        let rows = report["telemetry"]["endpoints"].as_array().unwrap().iter();
        let ours: Vec<_> = rows
            .map(|row| (row["path"].as_str().unwrap().to_owned(), row["frame"].as_u64().unwrap()))
            .collect();
        assert_eq!(ours, expected, "{name}: {}", String::from_utf8_lossy(&tshark.stderr));
    }
}
