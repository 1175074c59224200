//! How an entry of the table is read: its words and the signs before its evidence.

use crate::place::WitnessKind;
use crate::report::schema::Witness;

/// What a reader needs who has the page and nothing else.
pub(super) const LEGEND: &[(&str, &str)] = &[
    (
        "place",
        "where the remote end stands. confirmed: two independent kinds of evidence agree; likely: one strong one; \
         possible: one medium one, such as a database alone",
    ),
    (
        "evidence",
        "+ the place rests on it; ~ it agrees and is not counted; - it says otherwise; ? it could settle the place; ! note",
    ),
    (
        "law",
        "the zone of that country on the day of the traffic, or on the one named by --law-date, and what it rests on; no legal \
         advice",
    ),
    ("network", "who announces the address, and where it is registered; neither is a place"),
    ("listing", "whether the register of declared transfers of that day names recipient, service and place"),
    ("traffic", "bytes on the wire (1 kB = 1,000 B); frames are numbered as in Wireshark"),
    ("filter", "to paste in Wireshark, where it shows the traffic"),
    ("codes", "countries by ISO 3166-1; times are UTC"),
];

/// The sign before a witness that the verdict does not rest on; none before one that only repeats what stands elsewhere.
pub(super) fn sign(witness: &Witness, located: &[String]) -> Option<char> {
    let is_counted = witness.strength != "none";
    match (witness.claim, is_counted) {
        ("in", true) if objects(witness, located) => Some('-'),
        ("in" | "not_in" | "no_site_in", true) => Some('~'),
        // A round trip that is not used says why.
        _ => (witness.kind == WitnessKind::RoundTrip.name()).then_some('!'),
    }
}

/// Whether the witness claims other countries only.
pub(super) fn objects(witness: &Witness, located: &[String]) -> bool {
    witness.claim == "in" && !witness.countries.iter().any(|country| located.contains(country))
}

/// What is to be said of a witness that counts for less than it would on its own day.
pub(super) fn stale(witness: &Witness) -> Option<&'static str> {
    let counts_for_less = witness.stale && witness.strength != "none";
    counts_for_less.then_some(", too far from that day to count for more than possible")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_objects_where_it_claims_other_countries_only() {
        let says = |claim: &'static str, strength: &'static str, countries: &[&str]| Witness {
            claim,
            strength,
            countries: countries.iter().map(ToString::to_string).collect(),
            ..Witness::default()
        };
        let located = ["DE".to_owned()];
        assert_eq!(sign(&says("in", "medium", &["DE", "FR"]), &located), Some('~'));
        assert_eq!(sign(&says("in", "medium", &["FR"]), &located), Some('-'));
        assert_eq!(sign(&says("in", "none", &["FR"]), &located), None);
        assert_eq!(sign(&says("not_in", "hard", &["US"]), &located), Some('~'));
    }
}
