//! Databases in MaxMind's format, for tests.

use std::time::{Duration, UNIX_EPOCH};

use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{Ipv4Aliasing, Value, Writer};

/// A database of 2026-06-01 that says `value` of each network, later ones before earlier ones.
pub(super) fn database(rows: &[(&str, Value)]) -> Vec<u8> {
    let mut writer = Writer::builder("Sample")
        .description(&[("en", "made for a test")])
        .ipv4_aliasing(Ipv4Aliasing::Disabled)
        .build_epoch(UNIX_EPOCH + Duration::from_hours(24 * 20_605))
        .build();
    for (network, value) in rows {
        writer.insert_value(network.parse::<IpNet>().unwrap(), value.clone()).unwrap();
    }
    writer.to_bytes().unwrap()
}

/// A record with one country, in the flat layout.
pub(super) fn placed(country: &str) -> Value {
    Value::map([("country_code", country)])
}
