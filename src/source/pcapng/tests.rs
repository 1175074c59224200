use super::*;
use crate::frame::{ProcessMethod, Timestamp};
use crate::source::claims::{Comment, NamedAddress, Resolver, Secrets};
use crate::source::sample::{Blocks, open, read_all};
use crate::source::summary::Summary;

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
    assert_eq!((summary.format.name(), summary.damage.first(), summary.section_count), ("pcapng", None, 1));
    assert_eq!(summary.interfaces[0].snap_len, Some(262_144));
}

#[test]
fn sections_of_either_order_count_their_interfaces_on_but_for_those_described_before() {
    let section = |order, snap_len, data: &[u8]| {
        let blocks = Blocks::new(order).interface(1, 0, &[]).interface(101, snap_len, &[(9, &[9])]);
        blocks.enhanced(1, 5_000, data, &[]).enhanced(0, 5_000, data, &[])
    };
    let file = section(ByteOrder::Big, 96, b"first").then(section(ByteOrder::Little, 128, b"second"));
    let (frames, summary) = read_all(&file.bytes());
    let seen: Vec<_> =
        frames.iter().map(|frame| (frame.interface, frame.link.0, frame.time.unwrap().nanos())).collect();
    assert_eq!(seen, [(1, 101, 5_000), (0, 1, 5_000_000), (3, 101, 5_000), (0, 1, 5_000_000)]);
    assert_eq!(frames[3].data, b"second");
    assert_eq!((summary.section_count, summary.interfaces.len()), (2, 4));
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
                    (7, &[1, 2, 3, 4, 5, 6, 7, 8]),
                    (8, &Blocks::new(order).long(1_000_000_000)),
                    (11, b"\0port 443"),
                    (12, b"macOS 14.3"),
                    (13, &[4]),
                    (14, &offset),
                    (15, b"a chip"),
                    (1, b"on the desk"),
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
        assert_eq!((interface.eui, interface.speed), (Some([1, 2, 3, 4, 5, 6, 7, 8]), Some(1_000_000_000)));
        assert_eq!(
            (interface.os.as_deref(), interface.hardware.as_deref()),
            (Some("macOS 14.3"), Some("a chip"))
        );
        assert_eq!((interface.fcs_bits, interface.clock_offset), (Some(4), 1_000));
        assert_eq!((interface.frames, interface.wire_bytes, interface.captured_bytes), (1, 0, 0));
        let comment = Comment { on: CommentOn::Interface(0), text: "on the desk".to_owned() };
        assert_eq!(summary.claims.comments, [comment]);
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
        .block(10, b"se")
        .interface(1, 0, &[])
        .block(0x8000_0007, b"private")
        .enhanced(0, 0, b"x", &[(1, b"a comment")])
        .block(10, b"")
        .statistics(9, &[(5, 1)]);
    let (frames, summary) = read_all(&file.bytes());
    assert_eq!((frames.len(), summary.damage.first(), summary.broken_options), (1, None, 0));
    assert_eq!(summary.skipped_blocks, [(5, 1), (0x8000_0007, 1)].into());
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

#[test]
fn sections_keep_what_their_headers_say() {
    let header = |order, application: &[u8]| {
        let blocks = Blocks::new(order);
        let head = blocks.words(&[0x1a2b3c4d]);
        let version = if order == ByteOrder::Big { [0, 1, 0, 2] } else { [1, 0, 2, 0] };
        let options =
            blocks.listed(&[(1, b"first light"), (2, b"x86_64"), (3, b"Linux 6.1"), (4, application)]);
        Blocks::nothing(order).block(0x0a0d0d0a, &[&head[..], &version, &[0xff; 8], &options].concat())
    };
    let file =
        header(ByteOrder::Big, b"one").interface(1, 0, &[]).interface(1, 0, &[]).enhanced(1, 0, b"abc", &[]);
    let second = file.bytes().len() as u64;
    let file =
        file.then(header(ByteOrder::Little, b"two").interface(101, 0, &[]).simple(2, b"ab").simple(1, b"a"));
    let (_, summary) = read_all(&file.bytes());
    let seen: Vec<_> = summary
        .sections
        .iter()
        .map(|s| (s.offset, s.order, s.first_interface, s.interfaces, s.frames, s.application.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [(0, ByteOrder::Big, 0, 2, 1, Some("one")), (second, ByteOrder::Little, 2, 1, 2, Some("two")),]
    );
    assert_eq!(summary.sections[0].version, (1, 2));
    assert_eq!(
        (summary.sections[1].hardware.as_deref(), summary.sections[1].os.as_deref()),
        (Some("x86_64"), Some("Linux 6.1"))
    );
    let on: Vec<_> = summary.claims.comments.iter().map(|comment| comment.on).collect();
    assert_eq!(on, [CommentOn::Section(0), CommentOn::Section(1)]);
}

#[test]
fn statistics_are_kept_in_full() {
    for order in ORDERS {
        let blocks = Blocks::new(order).interface(1, 0, &[(9, &[9])]);
        let time = |ticks: u64| blocks.words(&[(ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32]);
        let (start, end) = (time(5_000_000_000), time(9_000_000_000));
        let counts: Vec<Vec<u8>> = (1..=5).map(|count| blocks.long(count).to_vec()).collect();
        let options: Vec<(u16, &[u8])> = [(1, &b"all of it"[..]), (2, &start[..]), (3, &end)]
            .into_iter()
            .chain((4..).zip(counts.iter().map(|count| &count[..])))
            .collect();
        let body = [blocks.words(&[0, 0, 0]), blocks.listed(&options)].concat();
        let (_, summary) = read_all(&blocks.clone().block(5, &body).bytes());
        let interface = &summary.interfaces[0];
        assert_eq!(interface.counted_from, Some(Timestamp::from_nanos(5_000_000_000)));
        assert_eq!(interface.counted_to, Some(Timestamp::from_nanos(9_000_000_000)));
        assert_eq!((interface.received, interface.dropped_by_interface), (Some(1), Some(2)));
        assert_eq!(
            (interface.accepted, interface.dropped_by_os, interface.delivered),
            (Some(3), Some(4), Some(5))
        );
        assert_eq!((interface.statistics, summary.claims.comments[0].on), (1, CommentOn::Statistics(0)));
    }
}

#[test]
fn names_of_addresses_are_kept_for_showing_and_bounded() {
    for order in ORDERS {
        let blocks = Blocks::new(order);
        let v6 = [&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], b"six.example\0"].concat();
        let records: [(u16, &[u8]); 3] =
            [(1, b"\xc0\0\x02\x07a.example\0b.example\0"), (2, &v6), (3, b"\x02\0\0\0\0\x09mac\0")];
        let options: [(u16, &[u8]); 3] = [(2, b"resolver"), (3, &[192, 0, 2, 53]), (1, b"asked once")];
        let body = [blocks.listed(&records), blocks.listed(&options)].concat();
        let file = blocks.clone().block(4, &body).block(4, &body);
        let (_, summary) = read_all(&file.bytes());
        let claims = &summary.claims;
        let named = |address: &str, name: &str| NamedAddress {
            address: address.parse().unwrap(),
            name: name.to_owned(),
        };
        assert_eq!(
            claims.names[..3],
            [
                named("192.0.2.7", "a.example"),
                named("192.0.2.7", "b.example"),
                named("2001:db8::1", "six.example"),
            ]
        );
        assert_eq!((claims.name_count, claims.comment_count, summary.broken_options), (6, 2, 0));
        let address = "192.0.2.53".parse().ok();
        assert_eq!(claims.resolvers, [Resolver { name: Some("resolver".to_owned()), address }]);
        let many = (0..3_000).fold(blocks.clone(), |file, _| file.block(4, &blocks.listed(&records[..1])));
        let (_, summary) = read_all(&many.bytes());
        assert_eq!((summary.claims.names.len(), summary.claims.name_count), (1_024, 3_000));
    }
}

#[test]
fn of_secrets_only_their_number_is_kept() {
    for order in ORDERS {
        let blocks = Blocks::new(order);
        let secret = b"CLIENT_RANDOM 0011 2233\nCLIENT_RANDOM 4455 6677\n";
        let head = blocks.words(&[0x544c534b, u32::try_from(secret.len()).unwrap()]);
        let lying = [blocks.words(&[0x544c534b, u32::MAX]), b"x\n".to_vec()].concat();
        let file = blocks.clone().block(10, &[&head[..], secret].concat()).block(10, &lying).block(10, b"");
        let (_, summary) = read_all(&file.bytes());
        let expected = Secrets { blocks: 2, bytes: 48 + 4, lines: 4 };
        assert_eq!(summary.claims.secrets, [(0x544c534b, expected)].into());
        assert_eq!(Secrets::kind_name(0x544c534b), Some("TLS key log"));
        assert!(!format!("{summary:?}").contains("CLIENT_RANDOM"));
    }
}

#[test]
fn custom_blocks_are_counted_by_enterprise_and_journal_entries_by_themselves() {
    for order in ORDERS {
        let blocks = Blocks::new(order);
        let [one, two] = [32_473, 62_652].map(|number| blocks.words(&[number]));
        let file = blocks.block(0xbad, &one).block(0x40000bad, &one).block(0xbad, &two).block(0xbad, b"");
        let (_, summary) = read_all(&file.block(9, b"MESSAGE=x\n").bytes());
        let claims = &summary.claims;
        assert_eq!(claims.custom_blocks, [(32_473, 2), (62_652, 1)].into());
        assert_eq!((claims.custom_other, claims.journal_entries, summary.other_records), (1, 1, 5));
    }
}

#[test]
fn comments_of_packets_are_kept_with_their_frame_and_bounded() {
    let file = Blocks::new(ByteOrder::Little).interface(1, 0, &[]).block(9, b"");
    let file = (0..100).fold(file, |file, _| file.enhanced(0, 0, b"x", &[(1, b"note"), (1, &[b'y'; 999])]));
    let (_, summary) = read_all(&file.bytes());
    assert_eq!((summary.claims.comments.len(), summary.claims.comment_count), (64, 200));
    assert_eq!(summary.claims.comments[3].on, CommentOn::Frame(3), "numbered as Wireshark does");
    assert_eq!(summary.claims.comments[3].text.len(), 256);
}

type Told = (Option<Direction>, Option<(String, Option<u32>, Option<u32>, ProcessMethod)>);

/// What is said of each frame beside it.
fn told(bytes: &[u8]) -> (Vec<Told>, Summary) {
    let mut capture = open(bytes).unwrap();
    let mut told = Vec::new();
    while let Some(frame) = capture.next_frame() {
        let process = frame.process.map(|process| {
            (String::from_utf8_lossy(process.name).into_owned(), process.pid, process.uid, process.method)
        });
        told.push((frame.direction, process));
    }
    (told, capture.finish())
}

#[test]
fn flags_say_which_way_a_packet_went() {
    for order in ORDERS {
        let blocks = Blocks::new(order).interface(1, 0, &[]);
        let flags: Vec<Vec<u8>> = [1, 2, 0x0100_0002, 0, 3].map(|flags| blocks.words(&[flags])).to_vec();
        let file = flags.iter().fold(blocks, |file, flags| file.enhanced(0, 0, b"x", &[(2, flags)]));
        let (told, summary) = told(&file.enhanced(0, 0, b"x", &[(2, b"abc")]).simple(1, b"x").bytes());
        let (in_, out) = (Some(Direction::Inbound), Some(Direction::Outbound));
        let directions: Vec<_> = told.iter().map(|(direction, _)| *direction).collect();
        assert_eq!(directions, [in_, out, out, None, None, None, None]);
        assert_eq!((summary.marks.inbound, summary.marks.outbound, summary.marks.link_errors), (1, 2, 1));
    }
}

#[test]
fn apple_packets_refer_to_the_processes_of_their_section_the_effective_one_first() {
    for order in ORDERS {
        let blocks = Blocks::new(order).interface(1, 0, &[]);
        let [zero, one, far] = [0, 1, 9].map(|index| blocks.words(&[index]));
        let process = |pid, name: &[u8]| [blocks.words(&[pid]), blocks.listed(&[(2, name)])].concat();
        let (daemon, zoom) = (process(81, b"mDNSResponder\0"), process(502, b"zoom.us"));
        let file = blocks
            .clone()
            .enhanced(0, 0, b"x", &[(0x8001, &zero)])
            .block(0x80000001, &daemon)
            .block(0x80000001, &zoom)
            .enhanced(0, 0, b"x", &[(0x8001, &zero)])
            .enhanced(0, 0, b"x", &[(0x8001, &zero), (0x8003, &one)])
            .enhanced(0, 0, b"x", &[(0x8001, &one), (0x8003, &far)])
            .then(blocks.clone())
            .enhanced(0, 0, b"x", &[(0x8001, &zero)]);
        let (told, summary) = told(&file.bytes());
        let apple = |name: &str, pid| Some((name.to_owned(), Some(pid), None, ProcessMethod::AppleBlock));
        let zoom = || apple("zoom.us", 502);
        let processes: Vec<_> = told.into_iter().map(|(_, process)| process).collect();
        assert_eq!(processes, [None, apple("mDNSResponder", 81), zoom(), zoom(), None]);
        assert_eq!(summary.marks.processes, [(ProcessMethod::AppleBlock, 3)].into());
        assert_eq!((summary.claims.processes, summary.skipped_blocks.len()), (2, 0));
    }
}

#[test]
fn pcapdroid_packets_name_their_user_and_its_app() {
    for order in ORDERS {
        let blocks = Blocks::new(order).interface(101, 0, &[]);
        let version: &[u8] = if order == ByteOrder::Big { b"\0\x01\x01\0" } else { b"\x01\0\x01\0" };
        let map = [&blocks.words(&[62_652])[..], version, &blocks.words(&[10_123]), b"\x07\x04us.zoomZoom"]
            .concat();
        let file = blocks
            .enhanced(0, 0, b"x", &[(1, b"u-10123")])
            .block(0xbad, &map)
            .enhanced(0, 0, b"x", &[(1, b"u-10123")])
            .enhanced(0, 0, b"x", &[(1, b"u-0")])
            .enhanced(0, 0, b"x", &[(1, b"u--1")]);
        let (told, summary) = told(&file.bytes());
        let app = |name: &str, uid| Some((name.to_owned(), None, Some(uid), ProcessMethod::PcapdroidComment));
        let processes: Vec<_> = told.into_iter().map(|(_, process)| process).collect();
        assert_eq!(processes, [None, app("us.zoom", 10_123), app("", 0), None]);
        let kept: Vec<_> = summary.claims.comments.iter().map(|comment| &*comment.text).collect();
        assert_eq!((kept, summary.claims.comment_count), (vec!["u-10123", "u--1"], 4));
    }
}

#[test]
fn comments_of_other_programs_name_processes_and_their_bytes_come_from_the_packet() {
    let ptcpdump: [(u16, &[u8]); 3] = [
        (1, b"PID: 1362\nCmd: /opt/zoom/zoom\nArgs: zoom --url=x"),
        (1, b"ThreadId: 3\nThreadName: io"),
        (1, b"UserId: 1000\nGroupId: 1000"),
    ];
    let file = Blocks::new(ByteOrder::Little)
        .interface(1, 0, &[])
        .enhanced(0, 0, b"abc", &ptcpdump)
        .enhanced(
            0,
            0,
            b"abcde",
            &[(4, &[0; 8]), (1, b"rustnet process=zoom pid=7 uid=501 direction=outgoing")],
        )
        .enhanced(0, 0, b"x", &[(1, b"PID=4711 TID=12")])
        .enhanced(0, 0, b"x", &[(1, b"PID: 8, ProcName: apsd, EPID: 9, EProcName: zoom, SVC: 0")])
        .enhanced(0, 0, b"x", &[(1, b"PID: we should look at this")]);
    let (told, summary) = told(&file.bytes());
    let processes: Vec<_> = told.into_iter().map(|(_, process)| process).collect();
    let zoom = |pid, uid, method| Some(("zoom".to_owned(), Some(pid), uid, method));
    assert_eq!(
        processes,
        [
            zoom(1_362, Some(1_000), ProcessMethod::Ptcpdump),
            zoom(7, Some(501), ProcessMethod::RustNet),
            Some((String::new(), Some(4_711), None, ProcessMethod::Etl2Pcapng)),
            zoom(9, None, ProcessMethod::Pymobiledevice3),
            None,
        ]
    );
    assert_eq!(summary.marks.processes.values().sum::<u64>(), 4);
    assert_eq!((summary.claims.comments.len(), summary.claims.comment_count), (2, 7));
}
