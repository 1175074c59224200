//! What an input is, by its first bytes: a capture, or something else with a name and a way out.
//!
//! Input: the first bytes that were read. Output: the format, or what the bytes look like. Must not: go by a
//! file's name.

use super::order::ByteOrder;
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

/// Offset, bytes, what begins so, what to do. Captures of other programs are known by the magic numbers that Wireshark's
/// `wiretap` knows them by (snoop also by RFC 1761, Network Monitor by [MS-NETMON]); archives by those of their formats.
const SIGNATURES: &[(usize, &[u8], &str, &str)] = &[
    // Packed
    (0, b"\x02\x21\x4c\x18", "lz4 in its legacy format", "unpack it with lz4 -d first"),
    (0, b"\xfd7zXZ\0", "xz", "unpack it with xz -d first"),
    (0, b"BZh", "bzip2", "unpack it with bzip2 -d first"),
    (0, b"\x1f\x9d", "compress (.Z)", "unpack it with uncompress first"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it first and name the captures in it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first and name the captures in it"),
    (257, b"ustar", "a tar archive", "unpack it first and name the captures in it"),
    (0, b"Rar!\x1a\x07", "a rar archive", "unpack it first and name the captures in it"),
    (0, b"MSCF\0\0\0\0", "a cabinet archive", "unpack it first and name the captures in it"),
    // Other captures
    (0, b"snoop\0\0\0", "a snoop capture", CONVERT),
    (0, b"btsnoop\0", "a Bluetooth log (btsnoop)", NAME_A_CAPTURE),
    (0, b"RTSS", "a Microsoft Network Monitor 1 capture", CONVERT),
    (0, b"GMBU", "a Microsoft Network Monitor 2 capture", CONVERT),
    (0, b"TRSNIFF data    \x1a", "a Sniffer capture", CONVERT),
    (0, b"XCP\0", "a NetXRay or Windows Sniffer capture", CONVERT),
    (0, b"\xaa\xaa\xaa\xaa", "a 5Views capture", CONVERT),
    (0, b"\x05VNF", "a Visual Networks capture", CONVERT),
    (0, b"\0\0\x02\0\x12\x05\0\x10", "a Tektronix K12 capture", CONVERT),
    (0, b"\x7fver", "an EtherPeek or OmniPeek capture", CONVERT),
    (0, b"ObserverPktBufferVersion=", "a Network Instruments Observer capture", CONVERT),
    (0, b"LOGG", "a Vector BLF log", NAME_A_CAPTURE),
    (0, b"NetScaler Performance Data", "a NetScaler trace", CONVERT),
    (0, b"Session Transcript", "a Catapult DCT2000 transcript", CONVERT),
    (0, b"iptrace 1.0", "an AIX iptrace capture", CONVERT),
    (0, b"iptrace 2.0", "an AIX iptrace capture", CONVERT),
    (0, b"\x1c\0\x01\xac", "an IXIA pcap variant", CONVERT),
    (0, b"\x1c\0\x01\xab", "an IXIA pcap variant", CONVERT),
    (0, b"\xac\x01\0\x1c", "an IXIA pcap variant", CONVERT),
    (0, b"\xab\x01\0\x1c", "an IXIA pcap variant", CONVERT),
    (0, b"\x0a\x0d\x0a\x1c", AS_TEXT, FETCH_AS_BINARY),
    (0, b"\x0d\x0a\x0d\x0d\x0d\x0a", AS_TEXT, FETCH_AS_BINARY),
    (0, b"\xef\xbb\xbf\x0a\x0d\x0d\x0a", AS_TEXT, FETCH_AS_BINARY),
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

const AS_TEXT: &str = "pcapng that was changed by being copied as text";
const FETCH_AS_BINARY: &str = "fetch it again, as a binary file";
const CONVERT: &str = "convert it with editcap to pcapng";
const NAME_A_CAPTURE: &str = "name a pcap or pcapng file";
const SAVE_WITH_W: &str = "name a pcap or pcapng file, as tcpdump -w and Wireshark save it";

fn by_shape(head: &[u8]) -> (String, &'static str) {
    if head.iter().all(|byte| *byte == 0) {
        return ("nothing but zero bytes".to_owned(), "fetch it again from where it was captured");
    }
    if is_mitmproxy(head) {
        return ("mitmproxy's flows".to_owned(), REQUESTS);
    }
    if is_text(head) {
        let (like, advice) = kind_of_text(head);
        return (like.to_owned(), advice);
    }
    if is_etl(head) {
        return ("a Windows event trace (ETL)".to_owned(), "convert it with etl2pcapng, or pktmon etl2pcap");
    }
    if is_packet_logger(head) {
        return ("a Bluetooth log (PacketLogger)".to_owned(), NAME_A_CAPTURE);
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

/// What a text holds, and what to do: exports of captures are often taken for captures.
fn kind_of_text(head: &[u8]) -> (&'static str, &'static str) {
    let head = head.get(..TEXT_SEEN).unwrap_or(head);
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let has = |part: &str| text.contains(part);
    if text.starts_with('{') && has("\"log\"") && (has("\"creator\"") || has("\"entries\"")) {
        return ("an HTTP archive (HAR)", REQUESTS);
    }
    // tshark -T json and -T ek
    if text.starts_with(['{', '[']) && (has("\"packets-") || has("\"layers\"")) {
        return ("packets that tshark exported as JSON", EXPORTED);
    }
    if text.starts_with('<') && (has("<pdml") || has("<psml")) {
        return ("packets that tshark exported as XML", EXPORTED);
    }
    if text.starts_with(['{', '[']) {
        return ("JSON", NAME_A_CAPTURE);
    }
    if text.split_whitespace().take(2).any(is_time) {
        return ("packets that tcpdump printed", SAVE_WITH_W);
    }
    if text.starts_with("0000 ") || text.starts_with("000000 ") {
        return ("a hex dump", "convert it with text2pcap");
    }
    ("text", SAVE_WITH_W)
}

/// A time of day to the microsecond, as tcpdump prints it.
fn is_time(word: &str) -> bool {
    word.len() == 15
        && word.bytes().enumerate().all(|(at, byte)| match at {
            2 | 5 => byte == b':',
            8 => byte == b'.',
            _ => byte.is_ascii_digit(),
        })
}

/// mitmproxy's flow files are tnetstrings: a length, a colon, and so many bytes of keys and values.
fn is_mitmproxy(head: &[u8]) -> bool {
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_length = (1..=12).contains(&digits) && head.get(digits) == Some(&b':');
    let seen = head.get(..TEXT_SEEN).unwrap_or(head);
    let has = |key: &[u8]| seen.windows(key.len()).any(|window| window == key);
    is_length && (has(b"7:version;") || has(b"4:type;4:http;") || has(b"9:websocket;"))
}

/// A buffer of Windows' event tracing: its size, and behind its header of 72 bytes the header of the first event, of type
/// 1 (32 bits) or 2 (64 bits), with the two flags that every such header has.
fn is_etl(head: &[u8]) -> bool {
    let size = head.first_chunk().map_or(0, |size| u32::from_le_bytes(*size));
    let event = head.get(72..76);
    size >= 1_024 && size.is_multiple_of(1_024) && matches!(event, Some([2, 0, 1 | 2, 0xc0]))
}

/// Apple's Bluetooth log has no magic number: length, seconds and microseconds, type, in either byte order.
fn is_packet_logger(head: &[u8]) -> bool {
    let Some(([a, b, c], [kind, ..])) = ByteOrder::Big.words(head) else { return false };
    let is_kind = matches!(kind, 0..=3 | 8..=11 | 0xf7..=0xfe);
    let is_sound = |len: u32, seconds: u32, micros: u32| {
        (9..65_536).contains(&len) && seconds > YEAR_2000 && micros < 1_000_000
    };
    is_kind && (is_sound(a, b, c) || is_sound(a.swap_bytes(), b.swap_bytes(), c.swap_bytes()))
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
/// In seconds since 1970.
const YEAR_2000: u32 = 946_684_800;
const REQUESTS: &str = "it holds requests and not packets; save it as a file and name that to borderpost inspect, beside a capture of the same traffic";
const EXPORTED: &str = "name the capture that it was exported from";
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
            (b"\xaa\xaa\xaa\xaa\0\0\x01\0", "a 5Views capture"),
            (b"\x05VNF\0\0", "a Visual Networks capture"),
            (b"\0\0\x02\0\x12\x05\0\x10\0", "a Tektronix K12 capture"),
            (b"Session Transcript\n", "a Catapult DCT2000 transcript"),
            (b"RTSS\x02\x01", "a Microsoft Network Monitor 1 capture"),
            (b"\x0a\x0d\x0a\x1c\0\0\0\x4d", "pcapng that was changed by being copied as text"),
            (b"\xef\xbb\xbf\x0a\x0d\x0d\x0a\x1c", "pcapng that was changed by being copied as text"),
            (b"12:34:56.789012 IP 10.0.0.1.53 > 10.0.0.2.9: 1", "packets that tcpdump printed"),
            (b"2024-04-19 12:34:56.789012 IP6 ::1 > ::1:", "packets that tcpdump printed"),
            (b"{\"log\": {\"version\": \"1.2\", \"creator\": {}}}", "an HTTP archive (HAR)"),
            (b"[\n  {\n    \"_index\": \"packets-2024-04-19\",", "packets that tshark exported as JSON"),
            (b"{\"timestamp\":\"1\",\"layers\":{}}\n", "packets that tshark exported as JSON"),
            (b"<?xml version=\"1.0\"?>\n<pdml version=\"0\">", "packets that tshark exported as XML"),
            (b"0000  00 1c 42 00\n", "a hex dump"),
            (b"2541:9:websocket;0:~8:response;1:~", "mitmproxy's flows"),
            (b"\0\0\0\x0d\x5d\x54\x66\x55\0\0\0\x09\x01abc", "a Bluetooth log (PacketLogger)"),
            (b"\x0d\0\0\0\x55\x66\x54\x5d\x09\0\0\0\xfcab", "a Bluetooth log (PacketLogger)"),
            ("10:00 IP 10.0.0.1 > 10.0.0.2: l\u{e4}nge".as_bytes(), "text"),
            (b"{\"log\": {}}", "JSON"),
            (&[0; 32], "nothing but zero bytes"),
            (b"\x01\x02\x03\xff", "no format known here (its first bytes are 01 02 03 ff)"),
        ] {
            assert_eq!(diagnose(head, None).like, like);
        }
    }

    #[test]
    fn a_windows_trace_is_known_by_its_first_event() {
        let mut head = [0; 80];
        head[..4].copy_from_slice(&65_536_u32.to_le_bytes());
        head[72..76].copy_from_slice(&[2, 0, 2, 0xc0]);
        assert_eq!(diagnose(&head, None).like, "a Windows event trace (ETL)");
        head[75] = 0;
        assert_ne!(diagnose(&head, None).like, "a Windows event trace (ETL)");
    }

    #[test]
    fn erf_is_known_by_two_records_in_a_row() {
        let record = b"\x10\x20\x30\x40\x55\x66\x5d\x54\x02\x04\0\x14\0\0\0\x3cabcd";
        assert_eq!(diagnose(&[&record[..], record].concat(), None).like, "an ERF capture");
        assert_ne!(diagnose(record, None).like, "an ERF capture");
    }
}
