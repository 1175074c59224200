//! STUN and DTLS datagrams. Laws: what a message says is the same whenever it is read; a cut one never says more.

use borderpost::wire::Read;
use borderpost::wire::dtls::{self, Handshake};
use borderpost::wire::stun::message;

use super::frames::{is_udp, payloads};
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let datagrams =
        payloads(300, |packet| is_udp(packet) && packet.payload.first().is_some_and(|first| *first < 64));
    let alone = datagrams.iter().map(|datagram| [&[0xff, 0xff][..], datagram].concat());
    let joined = datagrams.chunks(3).map(|some| {
        let lengths = some
            .iter()
            .flat_map(|one| [&u16::try_from(one.len()).unwrap_or(0).to_be_bytes()[..], one].concat());
        lengths.collect()
    });
    alone.chain(joined).collect()
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut handshake = Handshake::new();
    while !script.is_empty() {
        let datagram = script.bytes();
        let _ = (dtls::record(datagram), handshake.push(datagram));
        let whole = message(datagram);
        if let (Read::Done(whole), Read::Done(part)) = (&whole, message(&datagram[..datagram.len() / 2])) {
            assert_eq!(*whole, part, "a cut message is another");
        }
    }
}
