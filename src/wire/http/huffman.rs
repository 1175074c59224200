//! The Huffman code of HPACK strings (RFC 7541 section 5.2, appendix B).
//!
//! The code is canonical: codes of one length are consecutive and go by symbol, and shorter ones come first. So the lengths
//! are the whole table. Input: a packed string. Output: its bytes. Must not: know headers.

/// Unpacks a string; `None` where it has the end-of-string symbol, or a padding that is not its beginning.
#[must_use]
pub(crate) fn decode(packed: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(packed.len().saturating_mul(8) / 5);
    let (mut code, mut length) = (0_u32, 0_usize);
    for &byte in packed {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            length += 1;
            let &(first, from, count) = TABLE.lengths.get(length)?;
            let Some(offset) = code.checked_sub(first).filter(|&offset| offset < count) else { continue };
            let symbol = *TABLE.symbols.get(usize::try_from(from + offset).ok()?)?;
            out.push(u8::try_from(symbol).ok()?);
            (code, length) = (0, 0);
        }
    }
    let is_padding = length < 8 && code == (1 << length) - 1;
    is_padding.then_some(out)
}

/// The code, by its lengths.
struct Table {
    /// For each length: the first code, where its symbols begin, how many there are.
    lengths: [(u32, u32, u32); LONGEST + 1],
    /// The symbols by length, then by number.
    symbols: [u16; 257],
}

const TABLE: Table = table();

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
#[expect(clippy::cast_possible_truncation, reason = "there are 257 symbols")]
const fn table() -> Table {
    let mut table = Table { lengths: [(0, 0, 0); LONGEST + 1], symbols: [0; 257] };
    let (mut length, mut code, mut next) = (1, 0, 0);
    while length <= LONGEST {
        let from = next;
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                table.symbols[next as usize] = symbol as u16;
                next += 1;
            }
            symbol += 1;
        }
        table.lengths[length] = (code, from, next - from);
        code = (code + next - from) << 1;
        length += 1;
    }
    table
}

/// The longest code has 30 bits.
const LONGEST: usize = 30;

/// How many bits the code of each byte has, and at last that of the end of a string.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_as_another_package_packs_it() {
        for byte in 0..=255_u8 {
            for text in [vec![byte], vec![byte, b'a', byte]] {
                let mut packed = Vec::new();
                httlib_hpack::Encoder::default()
                    .encode((text.clone(), text.clone(), 0x1 | 0x2), &mut packed)
                    .unwrap();
                // A byte for "not indexed, new name", then a length with the Huffman bit; all below 127 bytes.
                let name_len = usize::from(packed[1] & 0x7f);
                assert_eq!(packed[1] & 0x80, 0x80);
                assert_eq!(decode(&packed[2..2 + name_len]), Some(text), "{byte}");
            }
        }
    }

    #[test]
    fn wrong_padding_and_an_end_of_string_are_refused() {
        // "a" is 00011 (RFC 7541 appendix B).
        assert_eq!(decode(&[0b0001_1111]), Some(b"a".to_vec()));
        assert_eq!(decode(&[0b0001_1110]), None);
        assert_eq!(decode(&[0b0001_1111, 0xff]), None, "more than seven bits");
        assert_eq!(decode(&[0xff; 4]), None, "the end of a string");
        assert_eq!(decode(&[]), Some(Vec::new()));
    }
}
