//! The tester's script, as the user hands it in: `--marks` and `--mark`.
//!
//! Input: arguments and a file. Output: marks that name inputs which are there. What only the captures show, such as a frame
//! beyond the last, is found out while they are read.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::world::World;
use crate::inspect::Inspection;
use crate::session::marks::{self, MAX_MARKS};
use crate::session::{InputName, Mark, When};
use crate::study::Study;

#[derive(Args, Debug)]
#[command(next_help_heading = "Scenario")]
pub(super) struct Marks {
    /// The steps of your test script, in a file: CSV with the columns at, frame, label, input, exclusive, kind where its name
    /// ends in .csv, else TOML with the same keys in `[[mark]]` tables. A step lasts until the next mark
    #[arg(long, value_name = "FILE", long_help = MARKS)]
    marks: Option<PathBuf>,
    /// A step that begins at WHEN, such as 2025-03-04T10:00:12Z, +12.5 (seconds from the capture's first frame), or frame:781;
    /// may be repeated. Packet comments that begin with `step:` mark steps, too
    #[arg(long, value_name = "WHEN=LABEL", value_parser = marks::parse_option, allow_hyphen_values = true)]
    mark: Vec<Mark>,
}

const MARKS: &str = "The steps of your test script, in a file: CSV with the columns at, frame, label, input, exclusive, kind where its name \
ends in .csv, else TOML with the same keys in `[[mark]]` tables. A step lasts until the next mark of its capture, and flows \
belong to the step in which they began.

  at         when the step begins: a time with its zone, or seconds from the capture's first frame, such as +12.5
  frame      or the number of the frame at which it begins, as Wireshark shows it
  label      what you did
  input      the capture's file name or its number from 0; a time without it holds for every capture that runs then
  exclusive  true: your word that in this step only the client did anything; third parties contacted in it are the client's
  kind       trust_and_safety, or none; without it the label tells: \"report a participant\", say

Packet comments that begin with `step:` mark steps, too, as they are written in Wireshark. Other comments mark nothing.";

impl Marks {
    /// The marks, of these inputs in their order; one that cannot be looked into has its place, too.
    pub(super) fn read(
        &self,
        inputs: &[PathBuf],
        is_joined: bool,
        study: Option<&Study>,
        world: &World,
    ) -> Result<Vec<Mark>, String> {
        let mut all = self.mark.clone();
        if let Some(path) = &self.marks {
            all.extend(of_file(path, "--marks takes the steps of a test script in TOML or CSV", world)?);
        }
        for (at, cell) in study.iter().flat_map(|study| study.cells.iter().enumerate()) {
            let Some(path) = &cell.marks else { continue };
            let inputs = (0..).zip(inputs.iter().cloned());
            let own = inputs.filter(|(_, path)| study.and_then(|study| study.cell_of(path)) == Some(at));
            let own: Vec<(u32, PathBuf)> = own.collect();
            for mark in of_file(path, "`marks` names the steps of a test script in TOML or CSV", world)? {
                all.extend(in_cell(mark, &cell.name, &own)?);
            }
        }
        if all.len() > MAX_MARKS {
            return Err(format!("--marks and --mark: {} marks; at most {MAX_MARKS} are read", all.len()));
        }
        if let Some((_, fault)) = marks::clash(&all.iter().collect::<Vec<_>>()) {
            return Err(fault.to_string());
        }
        if !all.is_empty() {
            for mark in &all {
                name_input(mark, inputs, is_joined).map_err(|what| format!("{}: {what}", mark.by))?;
            }
        }
        Ok(all)
    }
}

fn of_file(path: &Path, wanted: &str, world: &World) -> Result<Vec<Mark>, String> {
    let (name, text) = world.text(path, wanted)?;
    marks::parse(&name, &text).map_err(|error| error.to_string())
}

/// A mark of a cell's own file: it names one of the cell's captures, by the number from 0 among those. Of a cell that cannot be
/// read there is none.
fn in_cell(mark: Mark, cell: &str, own: &[(u32, PathBuf)]) -> Result<Option<Mark>, String> {
    let is_named = |number: u32, path: &Path| mark.input.as_ref().is_none_or(|input| input.is(number, path));
    let mut named = (0..).zip(own).filter(|(number, (_, path))| is_named(*number, path));
    match (named.next(), named.next(), &mark.input) {
        (Some((_, (place, _))), None, _) => Ok(Some(Mark { input: Some(InputName::Number(*place)), ..mark })),
        (None, ..) if own.is_empty() => Ok(None),
        (_, _, None) => {
            Err(format!("{}: the cell {cell} has several captures; say which one by `input`", mark.by))
        }
        (None, _, Some(name)) => Err(format!("{}: no capture of the cell {cell} is called {name}", mark.by)),
        (Some(_), _, Some(name)) => {
            Err(format!("{}: several captures of the cell {cell} are called {name}", mark.by))
        }
    }
}

/// Checks that a mark says which input it is about.
fn name_input(mark: &Mark, inputs: &[PathBuf], is_joined: bool) -> Result<(), String> {
    let Some(name) = &mark.input else {
        let is_clear = match mark.when {
            When::Time(_) => true,
            When::After(_) => is_joined || inputs.len() == 1,
            When::Frame(_) => inputs.len() == 1,
        };
        let what = "there are several captures; say which one by `input` in a file of marks (--marks)";
        return if is_clear { Ok(()) } else { Err(what.to_owned()) };
    };
    let named = (0..).zip(inputs).filter(|(place, path)| name.is(*place, path)).count();
    match (named, name) {
        (1, _) => Ok(()),
        (0, InputName::Number(number)) => {
            Err(format!("there is no input {number}; there are {}, counted from 0", inputs.len()))
        }
        (0, InputName::Name(name)) => Err(format!("no input is called {name}; name one as it is read here")),
        (several, name) => {
            Err(format!("{several} inputs are called {name}; name one by its path, or its number from 0"))
        }
    }
}

/// What to say of the marks that could not be used, and whether any of them was the user's.
pub(super) fn faults(inspection: &Inspection) -> (Vec<String>, bool) {
    let faults = inspection.mark_faults();
    let says = faults.iter().map(|fault| format!("{fault}; the report was made without this mark"));
    (says.collect(), faults.iter().any(|fault| fault.by.is_users()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, input: Option<InputName>, inputs: &[&str], is_joined: bool) -> Result<(), String> {
        let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        name_input(&Mark { input, ..marks::parse_option(text).unwrap() }, &inputs, is_joined)
    }

    #[test]
    fn with_several_captures_a_mark_names_its_own() {
        let two = ["a/x.pcap", "b/x.pcap"];
        assert_eq!(checked("frame:1=a", None, &two[..1], false), Ok(()));
        assert_eq!(checked("2025-03-04T10:00:12Z=a", None, &two, false), Ok(()));
        assert_eq!(checked("+1=a", None, &two, true), Ok(()));
        for (text, is_joined) in [("frame:1=a", false), ("frame:1=a", true), ("+1=a", false)] {
            assert!(checked(text, None, &two, is_joined).unwrap_err().contains("several captures"), "{text}");
        }
    }

    #[test]
    fn an_input_is_named_so_that_there_is_one_of_that_name() {
        let two = ["a/x.pcap", "b/x.pcap"];
        let checked = |input| checked("frame:1=a", Some(input), &two, false);
        let name = |name: &str| InputName::Name(name.to_owned());
        assert_eq!((checked(InputName::Number(1)), checked(name("b/x.pcap"))), (Ok(()), Ok(())));
        assert!(checked(InputName::Number(2)).unwrap_err().contains("there is no input 2"));
        assert!(checked(name("y.pcap")).unwrap_err().contains("no input is called y.pcap"));
        assert!(checked(name("x.pcap")).unwrap_err().contains("2 inputs are called x.pcap"));
    }

    #[test]
    fn a_mark_of_a_cell_names_a_capture_of_the_cell() {
        let mark = |input| Mark { input, ..marks::parse_option("frame:1=a").unwrap() };
        let own = [(3, PathBuf::from("x.pcap")), (5, PathBuf::from("y.pcap"))];
        let placed =
            |input, own: &[_]| in_cell(mark(input), "win", own).map(|mark| mark.map(|mark| mark.input));
        let number = |number| Some(Some(InputName::Number(number)));
        assert_eq!(placed(None, &own[1..]).unwrap(), Some(number(5).unwrap()));
        assert_eq!(placed(Some(InputName::Number(1)), &own).unwrap(), number(5));
        assert_eq!(placed(Some(InputName::Name("x.pcap".to_owned())), &own).unwrap(), number(3));
        assert!(placed(None, &own).unwrap_err().contains("the cell win has several captures"));
        assert!(placed(Some(InputName::Number(3)), &own).unwrap_err().contains("is called 3"));
        assert_eq!(placed(None, &[]).unwrap(), None);
    }
}
