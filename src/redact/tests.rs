//! Frames of a shipped capture with bytes turned and ends cut off: whatever stands there, copying ends, and copies no more than
//! there is.

use std::path::PathBuf;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::frame::LinkType;
use crate::inspect::{Settings, inspect};
use crate::wire::zoom::Socket;

const CAPTURES: [&str; 2] = ["captures/browser-join.pcapng", "captures/eea-meeting.pcapng"];

type Frames = Vec<(LinkType, u32, Vec<u8>)>;

fn read(path: &str) -> (Inspection, Frames) {
    let inspection = inspect(&[PathBuf::from(path)], Settings::default(), &());
    let mut capture = Capture::open(Path::new(path), &Options::default()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame() {
        frames.push((frame.link, frame.wire_len, frame.data.to_vec()));
    }
    (inspection, frames)
}

fn known() -> &'static [(Inspection, Frames)] {
    static KNOWN: OnceLock<Vec<(Inspection, Frames)>> = OnceLock::new();
    KNOWN.get_or_init(|| CAPTURES.into_iter().map(read).collect())
}

fn shared(inspection: &Inspection) -> Shared {
    let key = Key::new(b"0123456789abcdef").unwrap();
    Shared::of(&inspection.units()[0], &key, &inspection.inputs()[0].summary)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn broken_frames_are_copied_without_harm(
        which in 0..CAPTURES.len(),
        turned in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..60),
        cut in prop::collection::vec((any::<prop::sample::Index>(), 0..200_usize), 0..20),
    ) {
        let (inspection, frames) = &known()[which];
        let mut frames: Frames = frames.iter().take(120).cloned().collect();
        for (frame, at, byte) in turned {
            let (_, _, data) = &mut frames[frame.index(120)];
            let at = at.index(data.len().min(140));
            data[at] ^= byte;
        }
        for (frame, length) in cut {
            frames[frame.index(120)].2.truncate(length.max(140));
        }
        let mut shared = shared(inspection);
        for is_gathering in [true, false] {
            shared.is_gathering = is_gathering;
            for (number, (link, wire_len, data)) in (1..).zip(&frames) {
                let frame = Frame { wire_len: *wire_len, ..Frame::new(number, *link, data) };
                prop_assert!(frame::redact(&frame, &mut shared).len() <= data.len());
            }
            shared.streams.finish(&mut shared.masks);
        }
    }

    #[test]
    fn whatever_stands_in_a_payload_no_rule_fails(
        start in prop::sample::select(vec![
            &b""[..], b"\x16\x03\x01\x00\xfa\x01\0\0\xf6\x03\x03", b"GET http://", b"\0\x01\0\x18\x21\x12\xa4\x42",
            b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x40\x0b\0\0\x30\0\0\0\0\0\0\0\x30\0\0\x2d\0\0\x2a\x30\x28\x30",
            b"\x05\0\x02\0\x3a\x63\xf2\x01\x07\x04", b"\x05\0\x02\0\x3a\x63\xf2\0\x0d", b"\xc3\0\0\0\x01\x08",
            b"\x1f\x02\x01\0", b"\x16\x03\x03\x01\0\x02",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
        ports in prop::sample::select(vec![[53, 1], [443, 1], [8801, 2]]),
    ) {
        let bytes = [start, &rest].concat();
        let mut shared = shared(&known()[0].0);
        let masks = &mut shared.masks;
        for is_domain in [true, false] {
            let made = stream::redact(&bytes, stream::Known { is_domain, shows_certificate: true }, masks);
            prop_assert!(made.len() <= bytes.len());
        }
        prop_assert!(certificate::list(&bytes).len() <= bytes.len());
        let known = datagram::Known { shows_certificate: true, shows_quic: true, is_clients_layer: true };
        let ends = Ends {
            protocol: crate::packet::Protocol::Udp,
            from: crate::packet::Endpoint { address: [10, 0, 0, 1].into(), port: ports[0] },
            to: crate::packet::Endpoint { address: [10, 0, 0, 2].into(), port: ports[1] },
        };
        let (ends, side) = ends.ordered();
        let mut chains = Chains::default();
        datagram::gather(&bytes, ends, side, &mut chains);
        let of = Datagram { ports, payload: &bytes, length: u32::try_from(bytes.len()).unwrap() };
        let made = datagram::redact(&of, known, &mut Socket::new(), &chains.of(ends, side), masks);
        prop_assert!(made.len() <= bytes.len());
    }
}
