//! The report for people, on a terminal or in an annex.
//!
//! Input: a [`Report`]. Output: text of at most [`WIDTH`] columns, the answer first. Colour repeats what words say.
//! Must not: compute anything, or let text from a capture through raw.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::report::schema::{Destination, Meeting, Report, Session};
use crate::report::text::{clean, count, plural, size, wrap};

/// The width of the report in columns.
pub const WIDTH: usize = 80;

/// Whether colour is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Color {
    /// ANSI escape sequences for emphasis.
    Always,
    /// None.
    Never,
}

/// Writes the report.
#[must_use]
pub fn table(report: &Report, color: Color) -> String {
    let mut page = Page { text: String::new(), color };
    page.headline(report);
    page.inputs(report);
    for part in PARTS {
        page.destinations(part, report);
    }
    page.sessions(report);
    page.quality(report);
    page.sources(report);
    page.text
}

/// A part of the list of destinations.
struct Part {
    title: &'static str,
    holds: fn(&Destination) -> bool,
}

/// What must be looked at first stands first.
const PARTS: &[Part] = &[
    Part { title: "Outside the EEA and not listed", holds: |d| is_client(d) && d.flagged && !is_possible(d) },
    Part {
        title: "Possibly outside the EEA and not listed",
        holds: |d| is_client(d) && d.flagged && is_possible(d),
    },
    Part { title: "Outside the EEA", holds: |d| is_client(d) && !d.flagged && d.place.axis == "outside" },
    Part { title: "Not placeable", holds: |d| is_client(d) && d.place.axis == "undetermined" },
    Part { title: "Third parties not tied to the client", holds: |d| !is_client(d) },
    Part { title: "In the EEA, at the first hop", holds: |d| is_client(d) && d.place.axis == "eea" },
    Part { title: "Other participants", holds: |d| is_client(d) && d.place.axis == "participant" },
    Part { title: "On the local network", holds: |d| is_client(d) && d.place.axis == "local" },
];

fn is_client(destination: &Destination) -> bool {
    destination.whose == "client"
}

fn is_possible(destination: &Destination) -> bool {
    destination.place.grade == "possible"
}

struct Page {
    text: String,
    color: Color,
}

impl Page {
    fn headline(&mut self, report: &Report) {
        for line in &report.headline.lines {
            let wrapped = wrap(&clean(line), WIDTH, "", "  ");
            self.emphasised(&wrapped);
        }
        if !report.headline.recognised {
            let others = report.flows.len() as u64;
            self.line(&format!(
                "{} of others in {}.",
                plural(others, "flow", "flows"),
                plural(report.totals.frames, "frame", "frames")
            ));
        }
    }

    fn inputs(&mut self, report: &Report) {
        self.title("Inputs");
        for (number, input) in report.inputs.iter().enumerate() {
            let hash = input.sha256.as_deref().unwrap_or("not hashed");
            let packed = input.compression.as_deref().map(|c| format!(", {c}")).unwrap_or_default();
            let prefix = if report.inputs.len() > 1 { format!("  [{number}] ") } else { "  ".to_owned() };
            self.wrapped(&clean(&input.path), &prefix, "      ");
            self.wrapped(
                &format!(
                    "{}{packed}, {}, {}",
                    input.format,
                    size(input.size),
                    plural(input.frames, "frame", "frames")
                ),
                "      ",
                "      ",
            );
            if let (Some(start), Some(end)) = (&input.start, &input.end) {
                self.wrapped(&format!("{start} to {end}"), "      ", "      ");
            }
            self.wrapped(&format!("sha256 {hash}"), "      ", "      ");
            if let Some(damage) = &input.damage {
                let what = clean(&damage.what);
                let text = format!(
                    "DAMAGED at byte {}, after frame {}: {what}. What came before it is analysed.",
                    count(damage.offset),
                    count(damage.after_frame)
                );
                self.wrapped(&text, "      ", "      ");
            }
        }
    }

    fn destinations(&mut self, part: &Part, report: &Report) {
        let members: Vec<&Destination> = report.destinations.iter().filter(|d| (part.holds)(d)).collect();
        if members.is_empty() {
            return;
        }
        self.title(&format!("{}: {}", part.title, members.len()));
        for destination in members {
            self.destination(destination, report.inputs.len() > 1);
        }
    }

    fn destination(&mut self, d: &Destination, many_inputs: bool) {
        let name = d.recipient_name.as_deref().unwrap_or("unknown recipient");
        let seat = d.recipient_seat.as_deref().map(|seat| format!(" (seat {seat})")).unwrap_or_default();
        let label = format!("{:>3}. ", d.id);
        self.emphasised(&wrap(&clean(&d.host_pattern), WIDTH, &label, INDENT));
        self.field("", &format!("{}{seat}, {}", clean(name), words(&d.service)));
        self.field("place", &place(d));
        self.field("listing", &listing(d));
        for line in reasons(d) {
            self.field("", &line);
        }
        self.field("traffic", &traffic(d, many_inputs));
        self.field("known by", &d.because);
        if !d.names.is_empty() {
            self.field("named", &named(d));
        }
        self.field("filter", &d.display_filter);
    }

    fn sessions(&mut self, report: &Report) {
        if report.sessions.is_empty() {
            return;
        }
        self.title("Sessions and meetings");
        for session in &report.sessions {
            self.session(session, report.inputs.len() > 1);
            for meeting in report.meetings.iter().filter(|m| m.session == session.id) {
                self.meeting(meeting);
            }
        }
    }

    fn session(&mut self, s: &Session, many_inputs: bool) {
        let input = if many_inputs { format!("[{}] ", s.input) } else { String::new() };
        self.wrapped(
            &format!("{input}{} on {} ({})", s.client, s.machine, s.addresses.join(", ")),
            &format!("{:>3}. ", s.id),
            INDENT,
        );
        self.field("", &span(s.start.as_deref(), s.end.as_deref()));
        self.field(
            "",
            &format!("frames {} to {}, {}", s.first_frame, s.last_frame, plural(s.flows, "flow", "flows")),
        );
    }

    fn meeting(&mut self, m: &Meeting) {
        let key = m.key.as_deref().map(|key| format!(", id {key}")).unwrap_or_default();
        self.wrapped(&format!("meeting {}{key}", m.id), "     - ", "       ");
        let media = if m.media.is_empty() {
            "kinds of media not seen".to_owned()
        } else {
            m.media.join(", ").replace('_', " ")
        };
        let via = if m.servers.is_empty() { String::new() } else { format!(" by {}", m.servers.join(", ")) };
        let people = if m.participants == 0 {
            String::new()
        } else {
            format!(", {} reached directly", plural(m.participants, "participant", "participants"))
        };
        self.wrapped(
            &format!("{media}{via}, {}{people}", plural(m.flows.len() as u64, "flow", "flows")),
            "       ",
            "       ",
        );
        self.wrapped(
            &format!(
                "from frame {} ({}), {}",
                m.start_frame,
                m.start_rule,
                m.start.as_deref().unwrap_or("time unknown")
            ),
            "       ",
            "         ",
        );
        self.wrapped(
            &format!(
                "to frame {} ({}), {}",
                m.end_frame,
                m.end_rule,
                m.end.as_deref().unwrap_or("time unknown")
            ),
            "       ",
            "         ",
        );
    }

    fn quality(&mut self, report: &Report) {
        self.title("What the capture could not show");
        for remark in &report.quality.remarks {
            self.wrapped(&clean(remark), "  - ", "    ");
        }
        for anomaly in &report.anomalies {
            let at = anomaly.frame.map(|frame| format!("frame {frame}: ")).unwrap_or_default();
            let times =
                if anomaly.count > 1 { format!(" ({} times)", count(anomaly.count)) } else { String::new() };
            self.wrapped(&format!("{at}{}{times}", clean(&anomaly.what)), "  - ", "    ");
        }
    }

    fn sources(&mut self, report: &Report) {
        self.title("Compared with");
        for register in &report.registers {
            self.wrapped(
                &format!(
                    "register {}: {} {}",
                    register.name,
                    clean(&register.title),
                    clean(&register.limits)
                ),
                "  - ",
                "    ",
            );
        }
        for source in &report.data_sources {
            let dated = source.dated.as_deref().map(|date| format!(", of {date}")).unwrap_or_default();
            let credit = source.credit.as_deref().map(|credit| format!(". {credit}")).unwrap_or_default();
            self.wrapped(&format!("{}{dated}{}", clean(&source.name), clean(&credit)), "  - ", "    ");
        }
    }

    fn title(&mut self, title: &str) {
        self.text.push('\n');
        self.emphasised(title);
    }

    fn field(&mut self, label: &str, text: &str) {
        self.wrapped(text, &format!("     {label:<9}"), "              ");
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        let lines = wrap(text, WIDTH, first, rest);
        self.line(&lines);
    }

    fn emphasised(&mut self, text: &str) {
        match self.color {
            Color::Always => self.line(&format!("\u{1b}[1m{text}\u{1b}[0m")),
            Color::Never => self.line(text),
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }
}

const INDENT: &str = "     ";
/// Names of one destination that are shown.
const MAX_NAMES: usize = 6;

/// A `snake_case` id as words.
fn words(id: &str) -> String {
    id.replace('_', " ")
}

fn place(d: &Destination) -> String {
    let place = &d.place;
    let mut text = match (place.axis.as_str(), place.located.as_slice()) {
        ("undetermined", _) => {
            format!("undetermined: {}", place.reason.as_deref().unwrap_or("no evidence of place"))
        }
        ("participant", _) => "another participant's line; a person's address, masked".to_owned(),
        ("local", _) => "on the local network".to_owned(),
        (_, countries) => format!("{}, {}", countries.join(" or "), place.grade),
    };
    if let Some(zone) = d.zone.as_deref().filter(|_| !place.located.is_empty()) {
        let _ = write!(text, "; {zone}");
    }
    if !place.disputed.is_empty() {
        let _ = write!(text, "; disputed: {}", place.disputed.join(", "));
    }
    if let Some(registered) = &place.registered {
        let _ = write!(text, "; registered in {registered}");
    }
    if let Some(network) = &d.network {
        let seat = d.network_seat.as_deref().map(|seat| format!(", seat {seat}")).unwrap_or_default();
        let _ = write!(text, "; network {}{seat}", clean(network));
    }
    text
}

fn listing(d: &Destination) -> String {
    let hint = d.listing_hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    match (d.listing.as_str(), &d.register, &d.register_entry) {
        ("listed", Some(register), Some(entry)) => format!("listed in {register} as {entry}"),
        ("unlisted", Some(register), _) => format!("unlisted in {register}{hint}"),
        ("undecided", Some(register), _) => format!("not decided for {register}{hint}"),
        ("not_a_recipient", ..) => "no recipient".to_owned(),
        ("no_register", _, _) => "no register covers this day".to_owned(),
        _ => "not compared".to_owned(),
    }
}

/// The witnesses that the verdict rests on, then those against it, then what would settle it.
fn reasons(d: &Destination) -> Vec<String> {
    let mut lines = Vec::new();
    for witness in d.place.witnesses.iter().filter(|w| w.decisive) {
        let frame = witness.frame.map(|frame| format!(" (frame {frame})")).unwrap_or_default();
        lines.push(format!("+ {}{frame}", clean(&witness.says)));
    }
    for witness in d.place.witnesses.iter().filter(|w| !w.decisive && w.claim == "in" && w.strength != "none")
    {
        let agrees = witness.countries.iter().all(|country| d.place.located.contains(country));
        let sign = if agrees { "~" } else { "-" };
        let stale = if witness.stale { ", by data too far from that day to count for more" } else { "" };
        lines.push(format!("{sign} {}{stale}", clean(&witness.says)));
    }
    if let Some(remedy) = &d.place.remedy {
        lines.push(format!("? {}", clean(remedy)));
    }
    if !d.answered {
        lines.push("! contacted, no reply; address disclosed".to_owned());
    }
    lines
}

/// Names are host names, so they are visible ASCII.
fn named(d: &Destination) -> String {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in &d.names {
        names.entry(&name.name).or_default().push(format!("{} in frame {}", words(name.origin), name.frame));
    }
    let more = names.len().saturating_sub(MAX_NAMES);
    let shown =
        names.into_iter().take(MAX_NAMES).map(|(name, origins)| format!("{name} ({})", origins.join(", ")));
    let mut names: Vec<String> = shown.collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

fn traffic(d: &Destination, many_inputs: bool) -> String {
    let frames = if many_inputs {
        format!("frames [{}] {} to [{}] {}", d.input, d.first_frame, d.last_input, d.last_frame)
    } else {
        format!("frames {} to {}", d.first_frame, d.last_frame)
    };
    format!(
        "{} out, {} in; {}; {frames}",
        size(d.bytes_out),
        size(d.bytes_in),
        plural(d.flows, "flow", "flows")
    )
}

fn span(start: Option<&str>, end: Option<&str>) -> String {
    format!("{} to {}", start.unwrap_or("time unknown"), end.unwrap_or("time unknown"))
}
