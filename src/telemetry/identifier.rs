//! Values that tell a person, a device or a meeting, by what their field is called and what they look like.
//!
//! Input: a data file; fields of what a client sent. Output: which identifier a field is, if any. Must not: go by half of that, or keep
//! a value.

use std::net::IpAddr;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::data::{self, DataError};
use crate::telemetry::endpoint::Key;

const TEXT: &str = include_str!("data/identifiers.toml");
const FILE: &str = "telemetry/identifiers.toml";

/// A kind of identifier.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Its name in reports.
    pub id: String,
    /// What it is.
    pub what: String,
    shape: Shape,
    #[serde(default)]
    keys: Vec<Key>,
    #[serde(default)]
    least: usize,
    #[serde(default = "any")]
    most: usize,
}

const fn any() -> usize {
    usize::MAX
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Degrees,
    Digits,
    Email,
    Ip,
    Mac,
    OwnIp,
    Token,
    Uuid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    #[serde(rename = "compiled")]
    _compiled: crate::frame::Date,
    identifiers: Vec<Identifier>,
}

// A test reads the file; without it no identifier would be known.
static BUILTIN: LazyLock<Vec<Identifier>> = LazyLock::new(|| parse(FILE, TEXT).unwrap_or_default());

fn parse(file: &str, text: &str) -> Result<Vec<Identifier>, DataError> {
    data::parse::<Rows>(file, text).map(|rows| rows.identifiers)
}

/// The identifier that a field of that name and value is. `own` is the address of the machine that sent it.
#[must_use]
pub fn identify(key: &str, value: &str, own: Option<IpAddr>) -> Option<&'static Identifier> {
    let value = value.trim();
    if value.is_empty() || value.len() > MOST_BYTES {
        return None;
    }
    let key = Key::of(key);
    BUILTIN.iter().find(|row| (row.keys.is_empty() || row.keys.contains(&key)) && row.fits(value, own))
}

impl Identifier {
    fn fits(&self, value: &str, own: Option<IpAddr>) -> bool {
        let has_length = |length: usize| (self.least..=self.most).contains(&length);
        match self.shape {
            Shape::Degrees => is_degrees(value),
            Shape::Digits => {
                let digits = value.bytes().filter(u8::is_ascii_digit).count();
                let others = value.bytes().filter(|byte| !byte.is_ascii_digit());
                has_length(digits)
                    && others.clone().count() <= 3
                    && others.into_iter().all(|b| b" -".contains(&b))
            }
            Shape::Email => is_email(value),
            Shape::Ip => value.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified()),
            Shape::Mac => is_mac(value),
            Shape::OwnIp => own.is_some() && value.parse().ok().map(|ip: IpAddr| ip.to_canonical()) == own,
            Shape::Token => {
                has_length(value.len())
                    && value.bytes().all(|byte| byte.is_ascii_graphic())
                    && value.bytes().any(|byte| byte.is_ascii_digit())
            }
            Shape::Uuid => is_uuid(value),
        }
    }
}

fn is_degrees(value: &str) -> bool {
    let decimals = value.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    decimals >= 2 && value.parse::<f64>().is_ok_and(|number| number.abs() <= 180.0 && number != 0.0)
}

fn is_email(value: &str) -> bool {
    let Some((local, domain)) = value.split_once('@') else { return false };
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    !local.is_empty()
        && local.bytes().all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_mac(value: &str) -> bool {
    let separator = if value.contains('-') { '-' } else { ':' };
    let mut pairs = 0;
    let all = value.split(separator).all(|pair| {
        pairs += 1;
        pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    all && pairs == 6 && value.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0')
}

fn is_uuid(value: &str) -> bool {
    let lengths = value.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && value.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        && value.bytes().any(|byte| !b"-0".contains(&byte))
}

/// The longest value that may be an identifier, in bytes.
const MOST_BYTES: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_file_is_read() {
        assert!(!parse(FILE, TEXT).unwrap().is_empty());
    }

    #[test]
    fn name_and_value_have_to_fit() {
        let own = "192.0.2.7".parse().ok();
        for (key, value, expected) in [
            ("userId", "a1B2c3D4e5", Some("user_id")),
            ("user_id", "please-log-in", None),
            ("meetingId", "987 6543 2101", Some("meeting_id")),
            ("number", "98765432101", None),
            ("x", "123e4567-e89b-42d3-a456-426614174000", Some("uuid")),
            ("IDFA", "123e4567-e89b-42d3-a456-426614174000", Some("advertising_id")),
            ("IDFA", "00000000-0000-0000-0000-000000000000", None),
            ("src", "192.0.2.7", Some("ip_of_the_machine")),
            ("src", "192.0.2.8", None),
            ("clientIp", "192.0.2.8", Some("ip")),
            ("version", "5.17.5.2", None),
            ("lat", "52.3702", Some("coordinates")),
            ("lat", "12", None),
            ("latency", "52.3702", None),
            ("a", "00:11:22:33:44:55", Some("mac")),
            ("a", "00:00:00:00:00:00", None),
            ("a", "12:30:45", None),
            ("a", "tester@example.org", Some("email")),
            ("a", "tester@localhost", None),
            ("a", "@2x.png", None),
        ] {
            let found = identify(key, value, own).map(|found| found.id.as_str());
            assert_eq!(found, expected, "{key}={value}");
        }
    }
}
