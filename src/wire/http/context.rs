//! What the readers of a connection share: its two sides, what is known of it, its limits and counts.
//!
//! Input: what the caller knows of a connection. Output: [`Context`], which every reader is handed. Must not: read anything.

use std::net::SocketAddr;

use crate::wire::exchange::{Exchange, Limits};

/// Who sent bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// Who opened the connection.
    Client,
    /// Who was called.
    Server,
}

impl Side {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];
}

/// A value for each side.
#[derive(Default, Debug)]
pub(crate) struct Pair<T> {
    pub(crate) client: T,
    pub(crate) server: T,
}

impl<T> Pair<T> {
    pub(crate) const fn get(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(crate) fn of(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// What is known of a connection before its first byte is read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Connection {
    /// Its number in the source.
    pub number: u64,
    /// The server's address.
    pub peer: Option<SocketAddr>,
    /// The server name of its TLS handshake.
    pub server_name: Option<Box<[u8]>>,
    /// The protocol that its TLS handshake agreed on (ALPN).
    pub alpn: Option<Box<[u8]>>,
    /// Whether its bytes came out of TLS.
    pub is_encrypted: bool,
    /// Whether bytes were sent before the first that are given.
    pub is_joined_late: bool,
}

/// What a connection had beside its exchanges.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Bytes that belong to no exchange: tunnels, protocols that are not read, what stands behind damage or a gap until
    /// a message begins again.
    pub unread: u64,
    /// Places where bytes are missing.
    pub gaps: u64,
    /// How many bytes are missing there, where that is known.
    pub missing: u64,
    /// Exchanges that were dropped: more were open at once than [`Limits::streams`], or nothing came but interim answers.
    pub dropped: u64,
    /// Places where a message or a frame breaks its protocol.
    pub damaged: u64,
}

/// What all parts of a connection's reader share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) connection: Connection,
    pub(crate) limits: Limits,
    /// Bytes that bodies hold now.
    pub(crate) held: usize,
    /// About the bytes that exchanges which have not ended take beside their bodies.
    pub(crate) beside: usize,
    pub(crate) tally: Tally,
    /// Exchanges that have ended.
    pub(crate) done: Vec<Exchange>,
}

impl Context {
    pub(crate) const fn new(connection: Connection, limits: Limits) -> Self {
        let tally = Tally { unread: 0, gaps: 0, missing: 0, dropped: 0, damaged: 0 };
        Self { connection, limits, held: 0, beside: 0, tally, done: Vec::new() }
    }

    /// Whether exchanges that have not ended take so much beside their bodies that none can be begun.
    pub(crate) const fn is_full(&self) -> bool {
        self.beside >= self.limits.held
    }
}
