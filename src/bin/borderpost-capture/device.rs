//! One device: opening it, and reading it to its end.
//!
//! Input: a device's frames and counters. Output: blocks in the queue, and the counts of those that found no room. Must not: wait for
//! the queue while frames come.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use borderpost::capture::{Notice, Refusal};
use borderpost::frame::{LinkType, Timestamp};
use borderpost::source::write::{WriteInterface, WriteStatistics};
use pcap::{Active, BreakLoop, Capture, Error, Packet, Precision, Stat};

use crate::arguments::Arguments;
use crate::filter;
use crate::interface::{self, Losses};
use crate::shared::{Shared, said, say};

/// A device that is open.
pub(crate) struct Device {
    capture: Capture<Active>,
    name: String,
    addresses: Vec<IpAddr>,
    mac: Option<[u8; 6]>,
    losses: Losses,
    has_nanoseconds: bool,
    /// Whether what the system counts is what it hands over: on a loopback it counts frames twice, and with a filter those that came
    /// before the filter was set, or that are passed over in this program.
    counts_once: bool,
}

impl Device {
    pub(crate) fn open(wanted: &str, arguments: &Arguments) -> Result<Self, Refusal> {
        let found = interface::find(wanted)?;
        let name = found.name;
        let open = |precision: Precision| {
            Capture::from_device(name.as_str())?
                .promisc(arguments.is_promiscuous)
                .snaplen(arguments.snap_len)
                .buffer_size(arguments.buffer)
                .timeout(TIMEOUT)
                .precision(precision)
                .open()
        };
        // Where the device has no nanoseconds, opening it with them fails, whatever its rights are.
        let (capture, has_nanoseconds) = match open(Precision::Nano) {
            Ok(capture) => (capture, true),
            Err(_) => (open(Precision::Micro).map_err(|error| refusal(&name, &error))?, false),
        };
        Ok(Self {
            capture,
            addresses: found.addresses.iter().filter_map(|address| address.parse().ok()).collect(),
            mac: interface::mac(&name),
            losses: Losses::of(&name),
            has_nanoseconds,
            counts_once: !found.is_loopback && name != "any",
            name,
        })
    }

    pub(crate) fn filter(&mut self, text: Option<&str>) -> Result<(), Refusal> {
        self.counts_once &= text.is_none();
        text.map_or(Ok(()), |text| filter::set(&mut self.capture, text))
    }

    /// How its interface is described.
    pub(crate) fn described(&self, arguments: &Arguments) -> WriteInterface {
        WriteInterface {
            snap_len: u32::try_from(arguments.snap_len).ok(),
            name: Some(self.name.clone()),
            addresses: self.addresses.clone(),
            mac: self.mac,
            filter: arguments.filter.clone(),
            resolution: if self.has_nanoseconds { 9 } else { 6 },
            ..WriteInterface::new(link_type(self.capture.get_datalink().0))
        }
    }

    pub(crate) fn break_loop(&mut self) -> BreakLoop {
        self.capture.breakloop_handle()
    }
}

/// Reads a device.
pub(crate) struct Reader {
    number: u32,
    device: Device,
    tally: Tally,
    last: Stat,
    system: Widened,
    received: Widened,
}

/// What was made of the frames of a device.
#[derive(Default)]
struct Tally {
    /// Frames that libpcap handed over.
    seen: u64,
    /// Those of them that found room in the queue.
    queued: u64,
}

impl Reader {
    pub(crate) fn new(number: u32, device: Device) -> Self {
        let last = Stat { received: 0, dropped: 0, if_dropped: 0 };
        Self {
            number,
            device,
            tally: Tally::default(),
            last,
            system: Widened::default(),
            received: Widened::default(),
        }
    }

    /// Reads until it is told to end; true where the device ended by itself.
    pub(crate) fn run(mut self, shared: &Shared) -> bool {
        let mut next = Instant::now() + STATISTICS;
        let fault = loop {
            if shared.stop.load(Ordering::Relaxed) {
                break None;
            }
            match self.dispatch(shared) {
                Ok(_) => {}
                Err(what) => break Some(what),
            }
            if Instant::now() >= next {
                next = Instant::now() + STATISTICS;
                self.count();
                self.statistics(shared, false);
            }
        };
        let has_ended = fault.is_some();
        match fault {
            Some(what) => {
                self.count();
                say(&Notice::Ended { interface: self.device.name.clone(), what });
            }
            None => self.drain(shared),
        }
        // The last counts wait for room: nothing else is left to do.
        while self.statistics(shared, true) == Some(ErrorKind::WouldBlock) {
            thread::sleep(Duration::from_millis(5));
        }
        has_ended
    }

    /// Takes what the device has; how many frames that was, or why no more will come.
    fn dispatch(&mut self, shared: &Shared) -> Result<usize, String> {
        let Self { number, device, tally, .. } = self;
        let (number, scale) = (*number, if device.has_nanoseconds { 1 } else { 1000 });
        let result = device.capture.dispatch(None, |packet| {
            tally.seen = tally.seen.saturating_add(1);
            if queue(&packet, number, scale, shared) {
                tally.queued = tally.queued.saturating_add(1);
            }
        });
        match result {
            Ok(frames) => Ok(frames),
            Err(Error::TimeoutExpired) => Ok(0),
            // A reader that is woken reports so as an error without a word.
            Err(Error::PcapError(what)) if what.is_empty() => Ok(0),
            Err(error) => Err(said(&error)),
        }
    }

    /// Takes what the kernel had for us when the end was wished for: it hands over frames at the latest after the timeout. Then all
    /// is counted, and what is counted is taken, too; what comes later is not of this capture.
    fn drain(&mut self, shared: &Shared) {
        let since = Instant::now();
        while since.elapsed() < DRAIN && self.dispatch(shared).is_ok() {}
        self.count();
        let since = Instant::now();
        while self.is_owed() && since.elapsed() < DRAIN && self.dispatch(shared).is_ok() {}
    }

    /// Asks what the system counts. A device that is gone has no counts any more; the last ones stand.
    fn count(&mut self) {
        self.last = self.device.capture.stats().unwrap_or(self.last);
    }

    /// Whether the system counts frames that it has not handed over yet.
    fn is_owed(&mut self) -> bool {
        let (received, system) =
            (self.received.widen(self.last.received), self.system.widen(self.last.dropped));
        self.device.counts_once && self.tally.seen.saturating_add(system) < received
    }

    /// Writes what was counted last; why not, where that fails.
    ///
    /// What stands before the last statistics is all that is in the queue, so delivered are the frames that stand before them, and
    /// accepted less lost to the system less delivered are those that our own queue had no room for.
    fn statistics(&mut self, shared: &Shared, is_last: bool) -> Option<ErrorKind> {
        let (received, system) =
            (self.received.widen(self.last.received), self.system.widen(self.last.dropped));
        let handled = self.tally.seen.saturating_add(system);
        let accepted = if is_last && self.device.counts_once { handled.max(received) } else { handled };
        let counted = WriteStatistics {
            received: self.device.counts_once.then_some(received.max(handled)),
            dropped: Some(self.device.losses.since().unwrap_or(0)),
            dropped_by_os: Some(system),
            accepted: Some(accepted),
            delivered: Some(self.tally.queued),
        };
        let mut writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.statistics(self.number, now(), counted).err().map(|error| error.kind())
    }
}

/// Puts a frame into the queue; false where there is no room, or it cannot be written.
#[allow(clippy::useless_conversion, reason = "some systems count the seconds of a frame in 32 bits")]
fn queue(packet: &Packet<'_>, number: u32, scale: i64, shared: &Shared) -> bool {
    let time = &packet.header.ts;
    let (seconds, part) = (i64::from(time.tv_sec), i64::from(time.tv_usec));
    let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(part.saturating_mul(scale));
    let time = Timestamp::from_nanos(nanos.max(0));
    let mut writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
    writer.frame(number, time, packet.header.len, packet.data, None).is_ok()
}

/// A counter of 32 bits that goes on where it overflows.
#[derive(Default)]
struct Widened {
    last: u32,
    sum: u64,
}

impl Widened {
    fn widen(&mut self, count: u32) -> u64 {
        self.sum = self.sum.saturating_add(u64::from(count.wrapping_sub(self.last)));
        self.last = count;
        self.sum
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn refusal(interface: &str, error: &Error) -> Refusal {
    let (interface, what) = (interface.to_owned(), said(error));
    let lacks_rights =
        ["permission", "not permitted", "Access is denied"].iter().any(|part| what.contains(part));
    if lacks_rights { Refusal::NoRights { interface, what } } else { Refusal::Device { interface, what } }
}

/// The number in a file of what libpcap calls the link type, where the two differ on this system.
fn link_type(number: i32) -> LinkType {
    let number = match number {
        11 => 100,
        12 => LinkType::RAW.0,
        149 if cfg!(target_os = "macos") => 258,
        other => u16::try_from(other).unwrap_or(u16::MAX),
    };
    LinkType(number)
}

/// How long the kernel may keep frames to hand them over together, in milliseconds.
const TIMEOUT: i32 = 50;
/// The timeout, and time for the scheduler.
const DRAIN: Duration = Duration::from_millis(200);
const STATISTICS: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_past_their_32_bits() {
        let mut counter = Widened::default();
        assert_eq!([7, u32::MAX, 4].map(|count| counter.widen(count)), [7, 0xffff_ffff, 0x1_0000_0004]);
    }

    #[test]
    fn link_types_are_those_of_files() {
        assert_eq!([1, 12, 113, 276].map(|number| link_type(number).0), [1, 101, 113, 276]);
    }
}
