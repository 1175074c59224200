//! The manifest of a study, in TOML: the grammar, and the rules that hold between its cells.
//!
//! Input: the text, and somebody who knows which paths lead somewhere. Output: a [`Study`], or the first thing that is wrong
//! with its line. Must not: open a file.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Cell, Platform, Study, Traits};
use crate::data::{self, DataError, Placed};
use crate::place::Country;
use crate::source::STDIN;

/// A manifest that is read.
pub(super) struct Manifest<'a> {
    /// Its name, as it is shown.
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// The folder that its paths start from.
    pub(super) folder: &'a Path,
    /// The one path of what a path leads to; nothing where nothing is there.
    pub(super) find: &'a dyn Fn(&Path) -> Option<PathBuf>,
}

pub(super) fn parse(manifest: &Manifest<'_>) -> Result<Study, DataError> {
    if manifest.text.len() > MAX_BYTES {
        let what = format!("a manifest has at most {} MiB", MAX_BYTES >> 20);
        return Err(manifest.wrong(None, &what));
    }
    let file: File = data::parse(manifest.file, manifest.text)?;
    if file.cells.is_empty() {
        let what = "no cell: add a [[cell]] with a `file` for each capture of the test";
        return Err(manifest.wrong(None, &what));
    }
    if let Some(extra) = file.cells.get(MAX_CELLS) {
        return Err(manifest.wrong(Some(extra.offset), &format!("a study has at most {MAX_CELLS} cells")));
    }
    let title = manifest.said(file.title.as_ref())?;
    let (mut known, mut cells) = (Known::default(), Vec::with_capacity(file.cells.len()));
    for raw in &file.cells {
        let cell = cell(manifest, raw, &mut known)?;
        known.refuse_second(manifest, &cell.name, raw)?;
        cells.push(cell);
    }
    Ok(Study { title, manifest: Some(manifest.file.to_owned()), cells, lines: known.lines })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: Option<Placed<String>>,
    #[serde(default, rename = "cell")]
    cells: Vec<Placed<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: Option<Placed<String>>,
    file: Option<Placed<String>>,
    files: Option<Placed<Vec<Placed<String>>>>,
    platform: Option<Platform>,
    build: Option<Placed<String>>,
    account: Option<Placed<String>>,
    sso: Option<bool>,
    vanity_host: Option<Placed<String>>,
    e2ee: Option<bool>,
    guest: Option<bool>,
    file_sharing: Option<bool>,
    vantage: Option<Placed<String>>,
    region: Option<Placed<String>>,
    media_regions: Option<Placed<Words>>,
    service: Option<Placed<String>>,
    scenario: Option<Placed<String>>,
    marks: Option<Placed<String>>,
    notes: Option<Placed<String>>,
}

/// One word, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum Words {
    One(String),
    Several(Vec<String>),
}

fn cell(manifest: &Manifest<'_>, raw: &Placed<Raw>, known: &mut Known) -> Result<Cell, DataError> {
    let Placed { value: row, offset } = raw;
    let mut captures = Vec::new();
    for named in named(manifest, row, *offset)? {
        let (path, found) = manifest.path(named, "capture")?;
        known.refuse_shared(manifest, named, found)?;
        known.lines.insert(path.clone(), manifest.line(named.offset));
        captures.push(path);
    }
    let said = |text: &Option<Placed<String>>| manifest.said(text.as_ref());
    let traits = Traits {
        platform: row.platform,
        build: said(&row.build)?,
        account: said(&row.account)?,
        sso: row.sso,
        vanity_host: said(&row.vanity_host)?,
        e2ee: row.e2ee,
        guest: row.guest,
        file_sharing: row.file_sharing,
        region: said(&row.region)?,
        media_regions: manifest.regions(row.media_regions.as_ref())?,
        service: said(&row.service)?,
        scenario: said(&row.scenario)?,
        notes: said(&row.notes)?,
    };
    let marks = row.marks.as_ref().map(|marks| manifest.path(marks, "marks file")).transpose()?;
    let parsed = row.vantage.as_ref().map(|text| {
        text.value.parse().map_err(|error: crate::place::VantageError| manifest.wrong_at(text, &error))
    });
    let name = said(&row.name)?.unwrap_or_else(|| default_name(&traits, &captures));
    if name.chars().nth(MAX_NAME_CHARS).is_some() {
        let at = row.name.as_ref().map_or(*offset, |name| name.offset);
        let what = format!("the name of a cell has at most {MAX_NAME_CHARS} characters; give a short `name`");
        return Err(manifest.wrong(Some(at), &what));
    }
    let marks = marks.map(|(path, _)| path);
    Ok(Cell { name, captures, vantage: parsed.transpose()?, marks, traits })
}

/// The captures that a cell names.
fn named<'a>(
    manifest: &Manifest<'_>,
    row: &'a Raw,
    offset: usize,
) -> Result<Vec<&'a Placed<String>>, DataError> {
    match (&row.file, &row.files) {
        (Some(file), None) => Ok(vec![file]),
        (None, Some(files)) if files.value.is_empty() => {
            Err(manifest.wrong_at(files, &"a cell names at least one capture"))
        }
        (None, Some(files)) => Ok(files.value.iter().collect()),
        (Some(_), Some(files)) => Err(manifest.wrong_at(files, &"a cell names `file` or `files`, not both")),
        (None, None) => Err(manifest.wrong(Some(offset), &"a cell names its capture: add `file`")),
    }
}

/// What is said of a run, put together: `windows-6.1`; of a run of which nothing is said, its capture's name.
fn default_name(traits: &Traits, captures: &[PathBuf]) -> String {
    let switch = |is_on: Option<bool>, name: &str| (is_on == Some(true)).then(|| name.to_owned());
    let parts = [
        traits.platform.map(|platform| platform.name().to_owned()),
        traits.build.clone(),
        traits.account.clone(),
        switch(traits.sso, "sso"),
        switch(traits.e2ee, "e2ee"),
        traits.region.clone(),
        traits.scenario.clone(),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| part.replace(' ', "-")).collect();
    if !parts.is_empty() {
        return parts.join("-");
    }
    let stem = captures.first().and_then(|capture| capture.file_stem());
    stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What cells before have taken, with where each stands in the text.
#[derive(Default)]
struct Known {
    names: BTreeMap<String, usize>,
    captures: BTreeMap<PathBuf, usize>,
    /// The line of each capture, by its path as it is read.
    lines: BTreeMap<PathBuf, usize>,
    /// The folders in which captures lie, with one of those.
    around: BTreeMap<PathBuf, usize>,
}

impl Known {
    fn refuse_second(
        &mut self,
        manifest: &Manifest<'_>,
        name: &str,
        raw: &Placed<Raw>,
    ) -> Result<(), DataError> {
        let given = raw.value.name.as_ref();
        let at = given.map_or(raw.offset, |name| name.offset);
        let Some(first) = self.names.insert(name.to_owned(), at) else { return Ok(()) };
        let line = manifest.line(first);
        let next = if given.is_some() { "give one of them another `name`" } else { "give it a `name`" };
        let what = format!("this cell has the key \"{name}\" of the one in line {line}; {next}");
        Err(manifest.wrong(Some(at), &what))
    }

    /// A capture in two cells would be counted twice.
    fn refuse_shared(
        &mut self,
        manifest: &Manifest<'_>,
        named: &Placed<String>,
        found: PathBuf,
    ) -> Result<(), DataError> {
        let folder = found.parent().map(Path::to_owned).unwrap_or_default();
        let same = self.captures.get(&found).or_else(|| self.captures.get(&folder));
        if let Some(first) = same.or_else(|| self.around.get(&found)) {
            let what = format!("this capture is named in line {} already", manifest.line(*first));
            return Err(manifest.wrong_at(named, &what));
        }
        self.around.insert(folder, named.offset);
        self.captures.insert(found, named.offset);
        Ok(())
    }
}

impl Manifest<'_> {
    fn wrong(&self, offset: Option<usize>, what: &dyn Display) -> DataError {
        DataError::at(self.file, self.text, offset, &what.to_string())
    }

    fn wrong_at<T>(&self, place: &Placed<T>, what: &dyn Display) -> DataError {
        self.wrong(Some(place.offset), what)
    }

    /// The number of the line that holds a byte.
    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or_default().matches('\n').count() + 1
    }

    /// A text, where there is one; an empty one is none.
    fn said(&self, text: Option<&Placed<String>>) -> Result<Option<String>, DataError> {
        match text {
            Some(text) if text.value.trim().is_empty() => {
                Err(self.wrong_at(text, &"this must not be empty; leave it out where it is not known"))
            }
            Some(text) => Ok(Some(text.value.trim().to_owned())),
            None => Ok(None),
        }
    }

    /// Regions by codes of countries, `EU` or `EEA`, in capitals.
    fn regions(&self, words: Option<&Placed<Words>>) -> Result<Vec<String>, DataError> {
        let Some(words) = words else { return Ok(Vec::new()) };
        let said = match &words.value {
            Words::One(word) => std::slice::from_ref(word),
            Words::Several(words) => words.as_slice(),
        };
        if said.is_empty() {
            return Err(
                self.wrong_at(words, &"name at least one region, or leave it out where it is not known")
            );
        }
        let said = said.iter().map(|word| word.trim().to_uppercase());
        let known = |word: String| match word.as_str() {
            "EU" | "EEA" => Ok(word),
            code if code.parse::<Country>().is_ok() => Ok(word),
            _ => Err(self.wrong_at(words, &format!("`{word}` is no code of a country, EU or EEA"))),
        };
        said.map(known).collect()
    }

    /// What a path of the manifest leads to: the path itself, and the one path of what is there.
    fn path(&self, named: &Placed<String>, what: &str) -> Result<(PathBuf, PathBuf), DataError> {
        self.said(Some(named))?;
        if named.value == STDIN {
            return Err(self.wrong_at(named, &"standard input cannot be in a manifest; name a file"));
        }
        let path = self.folder.join(&named.value);
        let found = (self.find)(&path).ok_or_else(|| {
            let shown = path.display();
            let what = format!("no such {what}: {shown}; paths start from the manifest's own folder");
            self.wrong_at(named, &what)
        })?;
        Ok((path, found))
    }
}

/// More than anybody reads in one matrix.
const MAX_CELLS: usize = 1000;

/// More than any manifest has; TOML takes many times its size while it is read.
const MAX_BYTES: usize = 4 << 20;

/// What still stands beside others in a line of a report.
const MAX_NAME_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything is there but what is called missing.
    fn read(text: &str) -> Result<Study, String> {
        let find = |path: &Path| (!path.ends_with("missing.pcap")).then(|| path.to_owned());
        Study::parse("study.toml", text, Path::new("in"), &find).map_err(|error| error.to_string())
    }

    fn names(text: &str) -> Vec<String> {
        read(text).unwrap().cells.into_iter().map(|cell| cell.name).collect()
    }

    fn fault(text: &str) -> String {
        let error = read(text).unwrap_err();
        error.lines().next().unwrap().to_owned()
    }

    #[test]
    fn a_cell_keeps_what_is_said_of_it() {
        let study = read(
            "title = \"Five platforms\"\n[[cell]]\nfile = \"a.pcapng\"\nplatform = \"windows\"\nbuild = \"6.1\"\n\
             account = \"education\"\nsso = true\nvanity_host = \"uni.zoom.us\"\ne2ee = false\nvantage = \"NL-Amsterdam\"\n\
             region = \"EU\"\nmedia_regions = [\"eu\", \"US\"]\nservice = \"nordic\"\nscenario = \"join\"\nmarks = \"a.marks.toml\"\nnotes = \"two people\"\n",
        )
        .unwrap();
        assert_eq!(study.title.as_deref(), Some("Five platforms"));
        let cell = &study.cells[0];
        assert_eq!(cell.name, "windows-6.1-education-sso-EU-join");
        assert_eq!(cell.captures, [Path::new("in/a.pcapng")]);
        assert_eq!(cell.vantage.as_ref().map(|vantage| vantage.label.as_str()), Some("Amsterdam, NL"));
        assert_eq!(cell.marks.as_deref(), Some(Path::new("in/a.marks.toml")));
        assert_eq!((cell.traits.sso, cell.traits.e2ee), (Some(true), Some(false)));
        assert_eq!(cell.traits.notes.as_deref(), Some("two people"));
        assert_eq!(
            (cell.traits.media_regions.join(" "), cell.traits.service.as_deref()),
            ("EU US".to_owned(), Some("nordic"))
        );
    }

    #[test]
    fn a_cell_is_called_by_its_name_its_traits_or_its_capture() {
        let text = "[[cell]]\nfile = \"a.pcapng\"\n[[cell]]\nname = \"mine\"\nfile = \"b.pcapng\"\n\
                    [[cell]]\nfiles = [\"c.pcapng\", \"d.pcapng\"]\nplatform = \"macos\"\nscenario = \"sign in\"\n";
        assert_eq!(names(text), ["a", "mine", "macos-sign-in"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let one = "[[cell]]\nfile = \"a.pcap\"\n";
        assert!(fault("title = \"x\"\n").starts_with("study.toml:1:1: no cell: add a [[cell]]"));
        let cases = [
            ("[[cell]]\nbuild = \"6.1\"\n", 1, "names its capture"),
            ("[[cell]]\nfile = \"missing.pcap\"\n", 2, "no such capture: in/missing.pcap"),
            ("[[cell]]\nfile = \"-\"\n", 2, "standard input"),
            ("[[cell]]\nfile = \"\"\n", 2, "must not be empty"),
            ("[[cell]]\nfiles = []\n", 2, "at least one"),
            ("[[cell]]\nfile = \"a\"\nfiles = [\"b\"]\n", 3, "not both"),
            (&format!("{one}vantage = \"Narnia\"\n"), 3, "`Narnia` is no country code"),
            (&format!("{one}platform = \"beos\"\n"), 3, "unknown variant `beos`"),
            (&format!("{one}colour = \"red\"\n"), 3, "unknown field `colour`"),
            (&format!("{one}e2ee = \"yes\"\n"), 3, "invalid type"),
            (&format!("{one}media_regions = \"Europe\"\n"), 3, "`EUROPE` is no code of a country, EU or EEA"),
            (&format!("{one}media_regions = []\n"), 3, "at least one region"),
            (&format!("{one}media_regions = 7\n"), 3, "a text or a list of texts"),
            (&format!("{one}marks = \"missing.pcap\"\n"), 3, "no such marks file"),
            (&format!("{one}name = \"{}\"\n", "x".repeat(61)), 3, "at most 60 characters"),
            ("titel = \"x\"\n[[cell]]\nfile = \"a\"\n", 1, "unknown field `titel`"),
        ];
        for (text, line, part) in cases {
            let fault = fault(text);
            assert!(
                fault.starts_with(&format!("study.toml:{line}:")) && fault.contains(part),
                "{text}: {fault}"
            );
        }
    }

    #[test]
    fn no_two_cells_share_a_key_or_a_capture() {
        let text =
            "[[cell]]\nfile = \"a\"\nplatform = \"ios\"\n\n[[cell]]\nfile = \"b\"\nplatform = \"ios\"\n";
        assert!(
            fault(text)
                .starts_with("study.toml:5:1: this cell has the key \"ios\" of the one in line 1; give it")
        );
        let text = "[[cell]]\nname = \"x\"\nfile = \"a\"\n[[cell]]\nfile = \"b\"\nname = \"x\"\n";
        assert!(fault(text).starts_with("study.toml:6:8: this cell has the key \"x\" of the one in line 2;"));
        for (first, second) in [("a", "a"), ("f", "f/a"), ("f/a", "f")] {
            let text = format!("[[cell]]\nfile = \"{first}\"\n[[cell]]\nname = \"y\"\nfile = \"{second}\"\n");
            assert!(fault(&text).ends_with("this capture is named in line 2 already"), "{first}, {second}");
        }
        assert!(read("[[cell]]\nfile = \"f/a\"\n[[cell]]\nfile = \"f/b\"\n").is_ok());
    }
}
