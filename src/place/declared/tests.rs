//! What the user's lists say together, through the front door.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;
use crate::place::cloud::sample;
use crate::place::{RangeFile, import_ranges, resolve};

const FEED: &str = "192.0.2.0/24,NL,NL-NH,Amsterdam,\n192.0.2.128/25,,,,\n";
const ANYCAST: &str = "# scan\n104.16.0.0/13\n";
const OVERRIDES: &str = "schema = 1\n[[override]]\nrange = \"192.0.2.0/24\"\ncountry = \"SE\"\nreason = \"lease of rack 7\"\n\
                         author = \"A. Tester\"\ndated = \"2026-01-02\"\n";

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn today() -> Date {
    day("2026-06-30")
}

fn with_aws() -> Declared {
    Declared::default().with_ranges("ip-ranges.json", sample::AWS, today()).unwrap()
}

/// The only witness of an address on 2026-06-20.
fn only(declared: &Declared, address: &str) -> Witness {
    on(declared, address, "2026-06-20")
}

fn on(declared: &Declared, address: &str, on: &str) -> Witness {
    let mut found = declared.witnesses(address.parse().unwrap(), day(on));
    assert_eq!(found.len(), 1, "{found:?}");
    found.swap_remove(0)
}

fn in_countries(codes: &[&str]) -> Claim {
    Claim::In(codes.iter().map(|code| code.parse::<Country>().unwrap()).collect())
}

#[test]
fn without_lists_nothing_is_said() {
    let none = Declared::default();
    assert_eq!(none.witnesses("192.0.2.1".parse().unwrap(), today()), []);
    assert_eq!(none.sources(), Vec::<&DeclaredSource>::new());
}

#[test]
fn a_cloud_region_states_its_country() {
    let said = only(&with_aws(), "3.4.12.4");
    assert_eq!(
        (said.kind, said.group, said.strength),
        (WitnessKind::CloudRegion, Group::Operator, Strength::Strong)
    );
    assert_eq!((said.claim, said.is_stale), (in_countries(&["IE"]), false));
    assert_eq!((&*said.source, said.dated), ("ip-ranges.json", Some(day("2026-06-03"))));
    assert_eq!(&*said.says, "3.4.12.4/32 lies in Amazon Web Services's region eu-west-1, which stands in IE");
}

#[test]
fn a_local_zone_states_its_own_country() {
    let said = only(&with_aws(), "15.220.95.255");
    assert_eq!((said.claim, said.strength), (in_countries(&["PL"]), Strength::Strong));
    assert_eq!(
        &*said.says,
        "15.220.80.0/20 lies in Amazon Web Services's local zone eu-central-1-waw-1, which stands in PL"
    );
}

#[test]
fn a_region_that_is_not_listed_claims_nothing() {
    let said = only(&with_aws(), "15.230.39.1");
    assert_eq!((said.claim, said.strength), (Claim::Nothing, Strength::None));
    assert_eq!(
        &*said.says,
        "15.230.39.0/31 lies in Amazon Web Services's region xx-new-1, whose country is not known here"
    );
}

#[test]
fn an_unlisted_border_group_is_not_placed_by_its_region() {
    let text = sample::AWS.replace("eu-central-1-waw-1", "eu-central-1-new-1");
    let declared = Declared::default().with_ranges("ip-ranges.json", &text, today()).unwrap();
    assert_eq!(only(&declared, "15.220.80.1").claim, Claim::Nothing);
}

#[test]
fn what_a_provider_runs_from_its_edge_hides_the_origin() {
    let declared =
        with_aws().with_ranges("ServiceTags_Public_20260601.json", sample::AZURE, today()).unwrap();
    let delivery = only(&declared, "52.85.1.1");
    assert_eq!((delivery.kind, delivery.claim), (WitnessKind::CdnNetwork, Claim::OriginUnknown));
    assert_eq!(
        &*delivery.says,
        "52.84.0.0/15 is listed by Amazon Web Services as GLOBAL/CLOUDFRONT, a content delivery network: where the origin \
         stands is not known"
    );
    for (address, code) in
        [("75.2.1.1", "GLOBAL/GLOBALACCELERATOR"), ("13.107.213.1", "AzureFrontDoor.Frontend")]
    {
        let said = only(&declared, address);
        assert_eq!(
            (said.kind, said.claim, said.strength),
            (WitnessKind::Anycast, Claim::OriginUnknown, Strength::Hard)
        );
        assert!(
            said.says.ends_with(&format!("as {code}, announced from many places at once (anycast)")),
            "{}",
            said.says
        );
    }
    // The accelerator's own points of presence are listed by region, and are no anycast.
    assert_eq!(only(&declared, "13.248.118.1").claim, in_countries(&["IE"]));
}

#[test]
fn a_global_range_is_no_one_place_and_hides_nothing() {
    let declared = Declared::default().with_ranges("cloud.json", sample::GOOGLE, today()).unwrap();
    let said = only(&declared, "35.186.1.1");
    assert_eq!(
        (said.kind, said.claim, said.strength),
        (WitnessKind::CloudRegion, Claim::Nothing, Strength::None)
    );
    assert_eq!(&*said.says, "35.186.0.0/17 is listed by Google Cloud as global, which is no one place");
}

#[test]
fn a_range_in_two_regions_claims_both_countries() {
    let text = sample::ORACLE.replace("132.145.0.0/20", "129.148.128.0/20");
    let declared = Declared::default().with_ranges("oci.json", &text, today()).unwrap();
    let said = only(&declared, "129.148.128.1");
    assert_eq!(said.claim, in_countries(&["DE", "GB"]));
    assert_eq!(
        &*said.says,
        "129.148.128.0/20 lies in Oracle Cloud's regions eu-frankfurt-1 and uk-london-1, which stand in DE or GB"
    );
}

#[test]
fn a_row_of_low_confidence_supports_at_most_possible() {
    let text = sample::GOOGLE.replace("europe-west4", "us-east7");
    let declared = Declared::default().with_ranges("cloud.json", &text, today()).unwrap();
    let said = only(&declared, "34.0.240.1");
    assert_eq!((said.claim, said.strength), (in_countries(&["US"]), Strength::Medium));
}

#[test]
fn a_list_is_stale_180_days_away_from_the_flow() {
    let declared = with_aws();
    let stale = |text| on(&declared, "3.4.12.4", text).is_stale;
    assert_eq!([stale("2026-11-30"), stale("2026-12-01")], [false, true]);
    assert_eq!([stale("2025-12-05"), stale("2025-12-04")], [false, true]);
}

#[test]
fn a_geofeed_is_medium_and_says_whose_word_it_is() {
    let dated = Some(day("2026-06-01"));
    let declared = Declared::default().with_geofeed("feed.csv", FEED, dated, today()).unwrap();
    let said = only(&declared, "192.0.2.1");
    assert_eq!((said.kind.name(), said.group, said.strength), ("geofeed", Group::Operator, Strength::Medium));
    assert_eq!((said.claim, said.is_stale, said.dated), (in_countries(&["NL"]), false, dated));
    assert_eq!(&*said.says, "the network's own geofeed places 192.0.2.0/24 in Amsterdam, NL");
    let silent = only(&declared, "192.0.2.200");
    assert_eq!((silent.claim, silent.strength), (Claim::Nothing, Strength::None));
    assert_eq!(&*silent.says, "the geofeed lists 192.0.2.128/25 without a country");
    assert!(on(&declared, "192.0.2.1", "2027-06-01").is_stale);
    let undated = Declared::default().with_geofeed("feed.csv", FEED, None, today()).unwrap();
    assert!(only(&undated, "192.0.2.1").is_stale);
}

#[test]
fn an_anycast_list_leaves_the_origin_open() {
    let declared =
        Declared::default().with_anycast("anycast.txt", ANYCAST, Some(day("2026-06-01")), today()).unwrap();
    let said = only(&declared, "104.17.1.1");
    assert_eq!(
        (said.kind, said.group, said.strength),
        (WitnessKind::Anycast, Group::Operator, Strength::Hard)
    );
    assert_eq!(said.claim, Claim::OriginUnknown);
    assert_eq!(&*said.says, "104.16.0.0/13 is announced from many places at once (anycast)");
    assert_eq!(resolve(&[said], None).grade.name(), "anycast");
}

#[test]
fn an_override_names_who_said_it_and_why_and_wins() {
    let declared = Declared::default()
        .with_geofeed("feed.csv", FEED, None, today())
        .and_then(|declared| declared.with_overrides("own.toml", OVERRIDES, today()))
        .unwrap();
    let said = declared.witnesses("192.0.2.1".parse().unwrap(), day("2019-01-01"));
    let own = &said[1];
    assert_eq!((own.kind, own.group, own.strength), (WitnessKind::Override, Group::User, Strength::Hard));
    assert_eq!((own.claim, own.is_stale, own.dated), (in_countries(&["SE"]), false, Some(day("2026-01-02"))));
    assert_eq!(&*own.says, "192.0.2.0/24 is placed in SE by A. Tester: lease of rack 7");
    let resolution = resolve(&said, None);
    assert_eq!((resolution.grade.name(), resolution.allowed.to_string()), ("likely", "SE".into()));
    let shown = declared.with_overrides("more.toml", OVERRIDES, today()).unwrap_err().to_string();
    assert_eq!(shown, "more.toml:1:1: a second file of overrides, beside own.toml: put them into one file");
}

#[test]
fn every_source_is_listed_with_its_day_and_checksum() {
    let files = [
        RangeFile { name: "ip-ranges.json", text: sample::AWS },
        RangeFile { name: "cloud.json", text: sample::GOOGLE },
    ];
    let merged = import_ranges(&files, None, today()).unwrap().text;
    let declared = Declared::default()
        .with_ranges("ranges.csv", &merged, today())
        .and_then(|declared| declared.with_geofeed("feed.csv", FEED, None, today()))
        .and_then(|declared| declared.with_anycast("anycast.txt", ANYCAST, None, today()))
        .and_then(|declared| declared.with_overrides("own.toml", OVERRIDES, today()))
        .unwrap();
    let sources = declared.sources();
    let listed = sources.iter().map(|source| {
        let dated = source.dated.map(|day| day.to_string()).unwrap_or_default();
        format!("{} {} {dated}", source.kind.name(), source.name)
    });
    let expected = [
        "cloud_ranges ip-ranges.json, in ranges.csv 2026-06-03",
        "cloud_ranges cloud.json, in ranges.csv 2026-05-30",
        "geofeed feed.csv ",
        "anycast_list anycast.txt ",
        "overrides own.toml 2026-01-02",
    ];
    assert_eq!(listed.collect::<Vec<_>>(), expected);
    let sums: Vec<&str> = sources.iter().map(|source| source.sha256.as_str()).collect();
    assert!(sums.iter().all(|sum| sum.len() == 64));
    assert!(sums[0] == sums[1] && sums[1] != sums[2]);
    assert_eq!(&*only(&declared, "3.4.12.4").source, "ip-ranges.json, in ranges.csv");
}

#[test]
fn a_file_of_another_kind_is_named_for_what_it_is() {
    let refused = |result: Result<Declared, DataError>| result.err().unwrap().to_string();
    let none = Declared::default;
    let shown = refused(none().with_ranges("feed.csv", FEED, today()));
    assert!(shown.contains("looks like a geofeed") && shown.contains("which --geofeed takes"), "{shown}");
    let shown = refused(none().with_geofeed("own.toml", OVERRIDES, None, today()));
    assert!(shown.contains("looks like overrides in TOML ([[override]]), which --override takes"), "{shown}");
    let shown = refused(none().with_anycast("ip-ranges.json", sample::AWS, None, today()));
    assert!(
        shown.contains("looks like a cloud provider's list") && shown.contains("which --ranges takes"),
        "{shown}"
    );
    let shown = refused(none().with_overrides("anycast.txt", ANYCAST, today()));
    assert!(
        shown.contains("looks like a list of anycast ranges") && shown.contains("--anycast takes"),
        "{shown}"
    );
    let shown = refused(none().with_ranges("page.html", "<!DOCTYPE html>\n<title>x</title>", today()));
    assert!(shown.contains("looks like a web page; --ranges takes a cloud provider's list"), "{shown}");
    let shown =
        refused(none().with_overrides("register.toml", "schema = 1\n[[entry]]\nid = \"a\"\n", today()));
    assert!(shown.contains("looks like a register of declared transfers, which --register takes"), "{shown}");
    let shown = refused(none().with_ranges("other.json", "{\"a\": 1}", today()));
    assert!(shown.contains("it has a; wanted createDate and prefixes"), "{shown}");
    for empty in ["", "\u{feff}\n", "# nothing\n"] {
        let shown = refused(none().with_geofeed("feed.csv", empty, None, today()));
        assert!(shown.contains("the file is empty; --geofeed takes"), "{shown}");
    }
}

#[test]
fn days_in_the_future_are_refused() {
    let early = day("2026-06-02");
    let shown =
        Declared::default().with_ranges("ip-ranges.json", sample::AWS, early).unwrap_err().to_string();
    assert_eq!(
        shown,
        "ip-ranges.json:1:1: the list's day is wrong: 2026-06-03 is in the future; today is 2026-06-02"
    );
    let shown =
        Declared::default().with_geofeed("feed.csv", FEED, Some(today()), early).unwrap_err().to_string();
    assert!(shown.contains("the geofeed's day is wrong: 2026-06-30 is in the future"), "{shown}");
    let shown = Declared::default()
        .with_anycast("anycast.txt", ANYCAST, Some(today()), early)
        .unwrap_err()
        .to_string();
    assert!(shown.contains("the list's day is wrong: 2026-06-30 is in the future"), "{shown}");
}

#[test]
fn azures_own_file_needs_its_name() {
    let shown = Declared::default().with_ranges("tags.json", sample::AZURE, today()).unwrap_err().to_string();
    assert!(
        shown.contains("keep the name ServiceTags_Public_YYYYMMDD.json, or import it with --date"),
        "{shown}"
    );
}

#[test]
fn looking_up_in_sixty_thousand_ranges_is_fast() {
    let mut text = String::from(
        "# borderpost ranges 1\n# source: aws, x.json\n# dated: 2026-06-03\n# sha256: 0\nprefix,provider,region\n",
    );
    for index in 0..60_000_u32 {
        let base = std::net::Ipv4Addr::from_bits((11 << 24) + (index << 8));
        writeln!(text, "{base}/24,aws,eu-west-{}", 1 + index % 3).unwrap();
    }
    let declared = Declared::default().with_ranges("ranges.csv", &text, today()).unwrap();
    let start = Instant::now();
    for index in 0..20_000_u32 {
        let address = std::net::Ipv4Addr::from_bits((11 << 24) + (index * 763 % 15_360_000)).into();
        assert_eq!(declared.witnesses(address, today()).len(), 1);
    }
    // A scan of the list would need minutes; the bound leaves room for slow machines without optimisation.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
