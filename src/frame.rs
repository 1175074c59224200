//! The first words of the tool: what a frame is, which one, when, of what link type, and what was odd about it.
//!
//! Input: nothing. Output: plain values that every other module may use.
//! Must not: read, decode or judge anything.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;

mod link_type;

pub use link_type::LinkType;

/// A frame's place: which input of the run and which frame in it.
///
/// Frames are numbered from 1 in each input, as Wireshark numbers them. Inputs are numbered from 0 in the order
/// given. The two are packed into eight bytes, because every flow keeps several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameRef(u64);

impl FrameRef {
    /// The most inputs that one run may have.
    pub const MAX_INPUTS: u32 = 1 << 20;

    /// Frame `number` (from 1) of input `input` (from 0). Numbers above 2^44 are held at 2^44 - 1.
    #[must_use]
    pub fn new(input: u32, number: u64) -> Self {
        let input = u64::from(input.min(Self::MAX_INPUTS - 1));
        Self(input << NUMBER_BITS | number.min(NUMBER_MASK))
    }

    /// The input, from 0.
    #[must_use]
    pub fn input(self) -> u32 {
        // Only 20 bits are left, so the narrowing cannot lose any.
        u32::try_from(self.0 >> NUMBER_BITS).unwrap_or(u32::MAX)
    }

    /// The frame's number in its input, from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0 & NUMBER_MASK
    }

    /// The frame so many frames behind this one in the same input.
    #[must_use]
    pub fn later_by(self, frames: u64) -> Self {
        Self::new(self.input(), self.number().saturating_add(frames))
    }
}

impl fmt::Debug for FrameRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.input(), self.number())
    }
}

/// Capture time: nanoseconds since 1970-01-01T00:00:00Z, which reaches from 1677 to 2262.
///
/// It is the only time that the analysis knows. `Display` writes RFC 3339 in UTC, with microseconds, or with
/// nanoseconds where there are any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A time so many nanoseconds after 1970.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; `None` where it is before it (captures do go backwards).
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let nanos = i128::from(self.0) - i128::from(earlier.0);
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }

    /// The day in UTC.
    #[must_use]
    pub fn date(self) -> Date {
        Date(self.civil().date())
    }

    fn civil(self) -> civil::DateTime {
        // Every i64 of nanoseconds lies inside jiff's range of years.
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .map_or(civil::DateTime::MIN, |t| t.to_zoned(TimeZone::UTC).datetime())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0 % 1000 == 0 { 6 } else { 9 };
        write!(f, "{:.digits$}Z", self.civil())
    }
}

/// The text was no time of RFC 3339 with its zone, or lies outside the years that captures can have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a time with its zone of the form YYYY-MM-DDThh:mm:ssZ")]
pub struct TimestampError;

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        // What jiff reads beyond RFC 3339, such as names of zones, has other characters.
        let is_usual = |byte: u8| byte.is_ascii_digit() || b"tTzZ:+-. ".contains(&byte);
        let time = text.bytes().all(is_usual).then(|| text.parse::<jiff::Timestamp>().ok()).flatten();
        let nanos = time.and_then(|time| i64::try_from(time.as_nanosecond()).ok());
        nanos.map(Self).ok_or(TimestampError)
    }
}

/// A day in the proleptic Gregorian calendar, in UTC. Written and read as `2024-04-19`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date(civil::Date);

impl Date {
    /// How many days after `earlier` this is; negative where it is before it.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i64 {
        i64::from(self.0.since(earlier.0).map_or(0, |span| span.get_days()))
    }

    /// The day before.
    #[must_use]
    pub fn day_before(self) -> Self {
        Self(self.0.yesterday().unwrap_or(self.0))
    }

    /// The day after; the last day there is has none and stays.
    #[must_use]
    pub fn day_after(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The text was no day of the form `2024-04-19`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a day of the form YYYY-MM-DD")]
pub struct DateError;

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let shaped =
            text.len() == 10 && text.bytes().enumerate().all(|(i, b)| (i == 4 || i == 7) == (b == b'-'));
        if !shaped {
            return Err(DateError);
        }
        text.parse().map(Self).map_err(|_| DateError)
    }
}

impl<'de> serde::Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which way a frame went through the interface that captured it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// To the capturing machine.
    Inbound,
    /// From it.
    Outbound,
}

/// What a capture says about the process whose frame this is. All of it is the file's own claim, not escaped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process<'a> {
    /// The process's name, or the app's, as raw bytes; empty where only a number is known.
    pub name: &'a [u8],
    /// Its number on the machine.
    pub pid: Option<u32>,
    /// The number of the user, or on Android of the app, that it runs as.
    pub uid: Option<u32>,
    /// Which program wrote it down, and how.
    pub method: ProcessMethod,
}

/// In which dialect a capture says whose frame it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProcessMethod {
    /// Process blocks in pcapng and the packet options that refer to them, as Apple's tcpdump writes them.
    AppleBlock,
    /// A comment by etl2pcapng, from the context in which Windows happened to log the packet.
    Etl2Pcapng,
    /// `PCAPdroid`'s app list in a custom block, and comments that refer to it.
    PcapdroidComment,
    /// `PCAPdroid`'s trailer behind each packet.
    PcapdroidTrailer,
    /// The header of Apple's PKTAP.
    Pktap,
    /// A comment by ptcpdump.
    Ptcpdump,
    /// A comment by pymobiledevice3, which captures on iPhones.
    Pymobiledevice3,
    /// A comment by `RustNet`.
    RustNet,
    /// The system's table of sockets, asked by borderpost while it captured: both ends of the socket are the flow's.
    Socket,
    /// The same, but the socket has no other end of its own: its address and port are the flow's local ones.
    SocketPort,
    /// The same, where several programs have the socket or the port, any of which may have been meant.
    SocketShared,
}

impl ProcessMethod {
    /// Its name in `snake_case`, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AppleBlock => "apple_block",
            Self::Etl2Pcapng => "etl2pcapng",
            Self::PcapdroidComment => "pcapdroid_comment",
            Self::PcapdroidTrailer => "pcapdroid_trailer",
            Self::Pktap => "pktap",
            Self::Ptcpdump => "ptcpdump",
            Self::Pymobiledevice3 => "pymobiledevice3",
            Self::RustNet => "rustnet",
            Self::Socket => "socket",
            Self::SocketPort => "socket_port",
            Self::SocketShared => "socket_shared",
        }
    }

    /// Who found the process out, and how, in one clause for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AppleBlock => "the macOS or iOS kernel told it to the capturing program (process block)",
            Self::Etl2Pcapng => {
                "etl2pcapng took it from the context of a Windows event, which is often another process's"
            }
            Self::PcapdroidComment => "Android told the app to PCAPdroid (comment)",
            Self::PcapdroidTrailer => {
                "Android told PCAPdroid the app, by the label that it shows, which is not its alone (trailer)"
            }
            Self::Pktap => "the macOS or iOS kernel told it to the capturing program (PKTAP)",
            Self::Ptcpdump => "the Linux kernel told it to ptcpdump (eBPF)",
            Self::Pymobiledevice3 => "the iOS kernel told it to pymobiledevice3 (comment)",
            Self::RustNet => "RustNet looked up the socket's owner",
            Self::Socket => {
                "borderpost found the socket with both ends in the system's table while it captured"
            }
            Self::SocketPort => {
                "borderpost found the socket in the system's table while it captured, by its own address and port"
            }
            Self::SocketShared => {
                "borderpost found several programs on the socket or its port while it captured, and cannot tell which"
            }
        }
    }

    /// Whether a flow may be taken as a program's on this word. Where it may not, it is shown and nothing rests on it.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Etl2Pcapng | Self::SocketShared)
    }
}

/// One captured frame, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number in its input, from 1.
    pub number: u64,
    /// When it was captured; simple packet blocks do not say.
    pub time: Option<Timestamp>,
    /// The interface it was captured on, counted from 0 through all sections of the input. One that the next section
    /// describes again, at the same place and in the same words, keeps its first number.
    pub interface: u32,
    /// How many interfaces the input has described so far.
    pub interfaces: u32,
    /// What its first bytes are.
    pub link: LinkType,
    /// Its length on the wire in bytes, which may be more than was captured.
    pub wire_len: u32,
    /// What was captured of it.
    pub data: &'a [u8],
    /// Which way it went, where the capture says so beside the frame.
    pub direction: Option<Direction>,
    /// Whose it is, where the capture says so beside the frame.
    pub process: Option<Process<'a>>,
}

impl<'a> Frame<'a> {
    /// A frame of which nothing is said but what it is: captured whole on the first interface, without a time.
    #[must_use]
    pub fn new(number: u64, link: LinkType, data: &'a [u8]) -> Self {
        let wire_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Self {
            number,
            time: None,
            interface: 0,
            interfaces: 1,
            link,
            wire_len,
            data,
            direction: None,
            process: None,
        }
    }
}

/// Something odd about the input that does not stop the analysis. Broken input is data, not an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anomaly {
    /// The input, from 0.
    pub input: u32,
    /// The frame it was noticed at, where there is one.
    pub frame: Option<FrameRef>,
    /// The byte offset in the input (after decompression), where it concerns the file rather than a packet.
    pub offset: Option<u64>,
    /// What kind of oddity, in `snake_case`, stable for machines.
    pub kind: &'static str,
    /// What was seen, for people, in one lower-case clause without a full stop.
    pub what: String,
}

const NUMBER_BITS: u32 = 44;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ref_keeps_both_numbers() {
        let frame = FrameRef::new(7, 781);
        assert_eq!((frame.input(), frame.number()), (7, 781));
        assert_eq!(frame.later_by(9), FrameRef::new(7, 790));
        assert!(FrameRef::new(0, u64::MAX).number() < FrameRef::new(0, u64::MAX).0 + 1);
        assert!(FrameRef::new(1, 1) > FrameRef::new(0, 999));
    }

    #[test]
    fn times_print_as_rfc_3339() {
        assert_eq!(Timestamp::from_nanos(1569520466080774000).to_string(), "2019-09-26T17:54:26.080774Z");
        assert_eq!(Timestamp::from_nanos(1000001234).to_string(), "1970-01-01T00:00:01.000001234Z");
        assert_eq!(Timestamp::from_nanos(i64::MAX).date().to_string(), "2262-04-11");
        assert_eq!(Timestamp::from_nanos(i64::MIN).date().to_string(), "1677-09-21");
    }

    #[test]
    fn times_parse_with_their_zone() {
        let nanos = |text: &str| text.parse().map(Timestamp::nanos);
        assert_eq!(nanos("2019-09-26T19:54:26.080774+02:00"), Ok(1569520466080774000));
        for text in ["2019-09-26T17:54:26", "2019-09-26", "17:54:26Z", "9999-01-01T00:00:00Z", "", "now"] {
            assert_eq!(nanos(text), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn days_parse_and_count() {
        let day: Date = "2024-04-19".parse().unwrap();
        assert_eq!(day.days_since("2023-04-19".parse().unwrap()), 366);
        let day_after = |text: &str| text.parse::<Date>().unwrap().day_after().to_string();
        assert_eq!(day_after("2020-02-28"), "2020-02-29");
        assert_eq!(day_after("2020-12-31").parse::<Date>().unwrap().day_before().to_string(), "2020-12-31");
        assert_eq!(day_after("9999-12-31"), "9999-12-31", "there is no later day");
        assert!("2024-4-19".parse::<Date>().is_err());
        assert!("2024-02-30".parse::<Date>().is_err());
    }
}
