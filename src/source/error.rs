//! Why an input cannot be read at all. Damage inside a capture is not an error: see `Damage`.
//!
//! Input: what failed. Output: one sentence for people, with the file and the next step. Must not: print.

use std::io;

use super::recognise::Looks;
use super::stored::{Failure, reason};
use super::summary::{LIMIT, READ_ERROR, UNSUPPORTED};

/// Why an input cannot be read. `name` is the input as the user named it, with control characters escaped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There are no bytes in it.
    #[error("cannot read {name}: it is empty (was the capture stopped before it was saved?)")]
    Empty {
        /// The input.
        name: String,
    },
    /// The system does not hand it out.
    #[error("cannot read {name}: {reason} (check the device and the file, or copy it first)")]
    Io {
        /// The input.
        name: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// The folder has no captures.
    #[error(
        "cannot read {name}: no capture among its {others} entries (captures are known by their first bytes; \
         folders inside it are named one by one)"
    )]
    NoCaptures {
        /// The folder.
        name: String,
        /// How many files and folders it has.
        others: u64,
    },
    /// Its first bytes are not those of a capture that is read here.
    #[error("cannot read {name}: it is {like}, not a pcap or pcapng capture ({advice})")]
    NotACapture {
        /// The input.
        name: String,
        /// What its first bytes look like.
        like: String,
        /// The next step.
        advice: &'static str,
    },
    /// There is nothing of that name.
    #[error("cannot read {name}: no such file or folder (check the path)")]
    NotFound {
        /// The path.
        name: String,
    },
    /// It is packed in a way that is not unpacked here.
    #[error("cannot read {name}: {what}")]
    Packing {
        /// The input.
        name: String,
        /// Why, with the way out.
        what: String,
    },
    /// The user may not read it.
    #[error("cannot read {name}: permission denied (ask its owner for the right to read it, or for a copy)")]
    Permission {
        /// The path.
        name: String,
    },
}

impl SourceError {
    /// The input, as the error shows it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Empty { name }
            | Self::Io { name, .. }
            | Self::NoCaptures { name, .. }
            | Self::NotACapture { name, .. }
            | Self::NotFound { name }
            | Self::Packing { name, .. }
            | Self::Permission { name } => name,
        }
    }

    pub(super) fn io(name: &str, error: &io::Error) -> Self {
        let name = shown(name);
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound { name },
            io::ErrorKind::PermissionDenied => Self::Permission { name },
            _ => Self::Io { name, reason: reason(error) },
        }
    }

    pub(super) fn empty(name: &str) -> Self {
        Self::Empty { name: shown(name) }
    }

    pub(super) fn not_a_capture(name: &str, looks: Looks) -> Self {
        Self::NotACapture { name: shown(name), like: looks.like, advice: looks.advice }
    }

    /// Not one byte could be had.
    pub(super) fn unreadable(name: &str, packed: bool, failure: &Failure) -> Self {
        if [LIMIT, UNSUPPORTED].contains(&failure.kind) {
            return Self::Packing { name: shown(name), what: failure.what.clone() };
        }
        if packed && failure.kind != READ_ERROR {
            let advice = "fetch it again from where it was captured";
            return Self::NotACapture { name: shown(name), like: failure.what.clone(), advice };
        }
        Self::Io { name: shown(name), reason: failure.what.clone() }
    }

    pub(super) fn no_captures(name: &str, others: u64) -> Self {
        Self::NoCaptures { name: shown(name), others }
    }
}

/// A name that is safe to print: file names may carry escape sequences.
fn shown(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len()), |mut shown, c| {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_file_and_the_next_step() {
        let error = SourceError::io("a\x1b[31m.pcap", &io::ErrorKind::NotFound.into());
        assert_eq!(
            error.to_string(),
            "cannot read a\\u{1b}[31m.pcap: no such file or folder (check the path)"
        );
        let error = SourceError::io("disk", &io::Error::other("bad sector"));
        let message = "cannot read disk: bad sector (check the device and the file, or copy it first)";
        assert_eq!(error.to_string(), message);
    }
}
