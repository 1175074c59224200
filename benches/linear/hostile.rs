//! Captures made to cost more than their size: each generator fills about as many bytes as it is asked for.
//!
//! Output: classic pcap of raw IP, or pcapng. Must not: use chance that has no seed, or a real capture.

#![expect(clippy::cast_possible_truncation, reason = "ids and bytes repeat where numbers grow beyond them")]

/// A name, and what makes a capture of so many bytes.
pub(crate) type Generator = (&'static str, fn(usize) -> Vec<u8>);

pub(crate) const GENERATORS: [Generator; 22] = [
    ("a flow a packet", |size| packets(size, |n| tcp(n, SYN, 0, &[]))),
    ("one tuple again and again", |size| {
        packets(size, |n| tcp(0, if n % 2 == 0 { SYN } else { RST }, n, &[]))
    }),
    ("a hello with a new name on each flow", |size| packets(size, |n| tcp(n, PUSH, 1, &hello(&name(n))))),
    ("a hello of the client's on each flow", |size| {
        packets(size, |n| tcp(n, PUSH, 1, &hello(&zoom_name(n))))
    }),
    ("hellos that never end, byte by byte", |size| {
        packets(size, |n| tcp(n / 9_000, PUSH, 1 + n % 9_000, &endless(n % 9_000)))
    }),
    ("segments from the last to the first", |size| {
        packets(size, |n| tcp(n / 9_000, PUSH, 9_001 - n % 9_000, b"x"))
    }),
    ("segments that overlap with other bytes", |size| {
        packets(size, |n| tcp(n / 500, PUSH, 1 + n % 7, &[(n % 251) as u8; 600]))
    }),
    ("second hellos with other names", |size| {
        packets(size, |n| tcp(n / 40, PUSH, 1 + (n % 40) * 160, &padded(&hello(&name(n)), 160)))
    }),
    ("questions that nobody answers", |size| packets(size, |n| udp(n, 53, &question(n)))),
    ("answers that nobody asked for", |size| packets(size, |n| back(n, 53, &answer(n)))),
    ("questions with their answers", |size| {
        packets(size, |n| if n % 2 == 0 { udp(1, 53, &question(n / 2)) } else { back(1, 53, &answer(n / 2)) })
    }),
    ("one question and its answers", |size| {
        packets(size, |n| if n % 2 == 0 { udp(1, 53, &question(7)) } else { back(1, 53, &answer(7)) })
    }),
    ("first fragments alone", |size| packets(size, |n| fragment(n, 0, true, &[0; 64]))),
    ("fragments of one packet that overlap", |size| {
        packets(size, |n| fragment(n / 1_000, (n % 1_000) * 8 % 60_000, true, &[(n % 251) as u8; 64]))
    }),
    ("Initials of QUIC with new ids", |size| packets(size, |n| udp(n / 200, 443, &initial(n)))),
    ("Initials of QUIC with one id", |size| packets(size, |_| udp(1, 443, &initial(7)))),
    ("questions of STUN with new ids", |size| packets(size, |n| udp(1, 3478, &stun(n)))),
    ("heads of HTTP that never end", |size| {
        packets(size, |n| tcp(n / 100, PUSH, 1 + n % 100 * 160, &head(n % 100)))
    }),
    ("errors about flows that nobody knows", |size| {
        packets(size, |n| ip(1, n, &[&[3, 1, 0, 0, 0, 0, 0, 0][..], &udp(n, 9, &[0; 8])].concat()))
    }),
    ("tunnels in tunnels", |size| packets(size, |n| nested(n, 6))),
    ("a new interface for each packet", interfaces),
    ("names of addresses, and comments", said_of_itself),
];

const SYN: u8 = 2;
const RST: u8 = 4;
const PUSH: u8 = 0x18;

/// A classic pcap of raw IP, filled with packets by their numbers.
fn packets(size: usize, packet: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut file = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65535, 101].map(u32::to_le_bytes).concat();
    for number in 0_u32.. {
        if file.len() >= size {
            break;
        }
        let packet = packet(number);
        let length = u32::try_from(packet.len()).unwrap_or(0);
        let time = [1_717_200_000 + number / 10_000, number % 10_000 * 100];
        file.extend([time[0], time[1], length, length].map(u32::to_le_bytes).concat());
        file.extend(packet);
    }
    file
}

fn half(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes()
}

/// From an address of the local network that the number tells to a server.
fn ip(protocol: u8, number: u32, rest: &[u8]) -> Vec<u8> {
    let [_, b, c, d] = number.to_be_bytes();
    ipv4(protocol, ([10, b, c, d], [52, 202, 62, 196]), (number, 0), rest)
}

fn ipv4(protocol: u8, (from, to): ([u8; 4], [u8; 4]), (id, units): (u32, u16), rest: &[u8]) -> Vec<u8> {
    let length = half(20 + rest.len());
    let id = (id as u16).to_be_bytes();
    [&[0x45, 0][..], &length, &id, &units.to_be_bytes(), &[64, protocol, 0, 0], &from, &to, rest].concat()
}

fn tcp(flow: u32, flags: u8, seq: u32, said: &[u8]) -> Vec<u8> {
    let head =
        [&[0xC3, 0x50, 1, 0xBB][..], &seq.to_be_bytes(), &[0; 4], &[0x50, flags, 255, 255, 0, 0, 0, 0], said];
    ip(6, flow, &head.concat())
}

fn datagram(from: u16, to: u16, said: &[u8]) -> Vec<u8> {
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &half(8 + said.len()), &[0, 0], said].concat()
}

fn udp(flow: u32, port: u16, said: &[u8]) -> Vec<u8> {
    ip(17, flow, &datagram(40_000, port, said))
}

/// A datagram of the server's.
fn back(flow: u32, port: u16, said: &[u8]) -> Vec<u8> {
    let [_, b, c, d] = flow.to_be_bytes();
    ipv4(17, ([52, 202, 62, 196], [10, b, c, d]), (flow, 0), &datagram(port, 40_000, said))
}

fn fragment(number: u32, at: u32, more: bool, part: &[u8]) -> Vec<u8> {
    let units = u16::try_from(at / 8).unwrap_or(0) | if more { 0x2000 } else { 0 };
    ipv4(17, ([10, 0, 0, 1], [52, 202, 62, 196]), (number, units), part)
}

fn name(number: u32) -> String {
    format!("host-{number}.network-{}.example", number % 977)
}

fn zoom_name(number: u32) -> String {
    format!("us{:02}web{number}.zoom.us", number % 90)
}

/// A ClientHello of TLS 1.2 that asks for a name.
fn hello(name: &str) -> Vec<u8> {
    let server_name =
        [&[0, 0][..], &half(name.len() + 5), &half(name.len() + 3), &[0], &half(name.len()), name.as_bytes()]
            .concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0xC0, 0x2F, 1, 0], &half(server_name.len()), &server_name]
        .concat();
    [&[22, 3, 1][..], &half(body.len() + 4), &[1, 0], &half(body.len()), &body].concat()
}

fn padded(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(length, 0);
    bytes
}

/// One byte of a hello that says it is 16,000 bytes long.
fn endless(at: u32) -> [u8; 1] {
    let head = [22, 3, 1, 0x3E, 0x80, 1, 0, 0x3E, 0x7C, 3, 3];
    [head.get(at as usize).copied().unwrap_or(7)]
}

fn wire_name(number: u32) -> Vec<u8> {
    let name = name(number);
    let label = |label: &str| [&[label.len() as u8], label.as_bytes()].concat();
    name.split('.').flat_map(label).chain([0, 0, 1, 0, 1]).collect()
}

fn question(number: u32) -> Vec<u8> {
    let id = (number as u16).to_be_bytes();
    [&id[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &wire_name(number)].concat()
}

fn answer(number: u32) -> Vec<u8> {
    let id = (number as u16).to_be_bytes();
    let address = (0x5100_0000 | number & 0x00ff_ffff).to_be_bytes();
    let told = [&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &address].concat();
    [&id[..], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], &wire_name(number), &told].concat()
}

/// What has the form of an Initial of QUIC version 1, and is sealed with other keys.
fn initial(number: u32) -> Vec<u8> {
    let id = [&number.to_be_bytes()[..], &number.to_be_bytes()].concat();
    let mut packet = [&[0xC3, 0, 0, 0, 1, 8][..], &id, &[8], &id, &[0, 0x44, 0x00]].concat();
    packet.resize(1_200, 0xA5);
    packet
}

fn stun(number: u32) -> Vec<u8> {
    let mut id = number.to_be_bytes().to_vec();
    id.resize(12, 9);
    [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &id].concat()
}

fn head(part: u32) -> Vec<u8> {
    let start: &[u8] = if part == 0 { b"GET / HTTP/1.1\r\nX-" } else { b"X-" };
    let mut head = start.to_vec();
    head.resize(160, b'a');
    head
}

/// A datagram in so many tunnels of GRE.
fn nested(number: u32, depth: u32) -> Vec<u8> {
    (0..depth).fold(udp(number, 443, &[0; 16]), |inner, level| {
        ip(47, number ^ level, &[&[0, 0, 8, 0], &inner[..]].concat())
    })
}

/// A block of pcapng.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(12 + body.len()).unwrap_or(0).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(0);
    let mut bytes = [code.to_le_bytes(), length.to_le_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn section() -> Vec<u8> {
    block(0x0A0D_0D0A, &[&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xFF; 8]].concat())
}

fn frame(interface: u32, number: u32, options: &[u8]) -> Vec<u8> {
    let packet = udp(number % 100, 443, &[0; 16]);
    let length = u32::try_from(packet.len()).unwrap_or(0).to_le_bytes();
    let head = [interface, 0x0006_0000, number].map(u32::to_le_bytes).concat();
    block(6, &[&head[..], &length, &length, &packet, options].concat())
}

fn interfaces(size: usize) -> Vec<u8> {
    let mut file = section();
    for number in 0_u32.. {
        if file.len() >= size {
            break;
        }
        file.extend(block(
            1,
            &[&[101, 0, 0, 0, 0, 0, 4, 0][..], &option(2, format!("if{number}").as_bytes())].concat(),
        ));
        file.extend(frame(number, number, &[]));
    }
    file
}

fn said_of_itself(size: usize) -> Vec<u8> {
    let mut file = section();
    file.extend(block(1, &[101, 0, 0, 0, 0, 0, 4, 0]));
    for number in 0_u32.. {
        if file.len() >= size {
            break;
        }
        let record = [&number.to_le_bytes()[..], name(number).as_bytes(), &[0]].concat();
        file.extend(block(4, &[option(1, &record), vec![0; 4]].concat()));
        file.extend(frame(0, number, &[option(1, name(number).as_bytes()), vec![0; 4]].concat()));
    }
    file
}
