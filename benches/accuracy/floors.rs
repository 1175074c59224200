//! What must not get worse, and why; see `benches/README.md`.
//!
//! Input: the results. Output: floors, each with what was found. A floor that is broken is a fault of the rules or of the
//! data, never of the floor: none is lowered, and no row is dropped, to make it hold.

use borderpost::place::WitnessKind;

use crate::results::Results;
use crate::tally::{Share, Tally};

/// Something that must hold.
pub(crate) struct Floor {
    /// What must hold.
    pub(crate) what: &'static str,
    /// Why.
    pub(crate) because: &'static str,
    /// The figures that decide.
    pub(crate) found: String,
    /// Whether it holds.
    pub(crate) holds: bool,
}

/// Zoom's sites without the table that states their places.
pub(crate) fn of_sites(results: &Results) -> Vec<Floor> {
    let tally = results.without(WitnessKind::PublishedAddress);
    vec![
        Floor {
            what: "A without the site table: nothing in the EEA is said to be outside",
            because: "most servers are in no table, and one false alarm discredits a report",
            found: format!("{} likely or surer, {} possibly", tally.false_outside, tally.possibly_outside),
            holds: tally.false_outside + tally.possibly_outside == 0,
        },
        Floor {
            what: "A without the site table: nothing outside is said to be in the EEA",
            because: "a transfer that is called none is the error that nobody finds",
            found: tally.false_eea.to_string(),
            holds: tally.false_eea == 0,
        },
    ]
}

/// Names that spell their address, and names that must say nothing: in `decided` those that do not.
pub(crate) fn of_names(results: &Results, decided: &[String]) -> Vec<Floor> {
    let tally = &results.borderpost;
    vec![
        Floor {
            what: "B: at least 95 % are decided",
            because: "a name with the address's own digits is the best witness there is",
            found: format!("{} %", tally.decided_share()),
            holds: tally.decided_share().is_at_least(Share::percent(95)),
        },
        Floor {
            what: "B: all that is decided is right",
            because: "such a name outweighs every database, so an error in it is final",
            found: format!("{} wrong", tally.wrong),
            holds: tally.wrong == 0 && tally.right > 0,
        },
        Floor {
            what: "B: names that must say nothing decide nothing",
            because: "a name of another server, or of an account's cluster, is no place",
            found: if decided.is_empty() {
                "none decides".to_owned()
            } else {
                decided.join("\n               ")
            },
            holds: decided.is_empty(),
        },
    ]
}

/// Clouds, against whichever single database is best at it.
pub(crate) fn of_clouds(results: &Results) -> Vec<Floor> {
    let own = &results.borderpost;
    let databases = || results.databases.iter().map(|(_, tally)| tally);
    let best = |share: Share| databases().all(|tally| share.is_at_least(tally.right_share()));
    let fewest = databases().map(Tally::misses).min().unwrap_or_default();
    let shares: Vec<String> = databases().map(|tally| tally.right_share().to_string()).collect();
    vec![
        Floor {
            what: "C: right among decided, at least as often as any single database",
            because: "weighing witnesses must not be worse than asking one of them",
            found: format!("{} % against {} %", own.right_share(), shares.join(", ")),
            holds: best(own.right_share()),
        },
        Floor {
            what: "C: on the wrong side of the border, no more often than any single database",
            because: "that is the error which reports are read for",
            found: format!("{} against {fewest}", own.misses()),
            holds: own.misses() <= fewest,
        },
    ]
}

#[cfg(test)]
#[allow(
    dead_code,
    reason = "run in tests/accuracy.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    fn results(borderpost: Tally, database: Tally) -> Results {
        Results {
            title: "",
            databases: vec![("one", database)],
            others: vec![],
            majority: Tally::default(),
            borderpost,
            without: vec![],
            faults: vec![],
        }
    }

    fn hold(floors: &[Floor]) -> Vec<bool> {
        floors.iter().map(|floor| floor.holds).collect()
    }

    const GOOD: Tally =
        Tally { right: 19, wrong: 0, undetermined: 1, false_outside: 0, possibly_outside: 0, false_eea: 0 };

    #[test]
    fn each_miss_breaks_its_floor_of_the_sites_even_where_it_is_only_possible() {
        let broken = |tally| hold(&of_sites(&results(tally, GOOD)));
        assert_eq!(broken(GOOD), [true, true]);
        assert_eq!(broken(Tally { false_outside: 1, ..GOOD }), [false, true]);
        assert_eq!(broken(Tally { possibly_outside: 1, ..GOOD }), [false, true]);
        assert_eq!(broken(Tally { false_eea: 1, ..GOOD }), [true, false]);
    }

    #[test]
    fn the_floor_of_the_sites_is_that_without_the_site_table() {
        let mut results = results(GOOD, GOOD);
        results.without = vec![(WitnessKind::PublishedAddress, Tally { false_eea: 1, ..GOOD })];
        assert_eq!(hold(&of_sites(&results)), [true, false]);
    }

    #[test]
    fn names_are_decided_and_right_and_the_silent_ones_silent() {
        let broken = |tally, decided: &[String]| hold(&of_names(&results(tally, GOOD), decided));
        assert_eq!(broken(GOOD, &[]), [true, true, true]);
        assert_eq!(broken(Tally { right: 18, undetermined: 2, ..GOOD }, &[]), [false, true, true]);
        assert_eq!(broken(Tally { right: 18, wrong: 1, ..GOOD }, &[]), [true, false, true]);
        assert_eq!(broken(GOOD, &["turnsg01.cloud.zoom.us".to_owned()]), [true, true, false]);
    }

    #[test]
    fn clouds_are_held_against_the_best_database_in_each_figure() {
        let broken = |tally, database| hold(&of_clouds(&results(tally, database)));
        assert_eq!(broken(GOOD, GOOD), [true, true]);
        assert_eq!(broken(Tally { right: 18, wrong: 1, ..GOOD }, GOOD), [false, true]);
        assert_eq!(broken(Tally { possibly_outside: 1, ..GOOD }, GOOD), [true, false]);
        assert_eq!(broken(Tally::default(), GOOD), [false, true]);
    }
}
