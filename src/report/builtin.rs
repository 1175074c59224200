//! The data that are compiled into the program, as files: what a report rests on beside captures and the user's own lists.
//!
//! Input: none. Output: names and texts. Must not: read them.

/// The name and the text of one file.
pub type DataFile = (&'static str, &'static str);

/// Every data file that is compiled in, by name: registers, claims, legal zones, languages of reports, and the tables that flows are read by. The address
/// database is not among them: a report states its hash.
pub const FILES: &[DataFile] = &[
    ("claims/claims.toml", include_str!("../claims/data/claims.toml")),
    ("compare/folding.toml", include_str!("../compare/data/folding.toml")),
    ("evidence/resolvers.toml", include_str!("../evidence/data/resolvers.toml")),
    ("html/world.toml", include_str!("html/world.toml")),
    ("lang/nl.toml", include_str!("lang/nl.toml")),
    ("place/cities.toml", include_str!("../../geoip/cities.toml")),
    ("place/countries.toml", include_str!("../../geoip/countries.toml")),
    ("place/gates.toml", include_str!("../../geoip/gates.toml")),
    ("place/networks.toml", include_str!("../../geoip/networks.toml")),
    ("place/outlines.toml", include_str!("../../geoip/outlines.toml")),
    ("place/regions.toml", include_str!("../../geoip/regions.toml")),
    ("place/reserved.toml", include_str!("../../geoip/reserved.toml")),
    ("place/sources.toml", include_str!("../../geoip/sources.toml")),
    ("place/zones.toml", include_str!("../../geoip/zones.toml")),
    ("registers/surf-2022.toml", include_str!("../verdict/registers/surf-2022.toml")),
    ("registers/surf-2024.toml", include_str!("../verdict/registers/surf-2024.toml")),
    ("session/step-kinds.toml", include_str!("../session/data/step-kinds.toml")),
    ("telemetry/endpoints.toml", include_str!("../telemetry/data/endpoints.toml")),
    ("telemetry/events.toml", include_str!("../telemetry/data/events.toml")),
    ("telemetry/identifiers.toml", include_str!("../telemetry/data/identifiers.toml")),
    ("zoom/addresses.toml", include_str!("../client/zoom/data/addresses.toml")),
    ("zoom/anycast.toml", include_str!("../client/zoom/data/anycast.toml")),
    ("zoom/clusters.toml", include_str!("../client/zoom/data/clusters.toml")),
    ("zoom/names.toml", include_str!("../client/zoom/data/names.toml")),
    ("zoom/ports.toml", include_str!("../client/zoom/data/ports.toml")),
    ("zoom/processes.toml", include_str!("../client/zoom/data/processes.toml")),
    ("zoom/ranges.toml", include_str!("../client/zoom/data/ranges.toml")),
    ("zoom/recipients.toml", include_str!("../client/zoom/data/recipients.toml")),
    ("zoom/sites.toml", include_str!("../client/zoom/data/sites.toml")),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every TOML file below a folder.
    fn texts(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                found.push(fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_data_file_of_the_sources_is_listed_once_and_in_order() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        texts(&root.join("src"), &mut found);
        texts(&root.join("geoip"), &mut found);
        found.sort();
        let mut listed: Vec<&str> = FILES.iter().map(|(_, text)| *text).collect();
        listed.sort_unstable();
        assert_eq!(found, listed);
        assert!(FILES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
