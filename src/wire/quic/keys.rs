//! The keys of a client's Initial packets, which follow from the id that it sends its first one to.
//!
//! Input: a version of QUIC and that id; packets. Output: the frames in them. RFC 9001 sections 5.2 to 5.4, RFC 9369 section
//! 3.3. Must not: know the server's keys, which rustls would derive beside them for as much work again; rustls, which seals
//! the packets of the tests, is the oracle.

use std::sync::LazyLock;

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// What the keys of a version are derived with.
pub(super) struct Version {
    salt: Salt,
    key: &'static [u8],
    iv: &'static [u8],
    header: &'static [u8],
}

impl Version {
    fn new(salt: [u8; 20], [key, iv, header]: [&'static [u8]; 3]) -> Self {
        Self { salt: Salt::new(HKDF_SHA256, &salt), key, iv, header }
    }
}

/// Version 1.
pub(super) static V1: LazyLock<Version> = LazyLock::new(|| Version::new(SALT_V1, LABELS_V1));

/// Version 2.
pub(super) static V2: LazyLock<Version> = LazyLock::new(|| Version::new(SALT_V2, LABELS_V2));

/// The drafts 29 to 32 of version 1.
pub(super) static DRAFT: LazyLock<Version> = LazyLock::new(|| Version::new(SALT_DRAFT, LABELS_V1));

/// The keys by which a client's Initials open.
pub(super) struct ClientKeys {
    header: HeaderProtectionKey,
    packet: LessSafeKey,
    iv: [u8; NONCE_LEN],
}

impl ClientKeys {
    /// The keys that follow from the id of a client's first packet. `None` would take a length that the derivation cannot
    /// make, and there is none among these.
    pub(super) fn derive(version: &Version, destination: &[u8]) -> Option<Self> {
        let initial = version.salt.extract(destination);
        let secret: [u8; 32] = expand(&initial, b"client in")?;
        let client = Prk::new_less_safe(HKDF_SHA256, &secret);
        let key: [u8; 16] = expand(&client, version.key)?;
        let header: [u8; 16] = expand(&client, version.header)?;
        Some(Self {
            header: HeaderProtectionKey::new(&AES_128, &header).ok()?,
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv: expand(&client, version.iv)?,
        })
    }

    /// Removes header protection and opens the payload of a packet, whose number begins at `number_at`.
    pub(super) fn open(&self, packet: &[u8], number_at: usize) -> Option<Vec<u8>> {
        let protected = packet.get(number_at..)?;
        let [first_mask, number_mask @ ..] =
            self.header.new_mask(protected.get(4..)?.get(..AES_128.sample_len())?).ok()?;
        let first = packet.first()? ^ first_mask & 0x0f;
        let number_length = usize::from(first & 0x03) + 1;
        let payload_at = number_at.checked_add(number_length)?;
        let mut head = packet.get(..payload_at)?.to_vec();
        *head.first_mut()? = first;
        let mut full = 0_u64;
        for (byte, mask) in head.get_mut(number_at..)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            // Numbers of Initials start at 0 or near it, so the bytes on the wire are the number itself.
            full = full << 8 | u64::from(*byte);
        }
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(full.to_le_bytes()) {
            *byte ^= number;
        }
        // On a copy, because a failed attempt destroys the bytes.
        let mut payload = packet.get(payload_at..)?.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self.packet.open_in_place(nonce, Aad::from(&head), &mut payload).ok()?.len();
        payload.truncate(length);
        Some(payload)
    }
}

/// HKDF-Expand-Label with no context (RFC 8446 section 7.1).
fn expand<const N: usize>(secret: &Prk, label: &[u8]) -> Option<[u8; N]> {
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let info = [&length[..], &label_length, PREFIX, label, &[0]];
    let mut out = [0; N];
    secret.expand(&info, Bytes(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// So many bytes of key.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// What every label begins with.
const PREFIX: &[u8] = b"tls13 ";

const LABELS_V1: [&[u8]; 3] = [b"quic key", b"quic iv", b"quic hp"];
const LABELS_V2: [&[u8]; 3] = [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"];

/// RFC 9001 section 5.2.
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
/// RFC 9369 section 3.3.1.
const SALT_V2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
    0xbd, 0x2e, 0xd9,
];
/// draft-ietf-quic-tls-29 section 5.2.
const SALT_DRAFT: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
    0x90, 0xa8, 0x99,
];
