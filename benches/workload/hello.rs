//! First flights: a ClientHello of each kind that rustls makes once and that is patched for each server, and what answers them.
//!
//! Randomness is seeded and the key exchange has no mathematics, so that the bytes are always the same.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup, ring,
};
use rustls::quic::{self, Version};
use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore, Side, Tls13CipherSuite};

use super::name::Server;
use super::random::Random;

/// A TLS ClientHello in its record, with a place for the name.
#[derive(Debug)]
pub(crate) struct TlsHello(Template);

impl TlsHello {
    /// One with an X25519 share, of about 250 bytes: it fits into one segment.
    pub(crate) fn classic() -> io::Result<Self> {
        Self::new(&X25519)
    }

    /// One with a hybrid share of 1216 bytes, as browsers send since 2024: it takes two segments.
    pub(crate) fn hybrid() -> io::Result<Self> {
        Self::new(&X25519_MLKEM768)
    }

    /// The hello for a server.
    pub(crate) fn to(&self, server: &Server) -> Vec<u8> {
        self.0.naming(server)
    }

    /// A classic hello for a name of any length, made for it alone.
    pub(super) fn naming(name: &str) -> io::Result<Vec<u8>> {
        Self::made(&X25519, name)
    }

    fn new(group: &'static StandIn) -> io::Result<Self> {
        Template::new(Self::made(group, &Server::new(0).name)?).map(Self)
    }

    fn made(group: &'static StandIn, name: &str) -> io::Result<Vec<u8>> {
        let name = name.to_owned().try_into().map_err(io::Error::other)?;
        let config = config(group, &[b"h2", b"http/1.1"])?;
        let mut bytes = Vec::new();
        ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?.write_tls(&mut bytes)?;
        Ok(bytes)
    }
}

/// A QUIC ClientHello, with a place for the name.
#[derive(Debug)]
pub(crate) struct QuicHello(Template);

impl QuicHello {
    /// One that fits into one datagram.
    pub(crate) fn new() -> io::Result<Self> {
        let name = Server::new(0).name.try_into().map_err(io::Error::other)?;
        let config = Arc::new(config(&X25519, &[b"h3"])?);
        // Transport parameters (RFC 9000 section 18.2): idle timeout 30 s, at most 1472 bytes to a datagram.
        let parameters = vec![0x01, 0x04, 0x80, 0x00, 0x75, 0x30, 0x03, 0x02, 0x45, 0xc0];
        let made = quic::ClientConnection::new(config, Version::V1, name, parameters);
        let mut bytes = Vec::new();
        made.map_err(io::Error::other)?.write_hs(&mut bytes);
        Template::new(bytes).map(Self)
    }

    /// The Initial of 1200 bytes that carries the hello for a server (RFC 9001 section 5); `random` gives its connection id.
    pub(crate) fn initial(&self, server: &Server, random: &mut Random) -> io::Result<Vec<u8>> {
        let hello = self.0.naming(server);
        let id = random.number().to_be_bytes();
        // Long header, version 1, 8 bytes of destination, no source, no token.
        let mut packet = [&[0xc3, 0, 0, 0, 1, 8][..], &id, &[0, 0]].concat();
        let length = INITIAL_LENGTH - packet.len() - 2;
        packet.extend(two_bytes(length)?);
        let number_at = packet.len();
        packet.extend(PACKET_NUMBER.to_be_bytes());
        let mut payload = [&[0x06, 0x00][..], &two_bytes(hello.len())?, &hello].concat();
        payload.resize(length - NUMBER_LENGTH - TAG_LENGTH, 0);
        seal(&id, &mut packet, number_at, payload).map_err(io::Error::other)?;
        Ok(packet)
    }
}

/// A server's first flight in TLS 1.3: ServerHello, the change of cipher, and `sealed` encrypted bytes.
pub(super) fn server_flight(random: &mut Random, sealed: u32) -> Vec<u8> {
    let extensions = [
        // supported_versions: TLS 1.3; key_share: X25519, 32 bytes.
        &[0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32][..],
        random.noise(32),
    ]
    .concat();
    let front = [&[3, 3][..], random.noise(32), &[32], random.noise(32), &[0x13, 0x01, 0]].concat();
    let extensions_length = [0, 46];
    let hello = [&front[..], &extensions_length, &extensions].concat();
    let record = [&[22, 3, 3, 0, 122, 2, 0, 0, 118][..], &hello, &[20, 3, 3, 0, 1, 1]].concat();
    [record, application_data(random, sealed)].concat()
}

/// A TLS record with encrypted data.
pub(super) fn application_data(random: &mut Random, sealed: u32) -> Vec<u8> {
    let sealed = random.noise(sealed);
    let [.., high, low] = sealed.len().to_be_bytes();
    [&[23, 3, 3, high, low][..], sealed].concat()
}

/// A server's first QUIC datagram: an Initial that nobody without the handshake can open.
pub(super) fn server_initial(random: &mut Random) -> Vec<u8> {
    let front = [&[0xc3, 0, 0, 0, 1, 0, 8][..], random.noise(8), &[0, 0x44, 0xb0]].concat();
    [&front, random.noise(0x4b0)].concat()
}

/// Bytes of a hello for the first server, and where its name stands.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    name_at: usize,
}

impl Template {
    fn new(bytes: Vec<u8>) -> io::Result<Self> {
        let name = Server::new(0).name;
        let name_at = bytes.windows(name.len()).position(|window| window == name.as_bytes());
        let name_at = name_at.ok_or_else(|| io::Error::other("the hello does not say the server's name"))?;
        Ok(Self { bytes, name_at })
    }

    fn naming(&self, server: &Server) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[self.name_at..][..Server::NAME_LENGTH].copy_from_slice(server.name.as_bytes());
        bytes
    }
}

fn config(group: &'static StandIn, protocols: &[&[u8]]) -> io::Result<ClientConfig> {
    let provider =
        CryptoProvider { kx_groups: vec![group], secure_random: &Seeded, ..ring::default_provider() };
    let config =
        ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    let mut config = config
        .map_err(io::Error::other)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// Encrypts the payload onto the packet and masks its header, as a client does (RFC 9001 sections 5.3 and 5.4).
fn seal(
    id: &[u8],
    packet: &mut Vec<u8>,
    number_at: usize,
    mut payload: Vec<u8>,
) -> Result<(), rustls::Error> {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().and_then(Tls13CipherSuite::quic_suite);
    let suite = suite.ok_or_else(|| rustls::Error::General("no suite for QUIC".to_owned()))?;
    let keys = suite.keys(id, Side::Client, Version::V1).local;
    let tag = keys.packet.encrypt_in_place(PACKET_NUMBER.into(), packet, &mut payload)?;
    packet.extend([&payload, tag.as_ref()].concat());
    let (head, rest) = packet.split_at_mut(number_at);
    let (number, sampled) = rest.split_at_mut(NUMBER_LENGTH);
    keys.header.encrypt_in_place(&sampled[..keys.header.sample_len()], &mut head[0], number)
}

/// A variable-length integer of two bytes (RFC 9000 section 16).
fn two_bytes(number: usize) -> io::Result<[u8; 2]> {
    let number = u16::try_from(number).ok().filter(|number| *number < 0x4000);
    Ok((number.ok_or_else(|| io::Error::other("too long for two bytes"))? | 0x4000).to_be_bytes())
}

/// Randomness that is none.
#[derive(Debug)]
struct Seeded;

impl SecureRandom for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        let mut random = Random::new(buffer.len() as u64);
        buffer.fill_with(|| random.word().to_be_bytes()[0]);
        Ok(())
    }
}

/// A named group with shares of the right length.
#[derive(Debug)]
struct StandIn {
    group: NamedGroup,
    length: usize,
}

impl SupportedKxGroup for StandIn {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, rustls::Error> {
        let mut share = vec![0; self.length];
        Seeded.fill(&mut share)?;
        Ok(Box::new(Started { group: self.group, share }))
    }

    fn name(&self) -> NamedGroup {
        self.group
    }
}

struct Started {
    group: NamedGroup,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, _: &[u8]) -> Result<SharedSecret, rustls::Error> {
        Err(rustls::Error::General("no server answers here".to_owned()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

static X25519: StandIn = StandIn { group: NamedGroup::X25519, length: 32 };
static X25519_MLKEM768: StandIn = StandIn { group: NamedGroup::X25519MLKEM768, length: 1216 };

const INITIAL_LENGTH: usize = 1200;
const NUMBER_LENGTH: usize = 4;
const TAG_LENGTH: usize = 16;
const PACKET_NUMBER: u32 = 0;
