//! DNS that is encrypted: over TLS and QUIC by port or protocol (RFC 7858, RFC 9250), over HTTPS by its resolver's name
//! (RFC 8484).
//!
//! Input: hellos of clients. Output: facts. What is asked there is not seen, which a report has to say. Must not: take a resolver
//! that is in no list for none; what a capture cannot tell stays uncounted.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::data::{self, Confidence, DataError};
use crate::evidence::fact::{DnsTransport, Fact};
use crate::evidence::{Notes, Sighting};
use crate::frame::Date;
use crate::packet::Transport;
use crate::wire::dns::PORT_ENCRYPTED;
use crate::wire::tls::{ClientHello, ServerName};

/// Notes what a hello over TCP or QUIC says of encrypted DNS.
pub(super) fn note(hello: &ClientHello, seen: &Sighting<'_>, notes: &mut Notes) {
    let ports = [seen.packet.from().port, seen.packet.to().port];
    let is_tcp = matches!(seen.packet.transport, Transport::Tcp(_));
    if let Some(transport) = transport(hello, ports, is_tcp) {
        notes.push(seen, Fact::EncryptedDns(transport));
    }
}

fn transport(hello: &ClientHello, ports: [u16; 2], is_tcp: bool) -> Option<DnsTransport> {
    let speaks = |wanted: &[&str]| hello.alpn.iter().any(|alpn| wanted.contains(&&**alpn));
    if speaks(&["dot"]) {
        return Some(DnsTransport::Tls);
    }
    if speaks(&["doq"]) {
        return Some(DnsTransport::Quic);
    }
    let is_https = speaks(&["h2", "h3", "http/1.1"]);
    if ports.contains(&PORT_ENCRYPTED) && !is_https {
        return Some(if is_tcp { DnsTransport::Tls } else { DnsTransport::Quic });
    }
    match &hello.server_name {
        ServerName::Name(host) if Resolvers::builtin().has(host.as_str()) => Some(DnsTransport::Https),
        _ => ports.contains(&PORT_ENCRYPTED).then_some(DnsTransport::Https),
    }
}

/// The resolvers of `resolvers.toml`, by name, and whether names below it are theirs.
struct Resolvers(BTreeMap<String, bool>);

impl Resolvers {
    fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Resolvers> = LazyLock::new(|| {
            // A test reads the file; where it could not be read there would be no resolvers.
            Resolvers::load(include_str!("data/resolvers.toml")).unwrap_or(Resolvers(BTreeMap::new()))
        });
        &BUILTIN
    }

    fn load(text: &str) -> Result<Self, DataError> {
        let file: File = data::parse(FILE, text)?;
        Ok(Self(file.resolvers.into_iter().map(|row| (row.name, row.subdomains)).collect()))
    }

    fn has(&self, host: &str) -> bool {
        let below = host.match_indices('.').filter_map(|(at, _)| host.get(at.saturating_add(1)..));
        self.0.contains_key(host) || below.into_iter().any(|parent| self.0.get(parent) == Some(&true))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the day, the operator, the source and the confidence are for people")]
struct File {
    compiled: Date,
    resolvers: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the operator, the source and the confidence are for people")]
struct Row {
    name: String,
    operator: String,
    #[serde(default)]
    subdomains: bool,
    source: String,
    confidence: Confidence,
}

const FILE: &str = "resolvers.toml";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Hostname;
    use crate::wire::tls;
    use crate::wire::tls::tests::small_with_name;

    #[test]
    fn the_list_is_in_order_and_of_host_names() {
        let text = include_str!("data/resolvers.toml");
        let file: File = data::parse(FILE, text).unwrap();
        assert!(file.resolvers.is_sorted_by(|a, b| a.name < b.name));
        for row in &file.resolvers {
            assert_eq!(Hostname::parse(row.name.as_bytes()).unwrap().as_str(), row.name);
            assert!(row.source.starts_with("https://") && !row.operator.is_empty(), "{}", row.name);
        }
        assert!(Resolvers::builtin().0.len() == file.resolvers.len() && file.resolvers.len() > 20);
    }

    #[test]
    fn resolvers_are_known_by_name() {
        let has = |host| Resolvers::builtin().has(host);
        assert!(has("dns.google") && has("one.one.one.one") && has("0123ab.dns.nextdns.io"));
        assert!(!has("www.dns.google") && !has("google") && !has("zoom.us") && !has("nextdns.io"));
    }

    #[test]
    fn transports_are_told_by_protocol_port_and_name() {
        let hello = |name: &str, alpn: &[&str]| {
            let mut hello = tls::client_hello(&small_with_name(*b"Webex.Zoom.us")).done().unwrap();
            hello.server_name = ServerName::Name(Hostname::parse(name.as_bytes()).unwrap());
            hello.alpn = alpn.iter().map(|alpn| Box::from(*alpn)).collect();
            hello
        };
        let told = |name, alpn, port, is_tcp| transport(&hello(name, alpn), [50000, port], is_tcp);
        assert_eq!(told("a.example", &[], 853, true), Some(DnsTransport::Tls));
        assert_eq!(told("a.example", &["dot"], 443, true), Some(DnsTransport::Tls));
        assert_eq!(told("a.example", &["doq"], 853, false), Some(DnsTransport::Quic));
        assert_eq!(told("a.example", &["doq"], 8853, false), Some(DnsTransport::Quic));
        assert_eq!(told("a.example", &["h3"], 853, false), Some(DnsTransport::Https));
        assert_eq!(told("dns.google", &["h2"], 443, true), Some(DnsTransport::Https));
        assert_eq!(told("dns.google", &["h3"], 443, false), Some(DnsTransport::Https));
        assert_eq!(told("a.example", &["h2"], 443, true), None);
    }
}
