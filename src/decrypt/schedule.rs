//! From secrets to keys: the key schedules of TLS 1.3 (RFC 8446 section 7) and of TLS 1.2 (RFC 5246 sections 5, 6.3).
//!
//! Input: secrets out of a key log. Output: keys and initialisation vectors. Must not: see a record.

use ring::{hkdf, hmac};

use super::keys::{Random, Secret};

/// The hash function of a cipher suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Self::Sha256 => hkdf::HKDF_SHA256,
            Self::Sha384 => hkdf::HKDF_SHA384,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
        }
    }

    /// The length of its output, and of the traffic secrets of its suites, in bytes.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// HKDF-Expand-Label without context (RFC 8446 section 7.1); whether all of `out` was filled.
pub(super) fn expand_label(hash: Hash, secret: &Secret, label: &[u8], out: &mut [u8]) -> Option<()> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let info = [&length, &label_length[..], PREFIX, label, &[0]];
    let secret = hkdf::Prk::new_less_safe(hash.hkdf(), secret.bytes());
    secret.expand(&info, Length(out.len())).ok()?.fill(out).ok()
}

/// The secret that follows a `KeyUpdate` (RFC 8446 section 7.2).
pub(super) fn next_generation(hash: Hash, secret: &Secret) -> Option<Secret> {
    let mut next = [0; Secret::MAX];
    let next = next.get_mut(..hash.len())?;
    expand_label(hash, secret, b"traffic upd", next)?;
    Some(Secret::new(next))
}

/// The key block of TLS 1.2 (RFC 5246 section 6.3).
pub(super) fn key_block(hash: Hash, master: &Secret, client: &Random, server: &Random, out: &mut [u8]) {
    let key = hmac::Key::new(hash.hmac(), master.bytes());
    let tag = |parts: &[&[u8]]| {
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(part);
        }
        context.sign()
    };
    let seed: [&[u8]; 3] = [b"key expansion", server, client];
    let mut link = tag(&seed);
    for chunk in out.chunks_mut(hash.len()) {
        let [label, server, client] = seed;
        let output = tag(&[link.as_ref(), label, server, client]);
        chunk.iter_mut().zip(output.as_ref()).for_each(|(to, from)| *to = *from);
        link = tag(&[link.as_ref()]);
    }
}

const PREFIX: &[u8] = b"tls13 ";

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// RFC 8448 section 3: the server's handshake traffic secret, its key and its vector.
    #[test]
    fn keys_are_those_of_the_standard() {
        let secret = Secret::new(&bytes(
            "b6 7b 7d 69 0c c1 6c 4e 75 e5 42 13 cb 2d 37 b4 e9 c9 12 bc de d9 10 5d 42 be fd 59 d3 91 ad 38",
        ));
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand_label(Hash::Sha256, &secret, b"key", &mut key).unwrap();
        expand_label(Hash::Sha256, &secret, b"iv", &mut iv).unwrap();
        assert_eq!(key[..], bytes("3f ce 51 60 09 c2 17 27 d0 f2 e4 e8 6e e4 03 bc"));
        assert_eq!(iv[..], bytes("5d 31 3e b2 67 12 76 ee 13 00 0b 30"));
    }
}
