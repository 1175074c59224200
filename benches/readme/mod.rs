//! Pages of `benches/README.md` and `SECURITY.md` that a benchmark writes itself, each between two marks with its name.
//!
//! Input: the file, the name of a page, and its text. Output: the file with that text there. Must not: change anything else of it.

use std::fs;
use std::io;
use std::path::Path;

/// Puts a page into `benches/README.md`.
pub(crate) fn put(name: &str, page: &str) -> io::Result<()> {
    put_into("benches/README.md", name, page)
}

/// Puts a page into a file of the package.
pub(crate) fn put_into(file: &str, name: &str, page: &str) -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = replaced(&fs::read_to_string(&path)?, name, page);
    fs::write(path, text.ok_or_else(|| io::Error::other(format!("no marks for {name} in {file}")))?)
}

/// The text with another page between the marks of that name; `None` where it has none.
pub(crate) fn replaced(text: &str, name: &str, page: &str) -> Option<String> {
    let [begin, end] = ["begin", "end"].map(|place| format!("<!-- {name}: {place} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", page.trim()))
}

#[cfg(test)]
#[allow(
    dead_code,
    unused_imports,
    reason = "run in tests/compare.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    const README: &str = include_str!("../README.md");

    #[test]
    fn the_readme_has_marks_for_every_page_and_only_what_is_between_them_changes() {
        for name in ["compare", "stages"] {
            let once = replaced(README, name, "one\n").expect(name);
            let begin = format!("<!-- {name}: begin -->");
            let (before, _) = README.split_once(&begin).expect(name);
            assert!(once.starts_with(before) && once.contains(&format!("{begin}\n\none\n\n<!--")), "{once}");
            assert_eq!(replaced(&once, name, "two"), replaced(README, name, "two"));
        }
    }

    #[test]
    fn a_text_without_marks_is_left_alone() {
        assert_eq!(replaced("<!-- compare: begin -->", "compare", "one"), None);
        assert_eq!(replaced(README, "other", "one"), None);
    }
}
