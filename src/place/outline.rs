//! Where countries are: outlines in cells of a quarter of a degree, and the search for the nearest point of one.
//!
//! Input: `geoip/outlines.toml`. Output: an [`Outline`] for each country, and how close two outlines come.
//! Must not: say what a distance means.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::globe::{Patch, Point};
use super::{Country, CountrySet};
use crate::frame::Date;

/// A set of patches of the globe: the cells of a country, or one point.
pub(super) struct Outline {
    /// A binary tree, the root last: every inner node's patch holds those of its children.
    nodes: Vec<Node>,
}

struct Node {
    patch: Patch,
    children: Option<[usize; 2]>,
}

impl Outline {
    /// The outline that the table has of the country.
    pub(super) fn of(country: Country) -> Option<&'static Self> {
        TABLE.get(&country)
    }

    /// The outline that is one point.
    pub(super) fn at(point: Point) -> Self {
        Self::new(&mut [Patch::at(point)])
    }

    fn new(patches: &mut [Patch]) -> Self {
        let mut outline = Self { nodes: Vec::with_capacity(2 * patches.len()) };
        outline.grow(patches);
        outline
    }

    /// Adds the tree over the patches and returns its root; nothing is added where there is no patch.
    fn grow(&mut self, patches: &mut [Patch]) -> Option<usize> {
        let (first, rest) = patches.split_first()?;
        let patch = rest.iter().fold(*first, |all, next| all.with(*next));
        let children = if rest.is_empty() {
            None
        } else {
            let [height, width] = patch.size();
            let axis = usize::from(width > height);
            patches.sort_unstable_by(|a, b| a.middle()[axis].total_cmp(&b.middle()[axis]));
            let (low, high) = patches.split_at_mut(patches.len() / 2);
            self.grow(low).zip(self.grow(high)).map(<[usize; 2]>::from)
        };
        self.nodes.push(Node { patch, children });
        Some(self.nodes.len() - 1)
    }

    /// The cosine of the angle between the nearest points of two outlines: 1 where they touch.
    pub(super) fn closeness(&self, other: &Self) -> f64 {
        let mut best = -1.0;
        if let (Some(own), Some(others)) = (self.nodes.last(), other.nodes.last()) {
            self.approach(own, other, others, &mut best);
        }
        best
    }

    /// Raises `best` to the closeness of what is below two nodes, where that is greater.
    fn approach(&self, own: &Node, other: &Self, others: &Node, best: &mut f64) {
        let bound = own.patch.closeness(&others.patch);
        if bound <= *best {
            return;
        }
        let larger = |node: &Node| node.patch.size().into_iter().fold(0.0, f64::max);
        let splits_own = others.children.is_none() || larger(own) >= larger(others);
        match (own.children, others.children) {
            (Some(children), _) if splits_own => {
                for child in self.nearest_first(children, &others.patch) {
                    self.approach(child, other, others, best);
                }
            }
            (_, Some(children)) => {
                for child in other.nearest_first(children, &own.patch) {
                    self.approach(own, other, child, best);
                }
            }
            (_, None) => *best = bound,
        }
    }

    fn nearest_first(&self, children: [usize; 2], to: &Patch) -> impl Iterator<Item = &Node> {
        let mut nodes = children.map(|child| self.nodes.get(child));
        let [first, second] = nodes.map(|node| node.map_or(-1.0, |node| node.patch.closeness(to)));
        if second > first {
            nodes.reverse();
        }
        nodes.into_iter().flatten()
    }
}

/// The countries whose cells hold the point; several near a border, none at sea.
pub(super) fn holders(point: Point) -> CountrySet {
    let point = Outline::at(point);
    let holding = TABLE.iter().filter(|(_, outline)| outline.closeness(&point) >= 1.0);
    holding.map(|(country, _)| *country).collect()
}

/// The country whose cells come closest to the point.
pub(super) fn nearest(point: Point) -> Option<Country> {
    let point = Outline::at(point);
    let closest = TABLE.iter().map(|(country, outline)| (outline.closeness(&point), *country));
    closest.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, country)| country)
}

/// The day on which the table of outlines was compiled.
#[expect(clippy::expect_used, reason = "the file is embedded, and a test reads it")]
pub(super) fn compiled() -> Date {
    crate::data::compiled(FILE, TEXT).expect("the embedded file says its day")
}

/// What `outlines.toml` holds.
#[derive(Deserialize)]
struct File {
    cells: BTreeMap<Country, Cells>,
}

/// The runs of cells of one country.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Cells(Vec<Run>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    row: u16,
    column: u16,
    cells: u16,
}

impl Run {
    fn patch(self) -> Patch {
        let degrees = |cells: u16| f64::from(cells) / f64::from(PER_DEGREE);
        let (south, west) = (degrees(self.row) - 90.0, degrees(self.column) - 180.0);
        Patch::new(south, west, south + degrees(1), west + degrees(self.cells))
    }
}

impl TryFrom<String> for Cells {
    type Error = String;

    /// Reads words of the form `[ROW:]COLUMN[+CELLS][,COLUMN[+CELLS]…]`.
    fn try_from(text: String) -> Result<Self, String> {
        let mut runs = Vec::new();
        let mut next_row = None;
        for word in text.split_whitespace() {
            let fault = || format!("`{word}` is no row of cells ([ROW:]COLUMN[+CELLS],…, within the globe)");
            let (row, columns) = match word.split_once(':') {
                Some((row, columns)) => (row.parse().ok(), columns),
                None => (next_row, word),
            };
            let row: u16 = row.filter(|row| *row < ROWS && next_row <= Some(*row)).ok_or_else(fault)?;
            for columns in columns.split(',') {
                runs.push(run(row, columns).ok_or_else(fault)?);
            }
            next_row = Some(row + 1);
        }
        Ok(Self(runs))
    }
}

fn run(row: u16, text: &str) -> Option<Run> {
    let (column, cells) = text.split_once('+').unwrap_or((text, "1"));
    let (column, cells): (u16, u16) = (column.parse().ok()?, cells.parse().ok()?);
    let is_on_globe = cells > 0 && column.checked_add(cells)? <= COLUMNS;
    is_on_globe.then_some(Run { row, column, cells })
}

static TABLE: LazyLock<BTreeMap<Country, Outline>> = LazyLock::new(|| {
    let file: File = super::embedded(FILE, TEXT);
    let outline =
        |Cells(runs): Cells| Outline::new(&mut runs.into_iter().map(Run::patch).collect::<Vec<_>>());
    file.cells.into_iter().map(|(country, cells)| (country, outline(cells))).collect()
});

const FILE: &str = "outlines.toml";
const TEXT: &str = include_str!("../../geoip/outlines.toml");

/// Cells to a degree of latitude or longitude.
const PER_DEGREE: u16 = 4;
const ROWS: u16 = 180 * PER_DEGREE;
const COLUMNS: u16 = 360 * PER_DEGREE;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::globe::kilometres;

    fn runs(text: &str) -> Result<Vec<(u16, u16, u16)>, String> {
        let Cells(runs) = Cells::try_from(text.to_owned())?;
        Ok(runs.into_iter().map(|run| (run.row, run.column, run.cells)).collect())
    }

    fn outline(text: &str) -> Outline {
        let Cells(runs) = Cells::try_from(text.to_owned()).unwrap();
        Outline::new(&mut runs.into_iter().map(Run::patch).collect::<Vec<_>>())
    }

    #[test]
    fn rows_follow_each_other_unless_they_are_numbered() {
        assert_eq!(
            runs("5:10+2,20\n11  9:0+1440").unwrap(),
            [(5, 10, 2), (5, 20, 1), (6, 11, 1), (9, 0, 1440)]
        );
        assert!(runs("").unwrap().is_empty());
    }

    #[test]
    fn words_that_are_no_rows_are_refused_by_name() {
        for word in ["7", "720:1", "5:1440", "5:1439+2", "5:1+0", "5:", "5:1,", "x:1", "5:-1", "5:1+65535"] {
            assert!(runs(word).is_err_and(|error| error.starts_with(&format!("`{word}`"))), "{word}");
        }
        assert!(runs("5:1 5:2").is_err() && runs("719:1 1").is_err(), "rows go north");
        let error = crate::data::parse::<File>("outlines.toml", "[cells]\nNL = \"5:1\"\nDE = \"x\"\n");
        let shown = error.err().unwrap().to_string();
        assert!(shown.starts_with("outlines.toml:3:6: `x` is no row of cells"), "{shown}");
    }

    #[test]
    fn every_country_has_an_outline() {
        assert_eq!(TABLE.keys().copied().collect::<CountrySet>(), CountrySet::all());
        assert!(TABLE.values().all(|outline| !outline.nodes.is_empty()));
    }

    #[test]
    fn the_search_finds_what_looking_at_every_pair_finds() {
        let pairs = ["LU BE", "FJ TO", "GB IE", "JP KR", "IS PT", "NZ CL", "AQ AR", "MT SM"];
        for (one, other) in pairs.iter().filter_map(|pair| pair.split_once(' ')) {
            let [one, other] = [one, other].map(|code| Outline::of(code.parse().unwrap()).unwrap());
            let leaves = |outline: &'static Outline| outline.nodes.iter().filter(|n| n.children.is_none());
            let closest = leaves(one)
                .flat_map(|a| leaves(other).map(|b| a.patch.closeness(&b.patch)))
                .fold(-1.0, f64::max);
            assert!((one.closeness(other) - closest).abs() < 1e-12);
        }
    }

    #[test]
    fn an_outline_without_cells_is_as_far_as_can_be() {
        let (none, some) = (outline(""), outline("5:1"));
        assert!(kilometres(none.closeness(&some)) > 19_000.0);
    }
}
