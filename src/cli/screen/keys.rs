//! What the user does at the screen: which row is looked at, a mark that is being named, help.
//!
//! Input: keys, one at a time. Output: the new state, and what is asked of the program. Must not: draw, or read a terminal.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::cli::screen::model::{Key, Model};

/// Where the user is.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The destination that is looked at; the first one until the user moves.
    selected: Option<Key>,
    /// The first row that is shown.
    pub(super) top: usize,
    /// How many rows are shown, by the last drawing.
    pub(super) shown: usize,
    /// The name of a mark that is being typed.
    pub(super) label: Option<String>,
    /// Whether help is shown.
    pub(super) has_help: bool,
    /// What happened last, in one line.
    pub(super) message: Option<String>,
}

/// What a key asks of the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asks {
    /// Nothing.
    Nothing,
    /// To end the reading and report.
    End,
    /// The same, as an interrupt does; where it ends already, to leave at once.
    Interrupt,
    /// To set a mark of that name.
    Mark(String),
}

impl State {
    /// The row that is looked at. A destination that is gone leaves its place to the one that stands there now.
    pub(super) fn row(&self, model: &Model) -> usize {
        let found = self.selected.and_then(|key| model.rows.iter().position(|row| row.key == key));
        found.unwrap_or(if self.selected.is_some() { self.top } else { 0 })
    }

    /// Keeps the row that is looked at among those that are shown.
    pub(super) fn follow(&mut self, row: usize, shown: usize, rows: usize) {
        self.shown = shown;
        let shown = shown.max(1);
        self.top = self.top.min(row).max((row + 1).saturating_sub(shown)).min(rows.saturating_sub(shown));
    }

    /// Takes a key.
    pub(super) fn press(&mut self, key: KeyEvent, model: &Model) -> Asks {
        if key.kind == KeyEventKind::Release {
            return Asks::Nothing;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && matches!(key.code, KeyCode::Char('c' | 'C')) {
            return Asks::Interrupt;
        }
        if self.label.is_some() {
            return self.write(key.code, is_control);
        }
        self.message = None;
        let has_help = std::mem::take(&mut self.has_help);
        match key.code {
            KeyCode::Char('q') => return Asks::End,
            KeyCode::Char('m') => self.label = Some(String::new()),
            KeyCode::Char('?' | 'h') => self.has_help = !has_help,
            KeyCode::Up | KeyCode::Char('k') => self.step(model, |row, _| row.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.step(model, |row, _| row + 1),
            KeyCode::PageUp => self.step(model, usize::saturating_sub),
            KeyCode::PageDown | KeyCode::Char(' ') => self.step(model, |row, shown| row + shown),
            KeyCode::Home => self.selected = None,
            KeyCode::End => self.step(model, |_, _| usize::MAX),
            _ => {}
        }
        Asks::Nothing
    }

    /// Takes a key while a mark is being named.
    fn write(&mut self, key: KeyCode, is_control: bool) -> Asks {
        let Some(label) = &mut self.label else { return Asks::Nothing };
        match key {
            KeyCode::Esc => self.label = None,
            KeyCode::Enter => {
                let label = self.label.take().unwrap_or_default();
                return if label.trim().is_empty() {
                    Asks::Nothing
                } else {
                    Asks::Mark(label.trim().to_owned())
                };
            }
            KeyCode::Backspace => {
                label.pop();
            }
            KeyCode::Char('u') if is_control => label.clear(),
            KeyCode::Char(c) if !is_control && !c.is_control() && label.chars().count() < MAX_LABEL => {
                label.push(c);
            }
            _ => {}
        }
        Asks::Nothing
    }

    fn step(&mut self, model: &Model, to: impl FnOnce(usize, usize) -> usize) {
        let to = to(self.row(model), self.shown.max(1)).min(model.rows.len().saturating_sub(1));
        self.selected = model.rows.get(to).map(|row| row.key).filter(|_| to > 0);
    }
}

/// As many characters as a label may have.
const MAX_LABEL: usize = crate::session::marks::MAX_LABEL;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, report};
    use crate::report::schema::Destination;

    fn model(frames: impl IntoIterator<Item = u64>) -> Model {
        let at = |frame| Destination { first_frame: frame, ..destination("eea", "likely") };
        Model::of(&report(frames.into_iter().map(at).collect()))
    }

    fn press(state: &mut State, model: &Model, keys: &[KeyCode]) -> Asks {
        let press = |asks, key: &KeyCode| match state.press(KeyEvent::new(*key, KeyModifiers::NONE), model) {
            Asks::Nothing => asks,
            other => other,
        };
        keys.iter().fold(Asks::Nothing, press)
    }

    #[test]
    fn what_is_looked_at_stays_while_rows_come_before_it() {
        let (mut state, five) = (State { shown: 3, ..State::default() }, model(1..=5));
        press(&mut state, &five, &[KeyCode::Down, KeyCode::Down]);
        assert_eq!(state.row(&five), 2);
        assert_eq!(state.row(&model([10, 11, 12, 1, 2, 3])), 5);
        press(&mut state, &five, &[KeyCode::PageDown]);
        assert_eq!(state.row(&five), 4);
        press(&mut state, &five, &[KeyCode::PageUp, KeyCode::Up]);
        assert_eq!(state.row(&five), 0);
        assert_eq!(state.row(&model([10, 1])), 0, "who has not moved looks at the first");
        press(&mut state, &model([]), &[KeyCode::Down, KeyCode::End, KeyCode::PageUp]);
        assert_eq!(state.row(&model([])), 0);
    }

    #[test]
    fn the_row_that_is_looked_at_is_shown() {
        let mut state = State::default();
        for (row, shown, rows, top) in [
            (0, 5, 3, 0),
            (9, 5, 20, 5),
            (6, 5, 20, 5),
            (2, 5, 20, 2),
            (19, 5, 20, 15),
            (3, 5, 4, 0),
            (0, 0, 9, 0),
        ] {
            state.follow(row, shown, rows);
            assert_eq!(state.top, top, "row {row} of {rows}, {shown} shown");
        }
    }

    #[test]
    fn a_mark_is_named_and_q_is_a_letter_of_its_name() {
        let (mut state, model) = (State::default(), model([1]));
        let keys: Vec<KeyCode> = "mq and ou\u{8}".chars().map(KeyCode::Char).collect();
        assert_eq!(press(&mut state, &model, &keys), Asks::Nothing);
        press(&mut state, &model, &[KeyCode::Backspace]);
        assert_eq!(state.label.as_deref(), Some("q and o"));
        assert_eq!(press(&mut state, &model, &[KeyCode::Enter]), Asks::Mark("q and o".to_owned()));
        assert_eq!(
            press(&mut state, &model, &[KeyCode::Char('m'), KeyCode::Char('x'), KeyCode::Esc]),
            Asks::Nothing
        );
        assert_eq!(
            press(&mut state, &model, &[KeyCode::Char('m'), KeyCode::Char(' '), KeyCode::Enter]),
            Asks::Nothing
        );
        assert_eq!(state.label, None);
        for _ in 0..500 {
            press(&mut state, &model, &[KeyCode::Char('m')]);
        }
        assert_eq!(state.label.map(|label| label.len()), Some(MAX_LABEL));
    }

    #[test]
    fn two_keys_end_it() {
        let (mut state, model) = (State::default(), model([]));
        assert_eq!(press(&mut state, &model, &[KeyCode::Char('q')]), Asks::End);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        press(&mut state, &model, &[KeyCode::Char('m')]);
        assert_eq!(state.press(control_c, &model), Asks::Interrupt);
    }
}
