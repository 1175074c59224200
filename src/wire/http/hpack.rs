//! Header compression of HTTP/2 (RFC 7541), for a reader that may have joined late.
//!
//! Input: header blocks of one direction, in order. Output: their headers. An index leads to an entry counted from the
//! newest, so what was inserted since is right even where older entries are unknown; a header out of those is a
//! [`Header`] with `None` in it. Must not: know frames, or fail for good.

use std::collections::VecDeque;
use std::sync::Arc;

use super::huffman;
use crate::wire::cursor::Cursor;
use crate::wire::exchange::Header;

/// One direction's table.
#[derive(Debug)]
pub struct Decoder {
    /// The dynamic table, newest first.
    table: VecDeque<Entry>,
    /// Its size as the standard counts it (section 4.1).
    size: usize,
    /// The size that the sender keeps to.
    max_size: usize,
    /// Whether there may be entries behind those that are known.
    has_unknown: bool,
}

/// An entry, or a header on its way. Parts are shared: a byte can refer to an entry of any length, so that copies are made
/// only of what is handed out.
#[derive(Clone, Debug)]
struct Entry {
    name: Option<Arc<[u8]>>,
    value: Option<Arc<[u8]>>,
}

/// One representation of a header block (section 6).
enum Field {
    Header(Entry),
    /// The table has another size now.
    Size,
}

/// What a header block says.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Block {
    /// Its headers, those with a colon first among them.
    pub headers: Vec<Header>,
    /// Headers past the limit, which are not in the list.
    pub cut: usize,
    /// Whether it breaks a rule; headers behind that place are not read.
    pub is_damaged: bool,
    /// Whether a header refers to an entry that is not known.
    pub has_lost: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: VecDeque::new(), size: 0, max_size: DEFAULT_SIZE, has_unknown: false }
    }
}

impl Decoder {
    /// A decoder of a connection whose beginning was not seen.
    #[must_use]
    pub fn joined() -> Self {
        Self { max_size: JOINED_SIZE, has_unknown: true, ..Self::default() }
    }

    /// About the bytes of memory that the table takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.size + self.table.len() * (size_of::<Entry>() + 2 * SHARED)
    }

    /// Blocks are missing here: what was known of the table is so no longer.
    pub fn lose(&mut self) {
        self.table.clear();
        (self.size, self.has_unknown) = (0, true);
    }

    /// Reads a block; headers of more than `most` bytes together are counted alone.
    pub fn read(&mut self, block: &[u8], most: usize) -> Block {
        let (mut read, mut cursor, mut room) = (Block::default(), Cursor::new(block), most);
        while !cursor.is_empty() {
            let Some(field) = self.field(&mut cursor) else {
                read.is_damaged = true;
                // The sender's table goes on as it meant to, which is not known.
                self.lose();
                break;
            };
            let Field::Header(entry) = field else { continue };
            read.has_lost |= entry.name.is_none() || entry.value.is_none();
            let size = entry.size();
            if size > room {
                read.cut = read.cut.saturating_add(1);
                room = 0;
                continue;
            }
            room -= size;
            read.headers.push(Header {
                name: entry.name.as_deref().map(Into::into),
                value: entry.value.as_deref().map(Into::into),
            });
        }
        read
    }

    /// One representation (section 6): a header, or a change of the table's size.
    fn field(&mut self, cursor: &mut Cursor<'_>) -> Option<Field> {
        let first = *cursor.rest().first()?;
        if first & 0x80 != 0 {
            let index = integer(cursor, 7)?;
            return self.entry(index).map(Field::Header);
        }
        if first & 0xe0 == 0x20 {
            self.max_size = integer(cursor, 5)?.min(LARGEST_SIZE);
            self.evict();
            return Some(Field::Size);
        }
        let is_indexed = first & 0x40 != 0;
        let index = integer(cursor, if is_indexed { 6 } else { 4 })?;
        let name = if index == 0 { Some(string(cursor)?) } else { self.entry(index)?.name };
        let entry = Entry { name, value: Some(string(cursor)?) };
        if is_indexed {
            self.insert(entry.clone());
        }
        Some(Field::Header(entry))
    }

    /// The entry of an index: of the static table, then of the dynamic one (section 2.3.3).
    fn entry(&self, index: usize) -> Option<Entry> {
        let index = index.checked_sub(1)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Some(Entry { name: Some(name.as_bytes().into()), value: Some(value.as_bytes().into()) });
        }
        match self.table.get(index - STATIC.len()) {
            Some(entry) => Some(entry.clone()),
            None if self.has_unknown => Some(Entry { name: None, value: None }),
            None => None,
        }
    }

    fn insert(&mut self, entry: Entry) {
        self.size = self.size.saturating_add(entry.size());
        self.table.push_front(entry);
        self.evict();
    }

    /// Drops the oldest entries until the size is kept (section 4.3); the newest too, where it is too large alone.
    fn evict(&mut self) {
        while self.size > self.max_size {
            let Some(oldest) = self.table.pop_back() else { break };
            self.size = self.size.saturating_sub(oldest.size());
        }
    }
}

impl Entry {
    /// Its size as the standard counts it (section 4.1).
    fn size(&self) -> usize {
        let length = |part: &Option<Arc<[u8]>>| part.as_ref().map_or(0, |part| part.len());
        length(&self.name) + length(&self.value) + 32
    }
}

/// A number with a prefix of so many bits (section 5.1).
fn integer(cursor: &mut Cursor<'_>, prefix: u32) -> Option<usize> {
    let mask = (1 << prefix) - 1;
    let start = usize::from(cursor.u8()?) & mask;
    if start < mask {
        return Some(start);
    }
    let mut value = start;
    for shift in [0, 7, 14, 21] {
        let byte = usize::from(cursor.u8()?);
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A string, packed or not (section 5.2).
fn string(cursor: &mut Cursor<'_>) -> Option<Arc<[u8]>> {
    let is_packed = cursor.rest().first()? & 0x80 != 0;
    let length = integer(cursor, 7)?;
    let bytes = cursor.take(length)?;
    if is_packed { huffman::decode(bytes).map(Into::into) } else { Some(bytes.into()) }
}

/// About the bytes that a shared part takes beside its own.
const SHARED: usize = 32;
/// The size that a table begins with (RFC 9113 section 6.5.2).
const DEFAULT_SIZE: usize = 4096;
/// The size that is taken for a table whose beginning was not seen: what browsers allow.
const JOINED_SIZE: usize = 65_536;
/// The largest size that is followed.
const LARGEST_SIZE: usize = 1 << 20;

/// The static table (appendix A).
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
    }

    fn list(block: &Block) -> Vec<String> {
        let text = |part: &Option<Box<[u8]>>| {
            part.as_ref().map_or("?".to_owned(), |part| String::from_utf8_lossy(part).into_owned())
        };
        block
            .headers
            .iter()
            .map(|header| format!("{}: {}", text(&header.name), text(&header.value)))
            .collect()
    }

    /// The requests of RFC 7541 appendix C.3 and, packed, C.4.
    const REQUESTS: [[&str; 3]; 2] = [
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ];

    /// The answers of appendix C.5 and, packed, C.6, which evict from a table of 256 bytes.
    const ANSWERS: [[&str; 3]; 2] = [
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        ],
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    ];

    #[test]
    fn the_requests_of_the_standard_are_read() {
        for blocks in REQUESTS {
            let mut decoder = Decoder::default();
            let read = blocks.map(|block| list(&decoder.read(&hex(block), 9999)));
            let common = |path: &str, scheme: &str| {
                vec![
                    ":method: GET".to_owned(),
                    format!(":scheme: {scheme}"),
                    format!(":path: {path}"),
                    ":authority: www.example.com".to_owned(),
                ]
            };
            assert_eq!(read[0], common("/", "http"));
            assert_eq!(read[1], [common("/", "http"), vec!["cache-control: no-cache".to_owned()]].concat());
            assert_eq!(
                read[2],
                [common("/index.html", "https"), vec!["custom-key: custom-value".to_owned()]].concat()
            );
            assert_eq!((decoder.size, decoder.table.len()), (164, 3), "appendix C.3.3");
        }
    }

    #[test]
    fn the_answers_of_the_standard_are_read_and_evict() {
        for blocks in ANSWERS {
            let mut decoder = Decoder { max_size: 256, ..Decoder::default() };
            let read = blocks.map(|block| list(&decoder.read(&hex(block), 9999)));
            assert_eq!(read[0][0], ":status: 302");
            assert_eq!(read[0][3], "location: https://www.example.com");
            assert_eq!((&*read[1][0], &read[1][1..]), (":status: 307", &read[0][1..]));
            assert_eq!(
                read[2][4..],
                [
                    "content-encoding: gzip",
                    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
                ]
            );
            assert_eq!((decoder.size, decoder.table.len()), (215, 3), "appendix C.5.3");
        }
    }

    #[test]
    fn single_representations_are_read() {
        // Appendix C.2.1 to C.2.4, and numbers of C.1.
        for (block, line, entries) in [
            ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header", 1),
            ("040c2f73616d706c652f70617468", ":path: /sample/path", 0),
            ("100870617373776f726406736563726574", "password: secret", 0),
            ("82", ":method: GET", 0),
        ] {
            let mut decoder = Decoder::default();
            assert_eq!(list(&decoder.read(&hex(block), 9999)), [line]);
            assert_eq!(decoder.table.len(), entries);
        }
        assert_eq!(integer(&mut Cursor::new(&hex("1f9a0a")), 5), Some(1337));
        assert_eq!(integer(&mut Cursor::new(&hex("ea")), 5), Some(10));
        assert_eq!(integer(&mut Cursor::new(&hex("ffffffffff7f")), 5), None);
    }

    #[test]
    fn a_reader_that_joins_late_goes_on() {
        let mut decoder = Decoder::joined();
        let second = decoder.read(&hex(REQUESTS[0][1]), 9999);
        assert_eq!(
            list(&second),
            [":method: GET", ":scheme: http", ":path: /", "?: ?", "cache-control: no-cache"]
        );
        assert!(second.has_lost && !second.is_damaged);
        // 62 is what the block before inserted, 63 what nobody saw.
        let third = decoder.read(&hex("bebf"), 9999);
        assert_eq!(list(&third), ["cache-control: no-cache", "?: ?"]);
        // A new value for a name that nobody saw: the value is known.
        assert_eq!(list(&decoder.read(&hex("7f000161"), 9999)), ["?: a"]);
    }

    #[test]
    fn broken_blocks_keep_their_front() {
        let mut decoder = Decoder::default();
        decoder.read(&hex(REQUESTS[0][0]), 9999);
        for broken in ["82ff", "80", "8282c5", "82410f7777", "8241825f50", "82ffffffffffff7f"] {
            let mut decoder = Decoder::default();
            let block = decoder.read(&hex(broken), 9999);
            assert!(block.is_damaged, "{broken}");
            assert!(decoder.read(&hex("82be"), 9999).has_lost, "it goes on: {broken}");
        }
    }

    #[test]
    fn what_refers_to_large_entries_again_and_again_is_bounded() {
        let mut decoder = Decoder::default();
        let mut block = hex("4001617fa11e");
        block.extend_from_slice(&[b'x'; 4000]);
        block.extend_from_slice(&[0xbe; 10_000]);
        let read = decoder.read(&block, 20_000);
        assert_eq!((read.headers.len(), read.cut, read.is_damaged), (4, 9997, false));
    }

    #[test]
    fn a_byte_that_stands_for_a_long_entry_costs_no_copy() {
        let mut decoder = Decoder::default();
        // A table of 1 MiB, and an entry of 400,000 bytes in it.
        let mut block = hex("3fe1ff3f4001617f81b418");
        block.extend_from_slice(&vec![b'x'; 400_000]);
        assert_eq!(decoder.read(&block, 9999).cut, 1);
        assert_eq!((decoder.table.len(), decoder.max_size), (1, 1 << 20));
        // A quarter of a million references, and names with new values: 100 GB, were they copied.
        assert_eq!(decoder.read(&vec![0xbe; 250_000], 9999).cut, 250_000);
        assert_eq!(decoder.read(&[0x0f, 0x2f, 0].repeat(80_000), 9999).cut, 80_000 - 9999 / 33);
    }

    #[test]
    fn a_smaller_table_drops_entries() {
        let mut decoder = Decoder::default();
        decoder.read(&hex(REQUESTS[0][2].get(6..).unwrap()), 9999);
        decoder.read(&hex("400a637573746f6d2d6b65790c637573746f6d2d76616c7565"), 9999);
        assert_eq!(decoder.table.len(), 1);
        decoder.read(&hex("20"), 9999);
        assert_eq!((decoder.table.len(), decoder.size, decoder.max_size), (0, 0, 0));
    }

    fn headers() -> impl Strategy<Value = Vec<Vec<(String, String, u8)>>> {
        let name = prop_oneof![Just("cookie".to_owned()), Just(":path".to_owned()), "[a-z-]{1,20}"];
        let header = (name, "[ -~]{0,60}", 0..4_u8);
        prop::collection::vec(prop::collection::vec(header, 0..12), 1..12)
    }

    proptest! {
        #[test]
        fn blocks_of_another_package_are_read(blocks in headers()) {
            let (mut encoder, mut decoder, mut late) =
                (httlib_hpack::Encoder::default(), Decoder::default(), Decoder::joined());
            for (number, headers) in blocks.into_iter().enumerate() {
                let mut block = Vec::new();
                for (name, value, how) in &headers {
                    let flags = match how { 0 => 0x4, 1 => 0x4 | 0x10 | 0x3, 2 => 0x3 | 0x8, _ => 0x2 };
                    encoder.encode((name.as_bytes().to_vec(), value.as_bytes().to_vec(), flags), &mut block).unwrap();
                }
                let read = decoder.read(&block, usize::MAX);
                let expected: Vec<Header> = headers
                    .iter()
                    .map(|(name, value, _)| Header::new(name.as_bytes(), value.as_bytes()))
                    .collect();
                prop_assert_eq!(&read.headers, &expected);
                prop_assert!(!read.is_damaged && !read.has_lost);
                // One that joins at the second block says the same or that it does not know.
                if number > 0 {
                    let read = late.read(&block, usize::MAX);
                    prop_assert!(!read.is_damaged);
                    for (header, expected) in read.headers.iter().zip(&expected) {
                        prop_assert!(header.name.is_none() || header.name == expected.name);
                        prop_assert!(header.value.is_none() || header.value == expected.value);
                    }
                }
            }
        }

        #[test]
        fn arbitrary_bytes_are_survived(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8)) {
            let mut decoder = Decoder::default();
            for block in blocks {
                let read = decoder.read(&block, 500);
                let length = |part: &Option<Box<[u8]>>| part.as_ref().map_or(0, |part| part.len());
                let sizes = read.headers.iter().map(|header| length(&header.name) + length(&header.value) + 32);
                prop_assert!(sizes.sum::<usize>() <= 500);
                prop_assert!(decoder.size <= decoder.max_size);
            }
        }
    }
}
