//! Text files that the user names, and the day.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::frame::{Date, Timestamp};
use crate::place::MAX_LIST_BYTES;

/// The file's name as it is shown, and its text; `wanted` says what to name instead. No more of a file that is too long is
/// read than shows that it is.
pub(super) fn text(path: &Path, wanted: &str) -> Result<(String, String), String> {
    let shown = path.display().to_string();
    let limit = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("{shown}: {error}; {wanted}"))?;
    if bytes.len() > MAX_LIST_BYTES {
        let most = MAX_LIST_BYTES >> 20;
        return Err(format!("{shown}: more than {most} MiB, which no such file has; nothing was read"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((shown, text)),
        Err(_) => Err(format!("{shown}: not text in UTF-8; {wanted}")),
    }
}

/// Today in UTC, which no list may be younger than.
pub(super) fn today() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)).date()
}
