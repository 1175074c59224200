//! Frames through the opener: fragments and tunnels. Laws: a datagram cut into fragments at will, in any order and with
//! copies, is put together again byte for byte; whatever comes, every frame is answered once.

use borderpost::frame::{Frame, FrameRef, LinkType};
use borderpost::packet::{Decoded, Opener, Packet};

use super::frames::frames;
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = frames(120)
        .chunks(3)
        .map(|some| {
            let parts = some
                .iter()
                .flat_map(|one| [&u16::try_from(one.len()).unwrap_or(0).to_be_bytes()[..], one].concat());
            [0].into_iter().chain(parts).collect()
        })
        .collect();
    seeds.push([&[1, 0, 1, 0, 3, 0, 2, 0, 200][..], &[7; 400]].concat());
    seeds.push([&[3, 0, 1, 0, 3, 0, 2, 0, 200][..], &[7; 400]].concat());
    seeds
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut opener = Opener::new();
    match script.byte() % 4 {
        0 => {
            let mut number = 0;
            while !script.is_empty() {
                number += 1;
                let frame = script.bytes();
                show(&mut opener, number, LinkType::ETHERNET, frame, |_| ());
            }
        }
        1 => whole_again(&mut opener, script, false),
        2 => {
            // Frames of a raw link whose heads differ in few bytes: what random bytes do not come to.
            let mut frame = script.bytes().to_vec();
            for number in 1..64 {
                if script.is_empty() {
                    break;
                }
                let at = script.below(frame.len().max(1));
                if let Some(byte) = frame.get_mut(at) {
                    *byte = script.byte();
                }
                show(&mut opener, number, LinkType::RAW, &frame, |_| ());
            }
        }
        _ => whole_again(&mut opener, script, true),
    }
    opener.finish();
    let _ = opener.settled().map(|settled| settled.begun().is_some()).collect::<Vec<_>>();
}

/// Shows a frame to the opener, and its packet, where it is one, to `seen`.
fn show(opener: &mut Opener, number: u64, link: LinkType, data: &[u8], seen: impl FnOnce(&Packet<'_>)) {
    let (mut answers, at) = (0, FrameRef::new(0, number));
    opener.open(&Frame::new(number, link, data), at, |opened| {
        answers += 1;
        if let Some(Decoded::Packet(packet)) = &opened.decoded {
            seen(packet);
        }
    });
    assert_eq!(answers, 1);
}

/// Cuts a datagram into fragments, shows them in the script's order, and expects it whole behind the last that was missing.
fn whole_again(opener: &mut Opener, mut script: Script<'_>, is_v6: bool) {
    let cuts = [0; 6].map(|_| script.below(60) * 8);
    let order: Vec<usize> = (0..10).map(|_| script.below(7)).collect();
    let payload = &script.rest()[..script.rest().len().min(3_000)];
    let length = u16::try_from(8 + payload.len()).unwrap_or(0).to_be_bytes();
    let datagram = [&[0xc0, 0, 1, 187, length[0], length[1], 0, 0][..], payload].concat();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| *cut.min(&datagram.len()) & !7).collect();
    ends.extend([0, datagram.len()]);
    ends.sort_unstable();
    ends.dedup();
    let parts: Vec<_> = ends.windows(2).map(|ends| ends[0]..ends[1]).collect();
    let (mut shown, mut found) = (vec![false; parts.len()], None);
    // First as the script says, then whatever it left out.
    let order = order.into_iter().filter(|part| *part < parts.len()).chain(0..parts.len());
    for (number, part) in (1..).zip(order) {
        if std::mem::replace(&mut shown[part], true) && number > 10 {
            continue;
        }
        let range = parts[part].clone();
        let is_last = range.end == datagram.len();
        let frame = fragment(is_v6, range.start, is_last, &datagram[range]);
        show(opener, number, LinkType::RAW, &frame, |packet| found = Some(packet.payload.to_vec()));
        if shown.iter().all(|shown| *shown) {
            break;
        }
    }
    assert_eq!(found.as_deref(), Some(payload), "{} fragments", parts.len());
}

fn fragment(is_v6: bool, offset: usize, is_last: bool, data: &[u8]) -> Vec<u8> {
    let place = u16::try_from(offset / 8).unwrap_or(0);
    if is_v6 {
        let length = u16::try_from(8 + data.len()).unwrap_or(0).to_be_bytes();
        let place = (place << 3 | u16::from(!is_last)).to_be_bytes();
        let head = [&[0x60, 0, 0, 0][..], &length, &[44, 64], &[0x20; 16], &[0x26; 16]].concat();
        return [&head[..], &[17, 0], &place, &[0, 0, 0, 9], data].concat();
    }
    let length = u16::try_from(20 + data.len()).unwrap_or(0).to_be_bytes();
    let place = (place | u16::from(!is_last) << 13).to_be_bytes();
    let ends = [10, 0, 0, 1, 203, 0, 113, 7];
    [&[0x45, 0][..], &length, &[0, 9], &place, &[64, 17, 0, 0], &ends, data].concat()
}
