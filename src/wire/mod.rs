//! Readers of protocols over byte slices: DNS, TLS, certificates, QUIC, STUN, DTLS, HTTP, SOCKS, and the words they share.
//!
//! Input: bytes that somebody sent, whole or cut. Output: [`Read`]: what they say, that bytes are missing, or
//! that they are something else. Where a protocol needs memory between packets (QUIC), it is a value that the
//! caller owns.
//!
//! Nothing from the network is trusted. Every reader is total (no input makes it panic), takes time linear in
//! its input and bounds what it keeps. Text that leaves a reader is visible ASCII, so it is safe to print; what is decrypted
//! ([`exchange`]) leaves as bytes, since it is evidence as it stands.
//! One law holds for all readers of streams: what is `Done` for the first bytes is `Done`, with the same
//! value, for all of them. Must not: know a flow, a client or a time, or read a file.

#![warn(clippy::indexing_slicing)]

pub mod certificate;
pub(crate) mod cursor;
pub mod dns;
pub mod dtls;
pub mod exchange;
pub mod hostname;
pub mod http;
mod pieces;
pub mod proxy;
pub mod quic;
pub mod stun;
pub mod tls;
pub mod zoom;

#[cfg(test)]
mod captures;

pub use hostname::Hostname;

/// What a reader made of the bytes it was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read<T> {
    /// The message was whole; this is what it says.
    Done(T),
    /// So far this is the protocol, but the message is not whole yet. Readers begin at the front each time, so
    /// ask again when the bytes have grown by a part, not by one: a peer may send them one by one.
    More,
    /// This is not the protocol, or a message that cannot be read; the reason in a lower-case clause.
    NotMine(&'static str),
}

impl<T> Read<T> {
    /// What was read, where it was whole.
    #[must_use]
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::More | Self::NotMine(_) => None,
        }
    }

    /// The same answer about another value.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Self::Done(value) => Read::Done(change(value)),
            Self::More => Read::More,
            Self::NotMine(why) => Read::NotMine(why),
        }
    }
}

/// At most `max` characters of `text`, with all but visible ASCII and blanks written as `\u{e9}`, and so the
/// backslash: nothing a peer sends can steer a terminal or be mistaken for another text.
pub(crate) fn printable(text: &str, max: usize) -> Box<str> {
    let mut shown = String::with_capacity(text.len().min(max));
    for character in text.chars().take(max) {
        match character {
            ' '..='[' | ']'..='~' => shown.push(character),
            _ => shown.extend(character.escape_unicode()),
        }
    }
    shown.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_text_keeps_what_can_be_shown() {
        assert_eq!(&*printable("Zoom Video Communications, Inc.", 99), "Zoom Video Communications, Inc.");
        assert_eq!(&*printable("é\u{1b}[31m\\\u{202e}", 99), r"\u{e9}\u{1b}[31m\u{5c}\u{202e}");
        assert_eq!(&*printable("abcdef", 3), "abc");
    }
}
