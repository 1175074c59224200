//! Tables of ranges in CSV: `start,end,value`, whatever follows.
//!
//! Input: the files of one kind, and what reads a value. Output: spans in ascending order that do not overlap. Where rows
//! of one file overlap, the one that starts later speaks for what both cover, as the more specific one; that is counted.
//! Must not: let two files speak of one address.

use std::net::IpAddr;

use super::super::address::{predecessor, successor};
use super::span::{Origin, Span};
use super::{BuildError, File, FileKind};
use crate::data::DataError;

/// Reads all tables of a kind as one.
pub(super) fn read<T: Copy>(
    files: &[File],
    kind: FileKind,
    remarks: &mut Vec<String>,
    mut value: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<Span<T>>, BuildError> {
    let mut spans = Vec::new();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| file.kind() == kind) {
        parse(index, file, &mut value, &mut spans)?;
    }
    // Of rows that start together, the wider comes first, and the others speak for their part of it.
    spans.sort_by_key(|span| (span.first, std::cmp::Reverse(span.last)));
    flatten(spans, files, remarks)
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Its line, from 1.
    pub(super) line: usize,
    /// The byte at which it starts.
    pub(super) offset: usize,
    /// The row, without the end of its line.
    pub(super) text: &'a str,
}

/// The rows of a table, without empty lines and comments.
pub(super) fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let mut offset = 0;
    let lines = text.split_inclusive('\n').enumerate().map(move |(index, line)| {
        let row = Row { line: index + 1, offset, text: line.trim_end_matches(['\n', '\r']) };
        offset += line.len();
        row
    });
    lines.filter(|row| !row.text.trim().is_empty() && !row.text.starts_with('#'))
}

/// The fields of a row, without the quotation marks around them, each with its first byte. Fields that hold a comma are
/// cut there: none that is read here does.
pub(super) fn fields(row: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    row.split(',').map(move |raw| {
        let field = raw.trim().trim_matches('"');
        let start = offset + raw.find(field).unwrap_or(0);
        offset += raw.len() + 1;
        (start, field)
    })
}

/// The text of a table.
pub(super) fn text(file: &File) -> Result<&str, DataError> {
    std::str::from_utf8(file.bytes()).map_err(|error| {
        let sound = file.bytes().get(..error.valid_up_to()).unwrap_or_default();
        let sound = std::str::from_utf8(sound).unwrap_or_default();
        DataError::at(
            file.name(),
            sound,
            Some(sound.len()),
            "not UTF-8 from here on; save the table as UTF-8",
        )
    })
}

fn parse<T>(
    index: usize,
    file: &File,
    value: &mut impl FnMut(&str) -> Result<T, String>,
    spans: &mut Vec<Span<T>>,
) -> Result<(), DataError> {
    let text = text(file)?;
    for (n, row) in rows(text).enumerate() {
        let mut fields = fields(row.text);
        let at =
            |offset: usize, what: &str| DataError::at(file.name(), text, Some(row.offset + offset), what);
        let (Some(first), Some(last), Some((start, third))) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(at(0, "a row has a first address, a last address and a value, with commas between"));
        };
        let (Ok(from), Ok(to)) = (first.1.parse::<IpAddr>(), last.1.parse::<IpAddr>()) else {
            if n == 0 {
                // The names of the columns.
                continue;
            }
            let wrong = if first.1.parse::<IpAddr>().is_err() { first } else { last };
            return Err(at(wrong.0, &format!("`{}` is no address", wrong.1)));
        };
        if from.is_ipv4() != to.is_ipv4() || from > to {
            return Err(at(last.0, "the range ends before it starts, or in the other family of addresses"));
        }
        let value = value(third).map_err(|what| at(start, &what))?;
        spans.push(Span { first: from, last: to, value, origin: Origin { file: index, line: row.line } });
    }
    Ok(())
}

/// Cuts spans so that none overlaps another.
fn flatten<T: Copy>(
    sorted: Vec<Span<T>>,
    files: &[File],
    remarks: &mut Vec<String>,
) -> Result<Vec<Span<T>>, BuildError> {
    let named =
        |at: Origin| format!("{}:{}", files.get(at.file).map(File::name).unwrap_or_default(), at.line);
    let mut flat = Flat { out: Vec::with_capacity(sorted.len()), open: Vec::new() };
    let mut overlaps = 0_u64;
    let mut example = String::new();
    for span in sorted {
        flat.close_before(Some(span.first));
        if let Some(under) = flat.open.last() {
            let [one, other] = [under.origin, span.origin].map(named);
            if under.origin.file != span.origin.file {
                return Err(BuildError::Contradiction { one, other, address: span.first });
            }
            if overlaps == 0 {
                example = format!("{one} with line {}", span.origin.line);
            }
            overlaps += 1;
        }
        flat.open.push(span);
    }
    flat.close_before(None);
    if overlaps > 0 {
        remarks.push(format!(
            "{example}: the rows overlap, and the one that starts later counts for what both cover; such rows: {overlaps}"
        ));
    }
    Ok(flat.out)
}

/// Spans on their way: those that are written, and those that are open, the innermost last. What of an open span was
/// written already is cut from it.
struct Flat<T> {
    out: Vec<Span<T>>,
    open: Vec<Span<T>>,
}

impl<T: Copy> Flat<T> {
    /// Writes what the open spans say before `limit`, or to their ends where there is none.
    fn close_before(&mut self, limit: Option<IpAddr>) {
        while let Some(span) = self.open.pop() {
            let is_over = limit.is_none_or(|limit| span.last < limit);
            let last = limit.filter(|_| !is_over).map_or(span.last, predecessor);
            if limit != Some(span.first) {
                self.write(Span { last, ..span });
            }
            if !is_over {
                self.open.push(span);
                return;
            }
        }
    }

    fn write(&mut self, span: Span<T>) {
        let free = match self.out.last() {
            Some(written) if written.last >= span.first => successor(written.last),
            _ => Some(span.first),
        };
        if let Some(first) = free.filter(|first| *first <= span.last) {
            self.out.push(Span { first, ..span });
        }
    }
}
