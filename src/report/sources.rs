//! What a report rests on beside the captures: data with its dates and credits, and the registers compared with.
//!
//! Input: settings, and the destinations as they stand in the report. Output: the schema's rows. Must not: judge.

use std::collections::BTreeSet;

use crate::claims;
use crate::client::{Catalogue, Whose};
use crate::frame::Date;
use crate::inspect::Settings;
use crate::report::schema::{DataSource, Destination, Register};
use crate::report::view::View;
use crate::verdict;

/// The embedded database's parts, the user's databases and lists, and the project's own tables.
pub(super) fn data_sources(settings: &Settings) -> Vec<DataSource> {
    let asked = settings.databases.sources().iter();
    let asked = asked.map(|source: &crate::place::Source| DataSource {
        name: source.name.clone(),
        kind: if source.licence.is_some() { "embedded_database" } else { "user_database" }.to_owned(),
        dated: Some(source.built.to_string()),
        sha256: Some(source.sha256.clone()),
        licence: source.licence.clone(),
        credit: source.credit.clone(),
    });
    let catalogue = ("Zoom's names, ranges, site codes and recipients", Catalogue::compiled());
    let has_builtin =
        claims::builtin().packs().iter().any(|pack| settings.claims.names.iter().any(|name| name == pack));
    let stated =
        has_builtin.then(|| ("what public documents state, in words of our own", claims::builtin().compiled));
    let tables = [catalogue].into_iter().chain(crate::place::tables()).chain(stated);
    let own = tables.map(|(name, compiled)| own_table(name, compiled));
    let handed_in = settings.declared.sources().into_iter().map(|source| DataSource {
        name: source.name.clone(),
        kind: source.kind.name().to_owned(),
        dated: source.dated.map(|day| day.to_string()),
        sha256: Some(source.sha256.clone()),
        licence: None,
        credit: None,
    });
    asked.chain(handed_in).chain(own).collect()
}

/// A table that the project compiled.
pub(super) fn own_table(name: &str, compiled: Date) -> DataSource {
    DataSource {
        name: name.to_owned(),
        kind: "own_table".to_owned(),
        dated: Some(compiled.to_string()),
        sha256: None,
        licence: Some(env!("CARGO_PKG_LICENSE").to_owned()),
        credit: None,
    }
}

/// The registers that a destination was compared with.
pub(super) fn registers(view: &View<'_>, destinations: &[Destination]) -> Vec<Register> {
    let inspection = view.inspection;
    let clients = view.found().filter(|row| row.attribution.whose == Whose::Client);
    let days: BTreeSet<Date> = clients.filter_map(|row| row.placement()?.law).collect();
    let used: BTreeSet<&str> = destinations.iter().filter_map(|d| d.register.as_deref()).collect();
    let registers = inspection.settings().registers.iter().filter(|register| used.contains(register.name()));
    let row = |register: &verdict::Register| Register {
        name: register.name().to_owned(),
        title: register.title().to_owned(),
        valid_from: register.valid().from.map(|day| day.to_string()),
        valid_until: register.valid().until.map(|day| day.to_string()),
        limits: register.limits().to_owned(),
        entries_not_seen: not_seen(&days, register, destinations),
    };
    registers.map(row).collect()
}

/// The entries in force on one of the days of the client's flows that no destination was listed by.
fn not_seen(
    days: &BTreeSet<Date>,
    register: &verdict::Register,
    destinations: &[Destination],
) -> Vec<String> {
    let is_seen = |id: &str| {
        destinations.iter().any(|d| {
            d.register.as_deref() == Some(register.name()) && d.register_entry.as_deref() == Some(id)
        })
    };
    let in_force: BTreeSet<&str> =
        days.iter().flat_map(|day| register.entries_in_force(*day)).map(|entry| entry.id.as_str()).collect();
    let of_file = register.entries().iter().map(|entry| entry.id.as_str());
    of_file.filter(|id| in_force.contains(id) && !is_seen(id)).map(str::to_owned).collect()
}
