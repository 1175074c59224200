//! Bundles of evidence and the reports in them. Laws: a zip that opens and is intact is byte for byte what is written for the
//! same files, so no byte of it is free; two reports compare without a word that steers a terminal.

use std::fs;
use std::io::Cursor;

use borderpost::bundle::{Archive, Content, Contents, check, compare};

use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let files: [&[(&str, &[u8])]; 2] = [
        &[("report.json", b"{\"schema\":{\"version\":\"1.0\"}}")],
        &[("run.toml", b"a = 1\n"), ("inputs/a.pcap", b"x")],
    ];
    let zips = files.into_iter().filter_map(|files| Some([&[0][..], &zip(files)?].concat()));
    let reports = [
        &b"\x01{\"schema\":{\"version\":\"1.0\"},\"flows\":[{\"frame\":1}]}"[..],
        b"\x01{\"schema\":{\"version\":\"999.0\"}}",
    ];
    zips.chain(reports.map(<[u8]>::to_vec)).collect()
}

fn zip(files: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    let mut contents = Contents::default();
    for (name, text) in files {
        contents.add(name, Content::Text(text.to_vec())).ok()?;
    }
    let mut out = Cursor::new(Vec::new());
    contents.to_zip(&mut out).ok()?;
    Some(out.into_inner())
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    if script.flag() {
        let made_again =
            "{\"schema\":{\"version\":\"1.0\"},\"flows\":[{\"frame\":2},{}],\"totals\":{\"a\":1}}";
        if let Err(error) = compare("report.json", script.rest(), made_again) {
            assert!(error.to_string().contains("report.json"));
        }
        return;
    }
    let Ok(folder) = tempfile::Builder::new().tempdir_in(memory()) else { return };
    let path = folder.path().join("made.zip");
    if fs::write(&path, script.rest()).is_err() {
        return;
    }
    let Ok(archive) = Archive::open(&path) else { return };
    let Ok(checked) = check(&archive) else { return };
    if checked.faults().next().is_none() {
        let own = |name: &&str| !["manifest.json", "SHA256SUMS"].contains(name);
        let texts: Option<Vec<(String, Vec<u8>)>> = archive
            .names()
            .filter(own)
            .map(|name| Some((name.to_owned(), archive.text(name).ok()?)))
            .collect();
        let Some(texts) = texts else { return };
        let files: Vec<(&str, &[u8])> = texts.iter().map(|(name, text)| (&**name, &**text)).collect();
        assert!(
            zip(&files).is_none_or(|again| again == script.rest()),
            "a byte of an intact bundle was free"
        );
    }
}

/// Where files are written without a disk, if there is such a place.
pub fn memory() -> std::path::PathBuf {
    let memory = std::path::PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
