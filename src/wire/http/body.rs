//! Bodies: gathered as they come, and unpacked (RFC 9110 section 8.4, RFC 9112 section 7).
//!
//! Input: a message's bytes in pieces, its headers. Output: [`Body`], never larger than its limits allow. What a packed
//! body gives before it breaks is kept. Must not: know how a message ends.

use std::io::{self, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::wire::exchange::{Body, BodyNote, Encoding, Header, Limits, values};

impl Body {
    /// The body that these bytes are on the wire, by what its headers say of its encodings.
    #[must_use]
    pub fn from_wire(wire: Vec<u8>, headers: &[Header], limits: &Limits) -> Self {
        let mut held = 0;
        let mut collector = Collector::default();
        collector.push(&wire, limits, &mut held);
        drop(wire);
        collector.finish(encodings(headers), true, limits, &mut held)
    }
}

/// The encodings that a message's headers name, in the order in which they were put on. `identity` and `chunked` are none.
#[must_use]
pub fn encodings(headers: &[Header]) -> Vec<Encoding> {
    let lists = values(headers, "content-encoding").chain(values(headers, "transfer-encoding"));
    let names = lists.flat_map(|list| list.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    names.filter_map(encoding).take(MAX_NAMED).collect()
}

fn encoding(name: &[u8]) -> Option<Encoding> {
    let name = name.to_ascii_lowercase();
    match &*name {
        b"" | b"identity" | b"chunked" => None,
        b"br" => Some(Encoding::Brotli),
        b"deflate" => Some(Encoding::Deflate),
        b"gzip" | b"x-gzip" => Some(Encoding::Gzip),
        b"zstd" => Some(Encoding::Zstd),
        other => Some(Encoding::Other(other.get(..MAX_NAME).unwrap_or(other).into())),
    }
}

/// What is missing of a body.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Gap {
    /// Bytes, so many of them.
    Known(u64),
    #[default]
    None,
    /// Bytes, nobody knows how many.
    Unknown,
}

/// A body in the making.
#[derive(Default, Debug)]
pub(crate) struct Collector {
    kept: Vec<u8>,
    wire_len: u64,
    not_kept: u64,
    gap: Gap,
}

impl Collector {
    /// Takes the next bytes; `held` is what all bodies of the connection hold.
    pub(crate) fn push(&mut self, bytes: &[u8], limits: &Limits, held: &mut usize) {
        let room = limits.body.saturating_sub(self.kept.len()).min(limits.held.saturating_sub(*held));
        // What stands behind a hole fits nothing before it.
        let room = if self.gap != Gap::None || self.not_kept > 0 { 0 } else { room };
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.kept.extend_from_slice(kept);
        *held = held.saturating_add(kept.len());
        self.wire_len = self.wire_len.saturating_add(bytes.len() as u64);
        self.not_kept = self.not_kept.saturating_add(bytes.len().saturating_sub(kept.len()) as u64);
    }

    /// Bytes are missing here, so many where that is known.
    pub(crate) fn gap(&mut self, length: Option<u64>) {
        self.gap = match (self.gap, length) {
            (Gap::Unknown, _) | (_, None) => Gap::Unknown,
            (Gap::None, Some(length)) => Gap::Known(length),
            (Gap::Known(before), Some(length)) => Gap::Known(before.saturating_add(length)),
        };
        self.wire_len = self.wire_len.saturating_add(length.unwrap_or(0));
    }

    /// The body, unpacked; what it held is given back.
    pub(crate) fn finish(
        self,
        encodings: Vec<Encoding>,
        is_whole: bool,
        limits: &Limits,
        held: &mut usize,
    ) -> Body {
        let (kept, mut body) = self.into_body(encodings, is_whole, held);
        body.decoded = kept;
        undo(&mut body, limits);
        body.notes.sort();
        body.notes.dedup();
        body
    }

    /// The bytes as they came, and a body without them; what they held is given back.
    pub(crate) fn into_body(
        self,
        encodings: Vec<Encoding>,
        is_whole: bool,
        held: &mut usize,
    ) -> (Vec<u8>, Body) {
        *held = held.saturating_sub(self.kept.len());
        let mut body = Body { wire_len: Some(self.wire_len), encodings, ..Body::default() };
        body.remaining.clone_from(&body.encodings);
        body.notes.extend(match self.gap {
            Gap::Known(length) => Some(BodyNote::Gap(Some(length))),
            Gap::None => None,
            Gap::Unknown => Some(BodyNote::Gap(None)),
        });
        if self.not_kept > 0 {
            body.notes.push(BodyNote::NotKept(self.not_kept));
        }
        if !is_whole {
            body.notes.push(BodyNote::Truncated);
        }
        (self.kept, body)
    }
}

/// Takes the encodings off, the last one first.
fn undo(body: &mut Body, limits: &Limits) {
    let mut layers = 0;
    while let Some(encoding) = body.remaining.last().cloned() {
        if body.decoded.is_empty() {
            // Answers to HEAD, 304 and the like name encodings of a body that is not there.
            body.remaining.clear();
            return;
        }
        if layers == MAX_LAYERS || matches!(encoding, Encoding::Other(_)) {
            body.notes.push(BodyNote::UnknownEncoding);
            return;
        }
        layers += 1;
        let most = limits.body.min(ceiling(body.decoded.len(), limits));
        let (unpacked, ending) = unpack(&body.decoded, &encoding, most);
        body.notes.extend(ending.note(&encoding));
        if ending != Ending::Whole && unpacked.is_empty() {
            return;
        }
        body.decoded = unpacked;
        body.remaining.pop();
    }
}

/// The most bytes that `packed` bytes may become.
pub(crate) fn ceiling(packed: usize, limits: &Limits) -> usize {
    packed.saturating_mul(limits.ratio).max(Limits::RATIO_FLOOR)
}

/// How unpacking came to an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Damaged,
    Limit,
    Truncated,
    Whole,
}

impl Ending {
    /// What is to be said of it.
    pub(crate) fn note(self, encoding: &Encoding) -> Option<BodyNote> {
        match self {
            Self::Damaged => Some(BodyNote::Damaged(encoding.clone())),
            Self::Limit => Some(BodyNote::Oversize),
            Self::Truncated => Some(BodyNote::Truncated),
            Self::Whole => None,
        }
    }
}

/// Takes one encoding off, up to `most` bytes.
fn unpack(packed: &[u8], encoding: &Encoding, most: usize) -> (Vec<u8>, Ending) {
    match encoding {
        Encoding::Brotli => brotli(packed, most),
        Encoding::Deflate if is_zlib(packed) => drain(ZlibDecoder::new(packed), most),
        Encoding::Deflate => drain(DeflateDecoder::new(packed), most),
        // What is too short for a header and begins with something else is not cut off, but no gzip.
        Encoding::Gzip if !packed.starts_with(MAGIC.get(..packed.len()).unwrap_or(&MAGIC)) => {
            (Vec::new(), Ending::Damaged)
        }
        Encoding::Gzip => drain(MultiGzDecoder::new(packed), most),
        Encoding::Zstd => zstd(packed, most),
        Encoding::Other(_) => (Vec::new(), Ending::Damaged),
    }
}

/// Whether the first two bytes are a header of zlib (RFC 1950 section 2.2).
fn is_zlib(packed: &[u8]) -> bool {
    let first = packed.first_chunk().map(|two| u16::from_be_bytes(*two));
    first.is_some_and(|first| first >> 8 & 0xf == 8 && first.is_multiple_of(31))
}

/// Everything that a reader gives, up to `most` bytes.
fn drain(mut from: impl Read, most: usize) -> (Vec<u8>, Ending) {
    let (mut out, mut chunk) = (Vec::new(), [0; CHUNK]);
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return (out, Ending::Whole),
            Ok(count) => {
                if !append(&mut out, chunk.get(..count).unwrap_or_default(), most) {
                    return (out, Ending::Limit);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return (out, Ending::Truncated),
            Err(_) => return (out, Ending::Damaged),
        }
    }
}

/// Adds what has room below `most` bytes; whether that was all.
pub(crate) fn append(out: &mut Vec<u8>, bytes: &[u8], most: usize) -> bool {
    let room = most.saturating_sub(out.len());
    out.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    bytes.len() <= room
}

fn brotli(packed: &[u8], most: usize) -> (Vec<u8>, Ending) {
    let allocate = StandardAlloc::default;
    let mut state = BrotliState::new(allocate(), allocate(), allocate());
    let (mut out, mut chunk) = (Vec::new(), [0; CHUNK]);
    let (mut input_left, mut input_at, mut total) = (packed.len(), 0, 0);
    loop {
        let (mut room, mut written) = (chunk.len(), 0);
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut input_at,
            packed,
            &mut room,
            &mut written,
            &mut chunk,
            &mut total,
            &mut state,
        );
        if !append(&mut out, chunk.get(..written).unwrap_or_default(), most) {
            return (out, Ending::Limit);
        }
        match result {
            // What it has for us comes first.
            BrotliResult::NeedsMoreInput if written == 0 => return (out, Ending::Truncated),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return (out, Ending::Damaged),
            BrotliResult::ResultSuccess => return (out, Ending::Whole),
        }
    }
}

/// Frames of zstd one after the other, with skippable ones between them.
fn zstd(packed: &[u8], most: usize) -> (Vec<u8>, Ending) {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(LARGEST_WINDOW);
    let (mut rest, mut out) = (packed, Vec::new());
    while !rest.is_empty() {
        if let Some(behind) = skippable(rest) {
            rest = behind;
            continue;
        }
        let ending = zstd_frame(&mut decoder, &mut rest, &mut out, most);
        if ending != Ending::Whole {
            return (out, ending);
        }
    }
    (out, Ending::Whole)
}

/// What stands behind the skippable frame at the front (RFC 8878 section 3.1.2).
fn skippable(packed: &[u8]) -> Option<&[u8]> {
    let (head, rest) = packed.split_first_chunk::<8>()?;
    let [magic @ .., a, b, c, d] = head;
    let length = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?;
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]).then(|| rest.get(length..).unwrap_or_default())
}

fn zstd_frame(decoder: &mut FrameDecoder, rest: &mut &[u8], out: &mut Vec<u8>, most: usize) -> Ending {
    if decoder.reset(&mut *rest).is_err() {
        return if rest.is_empty() { Ending::Truncated } else { Ending::Damaged };
    }
    let mut chunk = [0; CHUNK];
    let mut failed = None;
    loop {
        if failed.is_none() && decoder.can_collect() == 0 && !decoder.is_finished() {
            let before = *rest;
            let one = BlockDecodingStrategy::UptoBlocks(1);
            if decoder.decode_blocks(&mut *rest, one).is_err() {
                failed = Some(if lacks_a_block(before) { Ending::Truncated } else { Ending::Damaged });
                // The decoder keeps its window back until the last block: it is given an empty one and a checksum.
                let last: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
                let _ = decoder.decode_blocks(last, BlockDecodingStrategy::UptoBlocks(1));
            }
        }
        let Ok(count) = decoder.read(&mut chunk) else { return Ending::Damaged };
        if !append(out, chunk.get(..count).unwrap_or_default(), most) {
            return Ending::Limit;
        }
        if count == 0 && (failed.is_some() || decoder.is_finished()) {
            let stated = decoder.get_checksum_from_data();
            let fits = stated.is_none() || stated == decoder.get_calculated_checksum();
            return failed.unwrap_or(if fits { Ending::Whole } else { Ending::Damaged });
        }
    }
}

/// Whether the block at the front (RFC 8878 section 3.1.1.2), or a checksum in its place, is longer than what is left.
fn lacks_a_block(rest: &[u8]) -> bool {
    let Some(&[a, b, c]) = rest.first_chunk() else { return true };
    let head = u32::from_le_bytes([a, b, c, 0]);
    let length = if head >> 1 & 3 == 1 { 1 } else { usize::try_from(head >> 3).unwrap_or(usize::MAX) };
    let checksum = if head & 1 == 1 { 4 } else { 0 };
    rest.len() < length.saturating_add(3 + checksum)
}

/// What a member of gzip begins with (RFC 1952 section 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Most encodings that are undone of one body.
const MAX_LAYERS: usize = 8;
/// Most encodings that are kept of a message's headers.
const MAX_NAMED: usize = 16;
/// Most bytes of an encoding's name that are kept.
const MAX_NAME: usize = 32;
/// Bytes unpacked at a time.
const CHUNK: usize = 16 << 10;
/// The largest window that a body may need (RFC 9659 section 3).
const LARGEST_WINDOW: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bare(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn packed_zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// A brotli stream of one uncompressed meta-block (RFC 7932 section 9.2) and an empty last one.
    fn packed_brotli(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap() - 1;
        assert!(length < 0x10000, "four nibbles of length");
        // WBITS 16 is one zero bit; ISLAST 0, MNIBBLES 4, MLEN - 1, ISUNCOMPRESSED 1.
        let head = length << 4 | 1 << 20;
        let mut out = head.to_le_bytes()[..3].to_vec();
        out.extend_from_slice(bytes);
        out.push(3);
        out
    }

    fn body(wire: &[u8], encoding: &str) -> Body {
        let headers = [Header::new(*b"Content-Encoding", encoding.as_bytes())];
        Body::from_wire(wire.to_vec(), &headers, &Limits::default())
    }

    #[test]
    fn every_encoding_is_undone() {
        let text = b"{\"event\":\"join\",\"event2\":\"join\"}";
        let members = [gzip(b"{\"event\":\"join\","), gzip(b"\"event2\":\"join\"}")].concat();
        let skippable = b"\x5a\x2a\x4d\x18\x05\0\0\0junk!";
        for (wire, encoding) in [
            (text.to_vec(), "identity"),
            (gzip(text), "gzip"),
            (gzip(text), " X-GZIP , identity"),
            (members, "gzip"),
            (zlib(text), "deflate"),
            (bare(text), "deflate"),
            (packed_brotli(text), "br"),
            (packed_zstd(text), "zstd"),
            ([&skippable[..], &packed_zstd(&text[..9]), &packed_zstd(&text[9..])].concat(), "zstd"),
            (gzip(&packed_zstd(&packed_brotli(text))), "br, zstd,gzip"),
        ] {
            let body = body(&wire, encoding);
            assert_eq!(
                (&*body.decoded, &*body.notes, &*body.remaining),
                (&text[..], &[][..], &[][..]),
                "{encoding}"
            );
            assert_eq!(body.wire_len, Some(wire.len() as u64));
        }
    }

    #[test]
    fn what_comes_before_damage_is_kept() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(|i| (i.wrapping_mul(i) / 7).to_be_bytes()).collect();
        for (wire, encoding) in [
            (gzip(&text), "gzip"),
            (zlib(&text), "deflate"),
            (bare(&text), "deflate"),
            (packed_brotli(&text[..60_000]), "br"),
            (packed_zstd(&text), "zstd"),
        ] {
            let cut = body(&wire[..wire.len() * 9 / 10], encoding);
            assert!(
                text.starts_with(&cut.decoded) && cut.decoded.len() > 30_000,
                "{encoding} {}",
                cut.decoded.len()
            );
            assert_eq!(cut.notes, [BodyNote::Truncated], "{encoding}");
        }
        let plain = body(&text, "gzip");
        assert_eq!(plain.notes, [BodyNote::Damaged(Encoding::Gzip)]);
        assert_eq!((plain.decoded == text, &*plain.remaining), (true, &[Encoding::Gzip][..]), "as it came");
        let unknown = body(&gzip(b"text"), "aes128gcm, gzip");
        assert_eq!((&*unknown.decoded, &*unknown.notes), (&b"text"[..], &[BodyNote::UnknownEncoding][..]));
    }

    #[test]
    fn bombs_are_cut() {
        let zeros = vec![0; 64 << 20];
        for (wire, encoding) in
            [(gzip(&zeros), "gzip"), (packed_zstd(&zeros), "zstd"), (gzip(&gzip(&zeros)), "gzip,gzip")]
        {
            let body = body(&wire, encoding);
            assert!(body.decoded.len() <= Limits::default().body, "{encoding}");
            assert_eq!(body.notes, [BodyNote::Oversize], "{encoding}");
        }
        let few = Limits { ratio: 10, ..Limits::default() };
        let headers = [Header::new(*b"content-encoding", *b"gzip")];
        let body = Body::from_wire(gzip(&zeros[..4 << 20]), &headers, &few);
        assert_eq!((body.decoded.len(), &*body.notes), (Limits::RATIO_FLOOR, &[BodyNote::Oversize][..]));
        let nested = body_of_layers(40);
        assert_eq!(nested.notes, [BodyNote::UnknownEncoding]);
        assert_eq!(nested.encodings.len(), MAX_NAMED);
    }

    fn body_of_layers(count: usize) -> Body {
        let wire = (0..count).fold(b"x".to_vec(), |inner, _| gzip(&inner));
        body(&wire, &vec!["gzip"; count].join(","))
    }

    #[test]
    fn a_huge_body_is_counted_and_its_front_kept() {
        let limits = Limits { body: 1000, held: 1500, ..Limits::default() };
        let (mut one, mut two, mut held) = (Collector::default(), Collector::default(), 0);
        for _ in 0..1024 {
            one.push(&[b'x'; 1 << 10], &limits, &mut held);
            two.push(&[b'y'; 1 << 10], &limits, &mut held);
        }
        assert_eq!(held, 1500);
        let (one, two) = (
            one.finish(Vec::new(), true, &limits, &mut held),
            two.finish(Vec::new(), true, &limits, &mut held),
        );
        assert_eq!((one.wire_len, one.decoded.len()), (Some(1 << 20), 1000));
        assert_eq!(one.notes, [BodyNote::NotKept((1 << 20) - 1000)]);
        assert_eq!((two.decoded.len(), held), (500, 0));
    }

    #[test]
    fn nothing_behind_a_gap_is_kept() {
        let (limits, mut held) = (Limits::default(), 0);
        let mut collector = Collector::default();
        collector.push(b"front", &limits, &mut held);
        collector.gap(Some(3));
        collector.push(b"back", &limits, &mut held);
        let body = collector.finish(Vec::new(), true, &limits, &mut held);
        assert_eq!((&*body.decoded, body.wire_len), (&b"front"[..], Some(12)));
        assert_eq!(body.notes, [BodyNote::Gap(Some(3)), BodyNote::NotKept(4)]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), which in 0..5_usize) {
            let encoding = ["br", "gzip", "deflate", "zstd", "zstd,br"][which];
            let with_magic = [&b"\x28\xb5\x2f\xfd"[..], &bytes].concat();
            for wire in [&bytes, &with_magic] {
                prop_assert!(body(wire, encoding).decoded.len() <= Limits::RATIO_FLOOR);
            }
        }
    }
}
