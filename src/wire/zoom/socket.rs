//! The memory of one pair of UDP ports between a client and a media router.
//!
//! Input: the datagrams of both directions in the order of the capture. Output: each one read with the version of the
//! flow, and as certain where it repeats what an earlier one said. The caller owns it; it is a few dozen bytes.

use super::{Body, Certainty, Message, Version, message};
use crate::wire::Read;

/// What is known of one socket so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Socket {
    version: Option<Version>,
    token: Option<[u8; 16]>,
    connection: Option<u32>,
    /// What gave the id while nothing is proven: a copy of it says nothing new.
    first: Option<Body>,
    proven: bool,
}

impl Socket {
    /// A socket of which nothing has been seen.
    #[must_use]
    pub const fn new() -> Self {
        Self { version: None, token: None, connection: None, first: None, proven: false }
    }

    /// The version, once a hello, its reply or a certain message has shown it.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// The id that the server gave the socket, once it has been seen.
    #[must_use]
    pub const fn connection(&self) -> Option<u32> {
        self.connection
    }

    /// Whether the socket has shown that it speaks Zoom's layer.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        self.proven
    }

    /// Reads the next datagram of either direction; see [`message()`].
    ///
    /// A message that repeats the id of an earlier, different one is certain, and so is any message of a version that
    /// a certain one has shown. Data of an unknown type fit too much to prove anything: other protocols repeat their
    /// datagrams (LLMNR) and have constants where the id would stand (DNP3).
    pub fn read(&mut self, payload: &[u8], wire_len: u32) -> Read<Message> {
        let read = message(payload, wire_len, self.version);
        let Read::Done(mut message) = read else { return read };
        if self.confirms(&message) {
            message.certainty = Certainty::Certain;
        }
        self.remember(&message);
        Read::Done(message)
    }

    fn confirms(&self, message: &Message) -> bool {
        if !self.proven && (!message.is_known() || self.first == Some(message.body)) {
            return false;
        }
        match message.body.connection() {
            Some(connection) => self.connection == Some(connection),
            None => self.proven,
        }
    }

    fn remember(&mut self, message: &Message) {
        let certain = message.certainty == Certainty::Certain;
        if certain {
            self.proven = true;
            self.version = Some(message.version);
        }
        // Another token opens a new connection on the same ports: the old id is over. A repeated hello does not.
        if let Body::Hello { token, .. } = message.body
            && self.token.replace(token) != Some(token)
        {
            self.connection = None;
        }
        // Once the socket is proven, a chance fit must not displace its id.
        if certain || !self.proven && message.is_known() {
            self.connection = message.body.connection().or(self.connection);
            self.first = Some(message.body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors::{self, hex};
    use super::*;

    fn certainty(socket: &mut Socket, bytes: &str) -> Option<Certainty> {
        let bytes = hex(bytes);
        let wire_len = u32::try_from(bytes.len()).unwrap();
        socket.read(&bytes, wire_len).done().map(|message| message.certainty)
    }

    #[test]
    fn a_reply_makes_the_keep_alives_of_its_id_certain() {
        let mut socket = Socket::new();
        assert_eq!(certainty(&mut socket, vectors::KEEP_ALIVE_FIRST), Some(Certainty::Weak));
        let mut socket = Socket::new();
        assert_eq!(certainty(&mut socket, vectors::HELLO), Some(Certainty::Certain));
        assert_eq!(certainty(&mut socket, vectors::HELLO_REPLY), Some(Certainty::Certain));
        assert_eq!(certainty(&mut socket, vectors::HELLO), Some(Certainty::Certain));
        assert_eq!(socket.connection(), Some(0x004f8378));
        assert_eq!(certainty(&mut socket, vectors::KEEP_ALIVE_FIRST), Some(Certainty::Certain));
        assert_eq!(certainty(&mut socket, "0300000001 7170a12e 003a63f2 00"), Some(Certainty::Weak));
    }

    #[test]
    fn a_second_message_with_the_same_id_is_certain() {
        let mut socket = Socket::new();
        assert_eq!(certainty(&mut socket, "0300000001 7170a12e 003a63f2 00"), Some(Certainty::Weak));
        assert!(!socket.is_proven());
        assert_eq!(certainty(&mut socket, "0400000001 7170a12e 003a63f2 00"), Some(Certainty::Certain));
        assert!(socket.is_proven());
        assert_eq!(socket.version(), Some(Version::THREE));
    }

    #[test]
    fn a_copy_and_data_of_no_known_type_prove_nothing() {
        // Two copies of a question for "wpad" by LLMNR, and two answers of a controller that speaks DNP3.
        let llmnr = "05aa0000 00010000 00000000 04777061 64000001 0001";
        let dnp3 = ["05641c44640001 00d3f2f0c98190000c0128", "0564ff44640001 00ff2f72cb8190000a0201"];
        for datagrams in [[llmnr, llmnr], dnp3] {
            let mut socket = Socket::new();
            for datagram in datagrams {
                assert_eq!(certainty(&mut socket, datagram), Some(Certainty::Weak), "{datagram}");
            }
            assert!(!socket.is_proven());
        }
        let mut socket = Socket::new();
        for _ in 0..2 {
            assert_eq!(certainty(&mut socket, vectors::KEEP_ALIVE_FIRST), Some(Certainty::Weak));
        }
    }

    #[test]
    fn another_hello_ends_the_old_id() {
        let mut socket = Socket::new();
        certainty(&mut socket, vectors::HELLO);
        certainty(&mut socket, vectors::HELLO_REPLY);
        certainty(&mut socket, vectors::HELLO_VERSION_2);
        assert_eq!((socket.connection(), socket.version()), (None, Some(Version::TWO)));
    }

    #[test]
    fn version_2_data_are_certain_behind_a_hello() {
        let mut socket = Socket::new();
        assert_eq!(certainty(&mut socket, vectors::ACK_VERSION_2), Some(Certainty::Weak));
        certainty(&mut socket, vectors::HELLO_VERSION_2);
        assert_eq!(certainty(&mut socket, vectors::ACK_VERSION_2), Some(Certainty::Certain));
    }
}
