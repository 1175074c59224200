//! What hostile input costs: the program as a child, under limits, on captures of others, on those damaged, and on floods made for
//! the purpose; see `benches/README.md`.
//!
//! Input: the program as benchmarks are built; the captures beside the package, where they are there. Output: a Markdown table of
//! goals with their figures; `--write` puts it into `SECURITY.md`. Exit status 1 where a goal is missed or could not be looked at.
//! Must not: measure itself, or call reached what was not measured.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use corpus::File;
use figure::Figure;
use machine::Machine;

mod bomb;
mod child;
mod corpus;
mod damaged;
mod figure;
mod flood;
mod floods;
mod full;
mod linear;
#[path = "../compare/machine.rs"]
mod machine;
mod reading;
#[path = "../readme/mod.rs"]
#[expect(dead_code, reason = "the other pages stand in another file")]
mod readme;
mod same;
mod traffic;
#[path = "../usage/mod.rs"]
#[expect(dead_code, reason = "`stages` uses the rest")]
mod usage;
#[path = "../workload/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other benchmarks use the rest")]
mod workload;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let done = if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(child::HELPER)) {
        arguments.next();
        child::help(arguments)
            .and_then(|line| writeln!(io::stdout(), "{line}"))
            .map(|()| true)
            .map_err(Into::into)
    } else {
        Wish::read(arguments.filter_map(|argument| argument.into_string().ok()))
            .and_then(|wish| wish.map_or(Ok(true), |wish| run(&wish)))
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where even standard error is gone, the exit status still tells.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints the page, and says whether every goal is reached.
fn run(wish: &Wish) -> Result<bool, Box<dyn Error>> {
    if let Some((name, number, file)) = &wish.made {
        fs::write(file, made(name, *number)?)?;
        return Ok(true);
    }
    let machine = Machine::this();
    let temporary = tempfile::tempdir()?;
    let files = match corpus::files(wish.every) {
        Ok(files) => files,
        Err(error)
            if wish.goals.is_empty()
                || wish.goals.iter().any(|goal| ["G1", "G2", "G13"].contains(&&**goal)) =>
        {
            writeln!(io::stderr(), "NOT MEASURED: the captures of others are not there: {error}")?;
            Vec::new()
        }
        Err(_) => Vec::new(),
    };
    let bench = wish.bench(temporary.path(), &files);
    let mut figures = Vec::new();
    for (goal, measure) in GOALS {
        if wish.goals.is_empty() || wish.goals.iter().any(|wanted| wanted == goal) {
            Bench::say(goal);
            let found = measure(&bench)?;
            Bench::say(&figure::page(&found));
            figures.extend(found);
        }
    }
    let page = format!("{machine}\n\n{}", figure::page(&figures));
    if wish.writes {
        readme::put_into("SECURITY.md", "hostile", &page)?;
    }
    io::stdout().write_all(page.as_bytes())?;
    Ok(figures.iter().all(|figure| figure.is_reached != Some(false)))
}

/// The bytes of a variant of a capture, or of so many MiB of a flood.
fn made(name: &str, number: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    if let Some((_, make)) = floods::FLOODS.iter().find(|(known, _)| *known == name) {
        return Ok(make((number as usize) << 20));
    }
    let found = corpus::files(1)?.into_iter().find(|known| known.name == name);
    let found = found.ok_or_else(|| format!("{name} is neither a capture of the corpus nor a flood"))?;
    Ok(damaged::variant(name, &damaged::unpacked(&found.path)?, number))
}

type Measure = fn(&Bench<'_>) -> io::Result<Vec<Figure>>;

const GOALS: [(&str, Measure); 7] = [
    ("G1", reading::figures),
    ("G2", damaged::figures),
    ("G4", flood::figures),
    ("G5", bomb::figures),
    ("G6", linear::figures),
    ("G8", full::figures),
    ("G13", same::figures),
];

/// What the user wants.
struct Wish {
    is_short: bool,
    /// Which goals; all where none is named.
    goals: Vec<String>,
    /// Variants of each capture.
    variants: u32,
    /// Of the captures, every so-manieth.
    every: usize,
    /// Floods are only those with this in their names.
    flood: String,
    /// A variant of a capture or so many MiB of a flood to be written, by name and number, and where to.
    made: Option<(String, u32, PathBuf)>,
    /// Whether the page goes into `SECURITY.md`.
    writes: bool,
}

impl Wish {
    /// `None` where another benchmark is wanted, by a filter that all of them are given.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Box<dyn Error>> {
        let mut wish = Self {
            is_short: false,
            goals: Vec::new(),
            variants: 20,
            every: 1,
            flood: String::new(),
            made: None,
            writes: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match &*argument {
                // Cargo adds this.
                "--bench" => {}
                "--test" => (wish.is_short, wish.variants, wish.every) = (true, 5, 20),
                "--variants" => wish.variants = value()?.parse()?,
                "--flood" => wish.flood = value()?,
                "--write" => wish.writes = true,
                "--program" => child::PROGRAM.set(value()?.into()).map_err(|_| USAGE)?,
                "--make" => {
                    let (named, file) = (value()?, value()?);
                    let (name, number) = named.rsplit_once('#').ok_or(USAGE)?;
                    wish.made = Some((name.to_owned(), number.parse()?, file.into()));
                }
                goal if GOALS.iter().any(|(known, _)| *known == goal) => wish.goals.push(argument),
                name if !name.starts_with('-') && "hostile".contains(name) => {}
                name if !name.starts_with('-') => return Ok(None),
                _ => return Err(format!("{argument} is no option; {USAGE}").into()),
            }
        }
        Ok(Some(wish))
    }

    fn bench<'a>(&'a self, folder: &'a Path, files: &'a [File]) -> Bench<'a> {
        let (is_short, files_there) = (self.is_short, !files.is_empty());
        Bench {
            folder,
            files,
            variants: self.variants,
            flood: &self.flood,
            sizes: if is_short { &SHORT_SIZES } else { &SIZES },
            most_flows: if is_short { 1_000_000 } else { 10_000_000 },
            largest: if is_short { 2 } else { 10 },
            repeats: if is_short { 1 } else { 10 },
            folders: usize::from(!is_short && files_there),
        }
    }
}

/// Sizes of floods in bytes: three doublings each, so that what is quadratic stands out of the noise of a machine that others use.
const SIZES: [usize; 3] = [1 << 20, 8 << 20, 64 << 20];
const SHORT_SIZES: [usize; 2] = [1 << 18, 1 << 21];

/// What is measured, how much of it, and where.
struct Bench<'a> {
    folder: &'a Path,
    files: &'a [File],
    variants: u32,
    flood: &'a str,
    sizes: &'a [usize],
    most_flows: u64,
    /// How many of the largest captures are read again and again.
    largest: usize,
    repeats: usize,
    folders: usize,
}

impl Bench<'_> {
    fn wants(&self, flood: &str) -> bool {
        flood.contains(self.flood)
    }

    /// Progress, for people.
    fn say(text: &str) {
        // Where standard error is gone, nobody waits for it.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Does the same for each, as many at a time as there are processors, each with a folder of its own; in order.
    fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        look: impl Fn(&T, &Path) -> io::Result<R> + Sync,
    ) -> io::Result<Vec<R>> {
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let work = |thread: usize| {
            let folder = self.folder.join(format!("thread-{thread}"));
            fs::create_dir_all(&folder)?;
            let mut done = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(place) else { return io::Result::Ok(done) };
                done.push((place, look(item, &folder)?));
            }
        };
        let parts = thread::scope(|scope| {
            let started: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
            started
                .into_iter()
                .map(|thread| thread.join().map_err(|_| io::Error::other("a thread panicked")))
                .collect::<Vec<_>>()
        });
        let mut done = Vec::new();
        for part in parts {
            done.extend(part??);
        }
        done.sort_by_key(|(place, _)| *place);
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }
}

const USAGE: &str = "usage: cargo bench --bench hostile -- [--test] [--write] [--variants N] [--flood NAME] [--program FILE] \
                     [--make NAME#N FILE] [G1|G2|G4|G5|G6|G8|G13]...";
