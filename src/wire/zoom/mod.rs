//! Zoom's own layer over UDP: what the native client and a media router say to each other on ports 8801 to 8810,
//! what two clients say to each other directly, and the STUN without a cookie that comes before that.
//!
//! Input: the payload of one UDP datagram, with its length on the wire, because captures are often cut. Output:
//! [`Read`](crate::wire::Read): the message, with how much one such datagram proves ([`Certainty`]). [`Socket`] is
//! the memory of one pair of UDP ports, owned by the caller; it knows the version and turns hints into proof.
//!
//! Zoom publishes no description of this layer. What stands here was read off public captures of 2019 to 2025; the
//! layouts are given where they are read. Media are encrypted behind the RTP header, and nothing here looks there.
//!
//! A datagram that says `Done` when it is cut says the same when it is whole, or is refused then.
//! Must not: know a flow, an address range or a name, or accept other calls' STUN, DTLS, RTP or QUIC as certain.

mod cut;
mod media;
mod message;
mod p2p;
mod socket;
mod stun;

#[cfg(test)]
mod captures;
#[cfg(test)]
pub(crate) mod vectors;

pub use media::{Bind, Media, MediaKind, Rtcp, Rtp, Ssrc, Stream};
pub use message::{Body, Message, message};
pub use p2p::{P2p, p2p};
pub use socket::Socket;
pub use stun::{Stun, stun};

/// How much one datagram, taken alone, proves about its flow.
///
/// The order means something: what is `Certain` is more than what is `Weak`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Certainty {
    /// It fits, but chance fits too: another witness is needed, such as a port from 8801 to 8810, a second datagram
    /// with the same connection id, or an address or name of Zoom's.
    Weak,
    /// Constants, lengths or echoes that no other protocol is known to carry in these places.
    Certain,
}

/// The version of the layer, as the client's hello states it. It decides how long all later headers are.
///
/// Seen: 2 in 2019, 3 from 2021 to 2025.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(pub u16);

impl Version {
    /// The version of 2019: data have a header of one byte, keep-alives end at their connection id.
    pub const TWO: Self = Self(2);
    /// The version since 2021: data have a header of eight bytes, and lists of fields may follow the headers.
    pub const THREE: Self = Self(3);

    /// Whether data carry the short header. Versions after 3 are read as 3: none has been seen.
    fn is_short(self) -> bool {
        self <= Self::TWO
    }
}
