//! STUN: the round trip of each transaction and the address that the asking end is seen as.
//!
//! Calls run STUN, DTLS and media over one flow (RFC 7983), so what is no STUN on such a flow may be DTLS. Input: datagrams. Output: facts. Must not: take a mapped address from anything but a reply to a request.

use crate::evidence::fact::Fact;
use crate::evidence::round_trip::Key;
use crate::evidence::{Notes, Outcome, Sighting, dtls};
use crate::flow::Method;
use crate::wire::Read;
use crate::wire::stun::{self, Class};

/// Reads one datagram.
pub(super) fn observe(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let Read::Done(message) = stun::message(seen.packet.payload) else {
        let is_known = notes.mapped.contains_key(&seen.flow);
        return if is_known && dtls::beside_stun(seen, notes) { Outcome::Watch } else { Outcome::NotMine };
    };
    if notes.mapped.try_insert(seen.flow, None).is_ok() {
        notes.push(seen, Fact::Stun);
    }
    match message.class {
        Class::Request => {
            notes.round_trips.request(seen.flow, seen.side, key(message.transaction), seen.time);
        }
        Class::Success | Class::Error => {
            let key = key(message.transaction);
            let is_asked_for = notes.round_trips.is_waiting(seen.flow, seen.side.other(), key);
            notes.reply(seen, Method::Stun, key);
            let mapped = message.mapped.filter(|_| is_asked_for);
            if let Some(mapped) = mapped
                && notes.mapped.insert(seen.flow, Some(mapped)) != Some(Some(mapped))
            {
                notes.push(seen, Fact::MappedAddress { asker: seen.side.other(), address: Box::new(mapped) });
            }
        }
        Class::Indication => {}
    }
    Outcome::Watch
}

fn key(transaction: [u8; 12]) -> Key {
    let mut key = *b"stun------------";
    for (byte, id) in key.iter_mut().skip(4).zip(transaction) {
        *byte = id;
    }
    Key::Id(key)
}
