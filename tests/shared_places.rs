//! Where Zoom's servers stood, on real captures: `../shared/captures`, whose README says what is known of them without an
//! address database.
//!
//! The captures are not part of the project. Where they are absent the tests say so and check nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails its test")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use borderpost::inspect::{Inspection, Settings, inspect};
use borderpost::place::WitnessKind;
use borderpost::report;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, PcapNGSlice};
use serde_json::{Value, json};

const ZOOM: &str = "ndpi-zoom.pcap";
const ZOOM2: &str = "ndpi-zoom2.pcap";
const STUN: &str = "ndpi-stun_zoom.pcapng";

// --- one capture from Italy ----------------------------------------------------------------------------------------

/// Address, country by its own name, the frame of the shortest answer in Wireshark, and that round trip in milliseconds,
/// rounded up to a tenth.
const EUROPEAN: [(&str, &str, u64, &str); 5] = [
    ("109.94.160.99", "DE", 442, "24.6 ms"),
    ("213.19.144.104", "NL", 170, "32.0 ms"),
    ("213.19.144.105", "NL", 165, "32.2 ms"),
    ("213.244.140.84", "DE", 176, "24.4 ms"),
    ("213.244.140.85", "DE", 173, "21.0 ms"),
];

/// Address, host, and the frame of the first answer.
const AMERICAN: [(&str, &str, u64); 3] = [
    ("52.202.62.196", "zoom.us", 96),
    ("52.202.62.236", "www3.zoom.us", 99),
    ("52.202.62.238", "log.zoom.us", 27),
];

/// The STUN servers, of which nothing but the registration speaks.
const UNPLACED: [&str; 2] = ["162.255.37.14", "162.255.38.14"];

#[test]
fn european_hosts_are_european_and_the_us_is_excluded_by_their_round_trips() {
    let Some(folder) = folder() else { return };
    for (address, country, frame, took) in EUROPEAN {
        let placed = explained(&folder, address, &["--vantage", "IT"]);
        assert_eq!(placed["place"]["located"], json!([country]), "{address}");
        assert_eq!(placed["place"]["axis"], "eea", "{address}");
        assert!(["likely", "confirmed"].contains(&text(&placed["place"]["grade"])), "{address}");
        let trip = witness(placed["witnesses"].as_array().unwrap(), "round_trip", "not_in");
        assert_eq!((trip["frame"].as_u64(), trip["strength"].as_str()), (Some(frame), Some("hard")));
        assert!(text(&trip["says"]).contains(&format!("took {took}, so the server is at most ")), "{trip}");
        let excluded = trip["countries"].as_array().unwrap();
        assert!(excluded.contains(&"US".into()), "{address}: {trip}");
        assert!(!excluded.contains(&country.into()) && !excluded.contains(&"IT".into()), "{address}: {trip}");
        // A vantage that is not known excludes nothing, and the place stays that of the name.
        let placed = explained(&folder, address, &[]);
        assert_eq!(
            (&placed["place"]["located"], text(&placed["place"]["grade"])),
            (&json!([country]), "likely")
        );
        assert!(placed["witnesses"].as_array().unwrap().iter().all(|witness| witness["claim"] != "not_in"));
    }
}

#[test]
fn round_trips_are_those_of_the_frames_as_another_reader_counts_them() {
    let Some(folder) = folder() else { return };
    let frames = by_pcap_parser(&folder.join(ZOOM));
    for (address, _, answer, took) in EUROPEAN {
        let (answered, reply) = &frames[usize::try_from(answer).unwrap() - 1];
        assert_eq!(ends(reply).unwrap().0, address, "frame {answer} is from there");
        let asks = |packet: &[u8]| ends(packet) == ends(reply).map(|(from, to)| (to, from));
        // The first of the copies that the answer can be to.
        let earlier = &frames[..usize::try_from(answer).unwrap() - 1];
        let (asked, _) =
            earlier.iter().find(|(_, packet)| asks(packet) && is_asked_by(packet, reply)).unwrap();
        assert_eq!(format!("{}.{} ms", tenths(answered - asked) / 10, tenths(answered - asked) % 10), took);
    }
}

/// Tenths of a millisecond in so many microseconds, rounded up.
fn tenths(micros: u64) -> u64 {
    micros.div_ceil(100)
}

/// The frames of a pcapng file with their times in microseconds, as pcap-parser reads them.
fn by_pcap_parser(path: &Path) -> Vec<(u64, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let blocks = PcapNGSlice::from_slice(&bytes).unwrap().map(Result::unwrap);
    let packets = blocks.filter_map(|block| match block {
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let time = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            Some((time, packet.packet_data().to_vec()))
        }
        _ => None,
    });
    packets.collect()
}

/// From and to, of an Ethernet frame with IPv4.
fn ends(frame: &[u8]) -> Option<(String, String)> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let Some(NetSlice::Ipv4(ip)) = &packet.net else { return None };
    Some((ip.header().source_addr().to_string(), ip.header().destination_addr().to_string()))
}

/// Whether `reply` accepts the connection that `request` opens, or brings back the token of its hello.
fn is_asked_by(request: &[u8], reply: &[u8]) -> bool {
    let [request, reply] =
        [request, reply].map(|frame| SlicedPacket::from_ethernet(frame).unwrap().transport);
    match (request, reply) {
        (Some(TransportSlice::Tcp(asks)), Some(TransportSlice::Tcp(accepts))) => {
            asks.syn() && asks.source_port() == accepts.destination_port() && accepts.syn() && accepts.ack()
        }
        (Some(TransportSlice::Udp(asks)), Some(TransportSlice::Udp(accepts))) => {
            let tokens = [asks.payload(), accepts.payload()].map(|payload| payload.get(3..19));
            asks.source_port() == accepts.destination_port() && tokens[0].is_some() && tokens[0] == tokens[1]
        }
        _ => false,
    }
}

#[test]
fn american_hosts_are_american_and_never_excluded() {
    let Some(folder) = folder() else { return };
    let report = inspected(&folder, ZOOM, &["--vantage", "IT"]);
    for (address, host, frame) in AMERICAN {
        let placed = destination(&report, address);
        assert_eq!((text(&placed["host_pattern"]), &placed["place"]["located"]), (host, &json!(["US"])));
        assert_eq!(text(&placed["place"]["axis"]), "outside");
        let trip = witness(placed["place"]["witnesses"].as_array().unwrap(), "round_trip", "not_in");
        assert_eq!(trip["frame"], frame);
        assert!(!trip["countries"].as_array().unwrap().contains(&"US".into()), "{trip}");
    }
}

#[test]
fn hosts_of_which_nothing_speaks_are_left_open_with_a_remedy() {
    let Some(folder) = folder() else { return };
    let report = inspected(&folder, ZOOM, &["--vantage", "IT"]);
    for address in UNPLACED {
        let open = destination(&report, address);
        assert_eq!((text(&open["place"]["axis"]), &open["place"]["located"]), ("undetermined", &json!([])));
        assert!(text(&open["place"]["reason"]).contains("only repeats the registration"), "{open:#}");
        assert!(text(&open["place"]["remedy"]).contains("--geoip FILE"), "{open:#}");
        assert!(text(&open["place"]["remedy"]).contains("--override FILE"), "{open:#}");
        // Trying it changes the answer.
        let own = scratch("[[override]]\nrange = \"162.255.36.0/22\"\ncountry = \"IE\"\n");
        let placed = explained(&folder, address, &["--override", &own.1]);
        assert_eq!((text(&placed["place"]["axis"]), &placed["place"]["located"]), ("eea", &json!(["IE"])));
    }
    assert_eq!(report["quality"]["vantage_conflicts"], json!([]));
    // The one inside the tunnel of frames 701 to 781.
    assert_eq!(report["quality"]["round_trips_unused"], json!({"in_tunnel": 1}));
    let counts = ["outside", "undetermined", "eea"].map(|count| report["headline"][count].as_u64().unwrap());
    // The fourth in the EEA is inside the tunnel.
    assert_eq!(counts, [3, 2, 4], "destinations, of which one may have several addresses");
}

#[test]
fn a_vantage_that_the_capture_contradicts_is_named_and_none_of_its_round_trips_used() {
    let Some(folder) = folder() else { return };
    let report = inspected(&folder, ZOOM, &["--vantage", "JP"]);
    let conflicts = report["quality"]["vantage_conflicts"].as_array().unwrap();
    let found: Vec<(&str, u64)> =
        conflicts.iter().map(|row| (text(&row["remote"]), row["frame"].as_u64().unwrap())).collect();
    assert_eq!(found, EUROPEAN.map(|(address, _, frame, _)| (address, frame)), "each of them, and no other");
    assert_eq!(report["quality"]["round_trips_unused"], json!({"in_tunnel": 1, "vantage_contradicted": 10}));
    assert!(report["headline"]["lines"].to_string().contains("contradicts the capture"));
    let places = |report: &Value| -> Vec<Value> {
        let all = report["destinations"].as_array().unwrap().iter();
        all.map(|d| json!([d["addresses"], d["place"]["axis"], d["place"]["located"]])).collect()
    };
    assert_eq!(places(&report), places(&inspected(&folder, ZOOM, &["--without", "round-trip"])));
    // A long round trip contradicts nothing: from Japan the server may well be in San José.
    let report = inspected(&folder, ZOOM2, &["--vantage", "JP"]);
    assert_eq!(report["quality"]["vantage_conflicts"], json!([]));
    assert_eq!(destination(&report, "144.195.73.154")["place"]["located"], json!(["US"]));
}

// --- the law of three days -----------------------------------------------------------------------------------------

#[test]
fn the_same_places_are_read_by_the_law_and_the_register_of_each_day() {
    let Some(folder) = folder() else { return };
    let readings = [
        ("2019-09-26", "adequate only for certified recipients", "2016/1250", Value::Null, "no_register"),
        ("2021-01-01", "third country", "C-311/18", false.into(), "no_register"),
        ("2024-01-01", "adequate, recipient certified", "2023/1795", true.into(), "unlisted"),
        ("2024-06-01", "adequate, recipient certified", "2023/1795", true.into(), "listed"),
    ];
    let registers = [json!([]), json!([]), json!(["surf-2022"]), json!(["surf-2024"])];
    let mut places: Vec<Vec<Value>> = Vec::new();
    for ((day, zone, basis, adequate, sign_in), expected) in readings.into_iter().zip(registers) {
        let report = inspected(&folder, ZOOM, &["--vantage", "IT", "--law-date", day]);
        assert_eq!(report["quality"]["law_date"], day);
        assert!(report["headline"]["lines"].to_string().contains(&format!("Read by the law of {day}.")));
        for (address, host, _) in AMERICAN {
            let read = destination(&report, address);
            assert_eq!((text(&read["zone"]), &read["adequate"]), (zone, &adequate), "{host} on {day}");
            assert!(text(&read["zone_basis"]).contains(basis), "{host} on {day}: {read:#}");
            if host == "zoom.us" {
                assert_eq!(read["listing"], sign_in, "{day}");
            }
        }
        let used = report["registers"].as_array().unwrap().iter().map(|register| register["name"].clone());
        assert_eq!(Value::Array(used.collect()), expected, "{day}");
        let all = report["destinations"].as_array().unwrap().iter();
        places
            .push(all.map(|d| json!([d["addresses"], d["place"]["located"], d["place"]["grade"]])).collect());
        places.last_mut().unwrap().sort_by_key(Value::to_string);
    }
    assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "the law moves no place: {places:#?}");
    // The first is the law of the traffic's own day.
    let own = inspected(&folder, ZOOM, &["--vantage", "IT"]);
    assert_eq!(text(&destination(&own, AMERICAN[0].0)["zone"]), "adequate only for certified recipients");
}

#[test]
fn a_place_in_the_united_kingdom_is_read_by_the_law_of_its_day() {
    let Some(folder) = folder() else { return };
    for (day, axis, zone) in [
        ("2019-09-26", "eea", "EU"),
        ("2020-12-31", "eea", "EU law in transition"),
        ("2021-01-01", "outside", "not yet a third country for transfers"),
        ("2024-01-01", "outside", "adequate"),
    ] {
        let report = inspected(&folder, STUN, &["--law-date", day]);
        let read = destination(&report, "134.224.90.111");
        assert_eq!((&read["place"]["located"], text(&read["place"]["grade"])), (&json!(["GB"]), "possible"));
        assert_eq!((text(&read["place"]["axis"]), text(&read["zone"])), (axis, zone), "{day}");
    }
}

#[test]
fn the_clients_own_address_in_an_old_database_is_shown_and_measures_nothing() {
    let Some(folder) = folder() else { return };
    let report = inspected(&folder, STUN, &[]);
    let vantage = &report["quality"]["vantage"];
    assert_eq!((&vantage["located"], &vantage["axis"]), (&json!(["IT"]), &"eea".into()));
    assert!(vantage["says"].to_string().contains("93.33.105.111 that STUN told it"), "{vantage}");
    assert_eq!(report["quality"]["round_trips_unused"], json!({"vantage_stale": 1}));
}

// --- what each witness is worth ------------------------------------------------------------------------------------

/// Where a capture was taken, as far as that is known: the one in Italy, as its client's other flows say; the other by the
/// Italian address that STUN told the client. Of the other captures it is not known, and nothing is made up.
const VANTAGES: [(&str, &str); 2] = [(ZOOM, "IT"), (STUN, "IT")];

/// The client's flows to servers, by how sure their place is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Counts {
    undetermined: usize,
    possible: usize,
    likely: usize,
    confirmed: usize,
}

/// Kinds that are left out, each alone; the floors that must hold with everything and without it: undetermined at most,
/// and likely or confirmed at least, of [`FLOWS`].
const LEFT_OUT: [(&str, usize, usize); 15] = [
    ("anycast", 9, 15),
    ("cdn-network", 9, 15),
    ("cloud-region", 9, 12),
    ("database", 11, 15),
    ("embedded-address", 9, 15),
    ("geofeed", 9, 15),
    ("neighbour-name", 9, 15),
    ("network", 9, 15),
    ("override", 9, 15),
    ("published-address", 9, 15),
    ("registration", 9, 15),
    ("round-trip", 9, 15),
    ("single-region-network", 9, 15),
    ("site-code", 13, 3),
    ("site-code-in-certificate", 9, 15),
];

/// The client's flows to servers in the captures of class zoom.
const FLOWS: usize = 27;

#[test]
fn what_each_witness_is_worth_on_the_real_captures() {
    let Some(folder) = folder() else { return };
    let captures = zoom_captures(&folder);
    assert_eq!(captures.len(), 5, "{captures:?}");
    let mut read: Vec<Option<Inspection>> = captures
        .iter()
        .map(|capture| Some(inspect(&[folder.join(capture)], Settings::default(), &())))
        .collect();
    let mut total = |without: &[&str], knows_vantage: bool| -> Counts {
        let mut total = Counts::default();
        for (capture, read) in captures.iter().zip(&mut read) {
            let stated = VANTAGES.iter().find(|(file, _)| knows_vantage && file == capture);
            let settings = Settings {
                vantage: stated.map(|(_, vantage)| vantage.parse().unwrap()),
                without: without.iter().flat_map(|name| WitnessKind::named(name)).collect(),
                ..Settings::default()
            };
            // Judged anew, without reading the capture again.
            let judged = read.take().unwrap().judged_by(settings);
            total = total.plus(counts(read.insert(judged)));
        }
        total
    };
    let but_database: Vec<&str> =
        LEFT_OUT.iter().map(|(kind, ..)| *kind).filter(|kind| *kind != "database").collect();
    let [whole, unplaced] = [total(&[], true), total(&[], false)];
    let alone = total(&but_database, false);

    let mut table =
        format!("\nZoom's flows to servers, of {FLOWS}: undetermined, possible, likely, confirmed\n");
    let mut row = |name: &str, counts: Counts| {
        let Counts { undetermined, possible, likely, confirmed } = counts;
        writeln!(table, "  {name:<36} {undetermined:>3} {possible:>3} {likely:>3} {confirmed:>3}").unwrap();
        assert_eq!(undetermined + possible + likely + confirmed, FLOWS, "{name}");
    };
    row("databases alone", alone);
    row("everything, vantage not known", unplaced);
    row("everything, vantage where known", whole);
    let mut faults = Vec::new();
    for (kind, undetermined, sure) in LEFT_OUT {
        let left = total(&[kind], true);
        row(&format!("without {kind}"), left);
        if left.undetermined > undetermined || left.likely + left.confirmed < sure {
            faults.push(format!("without {kind}: {left:?}"));
        }
    }
    std::io::stderr().write_all(table.as_bytes()).unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The point of all other witnesses.
    assert!(alone.undetermined >= 20 && alone.likely + alone.confirmed == 0, "{alone:?}");
    assert!(whole.undetermined <= 9 && whole.likely + whole.confirmed >= 15, "{whole:?}");
    assert!(unplaced.undetermined <= 9 && unplaced.likely + unplaced.confirmed >= 15, "{unplaced:?}");
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            undetermined: self.undetermined + other.undetermined,
            possible: self.possible + other.possible,
            likely: self.likely + other.likely,
            confirmed: self.confirmed + other.confirmed,
        }
    }
}

fn counts(inspection: &Inspection) -> Counts {
    let options = report::Options { show_participants: false, list_flows: true };
    let report = serde_json::to_value(report::build(inspection, options)).unwrap();
    let flows = report["flows"].as_array().unwrap().iter();
    let of_client = flows.filter(|flow| flow["whose"] == "client" && flow["service"] != "meeting_peer");
    let mut counts = Counts::default();
    for flow in of_client {
        *match (text(&flow["place"]["axis"]), text(&flow["place"]["grade"])) {
            ("undetermined", _) => &mut counts.undetermined,
            (_, "possible") => &mut counts.possible,
            (_, "likely") => &mut counts.likely,
            (_, "confirmed") => &mut counts.confirmed,
            other => panic!("{other:?} in {flow:#}"),
        } += 1;
    }
    counts
}

/// Those whose class in the README is zoom.
fn zoom_captures(folder: &Path) -> Vec<String> {
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| ") && line.contains(".pcap"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|cells| cells[2] == "zoom").map(|cells| cells[1].to_owned()).collect()
}

// --- the program and its reports -----------------------------------------------------------------------------------

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures"));
    if folder.join("README.md").exists() {
        return Some(folder);
    }
    let said = b"\n*** NOT CHECKED: ../shared/captures is not there, so no place was looked for in a real capture ***\n\n";
    std::io::stderr().write_all(said).unwrap();
    None
}

fn borderpost(arguments: &[&str]) -> Value {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn inspected(folder: &Path, capture: &str, options: &[&str]) -> Value {
    let path = folder.join(capture);
    let arguments = ["inspect", "--no-hash", "--format", "json", path.to_str().unwrap()];
    borderpost(&[&arguments, options].concat())
}

/// The only explanation of an address in the capture from Italy.
fn explained(folder: &Path, address: &str, options: &[&str]) -> Value {
    let path = folder.join(ZOOM);
    let arguments = ["explain", address, "--format", "json", "--in", path.to_str().unwrap()];
    let answer = borderpost(&[&arguments, options].concat());
    let [only] = answer["explanations"].as_array().unwrap().as_slice() else { panic!("{answer:#}") };
    only.clone()
}

/// The client's destination that has the address.
fn destination<'a>(report: &'a Value, address: &str) -> &'a Value {
    let all = report["destinations"].as_array().unwrap();
    let has = |destination: &&Value| destination["addresses"].as_array().unwrap().contains(&address.into());
    all.iter().find(has).unwrap_or_else(|| panic!("no {address} in {all:#?}"))
}

fn witness<'a>(all: &'a [Value], kind: &str, claim: &str) -> &'a Value {
    let found = all.iter().find(|witness| witness["kind"] == kind && witness["claim"] == claim);
    found.unwrap_or_else(|| panic!("no {kind} that says {claim} in {all:#?}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A file of overrides with one row, and the folder that holds it.
fn scratch(row: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    let rest = "reason = \"a statement\"\nauthor = \"A. Tester\"\ndated = \"2024-01-02\"\n";
    fs::write(&path, format!("schema = 1\n{row}{rest}")).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}
