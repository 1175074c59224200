//! A study: many captures as the cells of one test, each with the traits by which it differs from the others.
//!
//! Input: a manifest's text, or folders. Output: the cells in their order, each with its captures, its traits and where its
//! client stood. Must not: open a file, or know what a capture holds.

mod manifest;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::place::Vantage;

/// The cells of one test.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Study {
    /// What the test is about, by the manifest.
    pub title: Option<String>,
    /// The manifest, as it was named; `None` where the cells are folders.
    pub manifest: Option<String>,
    /// The cells, in the order of the manifest or of the folders' names. No two have the same name, and no capture is in two.
    pub cells: Vec<Cell>,
    /// The line of the manifest in which each capture is named.
    pub lines: BTreeMap<PathBuf, usize>,
}

/// One run of the test: its captures, and what it was done with.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Cell {
    /// Its key.
    pub name: String,
    /// Its captures; a folder stands for those in it.
    pub captures: Vec<PathBuf>,
    /// Where its client stood, by the tester's word.
    pub vantage: Option<Vantage>,
    /// The file that says what the tester did when.
    pub marks: Option<PathBuf>,
    /// What it was done with.
    pub traits: Traits,
}

/// What a run was done with, by the tester's word. What is not said is not known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Traits {
    /// What the client ran on.
    pub platform: Option<Platform>,
    /// The client's build.
    pub build: Option<String>,
    /// The type of the account.
    pub account: Option<String>,
    /// Whether the account signs in through its organisation.
    pub sso: Option<bool>,
    /// The host name of the account's own address.
    pub vanity_host: Option<String>,
    /// Whether the meeting was encrypted end to end.
    pub e2ee: Option<bool>,
    /// Whether the user was a guest of the organisation that held the meeting.
    pub guest: Option<bool>,
    /// Whether the account allows files to be shared.
    pub file_sharing: Option<bool>,
    /// The region that the account's data are kept in; for a guest, that of the host's account.
    pub region: Option<String>,
    /// The regions that the account chose for media: codes of countries, `EU` or `EEA`; none where it is not known.
    pub media_regions: Vec<String>,
    /// The service that the account is of, where it is not the public one: `nordic`.
    pub service: Option<String>,
    /// What was done.
    pub scenario: Option<String>,
    /// The tester's notes.
    pub notes: Option<String>,
}

/// What a client runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
    /// Linux.
    Linux,
    /// iOS.
    Ios,
    /// Android.
    Android,
    /// A browser, on whatever system.
    Browser,
}

impl Platform {
    /// Its name in manifests and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::MacOs => "macos",
            Self::Linux => "linux",
            Self::Ios => "ios",
            Self::Android => "android",
            Self::Browser => "browser",
        }
    }
}

impl Traits {
    /// What documented claims may ask, by the key in the manifest.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, String> {
        let switch = |is_on: Option<bool>| is_on.map(|is_on| is_on.to_string());
        let chosen = |regions: &[String]| (!regions.is_empty()).then(|| regions.join(", "));
        let facts = [
            ("platform", self.platform.map(|platform| platform.name().to_owned())),
            ("build", self.build.clone()),
            ("account", self.account.clone()),
            ("sso", switch(self.sso)),
            ("vanity_host", self.vanity_host.clone()),
            ("e2ee", switch(self.e2ee)),
            ("guest", switch(self.guest)),
            ("file_sharing", switch(self.file_sharing)),
            ("region", self.region.clone()),
            ("media_regions", chosen(&self.media_regions)),
            ("service", self.service.clone()),
        ];
        facts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

impl Study {
    /// What is said of every cell, and of each the same.
    #[must_use]
    pub fn common_facts(&self) -> BTreeMap<String, String> {
        let mut all = self.cells.iter().map(|cell| cell.traits.facts());
        let first = all.next().unwrap_or_default();
        all.fold(first, |mut common, facts| {
            common.retain(|key, value| facts.get(key) == Some(value));
            common
        })
    }

    /// Reads a manifest: its name, its text, and the folder that its paths start from.
    ///
    /// `find` gives the one path of what a path leads to, and nothing where nothing is there: no two cells may share a capture.
    pub fn parse(
        file: &str,
        text: &str,
        folder: &Path,
        find: &dyn Fn(&Path) -> Option<PathBuf>,
    ) -> Result<Self, crate::data::DataError> {
        manifest::parse(&manifest::Manifest { file, text, folder, find })
    }

    /// A cell for each path, which goes by its last part where no other path ends alike.
    #[must_use]
    pub fn of_paths(paths: Vec<PathBuf>) -> Self {
        let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut times: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for path in &paths {
            *times.entry(last(path)).or_default() += 1;
        }
        let name = |path: &Path| {
            let last = last(path);
            let is_single = times.get(&last).is_none_or(|times| *times == 1);
            last.filter(|_| is_single).unwrap_or_else(|| path.display().to_string())
        };
        let cell = |path: PathBuf| Cell { name: name(&path), captures: vec![path], ..Cell::default() };
        Self { cells: paths.into_iter().map(cell).collect(), ..Self::default() }
    }

    /// All captures, in the order of the cells.
    #[must_use]
    pub fn captures(&self) -> Vec<PathBuf> {
        self.cells.iter().flat_map(|cell| cell.captures.iter().cloned()).collect()
    }

    /// All files of marks.
    #[must_use]
    pub fn marks(&self) -> Vec<PathBuf> {
        self.cells.iter().filter_map(|cell| cell.marks.clone()).collect()
    }

    /// The cell that an input belongs to, by its place in their order.
    #[must_use]
    pub fn cell_of(&self, input: &Path) -> Option<usize> {
        self.cells.iter().position(|cell| cell.has(input))
    }

    /// Where the manifest names an input, or the folder that it lies in: `study.toml:4`.
    #[must_use]
    pub fn place_of(&self, input: &Path) -> Option<String> {
        let line = self.lines.get(input).or_else(|| self.lines.get(input.parent()?))?;
        Some(format!("{}:{line}", self.manifest.as_ref()?))
    }

    /// Where the client of an input stood, by the tester's word.
    #[must_use]
    pub fn vantage_of(&self, input: &Path) -> Option<&Vantage> {
        self.cells.iter().find(|cell| cell.has(input))?.vantage.as_ref()
    }
}

impl Cell {
    /// Whether the input is one of its captures, or lies in a folder of its.
    fn has(&self, input: &Path) -> bool {
        self.captures.iter().any(|capture| capture == input || input.parent() == Some(capture))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_go_by_their_last_names_where_those_tell_them_apart() {
        let study = Study::of_paths(vec!["a/win".into(), "b/win".into(), "b/mac".into()]);
        let names: Vec<&str> = study.cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(names, ["a/win", "b/win", "mac"]);
        assert_eq!(study.captures().len(), 3);
    }

    #[test]
    fn claims_may_ask_for_every_fact_of_a_cell() {
        let text = Some("x".to_owned());
        let traits = Traits {
            platform: Some(Platform::Ios),
            build: text.clone(),
            account: text.clone(),
            sso: Some(true),
            vanity_host: text.clone(),
            e2ee: Some(true),
            guest: Some(true),
            file_sharing: Some(true),
            region: text.clone(),
            media_regions: vec!["EU".to_owned(), "US".to_owned()],
            service: text.clone(),
            scenario: text.clone(),
            notes: text,
        };
        let facts = traits.facts();
        assert!(facts.keys().map(String::as_str).eq(crate::claims::FACTS), "{facts:?}");
        assert_eq!(facts["media_regions"], "EU, US");
    }

    #[test]
    fn an_input_is_in_the_cell_that_names_it_or_its_folder() {
        let study = Study::of_paths(vec!["a/win/".into(), "a/mac.pcapng".into()]);
        let cell = |input: &str| study.cell_of(Path::new(input));
        assert_eq!([cell("a/win/1.pcapng"), cell("a/mac.pcapng")], [Some(0), Some(1)]);
        assert_eq!([cell("a/other.pcapng"), cell("a/win/deeper/1.pcapng")], [None, None]);
        assert!(study.vantage_of(Path::new("a/win/1.pcapng")).is_none());
    }
}
