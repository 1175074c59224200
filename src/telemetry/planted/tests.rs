//! Values in every form, and none where there is none.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use super::*;

const FILE: &str = r#"
[[planted]]
label = "address"
kind = "email"
value = "Tester@Example.org"

[[planted]]
kind = "meeting_number"
value = "987 6543 2101"

[[planted]]
kind = "name"
value = "Ann"
"#;

fn planted() -> Planted {
    Planted::parse("planted.toml", FILE).unwrap()
}

fn told(unit: &[u8]) -> Vec<String> {
    let planted = planted();
    let name = |hit: Hit| {
        let codings: Vec<&str> = hit.codings.iter().map(|coding| coding.name()).collect();
        let hash = hit.hash.map_or("", Hash::name);
        format!("{}|{hash}|{}", planted.values()[hit.value].label, codings.join(","))
    };
    planted.find(unit, true).into_iter().map(name).collect()
}

#[test]
fn a_value_is_found_once_in_each_coding() {
    let value = b"tester@example.org";
    let digest = Sha256::digest(value);
    for (unit, expected) in [
        (b"mail=\"tester@example.org\"".to_vec(), "address||"),
        (b"TESTER@EXAMPLE.ORG".to_vec(), "address||"),
        (b"tester%40example.org".to_vec(), "address||percent"),
        (b"tester%2540example.org".to_vec(), "address||percent,percent"),
        (BASE64.encode(value).into_bytes(), "address||base64"),
        (BASE64.encode(BASE64.encode(value).as_bytes()).into_bytes(), "address||base64,base64"),
        (BASE64URL_NOPAD.encode(b"{\"\xff\xfe\":\"tester@example.org\"}").into_bytes(), "address||base64"),
        (HEXLOWER.encode(value).into_bytes(), "address||hexadecimal"),
        (HEXLOWER.encode(&digest).into_bytes(), "address|sha256|hexadecimal"),
        (HEXUPPER.encode(&digest).into_bytes(), "address|sha256|hexadecimal"),
        (BASE64.encode(&digest).replace('=', "%3D").replace('+', "%2B").into_bytes(), ""),
        (HEXLOWER.encode(&*md5::compute("Tester@Example.org")).into_bytes(), "address|md5|hexadecimal"),
        (HEXLOWER.encode(&Sha1::digest("TESTER@EXAMPLE.ORG")).into_bytes(), "address|sha1|hexadecimal"),
        (
            BASE64.encode(HEXLOWER.encode(&digest).as_bytes()).into_bytes(),
            "address|sha256|base64,hexadecimal",
        ),
        (b"id:98765432101;".to_vec(), "meeting_number||"),
        (b"987-6543-2101".to_vec(), "meeting_number||"),
        (HEXLOWER.encode(&Sha256::digest("ann")).into_bytes(), "name|sha256|hexadecimal"),
    ] {
        let found = told(&unit);
        let shown = String::from_utf8_lossy(&unit);
        assert_eq!(found.len(), 1, "{shown}: {found:?}");
        assert!(expected.is_empty() || found[0] == expected, "{shown}: {found:?}");
    }
}

#[test]
fn none_is_invented() {
    for unit in [
        &b"mytester@example.org"[..],
        b"tester@example.orgx",
        b"tester example org",
        b"Ann",
        b"1987654321012",
        b"",
        b"dGVzdGVy",
    ] {
        assert_eq!(told(unit), [""; 0], "{}", String::from_utf8_lossy(unit));
    }
    let noise: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    assert_eq!(told(&noise), [""; 0]);
    assert_eq!(told(HEXLOWER.encode(&noise).as_bytes()), [""; 0]);
}

#[test]
fn a_digest_that_goes_on_is_none() {
    let digest = HEXLOWER.encode(&Sha256::digest("tester@example.org"));
    assert_eq!(told(format!("{digest}00").as_bytes()), [""; 0]);
}

#[test]
fn what_stands_there_twice_in_two_codings_is_told_in_both() {
    let both = told(b"tester@example.org tester%40example.org");
    assert_eq!(both, ["address||", "address||percent"]);
}

#[test]
fn gzip_beside_the_headers_is_looked_into() {
    use std::io::Write as _;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(b"x=tester@example.org").unwrap();
    let packed = out.finish().unwrap();
    assert_eq!(told(&packed), ["address||gzip"]);
    assert_eq!(told(BASE64.encode(&packed).as_bytes()), ["address||base64,gzip"]);
}

#[test]
fn short_values_are_looked_for_as_hashes_alone_and_that_is_known() {
    let short: Vec<bool> = planted().values().iter().map(|value| value.is_short).collect();
    assert_eq!(short, [false, false, true]);
}

#[test]
fn a_file_that_is_nonsense_is_refused_with_line_and_caret() {
    for (text, says) in [
        ("planted = 3", "planted.toml:1:"),
        ("[[planted]]\nkind = \"colour\"\nvalue = \"x\"", "planted.toml:2:8"),
        ("[[planted]]\nkind = \"text\"\nvalue = \" \"", "planted.toml:3:9"),
        ("[[planted]]\nkind = \"text\"\nvalue = \"a\"\nx = 1", "planted.toml:4:1"),
        (
            "[[planted]]\nkind=\"text\"\nvalue=\"a\"\n[[planted]]\nkind=\"name\"\nvalue=\"a\"",
            "planted.toml:6:7",
        ),
        ("planted = []", "plants nothing"),
    ] {
        let error = Planted::parse("planted.toml", text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(says == "plants nothing" || error.contains('^'), "{error}");
    }
}

#[test]
fn no_form_of_a_value_is_shown_unasked() {
    let shown = format!("{:?}", planted());
    assert!(!shown.contains("ester@"), "{shown}");
    assert_eq!(planted().values()[0].masked(), "T… (18 characters)");
    assert_eq!(masked("Ann"), "… (3 characters)");
}
