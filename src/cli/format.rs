//! The formats that results are written in, by name and by a file's extension.

use std::path::Path;

use clap::ValueEnum;

/// A report's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// Text for people, 80 columns wide
    Table,
    /// One JSON object, described by `src/report/schema.json` in the sources
    Json,
    /// The same as one object a line, each with its `type`; the first is the report's head
    Jsonl,
    /// The destinations alone, a row for each, for spreadsheets; `'` stands before what one would take for a formula
    Csv,
    /// Of a study (`--manifest`, `--by-folder`): a row for each service in each cell, for spreadsheets
    MatrixCsv,
    /// One page for a browser or on paper, whole in itself: with a timeline, a map and every flow
    Html,
}

impl Format {
    /// Whether it lists flows.
    pub(super) fn lists_flows(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Html)
    }

    /// The format that a file's extension names.
    pub(super) fn of(file: &Path) -> Result<Self, String> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        let before = file.file_stem().map(Path::new);
        // `study.matrix.csv`, and `matrix.csv` itself.
        let inner = before.and_then(|stem| stem.extension().or(stem.file_name())?.to_str());
        let is_matrix = extension == Some("csv") && inner == Some("matrix");
        let extension = if is_matrix { Some(MATRIX) } else { extension };
        let known = EXTENSIONS.iter().find(|(known, _)| Some(*known) == extension);
        known.map(|(_, format)| *format).ok_or_else(|| {
            let shown = file.display();
            format!(
                "{shown}: no format goes by this extension; name a file that ends in .txt, .html, .json, .jsonl, .csv or .matrix.csv"
            )
        })
    }
}

const MATRIX: &str = "matrix.csv";

const EXTENSIONS: [(&str, Format); 6] = [
    ("txt", Format::Table),
    ("html", Format::Html),
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("csv", Format::Csv),
    (MATRIX, Format::MatrixCsv),
];

/// An explanation's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum ExplainFormat {
    /// Text for people, 80 columns wide
    Table,
    /// One JSON object, described by `src/report/schema.json` in the sources
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
        for name in ["report", "json", ".json", "report.JSON", "report.json.gz"] {
            assert!(Format::of(Path::new(name)).is_err(), "{name}");
        }
    }
}
