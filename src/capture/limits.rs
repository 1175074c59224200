//! When a capture ends, and when it goes on in another file: `-a` and `-b`, in tshark's words.
//!
//! Input: what the user typed; what was counted. Output: limits, and whether one is reached. Must not: look at a clock.

use std::time::Duration;

/// One limit, as the user writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// `duration:SECONDS`.
    Duration(Duration),
    /// `files:NUMBER`.
    Files(u64),
    /// `filesize:KB`, in bytes.
    Size(u64),
    /// `interval:SECONDS`: at each full multiple of it by the clock.
    Interval(Duration),
    /// `packets:NUMBER`.
    Packets(u64),
}

/// The limits of one option together; the first that is reached counts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bounds {
    /// The longest time.
    pub duration: Option<Duration>,
    /// How many files: after so many the capture ends (`-a`), or so many are kept (`-b`).
    pub files: Option<u64>,
    /// The most bytes in a file.
    pub size: Option<u64>,
    /// The multiple of time at which another file begins.
    pub interval: Option<Duration>,
    /// The most frames.
    pub packets: Option<u64>,
}

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            "a limit is duration:SECONDS, filesize:KB (of 1,000 bytes), files:NUMBER, packets:NUMBER or interval:SECONDS"
                .to_owned()
        };
        let (name, value) = text.split_once(':').ok_or_else(wanted)?;
        let whole = || {
            let number: Option<u64> = value.parse().ok();
            number
                .filter(|number| *number > 0)
                .ok_or_else(|| format!("{name}: {value} is no whole number above 0"))
        };
        let seconds = || {
            let number: Option<f64> = value.parse().ok();
            let time = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
            time.filter(|time| !time.is_zero() && *time <= LONGEST)
                .ok_or_else(|| format!("{name}: {value} is no number of seconds above 0"))
        };
        Ok(match name {
            "duration" => Self::Duration(seconds()?),
            "files" => Self::Files(whole()?),
            "filesize" => Self::Size(whole()?.checked_mul(KILOBYTE).ok_or_else(wanted)?),
            "interval" => Self::Interval(seconds()?),
            "packets" => Self::Packets(whole()?),
            _ => return Err(wanted()),
        })
    }
}

impl Bounds {
    /// The limits together. A second one of a kind takes the place of the first, as in tshark.
    #[must_use]
    pub fn of(limits: &[Limit]) -> Self {
        let mut bounds = Self::default();
        for limit in limits {
            match *limit {
                Limit::Duration(time) => bounds.duration = Some(time),
                Limit::Files(number) => bounds.files = Some(number),
                Limit::Size(bytes) => bounds.size = Some(bytes),
                Limit::Interval(time) => bounds.interval = Some(time),
                Limit::Packets(number) => bounds.packets = Some(number),
            }
        }
        bounds
    }

    /// Whether anything ends a file.
    #[must_use]
    pub const fn ends_files(&self) -> bool {
        self.duration.is_some() || self.size.is_some() || self.interval.is_some() || self.packets.is_some()
    }

    /// Whether a file of so many bytes and frames is full.
    #[must_use]
    pub fn is_full(&self, bytes: u64, frames: u64) -> bool {
        self.size.is_some_and(|most| bytes >= most) || self.packets.is_some_and(|most| frames >= most)
    }
}

/// The name of a capture's file by its number from 1 and the time it begins (RFC 3339, UTC), which Wireshark knows as one of a set.
#[must_use]
pub fn file_name(stem: &str, number: u64, begins: &str, extension: &str) -> String {
    let digits: String = begins.chars().filter(char::is_ascii_digit).take(14).collect();
    format!("{stem}_{number:05}_{digits}.{extension}")
}

/// As dumpcap counts them.
const KILOBYTE: u64 = 1000;
/// Sixty years; no clock is asked to add more.
const LONGEST: Duration = Duration::from_hours(60 * 365 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_tshark_writes_them() {
        let limits: Vec<Limit> =
            ["duration:1.5", "filesize:10", "files:3", "packets:7", "interval:3600", "files:4"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        let expected = Bounds {
            duration: Some(Duration::from_millis(1500)),
            files: Some(4),
            size: Some(10_000),
            interval: Some(Duration::from_hours(1)),
            packets: Some(7),
        };
        assert_eq!(Bounds::of(&limits), expected);
        for bad in
            ["", "duration", "duration:", "duration:-1", "duration:0", "duration:nan", "duration:1e300"]
        {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
        for bad in ["files:0", "files:1.5", "packets:x", "size:3", "filesize:18446744073709551615"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_full_by_bytes_or_by_frames() {
        let bounds = Bounds { size: Some(1000), packets: Some(5), ..Bounds::default() };
        assert!(bounds.ends_files() && !Bounds { files: Some(2), ..Bounds::default() }.ends_files());
        assert_eq!([(999, 4), (1000, 0), (0, 5)].map(|(b, f)| bounds.is_full(b, f)), [false, true, true]);
    }

    #[test]
    fn names_are_those_of_a_set() {
        let name = file_name("capture", 12, "2024-06-18T08:31:07.6726Z", "pcapng");
        assert_eq!(name, "capture_00012_20240618083107.pcapng");
    }
}
