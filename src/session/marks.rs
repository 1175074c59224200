//! Marks as a tester writes them: a file in TOML or CSV, an option, or the comment on a packet.
//!
//! Input: text and the name of where it is from. Output: marks, or an error that shows the line. Must not: read a file, or know
//! a capture.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use csv::{ByteRecord, ReaderBuilder};
use serde::Deserialize;

use crate::data::{self, DataError, Given, Placed};
use crate::frame::FrameRef;
use crate::session::step::{
    InputName, Kinded, Mark, MarkFault, MarkedBy, NO_KIND, Stated, StepKind, When, phase_of_id, same_place,
    stated_kinds,
};

/// The most marks of one run, and of the comments of one capture: a script has dozens of steps.
pub const MAX_MARKS: usize = 10_000;
/// The most characters of a label: one line of a script.
pub const MAX_LABEL: usize = 200;

/// Reads a file of marks: comma-separated values where its name ends in `.csv`, else TOML.
pub fn parse(file: &str, text: &str) -> Result<Vec<Mark>, DataError> {
    let is_csv = file.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("csv"));
    let rows = if is_csv { csv_rows(file, text)? } else { toml_rows(file, text)? };
    if rows.is_empty() {
        let what = "no marks; name at least one, by `at` or `frame` and with a `label`";
        return Err(DataError::at(file, text, None, what));
    }
    if rows.len() > MAX_MARKS {
        let what = format!("{} marks; at most {MAX_MARKS} are read", rows.len());
        return Err(DataError::at(file, text, None, &what));
    }
    let fault = |offset, what: &str| DataError::at(file, text, Some(offset), what);
    let name: Arc<str> = file.into();
    let (mut counted, mut line) = (0, 1);
    let mut marks = Vec::with_capacity(rows.len());
    for row in rows {
        line += newlines(text, counted, row.offset);
        counted = counted.max(row.offset);
        let by = MarkedBy::File { file: Arc::clone(&name), line };
        let (offset, mark) = (row.offset, row.mark(by));
        marks.push((offset, mark.map_err(|(at, what)| fault(at, &what))?));
    }
    let all: Vec<&Mark> = marks.iter().map(|(_, mark)| mark).collect();
    if let Some((second, first)) = clash(&all) {
        let (offset, what) = (marks.get(second).map_or(0, |(offset, _)| *offset), first.what);
        return Err(fault(offset, &what));
    }
    Ok(marks.into_iter().map(|(_, mark)| mark).collect())
}

/// Reads `WHEN=LABEL`, where `WHEN` is a time, seconds from the capture's start, or `frame:N`.
pub fn parse_option(text: &str) -> Result<Mark, String> {
    let (when, label) =
        text.split_once('=').ok_or("a mark is WHEN=LABEL, such as +12.5=join or frame:781=join")?;
    let when = match when.trim().strip_prefix("frame:") {
        Some(number) => number.trim().parse().map_err(|_| NO_FRAME.to_owned()).and_then(frame)?,
        None => moment(when)?,
    };
    let label = label_of(label)?;
    let kind = shown_kind(&label);
    Ok(Mark {
        when,
        label,
        input: None,
        is_exclusive: false,
        kind,
        stated: Stated::Nothing,
        by: MarkedBy::Option { text: text.into() },
    })
}

/// The mark that a comment on a packet is, where it begins with [`STEP`](crate::source::STEP); the first line behind that is
/// its label. A comment may be anybody's, so it never says that a step was the client's alone.
pub fn of_comment(comment: &str, frame: FrameRef) -> Result<Mark, MarkFault> {
    let by = MarkedBy::Comment { frame };
    let text = comment.split_once(':').map_or("", |(_, text)| text);
    let line: String = text.lines().next().unwrap_or_default().trim().chars().take(MAX_LABEL).collect();
    match label_of(&line) {
        Ok(label) => {
            let (when, kind) = (When::Frame(frame.number()), shown_kind(&label));
            Ok(Mark { when, label, input: None, is_exclusive: false, kind, stated: Stated::Nothing, by })
        }
        Err(what) => Err(MarkFault { by, label: String::new(), what }),
    }
}

/// The first mark that stands at the same place as one before it, by its place among them, and what is wrong with it.
#[must_use]
pub fn clash(marks: &[&Mark]) -> Option<(usize, MarkFault)> {
    let mut known: HashMap<(When, Option<&InputName>), &Mark> = HashMap::with_capacity(marks.len());
    marks.iter().enumerate().find_map(|(place, mark)| {
        let before = known.insert((mark.when, mark.input.as_ref()), mark)?;
        Some((place, same_place(mark, before)))
    })
}

fn newlines(text: &str, from: usize, to: usize) -> u64 {
    text.get(from..to).map_or(0, |part| part.matches('\n').count() as u64)
}

fn shown_kind(label: &str) -> Option<Kinded> {
    StepKind::of_label(label).map(|kind| Kinded { kind, is_stated: false })
}

fn label_of(text: &str) -> Result<String, String> {
    let label = text.trim();
    if label.is_empty() {
        return Err("a mark needs a label: what the tester did from there on".to_owned());
    }
    if label.chars().nth(MAX_LABEL).is_some() {
        return Err(format!("a label has at most {MAX_LABEL} characters"));
    }
    Ok(label.to_owned())
}

fn frame(number: u64) -> Result<When, String> {
    if number == 0 { Err(NO_FRAME.to_owned()) } else { Ok(When::Frame(number)) }
}

/// A time, or seconds from the start with or without a plus sign: spreadsheets take it away.
fn moment(text: &str) -> Result<When, String> {
    let text = text.trim();
    let seconds = text.strip_prefix('+').unwrap_or(text);
    if !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let after = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        return after.map(When::After).ok_or_else(|| NO_TIME.to_owned());
    }
    text.parse().map(When::Time).map_err(|_| NO_TIME.to_owned())
}

const NO_FRAME: &str = "a frame is a number from 1, as Wireshark shows it";
const NO_TIME: &str = "neither a time with its zone, such as 2025-03-04T10:00:12Z, nor seconds from the capture's start, \
                       such as +12.5";

/// A mark as it is written, each value with the byte at which it stands.
#[derive(Default)]
struct Row {
    offset: usize,
    at: Option<(usize, String)>,
    frame: Option<(usize, String)>,
    label: Option<(usize, String)>,
    input: Option<(usize, String)>,
    kind: Option<(usize, String)>,
    is_exclusive: bool,
}

impl Row {
    fn mark(self, by: MarkedBy) -> Result<Mark, (usize, String)> {
        let when = match (self.at, self.frame) {
            (Some((at, text)), None) => moment(&text).map_err(|what| (at, what))?,
            (None, Some((at, text))) => {
                let number = text.trim().parse().map_err(|_| NO_FRAME.to_owned());
                number.and_then(frame).map_err(|what| (at, what))?
            }
            (Some(_), Some((at, _))) => {
                return Err((at, "both `at` and `frame`; leave one of them out".to_owned()));
            }
            (None, None) => {
                return Err((self.offset, "neither `at` nor `frame`; name one of them".to_owned()));
            }
        };
        let (at, text) = self.label.unwrap_or((self.offset, String::new()));
        let label = label_of(&text).map_err(|what| (at, what))?;
        let (kind, stated) = match self.kind {
            Some((at, id)) => kind_of(&id).map_err(|what| (at, what))?,
            None => (shown_kind(&label), Stated::Nothing),
        };
        let input = self.input.map(|(_, text)| match text.parse() {
            Ok(number) => InputName::Number(number),
            Err(_) => InputName::Name(text),
        });
        Ok(Mark { when, label, input, is_exclusive: self.is_exclusive, kind, stated, by })
    }
}

/// A kind of step or a phase by its name; `none` takes away what the label shows.
fn kind_of(id: &str) -> Result<(Option<Kinded>, Stated), String> {
    if id == NO_KIND {
        return Ok((None, Stated::NoKind));
    }
    if let Some(phase) = phase_of_id(id) {
        return Ok((None, Stated::Phase(phase)));
    }
    let kind = StepKind::from_id(id).map(|kind| (Some(Kinded { kind, is_stated: true }), Stated::Nothing));
    kind.ok_or_else(|| format!("no kind of step has this name; there are {}", stated_kinds().join(", ")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMarks {
    #[serde(default)]
    mark: Vec<Placed<RawMark>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMark {
    at: Option<Placed<Given>>,
    frame: Option<Placed<Given>>,
    label: Option<Placed<String>>,
    input: Option<Placed<Given>>,
    kind: Option<Placed<String>>,
    #[serde(default)]
    exclusive: bool,
}

fn toml_rows(file: &str, text: &str) -> Result<Vec<Row>, DataError> {
    let raw: RawMarks = data::parse(file, text)?;
    let given = |value: Option<Placed<Given>>| value.map(|placed| (placed.offset, placed.value.0));
    let text = |value: Option<Placed<String>>| value.map(|placed| (placed.offset, placed.value));
    let row = |Placed { value, offset }: Placed<RawMark>| Row {
        offset,
        at: given(value.at),
        frame: given(value.frame),
        label: text(value.label),
        input: given(value.input),
        kind: text(value.kind),
        is_exclusive: value.exclusive,
    };
    Ok(raw.mark.into_iter().map(row).collect())
}

const COLUMNS: &str = "at, frame, label, input, exclusive, kind";

/// The rows below a header; where that is separated by semicolons, as spreadsheets of many countries do, so are the rows.
fn csv_rows(file: &str, text: &str) -> Result<Vec<Row>, DataError> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = text.len() - bare.len();
    let first =
        bare.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default();
    let separator = if first.contains(';') && !first.contains(',') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new();
    let mut reader = reader
        .delimiter(separator)
        .comment(Some(b'#'))
        .flexible(true)
        .has_headers(false)
        .from_reader(bare.as_bytes());
    let mut columns: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    let mut record = ByteRecord::new();
    loop {
        let fault = |at: usize, what: &str| DataError::at(file, text, Some(at), what);
        let is_read = reader.read_byte_record(&mut record).map_err(|error| fault(0, &error.to_string()))?;
        if !is_read {
            return Ok(rows);
        }
        let start = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
        let offset = skipped + line_start(bare, start);
        let cells: Vec<String> =
            record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        match &columns {
            None => columns = Some(header(cells).map_err(|what| fault(offset, &what))?),
            Some(columns) if columns.len() < cells.len() => {
                return Err(fault(
                    offset,
                    "more cells than the header has; quote a cell with a separator in it",
                ));
            }
            Some(columns) => rows.push(csv_row(columns, cells, offset).map_err(|what| fault(offset, &what))?),
        }
        if rows.len() > MAX_MARKS {
            return Ok(rows);
        }
    }
}

/// Where the row begins: the reader's position is before the blank lines and comments above it.
fn line_start(text: &str, mut at: usize) -> usize {
    while let Some(line) = text.get(at..).and_then(|rest| rest.split_inclusive('\n').next()) {
        if !line.trim().is_empty() && !line.starts_with('#') {
            break;
        }
        at += line.len();
    }
    at
}

fn header(cells: Vec<String>) -> Result<Vec<String>, String> {
    let known: Vec<&str> = COLUMNS.split(", ").collect();
    let mut seen: Vec<String> = Vec::new();
    for cell in cells {
        let name = cell.to_ascii_lowercase();
        if !known.contains(&name.as_str()) {
            return Err(format!("the first row names the columns; there are {COLUMNS}"));
        }
        if seen.contains(&name) {
            return Err(format!("the column {name} stands there twice"));
        }
        seen.push(name);
    }
    Ok(seen)
}

fn csv_row(columns: &[String], cells: Vec<String>, offset: usize) -> Result<Row, String> {
    let mut row = Row { offset, ..Row::default() };
    for (column, cell) in columns.iter().zip(cells) {
        if cell.is_empty() {
            continue;
        }
        let slot = match column.as_str() {
            "at" => &mut row.at,
            "frame" => &mut row.frame,
            "label" => &mut row.label,
            "input" => &mut row.input,
            "kind" => &mut row.kind,
            _ => {
                row.is_exclusive = is_true(&cell)?;
                continue;
            }
        };
        *slot = Some((offset, cell));
    }
    Ok(row)
}

fn is_true(cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err("`exclusive` is true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(file: &str, text: &str) -> String {
        parse(file, text).unwrap_err().to_string()
    }

    #[test]
    fn toml_and_csv_say_the_same() {
        let toml = "[[mark]]\nat = 2025-03-04T11:00:12+01:00\nlabel = \"join\"\n\n\
                    [[mark]]\nat = \"+12.5\"\nlabel = \"a, b\"\ninput = 1\nexclusive = true\n\n\
                    [[mark]]\nframe = 781\nlabel = \"Report user\"\ninput = \"a.pcapng\"\nkind = \"none\"\n";
        let csv = "\u{feff}# my script\nat,frame,label,input,exclusive,kind\n\n\
                   2025-03-04T10:00:12Z,,join\n12.5,,\"a, b\",1,yes\n,781,Report user,a.pcapng,,none\n";
        let (toml, csv) = (parse("m.toml", toml).unwrap(), parse("m.CSV", csv).unwrap());
        let bare = |marks: &[Mark]| {
            let bare = |mark: &Mark| Mark { by: MarkedBy::Option { text: "".into() }, ..mark.clone() };
            marks.iter().map(bare).collect::<Vec<_>>()
        };
        assert_eq!(bare(&toml), bare(&csv));
        let shown = |marks: &[Mark]| marks.iter().map(|mark| mark.by.to_string()).collect::<Vec<_>>();
        assert_eq!(shown(&toml), ["m.toml:1", "m.toml:5", "m.toml:11"]);
        assert_eq!(shown(&csv), ["m.CSV:4", "m.CSV:5", "m.CSV:6"]);
        assert_eq!(toml[1].when, When::After(Duration::from_millis(12_500)));
        assert_eq!((&toml[1].input, toml[1].is_exclusive), (&Some(InputName::Number(1)), true));
        assert_eq!((toml[2].when, toml[2].kind), (When::Frame(781), None));
    }

    #[test]
    fn a_header_with_semicolons_makes_them_the_separator() {
        let marks = parse("m.csv", "label;at\njoin, with sound;3\n").unwrap();
        assert_eq!(
            (marks[0].label.as_str(), marks[0].when),
            ("join, with sound", When::After(Duration::from_secs(3)))
        );
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_line() {
        let cases = [
            ("m.toml", "[[mark]]\nframe = 3\n", "m.toml:1:1: a mark needs a label"),
            ("m.toml", "[[mark]]\nlabel = \"a\"\n", "m.toml:1:1: neither `at` nor `frame`"),
            (
                "m.toml",
                "[[mark]]\nat = \"+1\"\nframe = 2\nlabel = \"a\"\n",
                "m.toml:3:9: both `at` and `frame`",
            ),
            ("m.toml", "[[mark]]\nat = \"ten o'clock\"\nlabel = \"a\"\n", "m.toml:2:6: neither a time"),
            ("m.toml", "[[mark]]\nat = 2025-03-04T10:00:12\nlabel = \"a\"\n", "m.toml:2:6: neither a time"),
            ("m.toml", "[[mark]]\nframe = 0\nlabel = \"a\"\n", "m.toml:2:9: a frame is a number from 1"),
            ("m.toml", "[[mark]]\nframe = 1\nlabel = \"a\"\nkind = \"x\"\n", "m.toml:4:8: no kind of step"),
            ("m.toml", "[[mark]]\nframe = 1\nlabl = \"a\"\n", "m.toml:3:1: unknown field"),
            ("m.toml", "", "m.toml:1:1: no marks"),
            ("m.csv", "at,frame,label\n+1,,a\n+1,,b\n", "m.csv:3:1: marks the same place as m.csv:2"),
            ("m.csv", "at,label\n+1\n", "m.csv:2:1: a mark needs a label"),
            ("m.csv", "at,label\n+1,a,b\n", "m.csv:2:1: more cells than the header has"),
            ("m.csv", "+1,a\n", "m.csv:1:1: the first row names the columns"),
            ("m.csv", "at,label,exclusive\n+1,a,maybe\n", "m.csv:2:1: `exclusive` is true or false"),
        ];
        for (file, text, expected) in cases {
            let shown = refused(file, text);
            assert!(shown.starts_with(expected), "{shown}\n{expected}");
        }
        let long = format!("at,label\n+1,{}\n", "a".repeat(MAX_LABEL + 1));
        assert!(refused("m.csv", &long).contains("at most 200 characters"));
        let many = "+1,a\n".repeat(MAX_MARKS + 1);
        assert!(refused("m.csv", &format!("at,label\n{many}")).contains("at most 10000 are read"));
    }

    #[test]
    fn options_are_when_and_label() {
        let when = |text: &str| parse_option(text).map(|mark| (mark.when, mark.label));
        assert_eq!(when("frame:7=a=b"), Ok((When::Frame(7), "a=b".to_owned())));
        assert_eq!(when("+0= start "), Ok((When::After(Duration::ZERO), "start".to_owned())));
        assert!(matches!(when("2025-03-04T10:00:12Z=x"), Ok((When::Time(_), _))));
        for text in ["join", "frame:=a", "frame:0=a", "+1=", "+1.2.3=a", "-1=a", "=a"] {
            assert!(parse_option(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_comment_has_its_label_behind_the_prefix() {
        let mark = of_comment("Step: report user\nwith a picture", FrameRef::new(0, 9)).unwrap();
        assert_eq!(
            (mark.label.as_str(), mark.when, mark.is_exclusive),
            ("report user", When::Frame(9), false)
        );
        assert!(mark.kind.is_some_and(|of| !of.is_stated));
        let fault = of_comment("step:\n", FrameRef::new(1, 9)).unwrap_err();
        assert!(fault.to_string().starts_with("comment on frame 9 of input 1: a mark needs a label"));
    }
}
