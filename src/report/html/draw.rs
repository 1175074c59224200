//! What the drawings share: lengths, and how a place looks and what it is called.
//!
//! Must not: know a drawing.

use std::fmt;

use crate::report::schema::Destination;
use crate::verdict::Axis;

/// A length or a coordinate, written with one decimal: a tenth of a unit is less than anybody sees.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.1}", self.0);
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

/// A count as a length.
#[expect(clippy::cast_precision_loss, reason = "what is lost is far less than a tenth of a unit")]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}

/// A position in a list as a length.
#[expect(clippy::cast_precision_loss, reason = "lists that are drawn are short")]
pub(super) const fn at(position: usize) -> f64 {
    position as f64
}

/// What a place is drawn by: the class of its shapes, told apart by pattern and outline as well as by colour.
pub(super) fn class(axis: &str) -> &'static str {
    match axis {
        "eea" => "eea",
        "outside" => "out",
        "undetermined" => "und",
        _ => "loc",
    }
}

/// A place in few words: `outside the EEA`, `possibly in the EEA`.
pub(super) fn region(axis: &str, is_possible: bool) -> String {
    let words = match (axis, is_possible) {
        ("eea", false) => "in the EEA",
        ("eea", true) => "possibly in the EEA",
        ("outside", false) => "outside the EEA",
        ("outside", true) => "possibly outside the EEA",
        ("undetermined", _) => "not placeable",
        ("participant", _) => "other participants",
        ("local", _) => "local network",
        (other, _) => other,
    };
    words.to_owned()
}

/// The bytes of a destination, both ways.
pub(super) const fn bytes(destination: &Destination) -> u64 {
    destination.bytes_out.saturating_add(destination.bytes_in)
}

/// What is drawn: the client's own destinations.
pub(super) fn drawn(destinations: &[Destination]) -> impl Iterator<Item = &Destination> {
    destinations.iter().filter(|destination| destination.is_client())
}

/// Where a kind of place stands in a drawing, from what is looked at first.
pub(super) fn rank(axis: &str) -> usize {
    let order = [Axis::Outside, Axis::Undetermined, Axis::Eea, Axis::Participant, Axis::Local];
    order.iter().position(|known| known.name() == axis).unwrap_or(order.len())
}
