//! Processes that are the client's.
//!
//! Input: `data/processes.toml`, and a name that a capture tells. Output: whether it is one of the client's. Must not:
//! believe the capture; how far it can be trusted is `frame::ProcessMethod`'s to say.

use serde::Deserialize;

use crate::data::{self, Confidence, DataError};
use crate::frame::ProcessMethod;

/// The names, in lower case.
#[derive(Debug)]
pub(super) struct Processes(Vec<String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "compiled")]
    _compiled: String,
    processes: Vec<Row>,
    sources: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(rename = "system")]
    _system: System,
    source: String,
    #[serde(rename = "confidence")]
    _confidence: Confidence,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum System {
    Android,
    Linux,
    Macos,
    Windows,
}

impl Processes {
    pub(super) fn load(text: &str) -> Result<Self, DataError> {
        let file: File = data::parse(FILE, text)?;
        for row in &file.processes {
            if !file.sources.contains_key(&row.source) {
                let what = format!("{} has a source that is not listed", row.name);
                return Err(DataError::at(FILE, text, None, &what));
            }
        }
        Ok(Self(file.processes.into_iter().map(|row| row.name.to_lowercase()).collect()))
    }

    pub(super) fn contains(&self, name: &str, method: ProcessMethod) -> bool {
        let name = name.to_lowercase();
        let is_cut = method == ProcessMethod::Pktap && name.len() == CUT_AFTER;
        self.0.iter().any(|known| *known == name || (is_cut && known.starts_with(&name)))
    }
}

const FILE: &str = "processes.toml";
/// The kernel of macOS keeps so many bytes of a command (`MAXCOMLEN`).
const CUT_AFTER: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_a_whole_and_cut_where_the_capture_cuts() {
        let processes = Processes::load(include_str!("data/processes.toml")).unwrap();
        let is_client = |name| processes.contains(name, ProcessMethod::Pktap);
        for name in ["zoom.us", "ZOOM.EXE", "CptHost", "us.zoom.videomee", "us.zoom.videomeetings"] {
            assert!(is_client(name), "{name}");
        }
        for name in ["zoom.us.example", "zoo", "Google Chrome", "us.zoom.video", ""] {
            assert!(!is_client(name), "{name}");
        }
        assert!(!processes.contains("us.zoom.videomee", ProcessMethod::Ptcpdump), "which does not cut");
    }

    #[test]
    fn a_row_without_its_source_is_refused() {
        let text = "compiled = \"2026-11-25\"\nprocesses = [{ name = \"x\", system = \"linux\", source = \"nowhere\", \
                    confidence = \"high\" }]\n[sources]\n";
        assert!(Processes::load(text).unwrap_err().to_string().contains("source"));
    }
}
