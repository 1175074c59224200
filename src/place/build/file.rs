//! What a file is, by what is in it.
//!
//! Input: a file's name and bytes. Output: the file with its kind. Names are for people: `asn.csv` may hold countries.
//! Must not: read a file to its end, or keep the bytes of one that is of no use.

use std::net::IpAddr;

use super::super::address::Block;
use super::super::layout::parse_asn;
use super::table;

/// A file of a folder, with what it is.
#[derive(Debug)]
pub struct File {
    name: String,
    kind: FileKind,
    bytes: Vec<u8>,
}

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// A table of AS numbers: `start,end,AS number`, whatever follows.
    AsNumbers,
    /// A table of cloud prefixes: `prefix,provider,region`.
    CloudPrefixes,
    /// A table of cloud regions, whose first line names the columns `provider`, `code` and `country`.
    CloudRegions,
    /// A database in MaxMind's format.
    Database,
    /// Nothing that is read here.
    Other,
    /// A packed file, which is not read.
    Packed {
        /// The command that unpacks it.
        unpack: &'static str,
    },
    /// A table of registrations: `start,end,country`.
    Registrations,
}

impl File {
    /// Recognises a file. The bytes of one that is of no use are dropped.
    #[must_use]
    pub fn new(name: &str, bytes: Vec<u8>) -> Self {
        let kind = recognise(&bytes);
        let is_of_use = !matches!(kind, FileKind::Other | FileKind::Packed { .. });
        Self { name: name.to_owned(), kind, bytes: if is_of_use { bytes } else { Vec::new() } }
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// What is in it; nothing where it is of no use.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn recognise(bytes: &[u8]) -> FileKind {
    if let Some((_, unpack)) = PACKED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return FileKind::Packed { unpack };
    }
    let tail = bytes.get(bytes.len().saturating_sub(METADATA_REACH)..).unwrap_or_default();
    if tail.windows(METADATA_MARK.len()).any(|window| window == METADATA_MARK) {
        return FileKind::Database;
    }
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes));
    // The first row may be the names of the columns.
    table::rows(&head).take(2).find_map(|row| of_row(row.text)).unwrap_or(FileKind::Other)
}

fn of_row(row: &str) -> Option<FileKind> {
    let fields: Vec<&str> = table::fields(row).map(|(_, field)| field).collect();
    if REGION_COLUMNS.iter().all(|column| fields.contains(column)) {
        return Some(FileKind::CloudRegions);
    }
    let [first, second, third, ..] = fields.as_slice() else { return None };
    if fields.len() == 3 && first.contains('/') && Block::try_from((*first).to_owned()).is_ok() {
        return Some(FileKind::CloudPrefixes);
    }
    first.parse::<IpAddr>().ok().and(second.parse::<IpAddr>().ok())?;
    if parse_asn(third).is_some() {
        return Some(FileKind::AsNumbers);
    }
    let is_code = third.is_empty() || (third.len() == 2 && third.bytes().all(|b| b.is_ascii_alphabetic()));
    is_code.then_some(FileKind::Registrations)
}

/// The first bytes of packed files, and what unpacks them.
const PACKED: [(&[u8], &str); 5] = [
    (b"\xfd7zXZ\0", "xz -dk"),
    (b"\x1f\x8b", "gzip -dk"),
    (b"\x28\xb5\x2f\xfd", "zstd -dk"),
    (b"BZh", "bzip2 -dk"),
    (b"PK\x03\x04", "unzip"),
];

/// What stands before the metadata of a database, in its last 128 kB (MaxMind DB 2.0, "Database Metadata").
const METADATA_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
const METADATA_REACH: usize = 128 << 10;

/// As much of a file as is looked at to tell what table it is.
const HEAD: usize = 16 << 10;

/// The columns that a table of cloud regions must have.
pub(super) const REGION_COLUMNS: [&str; 3] = ["provider", "code", "country"];

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8]) -> FileKind {
        File::new("any", bytes.to_vec()).kind()
    }

    #[test]
    fn tables_are_told_apart_by_their_third_column() {
        assert_eq!(kind(b"1.0.0.0,1.0.0.255,AU\n"), FileKind::Registrations);
        assert_eq!(kind(b"2001:200::,2001:200:ffff::,JP\n"), FileKind::Registrations);
        assert_eq!(kind(b"1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n"), FileKind::AsNumbers);
        assert_eq!(kind(b"\"1.0.0.0\",\"1.0.0.255\",\"AS13335\"\r\n"), FileKind::AsNumbers);
        assert_eq!(kind(b"# note\n\nstart,end,country\n1.0.0.0,1.0.0.255,AU\n"), FileKind::Registrations);
        assert_eq!(kind(b"prefix,provider,region\n3.2.34.0/26,aws,af-south-1\n"), FileKind::CloudPrefixes);
        assert_eq!(kind(b"# c\nprovider,code,kind,country\naws,x,region,ZA\n"), FileKind::CloudRegions);
    }

    #[test]
    fn what_is_no_table_is_kept_as_nothing() {
        for text in ["", "# Read me\n\nSome words, more words, and more.\n", "1.0.0.0,1.0.0.255,Australia\n"]
        {
            let file = File::new("README.md", text.as_bytes().to_vec());
            assert_eq!((file.kind(), file.bytes().len()), (FileKind::Other, 0), "{text}");
        }
        assert_eq!(kind(&[0xff; 4096]), FileKind::Other);
    }

    #[test]
    fn packed_files_say_what_unpacks_them() {
        assert_eq!(kind(b"\xfd7zXZ\0\0\x04"), FileKind::Packed { unpack: "xz -dk" });
        assert_eq!(kind(b"\x28\xb5\x2f\xfd\x04"), FileKind::Packed { unpack: "zstd -dk" });
    }

    #[test]
    fn a_database_is_one_by_its_mark() {
        assert_eq!(kind(b"tree and data\xab\xcd\xefMaxMind.com\xe0"), FileKind::Database);
    }
}
