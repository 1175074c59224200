//! The one form of zip that bundles are written in: entries one after the other in the order of their names, captures as they are,
//! texts deflated, the same time for all. No byte of it is free, so that every altered one is seen.
//!
//! Input: contents and a writer; or a file. Output: a zip that every unpacker reads; or the entries of one, if it is byte for
//! byte what is written here. Must not: believe a size, or unpack more than was declared and is allowed.
//! Format: PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16, without zip64.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::name::refusal;
use super::{BundleError, MAX_FILES, MAX_TEXT, MAX_TEXTS, copy};

/// How an entry's bytes lie in the zip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) method: Method,
    crc: u32,
    /// Its bytes in the zip.
    packed: u32,
    /// Its bytes unpacked.
    pub(super) size: u32,
    /// Where its header begins.
    offset: u32,
}

impl Entry {
    /// What the header of an entry and its line in the directory have in common.
    fn common(&self) -> Vec<u8> {
        let method = match self.method {
            Method::Stored => STORED,
            Method::Deflated => DEFLATED,
        };
        let mut bytes = Vec::with_capacity(26);
        for field in [VERSION, 0, method, 0, FIRST_DAY] {
            bytes.extend(field.to_le_bytes());
        }
        for field in [self.crc, self.packed, self.size] {
            bytes.extend(field.to_le_bytes());
        }
        let name = u16::try_from(self.name.len()).unwrap_or(u16::MAX);
        bytes.extend(name.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    fn header(&self) -> Vec<u8> {
        [&HEADER_MAGIC[..], &self.common(), self.name.as_bytes()].concat()
    }

    fn line(&self) -> Vec<u8> {
        let version = VERSION.to_le_bytes();
        let offset = self.offset.to_le_bytes();
        // No comment, disk 0, no attributes.
        [&LINE_MAGIC[..], &version, &self.common(), &[0; 10], &offset, self.name.as_bytes()].concat()
    }

    /// Where its bytes begin.
    fn start(&self) -> u64 {
        u64::from(self.offset) + (HEADER_LEN + self.name.len()) as u64
    }

    fn end(&self) -> u64 {
        self.start() + u64::from(self.packed)
    }

    /// Where its bytes lie in the file, and how many.
    pub(super) fn part(&self) -> (u64, u64) {
        (self.start(), u64::from(self.packed))
    }
}

/// Writes a zip, entry by entry; names come in their order.
pub(super) struct Writer<W> {
    out: W,
    at: u64,
    entries: Vec<Entry>,
}

impl<W: Write + Seek> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, at: 0, entries: Vec::new() }
    }

    /// Adds a text, deflated.
    pub(super) fn text(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        let packed = deflated(text)?;
        let mut crc = Crc::new();
        crc.update(text);
        let size = short(text.len() as u64)?;
        let entry = self.entry(name, Method::Deflated)?;
        let entry = Entry { crc: crc.sum(), packed: short(packed.len() as u64)?, size, ..entry };
        self.out.write_all(&entry.header())?;
        self.out.write_all(&packed)?;
        self.took(entry)
    }

    /// Adds what a reader hands out, as it is. `see` is shown all of it.
    pub(super) fn stored(
        &mut self,
        name: &str,
        reader: &mut dyn Read,
        mut see: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let entry = self.entry(name, Method::Stored)?;
        // Its sum and size are known once it was read.
        self.out.write_all(&entry.header())?;
        let (mut crc, mut size) = (Crc::new(), 0_u64);
        copy(reader, |bytes| {
            crc.update(bytes);
            see(bytes);
            size = size.saturating_add(bytes.len() as u64);
            short(size)?;
            self.out.write_all(bytes)
        })?;
        let entry = Entry { crc: crc.sum(), packed: short(size)?, size: short(size)?, ..entry };
        self.out.seek(SeekFrom::Start(self.at))?;
        self.out.write_all(&entry.header())?;
        self.out.seek(SeekFrom::Start(entry.end()))?;
        self.took(entry)
    }

    /// Writes the directory.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let lines: Vec<u8> = self.entries.iter().flat_map(Entry::line).collect();
        let end = end(self.entries.len(), lines.len(), self.at)?;
        self.out.write_all(&lines)?;
        self.out.write_all(&end)?;
        self.out.flush()
    }

    fn entry(&self, name: &str, method: Method) -> io::Result<Entry> {
        let offset = short(self.at)?;
        Ok(Entry { name: name.to_owned(), method, crc: 0, packed: 0, size: 0, offset })
    }

    fn took(&mut self, entry: Entry) -> io::Result<()> {
        self.at = entry.end();
        short(self.at)?;
        self.entries.push(entry);
        Ok(())
    }
}

/// A size that this form of zip has room for.
fn short(size: u64) -> io::Result<u32> {
    u32::try_from(size).map_err(|_| {
        io::Error::new(io::ErrorKind::FileTooLarge, "a zip holds less than 4 GiB here: name a folder instead")
    })
}

/// The record at a zip's end.
fn end(entries: usize, directory: usize, at: u64) -> io::Result<Vec<u8>> {
    let entries = u16::try_from(entries).map_err(|_| io::Error::other("too many files for a zip"))?;
    let count = entries.to_le_bytes();
    let sizes = [short(directory as u64)?.to_le_bytes(), short(at)?.to_le_bytes()].concat();
    Ok([&END_MAGIC[..], &[0; 4], &count, &count, &sizes, &[0, 0]].concat())
}

/// A text as it is packed here: the same text gives the same bytes.
pub(super) fn deflated(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text)?;
    packer.finish()
}

/// The entries of a zip, each looked at but for its own bytes; `shown` is what errors call the file.
pub(super) fn entries(file: &mut File, shown: &str) -> Result<Vec<Entry>, BundleError> {
    let unreadable = |error: io::Error| BundleError::new(shown, error.to_string(), "check the file");
    let odd = |what: String| BundleError::new(shown, what, REPACKED);
    let len = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let record = at(file, len.saturating_sub(END_LEN as u64), END_LEN).map_err(unreadable)?;
    if record.len() < END_LEN || !record.starts_with(&END_MAGIC) {
        return Err(without_end(file, shown, len));
    }
    let (count, size, offset) = (number(&record, 10, 2), number(&record, 12, 4), number(&record, 16, 4));
    if count > MAX_FILES as u64 || size > count * (LINE_LEN + usize::from(u8::MAX)) as u64 {
        return Err(odd(format!(
            "it lists {count} files in {size} bytes; a bundle has at most {MAX_FILES} files"
        )));
    }
    let canonical = end(
        usize::try_from(count).unwrap_or(usize::MAX),
        usize::try_from(size).unwrap_or(usize::MAX),
        offset,
    );
    let is_canonical = canonical.is_ok_and(|canonical| canonical == record);
    if !is_canonical || offset + size + END_LEN as u64 != len {
        return Err(odd("the record at its end is not that of a bundle".to_owned()));
    }
    let directory = at(file, offset, usize::try_from(size).unwrap_or_default()).map_err(unreadable)?;
    let entries = lines(&directory, count).map_err(odd)?;
    check_layout(file, &entries, offset).map_err(|what| what.unwrap_or_else(unreadable, odd))?;
    Ok(entries)
}

/// Either the system does not hand out the bytes, or they are not as they should be.
enum Fault {
    Io(io::Error),
    Odd(String),
}

impl Fault {
    fn unwrap_or_else(
        self,
        io: impl Fn(io::Error) -> BundleError,
        odd: impl Fn(String) -> BundleError,
    ) -> BundleError {
        match self {
            Self::Io(error) => io(error),
            Self::Odd(what) => odd(what),
        }
    }
}

/// The lines of the directory: every byte of them is accounted for, and names come in their order, each once.
fn lines(directory: &[u8], count: u64) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut names = BTreeSet::new();
    let mut rest = directory;
    for _ in 0..count {
        let len = usize::try_from(number(rest, 28, 2)).unwrap_or_default();
        let name = rest.get(LINE_LEN..LINE_LEN + len).and_then(|name| str::from_utf8(name).ok());
        let Some(name) = name else {
            return Err("its list of files ends early, or a name is no text".to_owned());
        };
        if let Some(what) = refusal(name) {
            return Err(format!("it lists {what}: {name}"));
        }
        let method = match number(rest, 10, 2) {
            0 => Method::Stored,
            _ => Method::Deflated,
        };
        let field = |from| u32::try_from(number(rest, from, 4)).unwrap_or(u32::MAX);
        let entry = Entry {
            name: name.to_owned(),
            method,
            crc: field(16),
            packed: field(20),
            size: field(24),
            offset: field(42),
        };
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(format!("it lists {name} twice"));
        }
        if entries.last().is_some_and(|last| last.name > entry.name) {
            return Err(format!("{name} is not in its place in the list of files"));
        }
        let line = entry.line();
        let Some(after) = rest.strip_prefix(&line[..]) else {
            return Err(format!("the line of {name} in the list of files is not that of a bundle"));
        };
        rest = after;
        entries.push(entry);
    }
    if rest.is_empty() { Ok(entries) } else { Err("its list of files is longer than it says".to_owned()) }
}

/// Entries lie one after the other from the first byte to the directory, and no text unpacks to more than is read.
fn check_layout(file: &mut File, entries: &[Entry], directory: u64) -> Result<(), Fault> {
    let (mut at_byte, mut texts) = (0, 0_u64);
    for entry in entries {
        if u64::from(entry.offset) != at_byte || entry.end() > directory {
            return Err(Fault::Odd(format!("{} does not lie where it should", entry.name)));
        }
        let header = at(file, at_byte, HEADER_LEN + entry.name.len()).map_err(Fault::Io)?;
        if header != entry.header() {
            return Err(Fault::Odd(format!("the header of {} is not that of a bundle", entry.name)));
        }
        let size = u64::from(entry.size);
        match entry.method {
            Method::Stored if entry.packed != entry.size => {
                return Err(Fault::Odd(format!("{} has two sizes", entry.name)));
            }
            Method::Stored => {}
            Method::Deflated => texts = texts.saturating_add(size),
        }
        let is_bomb = entry.method == Method::Deflated && (size > MAX_TEXT || texts > MAX_TEXTS);
        if is_bomb || size > (u64::from(entry.packed) + 1) * MOST_DEFLATED {
            let most = MAX_TEXT >> 20;
            let what = format!(
                "{} would unpack to {size} bytes; texts of a bundle have at most {most} MiB",
                entry.name
            );
            return Err(Fault::Odd(what));
        }
        at_byte = entry.end();
    }
    if at_byte == directory {
        Ok(())
    } else {
        Err(Fault::Odd("there are bytes between its files".to_owned()))
    }
}

/// Unpacks an entry, never more than it declares; the sum of what came has to be the declared one.
pub(super) fn unpack(mut file: &File, entry: &Entry, take: impl FnMut(&[u8])) -> Result<(), String> {
    let unreadable = |error: io::Error| error.to_string();
    file.seek(SeekFrom::Start(entry.start())).map_err(unreadable)?;
    let bytes = file.take(u64::from(entry.packed));
    match entry.method {
        Method::Stored => pour(bytes, entry, take).map(|_| ()),
        Method::Deflated => {
            let mut take = take;
            let mut whole = Vec::new();
            let unpacker = pour(DeflateDecoder::new(bytes), entry, |bytes| {
                whole.extend_from_slice(bytes);
                take(bytes);
            })?;
            if unpacker.total_in() != u64::from(entry.packed) {
                return Err("there are bytes behind its end".to_owned());
            }
            check_packing(unpacker.into_inner().into_inner(), entry, &whole)
        }
    }
}

/// The unused bits of a packed text say nothing, and are looked at all the same.
fn check_packing(mut file: &File, entry: &Entry, whole: &[u8]) -> Result<(), String> {
    let packed = deflated(whole).map_err(|error| error.to_string())?;
    let stored = at(&mut file, entry.start(), usize::try_from(entry.packed).unwrap_or_default());
    if stored.is_ok_and(|stored| stored == packed) {
        return Ok(());
    }
    Err("it is packed otherwise than this program packs it".to_owned())
}

fn pour<R: Read>(reader: R, entry: &Entry, mut take: impl FnMut(&[u8])) -> Result<R, String> {
    // One byte more than declared shows that there is more.
    let mut reader = reader.take(u64::from(entry.size) + 1);
    let (mut crc, mut size) = (Crc::new(), 0_u64);
    copy(&mut reader, |bytes| {
        crc.update(bytes);
        size = size.saturating_add(bytes.len() as u64);
        take(bytes);
        Ok(())
    })
    .map_err(|error| format!("it does not unpack: {error}"))?;
    if size != u64::from(entry.size) {
        return Err(format!("it unpacks to other than the {} bytes that it declares", entry.size));
    }
    if crc.sum() != entry.crc {
        return Err("its checksum in the zip is another one".to_owned());
    }
    Ok(reader.into_inner())
}

/// Why there is no record at the end.
fn without_end(file: &mut File, shown: &str, len: u64) -> BundleError {
    let first = at(file, 0, HEADER_MAGIC.len()).unwrap_or_default();
    if first == HEADER_MAGIC {
        return BundleError::new(
            shown,
            format!("a zip that is cut short after {len} bytes, or has bytes behind its end"),
            super::manifest::AGAIN,
        );
    }
    BundleError::new(shown, "neither a folder nor a zip", "name a bundle that `inspect -o` wrote")
}

/// So many bytes from there on; fewer where the file ends.
fn at<R: Read + Seek>(file: &mut R, from: u64, len: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    Read::by_ref(file).take(len as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A number of up to 8 bytes, the lowest first; 0 where the bytes end before.
fn number(bytes: &[u8], from: usize, len: usize) -> u64 {
    let field = bytes.get(from..from + len).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What to do about a zip that is not as it was written.
const REPACKED: &str = "it was altered, or packed again by another program: ask for another copy, or unpack it and verify the folder";

const HEADER_MAGIC: [u8; 4] = *b"PK\x03\x04";
const LINE_MAGIC: [u8; 4] = *b"PK\x01\x02";
const END_MAGIC: [u8; 4] = *b"PK\x05\x06";
/// Bytes of a header, a line of the directory, and the record at the end, without names.
const HEADER_LEN: usize = 30;
const LINE_LEN: usize = 46;
const END_LEN: usize = 22;
/// Version 2.0 of the format is the one that first had deflate.
const VERSION: u16 = 20;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// 1980-01-01, the first day that a zip can state: a bundle has no clock.
const FIRST_DAY: u16 = 0x21;
/// Deflate makes at most 1,032 bytes of one.
const MOST_DEFLATED: u64 = 1032;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(entries: &[(&str, &[u8], Method)]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = Writer::new(&mut file);
        for (name, bytes, method) in entries {
            match method {
                Method::Deflated => writer.text(name, bytes).unwrap(),
                Method::Stored => writer.stored(name, &mut &bytes[..], |_| {}).unwrap(),
            }
        }
        writer.finish().unwrap();
        file
    }

    fn sample() -> File {
        let text = "borderpost ".repeat(500);
        written(&[
            ("a.txt", text.as_bytes(), Method::Deflated),
            ("empty", b"", Method::Deflated),
            ("inputs/b", b"\x0a\x0d\x0d\x0a bytes", Method::Stored),
        ])
    }

    fn bytes(file: &mut File) -> Vec<u8> {
        at(file, 0, 1 << 20).unwrap()
    }

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Whether everything of it is as it was written.
    fn read(file: &mut File) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut all = Vec::new();
        for entry in entries(file, "x.zip").map_err(|error| error.to_string())? {
            let mut bytes = Vec::new();
            unpack(file, &entry, |part| bytes.extend_from_slice(part))?;
            all.push((entry.name, bytes));
        }
        Ok(all)
    }

    #[test]
    fn what_is_written_is_read_and_is_the_same_each_time() {
        let (mut one, mut two) = (sample(), sample());
        assert_eq!(bytes(&mut one), bytes(&mut two));
        let all = read(&mut one).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].1, "borderpost ".repeat(500).into_bytes());
        assert_eq!(all[2], ("inputs/b".to_owned(), b"\x0a\x0d\x0d\x0a bytes".to_vec()));
    }

    #[test]
    fn every_bit_counts() {
        let good = bytes(&mut sample());
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // The bytes of what is stored have their checksum, too.
                assert!(read(&mut file_of(&bad)).is_err(), "bit {bit} of byte {at} of {}", good.len());
            }
        }
    }

    #[test]
    fn a_zip_that_is_cut_is_refused_wherever_it_is() {
        let good = bytes(&mut sample());
        for len in 0..good.len() {
            assert!(entries(&mut file_of(&good[..len]), "x.zip").is_err(), "{len}");
        }
        let refused = entries(&mut file_of(&good[..100]), "x.zip").unwrap_err().to_string();
        assert!(refused.contains("cut short after 100 bytes"), "{refused}");
        let refused = entries(&mut file_of(b"hello"), "x.zip").unwrap_err().to_string();
        assert!(refused.contains("neither a folder nor a zip"), "{refused}");
    }

    #[test]
    fn hostile_lists_are_refused() {
        let refused = |names: &[&str]| {
            let all: Vec<_> = names.iter().map(|name| (*name, &b"x"[..], Method::Deflated)).collect();
            entries(&mut written(&all), "x.zip").unwrap_err().to_string()
        };
        assert!(refused(&["../out"]).contains("leads out of the bundle: ../out"));
        assert!(refused(&["/etc/passwd"]).contains("does not start in the bundle"));
        assert!(refused(&["a", "a"]).contains("lists a twice"));
        assert!(refused(&["A", "a"]).contains("lists a twice"));
        assert!(refused(&["b", "a"]).contains("not in its place"));
    }

    #[test]
    fn what_would_unpack_to_too_much_is_refused_by_its_declared_and_by_its_real_size() {
        let zeros = vec![0; 1 << 20];
        let good = written(&[("a", &zeros, Method::Deflated)]);
        let entry = entries(&mut good.try_clone().unwrap(), "x.zip").unwrap().remove(0);
        let declared = |size: u32| {
            let lies = Entry { size, ..entry.clone() };
            let mut whole = lies.header();
            whole.extend(at(&mut good.try_clone().unwrap(), entry.start(), entry.packed as usize).unwrap());
            let directory = lies.line();
            let tail = end(1, directory.len(), whole.len() as u64).unwrap();
            whole.extend(directory);
            whole.extend(tail);
            read(&mut file_of(&whole)).unwrap_err()
        };
        assert!(declared((1 << 30) + 1).contains("would unpack to"));
        assert!(declared(u32::MAX).contains("would unpack to"));
        assert!(declared(1000).contains("other than the 1000 bytes"));
        assert!(declared((1 << 20) + 1).contains("bytes that it declares"));
    }
}
