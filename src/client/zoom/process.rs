//! Processes that are the client's.
//!
//! Input: `data/processes.toml`, and a name that a capture tells. Output: whether it is one of the client's. Must not:
//! believe the capture; how far it can be trusted is `frame::ProcessMethod`'s to say.

use serde::Deserialize;

use crate::data::{self, Confidence, DataError};
use crate::frame::ProcessMethod;
use crate::source::owners::Ancestor;

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

    /// The client's process above a program, where the two are of one installation.
    pub(super) fn starter<'a>(
        &self,
        path: &str,
        parents: &'a [Ancestor],
        method: ProcessMethod,
    ) -> Option<&'a str> {
        let mut parents = parents.iter();
        let parent = parents.find(|parent| self.contains(&parent.name, method))?;
        let installation = installation(&parent.path)?;
        path.get(..installation.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(installation))
            .then_some(parent.name.as_str())
    }
}

/// The folder that a program is installed in, with the separator at its end: on macOS its bundle, elsewhere the folder it is in,
/// but not one that programs of all kinds are in.
fn installation(path: &str) -> Option<&str> {
    if let Some(bundle) = path.find(".app/") {
        return path.get(..bundle + ".app/".len());
    }
    let folder = path.get(..=path.rfind(['/', '\\'])?)?;
    (!COMMON_FOLDERS.contains(&folder)).then_some(folder)
}

/// Folders in which programs of all kinds are.
const COMMON_FOLDERS: &[&str] =
    &["/", "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/opt/", "/snap/bin/", "/tmp/"];

const FILE: &str = "processes.toml";
/// The kernel of macOS keeps so many bytes of a command (`MAXCOMLEN`).
const CUT_AFTER: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_started_is_a_part_of_it_where_it_is_installed_with_it() {
        let processes = Processes::load(include_str!("data/processes.toml")).unwrap();
        let parent =
            |name: &str, path: &str| Ancestor { pid: 1, name: name.to_owned(), path: path.to_owned() };
        let starter = |path, parents: &[Ancestor]| {
            processes.starter(path, parents, ProcessMethod::Socket).map(str::to_owned)
        };
        let linux = [parent("zypak", "/opt/zoom/zypak"), parent("zoom", "/opt/zoom/zoom")];
        assert_eq!(starter("/opt/zoom/ZoomWebviewHost", &linux).as_deref(), Some("zoom"));
        assert_eq!(starter("/opt/zoom/cef/host", &linux).as_deref(), Some("zoom"));
        assert_eq!(starter("/usr/bin/firefox", &linux), None, "a link was opened in a browser");
        assert_eq!(
            starter("/usr/bin/firefox", &[parent("zoom", "/usr/bin/zoom")]),
            None,
            "where all programs are"
        );
        assert_eq!(starter("/opt/zoom/x", &[parent("bash", "/opt/zoom/bash")]), None);
        assert_eq!(starter("", &linux), None);
        let macos = [parent("zoom.us", "/Applications/zoom.us.app/Contents/MacOS/zoom.us")];
        let helper = "/Applications/zoom.us.app/Contents/Frameworks/x.app/Contents/MacOS/x";
        assert_eq!(starter(helper, &macos).as_deref(), Some("zoom.us"));
        let windows = [parent("Zoom.exe", r"C:\Program Files\Zoom\bin\Zoom.exe")];
        assert_eq!(starter(r"c:\program files\zoom\bin\view.exe", &windows).as_deref(), Some("Zoom.exe"));
    }

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
