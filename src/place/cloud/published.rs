//! The lists of address ranges as the cloud providers publish them.
//!
//! Input: the JSON text of AWS, Google, Oracle or Azure, told apart by its keys. Output: its day, and each range with the
//! code of the region it is in. Of AWS, a network border group that is not the region stands for it, since a local zone
//! may be in another country. Azure's tags without a region are left out, for they only repeat ranges of the regions by
//! service, unless `regions.toml` knows the tag.
//! Must not: know which country a code stands for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::region;
use crate::data::DataError;
use crate::frame::Date;
use crate::place::Prefix;
use crate::place::document::Document;

/// What a provider's file says.
pub(super) struct Published<'a> {
    /// The provider's short name.
    pub(super) provider: &'static str,
    /// The day that the file or its name states.
    pub(super) dated: Option<Date>,
    /// Ranges and codes, as they stand in the file.
    pub(super) rows: Vec<(Prefix, Cow<'a, str>)>,
}

/// Which provider's list the text is, by its keys.
pub(in crate::place) fn provider_of(document: Document<'_>) -> Option<&'static str> {
    Some(recognise(document).ok()?.provider)
}

/// Reads a provider's list.
pub(super) fn read(document: Document<'_>) -> Result<Published<'_>, DataError> {
    let format = recognise(document)?;
    let (dated, rows) = (format.read)(document)?;
    if rows.is_empty() {
        return Err(document.wrong("the list holds no ranges with a region"));
    }
    if let Some((_, code)) = rows.iter().find(|(_, code)| !is_code(code)) {
        let what = "the name of a region is 1 to 64 letters, digits and signs without a comma";
        return Err(document.wrong_at(code, what));
    }
    Ok(Published { provider: format.provider, dated, rows })
}

/// Whether the text can be the code of a region, so that it can stand in a field of a list.
pub(super) fn is_code(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'#');
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}

type Read<'a> = (Option<Date>, Vec<(Prefix, Cow<'a, str>)>);

/// How a provider's list is told from others, and read.
struct Format {
    provider: &'static str,
    /// What it is called, for people.
    title: &'static str,
    /// Keys that only this list has together.
    keys: [&'static str; 2],
    read: fn(Document<'_>) -> Result<Read<'_>, DataError>,
}

const FORMATS: [Format; 4] = [
    Format { provider: "aws", title: "AWS ip-ranges.json", keys: ["createDate", "prefixes"], read: aws },
    Format { provider: "gcp", title: "Google cloud.json", keys: ["creationTime", "prefixes"], read: google },
    Format {
        provider: "oci",
        title: "Oracle public_ip_ranges.json",
        keys: ["last_updated_timestamp", "regions"],
        read: oracle,
    },
    Format {
        provider: "azure",
        title: "Azure ServiceTags_Public_YYYYMMDD.json",
        keys: ["changeNumber", "values"],
        read: azure,
    },
];

fn recognise(document: Document<'_>) -> Result<&'static Format, DataError> {
    if !document.text.trim_start().starts_with('{') {
        let titles = FORMATS.map(|format| format.title).join(", ");
        return Err(document.wrong(&format!("no JSON object; wanted one of {titles}, as published")));
    }
    #[expect(clippy::zero_sized_map_values, reason = "only the keys are wanted, and a map is how they come")]
    let keys: BTreeMap<Cow<'_, str>, IgnoredAny> = parse(document)?;
    let format = FORMATS.iter().find(|format| format.keys.iter().all(|key| keys.contains_key(*key)));
    format.ok_or_else(|| {
        let found: Vec<String> = keys.keys().take(8).map(|key| key.chars().take(40).collect()).collect();
        let found = if found.is_empty() { "no keys".to_owned() } else { found.join(", ") };
        let wanted =
            FORMATS.map(|format| format!("{} and {} ({})", format.keys[0], format.keys[1], format.title));
        document
            .wrong(&format!("no provider's list of ranges: it has {found}; wanted {}", wanted.join(", or ")))
    })
}

/// Reads JSON; an error shows the place.
fn parse<'a, T: Deserialize<'a>>(document: Document<'a>) -> Result<T, DataError> {
    serde_json::from_str(document.text).map_err(|error| {
        let shown = error.to_string();
        let what = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(what, _)| what);
        let mut starts = document.text.split_inclusive('\n').scan(0, |next, line| {
            let start = *next;
            *next += line.len();
            Some((start, line.len()))
        });
        let line = starts.nth(error.line().saturating_sub(1));
        let (start, length) = line.unwrap_or((document.text.len(), 0));
        // The column counts bytes and may be inside a character.
        let column = error.column().saturating_sub(1).min(length);
        let offset = (start..=start + column).rev().find(|offset| document.text.is_char_boundary(*offset));
        document.wrong_from(offset.unwrap_or_default(), what)
    })
}

/// The day at the start of a time stamp.
fn day(document: Document<'_>, stamp: &str) -> Result<Date, DataError> {
    let day = stamp.get(..10).and_then(|day| day.parse().ok());
    day.ok_or_else(|| document.wrong_at(stamp, "the file's time does not begin with a day, YYYY-MM-DD"))
}

/// A text that may be missing; without a type of its own it would be copied.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Aws<'a> {
    #[serde(borrow, rename = "createDate")]
    created: Cow<'a, str>,
    #[serde(borrow)]
    prefixes: Vec<AwsRow<'a>>,
    #[serde(borrow, default)]
    ipv6_prefixes: Vec<AwsRow<'a>>,
}

#[derive(Deserialize)]
struct AwsRow<'a> {
    #[serde(rename = "ip_prefix", alias = "ipv6_prefix")]
    prefix: Prefix,
    #[serde(borrow)]
    region: Cow<'a, str>,
    /// Files from before local zones have none.
    #[serde(borrow)]
    network_border_group: Option<Text<'a>>,
    #[serde(borrow)]
    service: Cow<'a, str>,
}

fn aws(document: Document<'_>) -> Result<Read<'_>, DataError> {
    let file: Aws<'_> = parse(document)?;
    let rows = file.prefixes.into_iter().chain(file.ipv6_prefixes).map(|row| {
        let edge = format!("{}/{}", row.region, row.service);
        let code = if region::region("aws", &edge).is_some() {
            Cow::Owned(edge)
        } else {
            row.network_border_group.map_or(row.region, |group| group.0)
        };
        (row.prefix, code)
    });
    Ok((Some(day(document, &file.created)?), rows.collect()))
}

#[derive(Deserialize)]
struct Google<'a> {
    #[serde(borrow, rename = "creationTime")]
    created: Cow<'a, str>,
    #[serde(borrow)]
    prefixes: Vec<GoogleRow<'a>>,
}

#[derive(Deserialize)]
struct GoogleRow<'a> {
    #[serde(rename = "ipv4Prefix", alias = "ipv6Prefix")]
    prefix: Prefix,
    #[serde(borrow)]
    scope: Option<Text<'a>>,
}

fn google(document: Document<'_>) -> Result<Read<'_>, DataError> {
    let file: Google<'_> = parse(document)?;
    let rows: Option<Vec<_>> =
        file.prefixes.into_iter().map(|row| Some((row.prefix, row.scope?.0))).collect();
    let without = "ranges without the key scope: Google's goog.json has no regions; take its cloud.json";
    Ok((Some(day(document, &file.created)?), rows.ok_or_else(|| document.wrong(without))?))
}

#[derive(Deserialize)]
struct Oracle<'a> {
    #[serde(borrow, rename = "last_updated_timestamp")]
    updated: Cow<'a, str>,
    #[serde(borrow)]
    regions: Vec<OracleRegion<'a>>,
}

#[derive(Deserialize)]
struct OracleRegion<'a> {
    #[serde(borrow)]
    region: Cow<'a, str>,
    cidrs: Vec<OracleRow>,
}

#[derive(Deserialize)]
struct OracleRow {
    cidr: Prefix,
}

fn oracle(document: Document<'_>) -> Result<Read<'_>, DataError> {
    let file: Oracle<'_> = parse(document)?;
    let rows = file.regions.into_iter().flat_map(|region| {
        let code = region.region;
        region.cidrs.into_iter().map(move |row| (row.cidr, code.clone()))
    });
    Ok((Some(day(document, &file.updated)?), rows.collect()))
}

#[derive(Deserialize)]
struct Azure<'a> {
    #[serde(borrow)]
    values: Vec<AzureTag<'a>>,
}

#[derive(Deserialize)]
struct AzureTag<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    properties: AzureProperties<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AzureProperties<'a> {
    #[serde(borrow)]
    region: Cow<'a, str>,
    address_prefixes: Vec<Prefix>,
}

fn azure(document: Document<'_>) -> Result<Read<'_>, DataError> {
    let file: Azure<'_> = parse(document)?;
    let tags = file.values.into_iter().filter_map(|tag| {
        let has_region = !tag.properties.region.is_empty();
        let code = if has_region { tag.properties.region } else { tag.name };
        let is_read = has_region || region::region("azure", &code).is_some();
        is_read.then_some((code, tag.properties.address_prefixes))
    });
    let rows =
        tags.flat_map(|(code, prefixes)| prefixes.into_iter().map(move |prefix| (prefix, code.clone())));
    Ok((day_in_name(document.name), rows.collect()))
}

/// The day in a name such as `ServiceTags_Public_20250721.json`: Azure's file has none inside.
fn day_in_name(name: &str) -> Option<Date> {
    let (_, rest) = name.rsplit_once("ServiceTags_")?;
    let mut runs = rest.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 8);
    runs.find_map(|run| format!("{}-{}-{}", &run[..4], &run[4..6], &run[6..]).parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::cloud::sample;

    fn published<'a>(name: &'a str, text: &'a str) -> Result<Published<'a>, String> {
        read(Document::new(name, text).unwrap()).map_err(|error| error.to_string())
    }

    /// Provider, day, and rows of a list that can be read.
    fn rows(name: &str, text: &str) -> (&'static str, Option<String>, Vec<String>) {
        let read = published(name, text).unwrap();
        let rows = read.rows.iter().map(|(prefix, code)| format!("{prefix} {code}"));
        (read.provider, read.dated.map(|day| day.to_string()), rows.collect())
    }

    #[test]
    fn a_border_group_stands_for_its_region() {
        let (provider, dated, rows) = rows("ip-ranges.json", sample::AWS);
        assert_eq!((provider, dated.as_deref()), ("aws", Some("2026-06-03")));
        let expected = [
            "3.4.12.4/32 eu-west-1",
            "15.220.80.0/20 eu-central-1-waw-1",
            "15.230.39.0/31 xx-new-1",
            "52.84.0.0/15 GLOBAL",
            "52.84.0.0/15 GLOBAL/CLOUDFRONT",
            "13.248.118.0/24 eu-west-1",
            "75.2.0.0/17 GLOBAL/GLOBALACCELERATOR",
            "2a05:d018::/36 eu-west-1",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn lists_of_before_local_zones_have_regions_alone() {
        let text = r#"{"createDate": "2016-01-02-03-04-05", "prefixes": [
            {"ip_prefix": "52.84.0.0/15", "region": "us-east-1", "service": "AMAZON"}]}"#;
        assert_eq!(rows("old.json", text).2, ["52.84.0.0/15 us-east-1"]);
    }

    #[test]
    fn google_and_oracle_state_their_day() {
        let (provider, dated, rows_of_google) = rows("cloud.json", sample::GOOGLE);
        assert_eq!((provider, dated.as_deref()), ("gcp", Some("2026-05-30")));
        assert_eq!(
            rows_of_google,
            ["34.0.240.0/20 europe-west4", "2600:1900:40a0::/44 europe-west4", "35.186.0.0/17 global"]
        );
        let (provider, dated, rows_of_oracle) = rows("public_ip_ranges.json", sample::ORACLE);
        assert_eq!((provider, dated.as_deref()), ("oci", Some("2026-06-02")));
        assert_eq!(rows_of_oracle, ["129.148.128.0/20 eu-frankfurt-1", "132.145.0.0/20 uk-london-1"]);
    }

    #[test]
    fn azure_is_dated_by_its_name_and_read_by_region() {
        let (provider, dated, rows_of_azure) = rows("lists/ServiceTags_Public_20260601.json", sample::AZURE);
        assert_eq!((provider, dated.as_deref()), ("azure", Some("2026-06-01")));
        let expected = [
            "13.69.0.0/17 westeurope",
            "2603:1020:200::/46 westeurope",
            "13.107.213.0/24 AzureFrontDoor.Frontend",
        ];
        assert_eq!(rows_of_azure, expected);
        for name in ["tags.json", "ServiceTags_Public_20261332.json", "ServiceTags_Public_2026.json"] {
            assert_eq!(rows(name, sample::AZURE).1, None, "{name}");
        }
    }

    #[test]
    fn another_shape_is_told_by_its_keys() {
        let refused = |text| published("other.json", text).err().unwrap();
        let shown = refused(r#"{"addresses": [], "about": 1}"#);
        assert!(
            shown
                .contains("it has about, addresses; wanted createDate and prefixes (AWS ip-ranges.json), or"),
            "{shown}"
        );
        assert!(refused("{}").contains("it has no keys"));
        let shown = refused("[1, 2]");
        assert!(
            shown.starts_with("other.json:1:1: no JSON object; wanted one of AWS ip-ranges.json, Google"),
            "{shown}"
        );
        assert!(
            refused(r#"{"creationTime": "2026-01-01T00:00:00", "prefixes": [{"ipv4Prefix": "8.8.4.0/24"}]}"#)
                .contains("take its cloud.json")
        );
        let shown = refused(r#"{"createDate": "2026-01-01-00-00-00", "prefixes": []}"#);
        assert!(shown.contains("no ranges"), "{shown}");
    }

    #[test]
    fn a_wrong_value_is_shown_where_it_stands() {
        let refused = |text: &str| published("ip-ranges.json", text).err().unwrap();
        let shown = refused(&sample::AWS.replace("15.220.80.0/20", "15.220.80.1/20"));
        assert!(shown.starts_with("ip-ranges.json:8:"), "{shown}");
        assert!(
            shown.contains("the range around it is 15.220.80.0/20") && shown.contains("\n 8 | "),
            "{shown}"
        );
        let shown = refused(&sample::AWS.replace("2026-06-03-21", "June"));
        assert!(
            shown.starts_with("ip-ranges.json:3:18: the file's time does not begin with a day"),
            "{shown}"
        );
        let shown = refused(&sample::AWS.replace("\"region\": \"xx-new-1\"", "\"area\": \"x\""));
        assert!(shown.contains("missing field `region`"), "{shown}");
        let shown = refused(&sample::AWS.replace("\"xx-new-1\"", "\"a,b\""));
        assert!(shown.contains("without a comma") && shown.starts_with("ip-ranges.json:9:"), "{shown}");
        let cut = &sample::AWS[..sample::AWS.len() / 2];
        assert!(refused(cut).contains("EOF while parsing"), "{}", refused(cut));
    }

    #[test]
    fn any_cut_of_a_list_is_refused_without_panic() {
        for text in [sample::AWS, sample::GOOGLE, sample::ORACLE, sample::AZURE] {
            let whole = text.trim_end().len();
            for cut in (0..whole).filter(|cut| text.is_char_boundary(*cut)) {
                assert!(published("cut.json", &text[..cut]).is_err(), "{cut}");
            }
        }
    }
}
