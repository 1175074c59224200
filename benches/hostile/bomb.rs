//! G5: a megabyte that unfolds to a gibibyte, in every packing that is read.
//!
//! Input: nothing. Output: time and memory, and the limit that stops it. Must not: unfold it itself.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::Bench;
use crate::child::{self, Limits};
use crate::figure::Figure;
use crate::traffic::Made;

/// Bytes of one piece of the bomb, and how many there are.
const PIECE: usize = 16 << 20;
const PIECES: usize = 64;

/// The figures of G5.
pub(crate) fn figures(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, bomb) in [
        ("gzip, 65 members", members()?),
        ("gzip, one member", gzip()?),
        ("zstd, 65 frames", zstd()),
        ("lz4, 65 frames", lz4()?),
    ] {
        let path = bench.folder.join("bomb.pcap");
        fs::write(&path, &bomb)?;
        for options in [&[][..], &["--max-unpacked", "2147483648"]] {
            let mut arguments: Vec<OsString> =
                ["inspect"].iter().chain(options).map(OsString::from).collect();
            arguments.push(path.clone().into());
            let run = child::run(&arguments, Limits::CORPUS, bench.folder)?;
            let is_stopped = run.err.contains("--max-unpacked");
            let how = match (run.ended, is_stopped) {
                (child::Ended::Exit(0), true) => "stopped at the limit that --max-unpacked raises",
                (child::Ended::Exit(0), false) => "read to the end",
                _ => "failed",
            };
            let is_reached = how != "failed"
                && run.cpu <= Duration::from_secs(5)
                && run.peak <= 64 << 10
                && is_stopped == options.is_empty();
            figures.push(Figure {
                goal: "G5",
                what: format!(
                    "{name}, {} KiB that unfold to 1 GiB{}",
                    bomb.len() >> 10,
                    if options.is_empty() { "" } else { ", with --max-unpacked of 2 GiB" }
                ),
                bound: "at most 5 s and 64 MiB".to_owned(),
                found: format!("{:.2} s and {} MiB, {how}", run.cpu.as_secs_f64(), run.peak >> 10),
                is_reached: Some(is_reached),
            });
        }
    }
    Ok(figures)
}

/// Zeros are records without bytes.
fn piece() -> Vec<u8> {
    vec![0; PIECE]
}

fn members() -> io::Result<Vec<u8>> {
    let packed = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes)?;
        packer.finish()
    };
    Ok([packed(&Made::new().into_bytes())?, packed(&piece())?.repeat(PIECES)].concat())
}

fn gzip() -> io::Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&Made::new().into_bytes())?;
    let piece = piece();
    (0..PIECES).try_for_each(|_| packer.write_all(&piece))?;
    packer.finish()
}

fn zstd() -> Vec<u8> {
    let packed =
        |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    [packed(&Made::new().into_bytes()), packed(&piece()).repeat(PIECES)].concat()
}

fn lz4() -> io::Result<Vec<u8>> {
    let packed = |bytes: &[u8]| {
        let mut packer = lz4_flex::frame::FrameEncoder::new(Vec::new());
        packer.write_all(bytes)?;
        packer.finish().map_err(io::Error::other)
    };
    Ok([packed(&Made::new().into_bytes())?, packed(&piece())?.repeat(PIECES)].concat())
}
