//! What a comparison was run on.
//!
//! Input: what the operating system says of itself. Output: a sentence. Must not: guess; what is not said is `unknown`.

use std::fmt;
use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use borderpost::frame::{Date, Timestamp};

/// The machine, and the day.
#[derive(Debug)]
pub(crate) struct Machine {
    day: Date,
    processor: String,
    cores: usize,
    /// GiB, rounded up.
    memory: Option<u64>,
    kernel: String,
    /// How many processes wanted to run in the last minute, before the first measurement.
    load: String,
}

impl Machine {
    /// This machine, today.
    pub(crate) fn this() -> Self {
        let said = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let first = |text: String| text.split_ascii_whitespace().next().map(str::to_owned);
        let unknown = || "unknown".to_owned();
        Self {
            day: today(),
            processor: field(&said("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(0, usize::from),
            memory: field(&said("/proc/meminfo"), "MemTotal")
                .and_then(|total| total.strip_suffix(" kB")?.parse().ok())
                .map(|total: u64| total.div_ceil(1024 * 1024)),
            kernel: first(said("/proc/sys/kernel/osrelease")).unwrap_or_else(unknown),
            load: first(said("/proc/loadavg")).unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, processor, cores, memory, kernel, load } = self;
        let memory = memory.map_or_else(|| "unknown".to_owned(), |memory| format!("{memory} GiB"));
        write!(
            out,
            "{day}. Processor: {processor}, {cores} cores. Memory: {memory}. Kernel: {kernel}. Load at the start: {load}."
        )
    }
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn today() -> Date {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)).date()
}
