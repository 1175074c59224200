//! Which build of the client a run is of, as far as something tells.
//!
//! Input: texts of a report. Output: versions, each with who says so. Must not: guess one from what is no version.

use serde::Serialize;

/// A version of the client, and who says so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
pub struct Build {
    /// The version.
    pub version: String,
    /// Who says so.
    pub by: By,
}

/// Who says which build it is, the surest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The user, by an option.
    Option,
    /// The study's manifest.
    Manifest,
    /// The name of the client's process, which the capture tells.
    Process,
    /// The path that the client asked an update host for, in clear.
    Update,
    /// The entries of a baseline.
    Baseline,
}

/// The first version in a text: three or four numbers with dots between, which are no IPv4 address.
pub(super) fn version_in(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let runs = text.split(|c| !is_part(c)).map(|run| run.trim_matches('.'));
    let mut versions = runs.filter(|run| {
        let parts: Vec<&str> = run.split('.').collect();
        let is_number = |part: &&str| (1..=6).contains(&part.len());
        (3..=4).contains(&parts.len())
            && parts.iter().all(is_number)
            && run.parse::<std::net::Ipv4Addr>().is_err()
    });
    versions.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_from_addresses_and_other_numbers() {
        for (text, version) in [
            ("Zoom-6.1.5.43316", Some("6.1.5.43316")),
            ("zoom.us 6.1.0 (35886)", Some("6.1.0")),
            ("10.0.0.1", None),
            ("1.2", None),
            ("1.2.3.4.5", None),
            ("1..2.3", None),
            ("Zoom", None),
            ("", None),
            ("9999999.1.2", None),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }
}
