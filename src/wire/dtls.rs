//! DTLS records: enough to tell that a datagram is one (RFC 6347 section 4.1, RFC 9147 section 4).
//!
//! Input: the payload of a datagram. Output: the head of its first [`Record`]. Must not: look inside.

use crate::wire::cursor::Cursor;

/// The head of a record with a full header. Encrypted records of DTLS 1.3 and those with connection ids have
/// other headers and are not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// What it holds: 20 change of cipher, 21 alert, 22 handshake, 23 data, 24 heartbeat, 26 acknowledgement.
    pub content_type: u8,
    /// 0xfeff for DTLS 1.0, 0xfefd for 1.2 and 1.3, 0xfefc where 1.3 is named.
    pub version: u16,
}

/// Reads the head of the first record; `None` where it is none, or longer than the datagram.
#[must_use]
pub fn record(bytes: &[u8]) -> Option<Record> {
    let mut cursor = Cursor::new(bytes);
    let content_type = cursor.u8().filter(|kind| matches!(kind, 20..=24 | 26))?;
    let version = cursor.u16().filter(|version| matches!(version, 0xfefc | 0xfefd | 0xfeff))?;
    let _epoch = cursor.u16()?;
    let _sequence = cursor.take(6)?;
    let body = cursor.vector16()?;
    (1..=MAX_RECORD).contains(&body.len()).then_some(Record { content_type, version })
}

/// The most that a record may hold (RFC 6347 section 4.1).
const MAX_RECORD: usize = (1 << 14) + 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::captures;

    /// A handshake record of DTLS 1.2 with three bytes.
    const HANDSHAKE: &[u8] = &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3, 1, 2, 3];

    #[test]
    fn records_that_fit_are_read() {
        assert_eq!(record(HANDSHAKE), Some(Record { content_type: 22, version: 0xfefd }));
        assert_eq!(record(&[HANDSHAKE, HANDSHAKE].concat()), record(HANDSHAKE));
        for length in 0..HANDSHAKE.len() {
            assert_eq!(record(&HANDSHAKE[..length]), None);
        }
    }

    #[test]
    fn other_datagrams_are_refused() {
        let with = |at: usize, value: u8| {
            let mut bytes = HANDSHAKE.to_vec();
            bytes[at] = value;
            bytes
        };
        // Type, version in both bytes, a length of none and one too many.
        for bytes in
            [with(0, 19), with(0, 25), with(0, 27), with(1, 3), with(2, 0xfe), with(12, 0), with(12, 4)]
        {
            assert_eq!(record(&bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn captures_have_records_where_they_should() {
        for capture in ["ndpi-stun_zoom.pcapng", "ndpi-stun_dtls_rtp.pcapng", "ndpi-stun_google_meet.pcapng"]
        {
            let Some(path) = captures::shared(&format!("captures/{capture}")) else { return };
            let units = captures::units(&path);
            let records =
                units.iter().filter(|unit| unit.tcp.is_none()).filter_map(|unit| record(&unit.payload));
            let handshakes = records.filter(|record| record.content_type == 22).count();
            assert!(handshakes > 0, "{capture}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = record(&bytes);
        }
    }
}
