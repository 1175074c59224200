//! Frames for targets to begin with. Input: the captures that are shipped. Output: their frames and payloads, once each kind.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use borderpost::packet::{Decoded, Packet, Transport, decode};
use borderpost::source::{Capture, Options};

/// The shipped captures.
pub fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|above| above.join("captures/study.toml").is_file());
    let entries = folder.and_then(|folder| fs::read_dir(folder.join("captures")).ok());
    let mut paths: Vec<PathBuf> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcapng"));
    paths.sort();
    paths
}

/// At most `most` frames of the shipped captures, of all lengths.
pub fn frames(most: usize) -> Vec<Vec<u8>> {
    let (mut frames, mut lengths) = (Vec::new(), HashSet::new());
    for path in captures() {
        let Ok(mut capture) = Capture::open(&path, &Options::default()) else { continue };
        while let Some(frame) = capture.next_frame() {
            if frames.len() < most && lengths.insert(frame.data.len()) {
                frames.push(frame.data.to_vec());
            }
        }
    }
    frames
}

/// At most `most` payloads of the packets that are wanted, the first of each length.
pub fn payloads(most: usize, wanted: impl Fn(&Packet<'_>) -> bool) -> Vec<Vec<u8>> {
    let (mut payloads, mut lengths) = (Vec::new(), HashSet::new());
    for path in captures() {
        let Ok(mut capture) = Capture::open(&path, &Options::default()) else { continue };
        while let Some(frame) = capture.next_frame() {
            if let Decoded::Packet(packet) = decode(frame.link, frame.data, frame.wire_len)
                && payloads.len() < most
                && wanted(&packet)
                && lengths.insert(packet.payload.len())
            {
                payloads.push(packet.payload.to_vec());
            }
        }
    }
    payloads
}

pub fn is_udp(packet: &Packet<'_>) -> bool {
    matches!(packet.transport, Transport::Udp)
}

pub fn uses_port(packet: &Packet<'_>, port: u16) -> bool {
    [packet.from().port, packet.to().port].contains(&port)
}
