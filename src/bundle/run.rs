//! What a run can be repeated from: `run.toml`.
//!
//! Input: options and files, as they were given; or the file's text. Output: the text; or the same again. Must not: know what
//! an option means, or open a file.

use std::fmt::Write as _;

use serde::Deserialize;

use super::manifest::refuse_newer;
use super::name::refusal;
use super::{BundleError, MAX_FILES, RUN};
use crate::data;

/// A recorded run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The version of this form.
    pub schema: String,
    /// The version of borderpost.
    pub version: String,
    /// The options that a report depends on, in the order of the manual.
    pub arguments: Vec<String>,
    /// Files in the folders named that were no captures.
    pub files_skipped: u64,
    /// The folders that were the cells of a test, where they were.
    #[serde(default)]
    pub cells: Vec<String>,
    /// The captures, in the order in which they were read.
    #[serde(default, rename = "input")]
    pub inputs: Vec<FileOfRun>,
    /// The files that options name.
    #[serde(default, rename = "file")]
    pub files: Vec<FileOfRun>,
}

/// A file that was read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileOfRun {
    /// The path as it was given.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Its copy in the bundle, where there is one.
    pub copy: Option<String>,
    /// Of a capture that was redacted: the log of it in the bundle, where there is one.
    pub redaction_log: Option<String>,
}

impl Run {
    /// The version of the form that is written.
    pub const SCHEMA: &'static str = "1.0";

    /// The text of `run.toml`.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = HEAD.to_owned();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "schema = {}\nversion = {}", quoted(&self.schema), quoted(&self.version));
        let _ = writeln!(text, "arguments = {}", list(&self.arguments));
        let _ = writeln!(text, "files_skipped = {}", self.files_skipped);
        if !self.cells.is_empty() {
            let _ = writeln!(text, "cells = {}", list(&self.cells));
        }
        let inputs = self.inputs.iter().map(|file| ("input", file));
        for (table, file) in inputs.chain(self.files.iter().map(|file| ("file", file))) {
            let (path, sha256) = (quoted(&file.path), quoted(&file.sha256));
            let _ = writeln!(text, "\n[[{table}]]\npath = {path}\nsize = {}\nsha256 = {sha256}", file.size);
            if let Some(copy) = &file.copy {
                let _ = writeln!(text, "copy = {}", quoted(copy));
            }
            if let Some(log) = &file.redaction_log {
                let _ = writeln!(text, "redaction_log = {}", quoted(log));
            }
        }
        text
    }

    /// Reads it.
    pub fn parse(text: &[u8]) -> Result<Self, BundleError> {
        let next = "ask for another copy of the bundle";
        let wrong = |what: String| BundleError::new(RUN, what, next);
        let text = str::from_utf8(text).map_err(|_| wrong("not text in UTF-8".to_owned()))?;
        let head = text.lines().find(|line| line.starts_with("schema = ")).unwrap_or_default();
        refuse_newer(RUN, head.trim_start_matches("schema = ").trim_matches('"'), Self::SCHEMA)?;
        let run: Self = data::parse(RUN, text).map_err(|error| wrong(error.to_string()))?;
        if run.inputs.len() + run.files.len() + run.cells.len() > MAX_FILES {
            return Err(wrong(format!("it names more than {MAX_FILES} files")));
        }
        let files = run.inputs.iter().chain(&run.files);
        for name in files.flat_map(|file| [&file.copy, &file.redaction_log]).flatten() {
            if let Some(what) = refusal(name) {
                return Err(wrong(format!("it names {what}: {name}")));
            }
        }
        Ok(run)
    }
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// A text of TOML. What is not plain stands as an escape, so that nothing of it drives a terminal.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

const HEAD: &str = "\
# How the report of this bundle was made: `borderpost inspect` with these options on these captures. Options that change nothing in
# it (where it was written to, colours, threads, conditions for the exit status) are left out.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let file = |path: &str, copy: Option<&str>| FileOfRun {
            path: path.to_owned(),
            size: 7,
            sha256: "ab".repeat(32),
            copy: copy.map(str::to_owned),
            redaction_log: copy.is_none().then(|| "redaction/000-x.log.json".to_owned()),
        };
        Run {
            schema: Run::SCHEMA.to_owned(),
            version: "0.1.0".to_owned(),
            arguments: vec![
                "--exclusive".to_owned(),
                "--mark=+1=a \"b\" \\ \u{1b}[31m \u{202e}é会".to_owned(),
            ],
            files_skipped: 3,
            cells: vec!["a/win".to_owned()],
            inputs: vec![file("x\n.pcap", None)],
            files: vec![file("lists.csv", Some("files/000-lists.csv"))],
        }
    }

    #[test]
    fn a_run_is_read_as_it_was_written_whatever_its_texts_are() {
        let text = run().to_toml();
        assert_eq!(Run::parse(text.as_bytes()), Ok(run()));
        assert!(
            text.chars().all(|c| c == '\n' || crate::report::text::clean(&c.to_string()) == c.to_string())
        );
        let bare = Run { cells: Vec::new(), inputs: Vec::new(), files: Vec::new(), ..run() };
        assert_eq!(Run::parse(bare.to_toml().as_bytes()), Ok(bare));
    }

    #[test]
    fn what_is_no_run_is_refused() {
        let good = run().to_toml();
        let cases = [
            (good.replace("schema = \"1.0\"", "schema = \"1.1\""), "newer borderpost"),
            (good.replace("files_skipped = 3", "files_skipped = -3"), "files_skipped"),
            (good.replace("files/000", "../../files/000"), "leads out of the bundle"),
            (good.replace("redaction/000", "redaction/../../000"), "leads out of the bundle"),
            (good.replace("version", "vision"), "unknown field"),
            (String::new(), "which is none"),
        ];
        for (text, part) in cases {
            let refused = Run::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(part) && refused.starts_with("run.toml: "), "{refused}");
        }
        assert!(Run::parse(b"\xff").is_err());
    }
}
