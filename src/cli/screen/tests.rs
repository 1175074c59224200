//! Frames of the screen, as text and against recorded ones in `golden/`; `UPDATE_GOLDEN=1` rewrites them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::{Color as Paint, Modifier};
use unicode_width::UnicodeWidthStr as _;

use super::draw::{Behind, Dropped, Now, Owned, Quality, draw};
use super::keys::State;
use super::model::Model;
use crate::inspect::{Settings, inspect};
use crate::report::sample::{destination, flagged, report, third_party};
use crate::report::schema::{Destination, Name, Place, Report};
use crate::report::{self, Options};

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

fn capture(name: &str) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
    let inspection = inspect(&[path], Settings::default(), &());
    report::build(&inspection, Options { show_participants: false, list_flows: false })
}

fn now(frames: u64) -> Now {
    let quality = Quality { behind: Behind::Bytes(0), ..Quality::default() };
    Now { title: "following meeting.pcapng".to_owned(), frames, quality, ..Now::default() }
}

fn drawn(model: Option<&Model>, state: &mut State, now: &Now, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame.buffer_mut(), model, state, now)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text of a frame, as a terminal's pane is captured: a wide character takes the cell behind it, too.
fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn compare(name: &str, made: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/screen/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == made, "{name} is not as recorded (UPDATE_GOLDEN=1 rewrites it); made:\n{made}");
}

fn recorded(name: &str, report: &Report, now: &Now) {
    for (width, height) in SIZES {
        let model = Model::of(report);
        let made = text(&drawn(Some(&model), &mut State::default(), now, (width, height)));
        compare(&format!("{name}.{width}x{height}.txt"), &made);
    }
}

/// Ten thousand destinations, as a report sorts them.
fn many() -> Report {
    let named = |number: u64, d: Destination| Destination {
        id: number,
        first_frame: number,
        host_pattern: format!("host{number}.example.zoom.us"),
        bytes_in: number * 977,
        ..d
    };
    let located = |country: &str, d: Destination| Destination {
        place: Place { located: vec![country.to_owned()], ..d.place.clone() },
        ..d
    };
    report(
        (1..=10_000)
            .map(|number| match number {
                1..=40 => named(number, located("US", flagged("likely"))),
                41..=100 => named(number, destination("undetermined", "anycast")),
                101..=110 => named(number, third_party("Google LLC")),
                _ => named(number, located("NL", destination("eea", "confirmed"))),
            })
            .collect(),
    )
}

fn hostile() -> Report {
    let names = [
        "\u{1b}[2J\u{1b}]0;owned\u{7}evil.zoom.us",
        "moc.\u{202e}su.mooz\u{202c}",
        "会議会議会議会議会議会議会議会議会議会議.zoom.us",
        "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}o\u{308}om",
        "\u{200b}\u{2066}\u{ad}\u{feff}\n\r\t\0\u{9b}31m",
        "👩‍👩‍👧‍👦👩‍👩‍👧‍👦.example",
        "مؤتمر.zoom.us",
    ];
    let of = |(number, name): (u64, &&str)| Destination {
        first_frame: number,
        host_pattern: (*name).to_owned(),
        recipient_name: Some((*name).to_owned()),
        names: vec![Name { name: (*name).to_owned(), origin: "sni", input: 0, frame: 1 }],
        ..flagged("likely")
    };
    report((1..).zip(&names).map(of).collect())
}

#[test]
fn frames_are_as_recorded() {
    recorded("meeting", &capture("eu-meeting-us-telemetry.pcapng"), &now(12_345));
    recorded("nothing", &report(Vec::new()), &now(64));
    recorded("many", &many(), &now(9_876_543));
    recorded("hostile", &hostile(), &now(7));
    let dropped = Some(Dropped { kernel: 12, interface: 0, queue: 3_456 });
    let owned = Some(Owned { told: 41, untold: 2 });
    let quality = Quality { dropped, owned, behind: Behind::Seconds(3.25) };
    let late = Now { quality, age: 17, ..now(1_000) };
    recorded("late", &capture("third-parties.pcapng"), &late);
    for (width, height) in SIZES {
        let made = text(&drawn(None, &mut State::default(), &now(0), (width, height)));
        compare(&format!("waiting.{width}x{height}.txt"), &made);
    }
}

#[test]
fn what_is_typed_and_help_are_as_recorded() {
    let model = Model::of(&capture("eea-meeting.pcapng"));
    let mut state = State::default();
    drawn(Some(&model), &mut state, &now(1), SIZES[0]);
    for key in "?".chars().map(KeyCode::Char) {
        state.press(KeyEvent::new(key, KeyModifiers::NONE), &model);
    }
    compare("help.80x24.txt", &text(&drawn(Some(&model), &mut state, &now(1), SIZES[0])));
    for key in "jmjoin \u{202e}会議".chars().map(KeyCode::Char) {
        state.press(KeyEvent::new(key, KeyModifiers::NONE), &model);
    }
    compare("mark.80x24.txt", &text(&drawn(Some(&model), &mut state, &now(1), SIZES[0])));
}

#[test]
fn no_cell_drives_the_terminal_or_hides_text() {
    for report in [hostile(), many()] {
        for (width, height) in SIZES {
            let buffer = drawn(Some(&Model::of(&report)), &mut State::default(), &now(1), (width, height));
            for cell in &buffer.content {
                let symbol = cell.symbol();
                assert_eq!(report::text::clean(symbol), symbol);
                assert!(symbol.chars().count() <= 6, "{symbol:?}");
            }
        }
    }
}

#[test]
fn nothing_is_said_by_colour_alone() {
    let model = Model::of(&many());
    let plain = drawn(Some(&model), &mut State::default(), &now(1), SIZES[0]);
    let coloured = Now { color: true, ..now(1) };
    let coloured = drawn(Some(&model), &mut State::default(), &coloured, SIZES[0]);
    assert_eq!(text(&plain), text(&coloured));
    assert!(plain.content.iter().all(|cell| cell.fg == Paint::Reset && cell.bg == Paint::Reset));
    assert!(coloured.content.iter().any(|cell| cell.fg == Paint::Red));
    assert!(plain.content.iter().any(|cell| cell.modifier.contains(Modifier::BOLD)));
}

/// Whatever the size, something is drawn and nothing falls over.
#[test]
fn every_size_is_drawn() {
    for report in [many(), hostile(), report(Vec::new())] {
        let model = Model::of(&report);
        let mut state = State::default();
        state.has_help = true;
        for width in (0..40).chain([79, 81, 99, 100, 101, 159, 160, 161, 300]) {
            for height in (0..16).chain([25, 60]) {
                let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
                draw(&mut buffer, Some(&model), &mut state, &now(1));
                draw(&mut buffer, None, &mut state, &now(1));
            }
        }
    }
}

#[test]
fn the_last_of_ten_thousand_is_reached_and_drawn_at_once() {
    let model = Model::of(&many());
    let mut state = State::default();
    drawn(Some(&model), &mut state, &now(1), SIZES[0]);
    state.press(KeyEvent::new(KeyCode::End, KeyModifiers::NONE), &model);
    let begun = Instant::now();
    let made = text(&drawn(Some(&model), &mut state, &now(1), SIZES[0]));
    assert!(made.contains("10,000 of 10,000") && made.contains("host10000.example.zoom.us"), "{made}");
    assert!(begun.elapsed().as_millis() < 500, "{:?}", begun.elapsed());
}
