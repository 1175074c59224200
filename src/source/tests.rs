use super::*;
use crate::source::order::ByteOrder;
use crate::source::sample::{Blocks, Owned, Pcap, drain, gzip, lz4, open, read_all, tiny_pcap, zstd};
use proptest::prelude::*;

/// A reader that gives `step` bytes at a time, and fails after `until` of them.
struct Slow {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
    until: usize,
    interrupt: bool,
}

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.at >= self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let end = self.bytes.len().min(self.until).min(self.at + self.step.min(into.len()));
        let given = &self.bytes[self.at..end];
        into[..given.len()].copy_from_slice(given);
        self.at = end;
        Ok(given.len())
    }
}

fn slowly(bytes: &[u8], step: usize, until: usize) -> (Vec<Owned>, Summary) {
    let reader = Slow { bytes: bytes.to_vec(), at: 0, step, until, interrupt: false };
    drain(Capture::from_reader("slow", Box::new(reader), &Options::default()).unwrap())
}

/// A capture with where its records or blocks end, and which of those ends are a frame's.
struct Sample {
    file: Vec<u8>,
    ends: Vec<(usize, bool)>,
}

impl Sample {
    fn pcap(order: ByteOrder, magic: u32) -> Self {
        let file = Pcap::new(order, magic, 0xffff, 1).record(1, 0, 5, b"abcde").record(2, 0, 0, b"");
        let file = file.record(3, 0, 60, b"fgh").bytes();
        Self { file, ends: vec![(24, false), (24 + 21, true), (24 + 37, true), (24 + 56, true)] }
    }

    fn pcapng(order: ByteOrder, other: ByteOrder) -> Self {
        let mut ends = Vec::new();
        let mut step = |blocks: Blocks, is_frame| {
            ends.push((blocks.bytes().len(), is_frame));
            blocks
        };
        let file = step(Blocks::new(order), false);
        let file = step(file.interface(1, 0, &[(2, b"en0")]), false);
        let file = step(file.enhanced(0, 1, b"abc", &[(1, b"note")]), true);
        let file = step(file.block(10, b"xyz"), false);
        let file = step(file.simple(5, b"abcde"), true);
        let file = step(file.then(Blocks::new(other)), false);
        let file = step(file.interface(113, 0, &[]), false);
        let file = step(file.obsolete(0, 1, 2, b"a"), true);
        let file = step(file.statistics(0, &[(5, 1)]), false);
        Self { file: file.bytes(), ends }
    }

    /// How many frames end at `cut` or before.
    fn frames_before(&self, cut: usize) -> usize {
        self.ends.iter().filter(|(end, is_frame)| *is_frame && *end <= cut).count()
    }
}

fn samples() -> [Sample; 4] {
    [
        Sample::pcap(ByteOrder::Big, 0xa1b2c3d4),
        Sample::pcap(ByteOrder::Little, 0xa1b23c4d),
        Sample::pcapng(ByteOrder::Big, ByteOrder::Little),
        Sample::pcapng(ByteOrder::Little, ByteOrder::Big),
    ]
}

#[test]
fn a_cut_anywhere_keeps_every_frame_before_it_and_names_where_it_is() {
    for sample in samples() {
        let (whole, summary) = read_all(&sample.file);
        assert_eq!((whole.len(), summary.damage.first()), (sample.frames_before(usize::MAX), None));
        for cut in 4..sample.file.len() {
            let (frames, summary) = read_all(&sample.file[..cut]);
            let expected = sample.frames_before(cut);
            assert_eq!(frames, whole[..expected], "cut at {cut}");
            let last_end =
                sample.ends.iter().map(|(end, _)| *end).filter(|end| *end <= cut).max().unwrap_or(0);
            let damage =
                summary.damage.first().map(|damage| (damage.kind, damage.offset, damage.after_frame));
            let truncated = ("truncated", last_end as u64, expected as u64);
            assert_eq!(damage, (last_end != cut).then_some(truncated), "cut at {cut}");
        }
    }
}

/// What is damaged in a file: where, after which frame, and where reading resumed.
fn places(summary: &Summary) -> Vec<(u64, u64, Option<u64>)> {
    summary.damage.iter().map(|damage| (damage.offset, damage.after_frame, damage.resumed_at)).collect()
}

/// A section with an interface and two frames.
fn section(order: ByteOrder, data: &[u8]) -> Blocks {
    Blocks::new(order).interface(1, 0, &[]).enhanced(0, 1, data, &[]).enhanced(0, 2, data, &[])
}

#[test]
fn reading_resumes_at_the_next_section_whatever_broke_the_one_before() {
    for (order, next) in [(ByteOrder::Big, ByteOrder::Little), (ByteOrder::Little, ByteOrder::Little)] {
        let first = section(order, b"first").bytes();
        let second = section(next, b"second").bytes();
        for cut in 29..first.len() {
            let file = [&first[..cut], &second].concat();
            let (frames, summary) = read_all(&file);
            let before = frames.len() - 2;
            assert_eq!(
                (&*frames[before].data, frames[before].interface, summary.interfaces.len()),
                // The same interface again, where it was described before the cut.
                (&b"second"[..], 0, 1 + usize::from(cut >= 48))
            );
            assert_eq!(frames[before].number, before as u64 + 1);
            let whole = [28, 48, first.len() - 40].contains(&cut);
            let found = places(&summary);
            assert_eq!(found.is_empty(), whole, "cut at {cut}: {found:?}");
            if let [(offset, after, resumed)] = found[..] {
                assert!(offset < cut as u64);
                assert_eq!((after, resumed), (before as u64, Some(cut as u64)), "cut at {cut}");
            }
        }
    }
}

/// A packet may carry a capture, and the end of the input may cut it off there.
#[test]
fn what_a_cut_packet_carries_is_no_section_of_the_capture() {
    for (outer, inner) in [(ByteOrder::Little, ByteOrder::Big), (ByteOrder::Big, ByteOrder::Big)] {
        let carried = section(inner, b"carried").bytes();
        let data = [&carried[..], &carried, &[0; 40]].concat();
        let file = section(outer, b"sent").enhanced(0, 3, &data, &[]).bytes();
        let begin = file.len() - 4 - data.len();
        let mut ends = 0;
        for cut in begin..file.len() {
            let (frames, summary) = read_all(&file[..cut]);
            let is_carried = frames.iter().any(|frame| *frame.data == *b"carried");
            let resumed = summary.damage.first().and_then(|damage| damage.resumed_at);
            assert!(!is_carried || resumed == Some(begin as u64), "cut at {cut}");
            ends += usize::from(resumed.is_some());
        }
        // By chance alone a block of what is carried ends where the capture does: four blocks, twice.
        assert_eq!(ends, 8);
    }
}

#[test]
fn a_section_that_is_not_certain_is_not_read() {
    let sound = section(ByteOrder::Little, b"first").bytes();
    let second = section(ByteOrder::Little, b"second").bytes();
    // Byte order, length, version, trailer, and the length of the block behind it.
    for at in [8, 4, 12, 24, 32] {
        let mut second = second.clone();
        second[at] ^= 0x41;
        let (frames, summary) = read_all(&[&sound[..], b"garbage!", &second].concat());
        assert_eq!((frames.len(), places(&summary)), (2, vec![(sound.len() as u64, 2, None)]), "byte {at}");
    }
}

#[test]
fn damage_everywhere_is_listed_to_a_limit_and_counted() {
    let damaged = [&section(ByteOrder::Big, b"x").bytes()[..], &[0xff; 13]].concat();
    let (frames, summary) = read_all(&damaged.repeat(100));
    assert_eq!((frames.len(), summary.damage.len(), summary.more_damage), (200, 16, 84));
    assert_eq!((summary.section_count, summary.sections.len(), summary.interfaces.len()), (100, 64, 100));
    assert!(summary.damage.iter().all(|damage| damage.resumed_at.is_some()));
}

#[test]
fn reading_resumes_however_the_bytes_arrive_and_as_often_as_it_must() {
    let first = section(ByteOrder::Big, b"first").bytes();
    let noise: Vec<u8> = (0..700_000_u32).map(|i| [0x0a, 0x0d, 0x0d, 0x0a, 0x42][(i % 5) as usize]).collect();
    let file = [&first[..], &noise, &section(ByteOrder::Little, b"second").bytes()].concat();
    let (frames, summary) = read_all(&file);
    assert_eq!(places(&summary), [(first.len() as u64, 2, Some((first.len() + noise.len()) as u64))]);
    assert_eq!(frames.len(), 4);
    for step in [1_000, 99_999] {
        let (slow, slow_summary) = slowly(&file, step, usize::MAX);
        assert_eq!((slow, slow_summary.damage), (frames.clone(), summary.damage.clone()));
    }
    let (frames, summary) = slowly(&file, 1_000, first.len() + 10_000);
    assert_eq!(frames.len(), 2);
    let kinds: Vec<_> = summary.damage.iter().map(|damage| (damage.kind, damage.resumed_at)).collect();
    assert_eq!(kinds, [("malformed", None), ("read_error", None)]);
}

#[test]
fn nothing_is_resumed_in_a_classic_capture_or_after_damage_of_the_packing() {
    let second = section(ByteOrder::Little, b"second").bytes();
    let file = Pcap::new(ByteOrder::Little, 0xa1b2c3d4, 65_535, 1).raw_record([u32::MAX, 1], b"");
    let (frames, summary) = read_all(&[file.bytes(), second.clone()].concat());
    assert_eq!((frames.len(), places(&summary)), (0, vec![(24, 0, None)]));
    let mut packed = gzip(&[&second[..second.len() - 8], &second].concat());
    let (frames, summary) = read_all(&packed);
    assert_eq!((frames.len(), summary.damage.len()), (3, 1));
    packed.truncate(packed.len() - 9);
    let (_, summary) = read_all(&packed);
    assert_eq!(
        summary.damage.last().map(|damage| (damage.kind, damage.resumed_at)),
        Some(("truncated", None))
    );
}

#[test]
fn a_cut_before_the_magic_is_no_capture() {
    assert_eq!(open(b"").unwrap_err(), SourceError::Empty { name: "sample".to_owned() });
    for cut in 1..4 {
        assert!(matches!(open(&tiny_pcap()[..cut]), Err(SourceError::NotACapture { .. })), "cut at {cut}");
    }
}

#[test]
fn a_header_alone_is_a_capture_without_frames() {
    let (frames, summary) = read_all(&tiny_pcap()[..24]);
    assert_eq!((frames.len(), summary.damage.first(), summary.interfaces.len()), (0, None, 1));
    let (frames, summary) = read_all(&tiny_pcap()[..20]);
    let damage = summary.damage.first().unwrap();
    assert_eq!((frames.len(), damage.offset, damage.after_frame), (0, 0, 0));
    assert_eq!(damage.what, "file header of 24 bytes ends after 20");
}

#[test]
fn how_the_bytes_arrive_makes_no_difference() {
    for Sample { file, .. } in samples() {
        let (frames, summary) = read_all(&file);
        for step in [1, 3, 7, 1_000] {
            let (slow, slow_summary) = slowly(&file, step, usize::MAX);
            assert_eq!(slow, frames);
            assert_eq!(Summary { sha256: None, ..slow_summary }, summary);
        }
    }
}

#[test]
fn a_read_error_is_damage_after_what_came_before() {
    let file = tiny_pcap();
    let (frames, summary) = slowly(&file, 10, 50);
    let damage = summary.damage.first().unwrap();
    assert_eq!((frames.len(), damage.kind, damage.offset, damage.after_frame), (1, "read_error", 44, 1));
    assert_eq!((&*damage.what, summary.size, summary.sha256), ("timed out", 50, None));
}

#[test]
fn a_read_error_before_the_first_byte_is_an_error() {
    let reader = Slow { bytes: Vec::new(), at: 0, step: 1, until: 0, interrupt: false };
    let error = Capture::from_reader("slow", Box::new(reader), &Options::default()).unwrap_err();
    let message = "cannot read slow: timed out (check the device and the file, or copy it first)";
    assert_eq!(error.to_string(), message);
}

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKINGS: [(Compression, Pack); 3] =
    [(Compression::Gzip, gzip), (Compression::Zstd, zstd), (Compression::Lz4, lz4)];

#[test]
fn packed_captures_are_unpacked_by_their_first_bytes() {
    for Sample { file, .. } in samples() {
        let (frames, plain) = read_all(&file);
        let (head, tail) = file.split_at(file.len() / 2);
        for (compression, pack) in PACKINGS {
            for packed in [pack(&file), [pack(head), pack(tail)].concat()] {
                let (unpacked, summary) = read_all(&packed);
                assert_eq!(unpacked, frames);
                assert_eq!(summary.compression, Some(compression));
                assert_eq!(summary.size, packed.len() as u64);
                assert_eq!(Summary { compression: None, size: plain.size, ..summary }, plain);
            }
        }
    }
}

#[test]
fn a_limit_on_unpacking_is_damage_after_what_came_before() {
    let file = [&tiny_pcap()[..], &tiny_pcap()[24..].repeat(1_000)].concat();
    for (_, pack) in PACKINGS {
        let options = Options { max_unpacked: 24 + 38 * 10 + 1, ..Options::default() };
        let reader = Box::new(io::Cursor::new(pack(&file)));
        let (frames, summary) = drain(Capture::from_reader("limited", reader, &options).unwrap());
        let damage = summary.damage.first().unwrap();
        assert_eq!((frames.len(), damage.kind, damage.offset, damage.after_frame), (20, "limit", 404, 20));
        assert!(
            damage.what.contains("405 bytes") && damage.what.contains("--max-unpacked"),
            "{}",
            damage.what
        );
        assert!(summary.sha256.is_some());
    }
}

#[test]
fn a_damaged_gzip_keeps_the_frames_before() {
    let file = tiny_pcap();
    let mut packed = gzip(&file);
    let (frames, summary) = read_all(&packed[..packed.len() - 3]);
    let damage = summary.damage.first().unwrap();
    assert_eq!((frames.len(), damage.kind, damage.offset, damage.after_frame), (2, "truncated", 62, 2));
    packed.extend_from_slice(b"tail");
    let (frames, summary) = read_all(&packed);
    assert_eq!((frames.len(), summary.damage.first().unwrap().kind), (2, "malformed"));
    assert_eq!(summary.size, packed.len() as u64);
}

#[test]
fn what_is_packed_is_recognised_too() {
    let error = open(&gzip(b"hello")).unwrap_err().to_string();
    assert!(error.contains("it is text, not a pcap or pcapng capture"), "{error}");
    for (outer, pack) in PACKINGS {
        for (inner, pack_first) in PACKINGS {
            let error = open(&pack(&pack_first(&tiny_pcap()))).unwrap_err().to_string();
            assert!(error.contains(&format!("it is {inner} inside {outer}")), "{error}");
        }
        assert!(matches!(open(&pack(b"")), Err(SourceError::Empty { .. })), "{outer}");
    }
    let error = open(&gzip(&tiny_pcap())[..12]).unwrap_err().to_string();
    assert!(error.contains("gzip data that ends early"), "{error}");
}

#[test]
fn a_packing_that_is_not_unpacked_is_an_error_with_the_way_out() {
    let error = open(b"\x28\xb5\x2f\xfd\0\x88\x01\0\0").unwrap_err().to_string();
    assert!(
        error.contains("134217728") && error.ends_with("(unpack it with zstd -d --long=31 first)"),
        "{error}"
    );
}

#[test]
fn what_follows_damage_is_hashed_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.pcap");
    let file = [&tiny_pcap()[..], &vec![0xff; 700_000]].concat();
    std::fs::write(&path, &file).unwrap();
    let mut capture = Capture::open(&path, &Options::default()).unwrap();
    assert_eq!(capture.size(), Some(700_062));
    while capture.next_frame().is_some() {}
    assert!(capture.next_frame().is_none());
    assert!(capture.bytes_read() < 700_062);
    let summary = capture.finish();
    let mut stored = Stored::new(Box::new(io::Cursor::new(file)), Some(Hash::new(false)));
    assert_eq!(stored.read(&mut vec![0; 1 << 20]).ok(), Some(700_062));
    assert_eq!(summary.sha256, stored.finish().1);
    assert_eq!((summary.size, summary.frames, summary.damage.first().unwrap().offset), (700_062, 2, 62));
    let unhashed = Capture::open(&path, &Options { hash: false, ..Options::default() }).unwrap().finish();
    assert_eq!((unhashed.sha256, unhashed.size, unhashed.frames), (None, 700_062, 0));
}

/// A capture of some MiB that no packing makes much of.
fn large() -> Vec<u8> {
    let mixed = |number: u32| (number ^ number >> 15).wrapping_mul(0x85eb_ca6b).to_be_bytes()[1];
    let noise = |seed: u32| (0..1_400).map(move |i| mixed((seed * 1_400 + i).wrapping_mul(0x9e37_79b1)));
    let record = |number: u32| {
        let head = [number, 0, 1_400, 1_400].map(u32::to_le_bytes).concat();
        head.into_iter().chain(noise(number))
    };
    let head = Pcap::new(ByteOrder::Little, 0xa1b2c3d4, 65_535, 1).bytes();
    head.into_iter().chain((0..1_500).flat_map(record)).collect()
}

#[test]
fn threads_beside_make_no_difference() {
    let whole = large();
    let mut damaged = whole.clone();
    damaged[1_500_000..1_500_100].fill(0xff);
    let stored = [(&whole, false), (&damaged, false), (&whole, true)];
    let packings = PACKINGS.map(|(_, pack)| pack).into_iter().chain([<[u8]>::to_vec as Pack]);
    for (pack, (file, is_broken)) in packings.flat_map(|pack| stored.map(|stored| (pack, stored))) {
        // Joined, since nothing comes of a block of lz4 before all of it is there.
        let mut bytes = file.chunks(file.len() / 3 + 1).flat_map(pack).collect::<Vec<u8>>();
        assert!(bytes.len() > 2 << 20, "{}", bytes.len());
        let (middle, late) = (bytes.len() / 2, bytes.len() / 8);
        if is_broken {
            bytes[middle..middle + 64].fill(0x55);
        }
        for (cut, max_unpacked) in [(0, u64::MAX), (late, u64::MAX), (0, 1_900_001)] {
            let stored = &bytes[..bytes.len() - cut];
            let read = |beside| {
                let options = Options { max_unpacked, beside, ..Options::default() };
                let reader = Box::new(io::Cursor::new(stored.to_vec()));
                drain(Capture::from_reader("large", reader, &options).unwrap())
            };
            let (here, beside) = (read(false), read(true));
            assert!(here.0.len() > 400 && here.1.sha256.is_some() && here.1.size == stored.len() as u64);
            assert!(here == beside, "{:?}\n{:?}", here.1, beside.1);
        }
        // A reader that fails ahead of where the capture is damaged, or before.
        let fails = |beside| {
            let until = bytes.len() - late;
            let reader = Slow { bytes: bytes.clone(), at: 0, step: 70_000, until, interrupt: false };
            let options = Options { beside, ..Options::default() };
            drain(Capture::from_reader("fails", Box::new(reader), &options).unwrap())
        };
        let (here, beside) = (fails(false), fails(true));
        assert!(here == beside && here.1.sha256.is_none(), "{:?}\n{:?}", here.1, beside.1);
        assert!(!here.1.damage.is_empty());
    }
}

#[test]
fn a_ratio_that_is_too_large_is_so_at_the_same_byte_with_threads() {
    let zeros = vec![0; 66 << 20];
    let packed = gzip(&[&tiny_pcap()[..24], &zeros].concat());
    let read = |beside| {
        let options = Options { max_ratio: 100, beside, ..Options::default() };
        let reader = Box::new(io::Cursor::new(packed.clone()));
        let mut capture = Capture::from_reader("zeros", reader, &options).unwrap();
        while capture.next_frame().is_some() {}
        capture.finish()
    };
    let (here, beside) = (read(false), read(true));
    assert_eq!(here, beside);
    assert_eq!(here.damage.last().map(|damage| damage.kind), Some("limit"));
}

#[test]
fn a_capture_that_is_given_up_gives_up_its_threads() {
    for pack in [gzip as Pack, <[u8]>::to_vec] {
        let reader = Box::new(io::Cursor::new(pack(&large())));
        let mut capture = Capture::from_reader("large", reader, &Options::default()).unwrap();
        let mut frames = 0;
        while frames < 1_000 && capture.next_frame().is_some() {
            frames += 1;
        }
        assert_eq!(frames, 1_000);
    }
}

#[test]
fn a_folder_opened_as_a_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Capture::open(dir.path(), &Options::default()).is_err());
    let missing = Capture::open(&dir.path().join("missing"), &Options::default()).unwrap_err();
    assert!(matches!(missing, SourceError::NotFound { .. }));
}

#[test]
fn frames_larger_than_the_buffer_are_read_between_small_ones() {
    let sizes = [10, 250_000, 262_144, 1, 262_128, 700_000, 3];
    let mut file = Pcap::new(ByteOrder::Little, 0xa1b2c3d4, 1 << 20, 1);
    for (index, size) in sizes.iter().enumerate() {
        let data = vec![u8::try_from(index).unwrap(); *size];
        file = file.record(0, 0, u32::try_from(*size).unwrap(), &data);
    }
    let (frames, summary) = read_all(&file.bytes());
    assert_eq!(summary.damage.first(), None);
    for (index, (frame, size)) in frames.iter().zip(sizes).enumerate() {
        assert!(frame.data.len() == size && frame.data.iter().all(|byte| usize::from(*byte) == index));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_damage_lies_inside(
        which in 0..4_usize,
        tail in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let file = [&samples()[which].file[..28], &tail].concat();
        let (frames, summary) = read_all(&file);
        prop_assert_eq!(summary.frames, frames.len() as u64);
        if let Some(damage) = summary.damage.first() {
            prop_assert!(damage.offset <= file.len() as u64);
            prop_assert_eq!(damage.after_frame, summary.frames);
        }
    }

    #[test]
    fn a_changed_byte_never_panics_and_never_changes_frames_before_it(
        which in 0..4_usize,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let sample = &samples()[which];
        let at = at.index(sample.file.len());
        let mut file = sample.file.clone();
        file[at] = byte;
        let Ok(capture) = open(&file) else {
            prop_assert!(at < 12);
            return Ok(());
        };
        let (frames, _) = drain(capture);
        let untouched = sample.frames_before(at);
        prop_assert!(frames.len() >= untouched);
        prop_assert_eq!(&frames[..untouched], &read_all(&sample.file).0[..untouched]);
    }

    #[test]
    fn arbitrary_packed_bytes_never_panic(
        mut packed in prop::collection::vec(any::<u8>(), 0..200),
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (_, pack) = PACKINGS[which];
        let mut file = pack(&[&tiny_pcap()[..], &tiny_pcap()[24..].repeat(20)].concat());
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = open(&file).map(drain);
        packed.splice(0..0, pack(b"")[..6].to_vec());
        let _ = open(&packed).map(drain);
    }
}
