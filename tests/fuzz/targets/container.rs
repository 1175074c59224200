//! Captures as files: pcap, pcapng, and both packed. Laws: read in small pieces they are what they are read at once; what is
//! cut off behind some frame leaves the frames before it; pcap-parser sees the same frames in a sound classic capture.

use std::io::{Cursor, Read, Write as _};

use borderpost::source::{Capture, Options, Summary};
use pcap_parser::{PcapBlockOwned, PcapError, create_reader};

use super::frames::captures;
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let whole = captures().into_iter().filter_map(|path| std::fs::read(path).ok());
    let mut seeds: Vec<Vec<u8>> =
        whole.map(|file| [&[0, 7][..], &file[..file.len().min(40_000)]].concat()).collect();
    for kind in 1..=8 {
        seeds.push([&[kind, 3][..], b"\x01\x02\x01\x00\x20abcdefghijklmnopqrstuvwxyz0123456789\x02\x00\x08abcdefgh\x03\x00\x04wxyz"].concat());
    }
    seeds
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (kind, size) = (script.byte(), usize::from(script.byte()) + 1);
    let file = match kind % 9 {
        0 => script.rest().to_vec(),
        1 => pcapng(script),
        2 => pcap(script),
        kind @ 3..=5 => packed(kind, &pcapng(script)),
        kind => packed(kind - 3, &pcap(script)),
    };
    let whole = read(Cursor::new(file.clone()));
    let in_pieces = read(Slow { file: Cursor::new(file.clone()), size });
    assert_eq!(whole.is_some(), in_pieces.is_some(), "opened in one way only");
    let (Some((frames, summary)), Some((others, other_summary))) = (whole, in_pieces) else { return };
    assert_eq!(frames, others, "frames in pieces of {size}");
    assert_eq!(format!("{summary:?}"), format!("{other_summary:?}"), "summaries in pieces of {size}");
    if summary.compression.is_none() {
        let cut = size.saturating_mul(file.len()) / 256;
        if let Some((some, summary)) = read(Cursor::new(file[..cut].to_vec())) {
            // Inside of a block that is cut off there may be a whole section that ends there, as where files were joined.
            let goes_on = summary.damage.iter().any(|damage| damage.resumed_at.is_some());
            assert!(goes_on || frames.starts_with(&some), "frames of a cut file");
        }
    }
    if summary.damage.is_empty() && summary.compression.is_none() && summary.other_records == 0 {
        compare(&file, &frames);
    }
}

/// A frame's length on the wire, its time and its bytes.
type Seen = (u32, String, Vec<u8>);

fn read(reader: impl Read + Send + 'static) -> Option<(Vec<Seen>, Summary)> {
    let options = Options { max_unpacked: 1 << 22, beside: false, ..Options::default() };
    let mut capture = Capture::from_reader("made", Box::new(reader), &options).ok()?;
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame() {
        let beside = format!("{:?} {:?} {:?} {:?}", frame.time, frame.link, frame.direction, frame.process);
        frames.push((frame.wire_len, beside, frame.data.to_vec()));
    }
    Some((frames, capture.finish()))
}

fn compare(file: &[u8], frames: &[Seen]) {
    let Ok(mut reader) = create_reader(file.len().max(1 << 16), Cursor::new(file)) else { return };
    let mut theirs = Vec::new();
    loop {
        match reader.next() {
            Ok((used, PcapBlockOwned::Legacy(block))) => {
                theirs.push((block.origlen, block.data.to_vec()));
                reader.consume(used);
            }
            Ok((used, PcapBlockOwned::LegacyHeader(_))) => reader.consume(used),
            Err(PcapError::Eof) => break,
            // pcapng has blocks that it does not know, and anything else is damage to it.
            _ => return,
        }
    }
    let ours: Vec<_> = frames.iter().map(|(wire_len, _, data)| (*wire_len, data.clone())).collect();
    assert_eq!(ours, theirs, "what pcap-parser reads");
}

/// Hands out so many bytes at a time.
struct Slow {
    file: Cursor<Vec<u8>>,
    size: usize,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.size.min(buffer.len());
        self.file.read(&mut buffer[..size])
    }
}

/// A section of blocks, nearly all with the lengths that they have.
fn pcapng(mut script: Script<'_>) -> Vec<u8> {
    let is_big = script.flag();
    let word = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let half = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let block = |kind: u32, body: &[u8]| {
        let padding = vec![0; body.len().wrapping_neg() & 3];
        let length = word(u32::try_from(12 + body.len() + padding.len()).unwrap_or(0));
        [&word(kind)[..], &length, body, &padding, &length].concat()
    };
    let section = || block(0x0a0d_0d0a, &[&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat());
    let mut file = section();
    while !script.is_empty() && file.len() < 1 << 16 {
        let kind = script.byte();
        let body = script.bytes();
        let length = word(u32::try_from(body.len()).unwrap_or(0));
        file.extend(match kind % 13 {
            0 => block(1, &[&half(u16::from(kind / 12))[..], &half(0), &word(0), body].concat()),
            1 => block(1, &[&half(1)[..], &half(0), &word(0x4_0000)].concat()),
            2 => block(
                6,
                &[&word(0)[..], &word(0x5_0000), &word(u32::from(kind)), &length, &length, body].concat(),
            ),
            3 => block(3, &[&length[..], body].concat()),
            4 => block(2, &[&half(0)[..], &half(0), &word(0), &word(0), &length, &length, body].concat()),
            5 => block(5, &[&word(0)[..], &word(0), &word(0), body].concat()),
            6 => block(10, &[&word(0x544c_534b)[..], &length, body].concat()),
            7 => block(0x8000_0001, &[&word(77)[..], body].concat()),
            8 => block(0xbad, &[&word(62_652)[..], body].concat()),
            9 => section(),
            10 => block(4, body),
            11 => block(0x80b0_de01, &[b"bpSocket", body].concat()),
            _ => body.to_vec(),
        });
    }
    file
}

/// Records of the classic format, nearly all with the lengths that they have.
fn pcap(mut script: Script<'_>) -> Vec<u8> {
    let (magic, snap) = (script.one_of(&[0xa1b2_c3d4_u32, 0xa1b2_3c4d, 0xd4c3_b2a1]), script.long() >> 8);
    let mut file =
        [&magic.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &snap.to_le_bytes(), &[1, 0, 0, 0]].concat();
    while !script.is_empty() && file.len() < 1 << 16 {
        let (lie, time) = (script.byte(), script.long());
        let data = script.bytes();
        let length = u32::try_from(data.len()).unwrap_or(0).wrapping_add(u32::from(lie.saturating_sub(250)));
        for word in [time, time >> 12, length, length.wrapping_add(u32::from(lie & 3))] {
            file.extend(if magic == 0xd4c3_b2a1 { word.to_be_bytes() } else { word.to_le_bytes() });
        }
        file.extend_from_slice(data);
    }
    file
}

fn packed(kind: u8, file: &[u8]) -> Vec<u8> {
    match kind {
        3 => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            let _ = gzip.write_all(file);
            gzip.finish().unwrap_or_default()
        }
        4 => ruzstd::encoding::compress_to_vec(file, ruzstd::encoding::CompressionLevel::Fastest),
        _ => {
            let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
            let _ = lz4.write_all(file);
            lz4.finish().unwrap_or_default()
        }
    }
}
