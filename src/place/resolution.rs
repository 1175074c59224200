//! What all the evidence about an address leaves: the countries still allowed, and how sure that is.
//!
//! Input: witnesses, in any order. Output: the allowed countries with a grade, the reason where none is chosen, and which
//! witnesses decided. Exclusions come first, then the strongest group; a group counts once, however many of its members
//! speak; the registry never counts.
//! Must not: depend on the order of the witnesses, guess, or choose between equally strong groups that disagree.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use super::{AddressKind, Claim, Country, CountrySet, Group, Strength, Witness, WitnessKind, zone};
use crate::frame::Date;

/// Where a remote end may stand, by all the evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolution {
    /// The countries that the evidence leaves: both sides of a conflict; where nothing speaks, all that is not excluded;
    /// none where the strongest evidence is refuted, and for addresses that are not public.
    pub allowed: CountrySet,
    /// How sure that is.
    pub grade: Grade,
    /// Why, where no place is chosen or the user chose it: one clause for people.
    pub reason: Option<String>,
    /// Countries that other evidence claims and the allowed ones leave out.
    pub disputed: Vec<Country>,
    /// The witnesses that decided, as indices into those given, in ascending order.
    pub decisive: Vec<usize>,
}

impl Resolution {
    /// The resolution of an address that is not public, which stands in no country.
    #[must_use]
    pub fn local(kind: AddressKind) -> Self {
        let reason = format!("a {} address", kind.name().replace('_', " "));
        Self {
            allowed: CountrySet::EMPTY,
            grade: Grade::Local,
            reason: Some(reason),
            disputed: vec![],
            decisive: vec![],
        }
    }
}

/// How sure a place is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grade {
    /// Two groups agree, or a strong one and a round trip that excludes the operator's other known sites.
    Confirmed,
    /// One strong group, or the user.
    Likely,
    /// One medium group.
    Possible,
    /// Equally strong groups disagree, or the strongest is refuted.
    Conflict,
    /// Many places at once, or an unknown origin behind a delivery network.
    Anycast,
    /// Nothing speaks about the place.
    Undetermined,
    /// Not a public address.
    Local,
}

impl Grade {
    /// The grade in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Conflict => "conflict",
            Self::Anycast => "anycast",
            Self::Undetermined => "undetermined",
            Self::Local => "local",
        }
    }

    /// Whether something claims a place; what only exclusions leave is none.
    #[must_use]
    pub fn is_claimed(self) -> bool {
        !matches!(self, Self::Anycast | Self::Undetermined | Self::Local)
    }
}

/// Where the operator is known to run sites: what a round trip has to exclude before it confirms a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sites {
    /// The countries of the known sites.
    pub countries: CountrySet,
    /// The day by whose law it is told who was in the EEA.
    pub day: Date,
}

impl Sites {
    /// The sites outside the zone of `place`: outside the EEA if all of it is inside, else in any other country.
    fn outside(&self, place: &CountrySet) -> CountrySet {
        let is_inside = |country: Country| zone(country, self.day, None).zone.is_inside_eea();
        let is_eea = place.iter().all(is_inside);
        self.countries.difference(place).iter().filter(|site| !(is_eea && is_inside(*site))).collect()
    }
}

/// Weighs the witnesses. `sites` are the operator's, where they are known.
#[must_use]
pub fn resolve<W: Borrow<Witness>>(witnesses: &[W], sites: Option<&Sites>) -> Resolution {
    let witnesses: Vec<&Witness> = witnesses.iter().map(Borrow::borrow).collect();
    let case = Case::new(&witnesses, sites);
    case.by_user()
        .or_else(|| case.by_unknown_origin())
        .or_else(|| case.by_groups())
        .unwrap_or_else(|| case.silence())
}

/// A witness that names countries, as far as it counts.
#[derive(Clone, Copy)]
struct Voice {
    index: usize,
    group: Group,
    countries: CountrySet,
    strength: Strength,
    is_stale: bool,
}

/// The witnesses, sorted by what they do.
struct Case<'a> {
    witnesses: &'a [&'a Witness],
    sites: Option<&'a Sites>,
    /// The hard exclusions, and what they rule out together.
    exclusions: Vec<(usize, CountrySet)>,
    excluded: CountrySet,
    /// The countries in which no known site of the operator can be meant.
    siteless: Vec<(usize, CountrySet)>,
    /// Those that count, by their raw claims: before exclusions, so that more exclusions can only take away.
    voices: Vec<Voice>,
    /// The databases' voices where they disagree and so say nothing.
    muted: Vec<Voice>,
}

impl<'a> Case<'a> {
    fn new(witnesses: &'a [&'a Witness], sites: Option<&'a Sites>) -> Self {
        let sets = |of: fn(&Witness) -> Option<CountrySet>| -> Vec<(usize, CountrySet)> {
            let all = witnesses.iter().enumerate();
            all.filter_map(|(index, witness)| Some((index, of(witness)?))).collect()
        };
        let exclusions = sets(exclusion);
        let excluded = exclusions.iter().fold(CountrySet::EMPTY, |all, (_, one)| all.union(one));
        let heard = witnesses.iter().enumerate().filter_map(|(index, witness)| voice(index, witness));
        let (databases, mut voices): (Vec<Voice>, Vec<Voice>) =
            heard.partition(|voice| voice.group == Group::Database);
        let is_divided = common(&databases).is_empty();
        let muted = if is_divided {
            databases
        } else {
            voices.extend(databases);
            Vec::new()
        };
        voices.sort_by_key(|voice| voice.index);
        Self { witnesses, sites, exclusions, excluded, siteless: sets(siteless), voices, muted }
    }

    /// The user's own statement wins, and what disagrees with it is shown.
    fn by_user(&self) -> Option<Resolution> {
        let own: Vec<Voice> = self.of(|voice| voice.group == Group::User);
        if own.is_empty() {
            return None;
        }
        let agreed = common(&own);
        let (allowed, grade, reason) = if agreed.is_empty() {
            (all_of(&own), Grade::Conflict, "the user's own statements disagree")
        } else if agreed.is_subset(&self.excluded) {
            (agreed, Grade::Likely, "stated by the user, against the round trip")
        } else {
            (agreed, Grade::Likely, "stated by the user")
        };
        let decisive = own.iter().map(|voice| voice.index).collect();
        Some(self.resolution(allowed, grade, Some(reason.to_owned()), decisive))
    }

    /// Anycast and delivery networks cancel every claim; what the round trip excludes is still said.
    fn by_unknown_origin(&self) -> Option<Resolution> {
        let hides = |witness: &Witness| {
            witness.claim == Claim::OriginUnknown
                && witness.strength > Strength::None
                && witness.group != Group::Registry
        };
        let decisive = indices(self.witnesses, hides);
        let is_network = decisive.iter().all(|index| {
            self.witnesses.get(*index).is_some_and(|witness| witness.kind == WitnessKind::CdnNetwork)
        });
        if decisive.is_empty() {
            return None;
        }
        let reason = if is_network {
            "a content delivery network: where the origin stands is not known"
        } else {
            "announced from many places at once"
        };
        let allowed = CountrySet::all().difference(&self.excluded);
        Some(self.resolution(allowed, Grade::Anycast, Some(self.with_exclusions(reason)), decisive))
    }

    /// Exclusions, then the strongest group.
    fn by_groups(&self) -> Option<Resolution> {
        let best = self.voices.iter().map(|voice| voice.strength).max()?;
        let top = self.of(|voice| voice.strength == best);
        let agreed = common(&top);
        let claimed = if agreed.is_empty() { all_of(&top) } else { agreed };
        let allowed = claimed.difference(&self.excluded);
        let left: Vec<Voice> = top.iter().filter(|v| !v.countries.is_disjoint(&allowed)).copied().collect();
        if allowed.is_empty() {
            let reason = "the round trip excludes what the strongest evidence claims".to_owned();
            let decisive = top.iter().map(|voice| voice.index).chain(self.excluding(&claimed)).collect();
            return Some(self.resolution(allowed, Grade::Conflict, Some(reason), decisive));
        }
        if common(&left).is_disjoint(&allowed) {
            let decisive = left.iter().map(|voice| voice.index).collect();
            return Some(self.resolution(allowed, Grade::Conflict, Some(self.clash(&left)), decisive));
        }
        let (grade, confirming) = self.grade(best, &allowed);
        let voices = left.iter().map(|voice| voice.index).chain(confirming);
        let decisive: BTreeSet<usize> = voices.chain(self.excluding(&claimed)).collect();
        Some(self.resolution(allowed, grade, None, decisive.into_iter().collect()))
    }

    /// The grade of a place that the strongest voices agree on, and the further witnesses it rests on.
    fn grade(&self, best: Strength, allowed: &CountrySet) -> (Grade, Vec<usize>) {
        let fresh = self.of(|voice| !voice.is_stale && !voice.countries.is_disjoint(allowed));
        let groups: BTreeSet<Group> = fresh.iter().map(|voice| voice.group).collect();
        let two_agree = groups.len() > 1;
        let sites = self.sites.filter(|_| best == Strength::Strong);
        let rivals = sites.map(|sites| sites.outside(allowed)).unwrap_or_default();
        let ruled_out = self.siteless.iter().fold(self.excluded, |all, (_, one)| all.union(one));
        let is_alone = !rivals.is_empty() && rivals.is_subset(&ruled_out);
        let is_contradicted = self.voices.iter().any(|voice| self.contradicts(voice, allowed));
        let unconfirmed = if best == Strength::Strong { Grade::Likely } else { Grade::Possible };
        if two_agree && !is_contradicted {
            (Grade::Confirmed, fresh.iter().map(|voice| voice.index).collect())
        } else if is_alone && !is_contradicted {
            (Grade::Confirmed, self.excluding(&rivals).chain(self.siteless_in(&rivals)).collect())
        } else if two_agree || is_alone {
            (Grade::Likely, Vec::new())
        } else {
            (unconfirmed, Vec::new())
        }
    }

    /// The exclusions that rule out any of these countries.
    fn excluding(&self, countries: &CountrySet) -> impl Iterator<Item = usize> {
        let countries = *countries;
        self.exclusions
            .iter()
            .filter(move |(_, excluded)| !excluded.is_disjoint(&countries))
            .map(|(index, _)| *index)
    }

    /// The witnesses that say that no known site in any of these countries can be meant.
    fn siteless_in(&self, countries: &CountrySet) -> impl Iterator<Item = usize> {
        let countries = *countries;
        self.siteless.iter().filter(move |(_, empty)| !empty.is_disjoint(&countries)).map(|(index, _)| *index)
    }

    /// Whether a voice claims other countries only. One whose every country is excluded is refuted and no objection.
    fn contradicts(&self, voice: &Voice, allowed: &CountrySet) -> bool {
        voice.countries.is_disjoint(allowed) && !voice.countries.is_subset(&self.excluded)
    }

    /// No witness names a country, or those that do cancel each other.
    fn silence(&self) -> Resolution {
        let is_echo = self.witnesses.iter().any(|witness| witness.kind == WitnessKind::DatabaseEcho);
        let reason = if !self.muted.is_empty() {
            format!("the databases disagree ({})", self.sayings(&self.muted))
        } else if is_echo {
            "a database only repeats the registration, and nothing else speaks about the place".to_owned()
        } else {
            "nothing speaks about the place".to_owned()
        };
        let allowed = CountrySet::all().difference(&self.excluded);
        let decisive = self.muted.iter().map(|voice| voice.index).collect();
        self.resolution(allowed, Grade::Undetermined, Some(self.with_exclusions(&reason)), decisive)
    }

    fn clash(&self, voices: &[Voice]) -> String {
        format!("equally strong evidence disagrees ({})", self.sayings(voices))
    }

    /// `DB-IP Lite country: US; GeoLite2-Country: DE`, in an order of its own.
    fn sayings(&self, voices: &[Voice]) -> String {
        let saying = |voice: &Voice| {
            let source = self.witnesses.get(voice.index).map_or("", |witness| &witness.source);
            format!("{source}: {}", voice.countries)
        };
        let sayings: BTreeSet<String> = voices.iter().map(saying).collect();
        sayings.into_iter().collect::<Vec<_>>().join("; ")
    }

    fn with_exclusions(&self, reason: &str) -> String {
        if self.excluded.is_empty() {
            return reason.to_owned();
        }
        format!("{reason}; the round trip excludes {}", brief(&self.excluded))
    }

    fn of(&self, is_meant: impl Fn(&Voice) -> bool) -> Vec<Voice> {
        self.voices.iter().filter(|voice| is_meant(voice)).copied().collect()
    }

    fn resolution(
        &self,
        allowed: CountrySet,
        grade: Grade,
        reason: Option<String>,
        mut decisive: Vec<usize>,
    ) -> Resolution {
        decisive.sort_unstable();
        let others =
            self.voices.iter().map(|voice| voice.countries).filter(|claim| claim.is_disjoint(&allowed));
        let disputed = others.fold(CountrySet::EMPTY, |all, claim| all.union(&claim)).iter().collect();
        Resolution { allowed, grade, reason, disputed, decisive }
    }
}

/// A few countries by their codes, many by their number: the witness itself says which.
fn brief(countries: &CountrySet) -> String {
    match countries.len() {
        0..=8 => countries.to_string(),
        number => format!("{number} countries"),
    }
}

/// What a witness is worth at its age: a stale one no more than "possible".
fn worth(witness: &Witness) -> Strength {
    if witness.is_stale { witness.strength.min(Strength::Medium) } else { witness.strength }
}

/// What the witness rules out for certain, if anything.
fn exclusion(witness: &Witness) -> Option<CountrySet> {
    let Claim::NotIn(countries) = witness.claim else {
        return None;
    };
    is_hard(witness).then_some(countries)
}

/// Where the witness leaves no known site of the operator for certain, if anywhere.
fn siteless(witness: &Witness) -> Option<CountrySet> {
    let Claim::NoSiteIn(countries) = witness.claim else {
        return None;
    };
    is_hard(witness).then_some(countries)
}

fn is_hard(witness: &Witness) -> bool {
    witness.group != Group::Registry && worth(witness) == Strength::Hard
}

/// The witness as a voice, if it names countries and counts. To allow every country is to say nothing.
fn voice(index: usize, witness: &Witness) -> Option<Voice> {
    let Claim::In(countries) = witness.claim else {
        return None;
    };
    let strength = worth(witness).min(Strength::Strong);
    let counts = strength > Strength::None && witness.group != Group::Registry;
    let says_something = !countries.is_all() && !countries.is_empty();
    (counts && says_something).then_some(Voice {
        index,
        group: witness.group,
        countries,
        strength,
        is_stale: witness.is_stale,
    })
}

fn indices(witnesses: &[&Witness], is_meant: impl Fn(&Witness) -> bool) -> Vec<usize> {
    witnesses.iter().enumerate().filter(|(_, witness)| is_meant(witness)).map(|(index, _)| index).collect()
}

/// The countries that every voice allows.
fn common(voices: &[Voice]) -> CountrySet {
    voices.iter().fold(CountrySet::all(), |all, voice| all.intersection(&voice.countries))
}

/// The countries that any voice claims.
fn all_of(voices: &[Voice]) -> CountrySet {
    voices.iter().fold(CountrySet::EMPTY, |all, voice| all.union(&voice.countries))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(codes: &str) -> CountrySet {
        codes.split_whitespace().map(|code| code.parse::<Country>().unwrap()).collect()
    }

    fn witness(kind: WitnessKind, group: Group, claim: Claim, strength: Strength) -> Witness {
        let source = format!("source of {}", kind.name());
        Witness {
            kind,
            group,
            claim,
            strength,
            source: source.into(),
            dated: None,
            frame: None,
            says: "".into(),
            is_stale: false,
        }
    }

    fn name_says(codes: &str) -> Witness {
        witness(WitnessKind::SiteCode, Group::Operator, Claim::In(set(codes)), Strength::Strong)
    }

    fn certificate_says(codes: &str) -> Witness {
        witness(WitnessKind::SiteCodeInCertificate, Group::Operator, Claim::In(set(codes)), Strength::Medium)
    }

    fn database_says(codes: &str) -> Witness {
        witness(WitnessKind::Database, Group::Database, Claim::In(set(codes)), Strength::Medium)
    }

    fn round_trip_excludes(codes: &str) -> Witness {
        witness(WitnessKind::RoundTrip, Group::Measurement, Claim::NotIn(set(codes)), Strength::Hard)
    }

    fn user_says(codes: &str) -> Witness {
        witness(WitnessKind::Override, Group::User, Claim::In(set(codes)), Strength::Hard)
    }

    fn stale(witness: Witness) -> Witness {
        Witness { is_stale: true, ..witness }
    }

    fn echo() -> Witness {
        witness(WitnessKind::DatabaseEcho, Group::Registry, Claim::Nothing, Strength::None)
    }

    fn cdn() -> Witness {
        witness(WitnessKind::CdnNetwork, Group::Operator, Claim::OriginUnknown, Strength::Hard)
    }

    /// Grade, allowed countries and disputed countries.
    fn outcome(witnesses: &[Witness]) -> (&'static str, String, String) {
        summary(&resolve(witnesses, None))
    }

    fn summary(resolution: &Resolution) -> (&'static str, String, String) {
        let disputed = resolution.disputed.iter().map(Country::code).collect::<Vec<_>>().join(" ");
        (resolution.grade.name(), resolution.allowed.to_string(), disputed)
    }

    fn expect(witnesses: &[Witness], grade: &'static str, allowed: &str, disputed: &str) {
        assert_eq!(outcome(witnesses), (grade, allowed.to_owned(), disputed.to_owned()));
    }

    #[test]
    fn one_witness_has_the_grade_of_its_strength() {
        expect(&[name_says("DE")], "likely", "DE", "");
        expect(&[certificate_says("DE")], "possible", "DE", "");
        expect(&[database_says("DE")], "possible", "DE", "");
        expect(&[echo()], "undetermined", "anywhere", "");
        expect(&[], "undetermined", "anywhere", "");
    }

    #[test]
    fn two_groups_that_agree_confirm() {
        expect(&[name_says("DE"), database_says("DE")], "confirmed", "DE", "");
        expect(&[certificate_says("DE"), database_says("DE")], "confirmed", "DE", "");
        expect(&[name_says("DE NL"), database_says("DE")], "confirmed", "DE, NL", "");
    }

    #[test]
    fn one_group_counts_once() {
        expect(&[database_says("DE"), database_says("DE"), database_says("DE")], "possible", "DE", "");
        expect(&[name_says("DE"), certificate_says("DE")], "likely", "DE", "");
    }

    #[test]
    fn a_weaker_group_that_disagrees_is_listed_and_caps_the_grade() {
        expect(&[name_says("DE"), database_says("US")], "likely", "DE", "US");
        let sites = Sites { countries: set("DE US"), day: "2024-01-01".parse().unwrap() };
        let all = [name_says("DE"), database_says("GB"), round_trip_excludes("US")];
        assert_eq!(summary(&resolve(&all, Some(&sites))), ("likely", "DE".into(), "GB".into()));
        expect(&[name_says("DE"), certificate_says("NL"), database_says("DE")], "likely", "DE", "NL");
    }

    #[test]
    fn a_refuted_objection_does_not_cap() {
        let sites = Sites { countries: set("DE US"), day: "2024-01-01".parse().unwrap() };
        let all = [name_says("DE"), database_says("US"), round_trip_excludes("US")];
        let resolution = resolve(&all, Some(&sites));
        assert_eq!(summary(&resolution), ("confirmed", "DE".into(), "US".into()));
        assert_eq!(resolution.decisive, [0, 2]);
    }

    #[test]
    fn a_round_trip_confirms_only_when_it_leaves_no_other_site_outside_the_zone() {
        let sites = Sites { countries: set("DE NL GB US SG"), day: "2024-01-01".parse().unwrap() };
        let grade =
            |excluded| resolve(&[name_says("DE"), round_trip_excludes(excluded)], Some(&sites)).grade.name();
        assert_eq!([grade("US SG"), grade("US SG GB")], ["likely", "confirmed"]);
        let member = Sites { day: "2019-09-26".parse().unwrap(), ..sites };
        let in_2019 = resolve(&[name_says("DE"), round_trip_excludes("US SG")], Some(&member));
        assert_eq!(in_2019.grade, Grade::Confirmed);
        let weak = resolve(&[database_says("DE"), round_trip_excludes("US SG GB")], Some(&sites));
        assert_eq!(weak.grade, Grade::Possible);
        assert_eq!(resolve(&[name_says("DE"), round_trip_excludes("US SG GB")], None).grade, Grade::Likely);
    }

    #[test]
    fn known_sites_out_of_reach_confirm_and_exclude_nothing() {
        let no_site_in = |codes| {
            witness(WitnessKind::RoundTrip, Group::Measurement, Claim::NoSiteIn(set(codes)), Strength::Hard)
        };
        let sites = Sites { countries: set("DE NL US SG"), day: "2024-01-01".parse().unwrap() };
        let all = [name_says("DE"), round_trip_excludes("SG"), no_site_in("US")];
        let resolution = resolve(&all, Some(&sites));
        assert_eq!((summary(&resolution).0, resolution.decisive), ("confirmed", vec![0, 1, 2]));
        assert_eq!(resolve(&all[..2], Some(&sites)).grade, Grade::Likely);
        expect(&[no_site_in("US")], "undetermined", "anywhere", "");
        expect(&[database_says("US"), no_site_in("US")], "possible", "US", "");
        let weak = Witness { strength: Strength::Medium, ..no_site_in("US") };
        let unproven = [name_says("DE"), round_trip_excludes("SG"), weak];
        assert_eq!(resolve(&unproven, Some(&sites)).grade, Grade::Likely);
    }

    #[test]
    fn equally_strong_groups_that_disagree_are_a_conflict() {
        let all = [certificate_says("NL"), database_says("DE")];
        expect(&all, "conflict", "DE, NL", "");
        let reason = resolve(&all, None).reason.unwrap();
        assert_eq!(
            reason,
            "equally strong evidence disagrees (source of database: DE; source of site_code_in_certificate: NL)"
        );
        expect(&[name_says("NL"), name_says("US")], "conflict", "NL, US", "");
    }

    #[test]
    fn an_exclusion_can_settle_a_conflict() {
        let all = [certificate_says("US"), database_says("DE"), round_trip_excludes("US")];
        expect(&all, "possible", "DE", "US");
        assert_eq!(resolve(&all, None).decisive, [1, 2]);
    }

    #[test]
    fn a_refuted_strongest_witness_is_a_conflict_and_chooses_nothing() {
        expect(
            &[name_says("US"), database_says("DE"), round_trip_excludes("US")],
            "conflict",
            "nowhere",
            "DE US",
        );
    }

    #[test]
    fn databases_that_disagree_say_nothing_and_are_named() {
        let all = [database_says("DE"), database_says("US")];
        expect(&all, "undetermined", "anywhere", "");
        let reason = resolve(&all, None).reason.unwrap();
        assert_eq!(reason, "the databases disagree (source of database: DE; source of database: US)");
        expect(&[name_says("DE"), database_says("DE"), database_says("US")], "likely", "DE", "");
    }

    #[test]
    fn an_unknown_origin_cancels_every_claim_but_keeps_exclusions() {
        expect(&[cdn(), name_says("DE"), database_says("DE")], "anycast", "anywhere", "");
        let near = resolve(&[cdn(), round_trip_excludes("US")], None);
        assert_eq!(summary(&near), ("anycast", "anywhere but US".into(), String::new()));
        let reason =
            "a content delivery network: where the origin stands is not known; the round trip excludes US";
        assert_eq!(near.reason.as_deref(), Some(reason));
    }

    #[test]
    fn the_user_wins_and_is_shown_as_such() {
        let all = [user_says("NL"), name_says("US"), cdn(), round_trip_excludes("NL")];
        let resolution = resolve(&all, None);
        assert_eq!(summary(&resolution), ("likely", "NL".into(), "US".into()));
        assert_eq!(resolution.reason.as_deref(), Some("stated by the user, against the round trip"));
        assert_eq!(resolution.decisive, [0]);
        expect(&[user_says("NL"), user_says("US")], "conflict", "NL, US", "");
    }

    #[test]
    fn a_stale_source_supports_at_most_possible_and_confirms_nothing() {
        expect(&[stale(database_says("DE"))], "possible", "DE", "");
        expect(&[stale(name_says("DE"))], "possible", "DE", "");
        expect(&[name_says("DE"), stale(database_says("DE"))], "likely", "DE", "");
        expect(&[name_says("DE"), stale(database_says("US"))], "likely", "DE", "US");
        expect(&[stale(round_trip_excludes("DE")), database_says("DE")], "possible", "DE", "");
    }

    #[test]
    fn a_round_trip_alone_is_no_place() {
        let alone = resolve(&[round_trip_excludes("US"), echo()], None);
        assert_eq!(alone.grade, Grade::Undetermined);
        assert_eq!(
            alone.reason.as_deref(),
            Some(
                "a database only repeats the registration, and nothing else speaks about the place; the round trip excludes US"
            )
        );
    }

    #[test]
    fn an_address_that_is_not_public_stands_in_no_country() {
        let local = Resolution::local(AddressKind::LinkLocal);
        assert_eq!(summary(&local), ("local", "nowhere".into(), String::new()));
        assert_eq!(local.reason.as_deref(), Some("a link local address"));
    }

    fn any_countries() -> impl Strategy<Value = CountrySet> {
        let codes = prop::sample::select(vec!["DE", "NL", "US", "GB", "SG"]);
        prop::collection::vec(codes, 1..4).prop_map(|codes| set(&codes.join(" ")))
    }

    fn any_claim() -> impl Strategy<Value = Claim> {
        prop_oneof![
            4 => any_countries().prop_map(Claim::In),
            2 => any_countries().prop_map(Claim::NotIn),
            1 => any_countries().prop_map(Claim::NoSiteIn),
            1 => Just(Claim::OriginUnknown),
            1 => Just(Claim::Nothing),
            1 => Just(Claim::In(CountrySet::all())),
        ]
    }

    fn any_witness() -> impl Strategy<Value = Witness> {
        let groups = [Group::Database, Group::Measurement, Group::Operator, Group::Registry, Group::User];
        let kinds = [
            WitnessKind::Database,
            WitnessKind::DatabaseEcho,
            WitnessKind::CdnNetwork,
            WitnessKind::SiteCode,
        ];
        let strengths = [Strength::None, Strength::Medium, Strength::Strong, Strength::Hard];
        let parts = (
            prop::sample::select(kinds.to_vec()),
            prop::sample::select(groups.to_vec()),
            any_claim(),
            prop::sample::select(strengths.to_vec()),
            any::<bool>(),
        );
        parts.prop_map(|(kind, group, claim, strength, is_stale)| Witness {
            is_stale,
            ..witness(kind, group, claim, strength)
        })
    }

    fn any_sites() -> impl Strategy<Value = Option<Sites>> {
        let day = "2024-01-01".parse().unwrap();
        prop::option::of(any_countries().prop_map(move |countries| Sites { countries, day }))
    }

    /// The resolution with its witnesses instead of their positions.
    fn content(witnesses: &[Witness], sites: Option<&Sites>) -> (Resolution, Vec<String>) {
        let mut resolution = resolve(witnesses, sites);
        let mut decisive: Vec<String> =
            resolution.decisive.iter().map(|index| format!("{:?}", witnesses[*index])).collect();
        decisive.sort();
        resolution.decisive.clear();
        (resolution, decisive)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn order_never_matters(
            (given, shuffled) in prop::collection::vec(any_witness(), 0..8)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            sites in any_sites(),
        ) {
            prop_assert_eq!(content(&given, sites.as_ref()), content(&shuffled, sites.as_ref()));
        }

        #[test]
        fn an_item_that_allows_everything_changes_nothing(
            all in prop::collection::vec(any_witness(), 0..8),
            mut item in any_witness(),
            sites in any_sites(),
            excludes_none in any::<bool>(),
        ) {
            item.kind = WitnessKind::Database;
            item.claim = if excludes_none { Claim::NotIn(CountrySet::EMPTY) } else { Claim::In(CountrySet::all()) };
            let without = resolve(&all, sites.as_ref());
            let with = resolve(&[all, vec![item]].concat(), sites.as_ref());
            prop_assert_eq!(without, with);
        }

        #[test]
        fn no_place_rests_on_the_registry_alone(mut all in prop::collection::vec(any_witness(), 0..8), sites in any_sites()) {
            for witness in &mut all {
                witness.group = Group::Registry;
            }
            let resolution = resolve(&all, sites.as_ref());
            prop_assert_eq!((resolution.grade, resolution.allowed.is_all()), (Grade::Undetermined, true));
        }

        #[test]
        fn the_registry_changes_nothing(
            all in prop::collection::vec(any_witness(), 0..8),
            mut item in any_witness(),
            sites in any_sites(),
        ) {
            item.group = Group::Registry;
            item.kind = WitnessKind::Registration;
            let without = resolve(&all, sites.as_ref());
            prop_assert_eq!(without, resolve(&[all, vec![item]].concat(), sites.as_ref()));
        }

        #[test]
        fn more_exclusions_never_enlarge_the_set(
            all in prop::collection::vec(any_witness(), 0..8),
            excluded in any_countries(),
            sites in any_sites(),
        ) {
            let before = resolve(&all, sites.as_ref()).allowed;
            let exclusion = witness(WitnessKind::RoundTrip, Group::Measurement, Claim::NotIn(excluded), Strength::Hard);
            let after = resolve(&[all, vec![exclusion]].concat(), sites.as_ref()).allowed;
            prop_assert!(after.is_subset(&before), "{after:?} out of {before:?}");
        }

        #[test]
        fn an_excluded_country_is_allowed_only_by_the_user(all in prop::collection::vec(any_witness(), 0..8)) {
            let resolution = resolve(&all, None);
            let is_users = all.iter().any(|w| w.group == Group::User && matches!(w.claim, Claim::In(_)));
            let hard = all.iter().filter(|w| !w.is_stale && w.strength == Strength::Hard && w.group != Group::Registry);
            for witness in hard {
                if let Claim::NotIn(excluded) = witness.claim {
                    prop_assert!(is_users || excluded.is_disjoint(&resolution.allowed));
                }
            }
        }
    }
}
