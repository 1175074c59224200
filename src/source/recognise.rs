//! What an input is, by its first bytes: a capture, or something else with a name and a way out.
//!
//! Input: the first bytes that were read. Output: the format, or what the bytes look like. Must not: go by a
//! file's name.

use super::packed::packing;
use super::pcap::Magic;
use super::pcapng;
use super::summary::Compression;

/// The format of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Pcap(Magic),
    PcapNg,
}

/// How many bytes recognising takes: block type, length and byte order of a section header.
pub(super) const HEAD: usize = 12;

/// The format, where these are the first bytes of a capture. A cut section header is one still.
pub(super) fn kind(head: &[u8]) -> Option<Kind> {
    let magic = head.first_chunk::<4>()?;
    if *magic == pcapng::SECTION_MAGIC {
        let sound = head.len() < HEAD || pcapng::order_of_section(head).is_some();
        return sound.then_some(Kind::PcapNg);
    }
    Magic::recognise(*magic).map(Kind::Pcap)
}

/// What something that is no capture looks like, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Looks {
    pub(super) like: String,
    pub(super) advice: &'static str,
}

/// Says what bytes look like that are no capture; `outer` is the packing that they came out of.
pub(super) fn diagnose(head: &[u8], outer: Option<Compression>) -> Looks {
    if let (Some(outer), Some(inner)) = (outer, packing(head)) {
        return Looks { like: format!("{inner} inside {outer}"), advice: "unpack it once first" };
    }
    let (like, advice) = SIGNATURES
        .iter()
        .find(|(offset, signature, _, _)| head.get(*offset..).is_some_and(|rest| rest.starts_with(signature)))
        .map_or_else(|| by_shape(head), |(_, _, like, advice)| ((*like).to_owned(), *advice));
    Looks { like, advice }
}

/// Offset, bytes, what begins so, what to do.
const SIGNATURES: &[(usize, &[u8], &str, &str)] = &[
    // Packed
    (0, b"\x02\x21\x4c\x18", "lz4 in its legacy format", "unpack it with lz4 -d first"),
    (0, b"\xfd7zXZ\0", "xz", "unpack it with xz -d first"),
    (0, b"BZh", "bzip2", "unpack it with bzip2 -d first"),
    (0, b"\x1f\x9d", "compress (.Z)", "unpack it with uncompress first"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it first and name the captures in it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first and name the captures in it"),
    (257, b"ustar", "a tar archive", "unpack it first and name the captures in it"),
    // Other captures
    (0, b"snoop\0\0\0", "a snoop capture", CONVERT),
    (0, b"btsnoop\0", "a Bluetooth log (btsnoop)", NAME_A_CAPTURE),
    (0, b"RTSS", "a Microsoft Network Monitor 1 capture", CONVERT),
    (0, b"GMBU", "a Microsoft Network Monitor 2 capture", CONVERT),
    (0, b"TRSNIFF data    \x1a", "a Sniffer capture", CONVERT),
    (0, b"XCP\0", "a NetXRay or Windows Sniffer capture", CONVERT),
    (0, b"iptrace 1.0", "an AIX iptrace capture", CONVERT),
    (0, b"iptrace 2.0", "an AIX iptrace capture", CONVERT),
    (0, b"\x1c\0\x01\xac", "an IXIA pcap variant", CONVERT),
    (0, b"\x1c\0\x01\xab", "an IXIA pcap variant", CONVERT),
    (0, b"\xac\x01\0\x1c", "an IXIA pcap variant", CONVERT),
    (0, b"\xab\x01\0\x1c", "an IXIA pcap variant", CONVERT),
    (
        0,
        b"\x0a\x0d\x0d\x0a",
        "pcapng with a damaged first section header",
        "fetch it again from where it was captured",
    ),
    // No captures
    (0, b"\x7fELF", "a program (ELF)", NAME_A_CAPTURE),
    (0, b"MZ", "a Windows program", NAME_A_CAPTURE),
    (0, b"\xcf\xfa\xed\xfe", "a macOS program", NAME_A_CAPTURE),
    (0, b"\xca\xfe\xba\xbe", "a macOS program", NAME_A_CAPTURE),
    (0, b"%PDF-", "a PDF document", NAME_A_CAPTURE),
    (0, b"\x89PNG", "a picture (PNG)", NAME_A_CAPTURE),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", NAME_A_CAPTURE),
    (0, b"SQLite format 3\0", "an SQLite database", NAME_A_CAPTURE),
    (0, b"\xff\xfe", "text (UTF-16)", SAVE_WITH_W),
    (0, b"\xfe\xff", "text (UTF-16)", SAVE_WITH_W),
];

const CONVERT: &str = "convert it with editcap to pcapng";
const NAME_A_CAPTURE: &str = "name a pcap or pcapng file";
const SAVE_WITH_W: &str = "name a pcap or pcapng file, as tcpdump -w and Wireshark save it";

fn by_shape(head: &[u8]) -> (String, &'static str) {
    if head.iter().all(|byte| *byte == 0) {
        return ("nothing but zero bytes".to_owned(), "fetch it again from where it was captured");
    }
    if is_text(head) {
        return ("text".to_owned(), SAVE_WITH_W);
    }
    if is_erf(head) {
        return ("an ERF capture".to_owned(), CONVERT);
    }
    let hex: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    (format!("no format known here (its first bytes are {})", hex.join(" ")), NAME_A_CAPTURE)
}

fn is_text(head: &[u8]) -> bool {
    let head = head.get(..TEXT_SEEN).unwrap_or(head);
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The last character may be cut by the end of what was read.
        Err(error) => error.error_len().is_none(),
    };
    valid && !head.iter().any(|byte| byte.is_ascii_control() && !b"\t\n\r\x0c\x1b".contains(byte))
}

/// Endace's format has no magic number: two records in a row must make sense (a time, its type, its length).
fn is_erf(head: &[u8]) -> bool {
    let Some((first_time, first_kind, length)) = erf_record(head) else {
        return false;
    };
    let Some((second_time, second_kind, _)) = head.get(length..).and_then(erf_record) else {
        return false;
    };
    first_kind == second_kind && first_time.abs_diff(second_time) < SECONDS_PER_DAY
}

/// Seconds since 1970, type and length of the ERF record here.
fn erf_record(bytes: &[u8]) -> Option<(u32, u8, usize)> {
    let (_fraction, rest) = bytes.split_first_chunk::<4>()?;
    let (seconds, rest) = rest.split_first_chunk::<4>()?;
    let [kind, _flags, high, low] = *rest.first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    ((1..=48).contains(&(kind & 0x7f)) && length >= 16).then_some((
        u32::from_le_bytes(*seconds),
        kind,
        length,
    ))
}

const SECONDS_PER_DAY: u32 = 86_400;
const TEXT_SEEN: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_known_by_their_first_bytes() {
        for magic in [0xa1b2c3d4_u32, 0xa1b23c4d, 0xa1b2cd34] {
            assert!(matches!(kind(&magic.to_be_bytes()), Some(Kind::Pcap(_))));
            assert!(matches!(kind(&magic.to_le_bytes()), Some(Kind::Pcap(_))));
        }
        assert_eq!(kind(b"\n\r\r\n\0\0\0\x1c\x1a\x2b\x3c\x4d"), Some(Kind::PcapNg));
        assert_eq!(kind(b"\n\r\r\n\0\0"), Some(Kind::PcapNg));
        assert_eq!(kind(b"\n\r\r\nhello world"), None);
        assert_eq!(kind(b"\xa1\xb2\xc3"), None);
        assert_eq!(kind(b"\xa1\xb2\xc3\xd5"), None);
    }

    #[test]
    fn what_is_no_capture_is_named() {
        for (head, like) in [
            (&b"\xfd7zXZ\0xx"[..], "xz"),
            (b"snoop\0\0\0\0\0\0\x02", "a snoop capture"),
            (b"PK\x03\x04", "a zip archive"),
            (b"\x7fELF\x02\x01", "a program (ELF)"),
            ("10:00 IP 10.0.0.1 > 10.0.0.2: l\u{e4}nge".as_bytes(), "text"),
            (b"{\"log\": {}}", "text"),
            (&[0; 32], "nothing but zero bytes"),
            (b"\x01\x02\x03\xff", "no format known here (its first bytes are 01 02 03 ff)"),
        ] {
            assert_eq!(diagnose(head, None).like, like);
        }
    }

    #[test]
    fn erf_is_known_by_two_records_in_a_row() {
        let record = b"\x10\x20\x30\x40\x55\x66\x5d\x54\x02\x04\0\x14\0\0\0\x3cabcd";
        assert_eq!(diagnose(&[&record[..], record].concat(), None).like, "an ERF capture");
        assert_ne!(diagnose(record, None).like, "an ERF capture");
    }
}
