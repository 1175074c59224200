//! Evidence bundles: a report with all that it was made from and by, in a folder or a zip, so that others can check it.
//!
//! Input: texts, captures as files, and what was recorded of a run; or a bundle that somebody hands in. Output: the bundle's
//! bytes, which are the same whenever the same is put in; or what of it is intact, and what differs. Must not: inspect, trust
//! a name or a size in a bundle, or write anywhere but where it is handed a writer.

mod archive;
mod check;
mod compare;
mod manifest;
mod name;
mod run;
mod text;
mod verification;
mod write;
mod zip;

use std::fmt::Write as _;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

pub use self::archive::Archive;
pub use self::check::{Checked, check};
pub use self::compare::{Comparison, Difference, compare};
pub use self::name::copy_name;
pub use self::run::{FileOfRun, Run};
pub use self::text::text;
pub use self::verification::{Cause, FileState, Found, Name, Outcome, Part, Redaction, Verification, json};
pub use self::write::{Content, Contents, create_private};

/// The list of a bundle's files, with sizes and hashes.
pub const MANIFEST: &str = "manifest.json";
/// The same as `sha256sum` reads it, with the manifest's own hash.
pub const SUMS: &str = "SHA256SUMS";
/// What the run can be repeated from.
pub const RUN: &str = "run.toml";
/// The folder of the captures, where they are in the bundle.
pub const INPUTS: &str = "inputs";
/// The folder of the files that options name.
pub const FILES: &str = "files";
/// The folder of the logs of redacted captures.
pub const REDACTION: &str = "redaction";
/// The folder of the data that the program itself carries.
pub const DATA: &str = "data";

/// The most files of a bundle. One of a study of some hundred captures has a tenth of it.
pub const MAX_FILES: usize = 10_000;
/// The most bytes of one text of a bundle, unpacked. The report of a capture of 100,000 flows has a tenth of it.
pub const MAX_TEXT: u64 = 1 << 30;
/// The most bytes of the manifest, the sums and the record of the run. With the most files they have a fifth of it.
pub const MAX_LIST: u64 = 16 << 20;
/// The most bytes of all texts of a bundle, unpacked.
pub const MAX_TEXTS: u64 = 4 << 30;

/// Why a bundle cannot be made or read, with the file and the next step.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}: {what}; {next}")]
pub struct BundleError {
    /// The bundle, or the file in it.
    pub file: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub next: &'static str,
}

impl BundleError {
    pub(crate) fn new(file: impl Into<String>, what: impl Into<String>, next: &'static str) -> Self {
        Self { file: file.into(), what: what.into(), next }
    }
}

/// The SHA-256 of bytes, in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The size and the SHA-256 of what a reader hands out.
pub fn digest(reader: &mut dyn Read) -> io::Result<(u64, String)> {
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    copy(reader, |bytes| {
        hash.update(bytes);
        size = size.saturating_add(bytes.len() as u64);
        Ok(())
    })?;
    Ok((size, hex(&hash.finalize())))
}

/// Hands on what a reader hands out, in portions.
fn copy(reader: &mut dyn Read, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; PORTION];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => take(buffer.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes that are copied at once.
const PORTION: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard_however_it_is_taken() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        assert_eq!(digest(&mut &b"abc"[..]).unwrap(), (3, abc.to_owned()));
    }
}
