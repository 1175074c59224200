//! A text that the user hands in: its name, its lines, and where in it something is wrong.
//!
//! Input: a file's name and its text. Output: lines, errors that show line and caret, a checksum. A text above
//! [`MAX_LIST_BYTES`] is refused, so that no list grows without bound.
//! Must not: open the file.

use super::database::sha256;
use crate::data::DataError;
use crate::frame::Date;

/// The longest list of ranges that is read: 64 MiB.
pub const MAX_LIST_BYTES: usize = 64 << 20;

/// A text with its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a> {
    pub(super) name: &'a str,
    /// Without the byte order mark that some editors begin with.
    pub(super) text: &'a str,
    whole: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn new(name: &'a str, whole: &'a str) -> Result<Self, DataError> {
        if whole.len() > MAX_LIST_BYTES {
            let what = format!("the file has {} bytes; at most {MAX_LIST_BYTES} are read", whole.len());
            return Err(DataError::at(name, "", None, &what));
        }
        Ok(Self { name, text: whole.strip_prefix('\u{feff}').unwrap_or(whole), whole })
    }

    /// The lines without their ends.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text.lines()
    }

    /// An error about the file as a whole.
    pub(super) fn wrong(&self, what: &str) -> DataError {
        DataError::at(self.name, self.text, None, what)
    }

    /// An error at `part`, which is a piece of the text; about the file as a whole if it is none.
    pub(super) fn wrong_at(&self, part: &str, what: &str) -> DataError {
        DataError::at(self.name, self.text, self.offset(part), what)
    }

    /// Where a piece of the text begins, in bytes; `None` if it is none.
    pub(super) fn offset(&self, part: &str) -> Option<usize> {
        let offset = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr());
        offset.filter(|offset| *offset <= self.text.len())
    }

    /// An error at a byte offset of the text.
    pub(super) fn wrong_from(&self, offset: usize, what: &str) -> DataError {
        DataError::at(self.name, self.text, Some(offset), what)
    }

    /// The number of the line at a byte offset, from 1.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or_default().matches('\n').count() + 1
    }

    /// The checksum of the text as it was handed in, in lower-case hexadecimal.
    pub(super) fn sha256(&self) -> String {
        sha256(self.whole.as_bytes())
    }
}

/// Why a date cannot be one on which a file was made, if it cannot.
pub(super) fn in_future(dated: Date, today: Date) -> Option<String> {
    (dated > today).then(|| format!("{dated} is in the future; today is {today}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_points_at_the_part_that_is_wrong() {
        let document = Document::new("list.txt", "\u{feff}one\r\ntwo,three\r\n").unwrap();
        let second = document.lines().nth(1).unwrap();
        let shown = document.wrong_at(&second[4..], "no").to_string();
        assert_eq!(shown, "list.txt:2:5: no\n   |\n 2 | two,three\n   |     ^");
        assert_eq!(document.wrong_at("elsewhere", "no").to_string().lines().count(), 1);
    }

    #[test]
    fn the_checksum_is_that_of_the_file_and_counts_its_mark() {
        let sum = |text| Document::new("x", text).unwrap().sha256();
        // The value for "abc" of FIPS 180-2, appendix B.1.
        assert_eq!(sum("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_ne!(sum("abc"), sum("\u{feff}abc"));
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        let longest = "#".repeat(MAX_LIST_BYTES);
        assert!(Document::new("x", &longest).is_ok());
        let shown = Document::new("big.csv", &(longest + "#")).unwrap_err().to_string();
        assert_eq!(shown, "big.csv:1:1: the file has 67108865 bytes; at most 67108864 are read");
    }
}
