//! What differs between the runs of one build and those of another.
//!
//! Input: runs. Output: a [`Comparison`]. Must not: compare what changes from run to run, or call a number changed whose noise is
//! not known.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Change, Comparison, Difference, Kind, Origin, Schema, Side, Tool};
use super::fold;
use super::noise::{RULE, Range};
use super::outside::Outside;
use super::run::{Key, MAX_NAMES, NOT_PLACEABLE, Place, Run, Seen, settle};
use super::words;
use crate::report::checks::MinGrade;
use crate::report::lang::Lang;

/// The form of what is written.
const SCHEMA: Schema = Schema { name: Schema::DIFF, version: "1.0" };

/// Compares the runs of two builds; a text where there is nothing to compare.
pub fn diff(base: Vec<Run>, new: Vec<Run>) -> Result<Comparison, String> {
    let mut warnings = Vec::new();
    let mut base = recognised("the base", base, &mut warnings)?;
    let mut new = recognised("the new side", new, &mut warnings)?;
    settle(&mut base.iter_mut().chain(&mut new).collect::<Vec<_>>());
    let sides = Sides { base: &base, new: &new };
    sides.warn(&mut warnings);
    let keys: BTreeSet<&Key> = base.iter().chain(&new).flat_map(|run| run.seen.keys()).collect();
    let mut differences: Vec<Difference> = keys.iter().filter_map(|key| sides.difference(key)).collect();
    let same = keys.len() as u64 - differences.len() as u64;
    differences.extend(sides.fingerprints());
    // By what is to be looked at first; contacts of one kind stay in the order of their names.
    differences.sort_by_key(|of| {
        (of.changes.iter().map(|change| change.kind).min(), !of.outside.reaches(MinGrade::Likely))
    });
    let volumes_compared = base.len() > 1;
    Ok(Comparison {
        schema: SCHEMA,
        tool: Tool::OWN,
        base: base.iter().map(Origin::of).collect(),
        new: new.iter().map(Origin::of).collect(),
        warnings,
        noise: if volumes_compared { RULE } else { words::ONE_RUN }.to_owned(),
        volumes_compared,
        differences,
        same,
    })
}

/// The runs in which there is a client.
pub(super) fn recognised(side: &str, runs: Vec<Run>, warnings: &mut Vec<String>) -> Result<Vec<Run>, String> {
    if !runs.iter().any(Run::is_recognised) {
        return Err(nothing(side, &runs));
    }
    let (with, without): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(Run::is_recognised);
    warnings.extend(without.iter().map(words::not_recognised));
    Ok(with)
}

/// That nothing can be compared.
fn nothing(side: &str, runs: &[Run]) -> String {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).take(MAX_NAMES).collect();
    format!(
        "{}: {side} has no traffic of the client, so there is nothing to compare; name captures in which the client ran, or look \
         with `borderpost inspect`",
        names.join(", ")
    )
}

/// That runs of one side are of several builds: how far they differ is no noise of one.
fn other_builds(side: &str, runs: &[Run]) -> Option<String> {
    let of = |run: &Run| -> BTreeSet<String> { run.own_builds().map(str::to_owned).collect() };
    let all: BTreeSet<BTreeSet<String>> = runs.iter().map(of).filter(|builds| !builds.is_empty()).collect();
    let each = || all.iter().flatten().cloned().collect();
    (all.len() > 1).then(|| words::mixed_trait("build", side, &each()))
}

/// What of one run's contact is compared as a set.
type Part = fn(&Seen) -> BTreeSet<String>;

/// What of one run's contact is compared as a number.
type Number = fn(&Seen) -> u64;

struct Sides<'a> {
    base: &'a [Run],
    new: &'a [Run],
}

impl Sides<'_> {
    /// What speaks against comparing the two.
    fn warn(&self, warnings: &mut Vec<String>) {
        let values = |runs: &[Run], key: &str| -> BTreeSet<String> {
            runs.iter().filter_map(|run| run.traits.get(key).cloned()).collect()
        };
        let keys: BTreeSet<&str> = self.all().flat_map(|run| run.traits.keys().copied()).collect();
        for key in keys {
            let (base, new) = (values(self.base, key), values(self.new, key));
            let mixed =
                [("the base", &base), ("the new side", &new)].into_iter().filter(|(_, all)| all.len() > 1);
            warnings.extend(mixed.map(|(side, all)| words::mixed_trait(key, side, all)));
            if base != new {
                warnings.push(words::other_trait(key, &base, &new));
            }
        }
        let mixed = [("the base", self.base), ("the new side", self.new)].into_iter();
        warnings.extend(mixed.filter_map(|(side, runs)| other_builds(side, runs)));
        warnings.extend(self.base.iter().flat_map(|run| &run.limits).map(|limit| words::incomplete(limit)));
        warnings.extend(self.other_law());
        warnings.extend(self.other_register());
        let schemas: BTreeSet<&str> = self.all().map(|run| run.schema.as_str()).collect();
        if schemas.len() > 1 {
            warnings.push(words::other_schema(&schemas));
        }
        warnings.extend(words::left_out(&mut self.all()));
    }

    /// That the law reads a country otherwise on the days of the two sides.
    fn other_law(&self) -> Option<String> {
        let zones = |runs: &[Run]| -> BTreeMap<String, BTreeSet<String>> {
            let mut zones: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            let places = runs.iter().flat_map(|run| run.seen.values()).flat_map(|seen| &seen.places);
            for place in places.filter(|place| !place.countries.is_empty()) {
                zones.entry(place.countries.clone()).or_default().insert(place.zone.clone());
            }
            zones
        };
        let (base, new) = (zones(self.base), zones(self.new));
        let mut both =
            base.iter().filter_map(|(countries, zones)| Some((countries, zones, new.get(countries)?)));
        let (countries, before, after) = both.find(|(_, before, after)| before.is_disjoint(after))?;
        Some(words::other_law(countries, before, after))
    }

    /// That the two sides were compared with other registers.
    fn other_register(&self) -> Option<String> {
        let registers = |runs: &[Run]| -> BTreeSet<String> {
            runs.iter().flat_map(|run| run.seen.values()).flat_map(|seen| seen.registers.clone()).collect()
        };
        let (base, new) = (registers(self.base), registers(self.new));
        (base != new).then(|| words::other_register(&base, &new))
    }

    fn all(&self) -> impl Iterator<Item = &Run> {
        self.base.iter().chain(self.new)
    }

    fn difference(&self, key: &Key) -> Option<Difference> {
        let of = |runs: &'_ [Run]| -> Vec<Option<Seen>> {
            runs.iter().map(|run| run.seen.get(key).cloned()).collect()
        };
        let (base, new) = (of(self.base), of(self.new));
        let changes = match (has(&base), has(&new)) {
            (false, _) => vec![change(Kind::Added, Vec::new(), described(&new), None)],
            // What one run of the base has not either is no news.
            (true, false) if base.iter().any(Option::is_none) => Vec::new(),
            (true, false) => {
                vec![change(Kind::Removed, described(&base), Vec::new(), words::doubt(self.new))]
            }
            (true, true) => changes(&base, &new),
        };
        if changes.is_empty() {
            return None;
        }
        let shown = new.iter().flatten().next().or(base.iter().flatten().next())?;
        let (outside, unlisted) = outside(&new);
        Some(Difference {
            subject: words::subject(key),
            host: Some(key.host.clone()),
            service: Some(key.service.clone()),
            protocol: Some(key.protocol.clone()),
            zone: None,
            changes,
            base: side(&base),
            new: side(&new),
            file: Some(shown.at.0.clone()),
            at: Some(shown.at.1),
            tied: new.iter().chain(&base).flatten().any(|seen| seen.is_client),
            outside,
            unlisted,
        })
    }

    /// The client's TLS stack as a whole: which fingerprint stands at which host depends on the host's answers, too.
    fn fingerprints(&self) -> Option<Difference> {
        let of = |runs: &[Run]| -> Vec<BTreeSet<String>> {
            let all = runs.iter().filter(|run| !run.fingerprints.is_empty());
            all.map(|run| run.fingerprints.keys().cloned().collect()).collect()
        };
        let (base, new) = (of(self.base), of(self.new));
        if base.is_empty() || new.is_empty() {
            return None;
        }
        let (mut gone, come) = shifted(&base, &new)?;
        // One that was only ever shown to a host that is contacted no more is gone with it.
        let still = |host: &String| {
            self.new.iter().any(|run| run.fingerprints.values().any(|hosts| hosts.contains(host)))
        };
        gone.retain(|print| {
            self.base.iter().filter_map(|run| run.fingerprints.get(print)).flatten().any(still)
        });
        if gone.is_empty() && come.is_empty() {
            return None;
        }
        let with_hosts = |prints: Vec<String>, runs: &[Run]| -> Vec<String> {
            let hosts = |print: &String| -> BTreeSet<&str> {
                runs.iter()
                    .filter_map(|run| run.fingerprints.get(print))
                    .flatten()
                    .map(String::as_str)
                    .collect()
            };
            let shown = |print: String| {
                let hosts: Vec<&str> = hosts(&print).into_iter().take(MAX_NAMES).collect();
                format!("{print} (to {})", hosts.join(", "))
            };
            prints.into_iter().map(shown).collect()
        };
        let (from, to) = (with_hosts(gone, self.base), with_hosts(come, self.new));
        Some(Difference {
            subject: words::TLS_STACK.to_owned(),
            host: None,
            service: None,
            protocol: None,
            zone: None,
            changes: vec![change(Kind::Fingerprint, from, to, None)],
            base: None,
            new: None,
            file: None,
            at: None,
            tied: true,
            outside: Outside::No,
            unlisted: Outside::No,
        })
    }
}

pub(super) fn change(kind: Kind, from: Vec<String>, to: Vec<String>, doubt: Option<String>) -> Change {
    Change { kind, says: words::says(kind, &from, &to, Lang::ENGLISH), from, to, doubt }
}

fn has(runs: &[Option<Seen>]) -> bool {
    runs.iter().any(Option::is_some)
}

/// In what a contact differs that both sides have.
fn changes(base: &[Option<Seen>], new: &[Option<Seen>]) -> Vec<Change> {
    let mut changes: Vec<Change> = places(base, new).into_iter().collect();
    let parts: [(Kind, Part); 2] = [
        (Kind::Recipient, |seen| seen.recipients.clone()),
        (Kind::Listing, |seen| seen.listings.iter().map(|listing| listing.replace('_', " ")).collect()),
    ];
    // Another register lists otherwise, whatever the build.
    let registers =
        |runs: &[Option<Seen>]| -> BTreeSet<String> { union(&sets(runs, |seen| seen.registers.clone())) };
    let is_same = registers(base) == registers(new);
    for (kind, part) in parts.into_iter().filter(|(kind, _)| *kind != Kind::Listing || is_same) {
        let found = known_shift(&sets(base, part), &sets(new, part));
        changes.extend(found.map(|(from, to)| change(kind, from, to, None)));
    }
    changes.extend(phase(base, new));
    changes.extend(volumes(base, new));
    changes.sort_by_key(|change| change.kind);
    changes
}

/// Whether it stands in another zone, else in another place. A country that both sides have has not changed, even where the law of
/// the day reads it otherwise.
fn places(base: &[Option<Seen>], new: &[Option<Seen>]) -> Option<Change> {
    let countries = |runs: &[Option<Seen>]| -> BTreeSet<String> {
        let places = runs.iter().flatten().flat_map(|seen| &seen.places);
        places.map(|place| place.countries.clone()).filter(|countries| !countries.is_empty()).collect()
    };
    let stable: BTreeSet<String> = countries(base).intersection(&countries(new)).cloned().collect();
    let of = |runs: &[Option<Seen>], words: &dyn Fn(&Place) -> Option<String>| -> Vec<BTreeSet<String>> {
        let open = |seen: &Seen| -> BTreeSet<String> {
            seen.places.iter().filter(|place| !stable.contains(&place.countries)).filter_map(words).collect()
        };
        runs.iter().flatten().map(open).collect()
    };
    let zone = |place: &Place| Some(place.zone.clone()).filter(|zone| zone != NOT_PLACEABLE);
    let is_known = |sets: &[BTreeSet<String>]| sets.iter().any(|set| !set.is_empty()) || !stable.is_empty();
    let zones = (of(base, &zone), of(new, &zone));
    let moved = shifted(&zones.0, &zones.1).filter(|_| is_known(&zones.0) && is_known(&zones.1));
    if let Some((from, to)) = moved {
        return Some(change(Kind::Moved, from, to, None));
    }
    let place = |place: &Place| Some(words::place(place));
    shifted(&of(base, &place), &of(new, &place)).map(|(from, to)| change(Kind::Place, from, to, None))
}

/// A part of each run that has the contact.
fn sets(runs: &[Option<Seen>], part: Part) -> Vec<BTreeSet<String>> {
    runs.iter().flatten().map(part).filter(|set| !set.is_empty()).collect()
}

fn union(sets: &[BTreeSet<String>]) -> BTreeSet<String> {
    sets.iter().flatten().cloned().collect()
}

/// What changed where both sides know something.
fn known_shift(base: &[BTreeSet<String>], new: &[BTreeSet<String>]) -> Option<(Vec<String>, Vec<String>)> {
    shifted(base, new).filter(|_| !base.is_empty() && !new.is_empty())
}

/// What every run of the base has and none of the new side, and what runs of the new side have and none of the base.
fn shifted(base: &[BTreeSet<String>], new: &[BTreeSet<String>]) -> Option<(Vec<String>, Vec<String>)> {
    let (known, seen) = (union(base), union(new));
    let is_steady = |value: &&String| base.iter().all(|set| set.contains(*value));
    let gone: Vec<String> =
        known.iter().filter(is_steady).filter(|value| !seen.contains(*value)).cloned().collect();
    let come: Vec<String> = seen.iter().filter(|value| !known.contains(*value)).cloned().collect();
    (!gone.is_empty() || !come.is_empty()).then_some((gone, come))
}

/// The phase of first contact. It is compared where every run knows it.
fn phase(base: &[Option<Seen>], new: &[Option<Seen>]) -> Option<Change> {
    let phases = |runs: &[Option<Seen>]| -> Option<BTreeSet<String>> {
        let phase = |seen: &Seen| seen.phase.as_ref().map(|(_, phase)| phase.replace('_', " "));
        runs.iter().flatten().map(phase).collect()
    };
    let (known, seen) = (phases(base)?, phases(new)?);
    let come: Vec<String> = seen.difference(&known).cloned().collect();
    (!come.is_empty()).then(|| change(Kind::Phase, known.into_iter().collect(), come, None))
}

/// Flows and bytes beyond the noise of the base, which one run cannot tell.
fn volumes(base: &[Option<Seen>], new: &[Option<Seen>]) -> Vec<Change> {
    if base.len() < 2 {
        return Vec::new();
    }
    let beyond = |number: Number, words: fn(&Range, Lang) -> String| {
        let (base, new) = (range(base, number)?, range(new, number)?);
        let said = |range| vec![words(range, Lang::ENGLISH)];
        base.is_beyond(&new).then(|| change(Kind::Volume, said(&base), said(&new), None))
    };
    let flows = beyond(|seen| seen.flows, words::flows);
    flows.into_iter().chain(beyond(|seen| seen.bytes_out, words::sent)).collect()
}

/// A run without the contact has none of it.
fn range(runs: &[Option<Seen>], number: Number) -> Option<Range> {
    Range::of(runs.iter().map(|seen| seen.as_ref().map_or(0, number)))
}

/// A contact in few words.
fn described(runs: &[Option<Seen>]) -> Vec<String> {
    side(runs).map(|side| words::described(&side, Lang::ENGLISH)).into_iter().collect()
}

/// What the runs of one side have of a contact; nothing where none has it.
pub(super) fn side(runs: &[Option<Seen>]) -> Option<Side> {
    let seen = || runs.iter().flatten();
    seen().next()?;
    let all = |part: Part| -> BTreeSet<String> { seen().flat_map(part).collect() };
    let rules: BTreeSet<&'static str> = seen().flat_map(|seen| seen.rules.iter().copied()).collect();
    let folded: BTreeMap<&'static str, &'static str> =
        rules.into_iter().filter_map(|id| Some((id, fold::why(id)?))).collect();
    Some(Side {
        recipients: all(|seen| seen.recipients.clone()),
        places: all(|seen| seen.places.iter().map(words::place).collect()),
        listings: all(|seen| seen.listings.clone()),
        phases: all(|seen| seen.phase.iter().map(|(_, phase)| phase.clone()).collect()),
        runs: seen().count() as u64,
        flows: range(runs, |seen| seen.flows)?,
        bytes_out: range(runs, |seen| seen.bytes_out)?,
        names: all(|seen| seen.names.clone()).into_iter().take(MAX_NAMES).collect(),
        folded,
    })
}

/// Whether the new side is outside the EEA, and whether that is in no register.
pub(super) fn outside(new: &[Option<Seen>]) -> (Outside, Outside) {
    let most = |part: fn(&Seen) -> Outside| new.iter().flatten().map(part).max().unwrap_or_default();
    (most(|seen| seen.outside), most(|seen| seen.unlisted))
}
