//! The steps of a tester's script from outside: files of marks, options and packet comments, what they tie, and what is said where
//! they do not fit the capture.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use borderpost::frame::{LinkType, Timestamp};
use borderpost::source::write::{WriteInterface, Writer};
use borderpost::source::{Capture, Options};
use serde_json::Value;

use self::common::{assert_refused, borderpost, err, out, status};

/// 2024-06-18, from 08:31:07.6 on; the client's first flow begins with frame 5, to a host in the US.
const EU_MEETING: &str = "captures/eu-meeting-us-telemetry.pcapng";
/// 2025-03-11, from 09:58:12.1 on: a mail client asks SendGrid (frame 35), then a page of the client's Google (frame 77).
const THIRD_PARTIES: &str = "captures/third-parties.pcapng";

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn report(arguments: &[&str]) -> Value {
    let output = borderpost(&[&["inspect", "--no-hash", "--format", "json"], arguments].concat());
    assert_eq!(status(&output), 0, "{}", err(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn table(arguments: &[&str]) -> String {
    let output = borderpost(&[&["inspect", "--no-hash"], arguments].concat());
    assert_eq!(status(&output), 0, "{}", err(&output));
    let text = out(&output);
    text.split("\nSteps of the scenario\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned()
}

/// The steps' values of one field.
fn of_steps<'a>(report: &'a Value, field: &str) -> Vec<&'a Value> {
    report["steps"].as_array().unwrap().iter().map(|step| &step[field]).collect()
}

fn flows_of(report: &Value, step: u64, whose: &str) -> u64 {
    let flows = report["flows"].as_array().unwrap().iter();
    flows.filter(|flow| flow["step"] == step && flow["whose"] == whose).count() as u64
}

#[test]
fn flows_are_of_the_step_in_which_they_began() {
    let folder = tempfile::tempdir().unwrap();
    let marks = "[[mark]]\nframe = 5\nlabel = \"start\"\n\n\
                 [[mark]]\nat = 2024-06-18T10:31:13.3+02:00\nlabel = \"join\"\n\n\
                 [[mark]]\nat = \"+4.7\"\nlabel = \"nothing\"\n";
    let marks = written(folder.path(), "marks.toml", marks);
    let report = report(&["--marks", &marks, "--mark", "2024-06-18T08:31:12.41Z=wait", EU_MEETING]);
    assert_eq!(of_steps(&report, "label"), ["start", "nothing", "wait", "join"]);
    assert_eq!(of_steps(&report, "source"), ["file", "file", "option", "file"]);
    assert_eq!(of_steps(&report, "line"), [&1.into(), &9.into(), &Value::Null, &5.into()]);
    assert_eq!(report["steps"][0]["start_frame"], 5);
    assert_eq!(report["steps"][3]["end_frame"], report["inputs"][0]["frames"]);
    assert_eq!(report["steps"][3]["start"], "2024-06-18T08:31:13.300000Z");
    for step in report["steps"].as_array().unwrap() {
        let id = step["id"].as_u64().unwrap();
        assert_eq!(step["client_flows"], flows_of(&report, id, "client"), "step {id}");
        assert_eq!(step["other_flows"], flows_of(&report, id, "other"), "step {id}");
    }
    let flows = report["flows"].as_array().unwrap();
    let of = |frame: u64| &flows.iter().find(|flow| flow["first_frame"] == frame).unwrap()["step"];
    assert_eq!([of(1), of(5), of(132)], [&Value::Null, &1.into(), &4.into()]);
    assert!(report["steps"][3]["bytes_out"].as_u64().unwrap() > 100_000);
    assert!(!report["steps"][0]["destinations"].as_array().unwrap().is_empty());
}

#[test]
fn a_step_without_traffic_is_listed_as_such() {
    let marks = ["--mark", "+0=start", "--mark", "+1.5=talk\u{1b}[31m", "--mark", "+1.500001=wait"];
    let shown = table(&[&marks[..], &[EU_MEETING]].concat());
    assert!(shown.contains("No traffic: the capture has no frame in this step."), "{shown}");
    assert!(shown.contains("0 flows of the client, 0 flows of others"), "{shown}");
    assert!(shown.contains("talk\\u{1b}[31m"), "{shown}");
}

#[test]
fn an_exclusive_step_ties_the_third_parties_that_began_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "frame;label;exclusive\n31;open the mail;\n73;open the page;yes\n118;join;no\n";
    let marks = written(folder.path(), "marks.csv", csv);
    let report = report(&["--marks", &marks, THIRD_PARTIES]);
    let flows = report["flows"].as_array().unwrap();
    let of = |frame: u64| flows.iter().find(|flow| flow["first_frame"] == frame).unwrap();
    assert_eq!((&of(35)["whose"], &of(35)["step"]), (&"not_attributable".into(), &1.into()));
    assert_eq!((&of(77)["whose"], &of(77)["identified_by"]), (&"client".into(), &"mark".into()));
    assert_eq!(report["steps"][1]["exclusive"], true);
    let tied = report["destinations"].as_array().unwrap().iter().find(|d| d["id"] == of(77)["destination"]);
    let because = tied.unwrap()["because"].as_str().unwrap();
    assert!(
        because.contains("by the tester's mark only the client did anything in the step \"open the page\"")
    );
    assert_eq!(report["sessions"].as_array().unwrap().len(), 1, "a word makes no session");
    // Without the mark, and with it read by another law, too.
    let free = self::report(&[THIRD_PARTIES]);
    let open = |report: &Value| {
        let of = report["destinations"].as_array().unwrap().iter();
        of.filter(|destination| destination["whose"] == "not_attributable").count()
    };
    assert_eq!((open(&free), open(&report)), (2, 1));
    assert!(free["steps"].as_array().unwrap().is_empty());
    let against = self::report(&["--marks", &marks, "--against", "none", THIRD_PARTIES]);
    assert_eq!(against["steps"], report["steps"]);
}

#[test]
fn the_report_does_not_depend_on_threads_and_is_valid_by_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let csv = format!(
        "at,frame,label,input\n2025-03-11T09:58:20Z,,join,\n+2,,start,{EU_MEETING}\n,100,page,third-parties.pcapng\n"
    );
    let marks = written(folder.path(), "marks.csv", &csv);
    let run = |threads| report(&["--marks", &marks, "-j", threads, EU_MEETING, THIRD_PARTIES]);
    let report = run("1");
    assert_eq!(report, run("2"));
    assert_eq!(of_steps(&report, "label"), ["start", "page", "join"]);
    assert_eq!(of_steps(&report, "input"), [0, 1, 1]);
    let schema: Value = serde_json::from_str(borderpost::report::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn joined_captures_have_one_script() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[[mark]]\nat = \"+0\"\nlabel = \"first\"\n\n[[mark]]\nframe = 31\nlabel = \"second\"\ninput = 1\n\n\
                [[mark]]\nat = \"+5\"\nlabel = \"third\"\ninput = 1\n";
    let marks = written(folder.path(), "marks.toml", toml);
    let report = report(&["--join", "--marks", &marks, EU_MEETING, THIRD_PARTIES]);
    assert_eq!(of_steps(&report, "label"), ["first", "second", "third"]);
    assert_eq!(of_steps(&report, "start_frame"), [1, 31, 57]);
    assert_eq!(of_steps(&report, "end_input"), [1, 1, 1]);
    assert_eq!(report["steps"][0]["end_frame"], 30);
    let json =
        borderpost(&["inspect", "--join", "--format", "jsonl", "--marks", &marks, EU_MEETING, THIRD_PARTIES]);
    assert_eq!(out(&json).lines().filter(|line| line.starts_with("{\"type\":\"step\"")).count(), 3);
}

#[test]
fn what_is_wrong_with_a_file_of_marks_is_said_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &str, &[&str]); 6] = [
        ("a.toml", "[[mark]]\nframe = 7\n", &["a.toml:1:1", "needs a label"]),
        ("b.csv", "at,frame,label\n+1,3,x\n", &["b.csv:2:1", "both `at` and `frame`"]),
        ("c.csv", "frame,label\n3,x\n3,y\n", &["c.csv:3:1", "marks the same place as", "c.csv:2"]),
        ("d.toml", "[[mark]]\nframe = 7\nlabel = \"x\"\ninput = 4\n", &["d.toml:1", "there is no input 4"]),
        ("e.csv", "frame,label,input\n3,x,other.pcap\n", &["e.csv:2", "no input is called other.pcap"]),
        ("f.csv", "", &["f.csv:1:1", "no marks"]),
    ];
    for (name, text, parts) in cases {
        let marks = written(folder.path(), name, text);
        assert_refused(&borderpost(&["inspect", "--marks", &marks, EU_MEETING]), parts);
    }
    let absent = borderpost(&["inspect", "--marks", "no-such.csv", EU_MEETING]);
    assert_refused(&absent, &["no-such.csv", "--marks takes"]);
    let two = borderpost(&["inspect", "--mark", "frame:3=x", EU_MEETING, THIRD_PARTIES]);
    assert_refused(&two, &["--mark frame:3=x", "several captures", "--marks"]);
    for option in ["x", "frame:0=x", "+1="] {
        assert_eq!(status(&borderpost(&["inspect", "--mark", option, EU_MEETING])), 2, "{option}");
    }
}

#[test]
fn marks_outside_the_capture_are_named_with_their_lines_and_the_rest_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "at,frame,label\n+0,,start\n,99999,beyond\n2024-06-18T08:31:07Z,,early\n+3600,,late\n";
    let marks = written(folder.path(), "marks.csv", csv);
    let output = borderpost(&["inspect", "--no-hash", "--format", "json", "--marks", &marks, EU_MEETING]);
    assert_eq!(status(&output), 2);
    for part in ["marks.csv:3: frame 99999 is beyond", "marks.csv:4: not within", "marks.csv:5: not within"] {
        assert!(err(&output).contains(part), "{part}: {}", err(&output));
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(of_steps(&report, "label"), ["start"]);
    let unused: Vec<&str> = report["quality"]["marks_unused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["label"].as_str().unwrap())
        .collect();
    assert_eq!(unused, ["beyond", "early", "late"]);
    let remarks = report["quality"]["remarks"].to_string();
    assert!(remarks.contains("A mark is not used: ") && remarks.contains("marks.csv:5"), "{remarks}");
}

/// The shipped capture with comments on frames and, behind the last frame that the client sent on the connection that begins
/// with frame `upload`, so many more segments of 1,000 bytes.
fn commented(folder: &Path, comments: &[(u64, &str)], upload: u64, segments: u32) -> PathBuf {
    let mut capture =
        Capture::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(EU_MEETING), &Options::default()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame() {
        frames.push((frame.number, frame.time.unwrap(), frame.link, frame.data.to_vec()));
    }
    // Ethernet and IPv4 without options: addresses and ports.
    let ends = |data: &[u8]| data.get(26..38).map(<[u8]>::to_vec);
    let first = &frames[usize::try_from(upload).unwrap() - 1].3;
    // What carries payload comes before the connection ends.
    let header = |data: &[u8]| 34 + usize::from(data[46] >> 4) * 4;
    let total = |data: &[u8]| 14 + usize::from(u16::from_be_bytes([data[16], data[17]]));
    let is_data = |data: &[u8]| ends(data) == ends(first) && total(data) > header(data);
    let last = frames.iter().rposition(|(.., data)| is_data(data)).unwrap();
    let path = folder.join("commented.pcapng");
    let link = frames[0].2;
    let mut writer = Writer::new(fs::File::create(&path).unwrap(), &[WriteInterface::new(link)]).unwrap();
    for (place, (number, time, _, data)) in frames.iter().enumerate() {
        let comment = comments.iter().find(|(frame, _)| frame == number).map(|(_, text)| *text);
        let length = |data: &[u8]| u32::try_from(data.len()).unwrap();
        writer.frame(0, *time, length(data), data, comment).unwrap();
        if place == last {
            let mut next = data[..header(data)].to_vec();
            let seq = u32::from_be_bytes(next[38..42].try_into().unwrap());
            let sent = u32::try_from(total(data) - header(data)).unwrap();
            next[16..18].copy_from_slice(&u16::try_from(header(data) - 14 + 1000).unwrap().to_be_bytes());
            next.resize(next.len() + 1000, 0);
            for segment in 0..segments {
                next[38..42].copy_from_slice(&seq.wrapping_add(sent + segment * 1000).to_be_bytes());
                writer.frame(0, *time, length(&next), &next, None).unwrap();
            }
        }
    }
    writer.finish().unwrap();
    path
}

#[test]
fn comments_that_begin_with_step_mark_steps_and_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let comments =
        [(1, "step: start\nof the client"), (24, " STEP: sign in"), (30, "here it hangs"), (132, "step:")];
    let path = commented(folder.path(), &comments, 24, 0);
    let output =
        borderpost(&["inspect", "--format", "json", "--mark", "frame:116=join", path.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "a comment is not the user's: {}", err(&output));
    assert!(
        err(&output).contains("comment on frame 132 of input 0: a mark needs a label"),
        "{}",
        err(&output)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(of_steps(&report, "label"), ["start", "sign in", "join"]);
    assert_eq!(of_steps(&report, "source"), ["comment", "comment", "option"]);
    assert_eq!(of_steps(&report, "start_frame"), [1, 24, 116]);
    assert_eq!(of_steps(&report, "end_frame")[..2], [23, 115]);
    assert_eq!(report["quality"]["marks_unused"][0]["source"], "comment");
}

#[test]
fn a_report_to_trust_and_safety_is_named_with_its_upload_and_what_is_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let comments = [(1, "step: start"), (24, "step: Report a participant"), (116, "step: leave")];
    let path = commented(folder.path(), &comments, 24, 20);
    let report = report(&[path.to_str().unwrap()]);
    let step = &report["steps"][1];
    assert_eq!((&step["kind"], &step["kind_by"]), (&"trust_and_safety".into(), &"label".into()));
    let [upload] = &step["uploads"].as_array().unwrap()[..] else { panic!("{step}") };
    assert_eq!((&upload["axis"], &upload["first_frame"]), (&"outside".into(), &24.into()));
    assert_eq!(upload["located"], serde_json::json!(["US"]));
    assert!(upload["payload_out"].as_u64().unwrap() > 20_000);
    let note = step["note"].as_str().unwrap();
    for part in [
        "1 upload to a host of the operator's, shown to be outside the EEA",
        "zoom.us",
        "frame 24",
        "not visible in a capture",
    ] {
        assert!(note.contains(part), "{note}");
    }
    assert_eq!(report["steps"][2]["kind"], Value::Null);
}

#[test]
fn a_report_without_an_upload_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[[mark]]\nframe = 24\nlabel = \"step 7\"\nkind = \"trust_and_safety\"\n";
    let marks = written(folder.path(), "marks.toml", toml);
    let report = report(&["--marks", &marks, EU_MEETING]);
    let step = &report["steps"][0];
    assert_eq!((&step["kind_by"], step["uploads"].as_array().unwrap().len()), (&"file".into(), 0));
    let note = step["note"].as_str().unwrap();
    assert!(note.contains("No flow that began in it sent 10.0 kB of payload or more"), "{note}");
    assert!(note.contains("a connection opened before may have carried it"), "{note}");
}

#[test]
fn a_time_begins_at_the_first_frame_that_is_not_before_it_even_where_clocks_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("back.pcapng");
    let interface = WriteInterface::new(LinkType::RAW);
    let mut writer = Writer::new(fs::File::create(&path).unwrap(), &[interface]).unwrap();
    for seconds in [10, 12, 11, 13] {
        writer.frame(0, Timestamp::from_nanos(seconds * 1_000_000_000), 4, &[0; 4], None).unwrap();
    }
    writer.finish().unwrap();
    let marks =
        ["--mark", "1970-01-01T00:00:11.5Z=a", "--mark", "+2.5=b", "--mark", "1970-01-01T00:00:09Z=c"];
    let output =
        borderpost(&[&["inspect", "--format", "json"][..], &marks, &[path.to_str().unwrap()]].concat());
    assert_eq!(status(&output), 2);
    assert!(err(&output).contains("--mark 1970-01-01T00:00:09Z=c: not within"), "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(of_steps(&report, "start_frame"), [2, 4]);
    assert_eq!(of_steps(&report, "end_frame"), [3, 4]);
}
