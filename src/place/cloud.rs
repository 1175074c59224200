//! The cloud providers' lists of address ranges: which region an address is in, and in which country that stands.
//!
//! Input: a provider's published JSON, or the text that [`import_ranges`] makes of several. Output: that text; or, for an
//! address, the longest listed range around it with what `geoip/regions.toml` says of its region. The ranges are the
//! user's to fetch and are never shipped; only the table of regions is.
//! Must not: claim a country for a region that the table does not list.

mod list;
mod published;
mod region;
#[cfg(test)]
pub(super) mod sample;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub(super) use self::list::is_list;
pub(super) use self::published::provider_of;
pub(super) use self::region::{CloudRegion, Provider, RegionKind};

use self::list::List;
use super::Prefix;
use super::document::{Document, in_future};
use super::prefix::PrefixMap;
use crate::data::DataError;
use crate::frame::Date;

/// A provider's file to import.
#[derive(Clone, Copy, Debug)]
pub struct RangeFile<'a> {
    /// Its name, which is shown in errors; Azure's states the day.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// What [`import_ranges`] made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedRanges {
    /// The merged list: a head of comments, then `prefix,provider,region` in the order of the prefixes. The same files
    /// give the same bytes.
    pub text: String,
    /// What was read of each file, in the order of the providers' short names.
    pub lists: Vec<ImportedList>,
}

/// What was read of one provider's file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedList {
    /// The provider's name, for people.
    pub provider: &'static str,
    /// The file's name without its folder.
    pub file: String,
    /// The day of the list.
    pub dated: Date,
    /// How many ranges the list has, each counted once.
    pub ranges: usize,
    /// The regions that the table of regions does not list, each with the number of its ranges. They are kept, and claim
    /// no country.
    pub unknown: BTreeMap<String, usize>,
}

/// Merges providers' files into one list.
///
/// `dated` is the day of files that do not state theirs (Azure's, where its name was changed); no day may be after
/// `today`. A second file of one provider is an error.
pub fn import_ranges(
    files: &[RangeFile<'_>],
    dated: Option<Date>,
    today: Date,
) -> Result<ImportedRanges, DataError> {
    let mut lists: Vec<List<'_>> = Vec::with_capacity(files.len());
    for file in files {
        let document = Document::new(file.name, file.text)?;
        let list = published_list(document, dated, today)?;
        if let Some(known) = lists.iter().find(|known| known.provider == list.provider) {
            let what =
                format!("a second list of {}, beside {}: import one of them", list.provider.name, known.file);
            return Err(document.wrong(&what));
        }
        lists.push(list);
    }
    lists.sort_by_key(|list| &list.provider.id);
    Ok(ImportedRanges { text: list::write(&lists), lists: lists.iter().map(imported).collect() })
}

/// The day on which the table of regions was compiled.
#[must_use]
pub fn regions_compiled() -> Date {
    region::compiled()
}

fn imported(list: &List<'_>) -> ImportedList {
    let mut unknown = BTreeMap::new();
    for (_, code) in &list.rows {
        if region::region(&list.provider.id, code).is_none() {
            *unknown.entry(code.clone().into_owned()).or_insert(0) += 1;
        }
    }
    let prefixes: BTreeSet<Prefix> = list.rows.iter().map(|(prefix, _)| *prefix).collect();
    ImportedList {
        provider: &list.provider.name,
        file: list.file.clone(),
        dated: list.dated,
        ranges: prefixes.len(),
        unknown,
    }
}

/// A provider's own file as a list.
fn published_list(document: Document<'_>, dated: Option<Date>, today: Date) -> Result<List<'_>, DataError> {
    let published = published::read(document)?;
    let Some(provider) = region::provider(published.provider) else {
        return Err(document.wrong("the table of regions does not know this provider"));
    };
    let Some(dated) = published.dated.or(dated) else {
        let what = "neither the file nor its name says of which day the list is; keep the name \
                    ServiceTags_Public_YYYYMMDD.json, or import it with --date";
        return Err(document.wrong(what));
    };
    if let Some(what) = in_future(dated, today) {
        return Err(document.wrong(&format!("the list's day is wrong: {what}")));
    }
    let mut rows = published.rows;
    rows.sort_unstable();
    rows.dedup();
    Ok(List { provider, file: base_name(document.name), dated, sha256: document.sha256(), rows })
}

/// The name without its folder, on one line.
fn base_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    base.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// One provider's list, to look addresses up in.
#[derive(Clone, Debug)]
pub(super) struct CloudList {
    pub(super) provider: &'static Provider,
    /// The name of the provider's file, and of the merged list if it was read from one.
    pub(super) source: String,
    pub(super) dated: Date,
    /// Positions in `places`.
    ranges: PrefixMap<u32>,
    /// The different sets of codes that ranges have; nearly every range has one code.
    places: Vec<Vec<Code>>,
}

/// A provider's code, and what the table of regions says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Code {
    pub(super) text: String,
    pub(super) region: Option<&'static CloudRegion>,
}

impl CloudList {
    /// Reads a provider's own file, or a merged list of several.
    pub(super) fn read(document: Document<'_>, today: Date) -> Result<Vec<Self>, DataError> {
        if is_list(document.text) {
            let lists = list::read(document, today)?;
            let source = |file: &str| format!("{file}, in {}", document.name);
            return Ok(lists.iter().map(|list| Self::new(list, source(&list.file))).collect());
        }
        let list = published_list(document, None, today)?;
        Ok(vec![Self::new(&list, document.name.to_owned())])
    }

    fn new(list: &List<'_>, source: String) -> Self {
        let id = &list.provider.id;
        let mut numbers: BTreeMap<Vec<&str>, u32> = BTreeMap::new();
        let mut places = Vec::new();
        let groups = list.rows.chunk_by(|(a, _), (b, _)| a == b).filter_map(|group| {
            let codes: Vec<&str> = group.iter().map(|(_, code)| Cow::as_ref(code)).collect();
            let next = u32::try_from(places.len()).ok()?;
            let number = *numbers.entry(codes).or_insert_with_key(|codes| {
                let code = |text: &&str| Code { text: (*text).to_owned(), region: region::region(id, text) };
                places.push(codes.iter().map(code).collect());
                next
            });
            Some((group.first()?.0, number))
        });
        let ranges = PrefixMap::new(groups.collect());
        Self { provider: list.provider, source, dated: list.dated, ranges, places }
    }

    /// The longest range around the address, and the codes that the provider lists it under.
    pub(super) fn find(&self, address: IpAddr) -> Option<(Prefix, &[Code])> {
        let (prefix, place) = self.ranges.longest(address)?;
        Some((prefix, self.places.get(usize::try_from(*place).ok()?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn files() -> [RangeFile<'static>; 4] {
        [
            RangeFile { name: "lists/ip-ranges.json", text: sample::AWS },
            RangeFile { name: "cloud.json", text: sample::GOOGLE },
            RangeFile { name: "public_ip_ranges.json", text: sample::ORACLE },
            RangeFile { name: "ServiceTags_Public_20260601.json", text: sample::AZURE },
        ]
    }

    fn import(files: &[RangeFile<'_>], dated: Option<Date>) -> Result<ImportedRanges, String> {
        import_ranges(files, dated, day("2026-06-30")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_same_files_give_the_same_bytes_in_any_order() {
        let made = import(&files(), None).unwrap();
        let mut reversed = files();
        reversed.reverse();
        assert_eq!(import(&reversed, None).unwrap(), made);
        let lines: Vec<&str> = made.text.lines().collect();
        assert_eq!(
            lines[..3],
            ["# borderpost ranges 1", "# source: aws, ip-ranges.json", "# dated: 2026-06-03"]
        );
        assert_eq!(
            lines[13..16],
            ["prefix,provider,region", "3.4.12.4/32,aws,eu-west-1", "13.69.0.0/17,azure,westeurope"]
        );
        assert_eq!(lines.last(), Some(&"2a05:d018::/36,aws,eu-west-1"));
        assert!(made.text.ends_with('\n') && !made.text.contains("lists/"));
    }

    #[test]
    fn regions_that_the_table_does_not_list_are_kept_counted_and_named() {
        let made = import(&files(), None).unwrap();
        let aws = &made.lists[0];
        assert_eq!((aws.provider, aws.dated, aws.ranges), ("Amazon Web Services", day("2026-06-03"), 7));
        assert_eq!(aws.unknown, BTreeMap::from([("xx-new-1".to_owned(), 1)]));
        assert!(made.text.contains("\n15.230.39.0/31,aws,xx-new-1\n"));
        assert!(made.lists[1..].iter().all(|list| list.unknown.is_empty()));
    }

    #[test]
    fn a_files_name_stays_on_its_line() {
        let odd = [RangeFile { name: "a\\b/cloud\n# dated: 1.json", text: sample::GOOGLE }];
        let text = import(&odd, None).unwrap().text;
        assert_eq!(text.lines().nth(1), Some("# source: gcp, cloud?# dated: 1.json"));
        assert_eq!(
            CloudList::read(Document::new("ranges.csv", &text).unwrap(), day("2026-06-30")).unwrap().len(),
            1
        );
    }

    #[test]
    fn a_list_without_a_day_needs_one() {
        let azure = [RangeFile { name: "tags.json", text: sample::AZURE }];
        assert!(import(&azure, None).unwrap_err().contains("import it with --date"));
        assert_eq!(import(&azure, Some(day("2026-06-01"))).unwrap().lists[0].dated, day("2026-06-01"));
        let shown = import(&azure, Some(day("2026-07-01"))).unwrap_err();
        assert!(shown.contains("2026-07-01 is in the future; today is 2026-06-30"), "{shown}");
        let aws = [RangeFile { name: "ip-ranges.json", text: sample::AWS }];
        assert_eq!(
            import(&aws, Some(day("2020-01-01"))).unwrap().lists[0].dated,
            day("2026-06-03"),
            "its own day"
        );
    }

    #[test]
    fn two_lists_of_one_provider_are_an_error() {
        let twice = [files()[1], RangeFile { name: "cloud-2.json", text: sample::GOOGLE }];
        let shown = import(&twice, None).unwrap_err();
        assert_eq!(
            shown,
            "cloud-2.json:1:1: a second list of Google Cloud, beside cloud.json: import one of them"
        );
    }

    #[test]
    fn a_merged_list_answers_as_the_files_do() {
        let today = day("2026-06-30");
        let merged = import(&files(), None).unwrap().text;
        let merged = CloudList::read(Document::new("ranges.csv", &merged).unwrap(), today).unwrap();
        let found = |lists: &[CloudList], address: &str| {
            let found = lists.iter().find_map(|list| list.find(address.parse().unwrap()));
            found.map(|(prefix, codes)| {
                (prefix.to_string(), codes.iter().map(|code| code.text.clone()).collect::<Vec<_>>())
            })
        };
        let addresses = [
            "3.4.12.4",
            "15.220.81.1",
            "52.85.1.1",
            "13.107.213.9",
            "2600:1900:40a0::1",
            "2a05:d018::1",
            "192.0.2.1",
        ];
        for file in files() {
            let own = CloudList::read(Document::new(file.name, file.text).unwrap(), today).unwrap();
            for address in addresses {
                let by_file = found(&own, address);
                assert!(by_file.is_none() || by_file == found(&merged, address), "{address}");
            }
        }
        let of_edge = found(&merged, "52.85.1.1").unwrap();
        assert_eq!(of_edge, ("52.84.0.0/15".into(), vec!["GLOBAL".into(), "GLOBAL/CLOUDFRONT".into()]));
        assert_eq!(found(&merged, "192.0.2.1"), None);
        assert_eq!(merged[0].source, "ip-ranges.json, in ranges.csv");
    }
}
