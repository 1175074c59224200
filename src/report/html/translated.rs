//! The map in another language: its texts are made where its shapes are, of countries, amounts and words of our own.
//!
//! Input: the map in English. Output: the same in a language. Must not: move anything.

use crate::report::html::map::{Map, Row, Spot};
use crate::report::lang::Lang;

/// The map's texts in a language.
pub(super) fn map(map: Map, lang: Lang) -> Map {
    let spots = |spots: Vec<Spot>| spots.into_iter().map(|each| spot(each, lang)).collect();
    Map {
        world: spots(map.world),
        europe: spots(map.europe),
        beside: spots(map.beside),
        rows: map.rows.into_iter().map(|each| row(each, lang)).collect(),
        ..map
    }
}

fn spot(spot: Spot, lang: Lang) -> Spot {
    Spot { label: label(&spot.label, lang), title: title(&spot.title, lang).unwrap_or(spot.title), ..spot }
}

/// `anycast: 12.3 kB`. A country with an amount says the same in every language.
fn label(label: &str, lang: Lang) -> String {
    let words = label.rsplit_once(": ").map(|(place, amount)| format!("{}: {amount}", places(place, lang)));
    words.unwrap_or_else(|| label.to_owned())
}

/// `NL, in the EEA: 2 destinations, 12.3 kB`.
fn title(title: &str, lang: Lang) -> Option<String> {
    let (what, amounts) = title.rsplit_once(": ")?;
    let (place, region) = what.rsplit_once(", ")?;
    let (number, amount) = amounts.rsplit_once(", ")?;
    let (place, region, number) = (places(place, lang), lang.word(region), lang.sentence(number));
    Some(format!("{place}, {region}: {number}, {amount}"))
}

fn row(row: Row, lang: Lang) -> Row {
    Row { place: places(&row.place, lang), region: lang.word(&row.region), ..row }
}

/// Codes of countries stay; words are translated.
fn places(place: &str, lang: Lang) -> String {
    let all: Vec<String> = place.split(" or ").map(|place| lang.name(place)).collect();
    all.join(&lang.word(" or "))
}
