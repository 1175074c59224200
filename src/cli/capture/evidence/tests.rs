use std::path::Path;

use super::*;
use crate::capture::Limit;
use crate::frame::{LinkType, Timestamp};
use crate::source::write::{WriteInterface, WriteStatistics, Writer};
use crate::source::{Capture, Options, Summary};

/// What a capture program sends: frames of one byte each, their number, with statistics after every `every` frames.
fn stream(frames: u8, every: u8) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &[WriteInterface::new(LinkType::ETHERNET)]).unwrap();
    let at = |number: u8| Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::from(number));
    for number in 1..=frames {
        writer.frame(0, at(number), 60, &[number], None).unwrap();
        if number % every == 0 {
            // One frame in all is lost to the system and one to the queue for each frame that comes.
            let count = u64::from(number);
            let counted = WriteStatistics {
                accepted: Some(3 * count),
                dropped_by_os: Some(count),
                delivered: Some(count),
                ..WriteStatistics::default()
            };
            writer.statistics(0, at(number), counted).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn evidence(target: Target, ends: &[&str], ring: &[&str]) -> Evidence {
    let bounds = |limits: &[&str]| {
        Bounds::of(&limits.iter().map(|text| text.parse().unwrap()).collect::<Vec<Limit>>())
    };
    Evidence::new(target, bounds(ends), bounds(ring))
}

/// Feeds the stream in pieces, as a pipe does.
fn feed(evidence: &mut Evidence, bytes: &[u8], step: usize) {
    let mut waiting = Vec::new();
    for piece in bytes.chunks(step) {
        waiting.extend_from_slice(piece);
        let taken = evidence.take(&waiting).unwrap();
        waiting.drain(..taken);
    }
    assert!(waiting.is_empty());
    evidence.finish();
}

/// The bytes of its frames, and what it says of itself.
fn read(path: &Path) -> (Vec<u8>, Summary) {
    let mut capture = Capture::open(path, &Options::default()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame() {
        frames.extend_from_slice(&frame.data[..1]);
    }
    let summary = capture.finish();
    assert_eq!((summary.damage.len(), summary.broken_options), (0, 0), "{}", path.display());
    (frames, summary)
}

#[test]
fn a_file_is_what_came_byte_for_byte_however_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = stream(40, 7);
    for step in [1, 13, 64, 1000, bytes.len()] {
        let path = folder.path().join(format!("{step}.pcapng"));
        let mut evidence = evidence(Target::File(path.clone()), &[], &[]);
        feed(&mut evidence, &bytes, step);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{step}");
        assert_eq!((evidence.totals().0.frames, evidence.totals().0.bytes), (40, 40));
        assert_eq!((evidence.counts().system, evidence.counts().queue()), (35, 35));
    }
}

#[test]
fn rotation_loses_and_doubles_no_frame_and_counts_no_loss_twice() {
    let folder = tempfile::tempdir().unwrap();
    for (ring, files) in [("packets:9", 5), ("filesize:1", 2)] {
        for step in [1, 101, 100_000] {
            let inner = folder.path().join(format!("{}-{step}", &ring[..4]));
            fs::create_dir(&inner).unwrap();
            let mut evidence = evidence(Target::named(&inner, true).unwrap(), &[], &[ring]);
            feed(&mut evidence, &stream(40, 5), step);
            let totals = evidence.totals().0;
            assert_eq!((totals.files.len(), evidence.fault.clone()), (files, None), "{ring} {step}");
            let read: Vec<(Vec<u8>, Summary)> = totals.files.iter().map(|path| read(path)).collect();
            let frames: Vec<u8> = read.iter().flat_map(|(frames, _)| frames).copied().collect();
            assert_eq!(frames, (1..=40).collect::<Vec<u8>>());
            let lost: u64 = read.iter().filter_map(|(_, summary)| summary.dropped.lost()).sum();
            assert_eq!(lost, 80, "{ring} {step}");
            assert!(read.iter().all(|(_, summary)| summary.interfaces.len() == 1));
        }
    }
}

#[test]
fn a_ring_keeps_its_last_files_and_counts_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let others = folder.path().join("ring_of_somebody.pcapng");
    fs::write(&others, "not ours").unwrap();
    let target = Target::named(&folder.path().join("ring.pcapng"), true).unwrap();
    let mut evidence = evidence(target, &[], &["packets:10", "files:2"]);
    feed(&mut evidence, &stream(45, 5), 50);
    let totals = evidence.totals().0;
    assert_eq!((totals.files.len(), totals.deleted, totals.frames), (2, (3, 30), 45));
    let frames: Vec<u8> = totals.files.iter().flat_map(|path| read(path).0).collect();
    assert_eq!(frames, (31..=45).collect::<Vec<u8>>());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_limit_ends_the_evidence_at_its_very_frame() {
    let folder = tempfile::tempdir().unwrap();
    let cases =
        [(&["packets:12"][..], &[][..], 12), (&["files:2"], &["packets:9"], 18), (&["filesize:1"], &[], 21)];
    for (case, (ends, ring, frames)) in cases.into_iter().enumerate() {
        let inner = folder.path().join(case.to_string());
        fs::create_dir(&inner).unwrap();
        let mut evidence = evidence(Target::named(&inner, true).unwrap(), ends, ring);
        feed(&mut evidence, &stream(40, 5), 77);
        assert!(evidence.is_over());
        let totals = evidence.totals().0;
        assert_eq!((totals.frames, totals.unwritten), (frames, 0), "{ends:?}");
        let read: usize = totals.files.iter().map(|path| read(path).0.len()).sum();
        assert_eq!(read as u64, frames, "{ends:?}");
    }
}

#[test]
fn a_mark_stands_on_the_next_frame_and_one_without_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut evidence = evidence(Target::File(path.clone()), &[], &[]);
    let bytes = stream(2, 1);
    evidence.mark("launch");
    let first = evidence.take(&bytes[..bytes.len() - 8]).unwrap();
    evidence.take(&bytes[first..]).unwrap();
    evidence.mark("too late");
    evidence.finish();
    let (frames, summary) = read(&path);
    assert_eq!(frames, [1, 2]);
    let steps: Vec<_> = summary.claims.steps.iter().map(|step| (step.frame, step.text.as_str())).collect();
    assert_eq!((steps, evidence.totals().0.unplaced), (vec![(1, "step: launch")], 1));
}

#[test]
fn a_block_of_somebody_else_stands_between_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut evidence = evidence(Target::File(path.clone()), &[], &[]);
    let bytes = stream(4, 4);
    let taken = evidence.take(&bytes[..bytes.len() / 2]).unwrap();
    let custom =
        [&0xbad_u32.to_le_bytes()[..], &16_u32.to_le_bytes(), &[0; 4], &16_u32.to_le_bytes()].concat();
    evidence.append(&custom);
    evidence.take(&bytes[taken..]).unwrap();
    evidence.finish();
    assert_eq!(read(&path).0, [1, 2, 3, 4]);
    assert_eq!(fs::metadata(&path).unwrap().len(), (bytes.len() + custom.len()) as u64);
}

#[test]
fn what_is_there_is_not_written_to_and_its_frames_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    fs::write(&path, "mine").unwrap();
    let mut evidence = evidence(Target::File(path.clone()), &[], &[]);
    feed(&mut evidence, &stream(5, 5), 9);
    let (totals, fault) = evidence.totals();
    assert_eq!((totals.frames, totals.unwritten, totals.files.len()), (5, 5, 0));
    assert!(fault.unwrap().contains("is there already"));
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn bytes_that_are_no_block_end_the_stream_behind_the_last_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pcapng");
    let mut evidence = evidence(Target::File(path.clone()), &[], &[]);
    let bytes = [&stream(3, 3)[..], &[0xff; 40]].concat();
    assert!(evidence.take(&bytes).unwrap_err().contains("which no block has"));
    evidence.finish();
    assert_eq!(read(&path).0, [1, 2, 3]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_that_is_full_is_a_fault_and_every_frame_of_it_is_counted() {
    let mut evidence = evidence(Target::File("unused".into()), &[], &[]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (path, began) = (PathBuf::from("/dev/full"), Instant::now());
    evidence.out = Some(Out { sink: Sink::File(full), path, began, interval: 0, bytes: 0, frames: 0 });
    evidence.created = 1;
    feed(&mut evidence, &stream(6, 2), 100);
    let (totals, fault) = evidence.totals();
    assert!(evidence.is_over());
    assert_eq!((totals.frames, totals.unwritten), (6, 6));
    assert!(fault.unwrap().starts_with("/dev/full: "), "{fault:?}");
}

#[test]
fn blocks_are_cut_at_their_ends() {
    let bytes = stream(3, 1);
    let mut end = 0;
    let mut ends = vec![0];
    let mut blocks = Blocks::new(&bytes);
    while let Ok(Some(block)) = blocks.next_block() {
        end += block.bytes.len();
        ends.push(end);
    }
    for most in 0..=bytes.len() {
        assert_eq!(whole(&bytes, most), *ends.iter().rfind(|end| **end <= most).unwrap());
    }
}
