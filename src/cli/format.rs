//! The formats that results are written in, by name and by a file's extension.

use std::path::Path;

use clap::ValueEnum;

use crate::report::checks::Check;
use crate::report::lang::Lang;
use crate::report::schema::Report;
use crate::report::table::Color;
use crate::report::{self, annotations};

/// What every format is made of.
#[derive(Clone, Copy)]
pub(super) struct Results<'a> {
    pub(super) report: &'a Report,
    /// What `--fail-on` looks at.
    pub(super) checks: &'a [Check<'a>],
    /// What failed of what was asked for.
    pub(super) failures: &'a [String],
    /// The most characters of Markdown.
    pub(super) max_markdown: usize,
    /// The language of the formats for people.
    pub(super) lang: Lang,
}

impl<'a> Results<'a> {
    /// Those of a report that nothing was asked about.
    pub(super) const fn of(report: &'a Report, lang: Lang) -> Self {
        Self { report, checks: &[], failures: &[], max_markdown: usize::MAX, lang }
    }
}

/// A report's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// Text for people, 80 columns wide
    Table,
    /// One page for a browser or on paper, whole in itself: with a timeline, a map and every flow
    Html,
    /// The same for a pull request or an annex, in Markdown
    Md,
    /// One JSON object, described by `src/report/schema.json` in the sources
    Json,
    /// The same as one object a line, each with its `type`; the first is the report's head
    Jsonl,
    /// The destinations alone, a row for each, for spreadsheets; `'` stands before what one would take for a formula
    Csv,
    /// Of a study (`--manifest`, `--by-folder`): a row for each service in each cell, for spreadsheets
    MatrixCsv,
    /// What `--fail-on` looks at, as JUnit XML: a failure for what holds, skipped for what is not known
    Junit,
    /// What holds of `--fail-on`, as a code quality report for GitLab
    Gitlab,
}

impl Format {
    /// Whether it tells of `--fail-on` alone.
    pub(super) fn tells_conditions(self) -> bool {
        matches!(self, Self::Junit | Self::Gitlab)
    }

    /// Whether it lists flows.
    pub(super) fn lists_flows(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Html)
    }

    /// The results in it; colour is for terminals, and for the table alone.
    pub(super) fn render(self, results: &Results<'_>, color: Color) -> String {
        let Results { report, checks, failures, max_markdown, lang } = *results;
        match self {
            Self::Table => report::table::table(report, color, lang),
            Self::Json => report::json(report),
            Self::Jsonl => report::jsonl(report),
            Self::Csv => report::csv(report),
            Self::MatrixCsv => report::matrix_csv(report),
            Self::Md => report::markdown(report, max_markdown, lang),
            Self::Html => report::html(report, lang),
            Self::Junit => report::junit(report, checks, failures),
            Self::Gitlab => annotations::gitlab(report, checks, failures),
        }
    }

    /// The format that a file's extension names.
    pub(super) fn of(file: &Path) -> Result<Self, String> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        let before = file.file_stem().map(Path::new);
        // `study.matrix.csv`, and `matrix.csv` itself.
        let inner = before.and_then(|stem| stem.extension().or(stem.file_name())?.to_str());
        let double = inner.zip(extension).map(|(inner, extension)| format!("{inner}.{extension}"));
        let double = double.filter(|double| DOUBLE.contains(&double.as_str()));
        let extension = double.as_deref().or(extension);
        let known = EXTENSIONS.iter().find(|(known, _)| Some(*known) == extension);
        known.map(|(_, format)| *format).ok_or_else(|| {
            let shown = file.display();
            format!(
                "{shown}: no format goes by this extension; name a file that ends in .txt, .html, .md, .json, .jsonl, .csv, \
                 .matrix.csv, .xml or .codequality.json, or a bundle: FOLDER/ or .zip"
            )
        })
    }
}

const MATRIX: &str = "matrix.csv";
const CODE_QUALITY: &str = "codequality.json";

/// Extensions of two parts.
const DOUBLE: [&str; 2] = [MATRIX, CODE_QUALITY];

const EXTENSIONS: [(&str, Format); 9] = [
    ("txt", Format::Table),
    ("html", Format::Html),
    ("md", Format::Md),
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("csv", Format::Csv),
    (MATRIX, Format::MatrixCsv),
    ("xml", Format::Junit),
    (CODE_QUALITY, Format::Gitlab),
];

/// An explanation's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum ExplainFormat {
    /// Text for people, 80 columns wide
    Table,
    /// One JSON object, described by `src/report/schema.json` in the sources
    Json,
}

/// A verification's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum VerifyFormat {
    /// Text for people, 80 columns wide
    Table,
    /// One JSON object
    Json,
}

/// A survey's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum InfoFormat {
    /// Text for people, 80 columns wide
    Table,
    /// One JSON object, described by `src/report/info.schema.json` in the sources
    Json,
    /// One JSON object a line for each input
    Jsonl,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_an_extension_and_the_refusal_lists_them_all() {
        for format in Format::value_variants() {
            let (extension, _) = EXTENSIONS.iter().find(|(_, known)| known == format).unwrap();
            assert_eq!(Format::of(Path::new(&format!("a.b/c.{extension}"))), Ok(*format));
            let refused = Format::of(Path::new("report.pdf")).unwrap_err();
            assert!(refused.contains(&format!(".{extension}")), "{refused}");
        }
        assert_eq!(Format::of(Path::new("a/matrix.csv")), Ok(Format::MatrixCsv));
        assert_eq!(Format::of(Path::new("my-matrix.csv")), Ok(Format::Csv));
        assert_eq!(Format::of(Path::new("my.codequality.json.csv")), Ok(Format::Csv));
        assert_eq!(Format::of(Path::new("codequality.json")), Ok(Format::Gitlab));
        for name in ["report", "json", ".json", "report.JSON", "report.json.gz"] {
            assert!(Format::of(Path::new(name)).is_err(), "{name}");
        }
    }
}
