//! The manifest beside each capture: what it is for, how it was made, and its checksum.
//!
//! Input: a scenario and its finished file. Output: the text of `captures/NAME.manifest.toml`. Must not: name the
//! machine or the day on which it was made.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::frame::Sent;
use super::scenario::Scenario;
use super::{NOTICE, VERSION};

/// The manifest of `capture`.
pub(crate) fn text(name: &str, scenario: &Scenario, frames: &[Sent], capture: &[u8]) -> String {
    let mut text = String::from("# Written by the generator together with the capture; do not edit.\n\n");
    let purpose = toml_string(&scenario.purpose);
    let sha256 = Sha256::digest(capture).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let lines = [
        format!("capture = \"{name}.pcapng\""),
        format!("purpose = {purpose}"),
        format!("origin = {}", toml_string(NOTICE)),
        "licence = \"MIT OR Apache-2.0\"".to_owned(),
        format!("scenario = \"scenarios/{name}.toml\""),
        format!("command = \"cargo run --example generate-captures {name}\""),
        format!("generator = {VERSION}"),
        format!("frames = {}", frames.len()),
        format!("bytes = {}", capture.len()),
        format!("sha256 = \"{sha256}\""),
    ];
    for line in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

/// A basic string of TOML, on one line.
fn toml_string(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("\"{}\"", words.join(" ").replace('\\', "\\\\").replace('"', "\\\""))
}
