//! How often the place is right, on addresses whose place is known from elsewhere; see `benches/README.md`.
//!
//! Input: the truth sets (`truth`) and the judges (`judge`), all compiled in, so that a run is the same everywhere. Output:
//! a table of single databases, their majority, and borderpost with and without each kind of witness; then the floors.
//! Exit status 1 where a floor is broken or a data file is wrong.
//! Must not: measure time, or use what a licence does not let this repository keep.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;

use borderpost::frame::Date;
use borderpost::inspect::Placement;
use borderpost::place::{Databases, Grade};

use floors::Floor;
use judge::{Borderpost, NO_ANSWER, Single, opened, placed};
use results::Results;
use tally::Tally;
use truth::{Case, Silent, Truth};

mod floors;
mod judge;
mod results;
mod tally;
mod truth;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where even standard error is gone, the exit status still tells.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all floors hold.
fn run() -> Result<bool, Box<dyn Error>> {
    let wish = Wish::read(std::env::args().skip(1))?;
    if wish.is_for_others {
        return Ok(true);
    }
    let day: Date = JUDGED_ON.parse()?;
    let (sites, clouds) = (truth::zoom_sites(day)?, truth::clouds(day)?);
    let (names, silent) = truth::names()?;
    let out = &mut io::stdout().lock();
    if let Some(database) = &wish.answers {
        write_answers(out, &[&sites, &names, &clouds], database)?;
        return Ok(true);
    }
    let single = Single::load()?;
    single.check([&sites, &names, &clouds].into_iter().flat_map(|truth| &truth.cases))?;
    let results = |truth| Results::of(truth, &single, &wish.databases);
    let [sites, names, clouds] = [&sites, &names, &clouds].map(results);
    for set in [&sites, &names, &clouds] {
        write_results(out, set)?;
    }
    let decided = decided(&silent);
    let mut floors = floors::of_sites(&sites);
    floors.extend(floors::of_names(&names, &decided));
    floors.extend(floors::of_clouds(&clouds));
    write_floors(out, &floors)?;
    Ok(floors.iter().all(|floor| floor.holds))
}

/// What the user wants.
#[derive(Default)]
struct Wish {
    /// Databases to judge beside the others.
    databases: Vec<(String, Databases)>,
    /// A database whose answers are wanted instead of the table.
    answers: Option<Databases>,
    /// Another benchmark, by a filter that all of them are given.
    is_for_others: bool,
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut wish = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo adds the first, and the second asks for a cheap run, which this is.
                "--bench" | "--test" => {}
                "--database" => wish.databases.push(database(arguments.next())?),
                "--answers" => wish.answers = Some(database(arguments.next())?.1),
                filter if !filter.starts_with('-') => wish.is_for_others |= !"accuracy".contains(filter),
                _ => return Err(format!("{argument:?} is no option; {USAGE}").into()),
            }
        }
        Ok(wish)
    }
}

/// The database in a file, and the file's name.
fn database(path: Option<String>) -> Result<(String, Databases), Box<dyn Error>> {
    let path = path.ok_or(USAGE)?;
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let database = opened(&path, bytes)?;
    Ok((path, database))
}

/// The names that must say nothing and decide all the same; also those whose address is placed without them, which test
/// nothing.
fn decided(silent: &[Silent]) -> Vec<String> {
    let judge = Borderpost::without([]);
    let is_open =
        |placement: &Placement| matches!(placement.resolution.grade, Grade::Undetermined | Grade::Anycast);
    let fault = |Silent { address, names, day, because }: &Silent| {
        let host = names.first().map(|spoken| spoken.host.as_str()).unwrap_or_default();
        if !is_open(&judge.place_named(*address, &[], *day)) {
            return Some(format!("{address} is placed without {host}: the row needs another address"));
        }
        let is_silent = is_open(&judge.place_named(*address, names, *day));
        (!is_silent).then(|| format!("{host} decides for {address}: {because}"))
    };
    silent.iter().filter_map(fault).collect()
}

fn write_results(out: &mut impl Write, results: &Results) -> io::Result<()> {
    writeln!(out, "{} ({})", results.title, results.cases())?;
    writeln!(out, "{:<38}{HEAD}", "")?;
    for (name, tally) in &results.databases {
        write_row(out, name, tally)?;
    }
    for (name, tally) in &results.others {
        write_row(out, name, tally)?;
    }
    write_row(out, "majority of the first three", &results.majority)?;
    write_row(out, "borderpost", &results.borderpost)?;
    let (same, other): (Vec<_>, Vec<_>) =
        results.without.iter().copied().partition(|(_, tally)| *tally == results.borderpost);
    for (kind, tally) in other {
        write_row(out, &format!("  without {}", kind.name()), &tally)?;
    }
    let same: Vec<&str> = same.iter().map(|(kind, _)| kind.name()).collect();
    if !same.is_empty() {
        writeln!(out, "  the same without any one of {}", same.join(", "))?;
    }
    for fault in &results.faults {
        writeln!(out, "  ! {fault}")?;
    }
    writeln!(out)
}

fn write_row(out: &mut impl Write, name: &str, tally: &Tally) -> io::Result<()> {
    let Tally { right, wrong, undetermined, false_outside, possibly_outside, false_eea } = tally;
    writeln!(
        out,
        "{:<38}{right:>6}{wrong:>7}{undetermined:>7}{false_outside:>10}{possibly_outside:>9}{false_eea:>7}{:>8}{:>8}",
        shortened(name),
        tally.decided_share(),
        tally.right_share(),
    )
}

/// The end of a name that is too long for its column: that of a path tells more than its beginning.
fn shortened(name: &str) -> String {
    let surplus = name.chars().count().saturating_sub(NAME_WIDTH);
    name.chars().skip(surplus).collect()
}

fn write_floors(out: &mut impl Write, floors: &[Floor]) -> io::Result<()> {
    writeln!(out, "Floors")?;
    for Floor { what, because, found, holds } in floors {
        let verdict = if *holds { "holds " } else { "BROKEN" };
        writeln!(out, "{verdict}  {what}\n        found: {found}\n        because {because}")?;
    }
    Ok(())
}

/// The table `answers` of `iptoasn.toml`, made from a database.
fn write_answers(out: &mut impl Write, sets: &[&Truth], database: &Databases) -> io::Result<()> {
    let mut answers: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    for Case { address, .. } in sets.iter().flat_map(|set| &set.cases) {
        let code = placed(database, *address).map(|country| country.to_string());
        answers.entry(code.unwrap_or_else(|| NO_ANSWER.to_owned())).or_default().insert(*address);
    }
    writeln!(out, "[answers]")?;
    for (code, addresses) in answers {
        writeln!(out, "{code} = [")?;
        for address in addresses {
            writeln!(out, "  \"{address}\",")?;
        }
        writeln!(out, "]")?;
    }
    Ok(())
}

/// The day for which what has no day of its own is judged: three days after the newest part of the embedded database. A
/// later one would make the database stale in the end, and measure its age.
const JUDGED_ON: &str = "2026-06-20";

const NAME_WIDTH: usize = 37;

const HEAD: &str = " right  wrong undet.  outside! possib.!   eea!  dec. % right %";

const USAGE: &str = "usage: cargo bench --bench accuracy -- [--database FILE.mmdb]... | --answers FILE.mmdb";
