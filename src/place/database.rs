//! Address databases: the embedded one, and the user's own.
//!
//! Input: an address, and databases in MaxMind's format. Output: what each of them answers, with its name and date;
//! what an answer is worth is for [`super::database_witnesses`]. A user's file may have any of the usual layouts; the
//! records are probed, not the file's name.
//! Must not: weigh answers, open files, or trust a database: a broken record is no answer.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use maxminddb::{LookupResult, Metadata, Reader};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Country, classify, layout, walk};
use crate::frame::{Date, Timestamp};

/// The databases of a run: the embedded one first, then the user's in the order given.
#[derive(Debug)]
pub struct Databases {
    files: Vec<File>,
    sources: Vec<Source>,
}

/// Where an answer comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Its name, for people.
    pub name: String,
    /// The day of its data, or on which it was built.
    pub built: Date,
    /// The checksum of the database that was asked, in lower-case hexadecimal.
    pub sha256: String,
    /// Its licence, where it is known.
    pub licence: Option<String>,
    /// The credit that must be shown with results, where one must.
    pub credit: Option<String>,
}

/// What the databases say about an address. Sources are indices into [`Databases::sources`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// The country each database places it in.
    pub countries: Vec<(usize, Country)>,
    /// The country it is registered in, by each database that says so.
    pub registrations: Vec<(usize, Country)>,
    /// The autonomous system that announces it; the last file that says so counts.
    pub asn: Option<u32>,
    /// Who said that.
    pub asn_source: Option<usize>,
    /// The AS's name by the same file.
    pub as_name: Option<String>,
    /// Who says that it is announced from many places at once, if any.
    pub anycast_source: Option<usize>,
}

impl Answer {
    /// The country of registration: the registries' own, where they know the address.
    #[must_use]
    pub fn registered(&self) -> Option<Country> {
        self.registrations.first().map(|(_, country)| *country)
    }

    /// Whether a database flags the address as anycast.
    #[must_use]
    pub fn is_anycast(&self) -> bool {
        self.anycast_source.is_some()
    }
}

/// A database that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// It holds no record, as far as its first thousand networks show.
    #[error("cannot use {file} as an address database: it holds no records")]
    Empty {
        /// The file.
        file: String,
    },
    /// It is not in MaxMind's format, or damaged.
    #[error("cannot use {file} as an address database: {what}")]
    NotADatabase {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// Its records have none of the fields that are looked for.
    #[error(
        "cannot use {file} as an address database: its records hold {}; wanted one of country.iso_code, country_code, \
         registered_country.iso_code, autonomous_system_number, asn",
        listed(.keys)
    )]
    UnknownLayout {
        /// The file.
        file: String,
        /// The keys that its records have.
        keys: Vec<String>,
    },
}

impl Databases {
    /// The embedded database alone.
    #[must_use]
    pub fn embedded() -> Self {
        let parts: Parts = super::embedded("sources.toml", include_str!("../../geoip/sources.toml"));
        let index =
            |field: &str| parts.input.iter().position(|input| input.holds == field).unwrap_or_default();
        let file = File {
            country_source: index("country"),
            registration_source: index("registered_country"),
            asn_source: index("autonomous_system_number"),
            reader: open_embedded(),
            is_heard_on_place: true,
        };
        let source = |input: Part| Source {
            name: input.name,
            built: input.date,
            sha256: parts.built.sha256_unpacked.clone(),
            licence: Some(input.licence),
            credit: Some(input.credit),
        };
        Self { files: vec![file], sources: parts.input.into_iter().map(source).collect() }
    }

    /// Adds a user's database: `name` as it is shown, and its bytes.
    pub fn with_file(mut self, name: &str, bytes: Vec<u8>) -> Result<Self, PlaceError> {
        let broken = |what: String| PlaceError::NotADatabase { file: name.to_owned(), what };
        let sha256 = sha256(&bytes);
        let reader = Reader::from_source(Cow::Owned(bytes)).map_err(|error| broken(error.to_string()))?;
        probe(name, &reader)?;
        let metadata = reader.metadata();
        let source = Source {
            name: format!("{} ({name})", metadata.database_type),
            built: day_built(metadata),
            sha256,
            licence: None,
            credit: None,
        };
        let index = self.sources.len();
        self.sources.push(source);
        self.files.push(File {
            country_source: index,
            registration_source: index,
            asn_source: index,
            reader,
            is_heard_on_place: true,
        });
        Ok(self)
    }

    /// Leaves out where the files so far place addresses: one that is added next alone says so. Their registrations and
    /// AS numbers stay.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        self.files.iter_mut().for_each(|file| file.is_heard_on_place = false);
        self
    }

    /// What the databases say about an address; an IPv4 address inside an IPv6 one is asked for, and an address that is
    /// not public has no answer.
    #[must_use]
    pub fn look_up(&self, address: IpAddr) -> Answer {
        let address = classify(address);
        let mut answer = Answer::default();
        if address.is_public() {
            self.files.iter().for_each(|file| file.add_to(&mut answer, address.routed));
        }
        answer
    }

    /// Where the record of an address stands in each file. Addresses with the same records have the same answer, and finding
    /// records costs a tenth of reading them.
    #[must_use]
    pub fn records(&self, address: IpAddr) -> Vec<Option<usize>> {
        let address = classify(address);
        let public = self.files.iter().filter(|_| address.is_public());
        public.map(|file| file.reader.lookup(address.routed).ok()?.offset()).collect()
    }

    /// The sources of all answers, in the order of their indices.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}

type Bytes = Cow<'static, [u8]>;

/// One file, and which source speaks for each of its fields.
#[derive(Debug)]
struct File {
    reader: Reader<Bytes>,
    country_source: usize,
    registration_source: usize,
    asn_source: usize,
    is_heard_on_place: bool,
}

impl File {
    fn add_to(&self, answer: &mut Answer, address: IpAddr) {
        // An IPv6 address in a database of IPv4 alone is an error of the package's, but no answer is all it means.
        let Ok(record) = self.reader.lookup(address) else {
            return;
        };
        let placed = layout::country(&record).filter(|_| self.is_heard_on_place);
        let placed = placed.map(|(_, country)| (self.country_source, country));
        let registered =
            layout::registration(&record).map(|(_, country)| (self.registration_source, country));
        answer.countries.extend(placed);
        answer.registrations.extend(registered);
        if let Some((_, asn)) = layout::asn(&record) {
            answer.asn = Some(asn);
            answer.asn_source = Some(self.asn_source);
            answer.as_name = layout::as_name(&record).map(|(_, name)| name.to_owned());
        }
        if layout::anycast(&record).is_some_and(|(_, is_anycast)| is_anycast) {
            answer.anycast_source = Some(self.country_source);
        }
    }
}

#[expect(clippy::panic, reason = "the build checks the database's checksum, and a test opens it")]
fn open_embedded() -> Reader<Bytes> {
    Reader::from_source(Cow::Borrowed(EMBEDDED)).unwrap_or_else(|error| panic!("{error}"))
}

/// Refuses a database in whose first thousand networks no field is known.
fn probe(name: &str, reader: &Reader<Bytes>) -> Result<(), PlaceError> {
    let file = || name.to_owned();
    let broken = |what: String| PlaceError::NotADatabase { file: file(), what };
    let mut keys = BTreeSet::new();
    let mut is_empty = true;
    for entry in walk::entries(reader).map_err(broken)?.take(1000) {
        let record = entry.map_err(broken)?.record;
        if is_of_use(&record) {
            return Ok(());
        }
        keys.extend(layout::keys(&record));
        is_empty = false;
    }
    if is_empty {
        return Err(PlaceError::Empty { file: file() });
    }
    Err(PlaceError::UnknownLayout { file: file(), keys: keys.into_iter().collect() })
}

fn is_of_use(record: &LookupResult<'_, Bytes>) -> bool {
    layout::country(record).is_some()
        || layout::registration(record).is_some()
        || layout::asn(record).is_some()
}

/// The day on which a database says that it was built.
pub(super) fn day_built(metadata: &Metadata) -> Date {
    let seconds = i64::try_from(metadata.build_epoch).unwrap_or(i64::MAX);
    Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000)).date()
}

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn listed(keys: &[String]) -> String {
    if keys.is_empty() { "no named fields".to_owned() } else { keys.join(", ") }
}

/// What `sources.toml` holds, as far as it is shown.
#[derive(Deserialize)]
struct Parts {
    built: Built,
    input: Vec<Part>,
}

#[derive(Deserialize)]
struct Built {
    sha256_unpacked: String,
}

#[derive(Deserialize)]
struct Part {
    name: String,
    holds: String,
    date: Date,
    licence: String,
    credit: String,
}

/// Unpacked and checked by the build.
pub(super) static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/default.mmdb"));

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// A MaxMind DB of IPv4 whose one record, `data`, covers every address.
    fn database(data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        // One node of two 24-bit records, both pointing at the start of the data: node count + 16 + offset 0.
        bytes.extend([0, 0, 17, 0, 0, 17]);
        bytes.extend([0; 16]);
        bytes.extend(data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        let epoch = 1_780_272_000_u32.to_be_bytes(); // 2026-06-01
        let metadata = map(&[
            ("node_count", vec![0xc1, 1]),
            ("record_size", vec![0xa1, 24]),
            ("ip_version", vec![0xa1, 4]),
            ("database_type", string("Test")),
            ("languages", vec![0x00, 0x04]),
            ("binary_format_major_version", vec![0xa1, 2]),
            ("binary_format_minor_version", vec![0xa0]),
            ("description", vec![0xe0]),
            ("build_epoch", [&[0x04, 0x02], &epoch[..]].concat()),
        ]);
        bytes.extend(metadata);
        bytes
    }

    fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0xe0 | u8::try_from(entries.len()).unwrap()];
        for (key, value) in entries {
            bytes.extend(string(key));
            bytes.extend(value);
        }
        bytes
    }

    fn string(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        let mut bytes = if length < 29 { vec![0x40 | length] } else { vec![0x5d, length - 29] };
        bytes.extend(text.as_bytes());
        bytes
    }

    fn answer(record: &[(&str, Vec<u8>)]) -> Result<Answer, PlaceError> {
        let databases = Databases { files: Vec::new(), sources: Vec::new() };
        let databases = databases.with_file("own.mmdb", database(&map(record)))?;
        Ok(databases.look_up("8.8.8.8".parse().unwrap()))
    }

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    #[test]
    fn the_embedded_database_opens_at_once_and_answers() {
        let start = Instant::now();
        let databases = Databases::embedded();
        let opening = start.elapsed();
        eprintln!("opening the embedded database took {opening:?}");
        assert!(opening < Duration::from_millis(50), "{opening:?}");
        let answer = databases.look_up("159.124.15.191".parse().unwrap());
        assert_eq!(answer.countries, [(0, country("US"))]);
        assert_eq!(
            (answer.registered(), answer.asn, answer.asn_source),
            (Some(country("US")), Some(30103), Some(2))
        );
        assert!(!answer.is_anycast());
    }

    #[test]
    fn the_embedded_sources_have_date_and_credit() {
        let databases = Databases::embedded();
        let dates: Vec<String> = databases.sources().iter().map(|source| source.built.to_string()).collect();
        assert_eq!(dates, ["2026-06-01", "2026-06-17", "2026-06-17"]);
        let is_credited = |source: &Source| source.licence.is_some() && source.credit.is_some();
        assert!(databases.sources().iter().all(is_credited));
        assert!(databases.sources()[0].credit.as_ref().unwrap().contains("https://db-ip.com"));
    }

    #[test]
    fn addresses_that_are_not_public_have_no_answer() {
        let databases = Databases::embedded();
        for address in [
            "10.0.0.1",
            "100.64.0.1",
            "224.0.0.1",
            "::1",
            "fe80::1",
            "2001:db8::1",
            "::ffff:192.168.0.1",
            "2200::1",
        ] {
            assert_eq!(databases.look_up(address.parse().unwrap()), Answer::default(), "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_asked_for() {
        let databases = Databases::embedded();
        let plain = databases.look_up("159.124.15.191".parse().unwrap());
        for wrapped in ["::ffff:159.124.15.191", "64:ff9b::159.124.15.191", "2002:9f7c:fbf::1"] {
            assert_eq!(databases.look_up(wrapped.parse().unwrap()), plain, "{wrapped}");
        }
    }

    #[test]
    fn maxmind_layouts_are_read() {
        let record = [
            ("country", map(&[("iso_code", string("NL"))])),
            ("registered_country", map(&[("iso_code", string("US"))])),
            ("traits", map(&[("is_anycast", vec![0x01, 0x07])])),
            ("autonomous_system_number", vec![0xc2, 0x75, 0x97]),
            ("autonomous_system_organization", string("ZOOM-VIDEO-COMM-AS")),
        ];
        let answer = answer(&record).unwrap();
        assert_eq!(
            (answer.countries, answer.registrations),
            (vec![(0, country("NL"))], vec![(0, country("US"))])
        );
        assert_eq!((answer.asn, answer.as_name.as_deref()), (Some(30103), Some("ZOOM-VIDEO-COMM-AS")));
        assert_eq!(answer.anycast_source, Some(0));
    }

    #[test]
    fn flat_layouts_are_read() {
        let found = answer(&[("country_code", string("DE")), ("is_anycast", vec![0x00, 0x07])]).unwrap();
        assert_eq!((found.countries.len(), found.is_anycast()), (1, false));
        let found = answer(&[
            ("country", string("Germany")),
            ("country_code", string("DE")),
            ("asn", string("AS3320")),
        ]);
        let found = found.unwrap();
        assert_eq!((found.countries, found.asn), (vec![(0, country("DE"))], Some(3320)));
        assert_eq!(answer(&[("country", string("FR"))]).unwrap().countries, [(0, country("FR"))]);
    }

    #[test]
    fn pseudo_codes_are_no_answer() {
        let found = answer(&[("country_code", string("EU")), ("asn", vec![0xc1, 7])]).unwrap();
        assert_eq!((found.countries, found.asn), (vec![], Some(7)));
    }

    #[test]
    fn unknown_layouts_are_refused_with_their_keys() {
        let error = answer(&[("postcode", string("1011")), ("city", string("Amsterdam"))]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use own.mmdb as an address database: its records hold city, postcode; wanted one of country.iso_code, \
             country_code, registered_country.iso_code, autonomous_system_number, asn"
        );
        let text = Databases::embedded().with_file("notes.txt", b"no database".to_vec()).unwrap_err();
        assert!(matches!(text, PlaceError::NotADatabase { .. }), "{text}");
    }

    #[test]
    fn a_user_file_is_a_source_of_its_own() {
        let record = map(&[("country_code", string("NL"))]);
        let databases = Databases::embedded().with_file("own.mmdb", database(&record)).unwrap();
        let source = &databases.sources()[3];
        assert_eq!(
            (source.name.as_str(), source.built.to_string().as_str()),
            ("Test (own.mmdb)", "2026-06-01")
        );
        let answer = databases.look_up("159.124.15.191".parse().unwrap());
        assert_eq!(answer.countries, [(0, country("US")), (3, country("NL"))]);
        assert_eq!(answer.asn, Some(30103));
        assert_eq!(databases.look_up("2001:4860::1".parse().unwrap()).countries.len(), 1);
    }

    #[test]
    fn a_database_cut_at_any_length_never_panics() {
        let whole =
            database(&map(&[("country", map(&[("iso_code", string("NL"))])), ("asn", vec![0xc1, 7])]));
        for length in 0..whole.len() {
            let databases = Databases { files: Vec::new(), sources: Vec::new() };
            if let Ok(databases) = databases.with_file("cut", whole[..length].to_vec()) {
                let _ = databases.look_up("8.8.8.8".parse().unwrap());
            }
        }
    }
}
