//! Stand-ins by a key: the same key and the same text give the same stand-in, and without the key nobody can go back or try
//! guesses.
//!
//! Input: a key and what is to be hidden. Output: bytes that stand for it. Must not: show the key, or keep what it hides.

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// The key of a redaction. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// The fewest bytes that a key may have: fewer can be guessed.
    pub const MIN_BYTES: usize = 16;

    /// A key of the system's random bytes, which nobody keeps; `None` where the system has none.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Self::new(&bytes)
    }

    /// A key of the user's; `None` where it is shorter than [`Self::MIN_BYTES`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= Self::MIN_BYTES).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// 32 bytes that stand for `text` where it is used as `what`.
    pub(super) fn digest(&self, what: &str, text: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(what.as_bytes());
        context.update(&[0]);
        context.update(text);
        let mut digest = [0; 32];
        digest.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        digest
    }

    /// As many bytes as `text` has, up to 32, that stand for it.
    pub(super) fn same_length(&self, what: &str, text: &[u8]) -> Vec<u8> {
        self.digest(what, text).into_iter().take(text.len()).collect()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_decides_and_is_not_shown() {
        let key = |bytes: &[u8]| Key::new(bytes).unwrap();
        let (one, other) = (key(b"0123456789abcdef"), key(b"0123456789abcdeg"));
        assert_eq!(one.digest("a", b"x"), key(b"0123456789abcdef").digest("a", b"x"));
        assert_ne!(one.digest("a", b"x"), other.digest("a", b"x"));
        assert_ne!(one.digest("a", b"x"), one.digest("b", b"x"));
        assert_eq!(one.same_length("a", b"xyz").len(), 3);
        assert!(Key::new(b"short").is_none() && Key::random().is_some());
        assert!(!format!("{one:?}").contains("0123"));
    }
}
