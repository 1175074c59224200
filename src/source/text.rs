//! Text from bytes that may be none, so that nothing of them is lost.
//!
//! Input: any bytes. Output: text from which they can be had back. Must not: make it fit for people; that is the report's.

/// The bytes as text: what is UTF-8 is itself, and each byte that is none is the character U+10FF00 plus its value. Those characters, the
/// last of a private plane, stand for nothing else: where they come in UTF-8, they are taken for bytes that are none.
#[must_use]
pub fn reversible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match raw_byte(c) {
                None => text.push(c),
                Some(_) => text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(raw)),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| raw(*byte)));
    }
    text
}

/// The byte that a character stands for that [`reversible`] made of one.
#[must_use]
pub fn raw_byte(c: char) -> Option<u8> {
    u32::from(c).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok())
}

fn raw(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

const FIRST: u32 = 0x10_FF00;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The way back.
    fn bytes(text: &str) -> Vec<u8> {
        text.chars()
            .flat_map(|c| match raw_byte(c) {
                Some(byte) => vec![byte],
                None => c.to_string().into_bytes(),
            })
            .collect()
    }

    #[test]
    fn what_is_text_is_itself() {
        for text in ["", "zoom.us", "C:\\Program Files", "Straße, 会議", "\u{0}\u{1b}\u{10fdff}"] {
            assert_eq!(reversible(text.as_bytes()), text);
        }
        assert_eq!(reversible(b"a\xff\x80z"), "a\u{10ffff}\u{10ff80}z");
        assert_eq!(bytes(&reversible("\u{10ff41}".as_bytes())), "\u{10ff41}".as_bytes());
    }

    proptest! {
        #[test]
        fn every_byte_can_be_had_back(given in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(bytes(&reversible(&given)), given);
        }

        #[test]
        fn so_can_text_of_the_characters_that_stand_for_bytes(given in "[\u{10fefe}-\u{10ffff}a]{0,16}") {
            prop_assert_eq!(bytes(&reversible(given.as_bytes())), given.as_bytes());
        }
    }
}
