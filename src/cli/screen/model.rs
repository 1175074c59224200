//! What the screen shows of a report, as texts: made once for each snapshot, not for each frame that is drawn.
//!
//! Input: a [`Report`]. Output: a [`Model`]. Must not: know a terminal, or judge.

use crate::report::schema::{Destination, Input, Report, Session, Step};
use crate::report::text::{count, plural, size};
use crate::verdict::Axis;

/// What the screen shows of one snapshot.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Model {
    /// How many frames it is made of.
    pub(super) frames: u64,
    /// The first lines of the report.
    pub(super) headline: Vec<String>,
    /// One line for each session, the latest last.
    pub(super) sessions: Vec<String>,
    /// The step of the tester's script that began last.
    pub(super) step: Option<String>,
    /// The destinations, in the order of the report.
    pub(super) rows: Vec<Row>,
    /// The last frame's time.
    pub(super) until: Option<String>,
    /// What the capture says that it lost, in words.
    pub(super) lost: String,
    /// Where the capture is damaged, in words.
    pub(super) damage: Option<String>,
}

/// By what a destination is known from one snapshot to the next: the input and the number of its first frame.
pub(super) type Key = (u32, u64);

/// How much a row is to stand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    /// Outside the EEA and not listed.
    Flagged,
    /// Outside the EEA.
    Outside,
    /// Not placeable.
    Unknown,
    /// Everything else.
    Plain,
}

/// One destination.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) tone: Tone,
    pub(super) place: String,
    pub(super) zone: String,
    /// The same in a few letters.
    pub(super) short_zone: String,
    pub(super) listing: &'static str,
    pub(super) service: String,
    pub(super) recipient: String,
    pub(super) host: String,
    pub(super) traffic: String,
    /// What else is known of it, one line each.
    pub(super) details: [String; 2],
}

impl Model {
    /// What is shown of a report.
    pub(in crate::cli) fn of(report: &Report) -> Self {
        let lines = report.headline.lines.iter();
        Self {
            frames: report.totals.frames,
            // That the report is one so far is what the screen is for.
            headline: lines.filter(|line| !line.starts_with("So far: ")).cloned().collect(),
            sessions: report.sessions.iter().map(session).collect(),
            step: report.steps.last().map(step),
            rows: report.destinations.iter().map(row).collect(),
            until: report.inputs.iter().filter_map(|input| input.end.clone()).max(),
            lost: report.quality.frames_lost.map_or_else(|| "not stated".to_owned(), count),
            damage: report.inputs.iter().find_map(damage),
        }
    }
}

fn damage(input: &Input) -> Option<String> {
    let damage = input.damage.as_ref()?;
    Some(format!("damaged at byte {}: {}", count(damage.offset), damage.what))
}

/// Where a session stands: its last phase, and since when.
fn session(session: &Session) -> String {
    let meetings = match session.meetings.len() as u64 {
        0 => String::new(),
        meetings => format!(", {}", plural(meetings, "meeting", "meetings")),
    };
    let phase = session.phases.last().map_or_else(
        || "phase not known".to_owned(),
        |phase| {
            let since = phase.start.as_deref().map(|start| format!(" since {}", to_seconds(start)));
            format!("{}{} ({})", phase.kind.replace('_', " "), since.unwrap_or_default(), phase.certainty)
        },
    );
    format!("Session {}: {phase}{meetings}; on {}", session.id, session.machine)
}

fn step(step: &Step) -> String {
    let since =
        step.start.as_deref().map(|start| format!(" since {}", to_seconds(start))).unwrap_or_default();
    format!("Step {}{since}: {}", step.id, step.label)
}

/// A time without what is less than a second.
pub(super) fn to_seconds(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

fn row(d: &Destination) -> Row {
    Row {
        key: (d.input, d.first_frame),
        tone: tone(d),
        place: place(d),
        zone: zone(d),
        short_zone: short_zone(d),
        listing: listing(d),
        service: d.service.replace('_', " "),
        recipient: d
            .recipient_name
            .clone()
            .or_else(|| d.network.clone())
            .unwrap_or_else(|| "not known".to_owned()),
        host: d.host_pattern.clone(),
        traffic: size(d.bytes_out.saturating_add(d.bytes_in)),
        details: details(d),
    }
}

fn tone(d: &Destination) -> Tone {
    match () {
        () if d.is_client() && d.flagged => Tone::Flagged,
        () if d.is_at(Axis::Outside) => Tone::Outside,
        () if d.is_at(Axis::Undetermined) => Tone::Unknown,
        () => Tone::Plain,
    }
}

/// The countries that are left, and how sure that is.
fn place(d: &Destination) -> String {
    let located = &d.place.located;
    match &**located {
        _ if d.is_at(Axis::Participant) => "participant".to_owned(),
        [] => d.place.grade.clone(),
        [one] => format!("{one} {}", d.place.grade),
        [one, other] => format!("{one}/{other} {}", d.place.grade),
        [one, rest @ ..] => format!("{one}+{} {}", rest.len(), d.place.grade),
    }
}

/// The zone, in the words of the headline.
fn zone(d: &Destination) -> String {
    match (d.adequate, d.zone.as_deref()) {
        (_, Some(zone)) => zone.to_owned(),
        (_, None) if d.place.located.len() > 1 => "several".to_owned(),
        _ => String::new(),
    }
}

/// What the zone comes to, as the headline counts it.
fn short_zone(d: &Destination) -> String {
    let zone = zone(d);
    match d.adequate {
        Some(true) => "adequate".to_owned(),
        Some(false) if zone.starts_with("third country") => "third country".to_owned(),
        _ if zone.ends_with("certified recipients") => "if certified".to_owned(),
        _ if zone.ends_with("certain recipients") => "for certain".to_owned(),
        _ => zone,
    }
}

fn listing(d: &Destination) -> &'static str {
    match d.listing.as_str() {
        _ if !d.is_client() => "not tied",
        "listed" => "listed",
        "unlisted" => "unlisted",
        "undecided" => "undecided",
        "no_register" => "no register",
        _ => "",
    }
}

fn details(d: &Destination) -> [String; 2] {
    let mut names: Vec<&str> = d.names.iter().map(|name| name.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| *name != d.host_pattern);
    let some = |all: Vec<&str>| match all.len() {
        0..=3 => all.join(", "),
        more => {
            format!("{} and {} more", all.iter().take(3).copied().collect::<Vec<_>>().join(", "), more - 3)
        }
    };
    let beside = if names.is_empty() { String::new() } else { format!(" ({})", some(names)) };
    let addresses = some(d.addresses.iter().map(String::as_str).collect());
    let reply = if !d.answered && d.packets_out > 0 { ", no reply" } else { "" };
    let reason = d.place.reason.as_deref().map(|reason| format!("; {reason}")).unwrap_or_default();
    [
        format!("{}{beside} at {addresses}{reply}{reason}", d.host_pattern),
        format!(
            "frames {} to {}, {}; filter: {}",
            count(d.first_frame),
            count(d.last_frame),
            plural(d.flows, "flow", "flows"),
            d.display_filter
        ),
    ]
}
