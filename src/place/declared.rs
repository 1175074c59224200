//! What the user hands in about places: cloud providers' lists of ranges, geofeeds, lists of anycast ranges, overrides.
//!
//! Input: texts with their files' names, the day of those that do not state it, and today. Output: for an address and a
//! day, witnesses: one for each list that knows the address, by its longest range around it. And what was handed in, with
//! dates and checksums, for the report. A text that is not what the option takes is refused with what it looks like.
//! Must not: open files, read a clock, or weigh witnesses.

mod anycast;
mod geofeed;
mod overrides;
mod shape;

use std::net::IpAddr;

use self::anycast::AnycastList;
use self::geofeed::{Feed, Geofeed};
use self::overrides::{Override, Overrides};
use super::cloud::{CloudList, Code, RegionKind};
use super::document::{Document, in_future};
use super::{Claim, Country, CountrySet, Group, Prefix, Strength, Witness, WitnessKind, is_stale};
use crate::data::{Confidence, DataError};
use crate::frame::Date;

/// The user's lists, ready to be asked. Without any, it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    clouds: Vec<(CloudList, DeclaredSource)>,
    geofeeds: Vec<(Geofeed, DeclaredSource)>,
    anycast: Vec<(AnycastList, DeclaredSource)>,
    overrides: Option<(Overrides, DeclaredSource)>,
}

/// A list that the user handed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeclaredSource {
    /// The file's name; where a merged list holds several, that of the provider's file and that of the list.
    pub name: String,
    /// What kind of list it is.
    pub kind: DeclaredKind,
    /// The day of the list; of overrides, that of the newest one; `None` where nobody says it.
    pub dated: Option<Date>,
    /// The checksum of the file that was handed in, in lower-case hexadecimal.
    pub sha256: String,
}

impl DeclaredSource {
    fn of(document: Document<'_>, kind: DeclaredKind, dated: Option<Date>) -> Self {
        Self { name: document.name.to_owned(), kind, dated, sha256: document.sha256() }
    }
}

/// Kinds of lists that a user may hand in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DeclaredKind {
    /// Ranges that are announced from many places at once.
    AnycastList,
    /// A cloud provider's ranges with their regions.
    CloudRanges,
    /// A network's own list of where its ranges are used (RFC 8805).
    Geofeed,
    /// The user's own statements.
    Overrides,
}

impl DeclaredKind {
    /// The kind in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AnycastList => "anycast_list",
            Self::CloudRanges => "cloud_ranges",
            Self::Geofeed => "geofeed",
            Self::Overrides => "overrides",
        }
    }
}

impl Declared {
    /// Adds cloud providers' ranges: what [`super::import_ranges`] made of their files, or one such file itself.
    ///
    /// `name` is the file's name, which of Azure's own file states the day. No day may be after `today`.
    pub fn with_ranges(mut self, name: &str, text: &str, today: Date) -> Result<Self, DataError> {
        let document = Document::new(name, text)?;
        shape::check(document, DeclaredKind::CloudRanges)?;
        let sha256 = document.sha256();
        for list in CloudList::read(document, today)? {
            let (name, dated) = (list.source.clone(), Some(list.dated));
            let kind = DeclaredKind::CloudRanges;
            self.clouds.push((list, DeclaredSource { name, kind, dated, sha256: sha256.clone() }));
        }
        Ok(self)
    }

    /// Adds a geofeed (RFC 8805). `dated` is its day, which no geofeed states itself; without it, it counts as stale.
    pub fn with_geofeed(
        mut self,
        name: &str,
        text: &str,
        dated: Option<Date>,
        today: Date,
    ) -> Result<Self, DataError> {
        let document = Document::new(name, text)?;
        shape::check(document, DeclaredKind::Geofeed)?;
        check_day(document, "geofeed", dated, today)?;
        let feed = Geofeed::parse(document)?;
        let source = DeclaredSource::of(document, DeclaredKind::Geofeed, dated);
        self.geofeeds.push((feed, source));
        Ok(self)
    }

    /// Adds a list of anycast ranges: one range or address a line, comments from `#` on. `dated` is the list's day, which is
    /// not after `today`.
    pub fn with_anycast(
        mut self,
        name: &str,
        text: &str,
        dated: Option<Date>,
        today: Date,
    ) -> Result<Self, DataError> {
        let document = Document::new(name, text)?;
        shape::check(document, DeclaredKind::AnycastList)?;
        check_day(document, "list", dated, today)?;
        let list = AnycastList::parse(document)?;
        let source = DeclaredSource::of(document, DeclaredKind::AnycastList, dated);
        self.anycast.push((list, source));
        Ok(self)
    }

    /// Adds the user's own statements, in TOML. There is one such file at most, so that no two files can contradict each
    /// other; no day in it may be after `today`.
    pub fn with_overrides(mut self, name: &str, text: &str, today: Date) -> Result<Self, DataError> {
        let document = Document::new(name, text)?;
        shape::check(document, DeclaredKind::Overrides)?;
        if let Some((_, first)) = &self.overrides {
            let what = format!("a second file of overrides, beside {}: put them into one file", first.name);
            return Err(document.wrong(&what));
        }
        let overrides = Overrides::parse(document, today)?;
        let dated = overrides.newest();
        let source = DeclaredSource::of(document, DeclaredKind::Overrides, dated);
        self.overrides = Some((overrides, source));
        Ok(self)
    }

    /// These overrides with the other lists of `others`, whose own overrides are left out.
    #[must_use]
    pub fn or_lists_of(self, others: Self) -> Self {
        Self { overrides: self.overrides, ..others }
    }

    /// What the lists say of an address on `day`, in the order: clouds, geofeeds, anycast, the user; within a kind in
    /// the order in which they were handed in.
    #[must_use]
    pub fn witnesses(&self, address: IpAddr, day: Date) -> Vec<Witness> {
        let clouds = self.clouds.iter().filter_map(|(list, _)| {
            let (prefix, codes) = list.find(address)?;
            Some(by_cloud(list, prefix, codes, day))
        });
        let geofeeds = self
            .geofeeds
            .iter()
            .filter_map(|(feed, source)| Some(by_geofeed(source, feed.find(address)?, day)));
        let anycast = self
            .anycast
            .iter()
            .filter_map(|(list, source)| Some(by_anycast_list(source, list.find(address)?, day)));
        let user = self
            .overrides
            .iter()
            .filter_map(|(overrides, source)| Some(by_user(source, overrides.find(address, day)?)));
        clouds.chain(geofeeds).chain(anycast).chain(user).collect()
    }

    /// Whether a list of that provider's ranges was handed in.
    #[must_use]
    pub fn has_ranges_of(&self, provider: &str) -> bool {
        self.clouds.iter().any(|(list, _)| list.provider.id == provider)
    }

    /// What was handed in, in the order of [`Self::witnesses`].
    #[must_use]
    pub fn sources(&self) -> Vec<&DeclaredSource> {
        let clouds = self.clouds.iter().map(|(_, source)| source);
        let geofeeds = self.geofeeds.iter().map(|(_, source)| source);
        let anycast = self.anycast.iter().map(|(_, source)| source);
        let overrides = self.overrides.iter().map(|(_, source)| source);
        clouds.chain(geofeeds).chain(anycast).chain(overrides).collect()
    }
}

/// Refuses a day to come for a file that does not state its own.
fn check_day(document: Document<'_>, what: &str, dated: Option<Date>, today: Date) -> Result<(), DataError> {
    match dated.and_then(|dated| in_future(dated, today)) {
        Some(why) => Err(document.wrong(&format!("the {what}'s day is wrong: {why}"))),
        None => Ok(()),
    }
}

/// A statement before its source is known.
struct Said {
    kind: WitnessKind,
    claim: Claim,
    strength: Strength,
    says: String,
}

impl Said {
    /// A list without a date cannot be shown to be fresh.
    fn by_operator(self, source: &str, dated: Option<Date>, day: Date) -> Witness {
        let is_stale = dated.is_none_or(|dated| is_stale(dated, day));
        Witness { is_stale, ..self.by(Group::Operator, source, dated) }
    }

    fn by(self, group: Group, source: &str, dated: Option<Date>) -> Witness {
        let Self { kind, claim, strength, says } = self;
        Witness {
            kind,
            group,
            claim,
            strength,
            source: source.into(),
            dated,
            frame: None,
            says: says.into(),
            is_stale: false,
        }
    }
}

fn by_cloud(list: &CloudList, prefix: Prefix, codes: &[Code], day: Date) -> Witness {
    let said = of_edge(list, prefix, codes)
        .or_else(|| of_places(list, prefix, codes))
        .unwrap_or_else(|| of_no_place(list, prefix, codes));
    said.by_operator(&list.source, Some(list.dated), day)
}

/// A range that answers from the provider's edge, whatever else it is listed under.
fn of_edge(list: &CloudList, prefix: Prefix, codes: &[Code]) -> Option<Said> {
    let edge = |wanted| codes.iter().find(|code| code.region.is_some_and(|region| region.kind == wanted));
    let of_anycast = edge(RegionKind::Anycast).map(|code| (code, WitnessKind::Anycast));
    let (code, kind) =
        of_anycast.or_else(|| edge(RegionKind::Delivery).map(|code| (code, WitnessKind::CdnNetwork)))?;
    let what = if kind == WitnessKind::Anycast {
        "announced from many places at once (anycast)"
    } else {
        "a content delivery network: where the origin stands is not known"
    };
    let says = format!("{prefix} is listed by {} as {}, {what}", list.provider.name, code.text);
    Some(Said { kind, claim: Claim::OriginUnknown, strength: Strength::Hard, says })
}

/// A range all of whose regions stand in a country that is known.
fn of_places(list: &CloudList, prefix: Prefix, codes: &[Code]) -> Option<Said> {
    let regions: Vec<_> = codes.iter().map(|code| code.region).collect::<Option<_>>()?;
    let countries: CountrySet =
        regions.iter().map(|region| region.country).collect::<Option<Vec<Country>>>()?.into_iter().collect();
    let is_sure = regions.iter().all(|region| region.confidence > Confidence::Low);
    let is_zone = regions.iter().any(|region| region.kind == RegionKind::BorderGroup);
    let (what, verb) = match (is_zone, regions.len()) {
        (true, 1) => ("local zone", "stands"),
        (true, _) => ("local zones", "stand"),
        (false, 1) => ("region", "stands"),
        (false, _) => ("regions", "stand"),
    };
    let says = format!(
        "{prefix} lies in {}'s {what} {}, which {verb} in {}",
        list.provider.name,
        named(codes),
        either(&countries)
    );
    let strength = if is_sure { Strength::Strong } else { Strength::Medium };
    Some(Said { kind: WitnessKind::CloudRegion, claim: Claim::In(countries), strength, says })
}

fn of_no_place(list: &CloudList, prefix: Prefix, codes: &[Code]) -> Said {
    let unknown: Vec<Code> = codes.iter().filter(|code| code.region.is_none()).cloned().collect();
    let provider = &list.provider.name;
    let says = if unknown.is_empty() {
        format!("{prefix} is listed by {provider} as {}, which is no one place", named(codes))
    } else {
        format!("{prefix} lies in {provider}'s region {}, whose country is not known here", named(&unknown))
    };
    Said { kind: WitnessKind::CloudRegion, claim: Claim::Nothing, strength: Strength::None, says }
}

fn by_geofeed(source: &DeclaredSource, feed: Feed<'_>, day: Date) -> Witness {
    let Feed { prefix, countries, city } = feed;
    let (claim, strength, says) = if countries.is_empty() {
        let says = format!("the geofeed lists {prefix} without a country");
        (Claim::Nothing, Strength::None, says)
    } else {
        let city = city.map(|city| format!("{city}, ")).unwrap_or_default();
        let says = format!("the network's own geofeed places {prefix} in {city}{}", either(&countries));
        (Claim::In(countries), Strength::Medium, says)
    };
    Said { kind: WitnessKind::Geofeed, claim, strength, says }.by_operator(&source.name, source.dated, day)
}

fn by_anycast_list(source: &DeclaredSource, prefix: Prefix, day: Date) -> Witness {
    let says = format!("{prefix} is announced from many places at once (anycast)");
    let said =
        Said { kind: WitnessKind::Anycast, claim: Claim::OriginUnknown, strength: Strength::Hard, says };
    said.by_operator(&source.name, source.dated, day)
}

/// The user's word does not grow old: it says itself from when to when it holds.
fn by_user(source: &DeclaredSource, stated: &Override) -> Witness {
    let Override { range, countries, author, reason, dated, .. } = stated;
    let says = format!("{range} is placed in {} by {author}: {reason}", either(countries));
    let claim = Claim::In(*countries);
    let said = Said { kind: WitnessKind::Override, claim, strength: Strength::Hard, says };
    said.by(Group::User, &source.name, Some(*dated))
}

/// `eu-west-1`, or `eu-west-1 and eu-west-2`.
fn named(codes: &[Code]) -> String {
    codes.iter().map(|code| code.text.as_str()).collect::<Vec<_>>().join(" and ")
}

/// `NL`, or `DE or NL`.
fn either(countries: &CountrySet) -> String {
    countries.iter().map(|country| country.to_string()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;
