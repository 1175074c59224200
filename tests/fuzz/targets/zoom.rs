//! Zoom's layer over UDP. Law: the readers take any datagrams, in any order, with any length on the wire.

use borderpost::wire::zoom::{Socket, p2p, stun};

use super::frames::{is_udp, payloads};
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let datagrams = payloads(300, |packet| is_udp(packet) && packet.payload.len() < 300);
    let joined = datagrams.chunks(4).map(|some| {
        let parts = some
            .iter()
            .flat_map(|one| [&[0][..], &u16::try_from(one.len()).unwrap_or(0).to_be_bytes(), one].concat());
        parts.collect()
    });
    joined.collect()
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut socket = Socket::default();
    while !script.is_empty() {
        let beyond = u32::from(script.byte());
        let datagram = script.bytes();
        let wire_len = u32::try_from(datagram.len()).unwrap_or(u32::MAX).saturating_add(beyond);
        let _ = (socket.read(datagram, wire_len), p2p(datagram, wire_len), stun(datagram));
    }
}
