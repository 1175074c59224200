//! Opening one record: cipher suites, nonces and additional data of TLS 1.2 (RFC 5288, 7905) and TLS 1.3 (RFC 8446 section 5.2).
//!
//! Input: keys, a sequence number, a record. Output: its content, in place. Must not: guess a number, or know what came before.

use ring::aead;

use super::keys::{Random, Secret};
use super::schedule::{self, Hash};

/// The head of a record: type, version, length.
pub(super) type Head = [u8; 5];

/// Content types (RFC 8446 appendix B.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// The most that a record may hold, encrypted ones included (RFC 5246 section 6.2.3).
pub(super) const MAX_RECORD: usize = (1 << 14) + 2048;

/// A cipher suite whose records can be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Suite {
    cipher: Cipher,
    pub(super) hash: Hash,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Cipher {
    fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}

const AES_128: Suite = Suite { cipher: Cipher::Aes128Gcm, hash: Hash::Sha256 };
const AES_256: Suite = Suite { cipher: Cipher::Aes256Gcm, hash: Hash::Sha384 };
const CHACHA20: Suite = Suite { cipher: Cipher::ChaCha20Poly1305, hash: Hash::Sha256 };

impl Suite {
    /// The suite of a number in the IANA registry; `None` where its records cannot be opened, such as those with CBC.
    pub(super) const fn of(number: u16) -> Option<Self> {
        Some(match number {
            // TLS 1.3; then with RSA, DHE and ECDHE in TLS 1.2.
            0x1301 | 0x009c | 0x009e | 0xc02b | 0xc02f => AES_128,
            0x1302 | 0x009d | 0x009f | 0xc02c | 0xc030 => AES_256,
            0x1303 | 0xcca8..=0xccaa => CHACHA20,
            _ => return None,
        })
    }

    /// The suites of TLS 1.3 that a traffic secret of so many bytes may be of.
    pub(super) const fn of_secret(len: usize) -> &'static [Self] {
        match len {
            32 => &[AES_128, CHACHA20],
            48 => &[AES_256],
            _ => &[],
        }
    }
}

/// The keys of one direction in one stretch of a connection.
pub(super) struct Opener {
    key: aead::LessSafeKey,
    iv: [u8; aead::NONCE_LEN],
    form: Form,
}

/// How nonce and additional data are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// TLS 1.3: the type stands behind the content.
    Thirteen,
    /// TLS 1.2 with GCM: eight bytes of the nonce stand in front of it.
    Twelve,
    /// TLS 1.2 with ChaCha20-Poly1305.
    TwelveImplicit,
}

/// What a record holds: its content type, and where its content is in the body that was opened.
pub(super) struct Content {
    pub(super) kind: u8,
    pub(super) from: usize,
    pub(super) len: usize,
}

impl Opener {
    /// The keys that follow from a traffic secret of TLS 1.3.
    pub(super) fn of_traffic(suite: Suite, secret: &Secret) -> Option<Self> {
        let algorithm = suite.cipher.algorithm();
        let (mut key, mut iv) = ([0; MAX_KEY], [0; aead::NONCE_LEN]);
        let key = key.get_mut(..algorithm.key_len())?;
        schedule::expand_label(suite.hash, secret, b"key", key)?;
        schedule::expand_label(suite.hash, secret, b"iv", &mut iv)?;
        Self::new(suite, key, iv, Form::Thirteen)
    }

    /// The keys of the client or the server in TLS 1.2 (RFC 5246 section 6.3).
    pub(super) fn of_master(
        suite: Suite,
        master: &Secret,
        (client, server): (&Random, &Random),
        is_client: bool,
    ) -> Option<Self> {
        let key_len = suite.cipher.algorithm().key_len();
        let is_implicit = suite.cipher == Cipher::ChaCha20Poly1305;
        let (iv_len, form) =
            if is_implicit { (aead::NONCE_LEN, Form::TwelveImplicit) } else { (SALT, Form::Twelve) };
        let mut block = [0; 2 * (MAX_KEY + aead::NONCE_LEN)];
        let block = block.get_mut(..2 * (key_len + iv_len))?;
        schedule::key_block(suite.hash, master, client, server, block);
        let (keys, ivs) = block.split_at(2 * key_len);
        let (key, salt) = if is_client {
            (keys.get(..key_len)?, ivs.get(..iv_len)?)
        } else {
            (keys.get(key_len..)?, ivs.get(iv_len..)?)
        };
        let mut iv = [0; aead::NONCE_LEN];
        iv.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
        Self::new(suite, key, iv, form)
    }

    fn new(suite: Suite, key: &[u8], iv: [u8; aead::NONCE_LEN], form: Form) -> Option<Self> {
        let key = aead::UnboundKey::new(suite.cipher.algorithm(), key).ok()?;
        Some(Self { key: aead::LessSafeKey::new(key), iv, form })
    }

    /// Opens a record in place. Where it does not open its bytes are lost.
    pub(super) fn open(&self, number: u64, head: Head, body: &mut [u8]) -> Option<Content> {
        match self.form {
            Form::Thirteen => {
                let plain = self.key.open_in_place(self.nonce(number), aead::Aad::from(head), body).ok()?;
                // Zeros may pad the content (RFC 8446 section 5.4).
                let at = plain.iter().rposition(|byte| *byte != 0)?;
                Some(Content { kind: *plain.get(at)?, from: 0, len: at })
            }
            Form::Twelve => {
                let explicit: [u8; EXPLICIT] = *body.first_chunk()?;
                let mut nonce = self.iv;
                nonce.iter_mut().skip(SALT).zip(explicit).for_each(|(to, from)| *to = from);
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                self.open_twelve(number, head, nonce, body, EXPLICIT)
            }
            Form::TwelveImplicit => self.open_twelve(number, head, self.nonce(number), body, 0),
        }
    }

    fn open_twelve(
        &self,
        number: u64,
        head: Head,
        nonce: aead::Nonce,
        body: &mut [u8],
        from: usize,
    ) -> Option<Content> {
        let sealed = body.get_mut(from..)?;
        let len = sealed.len().checked_sub(aead::MAX_TAG_LEN)?;
        let [n0, n1, n2, n3, n4, n5, n6, n7] = number.to_be_bytes();
        let [kind, major, minor, ..] = head;
        let [high, low] = u16::try_from(len).ok()?.to_be_bytes();
        let about = [n0, n1, n2, n3, n4, n5, n6, n7, kind, major, minor, high, low];
        self.key.open_in_place(nonce, aead::Aad::from(about), sealed).ok()?;
        Some(Content { kind, from, len })
    }

    /// The vector with the number in its last eight bytes (RFC 8446 section 5.3, RFC 7905 section 2).
    fn nonce(&self, number: u64) -> aead::Nonce {
        let mut nonce = self.iv;
        let number = number.to_be_bytes();
        nonce.iter_mut().skip(SALT).zip(number).for_each(|(to, from)| *to ^= from);
        aead::Nonce::assume_unique_for_key(nonce)
    }
}

const MAX_KEY: usize = 32;
/// The part of a nonce that is not sent, and the one that is (RFC 5288 section 3).
const SALT: usize = 4;
const EXPLICIT: usize = 8;
