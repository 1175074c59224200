//! Key logs: the secrets of TLS connections, found by the client's random.
//!
//! Input: lines as NSS defined them (`SSLKEYLOGFILE`; draft-ietf-tls-keylogfile), from files and from the decryption secrets
//! blocks of pcapng. Output: [`Keys`], and a [`Tally`] of what the lines were. A line that cannot be read is counted and the rest
//! is read. Must not: let a secret into text, or keep more than [`MAX_SECRETS`].

use std::fmt;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// Most secrets kept; a connection has one in TLS 1.2 and four or five in TLS 1.3.
pub const MAX_SECRETS: usize = 1_000_000;

/// The random of a client's hello, which names a connection in key logs.
pub type Random = [u8; 32];

/// The secrets of all connections that key logs name.
#[derive(Clone, Default)]
pub struct Keys {
    secrets: HashMap<(Random, Label), Secret>,
}

/// What the lines of one key log were.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Secrets that were not known before.
    pub secrets: u64,
    /// Secrets that were known already.
    pub repeated: u64,
    /// Secrets that say something else than was known of the same connection; the first is used.
    pub contradicting: u64,
    /// Lines with a label that serves something else than opening records, such as `EXPORTER_SECRET`.
    pub unused: u64,
    /// Lines with a label that is not known.
    pub unknown: u64,
    /// Lines that are no key log lines.
    pub malformed: u64,
    /// The first of those, from 1.
    pub first_malformed: Option<u64>,
    /// Secrets past the most that are kept.
    pub refused: u64,
}

impl Tally {
    /// Adds the counts of another key log; the first broken line is kept where there was one.
    pub fn add(&mut self, other: &Self) {
        self.secrets += other.secrets;
        self.repeated += other.repeated;
        self.contradicting += other.contradicting;
        self.unused += other.unused;
        self.unknown += other.unknown;
        self.malformed += other.malformed;
        self.first_malformed = self.first_malformed.or(other.first_malformed);
        self.refused += other.refused;
    }
}

impl Keys {
    /// Reads a key log and adds what is new.
    pub fn read(&mut self, log: &[u8]) -> Tally {
        self.read_up_to(MAX_SECRETS, log)
    }

    /// The same, until there are so many secrets, and never more than [`MAX_SECRETS`].
    pub(super) fn read_up_to(&mut self, most: usize, log: &[u8]) -> Tally {
        let mut tally = Tally::default();
        let log = log.strip_prefix(BYTE_ORDER_MARK).unwrap_or(log);
        for (number, line) in (1..).zip(log.split(|byte| *byte == b'\n')) {
            match read_line(line) {
                Line::Nothing => {}
                Line::Secret(random, label, secret) => self.insert((random, label), secret, most, &mut tally),
                Line::Unused => tally.unused += 1,
                Line::Unknown => tally.unknown += 1,
                Line::Malformed => {
                    tally.malformed += 1;
                    tally.first_malformed.get_or_insert(number);
                }
            }
        }
        tally
    }

    fn insert(&mut self, key: (Random, Label), secret: Secret, most: usize, tally: &mut Tally) {
        let has_room = self.secrets.len() < most.min(MAX_SECRETS);
        match self.secrets.entry(key) {
            Entry::Occupied(known) if *known.get() == secret => tally.repeated += 1,
            Entry::Occupied(_) => tally.contradicting += 1,
            Entry::Vacant(place) if has_room => {
                place.insert(secret);
                tally.secrets += 1;
            }
            Entry::Vacant(_) => tally.refused += 1,
        }
    }

    /// About the bytes of memory that they take.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.secrets.len() * Self::EACH
    }

    /// About the bytes that each takes, by how full a table is on average.
    pub const EACH: usize = 128;

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Whether there is a secret of the connection.
    #[must_use]
    pub fn has(&self, random: &Random) -> bool {
        ALL.iter().any(|label| self.secrets.contains_key(&(*random, *label)))
    }

    /// The secrets of a connection; `None` where there is not one.
    pub(super) fn of(&self, random: &Random) -> Option<Secrets> {
        let secret = |label| self.secrets.get(&(*random, label)).copied();
        let secrets = Secrets {
            master: secret(Label::Master),
            client: Traffic {
                early: secret(Label::ClientEarly),
                handshake: secret(Label::ClientHandshake),
                application: secret(Label::ClientApplication),
            },
            server: Traffic {
                early: None,
                handshake: secret(Label::ServerHandshake),
                application: secret(Label::ServerApplication),
            },
        };
        self.has(random).then_some(secrets)
    }
}

/// The number of secrets alone.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("secrets", &self.secrets.len()).finish()
    }
}

/// What a key log says of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secrets {
    /// The master secret of TLS 1.2 and before.
    pub(super) master: Option<Secret>,
    pub(super) client: Traffic,
    pub(super) server: Traffic,
}

impl Secrets {
    /// Whether there are secrets of TLS 1.3.
    pub(super) fn has_traffic(&self) -> bool {
        let has = |of: &Traffic| of.early.or(of.handshake).or(of.application).is_some();
        has(&self.client) || has(&self.server)
    }
}

/// The secrets of one direction in TLS 1.3 (RFC 8446 section 7.1).
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Traffic {
    pub(super) early: Option<Secret>,
    pub(super) handshake: Option<Secret>,
    pub(super) application: Option<Secret>,
}

/// A secret of up to 48 bytes, which no text shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Secret {
    /// The longest there is, in bytes: the master secret, and those of SHA-384.
    pub(super) const MAX: usize = 48;

    /// A secret of so many bytes; what is longer is cut.
    pub(super) fn new(from: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX];
        let len = from.len().min(Self::MAX);
        bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Self { bytes, len: u8::try_from(len).unwrap_or(0) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a secret of {} bytes", self.len)
    }
}

/// What a secret is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Label {
    ClientApplication,
    ClientEarly,
    ClientHandshake,
    Master,
    ServerApplication,
    ServerHandshake,
}

const ALL: [Label; 6] = [
    Label::Master,
    Label::ClientHandshake,
    Label::ClientApplication,
    Label::ServerHandshake,
    Label::ServerApplication,
    Label::ClientEarly,
];

impl Label {
    fn read(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"CLIENT_RANDOM" => Self::Master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Self::ClientEarly,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Self::ClientHandshake,
            b"CLIENT_TRAFFIC_SECRET_0" => Self::ClientApplication,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Self::ServerHandshake,
            b"SERVER_TRAFFIC_SECRET_0" => Self::ServerApplication,
            _ => return None,
        })
    }

    /// Whether a secret of this label can have so many bytes.
    fn allows(self, len: usize) -> bool {
        match self {
            Self::Master => len == 48,
            _ => len == 32 || len == 48,
        }
    }
}

/// What a line says.
enum Line {
    Nothing,
    Secret(Random, Label, Secret),
    Unused,
    Unknown,
    Malformed,
}

fn read_line(line: &[u8]) -> Line {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Line::Nothing;
    }
    if line.len() > MAX_LINE {
        return Line::Malformed;
    }
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let (Some(name), Some(random), Some(secret), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Line::Malformed;
    };
    let Some(label) = Label::read(name) else {
        let is_label = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let is_hex = [random, secret].iter().all(|field| field.iter().all(u8::is_ascii_hexdigit));
        return match is_label && is_hex {
            true if is_known_otherwise(name) => Line::Unused,
            true => Line::Unknown,
            false => Line::Malformed,
        };
    };
    let mut bytes = [0; Secret::MAX];
    let mut known = [0; 32];
    let is_random = unhex(random, &mut known) == Some(known.len());
    match unhex(secret, &mut bytes).filter(|len| is_random && label.allows(*len)) {
        Some(len) => Line::Secret(known, label, Secret::new(bytes.get(..len).unwrap_or_default())),
        None => Line::Malformed,
    }
}

/// Labels of key logs that open no record of TLS over TCP.
fn is_known_otherwise(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 7] = [
        b"EXPORTER_SECRET",
        b"EARLY_EXPORTER_SECRET",
        b"EARLY_EXPORTER_MASTER_SECRET",
        b"RSA",
        b"PMS_CLIENT_RANDOM",
        b"ECH_SECRET",
        b"ECH_CONFIG",
    ];
    const STEMS: [&[u8]; 3] = [b"QUIC_", b"CLIENT_TRAFFIC_SECRET_", b"SERVER_TRAFFIC_SECRET_"];
    NAMES.contains(&name) || STEMS.iter().any(|stem| name.starts_with(stem))
}

/// How many bytes the digits stand for, written to `into`; `None` where they are none, or too many.
fn unhex(digits: &[u8], into: &mut [u8]) -> Option<usize> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let into = into.get_mut(..pairs.len())?;
    for (byte, [high, low]) in into.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(pairs.len())
}

const fn digit(of: u8) -> Option<u8> {
    match of {
        b'0'..=b'9' => Some(of - b'0'),
        b'a'..=b'f' => Some(of - b'a' + 10),
        b'A'..=b'F' => Some(of - b'A' + 10),
        _ => None,
    }
}

/// The longest line that is read. Those of ECH configurations are longer and open nothing.
const MAX_LINE: usize = 1024;
/// What some editors begin a text with.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(label: &str, random: u8, secret: u8, len: usize) -> String {
        format!("{label} {} {}", format!("{random:02x}").repeat(32), format!("{secret:02X}").repeat(len))
    }

    #[test]
    fn every_label_is_found_by_its_random_whatever_ends_the_lines() {
        let log = [
            "\u{FEFF}# made by hand".to_owned(),
            line("CLIENT_RANDOM", 1, 0xAB, 48),
            String::new(),
            line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 2, 1, 32),
            line("SERVER_HANDSHAKE_TRAFFIC_SECRET", 2, 2, 32),
            line("CLIENT_TRAFFIC_SECRET_0", 2, 3, 32),
            line("SERVER_TRAFFIC_SECRET_0", 2, 4, 32),
            line("CLIENT_EARLY_TRAFFIC_SECRET", 2, 5, 32),
            format!("  {}\t", line("CLIENT_TRAFFIC_SECRET_0", 3, 6, 48)),
        ];
        for end in ["\n", "\r\n"] {
            let mut keys = Keys::default();
            let tally = keys.read(log.join(end).as_bytes());
            assert_eq!(tally, Tally { secrets: 7, ..Tally::default() });
            assert_eq!(keys.of(&[1; 32]).unwrap().master.unwrap().bytes(), [0xAB; 48]);
            let of = keys.of(&[2; 32]).unwrap();
            let all = [
                of.client.handshake,
                of.server.handshake,
                of.client.application,
                of.server.application,
                of.client.early,
            ];
            assert_eq!(all.map(|secret| secret.unwrap().bytes()[31]), [1, 2, 3, 4, 5]);
            assert!(of.master.is_none() && of.has_traffic() && !keys.has(&[9; 32]));
            assert_eq!(keys.of(&[3; 32]).unwrap().client.application.unwrap().bytes().len(), 48);
        }
    }

    #[test]
    fn what_is_no_secret_is_counted_by_what_it_is() {
        let log = [
            line("EXPORTER_SECRET", 1, 1, 32),
            line("QUIC_CLIENT_TRAFFIC_SECRET_0", 1, 1, 32),
            line("CLIENT_TRAFFIC_SECRET_1", 1, 1, 32),
            line("NEW_LABEL", 1, 1, 7),
            line("CLIENT_RANDOM", 1, 1, 32),
            line("CLIENT_RANDOM", 1, 1, 48),
            line("CLIENT_RANDOM", 1, 1, 48),
            line("CLIENT_RANDOM", 1, 2, 48),
            "CLIENT_RANDOM 00".to_owned(),
            "x".repeat(5000),
            "\u{1b}[31m aa bb".to_owned(),
        ];
        let mut keys = Keys::default();
        let tally = keys.read(log.join("\n").as_bytes());
        let expected = Tally {
            secrets: 1,
            repeated: 1,
            contradicting: 1,
            unused: 3,
            unknown: 1,
            malformed: 4,
            first_malformed: Some(5),
            refused: 0,
        };
        assert_eq!(tally, expected);
        assert_eq!(keys.of(&[1; 32]).unwrap().master.unwrap().bytes(), [1; 48]);
        assert!(!format!("{keys:?} {:?}", keys.of(&[1; 32])).contains("01"));
    }

    proptest! {
        #[test]
        fn every_line_is_something(lines in prop::collection::vec("[ -~]{0,200}", 0..20)) {
            let mut keys = Keys::default();
            let tally = keys.read(lines.join("\n").as_bytes());
            let something = lines.iter().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
            prop_assert_eq!(tally.unused + tally.unknown + tally.malformed, something.count() as u64);
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            Keys::default().read(&bytes);
        }
    }
}
