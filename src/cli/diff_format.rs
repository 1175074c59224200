//! The formats that comparisons are written in, by name and by a file's extension.

use std::path::Path;

use clap::ValueEnum;

use crate::compare::checks::head;
use crate::compare::{self, Comparison};
use crate::report::lang::Lang;
use crate::report::table::Color;
use crate::report::told::Told;
use crate::report::{annotations, document, junit_of};

/// A comparison's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum DiffFormat {
    /// Text for people, 80 columns wide
    Table,
    /// One page for a browser or on paper
    Html,
    /// The same for a pull request
    Md,
    /// One JSON object, with every difference
    Json,
    /// What `--fail-on` looks at, as JUnit XML
    Junit,
    /// What holds of `--fail-on`, as a code quality report for GitLab
    Gitlab,
}

impl DiffFormat {
    /// The format that a file's extension names.
    pub(super) fn of(file: &Path) -> Result<Self, String> {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let known = EXTENSIONS.iter().find(|(extension, _)| {
            name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.') && stem.len() > 1)
        });
        known.map(|(_, format)| *format).ok_or_else(|| {
            let shown = file.display();
            format!(
                "{shown}: no format of a comparison goes by this extension; name a file that ends in .txt, .html, .md, .json, .xml or \
                 .codequality.json"
            )
        })
    }

    /// A comparison in it; colour is for the table alone, the language for the formats for people.
    pub(super) fn render(self, comparison: &Comparison, checks: &[Told], color: Color, lang: Lang) -> String {
        match self {
            Self::Table => compare::document(comparison, lang).text(color),
            Self::Html => document::html(&compare::document(comparison, lang)),
            Self::Md => document::markdown(&compare::document(comparison, lang)),
            Self::Json => compare::json(comparison),
            Self::Junit => junit_of(&head(comparison), checks, &[]),
            Self::Gitlab => annotations::gitlab_of(checks, &[]),
        }
    }
}

/// The longer ones first.
const EXTENSIONS: [(&str, DiffFormat); 6] = [
    ("codequality.json", DiffFormat::Gitlab),
    ("txt", DiffFormat::Table),
    ("html", DiffFormat::Html),
    ("md", DiffFormat::Md),
    ("json", DiffFormat::Json),
    ("xml", DiffFormat::Junit),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_an_extension() {
        for format in DiffFormat::value_variants() {
            let (extension, _) = EXTENSIONS.iter().find(|(_, known)| known == format).unwrap();
            assert_eq!(DiffFormat::of(Path::new(&format!("a.b/c.{extension}"))), Ok(*format));
        }
        for name in ["json", ".json", "diff.pdf", "diff", "codequality.json/"] {
            let found = DiffFormat::of(Path::new(name));
            assert!(found.is_err() || name == "codequality.json/", "{name}: {found:?}");
        }
    }
}
