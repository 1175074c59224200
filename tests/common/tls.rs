//! A rustls client and a rustls server that talk in memory, with the key log of one of them; and captures made of what they say.
//!
//! Input: what to offer and what to say. Output: what each side put on the wire, in order, the key log, and what was said. Must
//! not: open a record.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, OnceLock};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, KeyLog, RootCertStore, ServerConfig, ServerConnection,
    SideData, SupportedCipherSuite, SupportedProtocolVersion,
};

/// Key log lines as they are written.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<String>);

impl KeyLog for Lines {
    fn log(&self, label: &str, random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let mut lines = self.0.lock().unwrap();
        lines.extend([label, " ", &hex(random), " ", &hex(secret), "\n"]);
    }
}

impl Lines {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// What both ends are ready for.
pub(crate) struct Ends {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) log: Arc<Lines>,
}

/// The name that the server's certificate is for.
pub(crate) const NAME: &str = "decrypted.example";

/// The server's certificate and its key, made once.
fn identity() -> &'static (CertificateDer<'static>, Vec<u8>) {
    static IDENTITY: OnceLock<(CertificateDer<'static>, Vec<u8>)> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
        (cert.der().clone(), signing_key.serialize_der())
    })
}

impl Ends {
    /// One suite and one version; where `retry`, the client's first key share is one that the server does not take.
    pub(crate) fn new(
        suite: SupportedCipherSuite,
        version: &'static SupportedProtocolVersion,
        retry: bool,
    ) -> Self {
        let (certificate, key) = identity();
        let provider = |groups: &[&'static dyn SupportedKxGroup]| {
            Arc::new(CryptoProvider {
                cipher_suites: vec![suite],
                kx_groups: groups.to_vec(),
                ..ring::default_provider()
            })
        };
        let log = Arc::new(Lines::default());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let offered = provider(&[ring::kx_group::X25519, ring::kx_group::SECP384R1]);
        let mut client = ClientConfig::builder_with_provider(offered)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.key_log = log.clone();
        client.enable_early_data = true;
        let taken: &[&'static dyn SupportedKxGroup] =
            if retry { &[ring::kx_group::SECP384R1] } else { &[ring::kx_group::X25519] };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone()));
        let mut server = ServerConfig::builder_with_provider(provider(taken))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        server.max_early_data_size = 1 << 14;
        Self { client: Arc::new(client), server: Arc::new(server), log }
    }

    /// A connection about to begin.
    pub(crate) fn talk(&self) -> Talk {
        let name = ServerName::try_from(NAME).unwrap();
        let mut client = ClientConnection::new(self.client.clone(), name).unwrap();
        let mut server = ServerConnection::new(self.server.clone()).unwrap();
        client.set_buffer_limit(None);
        server.set_buffer_limit(None);
        Talk { client, server, flights: Vec::new(), said: [Vec::new(), Vec::new()] }
    }
}

/// A connection, what was put on the wire, and what was said by the client and the server.
pub(crate) struct Talk {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
    pub(crate) flights: Vec<(bool, Vec<u8>)>,
    pub(crate) said: [Vec<u8>; 2],
}

impl Talk {
    /// Carries bytes to and fro until neither side has any.
    pub(crate) fn carry(&mut self) {
        loop {
            let up = pending(&mut self.client);
            hear(&mut self.server, &up);
            let down = pending(&mut self.server);
            hear(&mut self.client, &down);
            for (from_client, bytes) in [(true, &up), (false, &down)] {
                if !bytes.is_empty() {
                    self.flights.push((from_client, bytes.clone()));
                }
            }
            if up.is_empty() && down.is_empty() {
                return;
            }
        }
    }

    /// Says something as early data.
    pub(crate) fn say_early(&mut self, bytes: &[u8]) {
        self.client.early_data().unwrap().write_all(bytes).unwrap();
        self.said[0].extend_from_slice(bytes);
    }

    /// Says something up and something down.
    pub(crate) fn exchange(&mut self, up: &[u8], down: &[u8]) {
        self.client.writer().write_all(up).unwrap();
        self.said[0].extend_from_slice(up);
        self.carry();
        self.server.writer().write_all(down).unwrap();
        self.said[1].extend_from_slice(down);
        self.carry();
    }

    /// Ends both directions.
    pub(crate) fn close(&mut self) {
        self.client.send_close_notify();
        self.server.send_close_notify();
        self.carry();
    }
}

fn pending<D>(side: &mut ConnectionCommon<D>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while side.wants_write() {
        side.write_tls(&mut bytes).unwrap();
    }
    bytes
}

fn hear<D: SideData>(side: &mut ConnectionCommon<D>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        side.read_tls(&mut bytes).unwrap();
        let waiting = side.process_new_packets().unwrap().plaintext_bytes_to_read();
        side.reader().read_exact(&mut vec![0; waiting]).unwrap();
    }
}

/// A TCP segment: who sent it, its sequence number from 0 for the first byte, its flags, its payload.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) from_client: bool,
    pub(crate) seq: u32,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const FIN: u8 = 0x01;

/// The segments of a whole TCP connection that carries flights, of at most `size` bytes each.
pub(crate) fn segments(flights: &[(bool, Vec<u8>)], size: usize) -> Vec<Segment> {
    let empty = |from_client, seq, flags| Segment { from_client, seq, flags, payload: Vec::new() };
    let mut all = vec![empty(true, u32::MAX, SYN), empty(false, u32::MAX, SYN | ACK)];
    let mut next = [0_u32; 2];
    for (from_client, bytes) in flights {
        for payload in bytes.chunks(size) {
            let seq = &mut next[usize::from(!from_client)];
            all.push(Segment { from_client: *from_client, seq: *seq, flags: ACK, payload: payload.to_vec() });
            *seq = seq.wrapping_add(u32::try_from(payload.len()).unwrap());
        }
    }
    all.extend([empty(true, next[0], FIN | ACK), empty(false, next[1], FIN | ACK)]);
    all
}

/// The server's address in packets.
pub(crate) const SERVER: [u8; 4] = [192, 0, 2, 10];

/// The IPv4 packet of a segment between 10.0.0.5 and [`SERVER`], from a client's port.
pub(crate) fn ip(segment: &Segment, port: u16) -> Vec<u8> {
    let Segment { from_client, seq, flags, payload } = segment;
    let start: u32 = if *from_client { 0xFFFF_F000 } else { 1000 };
    let client = [10, 0, 0, 5];
    let (from, to) = if *from_client { (client, SERVER) } else { (SERVER, client) };
    let (source, target) = if *from_client { (port, 443) } else { (443, port) };
    let len = u16::try_from(40 + payload.len()).unwrap();
    let mut ip = vec![0x45, 0];
    ip.extend(len.to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(from);
    ip.extend(to);
    ip.extend(source.to_be_bytes());
    ip.extend(target.to_be_bytes());
    ip.extend(start.wrapping_add(*seq).to_be_bytes());
    ip.extend([0; 4]);
    ip.extend([0x50, *flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    ip.extend(payload);
    ip
}
