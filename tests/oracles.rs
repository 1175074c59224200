//! What we read against what another reader reads, frame by frame: pcap-parser on the real captures of other projects.
//!
//! The captures are not part of the project. Where they are absent the test says so and checks nothing.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use borderpost::source::{Capture, Options};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

#[test]
fn frames_have_the_bytes_that_pcap_parser_reads() {
    let (mut files, mut frames, mut other_counts) = (0, 0, 0);
    for path in captures() {
        let Some(theirs) = by_pcap_parser(&path) else { continue };
        let ours = by_us(&path);
        if ours.len() != theirs.len() {
            other_counts += 1;
            continue;
        }
        let differing = ours.iter().zip(&theirs).position(|(ours, theirs)| !is_same(ours, theirs));
        assert_eq!(differing, None, "{}: frames differ", path.display());
        files += 1;
        frames += ours.len();
    }
    if files == 0 {
        std::io::stderr()
            .write_all(b"\n*** NOT CHECKED: ../shared is not there, so no real capture was compared ***\n\n")
            .unwrap();
        return;
    }
    std::io::stderr().write_all(format!("{files} files and {frames} frames compared; pcap-parser reads {other_counts} others to another end\n").as_bytes())
    .unwrap();
    assert!(files > 1000 && other_counts < files / 10, "{files} compared, {other_counts} not");
}

/// Length on the wire and captured bytes.
type Read = (u32, Vec<u8>);

/// Of a simple packet block cut by the snap length, pcap-parser hands out the padding, too.
fn is_same(ours: &Read, theirs: &Read) -> bool {
    let padding = theirs.1.strip_prefix(ours.1.as_slice());
    ours.0 == theirs.0 && padding.is_some_and(|padding| padding.len() < 4)
}

fn by_us(path: &Path) -> Vec<Read> {
    let mut capture = Capture::open(path, &Options { hash: false, ..Options::default() }).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame() {
        frames.push((frame.wire_len, frame.data.to_vec()));
    }
    frames
}

/// `None` where pcap-parser does not know the format.
fn by_pcap_parser(path: &Path) -> Option<Vec<Read>> {
    let size = usize::try_from(fs::metadata(path).unwrap().len()).unwrap();
    let mut reader = create_reader(size.max(1 << 16), File::open(path).unwrap()).ok()?;
    let mut frames = Vec::new();
    loop {
        let used = match reader.next() {
            Ok((used, PcapBlockOwned::Legacy(block))) => {
                frames.push((block.origlen, block.data.to_vec()));
                used
            }
            Ok((used, PcapBlockOwned::NG(Block::EnhancedPacket(block)))) => {
                frames.push((block.origlen, block.packet_data().to_vec()));
                used
            }
            Ok((used, PcapBlockOwned::NG(Block::SimplePacket(block)))) => {
                frames.push((block.origlen, block.packet_data().to_vec()));
                used
            }
            Ok((used, _)) => used,
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() || reader.reader_exhausted() {
                    return Some(frames);
                }
                continue;
            }
            Err(_) => return Some(frames),
        };
        reader.consume(used);
    }
}

fn captures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    let listed = fs::read_to_string(shared.join("corpus/expected.tsv")).unwrap_or_default();
    let sound = listed.lines().filter_map(|line| {
        let mut cells = line.split('\t');
        let (file, _, state, format) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        (state == "ok" && format.starts_with("pcap")).then(|| shared.join("corpus").join(file))
    });
    found.extend(sound.filter(|path| path.extension().is_none_or(|e| e != "gz" && e != "zst")));
    found
}
