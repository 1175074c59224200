//! The interfaces that there are: names, addresses, and what they lost.
//!
//! Input: the system. Output: plain values. Must not: open a path made of anything but the name of an interface that there is.

use std::fs::File;
use std::io::{Read as _, Seek as _};

use borderpost::capture::{Device, Refusal};

/// The devices that there are, in the order of the system.
pub(crate) fn list() -> Result<Vec<Device>, Refusal> {
    let devices = pcap::Device::list()
        .map_err(|error| Refusal::Device { interface: "-D".to_owned(), what: error.to_string() })?;
    Ok(devices
        .into_iter()
        .map(|device| Device {
            addresses: device.addresses.iter().map(|address| address.addr.to_string()).collect(),
            is_up: device.flags.is_up(),
            is_loopback: device.flags.is_loopback(),
            name: device.name,
            description: device.desc,
        })
        .collect())
}

/// The device of this name, or of this number in the list, from 1.
pub(crate) fn find(wanted: &str) -> Result<Device, Refusal> {
    let mut devices = list()?;
    let by_number = || wanted.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let at = devices.iter().position(|device| device.name == wanted).or_else(by_number);
    match at.filter(|at| *at < devices.len()) {
        Some(at) => Ok(devices.swap_remove(at)),
        None => Err(Refusal::NoInterface {
            interface: wanted.to_owned(),
            known: devices.into_iter().map(|device| device.name).collect(),
        }),
    }
}

/// What an interface lost before the system saw it. libpcap counts that in promiscuous mode alone.
pub(crate) struct Losses {
    counters: Vec<(File, u64)>,
}

impl Losses {
    /// Opens the system's counters, where it has them, while files can be opened.
    pub(crate) fn of(interface: &str) -> Self {
        let is_name = !interface.contains(['/', '\0']) && interface != "..";
        let names: &[&str] = if cfg!(target_os = "linux") && is_name { &COUNTERS } else { &[] };
        let open = |name: &&str| File::open(format!("/sys/class/net/{interface}/statistics/{name}")).ok();
        let mut losses = Self { counters: names.iter().filter_map(open).map(|file| (file, 0)).collect() };
        for (file, before) in &mut losses.counters {
            *before = read(file).unwrap_or(0);
        }
        losses
    }

    /// How many frames were lost since; `None` where the system does not say.
    pub(crate) fn since(&mut self) -> Option<u64> {
        self.counters
            .iter_mut()
            .map(|(file, before)| Some(read(file)?.saturating_sub(*before)))
            .try_fold(None, |sum: Option<u64>, lost| Some(Some(sum.unwrap_or(0).saturating_add(lost?))))
            .flatten()
    }
}

fn read(file: &mut File) -> Option<u64> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Its MAC address, where the system says it.
pub(crate) fn mac(interface: &str) -> Option<[u8; 6]> {
    let is_name = cfg!(target_os = "linux") && !interface.contains(['/', '\0']) && interface != "..";
    let text =
        is_name.then(|| std::fs::read_to_string(format!("/sys/class/net/{interface}/address")).ok())??;
    let octets: Vec<u8> =
        text.trim().split(':').filter_map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    octets.try_into().ok().filter(|mac| *mac != [0; 6])
}

const COUNTERS: [&str; 2] = ["rx_missed_errors", "rx_fifo_errors"];

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_paths_open_nothing() {
        assert!(Losses::of("../../../etc").counters.is_empty());
        assert_eq!((mac(".."), mac("a/b"), mac("no such interface")), (None, None, None));
        assert_eq!(Losses::of("lo").since(), Some(0));
    }
}
