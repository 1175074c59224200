//! Databases of MaxMind's layout. Law: a broken one is refused or answers; look-ups neither panic nor go on for ever.

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use borderpost::place::Databases;
use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{Value, Writer};

use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let built = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let layouts =
        [("country_code", "5.0.0.0/8"), ("country", "2001:500::/32"), ("registered_country", "5.0.0.0/24")];
    let databases = layouts.into_iter().filter_map(|(key, network)| {
        let mut writer =
            Writer::builder("Made-Country").description(&[("en", "made")]).build_epoch(built).build();
        writer.insert_value(network.parse::<IpNet>().ok()?, Value::map([(key, "NL")])).ok()?;
        Some([&[5, 0, 0, 1][..], &writer.to_bytes().ok()?].concat())
    });
    databases.collect()
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let addresses = [IpAddr::from(script.long().to_be_bytes()), IpAddr::from([8, 8, 8, 8])];
    let Ok(databases) = Databases::embedded().with_file("made.mmdb", script.rest().to_vec()) else { return };
    for address in addresses {
        let _ = databases.look_up(address);
    }
}
