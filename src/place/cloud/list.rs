//! This tool's own form of the providers' lists: all of them in one text, which a person can read and compare.
//!
//! Input: lists of ranges, or such a text. Output: the text, the same bytes for the same lists, or the lists.
//! The text begins with a head of comments, four lines for each provider in the order of their short names; then come
//! rows of `prefix,provider,region` in the order of the prefixes.
//! Must not: know which country a region is in.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::published::is_code;
use super::region::{self, Provider};
use crate::data::DataError;
use crate::frame::Date;
use crate::place::Prefix;
use crate::place::document::{Document, in_future};

/// One provider's list of one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct List<'a> {
    pub(super) provider: &'static Provider,
    /// The name of the provider's file, without its folder.
    pub(super) file: String,
    pub(super) dated: Date,
    /// The checksum of the provider's file.
    pub(super) sha256: String,
    /// Sorted, each once.
    pub(super) rows: Vec<(Prefix, Cow<'a, str>)>,
}

/// Writes lists of different providers as one text.
pub(super) fn write(lists: &[List<'_>]) -> String {
    let mut lists: Vec<&List<'_>> = lists.iter().collect();
    lists.sort_by_key(|list| &list.provider.id);
    let mut text = format!("{MAGIC}\n");
    for List { provider, file, dated, sha256, .. } in &lists {
        // Writing to a String cannot fail.
        let _ = write!(text, "{SOURCE}{}, {file}\n{DATED}{dated}\n{SHA256}{sha256}\n", provider.id);
    }
    let mut rows: Vec<(Prefix, &str, &str)> = lists
        .iter()
        .flat_map(|list| list.rows.iter().map(|(prefix, code)| (*prefix, list.provider.id.as_str(), &**code)))
        .collect();
    rows.sort_unstable();
    text.push_str(COLUMNS);
    text.push('\n');
    for (prefix, provider, code) in rows {
        let _ = writeln!(text, "{prefix},{provider},{code}");
    }
    text
}

/// Whether a text means to be one of this form.
pub(in crate::place) fn is_list(text: &str) -> bool {
    text.starts_with(MAGIC_STEM)
}

/// Reads such a text. Every error shows its line.
pub(super) fn read(document: Document<'_>, today: Date) -> Result<Vec<List<'_>>, DataError> {
    let mut lines = document.lines();
    let first = lines.next().unwrap_or_default();
    if first != MAGIC {
        return Err(document
            .wrong_at(first, &format!("a list of ranges that this version can read begins with `{MAGIC}`")));
    }
    let mut lists = Vec::new();
    loop {
        match lines.next() {
            Some(COLUMNS) => break,
            Some(line) if line.starts_with(SOURCE) => {
                let head = Head { source: line, dated: lines.next(), sha256: lines.next() };
                let list = head.read(document, today)?;
                if lists.iter().any(|known: &List<'_>| known.provider == list.provider) {
                    return Err(document.wrong_at(line, "this provider stands twice in the head"));
                }
                lists.push(list);
            }
            Some(line) => {
                return Err(document
                    .wrong_at(line, &format!("wanted `{SOURCE}…`, or `{COLUMNS}` at the end of the head")));
            }
            None => {
                return Err(
                    document.wrong(&format!("the head does not end with `{COLUMNS}`: the file is cut"))
                );
            }
        }
    }
    for line in lines {
        let (provider, row) = row(document, line)?;
        let Some(list) = lists.iter_mut().find(|list| list.provider.id == provider) else {
            return Err(document.wrong_at(provider, "a provider that the head does not name"));
        };
        if list.rows.last().is_some_and(|last| *last >= row) {
            return Err(document.wrong_at(line, "out of order, or twice: import the providers' files again"));
        }
        list.rows.push(row);
    }
    Ok(lists)
}

/// The lines of the head that name one source.
struct Head<'a> {
    source: &'a str,
    dated: Option<&'a str>,
    sha256: Option<&'a str>,
}

impl Head<'_> {
    fn read(self, document: Document<'_>, today: Date) -> Result<List<'static>, DataError> {
        let after = |line: Option<&str>, start: &'static str| {
            let value = line.and_then(|line| line.strip_prefix(start)).map(str::to_owned);
            value.ok_or_else(|| {
                document.wrong_at(line.unwrap_or(self.source), &format!("wanted `{start}…` here"))
            })
        };
        let source = after(Some(self.source), SOURCE)?;
        let (id, file) = source.split_once(", ").unwrap_or((&source, ""));
        let Some(provider) = region::provider(id).filter(|_| !file.trim().is_empty()) else {
            let what =
                format!("wanted one of {}, a comma and a file's name", region::provider_ids().join(", "));
            return Err(document.wrong_at(self.source, &what));
        };
        let shown = self.dated.unwrap_or_default();
        let dated: Date = after(self.dated, DATED)?
            .parse()
            .map_err(|error| document.wrong_at(shown, &format!("{error}")))?;
        if let Some(what) = in_future(dated, today) {
            return Err(document.wrong_at(shown, &what));
        }
        let sha256 = after(self.sha256, SHA256)?;
        Ok(List { provider, file: file.to_owned(), dated, sha256, rows: Vec::new() })
    }
}

/// A row, and the provider it names.
fn row<'a>(document: Document<'a>, line: &'a str) -> Result<(&'a str, (Prefix, Cow<'a, str>)), DataError> {
    let fields: Vec<&str> = line.split(',').take(4).collect();
    let [prefix, provider, code] = fields[..] else {
        return Err(document.wrong_at(line, &format!("a row has three fields: {COLUMNS}")));
    };
    if !is_code(code) {
        return Err(document.wrong_at(code, "no name of a region"));
    }
    let read = prefix.parse().map_err(|error| document.wrong_at(prefix, &format!("{error}")))?;
    Ok((provider, (read, Cow::Borrowed(code))))
}

const MAGIC_STEM: &str = "# borderpost ranges";
const MAGIC: &str = "# borderpost ranges 1";
const SOURCE: &str = "# source: ";
const DATED: &str = "# dated: ";
const SHA256: &str = "# sha256: ";
const COLUMNS: &str = "prefix,provider,region";

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# borderpost ranges 1\n# source: aws, ip-ranges.json\n# dated: 2026-06-03\n# sha256: ab\n\
                        # source: gcp, cloud.json\n# dated: 2026-05-30\n# sha256: cd\nprefix,provider,region\n\
                        3.4.12.4/32,aws,eu-west-1\n3.4.12.4/32,aws,eu-west-2\n34.0.240.0/20,gcp,europe-west4\n\
                        2a05:d018::/36,aws,eu-west-1\n";

    fn lists(text: &str) -> Result<Vec<List<'_>>, String> {
        let document = Document::new("ranges.csv", text).unwrap();
        read(document, "2026-06-30".parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_is_read_back_and_written_alike_in_any_order() {
        let mut read = lists(TEXT).unwrap();
        assert_eq!((read[0].file.as_str(), read[0].rows.len(), read[1].rows.len()), ("ip-ranges.json", 3, 1));
        assert_eq!(write(&read), TEXT);
        read.reverse();
        assert_eq!(write(&read), TEXT);
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_line() {
        let cases = [
            ("ranges 1", "ranges 2", "ranges.csv:1:1: a list of ranges that this version can read"),
            ("# source: gcp", "# source: example", "ranges.csv:5:1: wanted one of aws, azure, gcp, oci"),
            ("gcp, cloud.json", "aws, cloud.json", "ranges.csv:5:1: this provider stands twice"),
            ("2026-06-03", "2026-07-01", "ranges.csv:3:1: 2026-07-01 is in the future; today is 2026-06-30"),
            ("2026-06-03", "June", "ranges.csv:3:1: not a day of the form YYYY-MM-DD"),
            ("# dated: 2026-05-30\n", "", "ranges.csv:6:1: wanted `# dated: …` here"),
            ("prefix,provider,region\n", "", "ranges.csv:8:1: wanted `# source: …`"),
            ("34.0.240.0/20", "34.0.240.1/20", "ranges.csv:11:1: the address has bits set beyond the length"),
            (",gcp,", ",oci,", "ranges.csv:11:15: a provider that the head does not name"),
            (",europe-west4", "", "ranges.csv:11:1: a row has three fields"),
            (",europe-west4", ",europe-west4,", "ranges.csv:11:1: a row has three fields"),
            (",europe-west4", ",", "ranges.csv:11:19: no name of a region"),
            ("eu-west-2", "eu-west-1", "ranges.csv:10:1: out of order, or twice"),
        ];
        for (from, to, expected) in cases {
            let shown = lists(&TEXT.replacen(from, to, 1)).unwrap_err();
            assert!(shown.starts_with(expected), "{shown}");
        }
    }

    #[test]
    fn a_cut_head_is_an_error() {
        let end = TEXT.find("prefix,").unwrap();
        for (cut, _) in TEXT[..end].char_indices() {
            assert!(lists(&TEXT[..cut]).is_err(), "{cut}");
        }
    }
}
