//! The steps of a tester's script: where each begins by the tester's mark, and what kind of step it is.
//!
//! Input: marks, each with the frame at which it was met. Output: steps, each up to the next mark of its capture, and which of
//! them a frame is in. Must not: read a file, or take a label for more than what somebody wrote.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::Deserialize;

use crate::data::{self, Confidence};
use crate::frame::{Date, FrameRef, Timestamp};
use crate::session::phase::PhaseKind;

/// What somebody says of the capture: from here on, the tester did this.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Where the step begins.
    pub when: When,
    /// What the tester did. Anybody's text.
    pub label: String,
    /// The input that it is about, where it says so.
    pub input: Option<InputName>,
    /// Whether only the client did anything in the step, by the tester's word.
    pub is_exclusive: bool,
    /// The kind of step, as the marks file says it or the label shows.
    pub kind: Option<Kinded>,
    /// What the marks file says of the step where that is no kind of step.
    pub stated: Stated,
    /// Who set it.
    pub by: MarkedBy,
}

/// What a marks file says of a step where that is no kind of step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stated {
    /// Nothing: its label speaks.
    #[default]
    Nothing,
    /// That it is of no kind, whatever its label says.
    NoKind,
    /// That it is a phase of a session.
    Phase(PhaseKind),
}

/// Where a step begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum When {
    /// At the frame of that number.
    Frame(u64),
    /// At the first frame that is not before that time.
    Time(Timestamp),
    /// So long after the first frame of its capture or, where it names an input, of that input.
    After(Duration),
}

/// How a mark names its input.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum InputName {
    /// By its place among the inputs, from 0.
    Number(u32),
    /// By its path, or by the file's name alone.
    Name(String),
}

impl InputName {
    /// Whether it names the input at that place with that path.
    #[must_use]
    pub fn is(&self, place: u32, path: &Path) -> bool {
        match self {
            Self::Number(number) => *number == place,
            Self::Name(name) => {
                let is_file = path.file_name().is_some_and(|file| file.to_string_lossy() == name.as_str());
                is_file || path.to_string_lossy() == name.as_str()
            }
        }
    }
}

impl fmt::Display for InputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Who set a mark, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MarkedBy {
    /// The user, in a file of marks.
    File {
        /// The file's name.
        file: Arc<str>,
        /// The line, from 1.
        line: u64,
    },
    /// The user, on the command line.
    Option {
        /// As it was typed.
        text: Arc<str>,
    },
    /// Whoever wrote a comment on a packet into the capture.
    Comment {
        /// The commented frame.
        frame: FrameRef,
    },
}

impl MarkedBy {
    /// Its name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Option { .. } => "option",
            Self::Comment { .. } => "comment",
        }
    }

    /// Whether the user set it; a comment may be anybody's.
    #[must_use]
    pub const fn is_users(&self) -> bool {
        !matches!(self, Self::Comment { .. })
    }
}

impl fmt::Display for MarkedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Option { text } => write!(f, "--mark {text}"),
            Self::Comment { frame } => {
                write!(f, "comment on frame {} of input {}", frame.number(), frame.input())
            }
        }
    }
}

/// A mark that could not be used, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkFault {
    /// Who set it.
    pub by: MarkedBy,
    /// Its label; empty where it has none.
    pub label: String,
    /// Why it cannot be used, and what to do, in one lower-case clause.
    pub what: String,
}

impl fmt::Display for MarkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.by, self.what)
    }
}

/// A kind of step that reports have something of their own to say about.
#[derive(PartialEq, Eq, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct StepKind {
    /// Its name in files and reports.
    pub id: String,
    /// The kind in a few words for people.
    pub title: String,
    labels: Vec<String>,
    /// The ids of the services that an upload which belongs to the step may be for.
    pub services: Vec<String>,
    /// The least bytes of payload, sent on one flow, that are called an upload.
    pub least_payload_out: u64,
    /// What a capture of the client's traffic cannot show of it.
    pub onward: String,
    /// Who says so.
    pub source: String,
    /// How sure that is.
    pub confidence: Confidence,
}

impl StepKind {
    /// All kinds.
    #[must_use]
    pub fn builtin() -> &'static [Self] {
        &BUILTIN.kind
    }

    /// The day on which the table was compiled.
    #[must_use]
    pub fn compiled() -> Date {
        BUILTIN.compiled
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<&'static Self> {
        Self::builtin().iter().find(|kind| kind.id == id)
    }

    /// The kind that a label shows.
    #[must_use]
    pub fn of_label(label: &str) -> Option<&'static Self> {
        Self::builtin().iter().find(|kind| kind.labels.iter().any(|words| says(label, words)))
    }

    /// Whether a flow of that service that sent so many bytes of payload is an upload that belongs to such a step.
    #[must_use]
    pub fn is_upload(&self, service: &str, payload_out: u64) -> bool {
        payload_out >= self.least_payload_out && self.services.iter().any(|known| known == service)
    }
}

/// Whether a label says these words one after the other, each of them whole, and no word before them denies it.
#[must_use]
pub fn says(label: &str, words: &str) -> bool {
    let (label, words) = (spaced(label), spaced(words));
    let Some((before, _)) = label.split_once(&words) else { return false };
    // The space in front of the words is theirs.
    let before = format!("{before} ");
    !BUILTIN.denials.iter().any(|denial| before.contains(&spaced(denial)))
}

/// The words in lower case, each between two single spaces; everything but letters and digits is a space.
fn spaced(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(" ".to_owned(), |all, word| all + word + " ")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kinds {
    compiled: Date,
    denials: Vec<String>,
    kind: Vec<StepKind>,
    #[serde(default)]
    phase: Vec<LabelledPhase>,
}

/// The labels that say of a step which phase it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelledPhase {
    phase: PhaseKind,
    labels: Vec<String>,
}

/// The phase that a step is by the tester's word, and whether that is sure: where the marks file states it or the label begins
/// with it. A label that speaks of it further on may be about something else. Of several phases it is the first in the table.
#[must_use]
pub fn phase_of_mark(mark: &Mark) -> Option<(PhaseKind, bool)> {
    match mark.stated {
        Stated::NoKind => None,
        Stated::Phase(kind) => Some((kind, true)),
        Stated::Nothing => phase_of_label(&mark.label),
    }
}

fn phase_of_label(label: &str) -> Option<(PhaseKind, bool)> {
    let said = |row: &&LabelledPhase| row.labels.iter().any(|words| says(label, words));
    let row = BUILTIN.phase.iter().find(said)?;
    let spaced_label = spaced(label);
    let is_number = |word: &&str| NUMBERING.contains(word) || word.chars().all(char::is_numeric);
    let words: Vec<&str> = spaced_label.split_whitespace().skip_while(is_number).collect();
    let begun = spaced(&words.join(" "));
    Some((row.phase, row.labels.iter().any(|words| begun.starts_with(&spaced(words)))))
}

/// The phase that a marks file may state as the kind of a step.
#[must_use]
pub(super) fn phase_of_id(id: &str) -> Option<PhaseKind> {
    BUILTIN.phase.iter().map(|row| row.phase).find(|phase| phase.name() == id)
}

/// What a marks file may state as the kind of a step.
#[must_use]
pub(super) fn stated_kinds() -> Vec<&'static str> {
    let phases = BUILTIN.phase.iter().map(|row| row.phase.name());
    StepKind::builtin().iter().map(|kind| kind.id.as_str()).chain(phases).chain([NO_KIND]).collect()
}

/// What a marks file states of a step that is of no kind.
pub(super) const NO_KIND: &str = "none";
/// Words that stand before a step's number.
const NUMBERING: [&str; 1] = ["step"];

/// The unit tests read it, so what is built in is sound.
static BUILTIN: LazyLock<Kinds> = LazyLock::new(|| {
    data::parse("step-kinds.toml", KINDS).unwrap_or_else(|_| Kinds {
        compiled: Timestamp::from_nanos(0).date(),
        denials: Vec::new(),
        kind: Vec::new(),
        phase: Vec::new(),
    })
});
const KINDS: &str = include_str!("data/step-kinds.toml");

/// The kind of a step, and by what it is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinded {
    /// The kind.
    pub kind: &'static StepKind,
    /// Whether the marks file says so; else the label shows it.
    pub is_stated: bool,
}

/// A mark that was met in a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// The mark.
    pub mark: Mark,
    /// The first frame that is not before it.
    pub from: FrameRef,
    /// The time that it states, else that of its frame.
    pub start: Option<Timestamp>,
}

/// What the tester did from one mark to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The mark that began it.
    pub mark: Mark,
    /// The frame from which on frames are in it; where it has none, the first behind it.
    pub from: FrameRef,
    /// Its first and its last frame; `None` where no frame came before the next mark.
    pub frames: Option<(FrameRef, FrameRef)>,
    /// When it began.
    pub start: Option<Timestamp>,
    /// When the next one began or, for the last one, the time of the capture's last frame.
    pub end: Option<Timestamp>,
}

/// The steps that marks make of a capture which ends with `last`, and the marks that stand where another does. `before` gives
/// the frame before one.
pub fn steps(
    mut placed: Vec<Placed>,
    (last, end): (FrameRef, Option<Timestamp>),
    before: impl Fn(FrameRef) -> Option<FrameRef>,
) -> (Vec<Step>, Vec<MarkFault>) {
    // Stable: of two marks at one place, the one that was said first stands.
    placed.sort_by_key(|placed| (placed.from, placed.start));
    let mut steps: Vec<Step> = Vec::with_capacity(placed.len());
    let mut faults = Vec::new();
    for Placed { mark, from, start } in placed {
        match steps.last_mut() {
            Some(known) if (known.from, known.start) == (from, start) => {
                faults.push(same_place(&mark, &known.mark));
                continue;
            }
            Some(known) => {
                known.frames = before(from).filter(|_| known.from < from).map(|last| (known.from, last));
                known.end = start;
            }
            None => {}
        }
        steps.push(Step { mark, from, frames: Some((from, last.max(from))), start, end });
    }
    (steps, faults)
}

/// What is wrong where two marks stand at one place.
#[must_use]
pub fn same_place(mark: &Mark, known: &Mark) -> MarkFault {
    let what = format!("marks the same place as {}; leave one of them out", known.by);
    MarkFault { by: mark.by.clone(), label: mark.label.clone(), what }
}

/// The place in `steps` of the one that a frame is in; `None` before the first mark.
#[must_use]
pub fn step_at(steps: &[Step], frame: FrameRef) -> Option<usize> {
    steps.partition_point(|step| step.from <= frame).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(label: &str) -> Mark {
        Mark {
            when: When::Frame(1),
            label: label.to_owned(),
            input: None,
            is_exclusive: false,
            kind: None,
            stated: Stated::Nothing,
            by: MarkedBy::Option { text: label.into() },
        }
    }

    fn placed(label: &str, frame: u64, nanos: i64) -> Placed {
        let start = Some(Timestamp::from_nanos(nanos));
        Placed { mark: mark(label), from: FrameRef::new(0, frame), start }
    }

    fn end() -> (FrameRef, Option<Timestamp>) {
        (FrameRef::new(0, 100), Some(Timestamp::from_nanos(1000)))
    }

    fn made(placed: Vec<Placed>) -> (Vec<Step>, Vec<MarkFault>) {
        steps(placed, end(), |frame| Some(FrameRef::new(frame.input(), frame.number() - 1)))
    }

    #[test]
    fn a_step_lasts_to_the_next_mark() {
        let (steps, faults) = made(vec![placed("b", 20, 200), placed("a", 10, 100), placed("c", 20, 150)]);
        let shown: Vec<_> = steps
            .iter()
            .map(|step| {
                let frames = step.frames.map(|(first, last)| (first.number(), last.number()));
                (step.mark.label.as_str(), frames, step.end.map(Timestamp::nanos))
            })
            .collect();
        let expected =
            [("a", Some((10, 19)), Some(150)), ("c", None, Some(200)), ("b", Some((20, 100)), Some(1000))];
        assert_eq!((shown.as_slice(), faults.len()), (&expected[..], 0));
        let at = |frame| step_at(&steps, FrameRef::new(0, frame));
        assert_eq!([at(9), at(10), at(19), at(20), at(500)], [None, Some(0), Some(0), Some(2), Some(2)]);
    }

    #[test]
    fn of_two_marks_at_one_place_the_first_stands() {
        let (steps, faults) = made(vec![placed("a", 10, 100), placed("b", 10, 100)]);
        assert_eq!(steps.len(), 1);
        assert_eq!(
            faults[0].to_string(),
            "--mark b: marks the same place as --mark a; leave one of them out"
        );
    }

    #[test]
    fn the_table_of_kinds_is_sound() {
        data::parse::<Kinds>("step-kinds.toml", KINDS).unwrap();
        let known: Vec<&str> = StepKind::builtin().iter().map(|kind| kind.id.as_str()).collect();
        assert_eq!(known, ["trust_and_safety"]);
        for kind in StepKind::builtin() {
            for service in &kind.services {
                assert!(crate::client::Service::from_id(service).is_some(), "{service}");
            }
            assert!(
                !kind.source.is_empty() && !kind.onward.is_empty() && kind.confidence <= Confidence::High
            );
        }
    }

    #[test]
    fn labels_show_a_kind_by_whole_words() {
        let kind = |label: &str| StepKind::of_label(label).map(|kind| kind.id.as_str());
        for label in ["Report a participant", "7. REPORT USER \"Bob\"", "menu: report-to-Zoom"] {
            assert_eq!(kind(label), Some("trust_and_safety"), "{label}");
        }
        for label in ["join", "unreport user", "report a participants' list"] {
            assert_eq!(kind(label), None, "{label}");
        }
    }

    #[test]
    fn a_label_that_denies_what_it_says_does_not_say_it() {
        assert!(
            says("Chat, then leave", "chat")
                && says("2. menu: CHAT", "chat")
                && says("chat, no video", "chat")
        );
        for label in
            ["chatting", "no chat in this test", "don't chat", "join without a chat", "geen chat", ""]
        {
            assert!(!says(label, "chat"), "{label}");
        }
        assert_eq!(StepKind::of_label("do not report a participant"), None);
    }

    #[test]
    fn a_label_that_begins_with_a_phase_says_it_for_sure() {
        use PhaseKind::{SignIn, Update};
        for (label, expected) in [
            ("sign in", Some((SignIn, true))),
            ("Step 3: sign in with SSO", Some((SignIn, true))),
            ("share login page", Some((SignIn, false))),
            ("do not log in", None),
            ("dismiss the update notice", Some((Update, false))),
            ("join", None),
        ] {
            assert_eq!(phase_of_label(label), expected, "{label}");
        }
        let stated = |stated| phase_of_mark(&Mark { stated, ..mark("dismiss the update notice") });
        assert_eq!(stated(Stated::NoKind), None);
        assert_eq!(stated(Stated::Phase(SignIn)), Some((SignIn, true)));
        assert_eq!((phase_of_id("update"), phase_of_id("meeting")), (Some(Update), None));
    }

    #[test]
    fn an_upload_has_a_least_size_and_a_service() {
        let kind = StepKind::from_id("trust_and_safety").unwrap();
        assert!(
            kind.is_upload("web", 10_000)
                && !kind.is_upload("web", 9_999)
                && !kind.is_upload("media", 1 << 20)
        );
    }

    #[test]
    fn inputs_are_named_by_place_path_or_file() {
        let path = Path::new("runs/a.pcapng");
        let is = |name: &str| InputName::Name(name.to_owned()).is(3, path);
        assert_eq!(
            [is("a.pcapng"), is("runs/a.pcapng"), is("b.pcapng"), is("runs")],
            [true, true, false, false]
        );
        assert!(InputName::Number(3).is(3, path) && !InputName::Number(0).is(3, path));
    }
}
