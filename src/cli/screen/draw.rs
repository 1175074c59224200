//! One frame of the screen.
//!
//! Input: a model, where the user is, and what is known of the capture at the moment. Output: the cells of the frame. The same
//! input gives the same cells. Must not: know a terminal or a clock, or let a text through that is not cleaned.
//!
//! From top to bottom: what is read, the headline, the sessions with their phases, how well the capture goes, the destinations,
//! the one that is looked at, the keys. Colour and weight repeat what words say.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color as Paint, Modifier, Style};

use crate::cli::screen::keys::State;
use crate::cli::screen::model::{Model, Row, Tone, to_seconds};
use crate::report::table::Color;
use crate::report::text::{clean, count, fit, plural, size, wrap};

/// What is known at the moment, beside the last snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Now {
    /// What is being read.
    pub(super) title: String,
    /// Frames read so far.
    pub(super) frames: u64,
    /// How well the capture goes.
    pub(super) quality: Quality,
    /// How many seconds ago the snapshot was made.
    pub(super) age: u64,
    /// Whether the reading ends and the report is being made.
    pub(super) is_ending: bool,
    /// Whether colour is used.
    pub(super) color: bool,
}

/// How well a capture goes.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(in crate::cli) struct Quality {
    /// What the program that captures says that it dropped; `None` where there is none that says.
    pub(in crate::cli) dropped: Option<Dropped>,
    /// What became of the flows whose process was asked for; `None` where none is.
    pub(in crate::cli) owned: Option<Owned>,
    /// How many seconds of the capture's time, or else how many bytes, are captured and not read yet.
    pub(in crate::cli) behind: Behind,
}

/// Flows of this machine by what is known of their process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::cli) struct Owned {
    /// Its process was found.
    pub(in crate::cli) told: u64,
    /// It was not: the flow was too short, came too fast, or is another user's.
    pub(in crate::cli) untold: u64,
}

/// Frames that were dropped, by whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::cli) struct Dropped {
    /// By the system's buffer of the capture.
    pub(in crate::cli) kernel: u64,
    /// By the interface.
    pub(in crate::cli) interface: u64,
    /// By the capturing program's own queue.
    pub(in crate::cli) queue: u64,
}

/// How far the reading is behind the capture.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(in crate::cli) enum Behind {
    /// By so many seconds of the capture's time.
    Seconds(f64),
    /// By so many bytes.
    Bytes(u64),
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Now {
    /// By the user's wish and the terminal's.
    pub(super) fn with_color(self, color: Color) -> Self {
        Self { color: color == Color::Always, ..self }
    }
}

/// Draws a frame; the state learns how many rows there was room for.
pub(super) fn draw(buffer: &mut Buffer, model: Option<&Model>, state: &mut State, now: &Now) {
    let area = buffer.area;
    if area.is_empty() {
        return;
    }
    let mut page = Page { buffer, area, y: 0, end: area.height.saturating_sub(1), color: now.color };
    page.line(&title(model, now), strong().add_modifier(Modifier::REVERSED));
    match model {
        Some(model) => {
            page.headline(model);
            page.sessions(model);
            page.line(&quality(model, now), if is_lossy(now) { strong() } else { Style::new() });
            page.destinations(model, state);
        }
        None => page.line("Waiting for the first frames.", Style::new()),
    }
    page.keys(model, state, now);
    if state.has_help {
        page.help();
    }
}

fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn title(model: Option<&Model>, now: &Now) -> String {
    let until = model.and_then(|model| model.until.as_deref());
    let until = until.map(|until| format!(", up to {}", to_seconds(until))).unwrap_or_default();
    format!("borderpost: {}{until}", clean(&now.title))
}

fn is_lossy(now: &Now) -> bool {
    now.quality.dropped.is_some_and(|dropped| dropped != Dropped::default())
}

/// How well the capture goes.
fn quality(model: &Model, now: &Now) -> String {
    let lost = match now.quality.dropped {
        Some(Dropped { kernel, interface, queue }) => {
            format!(
                "dropped: kernel {}, interface {}, queue {}",
                count(kernel),
                count(interface),
                count(queue)
            )
        }
        None => format!("frames lost: {}", model.lost),
    };
    let behind = match now.quality.behind {
        Behind::Seconds(seconds) => format!("; {seconds:.1} s behind"),
        Behind::Bytes(0) => "; nothing unread".to_owned(),
        Behind::Bytes(bytes) => format!("; {} unread", size(bytes)),
        Behind::Unknown => String::new(),
    };
    let age = if now.age >= OLD { format!("; shown as of {} s ago", count(now.age)) } else { String::new() };
    let damage = model.damage.as_deref().map(|damage| format!("; {damage}")).unwrap_or_default();
    let owned = match now.quality.owned {
        Some(Owned { told, untold }) if told.saturating_add(untold) > 0 => {
            format!(
                "; process of {} of {}",
                count(told),
                plural(told.saturating_add(untold), "flow", "flows")
            )
        }
        _ => String::new(),
    };
    format!("{}; {lost}{behind}{owned}{age}{damage}", plural(now.frames, "frame", "frames"))
}

/// The page as far as it is drawn.
struct Page<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    /// The next line.
    y: u16,
    /// The line of the keys.
    end: u16,
    color: bool,
}

impl Page<'_> {
    /// Writes a line, as wide as the page.
    fn line(&mut self, text: &str, style: Style) {
        if self.y < self.end {
            self.put(self.y, text, style);
            self.y += 1;
        }
    }

    fn put(&mut self, y: u16, text: &str, style: Style) {
        let width = usize::from(self.area.width);
        self.buffer.set_stringn(self.area.x, self.area.y + y, fit(text, width), width, style);
    }

    /// Lines that are left above that of the keys.
    fn left(&self) -> usize {
        usize::from(self.end.saturating_sub(self.y))
    }

    /// The headline, in at most a third of the page.
    fn headline(&mut self, model: &Model) {
        let width = usize::from(self.area.width);
        let wrapped = |line: &String| wrap(&clean(line), width, "", "  ");
        let all: Vec<String> = model
            .headline
            .iter()
            .flat_map(|line| wrapped(line).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let room = usize::from(self.area.height / 3).max(2);
        for (number, line) in all.iter().take(room).enumerate() {
            let is_cut = number + 1 == room && all.len() > room;
            let line = if is_cut {
                format!("{} …", fit(line, width.saturating_sub(2)).trim_end())
            } else {
                line.clone()
            };
            self.line(&line, strong());
        }
    }

    /// The sessions that were heard of last, as many as there is room for.
    fn sessions(&mut self, model: &Model) {
        let room = usize::from(self.area.height / 12).max(1);
        let hidden = model.sessions.len().saturating_sub(room);
        for session in model.sessions.iter().skip(hidden) {
            self.line(session, Style::new());
        }
        if let Some(step) = &model.step {
            self.line(step, Style::new());
        }
    }

    fn destinations(&mut self, model: &Model, state: &mut State) {
        let columns = Columns::of(usize::from(self.area.width));
        let row = state.row(model).min(model.rows.len().saturating_sub(1));
        // A line for the head, and two for what is looked at.
        let shown = self.left().saturating_sub(1 + if model.rows.is_empty() { 0 } else { 2 });
        state.follow(row, shown, model.rows.len());
        let last = (state.top + shown).min(model.rows.len());
        self.line(&columns.head(), Style::new().add_modifier(Modifier::UNDERLINED));
        for (number, shown) in model.rows.iter().enumerate().take(last).skip(state.top) {
            let style = self.style(shown.tone);
            let style = if number == row { style.add_modifier(Modifier::REVERSED) } else { style };
            self.line(&columns.row(shown, number == row), style);
        }
        self.y = self.y.max(self.end.saturating_sub(2));
        if let Some(row) = model.rows.get(row) {
            row.details.iter().for_each(|line| self.line(line, Style::new()));
        }
    }

    fn style(&self, tone: Tone) -> Style {
        let paint = |paint| if self.color { Style::new().fg(paint) } else { Style::new() };
        match tone {
            Tone::Flagged => paint(Paint::Red).add_modifier(Modifier::BOLD),
            Tone::Outside => paint(Paint::Yellow),
            Tone::Unknown => paint(Paint::Cyan),
            Tone::Plain => Style::new(),
        }
    }

    /// The last line: a mark that is being named, what happened last, or the keys.
    fn keys(&mut self, model: Option<&Model>, state: &State, now: &Now) {
        let text = match (&state.label, &state.message) {
            _ if now.is_ending => {
                "Ending: the report is being made. Ctrl-C again leaves without it.".to_owned()
            }
            (Some(label), _) => {
                format!("Mark: {}_   (Enter sets it, Esc does not)", tail(label, self.area.width))
            }
            (None, Some(message)) => message.clone(),
            (None, None) => self.with_range(model, state),
        };
        self.put(self.end, &text, Style::new().add_modifier(Modifier::REVERSED));
    }

    /// The keys, and at the right end which of how many destinations are shown.
    fn with_range(&self, model: Option<&Model>, state: &State) -> String {
        let all = model.map_or(0, |model| model.rows.len());
        if all == 0 {
            return KEYS.to_owned();
        }
        let last = (state.top + state.shown).min(all);
        let [first, last, all] = [state.top + 1, last, all].map(|number| count(number as u64));
        let room = usize::from(self.area.width).saturating_sub(KEYS.len());
        format!("{KEYS}{:>room$}", format!("{first}-{last} of {all} "))
    }

    fn help(&mut self) {
        let width = self.area.width.min(HELP_WIDTH);
        let top = self.area.height.saturating_sub(u16::try_from(HELP.len()).unwrap_or(0)) / 2;
        let x = self.area.x + (self.area.width - width) / 2;
        for (y, line) in (top..self.end).zip(HELP) {
            let text = fit(line, usize::from(width));
            let style = Style::reset().add_modifier(Modifier::REVERSED);
            self.buffer.set_stringn(x, self.area.y + y, text, usize::from(width), style);
        }
    }
}

/// The end of a text that is being typed, as much as a line shows of it.
fn tail(text: &str, width: u16) -> String {
    let room = usize::from(width).saturating_sub(42).max(8);
    let all = text.chars().count();
    clean(&text.chars().skip(all.saturating_sub(room)).collect::<String>())
}

/// How wide the columns are. The traffic stands at the right end.
struct Columns {
    place: usize,
    zone: usize,
    listing: usize,
    service: usize,
    recipient: usize,
    /// 0 where there is no room: what is looked at shows its own below.
    host: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        let (place, zone, listing, service) = match width {
            0..100 => (12, 13, 9, 13),
            100..160 => (16, 13, 11, 16),
            _ => (20, WIDE_ZONE, 11, 18),
        };
        // The mark of the row and its sign, a space behind each column, and the traffic.
        let used = 3 + (place + 1) + (zone + 1) + (listing + 1) + (service + 1) + 1 + TRAFFIC;
        let rest = width.saturating_sub(used);
        let recipient = if rest < 40 { rest } else { (rest * 2 / 5).min(36) };
        let host = rest.saturating_sub(recipient + 1);
        Self { place, zone, listing, service, recipient, host: if rest < 40 { 0 } else { host } }
    }

    fn head(&self) -> String {
        let host = if self.host == 0 { String::new() } else { format!("{} ", fit("host", self.host)) };
        let cells = ["place", "zone", "listing", "service"];
        self.columns("   ", cells, &fit("recipient", self.recipient), &host, "traffic")
    }

    fn row(&self, row: &Row, is_selected: bool) -> String {
        let host = if self.host == 0 { String::new() } else { format!("{} ", fit(&row.host, self.host)) };
        let signs = match (is_selected, row.tone == Tone::Flagged) {
            (true, true) => ">! ",
            (true, false) => ">  ",
            (false, true) => " ! ",
            (false, false) => "   ",
        };
        let zone = if self.zone < WIDE_ZONE { &row.short_zone } else { &row.zone };
        let cells = [&*row.place, zone, row.listing, &*row.service];
        self.columns(signs, cells, &fit(&row.recipient, self.recipient), &host, &row.traffic)
    }

    fn columns(&self, signs: &str, cells: [&str; 4], recipient: &str, host: &str, traffic: &str) -> String {
        let widths = [self.place, self.zone, self.listing, self.service];
        let fitted = cells.into_iter().zip(widths).map(|(cell, width)| fit(cell, width));
        let cells = fitted.collect::<Vec<_>>().join(" ");
        format!("{signs}{cells} {recipient} {host}{traffic:>TRAFFIC$}")
    }
}

/// The columns that every zone fits into in full.
const WIDE_ZONE: usize = 38;
/// The columns that a size takes.
const TRAFFIC: usize = 9;
/// A snapshot of which it is said how old it is, in seconds.
const OLD: u64 = 5;
const KEYS: &str = " arrows: look   m: mark   q: end and report   ?: help";
const HELP_WIDTH: u16 = 62;
const HELP: [&str; 16] = [
    "",
    "  up, down, pgup, pgdn, home, end   look at a destination",
    "  m        set a mark: a step of your test begins here",
    "  q        end, and print the report",
    "  Ctrl-C   the same; a second time leaves without a report",
    "",
    "  !        outside the EEA and not listed in the register",
    "  place    countries left by the evidence, and how sure it is:",
    "           confirmed, likely, possible; or why there is none",
    "  zone     the law there; if certified: adequate only for",
    "           recipients that are certified",
    "  listing  by the register of that day; not tied: nothing",
    "           says that the client did it",
    "  traffic  bytes on the wire, both ways",
    "  Times are UTC. First hop only.",
    "",
];
