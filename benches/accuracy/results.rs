//! A truth set held against all judges.
//!
//! Input: cases and judges. Output: a tally for each judge, and the cases that borderpost gets wrong. Must not: print.

use borderpost::place::{Databases, WitnessKind};

use crate::judge::{Borderpost, Database, Single, placed};
use crate::tally::{Tally, Verdict};
use crate::truth::{Case, Truth};

/// How all judges did on a truth set.
pub(crate) struct Results {
    /// Its title.
    pub(crate) title: &'static str,
    /// The single databases.
    pub(crate) databases: Vec<(&'static str, Tally)>,
    /// Those that the user named, which no floor looks at.
    pub(crate) others: Vec<(String, Tally)>,
    /// What most single databases say.
    pub(crate) majority: Tally,
    /// All witnesses, weighed.
    pub(crate) borderpost: Tally,
    /// The same without one kind of witness, for each kind that speaks about the set.
    pub(crate) without: Vec<(WitnessKind, Tally)>,
    /// What borderpost gets wrong, in one line each.
    pub(crate) faults: Vec<String>,
}

impl Results {
    /// Holds a truth set against all judges.
    pub(crate) fn of(truth: &Truth, single: &Single, others: &[(String, Databases)]) -> Self {
        let cases = truth.cases.as_slice();
        let all = Borderpost::without([]);
        let flat = |says: &dyn Fn(&Case) -> _| tally(cases, |case| Verdict::flat(says(case), case.day));
        let by = |database| flat(&|case| single.says(database, case.address));
        let without = |kind| {
            let fewer = Borderpost::without([kind]);
            (kind, tally(cases, |case| fewer.says(case)))
        };
        Self {
            title: truth.title,
            databases: Database::ALL.map(|database| (database.name(), by(database))).to_vec(),
            others: others
                .iter()
                .map(|(name, file)| (name.clone(), flat(&|case| placed(file, case.address))))
                .collect(),
            majority: flat(&|case| single.majority(case.address)),
            borderpost: tally(cases, |case| all.says(case)),
            without: all.heard(cases).into_iter().map(without).collect(),
            faults: cases.iter().filter_map(|case| fault(case, &all)).collect(),
        }
    }

    /// How many cases the set has.
    pub(crate) fn cases(&self) -> u32 {
        self.majority.decided() + self.majority.undetermined
    }

    /// borderpost without a kind of witness; a kind that says nothing about the set is not missed.
    pub(crate) fn without(&self, kind: WitnessKind) -> &Tally {
        let known = self.without.iter().find(|(known, _)| *known == kind);
        known.map_or(&self.borderpost, |(_, tally)| tally)
    }
}

fn tally(cases: &[Case], says: impl Fn(&Case) -> Verdict) -> Tally {
    let mut tally = Tally::default();
    for case in cases {
        tally.count(case, says(case));
    }
    tally
}

/// `109.94.160.99 is in DE, said NL (likely)`, where the place is wrong or on the wrong side of the border.
fn fault(case: &Case, judge: &Borderpost) -> Option<String> {
    let placement = judge.place(case);
    let verdict = Verdict::from(&placement);
    let mut one = Tally::default();
    one.count(case, verdict);
    let said = placement.resolution.allowed;
    let grade = placement.resolution.grade.name();
    (one.wrong + one.misses() > 0)
        .then(|| format!("{} is in {}, said {said} ({grade})", case.address, case.truth))
}
