//! The live screen: what is found while a capture is read, on a terminal.
//!
//! Input: the latest snapshot as a [`Model`], what is known of the capture at the moment, and the user's keys. Output: frames on
//! standard error, so that the report still goes to standard output; the end, and marks. The terminal is left as it was, whatever
//! ends the program but a kill. Must not: read the capture, or make anybody wait for the terminal.

mod draw;
mod keys;
mod model;
mod terminal;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::Event;

pub(in crate::cli) use self::draw::{Behind, Dropped, Owned, Quality};
use self::draw::{Now, draw};
use self::keys::{Asks, State};
pub(in crate::cli) use self::model::Model;
use self::terminal::{Keys, Screen};
pub(in crate::cli) use self::terminal::{is_there, restore};
use crate::report::table::Color;

/// What the screen asks for, again and again.
pub(in crate::cli) trait Behold {
    /// What is being read, in a few words.
    fn title(&self) -> String;
    /// The latest snapshot, and when it was made.
    fn latest(&self) -> Option<(Arc<Model>, Instant)>;
    /// Frames read so far, and how well the capture goes.
    fn position(&self) -> (u64, Quality);
    /// Whether the reading is over.
    fn is_over(&self) -> bool;
    /// Something that the user is to be told, once.
    fn news(&self) -> Option<String>;
    /// Asks for the end; `true` where it is asked for as an interrupt does.
    fn end(&self, is_interrupt: bool);
    /// Whether the end was asked for.
    fn is_ending(&self) -> bool;
    /// Sets a mark: what to tell the user.
    fn mark(&self, label: &str) -> String;
}

/// Shows what is found until the reading is over. Fails where the terminal does.
pub(in crate::cli) fn show(what: &dyn Behold, color: Color) -> io::Result<()> {
    let mut screen = Screen::open()?;
    let keys = Keys::open()?;
    let mut state = State::default();
    let mut drawn: Option<Instant> = None;
    while !what.is_over() {
        let latest = what.latest();
        if let Some(news) = what.news() {
            state.message = Some(news);
        }
        let is_stale = drawn.is_none_or(|drawn| drawn.elapsed() >= BETWEEN);
        if is_stale {
            let (frames, quality) = what.position();
            // Where nothing came since, it is not old.
            let old = latest.as_ref().filter(|(model, _)| model.frames < frames);
            let age = old.map_or(0, |(_, made)| made.elapsed().as_secs());
            let now =
                Now { title: what.title(), frames, quality, age, is_ending: what.is_ending(), color: false };
            let now = now.with_color(color);
            let model = latest.as_ref().map(|(model, _)| &**model);
            screen.draw(|buffer| draw(buffer, model, &mut state, &now))?;
            drawn = Some(Instant::now());
        }
        let Some(event) = keys.next(TURN) else { continue };
        let empty = Model::default();
        let model = latest.as_ref().map_or(&empty, |(model, _)| model);
        match event {
            Event::Key(key) => match state.press(key, model) {
                Asks::Nothing => {}
                Asks::Interrupt if what.is_ending() => {
                    drop(screen);
                    std::process::exit(130);
                }
                Asks::End => what.end(false),
                Asks::Interrupt => what.end(true),
                Asks::Mark(label) => state.message = Some(what.mark(&label)),
            },
            Event::Resize(..) => {}
            _ => continue,
        }
        drawn = None;
    }
    Ok(())
}

/// How long a key is waited for.
const TURN: Duration = Duration::from_millis(50);
/// Between two drawings where nothing is pressed.
const BETWEEN: Duration = Duration::from_millis(250);
