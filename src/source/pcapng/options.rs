//! The options of pcapng blocks: code, length, value, padding (draft-ietf-opsawg-pcapng section 3.5).
//!
//! Input: the bytes after a block's fixed fields. Output: what is used of them. A list without an end mark is
//! sound; one that runs past its block is read up to there and said to be broken. Must not: take more than
//! linear time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::source::claims::Interface;
use crate::source::clock::Clock;
use crate::source::order::ByteOrder;
use crate::source::text::reversible;

/// The options of one block, in order.
pub(super) struct Options<'a> {
    order: ByteOrder,
    list: &'a [u8],
    rest: &'a [u8],
    after: &'a [u8],
    broken: bool,
}

impl<'a> Options<'a> {
    pub(super) fn new(order: ByteOrder, list: &'a [u8]) -> Self {
        Self { order, list, rest: list, after: &[], broken: false }
    }

    /// Whether the list ran past its end. Known once it was read.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// What follows the end mark. Known once the list was read.
    pub(super) fn after(&self) -> &'a [u8] {
        self.after
    }

    /// Where in the list the value begins of the option that comes next.
    pub(super) fn next_at(&self) -> usize {
        self.list.len().saturating_sub(self.rest.len()).saturating_add(OPTION_HEAD)
    }

    /// Fills in an interface from the options of its description.
    pub(super) fn describe(&mut self, interface: &mut Interface) {
        let order = self.order;
        for (code, value) in self {
            match code {
                IF_NAME => interface.name = Some(text(value)),
                IF_DESCRIPTION => interface.description = Some(text(value)),
                IF_IPV4ADDR | IF_IPV6ADDR => add_address(interface, code, value),
                IF_MACADDR => interface.mac = value.try_into().ok().or(interface.mac),
                IF_EUIADDR => interface.eui = value.try_into().ok().or(interface.eui),
                IF_SPEED => interface.speed = unsigned(order, value).or(interface.speed),
                IF_TZONE => interface.time_zone = word(order, value).map(u32::cast_signed),
                IF_OS => interface.os = Some(text(value)),
                IF_FCSLEN => interface.fcs_bits = value.first().copied(),
                IF_HARDWARE => interface.hardware = Some(text(value)),
                IF_TSRESOL => interface.resolution = value.first().copied().unwrap_or(interface.resolution),
                IF_FILTER => interface.filter = filter(value).or_else(|| interface.filter.take()),
                IF_TSOFFSET => {
                    interface.clock_offset = signed(order, value).unwrap_or(interface.clock_offset);
                }
                _ => {}
            }
        }
    }

    /// Takes over the counters of an interface's statistics.
    pub(super) fn tally(&mut self, interface: &mut Interface, clock: Clock) {
        let order = self.order;
        interface.statistics += 1;
        for (code, value) in self {
            let counter = match code {
                ISB_STARTTIME | ISB_ENDTIME => {
                    let time = ticks(order, value).map(|ticks| clock.time(ticks));
                    let slot = if code == ISB_STARTTIME {
                        &mut interface.counted_from
                    } else {
                        &mut interface.counted_to
                    };
                    *slot = time.or(*slot);
                    continue;
                }
                ISB_IFRECV => &mut interface.received,
                ISB_IFDROP => &mut interface.dropped_by_interface,
                ISB_FILTERACCEPT => &mut interface.accepted,
                ISB_OSDROP => &mut interface.dropped_by_os,
                ISB_USRDELIV => &mut interface.delivered,
                _ => continue,
            };
            *counter = unsigned(order, value).or(*counter);
        }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let option = split(self.order, self.rest);
        self.broken = option.is_none();
        let (code, value, rest) = option.unwrap_or_default();
        let ended = code == END_OF_OPTIONS;
        if ended {
            self.after = rest;
        }
        self.rest = if ended { &[] } else { rest };
        (!ended).then_some((code, value))
    }
}

/// The first option, and what follows it and its padding.
fn split(order: ByteOrder, list: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (code, rest) = list.split_first_chunk::<2>()?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let len = usize::from(order.u16(*len));
    Some((order.u16(*code), rest.get(..len)?, rest.get(len.next_multiple_of(4)..)?))
}

fn add_address(interface: &mut Interface, code: u16, value: &[u8]) {
    let address: Option<IpAddr> = match code {
        // Address and mask.
        IF_IPV4ADDR => value.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into()),
        // Address and prefix length.
        _ => value.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into()),
    };
    if interface.addresses.len() < MAX_ADDRESSES {
        interface.addresses.extend(address);
    }
}

/// A filter written in text: its first byte says so.
fn filter(value: &[u8]) -> Option<String> {
    value.split_first().filter(|(kind, _)| **kind == 0).map(|(_, filter)| text(filter))
}

/// A text option; some writers end it with a zero byte all the same.
pub(super) fn text(value: &[u8]) -> String {
    let kept = value.get(..MAX_TEXT).unwrap_or(value);
    reversible(kept).trim_end_matches('\0').to_owned()
}

/// A number of 64 bits.
pub(super) fn unsigned(order: ByteOrder, value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(|bytes| order.u64(bytes))
}

/// A number of 32 bits.
pub(super) fn word(order: ByteOrder, value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(|bytes| order.u32(bytes))
}

/// Ticks of a clock, which are written as two numbers of 32 bits, the upper half first.
fn ticks(order: ByteOrder, value: &[u8]) -> Option<u64> {
    let ([high, low], _) = order.words(value)?;
    Some(u64::from(high) << 32 | u64::from(low))
}

fn signed(order: ByteOrder, value: &[u8]) -> Option<i64> {
    unsigned(order, value).map(u64::cast_signed)
}

const END_OF_OPTIONS: u16 = 0;
/// Code and length.
const OPTION_HEAD: usize = 4;
pub(super) const OPT_COMMENT: u16 = 1;
pub(super) const SHB_HARDWARE: u16 = 2;
pub(super) const SHB_OS: u16 = 3;
pub(super) const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_IPV4ADDR: u16 = 4;
const IF_IPV6ADDR: u16 = 5;
const IF_MACADDR: u16 = 6;
const IF_EUIADDR: u16 = 7;
const IF_SPEED: u16 = 8;
const IF_TSRESOL: u16 = 9;
const IF_TZONE: u16 = 10;
const IF_FILTER: u16 = 11;
const IF_OS: u16 = 12;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;
const IF_HARDWARE: u16 = 15;
const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_FILTERACCEPT: u16 = 6;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;
const MAX_ADDRESSES: usize = 64;
const MAX_TEXT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(list: &[u8]) -> (Vec<u16>, bool) {
        let mut options = Options::new(ByteOrder::Big, list);
        let codes = options.by_ref().map(|(code, _)| code).collect();
        (codes, options.is_broken())
    }

    #[test]
    fn a_list_ends_at_its_mark_or_with_the_block() {
        assert_eq!(codes(b"\0\x02\0\x01a\0\0\0\0\0\0\0\0\x03\0\0"), (vec![2], false));
        assert_eq!(codes(b"\0\x02\0\x01a\0\0\0\0\x03\0\0"), (vec![2, 3], false));
        assert_eq!(codes(b""), (vec![], false));
    }

    #[test]
    fn a_list_past_its_block_is_broken_after_what_is_whole() {
        let list = b"\0\x02\0\x01a\0\0\0\0\x03\0\x08abcd";
        assert_eq!(codes(list), (vec![2], true));
        for cut in 0..list.len() {
            let (codes, _) = codes(&list[..cut]);
            assert!(codes.is_empty() || codes == [2], "cut at {cut}");
        }
    }

    #[test]
    fn texts_are_bounded_and_never_fail() {
        assert_eq!(text(b"en0\0"), "en0");
        assert_eq!(text(b"a\xff"), "a\u{10ffff}");
        assert!(text(&b"a".repeat(70_000)).len() == MAX_TEXT);
    }
}
