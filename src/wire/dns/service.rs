//! SVCB and HTTPS records: under which other name, address, port and protocol a service is reached (RFC 9460).
//!
//! Input: a record's data. Output: a [`Service`], or nothing where a client would have to reject the record. Names in
//! the data are never compressed (section 2.2), so nothing outside it is looked at. Must not: look up the target, or
//! keep more than the data hold.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::cursor::Cursor;
use crate::wire::{Hostname, printable};

/// What a record of type SVCB or HTTPS says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// 0 in alias mode, where the record says no more than the target; else the lower the more wanted.
    pub priority: u16,
    /// Under which name it is reached.
    pub target: ServiceTarget,
    /// The protocols it speaks beside the default one (RFC 7301), most wanted first; what is not printable is escaped.
    pub alpn: Vec<Box<str>>,
    /// Its port, where that is not the default one.
    pub port: Option<u16>,
    /// Addresses at which it is reached, to be used until the target's own are known (section 7.3): `ipv4hint`, then
    /// `ipv6hint`.
    pub hints: Vec<IpAddr>,
    /// Whether a configuration for an encrypted ClientHello is there: then a client that uses it shows the name of the
    /// front and hides that of the service.
    pub ech: bool,
}

/// The target of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServiceTarget {
    /// The root: the owner itself, and in alias mode that there is no such service (section 2.5).
    Owner,
    /// Another name.
    Name(Hostname),
    /// A name that is no host name.
    Other,
}

/// Reads a record's data; `None` where they break a rule for which clients reject them (section 2.2).
pub(super) fn service(data: &[u8]) -> Option<Service> {
    let mut cursor = Cursor::new(data);
    let priority = cursor.u16()?;
    let mut service = Service {
        priority,
        target: target(&mut cursor)?,
        alpn: Vec::new(),
        port: None,
        hints: Vec::new(),
        ech: false,
    };
    let mut keys = Keys::default();
    while !cursor.is_empty() {
        let key = cursor.u16()?;
        keys.note(key)?;
        service.parameter(key, cursor.vector16()?, &mut keys)?;
    }
    if priority == ALIAS_MODE {
        // Parameters are to be passed over there (section 2.4.2).
        return Some(Service { alpn: Vec::new(), port: None, hints: Vec::new(), ech: false, ..service });
    }
    keys.hold().then_some(service)
}

impl Service {
    /// Takes one parameter; `None` where its value is malformed (section 7).
    fn parameter(&mut self, key: u16, value: &[u8], keys: &mut Keys) -> Option<()> {
        match key {
            MANDATORY => keys.mandatory = mandatory(value)?,
            ALPN => self.alpn = protocols(value)?,
            NO_DEFAULT_ALPN => return value.is_empty().then_some(()),
            PORT => self.port = Some(u16::from_be_bytes(value.try_into().ok()?)),
            IPV4_HINT => self.hints.extend(addresses::<4>(value)?.map(Ipv4Addr::from).map(IpAddr::from)),
            IPV6_HINT => self.hints.extend(addresses::<16>(value)?.map(Ipv6Addr::from).map(IpAddr::from)),
            ECH if value.is_empty() => return None,
            ECH => self.ech = true,
            _ => {}
        }
        Some(())
    }
}

/// The keys of a record's parameters, which stand in strictly rising order.
#[derive(Default)]
struct Keys {
    seen: Vec<u16>,
    /// Those that the record says a client has to know.
    mandatory: Vec<u16>,
}

impl Keys {
    fn note(&mut self, key: u16) -> Option<()> {
        let rises = self.seen.last().is_none_or(|&before| before < key);
        self.seen.push(key);
        rises.then_some(())
    }

    /// Whether each mandatory key is there, and no key that needs another stands alone (sections 7.1.1, 8).
    fn hold(&self) -> bool {
        let has = |key: &u16| self.seen.binary_search(key).is_ok();
        self.mandatory.iter().all(has) && (has(&ALPN) || !has(&NO_DEFAULT_ALPN))
    }
}

/// The keys in a `mandatory` parameter: at least one, in strictly rising order, not `mandatory` itself (section 8).
fn mandatory(value: &[u8]) -> Option<Vec<u16>> {
    let (pairs, rest) = value.as_chunks();
    let keys: Vec<u16> = pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect();
    let is_sound = rest.is_empty() && keys.first()? != &MANDATORY && keys.is_sorted_by(|a, b| a < b);
    is_sound.then_some(keys)
}

/// The names in an `alpn` parameter: at least one, none of them empty (section 7.1.1).
fn protocols(value: &[u8]) -> Option<Vec<Box<str>>> {
    let mut cursor = Cursor::new(value);
    let mut names = Vec::new();
    while !cursor.is_empty() {
        let name = cursor.vector8().filter(|name| !name.is_empty())?;
        names.push(printable(&String::from_utf8_lossy(name), MAX_PROTOCOL));
    }
    (!names.is_empty()).then_some(names)
}

/// The addresses in a hint of `N` bytes each: at least one (section 7.3).
fn addresses<const N: usize>(value: &[u8]) -> Option<impl Iterator<Item = [u8; N]>> {
    let (addresses, rest) = value.as_chunks::<N>();
    (!addresses.is_empty() && rest.is_empty()).then(|| addresses.iter().copied())
}

/// Reads the target's name. A byte that would begin a pointer is an error, as is a name without an end.
fn target(cursor: &mut Cursor<'_>) -> Option<ServiceTarget> {
    let mut text = Vec::new();
    let mut is_host = true;
    loop {
        let length = cursor.u8().filter(|&length| length <= MAX_LABEL)?;
        if length == 0 {
            break;
        }
        let label = cursor.take(length.into())?;
        is_host &= !label.contains(&b'.');
        text.extend_from_slice(label);
        text.push(b'.');
        if text.len() > super::MAX_NAME {
            return None;
        }
    }
    if text.is_empty() {
        return Some(ServiceTarget::Owner);
    }
    let name = Hostname::parse(&text).filter(|_| is_host);
    Some(name.map_or(ServiceTarget::Other, ServiceTarget::Name))
}

/// The priority that marks the alias mode (section 2.4.1).
const ALIAS_MODE: u16 = 0;

/// Keys of parameters (section 14.3.2).
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;

/// Most bytes of a label (RFC 1035 section 2.3.4); above it a byte begins a pointer or nothing known.
const MAX_LABEL: u8 = 63;

/// Most characters kept of a protocol's name; on the wire it has at most 255 bytes.
const MAX_PROTOCOL: usize = 255;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameter(key: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap();
        [&key.to_be_bytes(), &length.to_be_bytes(), value].concat()
    }

    fn record(priority: u16, target: &[u8], parameters: &[Vec<u8>]) -> Vec<u8> {
        [&priority.to_be_bytes(), target, &parameters.concat()].concat()
    }

    fn read(parameters: &[Vec<u8>]) -> Option<Service> {
        service(&record(1, &[0], parameters))
    }

    fn name(text: &str) -> ServiceTarget {
        ServiceTarget::Name(Hostname::parse(text.as_bytes()).unwrap())
    }

    const FOO: &[u8] = b"\x03foo\x07example\x03com\x00";

    #[test]
    fn the_vectors_of_the_standard_are_read() {
        // RFC 9460 appendix D: figures 2 to 5, 7, 8 and 9.
        let alias = service(b"\x00\x00\x03foo\x07example\x03com\x00").unwrap();
        assert_eq!((alias.priority, alias.target), (0, name("foo.example.com")));
        let own = service(b"\x00\x01\x00").unwrap();
        assert_eq!((own.priority, own.target, own.port), (1, ServiceTarget::Owner, None));
        let port = service(b"\x00\x10\x03foo\x07example\x03com\x00\x00\x03\x00\x02\x00\x35").unwrap();
        assert_eq!((port.priority, port.port), (16, Some(53)));
        let unknown = service(b"\x00\x01\x03foo\x07example\x03com\x00\x02\x9b\x00\x05hello").unwrap();
        assert_eq!((unknown.target, unknown.hints), (name("foo.example.com"), vec![]));
        let two: Vec<u8> = ["2001:db8::1", "2001:db8::53:1"]
            .iter()
            .flat_map(|a| a.parse::<Ipv6Addr>().unwrap().octets())
            .collect();
        let hinted = service(&record(1, FOO, &[parameter(6, &two)])).unwrap();
        assert_eq!(
            hinted.hints,
            ["2001:db8::1".parse::<IpAddr>().unwrap(), "2001:db8::53:1".parse().unwrap()]
        );
        let parameters =
            [parameter(0, &[0, 1, 0, 4]), parameter(1, b"\x02h2\x05h3-19"), parameter(4, &[192, 0, 2, 1])];
        let mandatory = service(&record(16, b"\x03foo\x07example\x03org\x00", &parameters)).unwrap();
        assert_eq!(mandatory.alpn, ["h2".into(), "h3-19".into()] as [Box<str>; 2]);
        assert_eq!(mandatory.hints, [IpAddr::from([192, 0, 2, 1])]);
        let escaped = read(&[parameter(1, b"\x08f\\oo,bar\x02h2")]).unwrap();
        assert_eq!(escaped.alpn, [r"f\u{5c}oo,bar".into(), "h2".into()] as [Box<str>; 2]);
    }

    #[test]
    fn an_encrypted_hello_is_announced() {
        assert!(read(&[parameter(5, &[0, 1, 2])]).unwrap().ech);
        assert!(!read(&[parameter(3, &[1, 187])]).unwrap().ech);
    }

    #[test]
    fn a_record_that_clients_reject_says_nothing() {
        let wrong = [
            vec![parameter(3, &[0, 53]), parameter(3, &[0, 53])],
            vec![parameter(4, &[192, 0, 2, 1]), parameter(3, &[0, 53])],
            vec![parameter(0, &[0, 1])],
            vec![parameter(0, &[]), parameter(1, b"\x02h2")],
            vec![parameter(0, &[0, 0]), parameter(1, b"\x02h2")],
            vec![parameter(0, &[0, 3, 0, 1]), parameter(1, b"\x02h2"), parameter(3, &[0, 53])],
            vec![parameter(1, b"")],
            vec![parameter(1, b"\x00")],
            vec![parameter(1, b"\x03h2")],
            vec![parameter(2, b"")],
            vec![parameter(1, b"\x02h2"), parameter(2, b"x")],
            vec![parameter(3, &[53])],
            vec![parameter(3, &[0, 0, 53])],
            vec![parameter(4, &[])],
            vec![parameter(4, &[192, 0, 2])],
            vec![parameter(5, &[])],
            vec![parameter(6, &[0; 15])],
        ];
        for parameters in wrong {
            assert_eq!(read(&parameters), None, "{parameters:?}");
        }
        let whole = record(1, FOO, &[parameter(3, &[0, 53])]);
        for length in 0..whole.len() {
            // A record without parameters is whole, too.
            assert_eq!(service(&whole[..length]).is_some(), length == 2 + FOO.len(), "{length}");
        }
    }

    #[test]
    fn a_target_is_never_compressed() {
        assert_eq!(service(&record(1, &[0xc0, 12], &[])), None);
        assert_eq!(service(&record(1, &[3, b'f', b'o', b'o', 0xc0, 12], &[])), None);
        assert_eq!(service(&record(1, &[64], &[])), None);
        let long = [&[63; 64][..]; 4].concat();
        assert_eq!(service(&record(1, &[&long[..], &[0]].concat(), &[])), None);
        let dotted = service(&record(1, b"\x03a.b\x00", &[])).unwrap();
        assert_eq!(dotted.target, ServiceTarget::Other);
    }

    #[test]
    fn an_alias_says_its_target_alone() {
        let alias = service(&record(0, FOO, &[parameter(4, &[192, 0, 2, 1]), parameter(5, &[1])])).unwrap();
        assert_eq!((alias.target, alias.hints, alias.ech), (name("foo.example.com"), vec![], false));
    }

    proptest! {
        #[test]
        fn arbitrary_data_are_survived(data in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(service) = service(&data) {
                prop_assert!(service.hints.len() * 4 <= data.len());
                prop_assert!(service.alpn.iter().all(|name| name.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
            }
        }
    }
}
