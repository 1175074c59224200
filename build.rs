//! Unpacks the embedded address database, so that the program opens it in place.
//!
//! Input: `geoip/default.mmdb.zst` and the checksum in `geoip/sources.toml`. Output: `default.mmdb` in `OUT_DIR`.
//! A database that does not match its checksum stops the build.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::Path;

use ruzstd::decoding::StreamingDecoder;
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={PACKED}");
    println!("cargo::rerun-if-changed={SOURCES}");
    let packed = fs::File::open(PACKED)?;
    let mut database = Vec::new();
    StreamingDecoder::new(packed)?.read_to_end(&mut database)?;
    let expected = checksum(&fs::read_to_string(SOURCES)?)?;
    let found = hex(&Sha256::digest(&database));
    if found != expected {
        return Err(format!("{PACKED} unpacks to sha256 {found}, but {SOURCES} says {expected}").into());
    }
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("default.mmdb"), database)?;
    Ok(())
}

/// The checksum that `sources.toml` states for the unpacked database.
fn checksum(sources: &str) -> Result<String, String> {
    let line = sources.lines().find_map(|line| line.strip_prefix("sha256_unpacked = "));
    let Some(value) = line else {
        return Err(format!("{SOURCES} has no line `sha256_unpacked = \"…\"`"));
    };
    Ok(value.trim().trim_matches('"').to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

const PACKED: &str = "geoip/default.mmdb.zst";
const SOURCES: &str = "geoip/sources.toml";
