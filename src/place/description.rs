//! What an address database is: its type, day, checksum, networks and fields, without asking it for an address.
//!
//! Input: a database's bytes, or the embedded one. Output: a [`Description`].
//! Must not: judge an answer, know today's date, or open a file.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use maxminddb::Reader;

use super::database::{self, PlaceError};
use super::{layout, walk};
use crate::frame::Date;

/// What an address database is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// What it calls itself.
    pub database_type: String,
    /// The day on which it says that it was built.
    pub built: Date,
    /// The checksum of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The IPv4 networks that have a record. A range that is no network by itself counts as the several that make it.
    pub ipv4_networks: u64,
    /// The IPv6 networks that have a record.
    pub ipv6_networks: u64,
    /// The fields that answers are read from, such as `country.iso_code`, in alphabetical order.
    pub fields: Vec<String>,
    /// The keys that its records have, known or not, in alphabetical order.
    pub keys: Vec<String>,
}

impl Description {
    /// Describes the database in `bytes`; `name` is used in errors. One whose records hold nothing that is looked for
    /// has no [`fields`](Self::fields).
    pub fn of(name: &str, bytes: &[u8]) -> Result<Self, PlaceError> {
        let broken = |what: String| PlaceError::NotADatabase { file: name.to_owned(), what };
        let reader = Reader::from_source(bytes).map_err(|error| broken(error.to_string()))?;
        let mut description = Self {
            database_type: reader.metadata().database_type.clone(),
            built: database::day_built(reader.metadata()),
            sha256: database::sha256(bytes),
            ipv4_networks: 0,
            ipv6_networks: 0,
            fields: Vec::new(),
            keys: Vec::new(),
        };
        description.count(&reader).map_err(broken)?;
        Ok(description)
    }

    /// Describes the embedded database.
    pub fn embedded() -> Result<Self, PlaceError> {
        Self::of("the embedded database", database::EMBEDDED)
    }

    /// Looks at every network, and once at each record, which thousands of networks may share.
    fn count(&mut self, reader: &Reader<&[u8]>) -> Result<(), String> {
        let mut seen = HashSet::new();
        let (mut fields, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for entry in walk::entries(reader)? {
            let entry = entry?;
            match entry.first {
                IpAddr::V4(_) => self.ipv4_networks += 1,
                IpAddr::V6(_) => self.ipv6_networks += 1,
            }
            if seen.insert(entry.record.offset()) {
                fields.extend(layout::known_fields(&entry.record).map(|path| path.join(".")));
                keys.extend(layout::keys(&entry.record));
            }
        }
        self.fields = fields.into_iter().collect();
        self.keys = keys.into_iter().collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, placed};
    use super::*;

    #[test]
    fn a_database_is_described_by_its_networks_and_fields() {
        let bytes = sample::database(&[
            ("10.0.0.0/8", placed("NL")),
            ("192.0.2.0/25", placed("NL")),
            ("2001:db8::/32", mmdb_writer::Value::map([("city", "Utrecht")])),
        ]);
        let description = Description::of("own.mmdb", &bytes).unwrap();
        assert_eq!((description.ipv4_networks, description.ipv6_networks), (2, 1));
        assert_eq!(
            (description.database_type.as_str(), description.built.to_string()),
            ("Sample", "2026-06-01".into())
        );
        assert_eq!(
            (description.fields, description.keys),
            (vec!["country_code".into()], vec!["city".into(), "country_code".into()])
        );
        assert_eq!(description.sha256, database::sha256(&bytes));
    }

    #[test]
    fn what_is_no_database_is_named() {
        let error = Description::of("notes.txt", b"no database").unwrap_err().to_string();
        assert!(error.starts_with("cannot use notes.txt as an address database: "), "{error}");
    }

    #[test]
    fn the_embedded_database_has_the_layout_of_maxmind() {
        let description = Description::embedded().unwrap();
        assert_eq!(
            description.fields,
            ["autonomous_system_number", "country.iso_code", "registered_country.iso_code"]
        );
        let stated = super::super::Databases::embedded().sources()[0].sha256.clone();
        assert_eq!(description.sha256, stated);
        assert!(description.ipv4_networks > 900_000 && description.ipv6_networks > 700_000);
    }
}
