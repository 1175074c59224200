//! Captures made to break their reader, one test for each thing that a container may lie about; every file of other
//! projects that does so is read, too.
//!
//! Input: files made here, and `../shared/corpus` where it is there; where it is not, the tests say so and check the rest.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use borderpost::inspect::{self, Settings};
use borderpost::source::{Capture, Damage, Options, SourceError, Summary};

#[path = "common/packing.rs"]
mod packing;

use packing::{PACKINGS, gzip, lz4, zstd};

#[test]
fn c1_cut_file_keeps_every_whole_record_before_the_cut_and_names_the_place() {
    let mut seed = 1;
    for file in [pcap(&[b"abcd", b"", b"efghij"]), pcapng(&[b"abcd", b"", b"efghij"])] {
        for packed in [file.clone(), gzip(&file), zstd(&file), lz4(&file)] {
            for cut in 4..packed.len() {
                cut_is_marked("made here", &packed, &packed[..cut]);
            }
        }
    }
    for row in corpus().iter().filter(|row| row["state"] == "ok" && row["format"] != "snoop") {
        let bytes = fs::read(path_of(row)).unwrap();
        for _ in 0..3 {
            seed = random(seed);
            cut_is_marked(&row["file"], &bytes, &bytes[..usize::try_from(seed).unwrap() % bytes.len()]);
        }
    }
}

/// The frames of the cut file are the first of the whole one, and it is damaged wherever a frame is missing.
fn cut_is_marked(file: &str, whole: &[u8], cut: &[u8]) {
    let (all, _) = read(whole).unwrap();
    let Ok((frames, summary)) = read(cut) else {
        // Too little is left to know what it is, perhaps because none of it can be unpacked: an error, and never a report.
        let is_plain =
            [&b"\xd4\xc3"[..], b"\xa1\xb2", b"\x0a\x0d"].iter().any(|magic| whole.starts_with(magic));
        assert!(cut.len() < 12 || !is_plain, "{file} cut at {}", cut.len());
        return;
    };
    assert!(all.starts_with(&frames), "{file} cut at {}", cut.len());
    for damage in &summary.damage {
        assert!(["truncated", "malformed"].contains(&damage.kind), "{file} cut at {}: {damage:?}", cut.len());
        assert!(damage.after_frame <= summary.frames + summary.other_records);
    }
    let plain = summary.compression.is_none();
    assert!(!plain || summary.damage.iter().all(|damage| damage.offset <= cut.len() as u64));
    assert!(plain || !summary.damage.is_empty(), "{file} cut at {}", cut.len());
}

#[test]
fn c1_cut_file_leaves_nothing_to_the_next_input() {
    let folder = tempfile::tempdir().unwrap();
    let whole = pcapng(&[b"abcd", b"efgh"]);
    fs::write(folder.path().join("a.pcapng"), &whole[..whole.len() - 10]).unwrap();
    fs::write(folder.path().join("b.pcapng"), &whole).unwrap();
    let inspection = inspect::inspect(&[folder.path().to_owned()], Settings::default(), &());
    let seen: Vec<_> =
        inspection.inputs().iter().map(|input| (input.summary.frames, input.summary.damage.len())).collect();
    assert_eq!(seen, [(1, 1), (2, 0)]);
}

#[test]
fn c2_lying_captured_length_is_marked_and_what_came_before_is_counted() {
    for captured in [5, 70_000, 262_145, 0x0fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        for wire_len in [4, captured, u32::MAX] {
            let file = [&pcap(&[b"abcd"])[..], &words(&[0, 0, captured, wire_len]), b"abcd"].concat();
            let (frames, summary) = read(&file).unwrap();
            assert_eq!((frames.len(), summary.damage.len()), (1, 1), "captured {captured}, wire {wire_len}");
            let packet = block(6, &[&words(&[0, 0, 0, captured, wire_len])[..], b"abcd"].concat());
            let file = [pcapng(&[b"abcd"]), packet].concat();
            let (frames, summary) = read(&file).unwrap();
            assert_eq!((frames.len(), summary.damage.len()), (1, 1), "captured {captured}, wire {wire_len}");
        }
    }
    let lying = |row: &Row| row["flags"].contains("caplen");
    let (mut sound, mut damaged) = (0, 0);
    for row in corpus().iter().filter(|row| lying(row)) {
        let (frames, summary) = read_row(row);
        assert!(accepted(row, frames), "{}: {frames} frames", row["file"]);
        assert_eq!(summary.damage.is_empty(), row["state"] == "ok", "{}: {:?}", row["file"], summary.damage);
        if row["state"] == "ok" { sound += 1 } else { damaged += 1 }
    }
    assert!(corpus().is_empty() || (sound >= 10 && damaged >= 40), "{sound} sound, {damaged} damaged");
}

#[cfg(target_os = "linux")]
#[test]
fn c2_lying_captured_length_allocates_nothing() {
    let honest = Waiting::on(&pcap(&[b"abcd"])).peak();
    for file in [
        [&pcap(&[b"abcd"])[..], &words(&[0, 0, 0x07ff_ffff, 0x07ff_ffff]), b"abcd"].concat(),
        [&pcapng(&[b"abcd"])[..], &words(&[6, 16 << 20]), b"abcd"].concat(),
        [&pcap_of(0xffff_ffff, &[b"abcd"])[..], &words(&[0, 0, 0x07ff_ffff, 0x07ff_ffff])].concat(),
    ] {
        let peak = Waiting::on(&file).peak();
        assert!(peak < honest + 2 * 1024, "{peak} KiB for a lie, {honest} KiB for an honest file");
    }
}

#[test]
fn c3_lying_snap_length_is_no_limit_and_no_buffer() {
    let large = vec![7; 200_000];
    for snap in [0, 1, 262_145, i32::MAX.unsigned_abs(), 0x8000_0000, 0xffff_ffff] {
        let (frames, summary) = read(&pcap_of(snap, &[b"abcd", &large, b"ef"])).unwrap();
        assert_eq!((frames.len(), summary.damage.len()), (3, 0), "snap length {snap}");
        let file =
            [&section()[..], &interface(1, snap), &packet(0, 0, &large), &packet(0, 0, b"ef")].concat();
        let (frames, summary) = read(&file).unwrap();
        assert_eq!((frames.len(), summary.damage.len()), (2, 0), "snap length {snap}");
        let meant = snap != 0 && snap <= i32::MAX.unsigned_abs();
        assert_eq!(summary.interfaces[0].snap_len, meant.then_some(snap));
    }
}

#[test]
fn c4_block_length_is_bounded_and_marked() {
    for total in
        [0, 1, 4, 8, 11, 13, 14, 15, 30, 16 << 20, (16 << 20) + 4, 0x7fff_fffc, 0xffff_fffc, 0xffff_ffff]
    {
        let file = [&pcapng(&[b"abcd"])[..], &words(&[6, total, 0, 0, 0, 0, 0, 32])].concat();
        let (frames, summary) = read(&file).unwrap();
        assert_eq!((frames.len(), summary.damage.len()), (1, 1), "length {total}");
        assert_eq!(summary.damage[0].offset, pcapng(&[b"abcd"]).len() as u64);
    }
    let file = [&pcapng(&[b"abcd"])[..], &words(&[9, 16, 0, 20])].concat();
    assert_eq!(read(&file).unwrap().1.damage[0].kind, "malformed");
    let broken = |row: &Row| ["trailer-mismatch", "blocklen"].iter().any(|flag| row["flags"].contains(flag));
    let rows = corpus();
    let rows: Vec<_> = rows.iter().filter(|row| broken(row) && row["format"] == "pcapng").collect();
    for row in &rows {
        let (frames, summary) = read_row(row);
        assert!(accepted(row, frames), "{}: {frames} frames", row["file"]);
        assert_eq!(summary.damage.is_empty(), row["state"] == "ok", "{}", row["file"]);
    }
    if !corpus().is_empty() {
        assert!(rows.len() >= 8, "{} files", rows.len());
        let unbounded = "pcapplusplus/fuzz-crash-pcapng-epb-unbounded-length.pcap";
        let (_, summary) = read(&fs::read(shared().join(unbounded)).unwrap()).unwrap();
        assert_eq!(summary.damage.len(), 1);
    }
}

#[test]
fn c5_options_are_read_in_linear_time_and_cost_no_packet() {
    let option = |code: u16, length: u16, value: &[u8]| {
        [&code.to_le_bytes()[..], &length.to_le_bytes(), value].concat()
    };
    let lists = [
        option(1, 0xffff, b"past the block"),
        option(1, 4, b"note"),
        option(2, 0, b"").repeat(65_535),
        option(1, 0, b"").repeat(65_535),
        option(1, 4, b"note").repeat(65_535),
        option(0x8001, 4, &[0xff; 4]).repeat(65_535),
        option(1, 1, b"a"),
        vec![0xff; 1_000],
        vec![0; 1_000],
    ];
    for list in &lists {
        let head = words(&[0, 0, 0, 4, 4]);
        let with_list = block(6, &[&head[..], b"abcd", list].concat());
        let idb = block(1, &[&words(&[1, 0])[..], list].concat());
        let shb = block(0x0a0d0d0a, &[&words(&[0x1a2b3c4d, 1, !0, !0])[..], list].concat());
        let isb = block(5, &[&words(&[0, 0, 0])[..], list].concat());
        let nrb = block(4, list);
        let file = [shb, idb, with_list, isb, nrb, packet(0, 0, b"efgh")].concat();
        let (frames, summary) = read(&file).unwrap();
        assert_eq!((frames.len(), summary.damage.len()), (2, 0));
        assert!(summary.claims.comments.len() <= 64);
    }
    // Blocks as large as they may be, of nothing but options: time that grew with the square would not end.
    let start = Instant::now();
    for list in [option(1, 0, b"").repeat(4_000_000), option(0x8001, 4, &[0; 4]).repeat(2_000_000)] {
        let large = block(6, &[&words(&[0, 0, 0, 0, 0])[..], &list].concat());
        let file = [&section()[..], &interface(1, 0), &large, &large].concat();
        assert_eq!(read(&file).unwrap().0.len(), 2);
    }
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
}

#[test]
fn c6_sections_and_interfaces_of_any_number_and_order_are_read() {
    let big = |kind: u32, body: &[u8]| {
        let total = u32::try_from(body.len() + 12).unwrap().to_be_bytes();
        [&kind.to_be_bytes()[..], &total, body, &total].concat()
    };
    let big_section = big(0x0a0d0d0a, b"\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    let other_order = [big_section, big(1, b"\0\x65\0\0\0\0\0\0"), big(3, b"\0\0\0\x02ab\0\0")].concat();
    let file = [
        &section()[..],
        &interface(1, 96),
        &interface(113, 0),
        &packet(1, 0, b"cooked"),
        &packet(0, 0, b"ether"),
        &other_order,
        &section(),
        &interface(147, 0),
        &packet(0, 0, b"user"),
    ]
    .concat();
    let (frames, summary) = read(&file).unwrap();
    let links: Vec<_> = frames.iter().map(|(_, link, _)| *link).collect();
    assert_eq!((links, summary.section_count, summary.damage.len()), (vec![113, 1, 101, 147], 3, 0));
    for lost in [
        [section(), packet(0, 0, b"early"), interface(1, 0)],
        [section(), interface(1, 0), packet(7, 0, b"x")],
    ] {
        let (frames, summary) = read(&[lost.concat(), pcapng(&[b"next"])].concat()).unwrap();
        assert_eq!((frames.len(), summary.damage.len()), (1, 1));
        assert!(summary.damage[0].resumed_at.is_some());
    }
    let (frames, summary) = read(&[section(), interface(1, 0).repeat(1_000_000)].concat()).unwrap();
    assert_eq!((frames.len(), summary.damage[0].kind), (0, "limit"));
    let refused =
        |row: &Row| row["state"] == "ok" && row["format"] == "pcapng" && !row["libpcap_error"].is_empty();
    let mut read_all_the_same = 0;
    for row in corpus().iter().filter(|row| {
        refused(row)
            || row["file"].starts_with("pcapng-test-generator/")
            || row["file"].contains("many_interfaces")
    }) {
        let (frames, summary) = read_row(row);
        assert!(accepted(row, frames) && summary.damage.is_empty(), "{}: {:?}", row["file"], summary.damage);
        read_all_the_same += usize::from(refused(row));
    }
    assert!(corpus().is_empty() || read_all_the_same >= 20, "{read_all_the_same} files");
}

#[test]
fn c7_times_of_any_resolution_and_order_do_no_harm() {
    let option = |code: u16, value: &[u8]| {
        let length = u16::try_from(value.len()).unwrap().to_le_bytes();
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&code.to_le_bytes()[..], &length, value, &padding].concat()
    };
    let folder = tempfile::tempdir().unwrap();
    for resolution in 0..=u8::MAX {
        for offset in [0, i64::MIN, i64::MAX, -1] {
            let options = [option(9, &[resolution]), option(14, &offset.to_le_bytes())].concat();
            let idb = block(1, &[&words(&[101, 0])[..], &options].concat());
            let times = [0, u64::MAX, 1, 1 << 40, i64::MAX.unsigned_abs()];
            let packets: Vec<u8> = times.iter().flat_map(|ticks| packet(0, *ticks, b"\x45")).collect();
            let file = [section(), idb, packets].concat();
            let (frames, summary) = read(&file).unwrap();
            assert_eq!((frames.len(), summary.damage.len()), (times.len(), 0), "resolution {resolution}");
            if offset == 0 && resolution % 51 == 0 {
                fs::write(folder.path().join(format!("{resolution}.pcapng")), file).unwrap();
            }
        }
    }
    let late =
        [&pcap(&[])[..], &words(&[u32::MAX, u32::MAX, 1, 1]), b"x", &words(&[0, 0, 1, 1]), b"y"].concat();
    fs::write(folder.path().join("late.pcap"), late).unwrap();
    let inspection = inspect::inspect(&[folder.path().to_owned()], Settings::default(), &());
    assert_eq!(inspection.inputs().len(), 7);
    assert!(inspection.inputs().iter().all(|input| input.earliest <= input.latest));
    // Ticks of 10^-51, 10^-102 and 2^-127 seconds are all the same nanosecond.
    assert_eq!(inspection.inputs().iter().filter(|input| input.backwards.is_some()).count(), 4);
    let backward: Vec<_> =
        corpus().iter().filter(|row| row["flags"].contains("time-backward")).map(path_of).collect();
    let inspection = inspect::inspect(&backward, Settings::default(), &());
    assert_eq!(inspection.inputs().len(), backward.len());
    assert!(
        inspection.inputs().iter().filter(|input| input.backwards.is_some()).count()
            >= backward.len() * 9 / 10
    );
}

#[test]
fn c8_unfolding_is_streamed_bounded_and_reports_what_came_before() {
    let file = pcapng(&[b"abcd", b"efgh"]);
    for (name, pack) in PACKINGS {
        let (plain, _) = read(&file).unwrap();
        let joined = [pack(&file[..50]), pack(b""), pack(&file[50..])].concat();
        let (frames, summary) = read(&joined).unwrap();
        assert_eq!((&frames, summary.damage.len()), (&plain, 0), "{name} joined");
        let (frames, summary) = read(&[&pack(&file)[..], b"a bad tail"].concat()).unwrap();
        assert_eq!((&frames, summary.damage[0].kind), (&plain, "malformed"), "{name} with a bad tail");
        let error = read(&pack(&pack(&file))).unwrap_err().to_string();
        assert!(error.contains(&format!("{name} inside {name}")), "{error}");
        let limited = Options { max_unpacked: file.len() as u64 - 1, ..Options::default() };
        let (frames, summary) = read_by(&pack(&file), &limited).unwrap();
        assert_eq!((frames.len(), summary.damage[0].kind), (1, "limit"), "{name} limited");
        assert!(summary.damage[0].what.contains("--max-unpacked"), "{}", summary.damage[0].what);
    }
}

#[test]
fn c8_unfolding_a_gibibyte_of_empty_records_stops_at_the_ratio() {
    // Members of 16 MiB of zeros: each record is empty, from 1970.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 16 << 20]).unwrap();
    let bomb = [gzip(&pcap(&[])), packer.finish().unwrap().repeat(64)].concat();
    assert!(bomb.len() < 2 << 20);
    let start = Instant::now();
    let mut capture = Capture::from_reader("bomb", Box::new(Cursor::new(bomb)), &Options::default()).unwrap();
    while capture.next_frame().is_some() {}
    let summary = capture.finish();
    let Damage { kind, what, offset, .. } = &summary.damage[0];
    assert_eq!(*kind, "limit");
    assert!(what.contains("200 times") && what.contains("--max-unpacked"), "{what}");
    assert!(summary.frames >= offset / 16 - 2 && *offset >= 64 << 20, "{} frames", summary.frames);
    assert!(cfg!(debug_assertions) || start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn c9_not_a_capture_is_one_line_and_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, bytes) in
        [("empty", &b""[..]), ("text", b"hello, world\n"), ("program", b"\x7fELF\x02\x01\x01\0\0\0\0\0")]
    {
        fs::write(path(name), bytes).unwrap();
        let error = Capture::open(&path(name), &Options::default()).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    fs::write(path("header"), pcap(&[])).unwrap();
    let capture = Capture::open(&path("header"), &Options::default()).unwrap();
    assert_eq!(capture.finish().frames, 0);
}

#[cfg(all(unix, feature = "cli"))]
#[test]
fn c9_not_a_capture_ends_within_a_second_whatever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let loops = folder.path().join("loops");
    fs::create_dir(&loops).unwrap();
    std::os::unix::fs::symlink(&loops, loops.join("again")).unwrap();
    std::os::unix::fs::symlink("nowhere", loops.join("broken")).unwrap();
    fs::write(folder.path().join("text"), "hello, world\n").unwrap();
    let empty = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    for path in
        [&loops, empty.path(), &text, Path::new("/dev/zero"), Path::new("/dev/null"), Path::new("/no/such")]
    {
        let start = Instant::now();
        let output = program(&[path]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.code(), error.lines().count()),
            (Some(2), 1),
            "{}: {error}",
            path.display()
        );
        assert!(start.elapsed() < Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 }));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn c9_not_a_capture_is_refused_though_the_pipe_never_ends() {
    let mut text = Waiting::on(b"hello, world, this is no capture\n");
    let status = text.child.wait().unwrap();
    assert_eq!(status.code(), Some(2));
    // A pipe by name, which somebody holds open.
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = program(&[&pipe]).spawn().unwrap();
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    writer.write_all(b"hello, world, this is no capture\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(2));
    // What may still become a capture is waited for, and an interrupt ends that.
    let mut waiting = Waiting::on(&pcap(&[b"abcd"]));
    assert!(waiting.child.try_wait().unwrap().is_none());
    let id = waiting.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let start = Instant::now();
    waiting.child.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[cfg(feature = "cli")]
#[test]
fn c10_unknown_link_type_is_counted_by_number_and_bytes_and_never_silent() {
    for link in [147, 253, 0x2020, u32::from(u16::MAX)] {
        let data: &[&[u8]] = &[b"abcd", b"efgh"];
        let mut file = pcap(data);
        file[20..24].copy_from_slice(&link.to_le_bytes());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unknown.pcap");
        fs::write(&path, file).unwrap();
        let inspection = inspect::inspect(&[path], Settings::default(), &());
        let census = inspection.census();
        assert_eq!((census.frames(), census.bytes(), census.by_name()["unknown_link_type"]), (2, 8, 2));
        let options = borderpost::report::Options { show_participants: false, list_flows: true };
        let report = borderpost::report::build(&inspection, options);
        let remarks = report.quality.remarks.join("\n");
        assert!(
            remarks.contains(&format!("2 frames counted and not decoded: link type {link}")),
            "{remarks}"
        );
    }
}

#[test]
fn c12_other_files_that_the_user_names_are_errors_and_no_panics() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/eea-meeting.pcapng");
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 7;
    let mut noise = |len: usize| -> Vec<u8> {
        (0..len)
            .map(|_| {
                seed = random(seed);
                seed.to_le_bytes()[3]
            })
            .collect()
    };
    let files = [Vec::new(), noise(10), noise(5_000), vec![0; 4_096], b"\xab\xcd\xefMaxMind.com".to_vec()];
    for (number, bytes) in files.iter().enumerate() {
        for (option, extension) in [
            ("--geoip", "mmdb"),
            ("--override", "toml"),
            ("--register", "toml"),
            ("--geofeed", "csv"),
            ("--ranges", "csv"),
        ] {
            let path = folder.path().join(format!("{number}.{extension}"));
            fs::write(&path, bytes).unwrap();
            let output = program(&[&capture]).arg(option).arg(&path).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("panicked"), "{option} {number}: {said}");
            // An empty list is a list without rows; everything else is refused with the file's name.
            let is_refused =
                output.status.code() == Some(2) && said.contains(&format!("{number}.{extension}"));
            let is_empty_list = bytes.is_empty() && output.status.code() == Some(0);
            assert!(is_refused || is_empty_list, "{option} {number}: {:?} {said}", output.status);
        }
    }
}

#[test]
fn c11_what_the_file_says_about_itself_is_never_believed_and_secrets_never_shown() {
    let option = |code: u16, value: &[u8]| {
        let length = u16::try_from(value.len()).unwrap().to_le_bytes();
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&code.to_le_bytes()[..], &length, value, &padding].concat()
    };
    let secret = b"CLIENT_RANDOM 5ec2e7 5ec2e75ec2e7\n";
    let length = u32::try_from(secret.len()).unwrap();
    let evil = b"\x1b[31mzoom.us\x1b[0m\x07\xe2\x80\xae";
    // A TCP handshake packet to 203.0.113.9, which the file says is zoom.us.
    let ip = b"\x45\0\0\x28\0\0\0\0\x40\x06\0\0\xc0\0\x02\x07\xcb\0\x71\x09\xc0\0\x01\xbb\0\0\0\x01\0\0\0\0\x50\x02\xff\xff\0\0\0\0";
    let file = [
        block(
            0x0a0d0d0a,
            &[&words(&[0x1a2b3c4d, 1, !0, !0])[..], &option(1, evil), &option(4, evil)].concat(),
        ),
        block(1, &[&words(&[101, 0])[..], &option(2, evil), &option(3, evil), &option(1, evil)].concat()),
        block(4, &[option(1, &[&b"\xcb\0\x71\x09"[..], b"log.zoom.us\0"].concat()), option(0, b"")].concat()),
        block(10, &[&words(&[0x544c534b, length])[..], secret].concat()),
        block(6, &[&words(&[0, 0, 7, 40, 40])[..], ip, &option(1, evil), &option(2, &[2, 0, 0, 0])].concat()),
    ]
    .concat();
    let (_, summary) = read(&file).unwrap();
    assert_eq!((summary.claims.names.len(), summary.claims.secrets[&0x544c534b].lines), (1, 1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.pcapng");
    fs::write(&path, &file).unwrap();
    for format in ["table", "json"] {
        let output = program(&[&path]).args(["--format", format, "--color", "never"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let shown = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(shown).unwrap();
        assert!(!text.contains("5ec2e7") && !text.contains("log.zoom.us"), "{text}");
        assert!(
            !text.chars().any(|c| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}'),
            "{text:?}"
        );
        assert!(text.contains("No Zoom traffic") || text.contains("\"recognised\": false"), "{text}");
    }
    for row in corpus().iter().filter(|row| row["flags"].contains("has-DSB")) {
        let (_, summary) = read_row(row);
        assert!(!summary.claims.secrets.is_empty(), "{}", row["file"]);
        assert!(!format!("{summary:?}").contains("CLIENT_"), "{}", row["file"]);
    }
}

/// Number, link type and bytes of a frame.
type Frame = (u64, u16, Vec<u8>);

fn read(bytes: &[u8]) -> Result<(Vec<Frame>, Summary), SourceError> {
    read_by(bytes, &Options::default())
}

fn read_by(bytes: &[u8], options: &Options) -> Result<(Vec<Frame>, Summary), SourceError> {
    let mut capture = Capture::from_reader("hostile", Box::new(Cursor::new(bytes.to_vec())), options)?;
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame() {
        frames.push((frame.number, frame.link.0, frame.data.to_vec()));
    }
    Ok((frames, capture.finish()))
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn pcap(records: &[&[u8]]) -> Vec<u8> {
    pcap_of(65_535, records)
}

fn pcap_of(snap_len: u32, records: &[&[u8]]) -> Vec<u8> {
    let mut file = words(&[0xa1b2c3d4, 0x0004_0002, 0, 0, snap_len, 1]);
    for record in records {
        let length = u32::try_from(record.len()).unwrap();
        file.extend([words(&[1, 2, length, length]), record.to_vec()].concat());
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let total = u32::try_from(body.len() + padding.len() + 12).unwrap();
    [&words(&[kind, total])[..], body, &padding, &words(&[total])].concat()
}

fn section() -> Vec<u8> {
    block(0x0a0d0d0a, &words(&[0x1a2b3c4d, 1, !0, !0]))
}

fn interface(link: u32, snap_len: u32) -> Vec<u8> {
    block(1, &words(&[link, snap_len]))
}

fn packet(interface: u32, ticks: u64, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let (high, low) = ((ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32);
    block(6, &[&words(&[interface, high, low, length, length])[..], data].concat())
}

fn pcapng(packets: &[&[u8]]) -> Vec<u8> {
    let packets: Vec<u8> = packets.iter().flat_map(|data| packet(0, 1, data)).collect();
    [section(), interface(1, 0), packets].concat()
}

/// The next of a sequence without a pattern.
fn random(before: u64) -> u64 {
    before.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 1
}

#[cfg(feature = "cli")]
fn program(paths: &[&Path]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_borderpost"));
    command.arg("inspect").args(paths);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}

/// The program, waiting for more of its standard input.
#[cfg(target_os = "linux")]
struct Waiting {
    child: std::process::Child,
}

#[cfg(target_os = "linux")]
impl Waiting {
    fn on(bytes: &[u8]) -> Self {
        let mut child = program(&[Path::new("-")]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
        std::thread::sleep(Duration::from_millis(500));
        Self { child }
    }

    /// The most memory that it had so far, in KiB.
    fn peak(mut self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
        peak
    }
}

#[cfg(target_os = "linux")]
impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Row = BTreeMap<String, String>;

fn shared() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")).to_owned()
}

/// The table of the files of other projects; empty, and said so, where they are not there.
fn corpus() -> Vec<Row> {
    let Ok(table) = fs::read_to_string(shared().join("expected.tsv")) else {
        let missing = format!("NOT CHECKED: {} is not there, only files made here\n", shared().display());
        std::io::stderr().write_all(missing.as_bytes()).unwrap();
        return Vec::new();
    };
    let mut lines = table.lines().map(|line| line.split('\t'));
    let head: Vec<&str> = lines.next().unwrap().collect();
    lines
        .map(|cells| head.iter().zip(cells).map(|(name, cell)| ((*name).into(), cell.into())).collect())
        .collect()
}

fn path_of(row: &Row) -> PathBuf {
    shared().join(&row["file"])
}

fn read_row(row: &Row) -> (u64, Summary) {
    let (frames, summary) = read(&fs::read(path_of(row)).unwrap()).unwrap();
    (frames.len() as u64, summary)
}

fn accepted(row: &Row, frames: u64) -> bool {
    row["packets"].split('|').any(|packets| packets == frames.to_string())
}
