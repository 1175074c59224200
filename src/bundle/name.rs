//! The names of files in a bundle: relative, of plain characters, and the same file on every system.
//!
//! Input: names, of which none is trusted. Output: whether they may stand in a bundle, and names that may. Must not: open a file.

use std::path::Path;

/// The most bytes of a name.
pub(super) const MAX_NAME: usize = 200;
/// The most parts of a name: a folder, one in it, and a file.
pub(super) const MAX_PARTS: usize = 3;
/// The most characters that a copy keeps of its file's name.
const KEPT: usize = 80;

/// Why a name may not stand in a bundle, where it may not: nothing leads out of it.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if name.is_empty() || name.len() > MAX_NAME {
        return Some("a file without a name, or with a name that is too long");
    }
    if name.starts_with('/') || name.contains(['\\', ':']) {
        return Some("a path that does not start in the bundle");
    }
    if name.split('/').any(|part| part == "..") {
        return Some("a path that leads out of the bundle");
    }
    let is_odd = |part: &str| part.is_empty() || part == ".";
    if !name.chars().all(is_plain) || name.split('/').any(is_odd) || name.split('/').count() > MAX_PARTS {
        return Some("a path that no bundle has");
    }
    None
}

/// The name of a copy in a folder of the bundle: a number, which keeps it apart, and what is plain of the file's own name.
#[must_use]
pub fn copy_name(folder: &str, number: usize, path: &Path) -> String {
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let kept: String = own.chars().take(KEPT).map(plain).collect();
    format!("{folder}/{number:03}-{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_a_bundle() {
        for name in ["report.json", "inputs/000-a.pcapng", "data/zoom/names.toml", "..a/b..c"] {
            assert_eq!(refusal(name), None, "{name}");
        }
        let hostile =
            ["", "/etc/passwd", "../x", "a/../../x", "a\\..\\x", "C:x", "a//b", "./a", "a/.", "a\0b", "a\nb"];
        for name in hostile.into_iter().chain(["a/b/c/d", "a b", "é", &"a".repeat(201)]) {
            assert!(refusal(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn copies_have_names_that_may_stand_in_a_bundle() {
        for path in ["-", "a/../my lists\u{202e}.csv", "..", "/", &"é".repeat(300)] {
            let name = copy_name(FOLDER, 7, Path::new(path));
            assert_eq!(refusal(&name), None, "{name}");
        }
        assert_eq!(copy_name(FOLDER, 7, Path::new("a/b.csv")), "files/007-b.csv");
    }

    const FOLDER: &str = "files";
}
