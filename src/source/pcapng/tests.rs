use super::*;
use crate::frame::Timestamp;
use crate::source::sample::{Blocks, read_all};

const ORDERS: [ByteOrder; 2] = [ByteOrder::Big, ByteOrder::Little];

#[test]
fn the_bytes_of_the_standard_are_read() {
    let file =
        b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0\
        \x01\0\0\0\x14\0\0\0\x71\0\0\0\0\0\x04\0\x14\0\0\0\
        \x06\0\0\0\x24\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x3c\0\0\0abc\0\x24\0\0\0";
    let (frames, summary) = read_all(file);
    assert_eq!(frames[0].time, Some(Timestamp::from_nanos(4_294_967_298_000)));
    assert_eq!((frames[0].number, frames[0].interface, frames[0].link), (1, 0, LinkType::LINUX_SLL));
    assert_eq!((frames[0].wire_len, &*frames[0].data), (60, &b"abc"[..]));
    assert_eq!((summary.format.name(), summary.damage.first(), summary.sections), ("pcapng", None, 1));
    assert_eq!(summary.interfaces[0].snap_len, Some(262_144));
}

#[test]
fn sections_of_either_order_count_their_interfaces_on() {
    let section = |order, data: &[u8]| {
        let blocks = Blocks::new(order).interface(1, 0, &[]).interface(101, 96, &[(9, &[9])]);
        blocks.enhanced(1, 5_000, data, &[]).enhanced(0, 5_000, data, &[])
    };
    let file = section(ByteOrder::Big, b"first").then(section(ByteOrder::Little, b"second"));
    let (frames, summary) = read_all(&file.bytes());
    let seen: Vec<_> =
        frames.iter().map(|frame| (frame.interface, frame.link.0, frame.time.unwrap().nanos())).collect();
    assert_eq!(seen, [(1, 101, 5_000), (0, 1, 5_000_000), (3, 101, 5_000), (2, 1, 5_000_000)]);
    assert_eq!(frames[3].data, b"second");
    assert_eq!((summary.sections, summary.interfaces.len()), (2, 4));
    assert_eq!(
        summary.interfaces.iter().map(|interface| interface.snap_len).collect::<Vec<_>>()[..2],
        [None, Some(96)]
    );
}

#[test]
fn interfaces_keep_what_their_options_say() {
    for order in ORDERS {
        let offset = Blocks::new(order).long(1_000);
        let file = Blocks::new(order)
            .interface(
                1,
                0,
                &[
                    (2, b"en0"),
                    (3, b"Wi-Fi"),
                    (4, &[192, 0, 2, 7, 255, 255, 255, 0]),
                    (5, &[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 64]),
                    (6, &[2, 0, 0, 0, 0, 9]),
                    (9, &[0x8a]),
                    (11, b"\0port 443"),
                    (14, &offset),
                ],
            )
            .enhanced(0, 512, b"", &[]);
        let (frames, summary) = read_all(&file.bytes());
        assert_eq!(frames[0].time.unwrap().nanos(), 1_000_500_000_000);
        let interface = &summary.interfaces[0];
        assert_eq!(interface.name.as_deref(), Some("en0"));
        assert_eq!(interface.description.as_deref(), Some("Wi-Fi"));
        assert_eq!(interface.filter.as_deref(), Some("port 443"));
        assert_eq!(
            interface.addresses,
            ["192.0.2.7".parse::<std::net::IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]
        );
        assert_eq!((interface.mac, interface.resolution), (Some([2, 0, 0, 0, 0, 9]), 0x8a));
    }
}

#[test]
fn simple_packets_are_cut_to_the_snap_length_and_have_no_time() {
    for order in ORDERS {
        let file = Blocks::new(order).interface(1, 6, &[]).simple(47, b"abcdef").simple(3, b"abc");
        let (frames, summary) = read_all(&file.bytes());
        assert_eq!((frames[0].time, frames[0].wire_len, &*frames[0].data), (None, 47, &b"abcdef"[..]));
        assert_eq!((frames[1].wire_len, &*frames[1].data), (3, &b"abc"[..]));
        assert_eq!(summary.damage.first(), None);
    }
}

#[test]
fn a_simple_packet_without_padding_keeps_its_length() {
    let data = [7; 47];
    let file = Blocks::new(ByteOrder::Little).interface(1, 0, &[]).simple(47, &data);
    let (frames, _) = read_all(&file.bytes());
    assert_eq!(frames[0].data, data);
}

#[test]
fn obsolete_packets_are_read_with_their_losses() {
    for order in ORDERS {
        let file = Blocks::new(order)
            .interface(1, 0, &[])
            .interface(113, 0, &[])
            .obsolete(1, 3, 7, b"abc")
            .obsolete(0, 0xffff, 8, b"de")
            .obsolete(0, 2, 9, b"f");
        let (frames, summary) = read_all(&file.bytes());
        let seen: Vec<_> = frames.iter().map(|frame| (frame.interface, frame.link.0, &*frame.data)).collect();
        assert_eq!(seen, [(1, 113, &b"abc"[..]), (0, 1, b"de"), (0, 1, b"f")]);
        assert_eq!(summary.dropped.by_frames, Some(5));
    }
}

#[test]
fn losses_are_the_last_counts_of_each_interface() {
    for order in ORDERS {
        let lost = Blocks::new(order).long(4);
        let file = Blocks::new(order)
            .interface(1, 0, &[])
            .interface(1, 0, &[])
            .statistics(0, &[(4, 10), (5, 1)])
            .statistics(1, &[(5, 0), (7, 6)])
            .statistics(0, &[(4, 20), (5, 2)])
            .enhanced(0, 0, b"x", &[(4, &lost)]);
        let (_, summary) = read_all(&file.bytes());
        let dropped = summary.dropped;
        assert_eq!((dropped.by_interface, dropped.by_os, dropped.by_frames), (Some(2), Some(6), Some(4)));
        assert_eq!(dropped.lost(), Some(8));
        assert_eq!((summary.interfaces[0].received, summary.interfaces[1].received), (Some(20), None));
    }
    let (_, summary) = read_all(&Blocks::new(ByteOrder::Big).bytes());
    assert_eq!(summary.dropped.lost(), None);
}

#[test]
fn other_blocks_are_passed_over_and_counted() {
    let file = Blocks::new(ByteOrder::Little)
        .block(10, b"secrets")
        .interface(1, 0, &[])
        .block(0x8000_0001, b"process")
        .enhanced(0, 0, b"x", &[(1, b"a comment")])
        .block(10, b"")
        .statistics(9, &[(5, 1)]);
    let (frames, summary) = read_all(&file.bytes());
    assert_eq!((frames.len(), summary.damage.first(), summary.broken_options), (1, None, 0));
    assert_eq!(summary.skipped_blocks, [(5, 1), (10, 2), (0x8000_0001, 1)].into());
}

#[test]
fn custom_blocks_are_numbered_as_wireshark_numbers_them() {
    let file = Blocks::new(ByteOrder::Little)
        .interface(1, 0, &[])
        .enhanced(0, 0, b"x", &[])
        .block(0xbad, b"1234")
        .block(0x40000bad, b"1234")
        .block(0x1234, b"")
        .enhanced(0, 0, b"y", &[])
        .block(9, b"")
        .raw(b"cut");
    let (frames, summary) = read_all(&file.bytes());
    assert_eq!(frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(
        (summary.frames, summary.other_records, summary.damage.first().unwrap().after_frame),
        (2, 3, 4)
    );
}

#[test]
fn broken_options_cost_no_packet() {
    let file = Blocks::new(ByteOrder::Little).interface(1, 0, &[]);
    let head = file.words(&[0, 0, 0, 4, 4]);
    let body = [&head[..], b"abcd", b"\x04\0\xff\xffxxxx"].concat();
    let (frames, summary) = read_all(&file.block(6, &body).enhanced(0, 0, b"y", &[]).bytes());
    assert_eq!((frames.len(), summary.damage.first(), summary.broken_options), (2, None, 1));
}

/// What damage `tail` is after one sound packet, without its offset and frame, which are checked here.
fn damage(order: ByteOrder, tail: impl Fn(Blocks) -> Blocks) -> (&'static str, String) {
    let sound = Blocks::new(order).interface(1, 0, &[]).enhanced(0, 0, b"abcd", &[]);
    let offset = sound.bytes().len() as u64;
    let (frames, summary) = read_all(&tail(sound).bytes());
    let damage = summary.damage.first().unwrap();
    assert_eq!((frames.len(), damage.offset, damage.after_frame), (1, offset, 1), "{damage:?}");
    (damage.kind, damage.what.clone())
}

#[test]
fn damage_is_named() {
    for order in ORDERS {
        let words = |words: &[u32]| Blocks::new(order).words(words);
        for (tail, what) in [
            (words(&[6, 8, 8]), "block of 8 bytes, less than a block can have"),
            (words(&[6, 13, 0, 0]), "block of 13 bytes, which is not a multiple of 4"),
            (words(&[6, 0xffff_fff0, 0]), "block of 4294967280 bytes, more than a block may have"),
            (words(&[9, 12, 16]), "block of 12 bytes by its head and 16 by its tail"),
            (words(&[6, 16, 0, 16]), "packet block with a body of 4 bytes"),
            (words(&[2, 16, 0, 16]), "packet block with a body of 4 bytes"),
            (words(&[3, 12, 12]), "packet block with a body of 0 bytes"),
            (words(&[1, 16, 0, 16]), "interface description block with a body of 4 bytes"),
            (words(&[6, 32, 0, 0, 0, 5, 5, 32]), "packet of 5 captured bytes in a block with a body of 20"),
            (words(&[3, 20, 5, 0, 20]), "packet of 5 captured bytes in a block with a body of 8"),
            (
                words(&[6, 32, 1, 0, 0, 0, 0, 32]),
                "packet of interface 1, where the section describes 1 so far",
            ),
            (
                words(&[6, 32, u32::MAX, 0, 0, 0, 0, 32]),
                "packet of interface 4294967295, where the section describes 1 so far",
            ),
            (words(&[0x0a0d0d0a, 28, 0, 0, 0, 0, 28]), "section header without a mark of its byte order"),
        ] {
            assert_eq!(damage(order, |blocks| blocks.raw(&tail)), ("malformed", what.to_owned()));
        }
        let (kind, what) = damage(order, |blocks| blocks.raw(&words(&[6, 64, 0, 0])));
        assert_eq!((kind, &*what), ("truncated", "block of 64 bytes ends after 16"));
        let version = words(&[0x0a0d0d0a, 28, 0x1a2b3c4d, 0x0002_0002, 0, 0, 28]);
        let (kind, what) = damage(order, |blocks| blocks.raw(&version));
        assert_eq!((kind, &*what), ("unsupported", "section of the unknown pcapng version 2.2"));
    }
}

#[test]
fn a_packet_of_the_section_before_has_no_interface() {
    let file = Blocks::new(ByteOrder::Little).interface(1, 0, &[]).section().enhanced(0, 0, b"x", &[]);
    let (frames, summary) = read_all(&file.bytes());
    assert_eq!(frames.len(), 0);
    assert_eq!(
        summary.damage.first().unwrap().what,
        "packet of interface 0, where the section describes 0 so far"
    );
}

#[test]
fn a_million_interfaces_stop_at_the_limit() {
    let one = Blocks::new(ByteOrder::Little).interface(1, 0, &[]).bytes();
    let mut file = one.clone();
    file.extend(one[28..].repeat(MAX_INTERFACES + 10));
    let (_, summary) = read_all(&file);
    assert_eq!(summary.interfaces.len(), MAX_INTERFACES);
    assert_eq!(summary.damage.first().unwrap().kind, "limit");
}
