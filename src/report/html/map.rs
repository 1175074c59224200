//! The map of places: what each country got, and in a zone of its own what stands at no point of a map.
//!
//! Input: the client's destinations, `world.toml`. Output: shapes for the template. Must not: draw a destination at a point
//! unless its place is one country; the point stands for the country.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::frame::Date;
use crate::place::{Country, zone};
use crate::report::html::draw::{Px, class, drawn, float, rank, region};
use crate::report::schema::{Destination, Input, Place};
use crate::report::table::words;
use crate::report::text::{plural, size};

/// The drawing.
pub(super) struct Map {
    /// Its height.
    pub(super) height: Px,
    /// Where the zone of what is not on the map begins.
    pub(super) zone_y: Px,
    /// Land.
    pub(super) land: &'static str,
    /// Borders between countries.
    pub(super) borders: &'static str,
    /// The EEA; `None` where no input tells its day.
    pub(super) eea: Option<Eea>,
    /// The places on the map of the world.
    pub(super) world: Vec<Spot>,
    /// Those on the map of Europe.
    pub(super) europe: Vec<Spot>,
    /// What is not on the map.
    pub(super) beside: Vec<Spot>,
    /// The same as a table.
    pub(super) rows: Vec<Row>,
}

/// What is ruled on the maps.
pub(super) struct Eea {
    /// The land of its countries.
    pub(super) land: String,
    /// The day, or the first and the last.
    pub(super) days: String,
}

/// A circle with what it stands for.
pub(super) struct Spot {
    /// Its middle.
    pub(super) x: Px,
    /// Its middle.
    pub(super) y: Px,
    /// Its radius: its area says how much.
    pub(super) radius: Px,
    /// Where its label begins.
    pub(super) label_x: Px,
    /// Where that stands.
    pub(super) label_y: Px,
    /// Which end of it stands there.
    pub(super) anchor: &'static str,
    /// What it is drawn by.
    pub(super) class: &'static str,
    /// Whether the place is no more than possible, which a broken outline says.
    pub(super) is_possible: bool,
    /// What stands beside it; empty where another map says it.
    pub(super) label: String,
    /// All of it in words.
    pub(super) title: String,
}

/// What went to one place.
pub(super) struct Row {
    /// The country, or why there is none.
    pub(super) place: String,
    /// In the EEA or not.
    pub(super) region: String,
    /// How many destinations.
    pub(super) destinations: String,
    /// What went there.
    pub(super) out: String,
    /// What came from there.
    pub(super) received: String,
}

#[derive(Deserialize, Default)]
struct World {
    compiled: String,
    source: String,
    licence: String,
    land: String,
    borders: String,
    points: BTreeMap<String, [f64; 2]>,
    shapes: BTreeMap<String, String>,
}

static WORLD: LazyLock<World> =
    // A test reads it; without it every place would stand in the zone beside the map.
    LazyLock::new(|| crate::data::parse("world.toml", include_str!("world.toml")).unwrap_or_default());

/// What the map is made of, and when.
pub(super) fn source() -> String {
    let World { compiled, source, licence, .. } = &*WORLD;
    format!("the outline map, of {compiled}: {source}; {licence}")
}

/// A rectangle of the map in its own units (`world.py`), and where it is drawn.
struct Window {
    from: [f64; 2],
    span: [f64; 2],
    at: [f64; 2],
    size: [f64; 2],
}

impl Window {
    /// Where a point of latitude and longitude stands in the drawing, where the window shows it.
    fn spot(&self, [latitude, longitude]: [f64; 2]) -> Option<[f64; 2]> {
        let own = [(longitude + 180.0) * PER_LONGITUDE, (NORTH - latitude) * PER_LATITUDE];
        let share = [0, 1].map(|axis| (own[axis] - self.from[axis]) / self.span[axis]);
        let is_shown = share.iter().all(|share| (0.0..=1.0).contains(share));
        is_shown.then(|| [0, 1].map(|axis| self.at[axis] + share[axis] * self.size[axis]))
    }
}

/// Units of the map to a degree, and its upper edge: those of `world.py`.
const PER_LONGITUDE: f64 = 8.0;
const PER_LATITUDE: f64 = 10.0;
const NORTH: f64 = 85.0;
/// The windows that `map.html` draws.
const WORLD_WINDOW: Window =
    Window { from: [0.0, 0.0], span: [2880.0, 1420.0], at: [0.0, 0.0], size: [960.0, 473.0] };
const EUROPE_WINDOW: Window =
    Window { from: [1240.0, 130.0], span: [520.0, 380.0], at: [0.0, 485.0], size: [465.0, 340.0] };
/// The zone of what is not on the map: the middle of its circles, and where it begins.
const ZONE_CIRCLES: f64 = 545.0;
const ZONE_LABELS: f64 = 600.0;
const ZONE_Y: f64 = 485.0;
const ZONE_HEAD: f64 = 78.0;
const ZONE_LEAST: f64 = 340.0;
/// The radius of the circle that stands for most.
const MOST: f64 = 30.0;
/// The least that can be seen.
const LEAST: f64 = 4.0;
/// The distance between two lines of labels.
const LINE: f64 = 15.0;
/// About how far a label reaches.
const LABEL: f64 = 110.0;

/// Where destinations are gathered: a country or a reason, the axis, and whether it is only possible. What is looked at
/// first comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rank: usize,
    is_possible: bool,
    axis: String,
    place: Spoken,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Spoken {
    Country(String),
    None(String),
}

#[derive(Default)]
struct Sum {
    destinations: u64,
    out: u64,
    received: u64,
}

/// Draws where the client's destinations stand; `None` where there are none.
pub(super) fn map(destinations: &[Destination], inputs: &[Input]) -> Option<Map> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for destination in drawn(destinations) {
        let sum = sums.entry(key(&destination.place)).or_default();
        sum.destinations = sum.destinations.saturating_add(1);
        sum.out = sum.out.saturating_add(destination.bytes_out);
        sum.received = sum.received.saturating_add(destination.bytes_in);
    }
    let most = sums.values().map(Sum::bytes).max()?;
    let radius = |sum: &Sum| (MOST * (float(sum.bytes()) / float(most.max(1))).sqrt()).max(LEAST);
    let (mut world, mut europe, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    let mut y = ZONE_Y + ZONE_HEAD;
    for (key, sum) in &sums {
        let spot = |[x, y]: [f64; 2]| spot(key, sum, [x, y], radius(sum));
        let Some(point) = key.point() else {
            let room = radius(sum).max(LINE);
            beside.push(Spot { label_x: Px(ZONE_LABELS), ..spot([ZONE_CIRCLES, y + room]) });
            y += 2.0 * room + LINE / 2.0;
            continue;
        };
        let near = EUROPE_WINDOW.spot(point).map(spot);
        // What the map of Europe says is not said twice.
        let far = WORLD_WINDOW.spot(point).map(spot);
        world.extend(far.map(|far| if near.is_some() { Spot { label: String::new(), ..far } } else { far }));
        europe.extend(near);
    }
    settle(&mut world);
    settle(&mut europe);
    let height = (y - ZONE_Y).max(ZONE_LEAST);
    Some(Map {
        height: Px(ZONE_Y + height + 5.0),
        zone_y: Px(height),
        land: &WORLD.land,
        borders: &WORLD.borders,
        eea: eea(inputs),
        world,
        europe,
        beside,
        rows: sums.iter().map(row).collect(),
    })
}

/// What was in the EEA on the first day of the inputs and on the last; nothing joined it in the time of the GDPR.
fn eea(inputs: &[Input]) -> Option<Eea> {
    let times = inputs.iter().flat_map(|input| [&input.start, &input.end]).flatten();
    let days: Vec<Date> = times.filter_map(|time| time.get(..10)?.parse().ok()).collect();
    let (first, last) = (*days.iter().min()?, *days.iter().max()?);
    let is_inside =
        |country: Country| [first, last].into_iter().all(|day| zone(country, day, None).zone.is_inside_eea());
    let shapes = WORLD.shapes.iter().filter(|(code, _)| code.parse().is_ok_and(is_inside));
    let land = shapes.map(|(_, shape)| shape.as_str()).collect();
    let days = if first == last { format!("on {first}") } else { format!("on {first} and on {last}") };
    Some(Eea { land, days })
}

impl Key {
    /// The point that stands for its country; `None` where it is none, or has none.
    fn point(&self) -> Option<[f64; 2]> {
        let Spoken::Country(country) = &self.place else { return None };
        WORLD.points.get(country).copied()
    }

    fn words(&self) -> String {
        match &self.place {
            Spoken::Country(country) => country.clone(),
            Spoken::None(reason) => reason.clone(),
        }
    }
}

impl Sum {
    const fn bytes(&self) -> u64 {
        self.out.saturating_add(self.received)
    }
}

/// One country that is claimed and stands, or the reason for which there is no point.
fn key(place: &Place) -> Key {
    let spoken = match (place.axis.as_str(), place.located.as_slice()) {
        ("eea" | "outside", [country]) if WORLD.points.contains_key(country) => {
            Spoken::Country(country.clone())
        }
        ("eea" | "outside", countries) => Spoken::None(countries.join(" or ")),
        ("undetermined", _) => Spoken::None(match place.grade.as_str() {
            "anycast" => "announced from many places at once".to_owned(),
            "conflict" => "strong evidence for different places".to_owned(),
            _ => "the evidence does not carry a place".to_owned(),
        }),
        (other, _) => Spoken::None(words(other)),
    };
    let is_possible = place.grade == crate::place::Grade::Possible.name();
    Key { rank: rank(&place.axis), is_possible, axis: place.axis.clone(), place: spoken }
}

fn spot(key: &Key, sum: &Sum, [x, y]: [f64; 2], radius: f64) -> Spot {
    let amount = size(sum.bytes());
    let region = region(&key.axis, key.is_possible);
    let doubt = if key.is_possible { "?" } else { "" };
    Spot {
        x: Px(x),
        y: Px(y),
        radius: Px(radius),
        label_x: Px(x + radius + 4.0),
        label_y: Px(y + 4.0),
        anchor: "start",
        class: class(&key.axis),
        is_possible: key.is_possible,
        label: match &key.place {
            Spoken::Country(country) => format!("{country}{doubt} {amount}"),
            Spoken::None(reason) => format!("{reason}: {amount}"),
        },
        title: format!(
            "{}, {region}: {}, {amount}",
            key.words(),
            plural(sum.destinations, "destination", "destinations")
        ),
    }
}

/// Puts labels where they stand neither on other circles nor on one another, as far as there is room, and large circles
/// below small ones.
fn settle(spots: &mut [Spot]) {
    spots.sort_by(|a, b| a.y.0.total_cmp(&b.y.0));
    let circles: Vec<[f64; 3]> = spots.iter().map(|spot| [spot.x.0, spot.y.0, spot.radius.0]).collect();
    for spot in spots.iter_mut() {
        let is_in_the_way = |[x, y, radius]: &[f64; 3]| {
            *x > spot.x.0 && x - radius < spot.label_x.0 + LABEL && (y - spot.y.0).abs() < radius + LINE / 2.0
        };
        if circles.iter().any(is_in_the_way) && spot.x.0 > LABEL {
            spot.anchor = "end";
            spot.label_x = Px(spot.x.0 - spot.radius.0 - 4.0);
        }
    }
    for number in 1..spots.len() {
        let (before, rest) = spots.split_at_mut(number);
        let Some(spot) = rest.first_mut().filter(|spot| !spot.label.is_empty()) else { continue };
        let near = before.iter().filter(|other| !other.label.is_empty());
        let near = near.filter(|other| (other.label_x.0 - spot.label_x.0).abs() < LABEL);
        let least = near.map(|other| other.label_y.0 + LINE).fold(f64::MIN, f64::max);
        spot.label_y.0 = spot.label_y.0.max(least);
    }
    spots.sort_by(|a, b| b.radius.0.total_cmp(&a.radius.0));
}

fn row((key, sum): (&Key, &Sum)) -> Row {
    Row {
        place: key.words(),
        region: region(&key.axis, key.is_possible),
        destinations: sum.destinations.to_string(),
        out: size(sum.out),
        received: size(sum.received),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, third_party};

    fn at_place(axis: &str, grade: &str, located: &[&str]) -> Destination {
        let mut made = destination(axis, grade);
        made.place.located = located.iter().map(ToString::to_string).collect();
        made
    }

    #[test]
    fn the_map_is_read_and_every_country_is_on_it() {
        assert!(WORLD.land.starts_with('M') && WORLD.borders.starts_with('M'));
        assert!(WORLD.points.len() > 240);
        for (country, point) in &WORLD.points {
            assert!(WORLD_WINDOW.spot(*point).is_some() || country == "AQ", "{country}");
        }
    }

    #[test]
    fn what_is_not_in_one_country_is_never_on_the_map() {
        for (axis, grade, located) in [
            ("undetermined", "undetermined", &[][..]),
            ("undetermined", "anycast", &["US"]),
            ("undetermined", "conflict", &["US"]),
            ("undetermined", "likely", &["US", "NL"]),
            ("eea", "likely", &["NL", "DE"]),
            ("outside", "likely", &["ZZ"]),
            ("outside", "likely", &[]),
            ("local", "local", &[]),
            ("participant", "undetermined", &["NL"]),
        ] {
            let map = map(&[at_place(axis, grade, located)], &[]).unwrap();
            assert!(map.world.is_empty() && map.europe.is_empty(), "{axis} {grade}");
            assert_eq!(map.beside.len(), 1);
            assert!(map.beside[0].x.0 >= ZONE_CIRCLES && map.beside[0].y.0 > ZONE_Y);
        }
    }

    #[test]
    fn a_country_is_one_circle_sized_by_bytes() {
        let mut small = at_place("outside", "likely", &["US"]);
        (small.bytes_out, small.bytes_in) = (100, 0);
        let mut large = at_place("eea", "likely", &["NL"]);
        (large.bytes_out, large.bytes_in) = (0, 10_000);
        let map = map(&[large.clone(), large, small.clone(), small, third_party("Google LLC")], &[]).unwrap();
        assert_eq!((map.world.len(), map.europe.len(), map.beside.len()), (2, 1, 0));
        assert_eq!(map.europe[0].radius, Px(MOST));
        assert_eq!(map.world[1].title, "US, outside the EEA: 2 destinations, 200 B");
        assert_eq!(super::map(&[], &[]).map(|map| map.rows.len()), None);
    }

    fn input() -> Input {
        Input {
            path: "a.pcapng".to_owned(),
            sha256: None,
            size: 1,
            format: "pcapng".to_owned(),
            compression: None,
            frames: 1,
            start: None,
            end: None,
            damage: None,
            frames_lost: None,
        }
    }

    #[test]
    fn the_eea_is_that_of_the_inputs_days() {
        let on = |days: &[&str]| {
            let of_day = |day: &&str| Input { start: Some(format!("{day}T10:00:00Z")), ..input() };
            eea(&days.iter().map(of_day).collect::<Vec<_>>()).unwrap()
        };
        let britain = &WORLD.shapes["GB"];
        let has = |days: &[&str]| on(days).land.contains(britain.as_str());
        assert_eq!(
            [&["2020-06-01"][..], &["2021-06-01"], &["2020-06-01", "2024-06-18"]].map(has),
            [true, false, false]
        );
        assert_eq!(on(&["2024-06-18"]).days, "on 2024-06-18");
        assert_eq!(on(&["2024-06-18", "2024-06-17"]).days, "on 2024-06-17 and on 2024-06-18");
        let count = WORLD.shapes.keys().filter(|code| *code != "GB").count();
        assert!(on(&["2024-06-18"]).land.matches('M').count() >= count);
        assert!(eea(&[input()]).is_none());
    }

    #[test]
    fn every_shape_is_of_a_country_that_was_once_in_the_eea() {
        let day = "2019-01-01".parse().unwrap();
        for (code, shape) in &WORLD.shapes {
            assert!(zone(code.parse().unwrap(), day, None).zone.is_inside_eea(), "{code}");
            assert!(shape.starts_with('M') && shape.ends_with('z'), "{code}");
        }
    }
}
