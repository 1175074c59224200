//! Writes the merged ranges as a database in MaxMind's format and layout.
//!
//! Input: ranges in ascending order, what they were made from, and the day. Output: the file's bytes, the same for the
//! same input. The IPv6 forms that wrap an IPv4 address stay empty: they are unwrapped before anything is looked up.
//! Must not: know the clock: the day is the data's.

use std::time::{Duration, SystemTime};

use mmdb_writer::{Ipv4Aliasing, Value, Writer};

use super::Input;
use super::merge::Record;
use super::span::Span;
use crate::frame::{Date, Timestamp};

/// Writes the database.
pub(super) fn write(pieces: &[Span<Record>], inputs: &[Input], date: Date) -> Result<Vec<u8>, String> {
    let days = u64::try_from(date.days_since(Timestamp::from_nanos(0).date())).unwrap_or_default();
    let built = SystemTime::UNIX_EPOCH.checked_add(Duration::from_hours(days.saturating_mul(24)));
    let names: Vec<&str> = inputs.iter().map(|input| input.file.as_str()).collect();
    let description = format!("country, registered country and AS number, from {}", names.join(", "));
    let mut writer = Writer::builder(DATABASE_TYPE)
        .description(&[("en", description.as_str())])
        .ipv4_aliasing(Ipv4Aliasing::Disabled)
        .build_epoch(built.unwrap_or(SystemTime::UNIX_EPOCH))
        .build();
    for piece in pieces {
        let value = value(piece.value);
        writer.insert_range(piece.first, piece.last, &value).map_err(|error| error.to_string())?;
    }
    writer.to_bytes().map_err(|error| error.to_string())
}

fn value(record: Record) -> Value {
    let country = |country: super::Country| Value::map([("iso_code", country.code())]);
    let fields = [
        ("country", record.country.map(country)),
        ("registered_country", record.registered.map(country)),
        ("autonomous_system_number", record.asn.map(Value::from)),
    ];
    Value::map(fields.into_iter().filter_map(|(key, value)| Some((key, value?))))
}

/// Readers of MaxMind's own look for `Country` and `ASN` in it.
const DATABASE_TYPE: &str = "borderpost-Country-ASN";
