//! Building from small tables, and what the gates say of what was built.

use std::fmt::Write as _;
use std::net::IpAddr;

use maxminddb::Reader;
use mmdb_writer::Value;
use proptest::prelude::*;

use super::super::address::Block;
use super::super::database::EMBEDDED;
use super::super::sample::{database, placed};
use super::super::{Databases, layout, walk};
use super::gate::against;
use super::*;

const REGISTRATIONS: &str = "5.0.0.0,5.0.255.255,US\n5.1.0.0,5.1.255.255,NL\n9.255.0.0,10.0.255.255,DE\n";
const REGISTRATIONS_6: &str = "2001:500::,2001:500:ffff:ffff:ffff:ffff:ffff:ffff,US\n";
const ASNS: &str = "# AS numbers\nstart,end,asn,name\n5.0.64.0,5.1.0.255,30103,\"Zoom, Inc.\"\n7.0.0.0,7.0.0.255,64496,Lost\n";
const ASNS_6: &str = "2001:500::,2001:500::ffff,AS64500,Any\n";

fn countries() -> Vec<u8> {
    database(&[
        ("5.0.0.0/8", placed("US")),
        ("5.0.128.0/17", placed("NL")),
        ("9.0.0.0/8", placed("DE")),
        ("10.0.0.0/8", placed("DE")),
        ("2001:500::/48", placed("EU")),
        ("2001:500:1::/48", placed("IS")),
        ("2200::/7", placed("CH")),
    ])
}

fn file(name: &str, content: &str) -> File {
    File::new(name, content.as_bytes().to_vec())
}

fn files() -> Vec<File> {
    vec![
        file("a4", ASNS),
        file("a6", ASNS_6),
        File::new("c", countries()),
        file("r4", REGISTRATIONS),
        file("r6", REGISTRATIONS_6),
    ]
}

fn with(replaced: &str, content: &str) -> Vec<File> {
    let mut files = files();
    files.retain(|file| file.name() != replaced);
    files.push(file(replaced, content));
    files
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Country, registration and AS of an address by the database alone.
fn answers(bytes: &[u8], addresses: &[&str]) -> Vec<String> {
    let reader = Reader::from_source(bytes).unwrap();
    let said = |address: &&str| {
        let record = reader.lookup(address.parse::<IpAddr>().unwrap()).unwrap();
        let code = |found: Option<(_, Country)>| found.map_or("-".into(), |(_, c)| c.to_string());
        let asn = layout::asn(&record).map_or(0, |(_, asn)| asn);
        format!("{} {} {asn}", code(layout::country(&record)), code(layout::registration(&record)))
    };
    addresses.iter().map(said).collect()
}

#[test]
fn every_address_has_the_answers_of_its_tables() {
    let built = build(&files(), None).unwrap();
    let asked = [
        "5.0.0.0",
        "5.0.63.255",
        "5.0.64.0",
        "5.0.127.255",
        "5.0.128.0",
        "5.0.255.255",
        "5.1.0.0",
        "5.1.0.255",
        "5.1.1.0",
        "5.1.255.255",
        "5.2.0.0",
        "2001:500::1",
        "2001:500::1:0",
        "2001:500:1::",
        "2001:500:2::",
    ];
    assert_eq!(
        answers(&built.bytes, &asked),
        [
            "US US 0",
            "US US 0",
            "US US 30103",
            "US US 30103",
            "NL US 30103",
            "NL US 30103",
            "US NL 30103",
            "US NL 30103",
            "US NL 0",
            "US NL 0",
            "- - 0",
            "- US 64500",
            "- US 0",
            "IS US 0",
            "- US 0",
        ]
    );
}

#[test]
fn what_is_not_allocated_or_not_public_is_left_out() {
    let built = build(&files(), None).unwrap();
    let asked = ["7.0.0.1", "9.0.0.1", "9.255.0.0", "9.255.255.255", "10.0.0.0", "10.0.255.255", "2200::1"];
    assert_eq!(
        answers(&built.bytes, &asked),
        ["- - 0", "- - 0", "DE DE 0", "DE DE 0", "- - 0", "- - 0", "- - 0"]
    );
}

#[test]
fn a_built_database_verifies_and_is_dated_by_its_newest_input() {
    let built = build(&files(), None).unwrap();
    let reader = Reader::from_source(built.bytes.as_slice()).unwrap();
    reader.verify().unwrap();
    assert_eq!((built.date, day_built(reader.metadata())), (day("2026-06-01"), day("2026-06-01")));
    let dated = |text| build(&files(), Some(day(text))).unwrap().date;
    assert_eq!((dated("2026-06-17"), dated("2025-01-01")), (day("2026-06-17"), day("2026-06-01")));
    let built = build(&files(), Some(day("2026-06-17"))).unwrap();
    let days: Vec<_> = built.inputs.iter().map(|input| input.dated.unwrap().to_string()).collect();
    assert_eq!(days, ["2026-06-17", "2026-06-17", "2026-06-01", "2026-06-17", "2026-06-17"]);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let [one, other] = [(); 2].map(|()| build(&files(), None).unwrap());
    assert_eq!((one.sha256, one.bytes), (other.sha256, other.bytes));
}

#[test]
fn a_built_database_serves_as_a_users_own() {
    let built = build(&files(), None).unwrap();
    let databases = Databases::embedded().with_file("own.mmdb", built.bytes).unwrap();
    let own = databases.sources().len() - 1;
    let answer = databases.look_up("5.0.128.1".parse().unwrap());
    assert!(answer.countries.iter().any(|(source, c)| *source == own && c.code() == "NL"));
    assert_eq!((answer.asn, answer.asn_source), (Some(30103), Some(own)));
}

#[test]
fn what_is_missing_is_named_with_the_way_to_it() {
    let without = |name: &str| {
        let mut files = files();
        files.retain(|file| file.name() != name);
        files
    };
    let error = |files: &[File]| build(files, None).unwrap_err().to_string();
    assert!(error(&without("c")).starts_with("the folder has no country database in MaxMind's format"));
    assert!(error(&without("r4")).contains("no table of IPv4 registrations"));
    assert!(error(&without("r6")).contains("no table of IPv6 registrations"));
    assert!(error(&without("a4")).contains("no table of AS numbers for IPv4"));
    assert!(error(&without("a6")).contains("no table of AS numbers for IPv6"));
    let mut packed = without("a6");
    packed.push(File::new("asn-ipv6.csv.xz", b"\xfd7zXZ\0\0\x04".to_vec()));
    assert!(error(&packed).ends_with("unpack them first: xz -dk asn-ipv6.csv.xz"), "{}", error(&packed));
    let mut empty = without("c");
    empty.push(File::new("c", database(&[("5.0.0.0/8", Value::map([("asn", "AS1")]))])));
    assert!(error(&empty).contains("no database whose records hold countries"));
}

#[test]
fn two_files_of_one_kind_must_not_speak_of_one_address() {
    let mut doubled = files();
    doubled.push(file("s4", "5.0.9.0,5.0.9.255,US\n"));
    assert_eq!(
        build(&doubled, None).unwrap_err().to_string(),
        "r4:1 and s4:1 both speak of 5.0.9.0; leave one of the two files in the folder"
    );
    let mut doubled = files();
    doubled.push(File::new("d", countries()));
    assert_eq!(
        build(&doubled, None).unwrap_err(),
        BuildError::Several { one: "c".into(), other: "d".into() }
    );
}

#[test]
fn a_broken_row_is_shown_with_line_and_caret() {
    let shown = |text: &str| build(&with("r4", text), None).unwrap_err().to_string();
    assert_eq!(
        shown("5.0.0.0,5.0.0.255,US\n5.0.1.0,5.0.1.256,US\n"),
        "r4:2:9: `5.0.1.256` is no address\n   |\n 2 | 5.0.1.0,5.0.1.256,US\n   |         ^"
    );
    assert!(
        shown("5.0.0.0,5.0.0.255,US\n\"5.0.1.0\",\"5.0.1.9\",\"USA\"\n")
            .starts_with("r4:2:22: `USA` is no country")
    );
    assert!(shown("5.0.0.0,5.0.0.255,US\n5.0.1.0\n").starts_with("r4:2:1: a row has a first address"));
    assert!(shown("5.0.0.9,5.0.0.0,US\n").starts_with("r4:1:9: the range ends before it starts"));
    assert!(shown("5.0.0.0,2001::,US\n").starts_with("r4:1:9: the range ends before it starts"));
    let mut latin = files();
    latin.push(File::new("s4", b"5.2.0.0,5.2.0.1,US\n5.3.0.0,5.3.0.1,\xe9\n".to_vec()));
    assert!(build(&latin, None).unwrap_err().to_string().starts_with("s4:2:17: not UTF-8 from here on"));
    let mut broken = files();
    broken.retain(|file| file.name() != "c");
    broken.push(File::new("c", b"\xab\xcd\xefMaxMind.com".to_vec()));
    assert!(matches!(build(&broken, None), Err(BuildError::Database(PlaceError::NotADatabase { .. }))));
}

#[test]
fn codes_that_are_no_country_are_allocated_and_said() {
    let built = build(&with("r4", "5.0.0.0,5.0.0.255,EU\n5.0.1.0,5.0.1.255,\n"), None).unwrap();
    assert_eq!(answers(&built.bytes, &["5.0.0.1", "5.0.1.1"]), ["US - 0", "US - 0"]);
    assert_eq!(
        built.remarks,
        [
            "`` is no country: allocated, and registered nowhere, in 1 rows",
            "`EU` is no country: allocated, and registered nowhere, in 1 rows"
        ]
    );
}

#[test]
fn the_more_specific_row_of_a_table_wins_and_is_counted() {
    let nested =
        "5.0.0.0,5.0.255.255,1\n5.0.16.0,5.0.31.255,2\n5.0.16.0,5.0.16.255,3\n5.0.240.0,5.1.0.255,4\n";
    let built = build(&with("a4", nested), None).unwrap();
    let asked = ["5.0.15.255", "5.0.16.255", "5.0.17.0", "5.0.32.0", "5.0.239.255", "5.0.240.0", "5.1.0.255"];
    let asns: Vec<String> = answers(&built.bytes, &asked)
        .iter()
        .map(|answer| answer.split(' ').next_back().unwrap().to_owned())
        .collect();
    assert_eq!(asns, ["1", "3", "2", "1", "1", "4", "4"]);
    assert_eq!(
        built.remarks,
        [
            "a4:1 with line 2: the rows overlap, and the one that starts later counts for what both cover; such rows: 3"
        ]
    );
}

/// The tables that a database would be built from again: what it says of some of its networks.
fn tables_of(bytes: &[u8], networks: &[&str]) -> Vec<File> {
    let reader = Reader::from_source(bytes).unwrap();
    let blocks: Vec<(IpAddr, IpAddr)> = networks
        .iter()
        .map(|text| Block::try_from((*text).to_owned()).unwrap())
        .map(|block| (block.network, block.last()))
        .collect();
    let (mut registrations, mut asns, mut rows) = (String::new(), String::new(), Vec::new());
    for entry in walk::entries(&reader).unwrap().map(Result::unwrap) {
        if !blocks.iter().any(|(first, last)| *first <= entry.first && entry.last <= *last) {
            continue;
        }
        let range = format!("{},{}", entry.first, entry.last);
        let registered = layout::registration(&entry.record);
        let registered = registered.map_or(String::new(), |(_, country)| country.to_string());
        writeln!(registrations, "{range},{registered}").unwrap();
        if let Some((_, asn)) = layout::asn(&entry.record) {
            writeln!(asns, "{range},{asn},\"Some, Inc.\"").unwrap();
        }
        if let Some((_, country)) = layout::country(&entry.record) {
            rows.push((entry.record.network().unwrap().to_string(), placed(country.code())));
        }
    }
    let rows: Vec<(&str, Value)> = rows.iter().map(|(n, value)| (n.as_str(), value.clone())).collect();
    vec![file("asns", &asns), File::new("countries", database(&rows)), file("registrations", &registrations)]
}

#[test]
fn a_slice_of_the_embedded_database_is_rebuilt_with_the_same_answers() {
    let slice = ["159.0.0.0/8", "2a00::/15"];
    let built = build(&tables_of(EMBEDDED, &slice), None).unwrap();
    let embedded = Reader::from_source(EMBEDDED).unwrap();
    let rebuilt = Reader::from_source(built.bytes.as_slice()).unwrap();
    let read = |reader: &Reader<&[u8]>, address| {
        let record = reader.lookup(address).unwrap();
        let country = layout::country(&record).map(|(_, country)| country);
        let registered = layout::registration(&record).map(|(_, country)| country);
        (country, registered, layout::asn(&record).map(|(_, asn)| asn))
    };
    // A fixed sequence that goes through the slice in odd steps.
    let mut known = 0;
    for n in 0..100_000_u32 {
        let spread = n.wrapping_mul(2_654_435_761);
        let v4 = IpAddr::from((159_u32 << 24 | spread >> 8).to_be_bytes());
        let v6 = IpAddr::from((0x2a00_u128 << 112 | u128::from(spread) << 81).to_be_bytes());
        for address in [v4, v6] {
            let expected = read(&embedded, address);
            known += u32::from(expected.0.is_some());
            assert_eq!(read(&rebuilt, address), expected, "{address}");
        }
    }
    assert!(known > 100_000, "{known}");
}

fn gate<'a>(gates: &'a [Gate], name: &str) -> &'a Gate {
    gates.iter().find(|gate| gate.name.contains(name)).unwrap()
}

#[test]
fn the_embedded_database_passes_its_own_gates() {
    let gates = gates(EMBEDDED, day("2026-06-17"), &[]).unwrap();
    let outcomes: Vec<Outcome> = gates.iter().map(|gate| gate.outcome).collect();
    let holds = Outcome::Holds;
    assert_eq!(outcomes, [holds, holds, holds, Outcome::NotChecked, holds], "{gates:?}");
    assert!(
        gate(&gates, "cloud").figure.starts_with("not checked: the folder has no table of cloud prefixes")
    );
    assert_eq!(gate(&gates, "Zoom").figure, "38 of 38 as known");
}

#[test]
fn a_record_in_a_reserved_range_is_broken_whatever_is_accepted() {
    for network in ["10.1.0.0/16", "8.0.0.0/6", "2002::/16", "4000::/3"] {
        let bytes = database(&[(network, placed("NL"))]);
        let gates = against_itself(&bytes, &[]);
        let gate = gate(&gates, "reserved");
        assert_eq!((gate.outcome, gate.is_broken(true)), (Outcome::Broken, true), "{network}");
        assert_eq!(gate.details.len(), 1);
    }
}

fn against_itself(bytes: &[u8], files: &[File]) -> Vec<Gate> {
    against(bytes, bytes, day("2026-06-01"), files).unwrap()
}

#[test]
fn a_known_answer_that_changed_has_to_be_accepted() {
    let bytes = database(&[(
        "159.124.15.0/24",
        Value::map([("country_code", Value::from("NL")), ("asn", Value::from(30103_u32))]),
    )]);
    let gates = against_itself(&bytes, &[]);
    let gate = gate(&gates, "Zoom");
    assert_eq!((gate.outcome, gate.is_broken(false), gate.is_broken(true)), (Outcome::Changed, true, false));
    let amsterdam = gate.details.iter().find(|line| line.starts_with("159.124.15.191: ")).unwrap();
    assert!(
        amsterdam.starts_with(
            "159.124.15.191: was US in AS30103, is NL in AS30103; stands in NL by the place that"
        ),
        "{amsterdam}"
    );
    assert_eq!(gate.details.len(), 38, "every difference is listed");
}

#[test]
fn cloud_prefixes_decide_by_ipv4_alone() {
    let bytes = database(&[("5.0.0.0/8", placed("NL")), ("6.0.0.0/8", placed("US"))]);
    let regions = file("regions", "provider,code,kind,country\naws,eu-x,region,NL\naws,global,scope,\n");
    let of = |prefixes: &str| {
        let files = [
            file("regions", "provider,code,kind,country\naws,eu-x,region,NL\naws,global,scope,\n"),
            file("p", prefixes),
        ];
        gate(&against_itself(&bytes, &files), "cloud").clone()
    };
    let right: Vec<String> = (0..19).map(|n| format!("5.0.{n}.0/24,aws,eu-x\n")).collect();
    let right = right.concat();
    let one_wrong = of(&format!("prefix,provider,region\n{right}6.0.0.0/24,aws,eu-x\n2600::/32,aws,eu-x\n"));
    assert_eq!(one_wrong.outcome, Outcome::Holds, "95 % is enough");
    assert_eq!(
        one_wrong.figure,
        "IPv4 95.000 % (19 of 20) right, wanted 95 %; IPv6 0.000 % (0 of 1); 0 of no known region"
    );
    let two_wrong = of(&format!("{right}6.0.0.0/24,aws,eu-x\n6.0.1.0/24,aws,eu-x\n"));
    assert_eq!((two_wrong.outcome, two_wrong.is_broken(true)), (Outcome::Broken, true));
    let unplaced = of("5.0.0.0/24,aws,global\n5.0.1.0/24,gcp,eu-x\n");
    assert_eq!(
        (unplaced.outcome, unplaced.figure.as_str()),
        (Outcome::NotChecked, "not checked: no prefix is of a known region")
    );
    let gates = against_itself(&bytes, &[file("p", &right)]);
    assert!(gate(&gates, "cloud").figure.contains("no table of cloud regions"));
    let error = against(
        &bytes,
        &bytes,
        day("2026-06-01"),
        &[regions, file("p", "5.0.0.0/24,aws,eu-x\n5.0.0.1/24,aws,eu-x\n")],
    );
    assert!(error.unwrap_err().to_string().starts_with("p:2:1: `5.0.0.1/24` has a length that does not fit"));
}

#[test]
fn what_crosses_the_border_of_the_eea_is_counted_by_network_and_by_address() {
    let old: Vec<(String, Value)> =
        (0..=255).map(|n| (format!("5.{n}.0.0/16"), placed(["NL", "US"][n % 2]))).collect();
    let old: Vec<(&str, Value)> = old.iter().map(|(n, value)| (n.as_str(), value.clone())).collect();
    let moved = |changes: &[(&str, &str)]| {
        let mut rows = old.clone();
        rows.extend(changes.iter().map(|(network, country)| (*network, placed(country))));
        let gates = against(&database(&old), &database(&rows), day("2026-06-01"), &[]).unwrap();
        gate(&gates, "EEA").clone()
    };
    let within = moved(&[("5.0.0.0/16", "DE"), ("5.1.0.0/16", "CH")]);
    assert_eq!(within.outcome, Outcome::Holds, "DE is as much inside as NL, CH as much outside as US");
    assert!(within.figure.contains("0.000 % (0 of 256) of the networks"), "{}", within.figure);
    let one = moved(&[("5.0.0.0/24", "US")]);
    assert_eq!((one.outcome, one.is_broken(false), one.is_broken(true)), (Outcome::Holds, false, false));
    assert!(
        one.figure.starts_with("0.390 % (1 of 256) of the networks and 0.001 % (256 of 16777216)"),
        "{}",
        one.figure
    );
    let two = moved(&[("5.0.0.0/24", "US"), ("5.1.9.0/24", "IS")]);
    assert_eq!((two.outcome, two.is_broken(false), two.is_broken(true)), (Outcome::Changed, true, false));
    assert!(two.figure.contains("networks in: 1, out: 1, no answer now: 0"), "{}", two.figure);
    let gone = moved(&[("5.0.0.0/16", "EU"), ("5.2.0.0/16", "EU")]);
    assert!(gone.figure.contains("networks in: 0, out: 0, no answer now: 2"), "{}", gone.figure);
    assert_eq!(gone.outcome, Outcome::Changed);
}

#[test]
fn zones_are_read_for_the_day() {
    let [inside, outside] = ["NL", "GB"].map(|country| database(&[("5.0.0.0/8", placed(country))]));
    let outcome = |on| {
        let gates = against(&inside, &outside, day(on), &[]).unwrap();
        gate(&gates, "EEA").outcome
    };
    assert_eq!((outcome("2020-06-01"), outcome("2021-06-01")), (Outcome::Holds, Outcome::Changed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Flattened rows say of every address what the row says that starts last of those that cover it; of rows that start
    /// together, the shortest.
    #[test]
    fn flattened_rows_say_what_a_scan_says(rows in proptest::collection::vec((0_u32..200, 0_u32..60), 1..20)) {
        let address = |n: u32| IpAddr::from((5_u32 << 24 | n).to_be_bytes());
        let mut text = String::new();
        for (n, (start, length)) in rows.iter().enumerate() {
            writeln!(text, "{},{},{}", address(*start), address(start + length), n + 1).unwrap();
        }
        let files = [file("t", &text)];
        let spans = table::read(&files, FileKind::AsNumbers, &mut Vec::new(), |text| {
            text.parse::<usize>().map_err(|error| error.to_string())
        }).unwrap();
        prop_assert!(spans.windows(2).all(|pair| pair[0].last < pair[1].first));
        for n in 0..270 {
            let covering = rows.iter().enumerate().filter(|(_, (start, length))| (*start..=start + length).contains(&n));
            let expected = covering.max_by_key(|(_, (start, length))| (*start, std::cmp::Reverse(*length)));
            let found = spans.iter().find(|span| span.first <= address(n) && address(n) <= span.last);
            // Rows for the same range may both speak; either is as good.
            prop_assert_eq!(found.map(|span| rows[span.value - 1]), expected.map(|(_, row)| *row));
        }
    }
}
