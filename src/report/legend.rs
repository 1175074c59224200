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
    match (witness.claim.as_str(), is_counted) {
        ("in", true) if witness.countries.iter().all(|country| located.contains(country)) => Some('~'),
        ("in", true) => Some('-'),
        ("not_in" | "no_site_in", true) => Some('~'),
        // A round trip that is not used says why.
        _ => (witness.kind == WitnessKind::RoundTrip.name()).then_some('!'),
    }
}
