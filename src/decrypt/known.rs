//! What both directions of a connection have said in clear, as far as keys depend on it.
//!
//! Input: handshake messages in clear. Output: the keys of a direction, or why there are none. Must not: see a record.

use super::keys::{Keys, Random, Secrets};
use super::piece::Trouble;
use super::record::Suite;
use super::sealed::Sealed;
use crate::flow::Side;
use crate::wire::tls::{self, ServerChoice};

/// TLS 1.2 as a protocol version.
const TLS_1_2: u16 = 0x0303;

/// What is known of a connection.
#[derive(Default)]
pub(super) struct Known {
    /// The side that said the client's hello, and its random.
    client: Option<(Side, Random)>,
    server: Option<ServerChoice>,
    secrets: Option<Secrets>,
}

impl Known {
    /// Takes a message.
    pub(super) fn hear(&mut self, side: Side, kind: u8, body: &[u8], keys: &Keys) {
        match kind {
            // A second hello after a HelloRetryRequest has the same random (RFC 8446 section 4.1.2).
            tls::CLIENT_HELLO if self.client.is_none() => {
                if let Some(random) = tls::hello_random(body) {
                    self.client = Some((side, random));
                    self.secrets = keys.of(&random);
                }
            }
            tls::SERVER_HELLO if self.server.is_none_or(|choice| choice.is_retry) => {
                self.server = tls::server_choice(body).or(self.server);
            }
            _ => {}
        }
    }

    /// The side of the client, once it has said its hello.
    pub(super) fn client(&self) -> Option<Side> {
        self.client.map(|(side, _)| side)
    }

    /// Whether that side is known to be the client.
    pub(super) fn is_client(&self, side: Side) -> bool {
        self.client() == Some(side)
    }

    /// What the server chose, once it has said so.
    pub(super) fn server(&self) -> Option<&ServerChoice> {
        self.server.as_ref()
    }

    /// Whether no key log has the connection.
    pub(super) fn is_keyless(&self) -> bool {
        self.client.is_some() && self.secrets.is_none()
    }

    /// Whether it is TLS 1.3: by the server's word, else by what the log has of it; `None` where neither is there.
    pub(super) fn is_thirteen(&self) -> Option<bool> {
        let stated = self.server.map(|choice| choice.version >= tls::TLS_1_3);
        stated.or(self.secrets.as_ref().map(Secrets::has_traffic))
    }

    /// The suite that the server chose; `None` before it did.
    pub(super) fn suite(&self) -> Result<Option<Suite>, Trouble> {
        let Some(choice) = &self.server else { return Ok(None) };
        if choice.version < TLS_1_2 {
            return Err(Trouble::Version(choice.version));
        }
        Suite::of(choice.cipher).ok_or(Trouble::Suite(choice.cipher)).map(Some)
    }

    /// The keys of one direction; `None` where it is not known yet which they are.
    pub(super) fn seal(&self, is_client: bool) -> Result<Option<Sealed>, Trouble> {
        let (Some((_, client)), Some(secrets)) = (&self.client, &self.secrets) else { return Ok(None) };
        let suite = self.suite()?;
        match (self.is_thirteen(), &self.server, suite) {
            (Some(true), _, suite) if secrets.has_traffic() => {
                Ok(Some(Sealed::thirteen(suite, secrets, is_client)))
            }
            (Some(true), ..) => Err(Trouble::SecretMissing),
            (_, Some(server), Some(suite)) => {
                let randoms = (client, &server.random);
                Sealed::twelve(suite, secrets, randoms, is_client).ok_or(Trouble::SecretMissing).map(Some)
            }
            _ => Ok(None),
        }
    }
}
