//! Looking for planted values in whatever a client sends. Laws: what is found is bounded by what was planted and what codings there
//! are, and by the text; a value that is put into a text between quotes is found there, plainly and once more than without it; a
//! request that holds a value in one place has one finding of it, whichever place that is.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use borderpost::frame::Timestamp;
use borderpost::telemetry::{Hit, Planted, What, digest};
use borderpost::wire::exchange::{Exchange, Header, Message, Origin, Version};

const FILE: &str = r#"
[[planted]]
kind = "email"
value = "Tester@Example.org"

[[planted]]
kind = "meeting_number"
value = "987 6543 2101"

[[planted]]
kind = "uuid"
value = "0d5a4a4e-6e1b-4f53-9c1d-3f6d2b9e7a10"

[[planted]]
kind = "text"
value = "a line + a plus & 100% more"
"#;

/// One coding in the other at the most, and gzip around both.
const MOST_CHAINS: usize = 1 + 4 + 4 * 4 + 4 * 4 * 4;

fn planted() -> &'static Planted {
    static PLANTED: OnceLock<Planted> = OnceLock::new();
    PLANTED.get_or_init(|| Planted::parse("planted.toml", FILE).expect("the file is valid"))
}

pub fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 6] = [
        b"\x00\x01{\"mail\":\"tester@example.org\",\"n\":[1,2,{\"a\":null}]}",
        b"\x01\x20a=b&mail=tester%40example.org&c=%25%34%31+d",
        b"\x02\x05dGVzdGVyQGV4YW1wbGUub3Jn 746573746572406578616d706c652e6f7267",
        b"\x03\x09987-6543-2101 0D5A4A4E6E1B4F539C1D3F6D2B9E7A10",
        b"\x01\x00ZEdWemRHVnlRR1Y0WVcxd2JHVXViM0pu%3D%3D",
        b"\x02\x02d75f4d7d7a5bd5a5ea7ea7f6b8b1f1d58fd7a9e1d36b8ab1f5b6a7c2a3d4e5f6",
    ];
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x2b\x49\x2d\x2e\x49\x2d\x72\x48\xad\x48\xcc\x2d\xc8\x49\xd5\xcb\x2f\x4a\x07\0";
    texts.iter().map(|text| text.to_vec()).chain([[&b"\x00\x00"[..], packed].concat()]).collect()
}

pub fn run(data: &[u8]) {
    let Some(([which, at], text)) = data.split_first_chunk::<2>().map(|(head, text)| (*head, text)) else {
        return;
    };
    let values = planted().values();
    let place = usize::from(which) % values.len();
    let value = values[place].reveal().as_bytes();
    let is_form = which & 0x10 != 0;
    let found = planted().find(text, is_form);
    assert!(found.len() <= values.len() * 4 * MOST_CHAINS, "{}", found.len());
    // Nothing is shorter than 8 letters, in whatever coding it is.
    assert!(found.is_empty() || text.len() >= 8);

    let at = usize::from(at) % (text.len() + 1);
    let (front, back) = text.split_at(at);
    let unit = [front, b"\"", value, b"\"", back].concat();
    let now = planted().find(&unit, is_form);
    let plain = Hit { value: place, hash: None, codings: Vec::new() };
    assert!(now.contains(&plain), "{}", String::from_utf8_lossy(&unit));
    // Where gzip is broken off is another place then.
    if !text.starts_with(&[0x1f, 0x8b]) {
        let mut apart: BTreeSet<Hit> = planted().find(front, is_form);
        apart.extend(planted().find(back, is_form));
        let unit_alone = planted().find(value, is_form);
        apart.extend(unit_alone);
        assert!(now.is_subset(&apart), "{now:?} {apart:?}");
    }
    if found.is_empty() {
        told_once(which, place, value, text);
    }
}

/// A request with other text in it, and the value in one place.
fn told_once(which: u8, place: usize, value: &[u8], text: &[u8]) {
    let other = String::from_utf8_lossy(text);
    let quoted = serde_json::Value::from(&*other).to_string();
    let shown = String::from_utf8_lossy(value);
    let coded = value.iter().fold(String::new(), |coded, byte| coded + &format!("%{byte:02X}"));
    let mut exchange = Exchange::new(Origin::Capture, Version::Http11, Timestamp::from_nanos(0));
    let mut request = Message::default();
    let (mut path, mut kind) = ("/log".to_owned(), "application/json");
    let body = match which >> 5 {
        0 => format!("{{\"a\":\"{shown}\",\"b\":{quoted}}}"),
        1 => format!("[{quoted},{{\"c\":[\"x: {shown}\"]}}]"),
        2 => {
            path = format!("/log?id={coded}");
            format!("{{\"b\":{quoted}}}")
        }
        3 => {
            request.headers.push(Header::new(*b"x-value", value));
            format!("{{\"b\":{quoted}}}")
        }
        4 => {
            kind = "application/x-www-form-urlencoded";
            format!("b=1&a={coded}")
        }
        _ => {
            kind = "text/plain";
            format!("first;{shown};last")
        }
    };
    request.headers.push(Header::new(*b"content-type", kind.as_bytes()));
    request.body.wire_len = Some(body.len() as u64);
    request.body.decoded = body.into_bytes();
    exchange.path = Some(path.into_bytes().into());
    exchange.request = Some(request);
    let digest = digest(&exchange, Some(planted()), None);
    let counts = digest.found.iter().filter(|(found, _)| found.what == What::Planted(place));
    let counts: Vec<_> = counts.map(|(found, count)| (found.part, *count)).collect();
    assert!(matches!(&counts[..], [(_, 1)]), "{counts:?} {:?}", digest.found);
    assert!(!digest.path.contains(&*shown));
}
