//! A VPN of `WireGuard`'s form around packets that are made already: what the physical interface sees of them.
//!
//! Input: the path to the VPN's other end, the frames inside. Output: datagrams in the trace: the handshake of two
//! messages, the client's empty confirmation, then one message for each packet, at its time and of its padded size.
//! Must not: encrypt: what is encrypted on the wire is random bytes here.

use super::Result;
use super::frame::{Path, Sent, Trace};
use super::random::Random;
use super::scenario::{Client, MICROSECOND, Nanos};
use super::tcp::jitter;

/// Carries the packets of `inside` to and from the other end, behind a handshake at `at`.
pub(crate) fn carry(
    trace: &mut Trace,
    path: Path,
    client: &Client,
    at: Nanos,
    inside: &[Sent],
    random: &Random,
) -> Result<()> {
    let mut random = random.part("wireguard");
    let [ours, theirs]: [[u8; 4]; 2] = [random.array(), random.array()];
    // Ephemeral key, encrypted key and time, first code; the second code is zero where the server is not under load.
    let initiation = [&[1, 0, 0, 0][..], &ours, &random.bytes(32 + 48 + 28 + 16), &[0; 16]];
    path.udp(trace, at, true, &initiation.concat());
    let answered = at + path.rtt + jitter(&mut random, path.rtt);
    let response = [&[2, 0, 0, 0][..], &theirs, &ours, &random.bytes(32 + 16 + 16), &[0; 16]];
    path.udp(trace, answered, false, &response.concat());
    let confirmed = answered + 80 * MICROSECOND;
    let mut sides = [theirs, ours].map(|receiver| Side { receiver, counter: 0 });
    let [up, down] = &mut sides;
    path.udp(trace, confirmed, true, &up.message(0, &mut random));
    for frame in inside {
        if frame.at <= confirmed {
            return Err("something inside the VPN begins before its handshake is over".into());
        }
        let is_outbound = frame.bytes.get(SENDER) == Some(&client.mac.0[..]);
        let side = if is_outbound { &mut *up } else { &mut *down };
        let packet = frame.bytes.len().saturating_sub(ETHERNET);
        path.udp(trace, frame.at, is_outbound, &side.message(packet, &mut random));
    }
    Ok(())
}

/// What one direction counts.
struct Side {
    /// The index that the receiver chose.
    receiver: [u8; 4],
    /// Messages sent so far.
    counter: u64,
}

impl Side {
    /// A message with a packet of that length, padded to a multiple of 16, and 16 bytes of tag behind it.
    fn message(&mut self, packet: usize, random: &mut Random) -> Vec<u8> {
        let counter = self.counter.to_le_bytes();
        self.counter += 1;
        let sealed = random.bytes(packet.next_multiple_of(16) + 16);
        [&[4, 0, 0, 0][..], &self.receiver, &counter, &sealed].concat()
    }
}

/// Where the sender's hardware address stands in an Ethernet frame.
const SENDER: std::ops::Range<usize> = 6..12;
/// The length of an Ethernet header.
const ETHERNET: usize = 14;
