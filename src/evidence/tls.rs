//! What a TLS connection says before it is encrypted: server name, ALPN, version, certificate names.
//!
//! Input: the first bytes of each direction, in order. Output: facts. Must not: keep bytes of its own; the stream
//! table holds them, and lets go of a connection as soon as it has said all that it will.

use crate::evidence::fact::{Fact, Hello, HelloName, Origin};
use crate::evidence::{Notes, Outcome, Sighting, encrypted_dns};
use crate::wire::certificate::CertificateNames;
use crate::wire::tls::{self, ClientHello, ServerFlight, ServerName};
use crate::wire::{Hostname, Read};

/// How far a connection has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each part is read or not, whatever the others are")]
pub(super) struct Progress {
    client_done: bool,
    /// Whether a second hello was read or will not come.
    second_done: bool,
    server_hello_done: bool,
    server_done: bool,
    /// The hop limit of the packet that accepted the connection; 0 where none was seen.
    accepted_with: u8,
}

impl Progress {
    /// Takes note of the packet that accepts the connection.
    pub(super) fn accepted(&mut self, hop_limit: u8) {
        self.accepted_with = hop_limit;
    }
}

/// Reads on where a direction has grown to `bytes`.
pub(super) fn observe(
    progress: &mut Progress,
    bytes: &[u8],
    full: bool,
    seen: &Sighting<'_>,
    notes: &mut Notes,
) -> Outcome {
    let is_server = bytes.first() == Some(&HANDSHAKE) && bytes.get(5) == Some(&SERVER_HELLO);
    if is_server && !progress.server_done {
        progress.server_done = server(progress, bytes, full, seen, notes);
    } else if !is_server && !progress.client_done {
        match client(bytes, full, seen, notes) {
            Outcome::NotMine => return Outcome::NotMine,
            outcome => progress.client_done = outcome == Outcome::Settled,
        }
    } else if !is_server && !progress.second_done {
        progress.second_done = second(bytes, full, seen, notes);
    }
    if progress.client_done && progress.server_done { Outcome::Settled } else { Outcome::Watch }
}

/// Reads a client's hello; settled where it is noted or will not become whole within what is kept.
fn client(bytes: &[u8], full: bool, seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let (hello, outcome) = hello(bytes, full);
    if let Some(mut hello) = hello {
        note_hello(&mut hello, Origin::Sni, seen, notes);
        encrypted_dns::note(&hello, seen, notes);
    }
    outcome
}

/// Reads what the client says behind its hello, where that is a hello again; true where it is read, or is something else. An
/// honest one repeats the name of the first (RFC 8446 section 4.1.2).
fn second(bytes: &[u8], full: bool, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let Some(rest) = behind_record(bytes) else { return full };
    // For the sake of boxes on the way a record that means nothing may stand in between (RFC 8446 appendix D.4).
    let rest = if rest.first() == Some(&CHANGE_CIPHER_SPEC) { behind_record(rest) } else { Some(rest) };
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else { return full };
    match tls::client_hello(rest) {
        Read::More => full,
        Read::NotMine(_) => true,
        Read::Done(second) => {
            let name = if let ServerName::Name(host) = &second.server_name { Some(host) } else { None };
            let other = name.filter(|host| asked_for(bytes).as_ref() != Some(host));
            if let Some(name) = other.and_then(|host| notes.names.intern(host)) {
                notes.push(seen, Fact::Name { name, origin: Origin::SniOtherCopy, from: Some(seen.side) });
            }
            true
        }
    }
}

/// What stands behind the first record; `None` where that is not whole.
fn behind_record(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*bytes.get(3)?, *bytes.get(4)?]);
    bytes.get(usize::from(length).saturating_add(RECORD_HEAD)..)
}

/// The same behind a proxy: the name is not the remote end's.
pub(super) fn observe_behind(bytes: &[u8], full: bool, seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let (hello, outcome) = hello(bytes, full);
    if let Some(mut hello) = hello {
        if let ServerName::Name(host) = &hello.server_name {
            notes.name_behind(seen, host, Origin::Sni);
        }
        push_hello(&mut hello, seen, notes);
    }
    outcome
}

/// A hello that is longer than what is kept is read as far as it goes: its name mostly stands in front.
fn hello(bytes: &[u8], full: bool) -> (Option<ClientHello>, Outcome) {
    match tls::client_hello(bytes) {
        Read::Done(hello) => (Some(hello), Outcome::Settled),
        Read::More if full => (tls::cut_client_hello(bytes), Outcome::Settled),
        Read::More => (None, Outcome::Watch),
        Read::NotMine(_) => (None, Outcome::NotMine),
    }
}

/// Notes that copies of a direction's bytes differ, once a flow, and each other name that the last copies ask for.
#[cold]
pub(super) fn contested(first: &[u8], last: &[u8], seen: &Sighting<'_>, notes: &mut Notes) {
    let Notes { contested, names, .. } = notes;
    if !contested.contains_key(&seen.flow) && contested.len() >= MAX_CONTESTED {
        return;
    }
    let mut is_new = false;
    let known = contested.entry(seen.flow).or_insert_with(|| {
        is_new = true;
        Vec::new()
    });
    let name = asked_for(last).filter(|host| asked_for(first).as_ref() != Some(host));
    let name = name.and_then(|host| names.intern(&host));
    let name = name.filter(|name| known.len() < MAX_OTHER_NAMES && !known.contains(name));
    known.extend(name);
    if is_new {
        notes.push(seen, Fact::Contested { from: seen.side });
    }
    if let Some(name) = name {
        notes.push(seen, Fact::Name { name, origin: Origin::SniOtherCopy, from: Some(seen.side) });
    }
}

/// The server name of a ClientHello that is whole.
fn asked_for(bytes: &[u8]) -> Option<Hostname> {
    let Read::Done(hello) = tls::client_hello(bytes) else { return None };
    match hello.server_name {
        ServerName::Name(host) => Some(host),
        ServerName::Absent | ServerName::Invalid(_) => None,
    }
}

/// True where the server will say nothing more in clear. Its hello is noted where it is whole, before the certificate.
fn server(progress: &mut Progress, bytes: &[u8], full: bool, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let answer = tls::server_flight(bytes);
    if !progress.server_hello_done
        && let Some(flight) = tls::cut_server_flight(bytes)
    {
        progress.server_hello_done = true;
        note_server_hello(&flight, seen, notes);
        note_hop_limits(progress.accepted_with, seen, notes);
    }
    match answer {
        Read::Done(flight) => {
            if let Some(certificate) = &flight.certificate {
                note_certificate(certificate, |_| true, seen, notes);
            }
            true
        }
        Read::More => full,
        Read::NotMine(_) => true,
    }
}

/// Notes what a ClientHello says, whether TLS or QUIC carried it. Its offer is taken out of it.
pub(super) fn note_hello(hello: &mut ClientHello, origin: Origin, seen: &Sighting<'_>, notes: &mut Notes) {
    if let ServerName::Name(host) = &hello.server_name {
        notes.name(seen, host, origin);
    }
    push_hello(hello, seen, notes);
}

fn push_hello(hello: &mut ClientHello, seen: &Sighting<'_>, notes: &mut Notes) {
    let name = match &hello.server_name {
        ServerName::Name(_) => HelloName::Read,
        ServerName::Absent => HelloName::Absent,
        ServerName::Invalid(_) => HelloName::Invalid,
    };
    let offered = hello.versions.iter().copied();
    let highest = if hello.legacy_version >> 8 == 3 { offered.max() } else { offered.min() };
    let version = highest.unwrap_or(hello.legacy_version);
    let alpn = hello.alpn.join(",").into_boxed_str();
    let (ech, resumes, offer) = (hello.ech, hello.resumes, std::mem::take(&mut hello.offer));
    let hello = Hello { from: seen.side, version, alpn, ech, resumes, name, offer };
    let hello = notes.hellos.share(hello);
    notes.push(seen, Fact::ClientHello(hello));
}

fn note_server_hello(flight: &ServerFlight, seen: &Sighting<'_>, notes: &mut Notes) {
    notes.push(seen, Fact::TlsVersion(flight.version));
    if flight.retry {
        notes.push(seen, Fact::HelloRetry);
    }
}

/// Where the SYN was answered from another distance than the data comes from, a box on the way answered for the server.
fn note_hop_limits(accepted: u8, seen: &Sighting<'_>, notes: &mut Notes) {
    let data = seen.packet.hop_limit;
    if accepted != 0 && accepted != data {
        notes.push(seen, Fact::HopLimitsDiffer { accepted, data });
    }
}

/// A certificate may list hundreds of names; the first few tell whose it is.
pub(super) fn note_certificate(
    certificate: &CertificateNames,
    is_name: impl Fn(&Hostname) -> bool,
    seen: &Sighting<'_>,
    notes: &mut Notes,
) {
    let listed = certificate.subject_common_name.iter().chain(&certificate.names);
    let mut kept: Vec<&str> = Vec::new();
    for name in listed {
        if kept.len() == MAX_CERTIFICATE_NAMES || kept.contains(&&**name) {
            continue;
        }
        kept.push(name);
        match Hostname::parse(name.as_bytes()).filter(&is_name) {
            Some(host) => notes.name(seen, &host, Origin::Certificate),
            None => notes.push(seen, Fact::CertificateText(name.clone())),
        }
    }
    if let Some(organisation) = &certificate.organisation {
        notes.push(seen, Fact::CertificateText(organisation.clone()));
    }
}

/// The first byte of a handshake record, and of a server's hello in it (RFC 8446 sections 4, 5.1).
const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
/// Type, version and length of a record.
const RECORD_HEAD: usize = 5;
const SERVER_HELLO: u8 = 2;
const MAX_CERTIFICATE_NAMES: usize = 4;
/// Contested flows whose other names are noted; further ones are only counted.
pub(super) const MAX_CONTESTED: usize = 1 << 14;
const MAX_OTHER_NAMES: usize = 4;
