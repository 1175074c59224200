//! The timeline of a session: its phases, meetings and single events, and when flows to each service were open.
//!
//! Input: a session with its flows and the report that it is of. Output: shapes for the template. Must not: show a moment that no frame has.

use std::collections::BTreeMap;

use crate::frame::Timestamp;
use crate::report::html::draw::{Px, at, class, float, rank, region};
use crate::report::lang::Lang;
use crate::report::schema::{Flow, Report, Session};
use crate::report::table::{Page, session::phase_title};
use crate::report::text::size;

/// The drawing.
pub(super) struct Timeline {
    /// Its height.
    pub(super) height: Px,
    /// Where the lanes end, above the axis.
    pub(super) bottom: Px,
    /// The marks of the axis.
    pub(super) ticks: Vec<Tick>,
    /// The phases.
    pub(super) phases: Vec<Bar>,
    /// The meetings.
    pub(super) meetings: Vec<Bar>,
    /// The single events.
    pub(super) events: Vec<Tick>,
    /// A lane for each service in each kind of place.
    pub(super) lanes: Vec<Lane>,
}

/// A moment.
pub(super) struct Tick {
    /// Where.
    pub(super) x: Px,
    /// What.
    pub(super) label: String,
}

/// A stretch of time.
pub(super) struct Bar {
    /// Where it begins.
    pub(super) x: Px,
    /// How long it is.
    pub(super) width: Px,
    /// The middle of it.
    pub(super) middle: Px,
    /// What it is, in full.
    pub(super) title: String,
    /// As much of that as has room in it.
    pub(super) label: String,
}

/// The flows to one service in one kind of place.
pub(super) struct Lane {
    /// Its upper edge.
    pub(super) y: Px,
    /// Where its label stands.
    pub(super) label_y: Px,
    /// Where the line below that stands.
    pub(super) note_y: Px,
    /// What its bars are drawn by.
    pub(super) class: &'static str,
    /// The service.
    pub(super) service: String,
    /// The kind of place.
    pub(super) region: String,
    /// How many flows, and how much they carried.
    pub(super) volume: String,
    /// When at least one of them was open.
    pub(super) bars: Vec<(Px, Px)>,
}

/// Where the plot begins, in a drawing of 960: labels stand left of it.
const LEFT: f64 = 235.0;
/// Where it ends.
const RIGHT: f64 = 950.0;
/// The upper edge of the first lane of flows: phases, meetings and events stand above.
const TOP: f64 = 92.0;
const LANE: f64 = 34.0;
/// Room for the axis below the lanes.
const AXIS: f64 = 26.0;
/// The least width of a bar that can be seen.
const LEAST: f64 = 2.0;
/// About what a letter takes.
const LETTER: f64 = 6.6;
/// The most marks that an axis has.
const MAX_TICKS: i64 = 8;
const NANOS: i64 = 1_000_000_000;
/// Steps between the marks of an axis, in seconds: what people count time by.
const STEPS: [i64; 17] =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

/// A session's first moment and how long it lasts, and with them where a moment stands.
#[derive(Clone, Copy)]
struct Scale {
    start: i64,
    length: i64,
}

impl Scale {
    fn of(session: &Session) -> Option<Self> {
        let (start, end) = (nanos(session.start.as_ref())?, nanos(session.end.as_ref())?);
        let length = end.checked_sub(start).filter(|length| *length > 0)?;
        Some(Self { start, length })
    }

    /// Where a moment stands; what lies outside the session stands at its edge.
    fn x(self, moment: i64) -> f64 {
        let since = moment.saturating_sub(self.start).clamp(0, self.length);
        LEFT + (RIGHT - LEFT) * float(since.unsigned_abs()) / float(self.length.unsigned_abs())
    }

    /// The stretch between two moments, wide enough to be seen.
    fn stretch(self, from: i64, until: i64) -> (f64, f64) {
        let x = self.x(from).min(RIGHT - LEAST);
        (x, (self.x(until) - x).max(LEAST))
    }

    fn bar(self, start: Option<&String>, end: Option<&String>, title: String) -> Option<Bar> {
        let (x, width) = self.stretch(nanos(start)?, nanos(end)?);
        let has_room = |text: &str| at(text.chars().count()) * LETTER < width;
        let label = if has_room(&title) { title.clone() } else { String::new() };
        Some(Bar { x: Px(x), width: Px(width), middle: Px(x + width / 2.0), title, label })
    }

    fn ticks(self) -> Vec<Tick> {
        let seconds = self.length / NANOS;
        let step = STEPS.into_iter().find(|step| seconds / step <= MAX_TICKS);
        let step = step.unwrap_or((seconds / MAX_TICKS).max(1));
        let tick = |number: i64| {
            let second = number.saturating_mul(step);
            let moment = self.start.saturating_add(second.saturating_mul(NANOS));
            Tick { x: Px(self.x(moment)), label: clock(second) }
        };
        (0..=seconds / step).map(tick).collect()
    }
}

/// Draws a session; `None` where its frames have no time, or all the same.
pub(super) fn timeline(session: &Session, flows: &[&Flow], report: &Report, page: &Page) -> Option<Timeline> {
    let scale = Scale::of(session)?;
    let phases = session.phases.iter().enumerate().filter_map(|(number, phase)| {
        let title = phase_title(phase, page.lang);
        let mut bar = scale.bar(phase.start.as_ref(), phase.until.as_ref(), title)?;
        if bar.label.is_empty() && bar.width.0 > 2.0 * LETTER {
            bar.label = (number + 1).to_string();
        }
        Some(bar)
    });
    let meetings = report.meetings.iter().filter(|meeting| meeting.session == session.id);
    let meetings = meetings.filter_map(|meeting| {
        scale.bar(meeting.start.as_ref(), meeting.end.as_ref(), page.lang.say("meeting {}", &[&meeting.id]))
    });
    let events = session.milestones.iter().filter_map(|milestone| {
        let x = Px(scale.x(nanos(milestone.time.as_ref())?));
        Some(Tick { x, label: page.milestone(milestone) })
    });
    let lanes = lanes(flows, scale, page.lang);
    let bottom = TOP + at(lanes.len()) * LANE;
    Some(Timeline {
        height: Px(bottom + AXIS),
        bottom: Px(bottom),
        ticks: scale.ticks(),
        phases: phases.collect(),
        meetings: meetings.collect(),
        events: events.collect(),
        lanes,
    })
}

/// What a lane holds before it is drawn.
#[derive(Default)]
struct Open {
    flows: u64,
    out: u64,
    received: u64,
    stretches: Vec<(f64, f64)>,
}

fn lanes(flows: &[&Flow], scale: Scale, words: Lang) -> Vec<Lane> {
    let mut open: BTreeMap<(usize, &str, &str), Open> = BTreeMap::new();
    for flow in flows.iter().filter(|flow| flow.service.is_some()) {
        let axis = flow.place.axis.as_str();
        let service = flow.service.as_deref().unwrap_or_default();
        let lane = open.entry((rank(axis), axis, service)).or_default();
        lane.flows = lane.flows.saturating_add(1);
        lane.out = lane.out.saturating_add(flow.bytes_out);
        lane.received = lane.received.saturating_add(flow.bytes_in);
        let moments = nanos(flow.start.as_ref()).zip(nanos(flow.end.as_ref()));
        lane.stretches.extend(moments.map(|(start, end)| scale.stretch(start, end)));
    }
    let lane = |(number, ((_, axis, service), open)): (usize, ((usize, &str, &str), Open))| {
        let y = TOP + at(number) * LANE;
        Lane {
            y: Px(y + 9.0),
            label_y: Px(y + 15.0),
            note_y: Px(y + 28.0),
            class: class(axis),
            service: words.id(service),
            region: words.word(&region(axis, false)),
            volume: words.say(
                "{}, {} out, {} in",
                &[&words.plural(open.flows, "flow", "flows"), &size(open.out), &size(open.received)],
            ),
            bars: merged(open.stretches),
        }
    };
    open.into_iter().enumerate().map(lane).collect()
}

/// Stretches that touch as one, so that a lane has no more shapes than there is room for, however many flows it holds.
fn merged(mut stretches: Vec<(f64, f64)>) -> Vec<(Px, Px)> {
    stretches.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out: Vec<(Px, Px)> = Vec::new();
    for (x, width) in stretches {
        match out.last_mut() {
            Some((first, wide)) if x <= first.0 + wide.0 + 1.0 => wide.0 = wide.0.max(x + width - first.0),
            _ => out.push((Px(x), Px(width))),
        }
    }
    out
}

fn nanos(time: Option<&String>) -> Option<i64> {
    time?.parse::<Timestamp>().ok().map(Timestamp::nanos)
}

/// Seconds since the session's start, as `0:05` or `1:02:03`.
fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_touch_are_one() {
        let made = merged(vec![(50.0, 2.0), (10.0, 20.0), (30.5, 4.0), (12.0, 3.0)]);
        assert_eq!(made, [(Px(10.0), Px(24.5)), (Px(50.0), Px(2.0))]);
        let many = (0..100_000_u32).map(|n| (f64::from(n % 700), 2.0)).collect();
        assert_eq!(merged(many).len(), 1);
    }

    #[test]
    fn an_axis_has_few_marks_however_long_it_is() {
        for seconds in [0, 1, 7, 59, 600, 86_400, 900_000, i64::MAX / NANOS] {
            let ticks = Scale { start: 0, length: seconds.max(1) * NANOS }.ticks();
            assert!(ticks.len() <= 10, "{seconds}: {}", ticks.len());
            assert!(ticks.iter().all(|tick| (LEFT..=RIGHT).contains(&tick.x.0)));
        }
        assert_eq!([clock(5), clock(65), clock(3_723)], ["0:05", "1:05", "1:02:03"]);
    }
}
