//! What makes rustls repeatable: seeded randomness, a stand-in for the key exchange, keys and certificates from seeds.
//!
//! Input: a seed, a host, a time. Output: rustls configurations for both ends. Must not: be used for anything that is
//! meant to stay secret. The stand-in hashes the two public values, so whoever sees them has the key. On the wire its
//! shares are random bytes of the right length, as real ones are; records, signatures and certificates are real.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup, ring,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, NamedGroup, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use super::Result;
use super::random::Random;
use super::scenario::{Host, Stack, Start};

/// The configurations of both ends of a connection to one host.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// The client's.
    pub(crate) client: Arc<ClientConfig>,
    /// The server's.
    pub(crate) server: Arc<ServerConfig>,
}

impl Ends {
    /// The ends of a connection to `host`, and from here on the seed of everything random in it.
    pub(crate) fn new(host: &Host, start: Start, random: &Random) -> Result<Self> {
        CHANCE.set(random.part("tls"));
        let certificates = Certificates::issue(host, start)?;
        let clock = Arc::new(Clock(start));
        let offered: &[_] = match host.stack {
            Stack::Quic => &[&TLS13],
            Stack::Dtls => &[&TLS12],
            Stack::Tls12 | Stack::Tls13 | Stack::Tls13Retry => &[&TLS13, &TLS12],
        };
        let mut offering = provider(&[&X25519, &P384]);
        if host.stack == Stack::Dtls {
            offering.cipher_suites.retain(|suite| suite.tls13().is_none());
        }
        let mut client = ClientConfig::builder_with_details(Arc::new(offering), clock.clone())
            .with_protocol_versions(offered)?
            .with_root_certificates(certificates.roots)
            .with_no_client_auth();
        let (groups, accepted): (&[&'static dyn SupportedKxGroup], _) = match host.stack {
            Stack::Tls12 | Stack::Dtls => (&[&X25519], &TLS12),
            Stack::Tls13 | Stack::Quic => (&[&X25519], &TLS13),
            Stack::Tls13Retry => (&[&P384], &TLS13),
        };
        let mut server = ServerConfig::builder_with_details(Arc::new(provider(groups)), clock)
            .with_protocol_versions(&[accepted])?
            .with_no_client_auth()
            .with_single_cert(certificates.chain, certificates.key)?;
        let alpn: Vec<Vec<u8>> = host.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        client.alpn_protocols.clone_from(&alpn);
        server.alpn_protocols = alpn;
        // A browser has no name of the gateway's media port: it was handed an address.
        client.enable_sni = host.stack != Stack::Dtls;
        Ok(Self { client: Arc::new(client), server: Arc::new(server) })
    }
}

/// A server's chain and key, and the roots that a client needs to accept them.
struct Certificates {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: RootCertStore,
}

impl Certificates {
    fn issue(host: &Host, start: Start) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        valid_around(&mut authority, start);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::OrganizationName, "borderpost");
        authority.distinguished_name.push(DnType::CommonName, AUTHORITY);
        let authority_key = key(&mut Random::new(0).part(AUTHORITY))?;
        let root = authority.self_signed(&authority_key)?;

        let names = host.certificate_names();
        let mut leaf = CertificateParams::new(names.clone())?;
        valid_around(&mut leaf, start);
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
        let leaf_key = key(&mut Random::new(0).part(&names.join(" ")))?;
        let certificate = leaf.signed_by(&leaf_key, &Issuer::from_params(&authority, &authority_key))?;

        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        Ok(Self { chain: vec![certificate.der().clone(), root.der().clone()], key, roots })
    }
}

/// From the first day of the capture's year to the end of the next January, as long as browsers accept.
fn valid_around(certificate: &mut CertificateParams, start: Start) {
    certificate.not_before = rcgen::date_time_ymd(start.year(), 1, 1);
    certificate.not_after = rcgen::date_time_ymd(start.year() + 1, 1, 31);
    certificate.distinguished_name = rcgen::DistinguishedName::new();
}

/// An Ed25519 key, whose signatures need no chance. The prefix is the PKCS #8 wrapping of RFC 8410 section 7.
fn key(random: &mut Random) -> Result<KeyPair> {
    let mut der =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend_from_slice(&random.array::<32>());
    Ok(KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), &rcgen::PKCS_ED25519)?)
}

fn provider(groups: &[&'static dyn SupportedKxGroup]) -> CryptoProvider {
    let provider = ring::default_provider();
    CryptoProvider { kx_groups: groups.to_vec(), secure_random: &Chance, ..provider }
}

/// The scenario's time, because a certificate is valid then and not necessarily today.
#[derive(Debug)]
struct Clock(Start);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        u64::try_from(self.0.nanos())
            .ok()
            .map(|nanos| UnixTime::since_unix_epoch(Duration::from_nanos(nanos)))
    }
}

/// Randomness of the connection that is being made on this thread; rustls wants it in a static.
#[derive(Debug)]
struct Chance;

impl Chance {
    fn fill(buffer: &mut [u8]) {
        CHANCE.with_borrow_mut(|random| random.fill(buffer));
    }
}

impl SecureRandom for Chance {
    fn fill(&self, buffer: &mut [u8]) -> std::result::Result<(), GetRandomFailed> {
        Self::fill(buffer);
        Ok(())
    }
}

/// A named group of the right share length without its mathematics.
#[derive(Debug)]
struct StandIn {
    group: NamedGroup,
    /// The form byte of an uncompressed point, where the group has points.
    form: Option<u8>,
    /// The length of a share without the form byte.
    length: usize,
}

impl SupportedKxGroup for StandIn {
    fn start(&self) -> std::result::Result<Box<dyn ActiveKeyExchange>, rustls::Error> {
        let mut share = vec![0; self.length];
        Chance::fill(&mut share);
        share.splice(0..0, self.form);
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
    fn complete(self: Box<Self>, peer: &[u8]) -> std::result::Result<SharedSecret, rustls::Error> {
        let (first, second) =
            if self.share.as_slice() < peer { (&*self.share, peer) } else { (peer, &*self.share) };
        let secret = Sha256::new().chain_update(first).chain_update(second).finalize();
        Ok(SharedSecret::from(secret.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

thread_local! {
    static CHANCE: RefCell<Random> = const { RefCell::new(Random::new(0)) };
}

static X25519: StandIn = StandIn { group: NamedGroup::X25519, form: None, length: 32 };
static P384: StandIn = StandIn { group: NamedGroup::secp384r1, form: Some(4), length: 96 };

const AUTHORITY: &str = "borderpost capture generator CA";
