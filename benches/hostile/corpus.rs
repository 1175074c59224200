//! The captures of others that lie beside the package, with what other readers say of them.
//!
//! Input: `../shared/corpus/expected.tsv` and the table in `../shared/captures/README.md`. Output: one row a file. Must not: invent
//! what a table does not say.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One capture.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its name, as `arkime/adb.pcap`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// The counts of packets that are right.
    pub(crate) packets: Vec<u64>,
    /// Whether it is to be reported as damaged; `None` where the readers do not say.
    pub(crate) is_damaged: Option<bool>,
    /// Whether it is sound, and libpcap refuses it all the same.
    pub(crate) is_refused_by_libpcap: bool,
    /// Whether it is of a format that is refused by name.
    pub(crate) is_not_read: bool,
}

/// All of them, in the order of their names; of a short run every so-manieth.
pub(crate) fn files(every: usize) -> io::Result<Vec<File>> {
    let mut files = of_corpus()?;
    files.extend(of_captures()?);
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files.into_iter().step_by(every.max(1)).collect())
}

fn shared(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder)
}

fn of_corpus() -> io::Result<Vec<File>> {
    let folder = shared("corpus");
    let table = fs::read_to_string(folder.join("expected.tsv"))?;
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap_or_default();
    let file = |cells: Vec<&str>| {
        let row: BTreeMap<&str, &str> = head.iter().copied().zip(cells).collect();
        let cell = |name: &str| row.get(name).copied().unwrap_or_default();
        let is_damaged = match cell("state") {
            "ok" => false,
            // Of these, only the walk that made the flags says whether they are whole.
            "unsupported" => cell("flags").contains("cut-"),
            _ => true,
        };
        File {
            name: cell("file").to_owned(),
            path: folder.join(cell("file")),
            packets: cell("packets").split('|').filter_map(|packets| packets.parse().ok()).collect(),
            is_damaged: Some(is_damaged),
            is_refused_by_libpcap: cell("state") == "ok" && !cell("libpcap_error").is_empty(),
            is_not_read: cell("format") == "snoop",
        }
    };
    Ok(lines.map(file).collect())
}

fn of_captures() -> io::Result<Vec<File>> {
    let folder = shared("captures");
    let table = fs::read_to_string(folder.join("README.md"))?;
    let file = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, _, _, packets, ..] = cells[..] else { return None };
        let packets = packets.parse().ok()?;
        Some(File {
            name: format!("captures/{name}"),
            path: folder.join(name),
            packets: vec![packets],
            is_damaged: Some(false),
            is_refused_by_libpcap: false,
            is_not_read: false,
        })
    };
    Ok(table.lines().filter_map(file).collect())
}
