//! `inspect -o FOLDER/` and `-o NAME.zip`: a report with all that it was made from and by.
//!
//! Input: the report, and what was noted of the run. Output: a bundle that is whole or not there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bundle::{
    Archive, Content, Contents, DATA, FILES, FileOfRun, INPUTS, REDACTION, RUN, Run, copy_name,
};
use crate::cli::args::Inspect;
use crate::cli::format::{Format, Results};
use crate::cli::output::Outlet;
use crate::cli::redaction::RedactionLog;
use crate::cli::world::Noted;
use crate::report::builtin;
use crate::report::schema::{Input, Report};
use crate::report::table::Color;
use crate::source::STDIN;

/// The forms of the report in a bundle. One of another format is a line here; `verify` makes again what stands here.
pub(super) const REPORTS: [(&str, Format); 3] =
    [("report.html", Format::Html), ("report.json", Format::Json), ("report.txt", Format::Table)];
/// What the address databases answered.
pub(super) const ANSWERS: &str = "answers.jsonl";
/// What a bundle is, for whoever opens it.
const README: &str = "README.txt";

/// How a bundle is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packing {
    Folder,
    Zip,
}

/// Whether a path names a bundle: a folder, one that is to be, or a zip.
pub(super) fn packing(path: &Path) -> Option<Packing> {
    let is_folder = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
    if is_folder || path.is_dir() {
        return Some(Packing::Folder);
    }
    (path.extension()? == "zip").then_some(Packing::Zip)
}

/// Refuses what no bundle can record.
pub(super) fn check_options(arguments: &Inspect, has_bundle: bool) -> Result<(), String> {
    let reads_stdin = arguments.paths.iter().chain(&arguments.read).any(|path| path == Path::new(STDIN));
    let refused = if !has_bundle {
        let asked = [
            (
                arguments.reporting.bundle_inputs,
                "--bundle-inputs needs a bundle: name one with -o FOLDER/ or -o NAME.zip",
            ),
            (
                !arguments.reporting.redaction_log.is_empty(),
                "--redaction-log needs a bundle: name one with -o FOLDER/ or -o NAME.zip",
            ),
        ];
        asked.into_iter().find(|(is_asked, _)| *is_asked).map(|(_, what)| what)
    } else if arguments.reporting.no_hash {
        Some("a bundle says by their hashes which captures it is of: leave --no-hash out")
    } else if arguments.reporting.bundle_inputs && reads_stdin {
        Some("standard input cannot be read again for --bundle-inputs: save it to a file and name that")
    } else {
        None
    };
    refused.map_or(Ok(()), |what| Err(what.to_owned()))
}

/// Refuses, before the captures are read, to take the place of a folder that is no bundle, or that inputs lie in.
pub(super) fn refuse_target(path: &Path, packing: Packing, inputs: &[&PathBuf]) -> Result<(), String> {
    let shown = path.display();
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    if packing == Packing::Zip {
        return Ok(());
    }
    if !metadata.is_dir() {
        return Err(format!("{shown}: is a file; name another folder for -o"));
    }
    let inside = |input: &&PathBuf| {
        fs::canonicalize(input)
            .ok()
            .zip(fs::canonicalize(path).ok())
            .is_some_and(|(input, path)| input.starts_with(path))
    };
    if inputs.iter().any(inside) {
        return Err(format!("{shown}: an input lies in it; name another folder for -o"));
    }
    let is_empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty || Archive::open(path).is_ok_and(|known| known.has_nothing_else()) {
        return Ok(());
    }
    Err(format!("{shown}: holds other files than those of a bundle; name a new folder for -o"))
}

/// What was noted of a run.
pub(super) struct Record {
    /// The options that the report depends on.
    pub(super) options: Vec<String>,
    /// The files that options name.
    pub(super) notes: Vec<Noted>,
    /// The folders that were cells.
    pub(super) cells: Vec<PathBuf>,
    /// The captures, in the order of the report's inputs.
    pub(super) paths: Vec<PathBuf>,
    /// The logs of those captures that are redacted, by their places among them.
    pub(super) logs: Vec<Option<RedactionLog>>,
    /// What the databases answered.
    pub(super) answers: String,
    /// Whether captures that go into the bundle carry secrets.
    pub(super) has_secrets: bool,
}

/// Why a capture does not go into a bundle.
pub(super) fn holds_secrets(path: &Path) -> String {
    format!(
        "{}: carries keys, and a bundle with it would, too; leave --bundle-inputs out, or say --with-secrets",
        path.display()
    )
}

/// Writes a bundle; gives its seal.
pub(super) fn write(
    (outlet, path): (&Outlet, &Path),
    packing: Packing,
    results: &Results<'_>,
    record: &Record,
    has_inputs: bool,
) -> Result<String, String> {
    let failed = |error: io::Error| format!("{}: {error}; nothing was written there", path.display());
    let contents = contents(results, record, has_inputs)?;
    match packing {
        Packing::Folder => outlet.replace_folder(path, |folder| contents.to_folder(folder)),
        Packing::Zip => outlet.replace(path, |file| contents.to_zip(file)),
    }
    .map_err(failed)
}

fn contents(results: &Results<'_>, record: &Record, has_inputs: bool) -> Result<Contents, String> {
    let Results { report, lang, .. } = *results;
    let mut contents = Contents::default();
    let mut add = |name: &str, content| contents.add(name, content).map_err(|error| error.to_string());
    let text = |text: &str| Content::Text(text.as_bytes().to_vec());
    for (name, format) in REPORTS {
        add(name, Content::Text(format.render(&Results::of(report, lang), Color::Never).into_bytes()))?;
    }
    add(ANSWERS, text(&record.answers))?;
    add(README, text(&if record.has_secrets { format!("{ABOUT}{SECRET}") } else { ABOUT.to_owned() }))?;
    for (name, data) in builtin::FILES {
        add(&format!("{DATA}/{name}"), text(data))?;
    }
    let run = run(report, record, has_inputs)?;
    for (log, file) in record.logs.iter().zip(&run.inputs) {
        if let (Some(log), Some(name)) = (log, &file.redaction_log) {
            add(name, Content::Text(log.bytes.clone()))?;
        }
    }
    for (note, file) in record.notes.iter().zip(&run.files) {
        if let (Some(bytes), Some(copy)) = (&note.bytes, &file.copy) {
            add(copy, Content::Text(bytes.clone()))?;
        }
    }
    let mut known = BTreeSet::new();
    for (path, file) in record.paths.iter().zip(&run.inputs) {
        if let Some(copy) = file.copy.as_ref().filter(|copy| known.insert((*copy).clone())) {
            let (size, sha256) = (file.size, file.sha256.clone());
            add(copy, Content::Copy { path: path.clone(), size, sha256 })?;
        }
    }
    add(RUN, Content::Text(run.to_toml().into_bytes()))?;
    Ok(contents)
}

/// What the run can be repeated from.
fn run(report: &Report, record: &Record, has_inputs: bool) -> Result<Run, String> {
    let text = |path: &Path| match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!(
            "{}: a name that is no text cannot be recorded in a bundle; rename the file",
            path.display()
        )),
    };
    let input = |(number, (path, input)): (usize, (&PathBuf, &Input))| {
        let Some(sha256) = input.sha256.clone() else {
            return Err(format!(
                "{}: could not be hashed to its end; a bundle needs its hash",
                path.display()
            ));
        };
        let copy = has_inputs.then(|| copy_name(INPUTS, number, path));
        let log = record.logs.get(number).and_then(Option::as_ref);
        let redaction_log = log.map(|log| copy_name(REDACTION, number, &log.path));
        Ok(FileOfRun { path: text(path)?, size: input.size, sha256, copy, redaction_log })
    };
    let file = |(number, note): (usize, &Noted)| FileOfRun {
        path: note.path.clone(),
        size: note.size,
        sha256: note.sha256.clone(),
        copy: note.bytes.is_some().then(|| copy_name(FILES, number, Path::new(&note.path))),
        redaction_log: None,
    };
    Ok(Run {
        schema: Run::SCHEMA.to_owned(),
        version: report.tool.version.to_owned(),
        arguments: record.options.clone(),
        files_skipped: report.quality.files_skipped,
        cells: record.cells.iter().map(|cell| text(cell)).collect::<Result<_, _>>()?,
        inputs: record.paths.iter().zip(&report.inputs).enumerate().map(input).collect::<Result<_, _>>()?,
        files: record.notes.iter().enumerate().map(file).collect(),
    })
}

const ABOUT: &str = "\
This folder is the evidence behind a report of borderpost: where the network
traffic in a capture went, by which evidence, and by which data.

  report.html     the report, for people: open it in a browser
  report.txt      the same in short, as text
  report.json     the same in full, for programs
  answers.jsonl   what each address database answered for each address
  run.toml        the captures with their hashes, and the options of the run
  inputs/         the captures themselves, where they were put in
  redaction/      the logs of redacted captures: what was done to them, and
                  the hashes of what they were before and are now
  files/          the files that options named
  data/           the registers, claims, legal zones and tables of the program
  manifest.json   every file with its size and SHA-256
  SHA256SUMS      the same for `sha256sum -c SHA256SUMS`

`borderpost verify` with the path of this folder checks every file, makes the
report again from the captures, and says what is the same and what differs.
The SHA-256 of SHA256SUMS stands for all of it: compare it with the one that
whoever made the bundle kept elsewhere.
";

const SECRET: &str = "
SECRETS INSIDE: a capture in inputs/ carries the keys of its connections, or the
report shows personal data as they are (--reveal). Whoever has this bundle can
read what was said. Keep it to yourself.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_zips_are_bundles() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (Path::new("bundle/"), Some(Packing::Folder)),
            (folder.path(), Some(Packing::Folder)),
            (Path::new("a/annex.zip"), Some(Packing::Zip)),
            (Path::new("annex.json"), None),
            (Path::new("zip"), None),
            (Path::new(".zip"), None),
        ];
        for (path, expected) in cases {
            assert_eq!(packing(path), expected, "{}", path.display());
        }
    }

    #[test]
    fn no_folder_of_other_things_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(refuse_target(path, Packing::Folder, &[]), Ok(()));
        fs::write(path.join("notes.txt"), "x").unwrap();
        assert!(refuse_target(path, Packing::Folder, &[]).unwrap_err().contains("holds other files"));
        let input = path.join("notes.txt");
        assert!(refuse_target(path, Packing::Folder, &[&input]).unwrap_err().contains("an input lies in it"));
        assert!(refuse_target(&input, Packing::Folder, &[]).unwrap_err().contains("is a file"));
    }
}
