//! The list of a bundle's files: `manifest.json`, and `SHA256SUMS` beside it, which has the manifest's own hash.
//!
//! Input: names, sizes and hashes; or the list's text. Output: the text; or the rows, if it is a list. Must not: open a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::name::refusal;
use super::{BundleError, MANIFEST, MAX_FILES, SUMS, sha256};

/// The name and the version of the manifest's form. A higher minor version adds, a higher major one changes a meaning.
const SCHEMA: (&str, &str) = ("borderpost-bundle", "1.0");

/// What a file of a bundle is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) size: u64,
    pub(super) sha256: String,
}

pub(super) type Rows = BTreeMap<String, Row>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Schema,
    files: Vec<Listed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Schema {
    name: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    path: String,
    size: u64,
    sha256: String,
}

/// The manifest's text.
pub(super) fn manifest(rows: &Rows) -> String {
    let listed = |(path, row): (&String, &Row)| Listed {
        path: path.clone(),
        size: row.size,
        sha256: row.sha256.clone(),
    };
    let schema = Schema { name: SCHEMA.0.to_owned(), version: SCHEMA.1.to_owned() };
    let file = File { schema, files: rows.iter().map(listed).collect() };
    // Texts and numbers: this cannot fail.
    serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
}

/// The text of `SHA256SUMS`, as `sha256sum -c` reads it.
pub(super) fn sums(rows: &Rows, manifest: &str) -> String {
    let own = (MANIFEST, sha256(manifest.as_bytes()));
    let mut all: BTreeMap<&str, &str> =
        rows.iter().map(|(path, row)| (path.as_str(), row.sha256.as_str())).collect();
    all.insert(own.0, &own.1);
    let lines: Vec<String> = all.iter().map(|(path, sha256)| format!("{sha256}  {path}\n")).collect();
    lines.concat()
}

/// The rows of a manifest.
pub(super) fn parse(text: &[u8]) -> Result<Rows, BundleError> {
    let wrong = |what: String| BundleError::new(MANIFEST, what, AGAIN);
    let schema = schema_of(text).map_err(wrong)?;
    if schema.name != SCHEMA.0 {
        return Err(wrong(format!("its schema is {}, not {}", schema.name, SCHEMA.0)));
    }
    refuse_newer(MANIFEST, &schema.version, SCHEMA.1)?;
    let file: File = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
    if file.files.len() > MAX_FILES {
        return Err(wrong(format!("it lists more than {MAX_FILES} files")));
    }
    let mut rows = Rows::new();
    for Listed { path, size, sha256 } in file.files {
        if let Some(what) = refusal(&path) {
            return Err(wrong(format!("it lists {what}: {path}")));
        }
        let is_known = path == MANIFEST || path == SUMS;
        if is_known || rows.insert(path.clone(), Row { size, sha256 }).is_some() {
            return Err(wrong(format!("it lists {path} twice, or itself")));
        }
    }
    Ok(rows)
}

fn schema_of(text: &[u8]) -> Result<Schema, String> {
    #[derive(Deserialize)]
    struct Head {
        schema: Schema,
    }
    serde_json::from_slice::<Head>(text).map(|head| head.schema).map_err(|error| error.to_string())
}

/// Refuses what a later program wrote.
pub(super) fn refuse_newer(file: &str, found: &str, known: &str) -> Result<(), BundleError> {
    let parts = |version: &str| -> Option<(u32, u32)> {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let next = "read it with a newer borderpost";
    match (parts(found), parts(known)) {
        (Some(found), Some(known)) if found <= known => Ok(()),
        (Some(_), _) => Err(BundleError::new(
            file,
            format!("of schema {found}, and {known} is the newest known here"),
            next,
        )),
        (None, _) => {
            Err(BundleError::new(file, format!("its schema's version is {found}, which is none"), AGAIN))
        }
    }
}

/// What to do about a file that is broken.
pub(super) const AGAIN: &str = "ask for another copy of the bundle";

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let row = |text: &str| Row { size: text.len() as u64, sha256: sha256(text.as_bytes()) };
        Rows::from([("report.json".to_owned(), row("{}")), ("zz".to_owned(), row("x"))])
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let text = manifest(&rows());
        assert_eq!(parse(text.as_bytes()), Ok(rows()));
        let sums = sums(&rows(), &text);
        let names: Vec<&str> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
        assert_eq!(names, ["manifest.json", "report.json", "zz"]);
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_the_next_step() {
        let good = manifest(&rows());
        let cases = [
            ("{", String::from("{"), "EOF"),
            ("schema", good.replace("borderpost-bundle", "other"), "its schema is other"),
            ("newer", good.replace("\"1.0\"", "\"1.1\""), "newer borderpost"),
            ("major", good.replace("\"1.0\"", "\"2.0\""), "newer borderpost"),
            ("no version", good.replace("\"1.0\"", "\"new\""), "which is none"),
            ("twice", good.replace("zz", "report.json"), "twice"),
            ("itself", good.replace("zz", "SHA256SUMS"), "itself"),
            ("out", good.replace("zz", "../zz"), "leads out of the bundle"),
            ("absolute", good.replace("zz", "/zz"), "does not start in the bundle"),
            ("more", good.replace("\"size\": 1,", "\"size\": 1, \"more\": 1,"), "unknown field"),
        ];
        for (case, text, part) in cases {
            let refused = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(part) && refused.starts_with("manifest.json: "), "{case}: {refused}");
        }
    }
}
