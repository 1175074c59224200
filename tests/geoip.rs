//! `borderpost geoip` from outside: small tables built and refused, databases described, and the embedded database
//! rebuilt from its own inputs where they are there.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, UNIX_EPOCH};

use borderpost::place::{Answer, Country, Databases};
use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{Value, Writer};

use self::common::{assert_refused, borderpost, err, out, status};

fn geoip(arguments: &[&str]) -> Output {
    borderpost(&[&["geoip"], arguments].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A database built on 2001-09-09, with one record.
fn database(path: &Path, network: &str, key: &str, value: &str) {
    let built = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let mut writer = Writer::builder("Old-Country").description(&[("en", "test")]).build_epoch(built).build();
    writer.insert_value(network.parse::<IpNet>().unwrap(), Value::map([(key, value)])).unwrap();
    fs::write(path, writer.to_bytes().unwrap()).unwrap();
}

/// A folder with everything that a build takes.
fn tables(folder: &Path) {
    database(&folder.join("countries.mmdb"), "5.0.0.0/8", "country_code", "NL");
    for (name, content) in [
        ("README.md", "Tables, made for a test.\n"),
        ("asn.csv", "5.0.0.0,5.0.255.255,64496,\"Some, Inc.\"\n2001:500::,2001:500:ffff::,64497\n"),
        ("registrations.csv", "start,end,country\n5.0.0.0,5.1.255.255,US\n2001:500::,2001:500:ffff::,US\n"),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    fs::write(folder.join("old.csv.xz"), b"\xfd7zXZ\0").unwrap();
}

#[test]
fn the_embedded_database_is_described_with_its_credits() {
    let output = geoip(&["info"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let stated =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/sources.toml")).unwrap();
    let sha256 = stated.lines().find_map(|line| line.strip_prefix("sha256_unpacked = ")).unwrap();
    let shown = out(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        sha256.trim_matches('"'),
        "country.iso_code",
        "DB-IP Lite country: 2026-06-01, ",
        "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0; changed: merged and re-encoded",
        "Registration data: Number Resource Organization (https://www.nro.net)",
        "AS data: Route Views (https://www.routeviews.org)",
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(out(&output).lines().all(|line| line.chars().count() <= 80), "{}", out(&output));
}

#[test]
fn an_old_file_is_described_and_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.mmdb");
    database(&path, "5.0.0.0/8", "country_code", "NL");
    let output = geoip(&["info", text(&path)]);
    assert_eq!(status(&output), 0);
    for part in
        ["type      Old-Country", "fields    country_code", "built     2001-09-09, ", "1 IPv4, 0 IPv6"]
    {
        assert!(out(&output).contains(part), "no {part:?} in {}", out(&output));
    }
    assert!(err(&output).contains("more than 180 days from today"), "{}", err(&output));
    assert!(!out(&output).contains("180 days"), "warnings go to standard error alone");
}

#[test]
fn a_file_of_no_known_layout_is_described_by_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.mmdb");
    database(&path, "5.0.0.0/8", "city\u{1b}[31m", "Utrecht");
    let output = geoip(&["info", text(&path)]);
    assert_eq!(status(&output), 0);
    assert!(out(&output).contains("keys      city\\u{1b}[31m"), "{}", out(&output));
    assert!(err(&output).contains("`inspect --geoip` would refuse it"), "{}", err(&output));
}

#[test]
fn what_is_no_database_is_refused() {
    for (arguments, part) in [
        (["info", "Cargo.toml"], "cannot use Cargo.toml as an address database"),
        (["info", "no-such-file"], "no-such-file: No such file or directory"),
        (["build", "no-such-folder"], "no-such-folder: No such file or directory"),
        (["build", "captures"], "captures: the folder has no country database in MaxMind's format (.mmdb)"),
    ] {
        let output = geoip(&arguments);
        assert_refused(&output, &[part]);
    }
}

#[test]
fn nothing_is_written_until_every_gate_holds() {
    let folder = tempfile::tempdir().unwrap();
    tables(folder.path());
    let made = folder.path().join("made");
    let refused = geoip(&["build", text(folder.path()), "-o", text(&made), "--date", "2026-06-17"]);
    assert_eq!(status(&refused), 2);
    assert!(!made.exists());
    for part in [
        "README.md: not read: no table that is known here",
        "old.csv.xz: not read: packed; `xz -dk` unpacks it",
        "borderpost: nothing was written:",
        "broken: answers for Zoom's sites are the known ones: 0 of 38 as known",
        "broken: few networks cross the EEA's border: ",
        "--accept passes it",
    ] {
        assert!(err(&refused).contains(part), "no {part:?} in {}", err(&refused));
    }
    assert!(out(&refused).contains("CHANGED  answers for Zoom's sites"), "{}", out(&refused));
    assert!(!out(&refused).contains("sha256_unpacked"), "nothing to paste before it holds");
}

#[test]
fn what_was_accepted_is_written_with_what_to_state() {
    let folder = tempfile::tempdir().unwrap();
    tables(folder.path());
    let made = folder.path().join("made");
    let output =
        geoip(&["build", text(folder.path()), "-o", text(&made), "--date", "2026-06-17", "--accept"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let built = borderpost::place::Description::of("made", &fs::read(&made).unwrap()).unwrap();
    let paste = out(&output).split_once("\n[built]\n").unwrap().1.to_owned();
    for part in [
        format!("date = \"2026-06-17\"\nsha256_unpacked = \"{}\"", built.sha256),
        "holds = \"country\"\ndate = \"2001-09-09\"\n\n[[input.file]]\nname = \"countries.mmdb\"".into(),
        "holds = \"registered_country\"\ndate = \"2026-06-17\"\n\n[[input.file]]\nname = \"registrations.csv\""
            .into(),
        "holds = \"autonomous_system_number\"\ndate = \"2026-06-17\"\n\n[[input.file]]\nname = \"asn.csv\"".into(),
    ] {
        assert!(paste.contains(&part), "no {part:?} in {paste}");
    }
    assert_eq!(built.built.to_string(), "2026-06-17");
    let databases = Databases::embedded().with_file("made", fs::read(&made).unwrap()).unwrap();
    let answer = databases.look_up("5.0.0.1".parse().unwrap());
    assert_eq!(answer.countries.last().unwrap().1.to_string(), "NL");
    assert_eq!((answer.asn, answer.asn_source), (Some(64496), Some(databases.sources().len() - 1)));
}

#[test]
fn misplaced_clouds_are_never_accepted_and_an_input_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    tables(folder.path());
    let input = folder.path().join("countries.mmdb");
    let before = fs::read(&input).unwrap();
    let output = geoip(&["build", text(folder.path()), "-o", text(&input), "--accept"]);
    assert_eq!(status(&output), 2);
    assert!(err(&output).contains("is an input; name another file for -o"), "{}", err(&output));
    assert_eq!(fs::read(&input).unwrap(), before);
    fs::write(folder.path().join("regions.csv"), "provider,code,country\naws,x,US\n").unwrap();
    fs::write(folder.path().join("prefixes.csv"), "prefix,provider,region\n5.0.0.0/24,aws,x\n").unwrap();
    let made = folder.path().join("made");
    let output = geoip(&["build", text(folder.path()), "-o", text(&made), "--accept"]);
    assert_eq!((status(&output), made.exists()), (2, false));
    let said = err(&output);
    assert!(said.contains("broken: cloud prefixes are placed right: IPv4 0.000 % (0 of 1) right"), "{said}");
    assert!(!said.contains("broken: answers") && !said.contains("--accept passes"), "{said}");
}

/// The inputs of the embedded database, unpacked, where they and `xz` are there.
fn unpacked(folder: &Path) -> Result<(), String> {
    if cfg!(debug_assertions) {
        return Err("it takes minutes without optimisation: cargo test --release --test geoip".into());
    }
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/geoip"));
    for name in
        ["asn-country-ipv4.csv", "asn-country-ipv6.csv", "asn-ipv4.csv", "asn-ipv6.csv", "dbip-country.mmdb"]
    {
        let packed = shared.join(format!("{name}.xz"));
        let unpacked = Command::new("xz").arg("-dc").arg(&packed).output();
        let unpacked = unpacked.map_err(|error| format!("xz: {error}"))?;
        if !unpacked.status.success() {
            return Err(format!("{}: {}", packed.display(), String::from_utf8_lossy(&unpacked.stderr)));
        }
        fs::write(folder.join(name), unpacked.stdout).unwrap();
    }
    Ok(())
}

#[test]
fn the_embedded_database_is_rebuilt_with_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    if let Err(why) = unpacked(folder.path()) {
        let line = format!("NOT REBUILT: the embedded database from its inputs: {why}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    }
    let made = folder.path().join("made");
    let output = geoip(&["build", text(folder.path()), "-o", text(&made), "--date", "2026-06-17"]);
    assert_eq!(status(&output), 0, "{}{}", out(&output), err(&output));
    let databases = Databases::embedded().with_file("made", fs::read(&made).unwrap()).unwrap();
    let embedded = Databases::embedded();
    let own = embedded.sources().len();
    let mut known = 0;
    for address in addresses().take(100_000) {
        let (before, both) = (embedded.look_up(address), databases.look_up(address));
        let facts = |answer: &Answer, is_own: bool| {
            let of = |found: &[(usize, Country)]| {
                found.iter().find(|(source, _)| (*source == own) == is_own).map(|(_, country)| *country)
            };
            (of(&answer.countries), of(&answer.registrations))
        };
        assert_eq!(facts(&both, true), facts(&before, false), "{address}");
        // Two rows of the AS table contradict each other about this network; the first builder took the other one.
        let is_contradicted = matches!(address, IpAddr::V4(v4) if v4.octets()[..2] == [215, 0]);
        if !is_contradicted {
            assert_eq!(both.asn, before.asn, "{address}");
        }
        known += u32::from(facts(&before, false).0.is_some());
    }
    assert!(known > 40_000, "{known}");
}

/// Addresses of both families in turn, the same each time.
fn addresses() -> impl Iterator<Item = IpAddr> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..).map(move |n| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bits = u128::from(state);
        // IPv6 is allocated in 2000::/12 to 2a00::/12 alone, so that the second hexadecimal digit is drawn from few.
        let high = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00][n % 6];
        let low = u32::try_from(state >> 32).unwrap();
        if n % 2 == 0 {
            Ipv4Addr::from_bits(low).into()
        } else {
            Ipv6Addr::from_bits(high << 112 | bits << 48).into()
        }
    })
}
