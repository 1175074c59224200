//! Tunnels over UDP. A port alone proves nothing, so a datagram is a tunnel only where its header fits as well.
//!
//! Input: a datagram's ports and payload. Output: which tunnel it belongs to: one that can be opened, or one that is
//! encrypted and only named. Must not: open it (that is `inner`'s job).

use super::Tunnel;

/// The tunnel that a UDP datagram belongs to and that can be opened, where port and header agree. `payload` is what was
/// captured of `payload_len` bytes.
#[inline]
pub(super) fn openable([from, to]: [u16; 2], payload: &[u8], payload_len: u32) -> Option<Tunnel> {
    if !(is_openable_port(from) || is_openable_port(to)) {
        return None;
    }
    opened(from, to, payload, usize::try_from(payload_len).unwrap_or(usize::MAX))
}

const fn is_openable_port(port: u16) -> bool {
    matches!(port, L2TP | GTP_U | TEREDO | VXLAN | VXLAN_GPE | GENEVE)
}

/// `length` is the payload's on the wire, of which `payload` was captured.
#[cold]
fn opened(from: u16, to: u16, payload: &[u8], length: usize) -> Option<Tunnel> {
    // Senders of VXLAN and Geneve draw their own port from the inner flow, so only the destination counts.
    match to {
        VXLAN if is_vxlan(payload) => return Some(Tunnel::Vxlan),
        VXLAN_GPE if is_vxlan_gpe(payload) => return Some(Tunnel::Vxlan),
        GENEVE if is_geneve(payload, length) => return Some(Tunnel::Geneve),
        _ => {}
    }
    let either = |port| from == port || to == port;
    if either(GTP_U) && is_gtp_u(payload, length) {
        return Some(Tunnel::GtpU);
    }
    if either(TEREDO) && is_teredo(payload, length) {
        return Some(Tunnel::Teredo);
    }
    (either(L2TP) && is_l2tp(payload, length)).then_some(Tunnel::L2tp)
}

/// The encrypted tunnel that a UDP datagram belongs to, where port and header agree. It is a flow like any other, and its
/// name says what is not seen.
#[must_use]
pub fn sealed_tunnel([from, to]: [u16; 2], payload: &[u8], payload_len: u32) -> Option<Tunnel> {
    let length = usize::try_from(payload_len).unwrap_or(usize::MAX);
    let either = |port| from == port || to == port;
    if is_wireguard(payload, length, either(WIREGUARD)) {
        return Some(Tunnel::WireGuard);
    }
    (either(ESP) && is_esp(payload, length)).then_some(Tunnel::EspInUdp)
}

/// RFC 7348, section 5: the flag for a valid network identifier alone, all reserved bits zero.
fn is_vxlan(payload: &[u8]) -> bool {
    matches!(payload, [0x08, 0, 0, 0, _, _, _, 0, ..])
}

/// draft-ietf-nvo3-vxlan-gpe, section 3: version 0, a valid network identifier, reserved bytes zero.
fn is_vxlan_gpe(payload: &[u8]) -> bool {
    matches!(payload, [flags, 0, 0, _, _, _, _, 0, ..] if flags & 0xF8 == 0x08)
}

/// RFC 8926, section 3.4: version 0, reserved bits zero, options that fit.
fn is_geneve(payload: &[u8], length: usize) -> bool {
    let [first, flags, _, _, _, _, _, 0, ..] = payload else {
        return false;
    };
    first >> 6 == 0 && flags.trailing_zeros() >= 6 && 8 + usize::from(first & 0x3F) * 4 <= length
}

/// TS 29.281, section 5.1: version 1, protocol type GTP, message 255 (a user's packet), length behind the first 8 bytes.
fn is_gtp_u(payload: &[u8], length: usize) -> bool {
    let [first, 255, l0, l1, ..] = payload else {
        return false;
    };
    first >> 4 == 0b0011 && usize::from(u16::from_be_bytes([*l0, *l1])) + 8 == length
}

/// RFC 4380, section 5.1.1: authentication and origin headers, each optional, then an IPv6 packet that fits.
fn is_teredo(payload: &[u8], length: usize) -> bool {
    let mut rest = payload;
    if let [0, 1, id, authentication, ..] = rest {
        let skipped = 13 + usize::from(*id) + usize::from(*authentication);
        rest = rest.get(skipped..).unwrap_or_default();
    }
    if let [0, 0, ..] = rest {
        rest = rest.get(8..).unwrap_or_default();
    }
    let [first, _, _, _, l0, l1, ..] = rest else {
        return false;
    };
    let left = length.saturating_sub(payload.len().saturating_sub(rest.len()));
    first >> 4 == 6 && usize::from(u16::from_be_bytes([*l0, *l1])) + 40 == left
}

/// RFC 2661, section 3.1, and RFC 3931, section 4.1.2: reserved bits zero, and a stated length that fits.
fn is_l2tp(payload: &[u8], length: usize) -> bool {
    let [f0, f1, l0, l1, ..] = payload else {
        return false;
    };
    let flags = u16::from_be_bytes([*f0, *f1]);
    let is_control = flags & 0x8000 != 0;
    let has_length = flags & 0x4000 != 0;
    let fits = !has_length || usize::from(u16::from_be_bytes([*l0, *l1])) == length;
    match flags & 0x000F {
        // A control message states its length and sequence numbers, and has neither offset nor priority.
        2 | 3 if is_control => flags & 0x7FF0 == 0x4800 && fits,
        2 => flags & 0x34F0 == 0 && fits,
        3 => flags & 0x7FF0 == 0 && [*l0, *l1] == [0, 0],
        _ => false,
    }
}

/// The protocol's four messages: type, three zero bytes, and lengths that no other protocol is likely to have (Zoom's
/// keep-alives begin like messages 3 and 4). The two of the handshake tell it on any port, the others on its own.
fn is_wireguard(payload: &[u8], length: usize, is_own_port: bool) -> bool {
    match payload {
        [1, 0, 0, 0, ..] => length == 148,
        [2, 0, 0, 0, ..] => length == 92,
        [3, 0, 0, 0, ..] => is_own_port && length == 64,
        [4, 0, 0, 0, ..] => is_own_port && length >= 32 && length.is_multiple_of(16),
        _ => false,
    }
}

/// RFC 3948, section 2, and RFC 4303, section 2.1: a security parameters index above the reserved ones (zero marks IKE);
/// index, sequence number, padding and a tag need at least 20 bytes.
fn is_esp(payload: &[u8], length: usize) -> bool {
    payload.first_chunk().is_some_and(|spi| u32::from_be_bytes(*spi) > 255) && length >= 20
}

const L2TP: u16 = Tunnel::L2tp.number();
const GTP_U: u16 = Tunnel::GtpU.number();
const TEREDO: u16 = Tunnel::Teredo.number();
const ESP: u16 = Tunnel::EspInUdp.number();
const VXLAN: u16 = Tunnel::Vxlan.number();
/// The port of the form that carries other protocols than Ethernet, too.
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = Tunnel::Geneve.number();
const WIREGUARD: u16 = Tunnel::WireGuard.number();

#[cfg(test)]
mod tests {
    use super::*;

    fn at(from: u16, to: u16, payload: &[u8]) -> Option<Tunnel> {
        let length = u32::try_from(payload.len()).unwrap();
        openable([from, to], payload, length).or_else(|| sealed_tunnel([from, to], payload, length))
    }

    fn padded(start: &[u8], len: usize) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(len, 0x55);
        bytes
    }

    #[test]
    fn port_and_header_make_a_tunnel() {
        let ipv6 = padded(&[0x60, 0, 0, 0, 0, 0, 59, 64], 40);
        let authenticated =
            [&[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0][..], &[0, 0, 1, 2, 3, 4, 5, 6], &ipv6].concat();
        for (port, payload, tunnel) in [
            (4789, padded(&[0x08, 0, 0, 0, 0, 0, 42, 0], 22), Tunnel::Vxlan),
            (6081, padded(&[0x01, 0x40, 0x65, 0x58, 0, 0, 7, 0], 12), Tunnel::Geneve),
            (2152, padded(&[0x30, 255, 0, 20, 0, 0, 0, 1], 28), Tunnel::GtpU),
            (3544, ipv6.clone(), Tunnel::Teredo),
            (3544, authenticated, Tunnel::Teredo),
            (1701, padded(&[0xC8, 0x02, 0, 20], 20), Tunnel::L2tp),
            (1701, padded(&[0x00, 0x02, 9, 9], 20), Tunnel::L2tp),
            (1701, padded(&[0x00, 0x03, 0, 0], 20), Tunnel::L2tp),
            (51820, padded(&[1, 0, 0, 0], 148), Tunnel::WireGuard),
            (51820, padded(&[4, 0, 0, 0], 32), Tunnel::WireGuard),
            (4500, padded(&[0, 0, 1, 0], 60), Tunnel::EspInUdp),
        ] {
            assert_eq!(at(40000, port, &payload), Some(tunnel));
            let on_any_port = payload.len() == 148;
            assert_eq!(at(40000, 443, &payload), Some(tunnel).filter(|_| on_any_port));
            for cut in 0..payload.len() {
                let _ = at(40000, port, &payload[..cut]);
            }
        }
    }

    #[test]
    fn other_headers_stay_udp() {
        for (from, to, payload) in [
            (4789, 8801, padded(&[0x08, 0, 0, 0, 0, 0, 42, 0], 22)),
            (40000, 2152, padded(&[0x32, 1, 0, 4], 12)),
            (40000, 2152, padded(&[0x30, 255, 0, 21], 28)),
            (40000, 3544, padded(&[0x60, 0, 0, 0, 0, 1, 59, 64], 40)),
            (40000, 1701, padded(&[0xC8, 0x02, 0, 21], 20)),
            (4500, 4500, vec![0xFF]),
            (4500, 4500, padded(&[0, 0, 0, 0], 60)),
            (4500, 4500, padded(&[0, 1, 0, 0], 19)),
            // Zoom's keep-alive request and reply from an ephemeral port.
            (51820, 8801, padded(&[3, 0, 0, 0, 1], 13)),
            (51820, 8801, padded(&[4, 0, 0, 0, 1], 13)),
        ] {
            assert_eq!(at(from, to, &payload), None, "{from} {to} {payload:?}");
        }
    }
}
