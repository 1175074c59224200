//! What places are argued from: the files and days that the user names, as settings.

use std::path::{Path, PathBuf};

use crate::cli::args::Evidence;
use crate::cli::file::today;
use crate::cli::register;
use crate::cli::world::World;
use crate::client::Catalogue;
use crate::frame::Date;
use crate::inspect::Settings;
use crate::place::{Databases, Declared};

/// Reads the files that the user names.
pub(super) fn of(evidence: &Evidence, world: &World) -> Result<Settings, String> {
    Ok(Settings {
        vantage: evidence.vantage.clone(),
        databases: databases(&evidence.geoip, world)?,
        declared: declared(evidence, world)?,
        without: evidence.without.iter().flat_map(|kinds| kinds.0.iter().copied()).collect(),
        law_date: law_date(evidence.law_date)?,
        registers: register::chosen(evidence.register.as_deref(), world)?,
        ..Settings::default()
    })
}

/// The day by whose law places are read.
fn law_date(day: Option<Date>) -> Result<Option<Date>, String> {
    day.map(|day| known_day("--law-date", day)).transpose()
}

/// A day whose law can be read: neither one to come, nor one before there was a client whose flows it could read.
pub(super) fn known_day(option: &str, day: Date) -> Result<Date, String> {
    let (first, today) = (Catalogue::since(), today());
    if day > today {
        return Err(format!("{option} {day} is in the future; today is {today}, and no later law is known"));
    }
    if day < first {
        return Err(format!("{option} {day} is before there was a client; the first day is {first}"));
    }
    Ok(day)
}

/// The embedded database, and the user's beside it.
fn databases(paths: &[PathBuf], world: &World) -> Result<Databases, String> {
    paths
        .iter()
        .try_fold(Databases::embedded(), |databases, path| with_database(databases, path, "--geoip", world))
}

fn with_database(
    databases: Databases,
    path: &Path,
    option: &str,
    world: &World,
) -> Result<Databases, String> {
    let bytes = world.database(path, &format!("{option} takes a .mmdb file"))?;
    databases.with_file(&path.display().to_string(), bytes).map_err(|error| error.to_string())
}

fn declared(evidence: &Evidence, world: &World) -> Result<Declared, String> {
    let mut declared = Declared::default();
    for path in &evidence.ranges {
        let (name, text) = world.text(path, "--ranges takes a list of cloud ranges")?;
        declared = declared.with_ranges(&name, &text, today()).map_err(|error| error.to_string())?;
    }
    for path in &evidence.geofeed {
        let (path, day) = dated(path);
        let (name, text) = world.text(&path, "--geofeed takes a geofeed (RFC 8805)")?;
        declared = declared.with_geofeed(&name, &text, day, today()).map_err(|error| error.to_string())?;
    }
    for path in &evidence.anycast {
        let (path, day) = dated(path);
        let (name, text) = world.text(&path, "--anycast takes a list of ranges, one a line")?;
        declared = declared.with_anycast(&name, &text, day, today()).map_err(|error| error.to_string())?;
    }
    if let Some(path) = &evidence.overrides {
        declared = with_overrides(declared, path, "--override", world)?;
    }
    Ok(declared)
}

fn with_overrides(declared: Declared, path: &Path, option: &str, world: &World) -> Result<Declared, String> {
    let (name, text) = world.text(path, &format!("{option} takes a file of overrides in TOML"))?;
    declared.with_overrides(&name, &text, today()).map_err(|error| error.to_string())
}

/// `feed.csv@2026-11-01` is `feed.csv` of that day: such lists do not state it themselves.
fn dated(path: &Path) -> (PathBuf, Option<Date>) {
    let text = path.to_str().unwrap_or_default();
    match text.rsplit_once('@').map(|(path, day)| (path, day.parse())) {
        Some((path, Ok(day))) => (path.into(), Some(day)),
        _ => (path.to_owned(), None),
    }
}

const AGAINST_TAKES: &str =
    "--against takes a database (.mmdb), a file of overrides, or a register: its file or its name";

/// The settings by which captures are read a second time, and what kind of file makes the difference.
pub(super) fn against(
    evidence: &Evidence,
    path: &Path,
    world: &World,
) -> Result<(Settings, &'static str), String> {
    let settings = of(evidence, world)?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mmdb")) {
        let databases = with_database(settings.databases.without_places(), path, "--against", world)?;
        return Ok((Settings { databases, ..settings }, "database"));
    }
    let is_register_name = path.to_str().is_some_and(register::is_builtin);
    if !is_register_name && has_overrides(path, world)? {
        let declared = with_overrides(Declared::default(), path, "--against", world)?;
        let declared = declared.or_lists_of(settings.declared);
        return Ok((Settings { declared, ..settings }, "overrides"));
    }
    let registers = register::chosen(path.to_str(), world)
        .map_err(|error| format!("{}\n  {AGAINST_TAKES}", error.trim_end()))?;
    Ok((Settings { registers, ..settings }, "register"))
}

fn has_overrides(path: &Path, world: &World) -> Result<bool, String> {
    let (_, text) = world.text(path, AGAINST_TAKES)?;
    Ok(text.lines().any(|line| line.trim_start().starts_with("[[override]]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_law_is_read_of_days_to_come_or_before_there_was_a_client() {
        let read = |day: Date| law_date(Some(day));
        let tomorrow = today().day_after();
        assert!(read(tomorrow).unwrap_err().contains("in the future"));
        let before = Catalogue::since().day_before();
        assert!(read(before).unwrap_err().contains("2011-01-01"));
        for day in [today(), Catalogue::since()] {
            assert_eq!(read(day), Ok(Some(day)));
        }
        assert_eq!(law_date(None), Ok(None));
    }

    #[test]
    fn a_list_may_have_its_day_behind_it() {
        let split = |text: &str| {
            let (path, day) = dated(Path::new(text));
            (path.display().to_string(), day.map(|day| day.to_string()))
        };
        assert_eq!(split("a/feed.csv@2026-11-01"), ("a/feed.csv".into(), Some("2026-11-01".into())));
        assert_eq!(split("me@home/feed.csv"), ("me@home/feed.csv".into(), None));
        assert_eq!(split("feed.csv@2026-13-01"), ("feed.csv@2026-13-01".into(), None));
    }
}
