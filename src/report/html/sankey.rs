//! How much went for which service, to whom, into which zone: ribbons from left to right.
//!
//! Input: the client's destinations. Output: shapes for the template. Must not: let a ribbon be too thin to be seen.

use std::collections::BTreeMap;

use crate::report::html::draw::{Px, at, bytes, class, drawn, float, rank, region};
use crate::report::lang::Lang;
use crate::report::schema::Destination;
use crate::report::text::{size, wrap};
use crate::verdict::Axis;

/// The drawing.
pub(super) struct Sankey {
    /// Its height.
    pub(super) height: Px,
    /// The ribbons.
    pub(super) ribbons: Vec<Ribbon>,
    /// What they lead from and to.
    pub(super) nodes: Vec<Node>,
    /// The same as a table.
    pub(super) rows: Vec<[String; 5]>,
}

/// A ribbon between two nodes.
pub(super) struct Ribbon {
    /// Its outline.
    pub(super) path: String,
    /// What it is drawn by.
    pub(super) class: &'static str,
    /// What it stands for.
    pub(super) title: String,
}

/// A service, a recipient or a zone.
pub(super) struct Node {
    /// Its left edge.
    pub(super) x: Px,
    /// Its upper edge.
    pub(super) y: Px,
    /// Its height.
    pub(super) height: Px,
    /// Where its label is anchored.
    pub(super) anchor: &'static str,
    /// The lines of its label, each with its place.
    pub(super) lines: Vec<(Px, Px, String)>,
}

/// The left edges of the three columns, and where their labels stand beside them.
const COLUMNS: [(f64, f64, &str); 3] = [(185.0, -6.0, "end"), (420.0, 18.0, "start"), (730.0, 18.0, "start")];
/// Letters in a line of a label, by column.
const LETTERS: [usize; 3] = [26, 36, 30];
/// The width of a node.
const NODE: f64 = 12.0;
/// The height of all ribbons together, but for those that are too thin.
const ALL: f64 = 240.0;
/// The least thickness of a ribbon.
const LEAST: f64 = 2.0;
const LINE: f64 = 14.0;
const GAP: f64 = 10.0;
/// Room above the first node, for the titles of the columns.
const TOP: f64 = 34.0;

/// From which service, to whom, into which zone; with the axis, and its rank first.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Key {
    rank: usize,
    axis: String,
    ends: [String; 3],
}

#[derive(Default, Clone, Copy)]
struct Sum {
    out: u64,
    received: u64,
}

/// Draws the client's destinations; `None` where there are none.
pub(super) fn sankey(destinations: &[Destination], lang: Lang) -> Option<Sankey> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    let mut total: u64 = 0;
    for destination in drawn(destinations) {
        let sum = sums.entry(key(destination, lang)).or_default();
        sum.out = sum.out.saturating_add(destination.bytes_out);
        sum.received = sum.received.saturating_add(destination.bytes_in);
        total = total.saturating_add(bytes(destination));
    }
    if sums.is_empty() {
        return None;
    }
    let thickness = |sum: &Sum| (ALL * float(sum.bytes()) / float(total.max(1))).max(LEAST);
    let columns = [0, 1, 2].map(|column| Column::new(column, &sums, &thickness));
    let mut filled =
        [0, 1, 2].map(|column: usize| columns.get(column).map_or_else(BTreeMap::new, Column::tops));
    let mut ribbons = Vec::new();
    for (key, sum) in &sums {
        let thick = thickness(sum);
        let mut tops = [0.0; 3];
        for (column, top) in tops.iter_mut().enumerate() {
            if let Some(free) = filled.get_mut(column).and_then(|tops| tops.get_mut(&key.ends[column])) {
                *top = *free;
                *free += thick;
            }
        }
        for pair in [[0, 1], [1, 2]] {
            let [from, to] = pair.map(|column| (COLUMNS[column].0, tops[column]));
            ribbons.push(ribbon(key, *sum, from, to, thick));
        }
    }
    let height = columns.iter().map(|column| column.height).fold(0.0, f64::max);
    Some(Sankey {
        height: Px(height),
        ribbons,
        nodes: columns.into_iter().flat_map(|column| column.nodes.into_values()).collect(),
        rows: sums.iter().map(row).collect(),
    })
}

impl Sum {
    const fn bytes(self) -> u64 {
        self.out.saturating_add(self.received)
    }
}

struct Column {
    nodes: BTreeMap<String, Node>,
    height: f64,
}

impl Column {
    /// The nodes of a column in the order of the ribbons, each as high as its ribbons and with room for its label.
    fn new(column: usize, sums: &BTreeMap<Key, Sum>, thickness: &dyn Fn(&Sum) -> f64) -> Self {
        let mut order: Vec<(&String, f64, u64)> = Vec::new();
        for (key, sum) in sums {
            let end = &key.ends[column];
            match order.iter_mut().find(|(known, ..)| *known == end) {
                Some((_, thick, bytes)) => {
                    *thick += thickness(sum);
                    *bytes = bytes.saturating_add(sum.bytes());
                }
                None => order.push((end, thickness(sum), sum.bytes())),
            }
        }
        let (x, beside, anchor) = COLUMNS[column];
        let mut y = TOP;
        let mut nodes = BTreeMap::new();
        for (end, thick, bytes) in order {
            let text = wrap(end, LETTERS[column], "", "");
            let lines: Vec<String> = text.lines().map(str::to_owned).chain([size(bytes)]).collect();
            let room = thick.max(LINE * at(lines.len()));
            let first = y + (room - LINE * at(lines.len())) / 2.0 + LINE - 3.0;
            let place = |(number, line)| (Px(x + beside), Px(first + LINE * at(number)), line);
            let lines = lines.into_iter().enumerate().map(place).collect();
            let top = y + (room - thick) / 2.0;
            nodes.insert(end.clone(), Node { x: Px(x), y: Px(top), height: Px(thick), anchor, lines });
            y += room + GAP;
        }
        Self { nodes, height: y }
    }

    fn tops(&self) -> BTreeMap<String, f64> {
        self.nodes.iter().map(|(end, node)| (end.clone(), node.y.0)).collect()
    }
}

fn key(destination: &Destination, lang: Lang) -> Key {
    let is_participant = destination.is_at(Axis::Participant);
    let seat = destination.recipient_seat.as_deref().map(|seat| lang.say(" (seat {seat})", &[&seat]));
    let name = match &destination.recipient_name {
        Some(name) => lang.name(name),
        None => lang.word("recipient not known"),
    };
    let recipient = if is_participant {
        lang.word("a person, no recipient")
    } else {
        format!("{name}{}", seat.unwrap_or_default())
    };
    let region = lang.word(&region(&destination.place.axis, destination.is_possible()));
    let zone = match destination.zone.as_deref().filter(|_| destination.is_at(Axis::Outside)) {
        Some(zone) => format!("{region}: {}", lang.sentences(zone, " or ")),
        None => region,
    };
    Key {
        rank: rank(&destination.place.axis),
        axis: destination.place.axis.clone(),
        ends: [lang.id(&destination.service), recipient, zone],
    }
}

fn ribbon(key: &Key, sum: Sum, (left, from): (f64, f64), (right, to): (f64, f64), thick: f64) -> Ribbon {
    let left = left + NODE;
    let middle = f64::midpoint(left, right);
    let [x0, x1, x2] = [left, middle, right].map(Px);
    let [from, to, from_low, to_low] = [from, to, from + thick, to + thick].map(Px);
    let path = format!(
        "M{x0} {from}C{x1} {from} {x1} {to} {x2} {to}L{x2} {to_low}C{x1} {to_low} {x1} {from_low} {x0} {from_low}Z"
    );
    Ribbon { path, class: class(&key.axis), title: format!("{}: {}", key.ends.join(", "), size(sum.bytes())) }
}

fn row((key, sum): (&Key, &Sum)) -> [String; 5] {
    let [service, recipient, zone] = key.ends.clone();
    [service, recipient, zone, size(sum.out), size(sum.received)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, third_party};

    #[test]
    fn every_ribbon_can_be_seen_and_third_parties_have_none() {
        let mut small = flagged("likely");
        (small.bytes_out, small.bytes_in) = (1, 0);
        let mut large = destination("eea", "likely");
        large.bytes_in = u64::MAX;
        let made = sankey(&[large, small, third_party("Google LLC")], Lang::ENGLISH).unwrap();
        assert_eq!((made.rows.len(), made.ribbons.len()), (2, 4));
        assert!(made.nodes.iter().all(|node| node.height.0 >= LEAST));
        assert_eq!(made.rows[0][2], "outside the EEA: third country");
        assert!(sankey(&[third_party("Google LLC")], Lang::ENGLISH).is_none());
    }
}
