//! What is sent to make a reader slow: each of any size, and the same every time.
//!
//! Input: a number of bytes. Output: a capture of about as many. Must not: hold what takes longer to make than to read.

use std::sync::LazyLock;

use crate::traffic::{ACK, End, Made, SYN, client, ethernet, ipv4, ipv4_fragment, length, public, udp};
use crate::workload::Random;

/// One flood: its name, and how it is made.
pub(crate) type Flood = (&'static str, fn(usize) -> Vec<u8>);

/// All of them.
pub(crate) const FLOODS: &[Flood] = &[
    ("SYNs from everywhere", syns),
    ("SYNs to everywhere", scan),
    ("one port opened again and again", reopened),
    ("first fragments", first_fragments),
    ("fragments of one datagram that overlap", overlapping_fragments),
    ("segments with other bytes", other_copies),
    ("segments with a hole before each", holes),
    ("segments from the last to the first", backwards),
    ("hellos byte by byte", dripped_hellos),
    ("hellos to names of their own", hellos),
    ("hellos to the client's names", client_hellos),
    ("second hellos with names of their own", second_hellos),
    ("DNS questions without answers", questions),
    ("DNS answers for names of their own", answers),
    ("DNS answers that nobody asked for", unasked),
    ("one DNS question and its answers", one_question),
    ("DNS answers of pointers to pointers", pointers),
    ("one name on every address, each reached", one_name),
    ("every name on one address, which is reached", one_address),
    ("QUIC Initials with ids of their own", initials),
    ("QUIC Initials on one flow", initials_on_one_flow),
    ("DTLS hellos in fragments", dtls),
    ("STUN requests", stun),
    ("meetings, each on a socket of its own", meetings),
    ("media joined midway, each to a router of its own", routers),
    ("participants, each reached directly", participants),
    ("calls inside TLS, one after the other", tls_calls),
    ("machines, each with a client", machines),
    ("tunnels with numbers of their own", tunnels),
    ("tunnels in tunnels", nested_tunnels),
    ("ICMP errors", icmp_errors),
    ("HTTP requests in one connection", requests),
    ("a header without an end", endless_header),
    ("pcapng: interfaces", interfaces),
    ("pcapng: sections", sections),
    ("pcapng: options", options),
    ("pcapng: comments on packets", comments),
    ("pcapng: name blocks", name_blocks),
    ("pcapng: the same packet on two interfaces", twice),
];

const SERVER: End = ([9, 1, 1, 1], 443);
const RESOLVER: End = ([9, 9, 9, 9], 53);
const CLIENT: [u8; 4] = [192, 168, 1, 20];

/// SYNs of connections that differ in their client.
pub(crate) fn syns(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| made.tcp(client(n), SERVER, n, SYN, b""))
}

/// SYNs of one host to ports and addresses that differ.
pub(crate) fn scan(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [.., high, low] = n.to_be_bytes();
        made.tcp((CLIENT, 1024 | u16::from_be_bytes([high, low])), (public(n), 443), n, SYN, b"");
    })
}

fn reopened(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        made.open((CLIENT, 50_000), SERVER, n.wrapping_mul(77_777));
        made.tcp(SERVER, (CLIENT, 50_000), n.wrapping_mul(77_777).wrapping_add(1), 0x14, b"");
    })
}

fn first_fragments(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [a, b, c, d] = n.to_be_bytes();
        let packet =
            ipv4_fragment([10, 0, a, b], SERVER.0, 17, (u16::from_be_bytes([c, d]), 0x2000), &[7; 64]);
        made.frame(&ethernet(1, &packet));
    })
}

fn overlapping_fragments(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [.., a, b] = (n * 2 % 8000).to_be_bytes();
        let place = 0x2000 | u16::from_be_bytes([a, b]);
        made.frame(&ethernet(
            1,
            &ipv4_fragment([10, 0, 0, 1], SERVER.0, 17, (7, place), &n.to_be_bytes().repeat(6)),
        ));
    })
}

fn other_copies(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        if n == 0 {
            made.tcp((CLIENT, 50_000), SERVER, 99, SYN, b"");
        }
        made.tcp((CLIENT, 50_000), SERVER, 100, ACK, &hello(&name(n, "example")));
    })
}

fn holes(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| made.tcp((CLIENT, 50_000), SERVER, n * 2, ACK, &[22]))
}

fn backwards(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let segment = n % 8000;
        let flow = (CLIENT, 1024 + u16::try_from(n / 8000).unwrap_or(0));
        if segment == 0 {
            made.tcp(flow, SERVER, 99, SYN, b"");
        }
        made.tcp(flow, SERVER, 100 + (8000 - segment) * 2, ACK, &[22, 3]);
    })
}

fn dripped_hellos(size: usize) -> Vec<u8> {
    let hello = hello("drip.example");
    Made::filled(size, |made, n| {
        let at = n as usize % hello.len();
        let flow = client(n / u32::try_from(hello.len()).unwrap_or(u32::MAX));
        made.tcp(flow, SERVER, n, ACK, hello.get(at..=at).unwrap_or_default());
    })
}

fn hellos(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        made.open(client(n), (public(n), 443), n);
        made.tcp(client(n), (public(n), 443), n.wrapping_add(1), ACK, &hello(&name(n, "example")));
    })
}

/// Handshakes of the client with names and addresses that differ.
pub(crate) fn client_hellos(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [.., high, low] = n.to_be_bytes();
        let from = (CLIENT, 1024 | u16::from_be_bytes([high, low]));
        made.open(from, (public(n), 443), n);
        made.tcp(from, (public(n), 443), n.wrapping_add(1), ACK, &hello(&name(n, "zoom.us")));
    })
}

/// Forty hellos on each flow.
fn second_hellos(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let from = client(n);
        made.open(from, SERVER, 99);
        let mut sequence = 100_u32;
        for more in 0..40 {
            let hello = hello(&name(n.wrapping_mul(40).wrapping_add(more), "example"));
            made.tcp(from, SERVER, sequence, ACK, &hello);
            sequence = sequence.wrapping_add(u32::try_from(hello.len()).unwrap_or(0));
        }
    })
}

fn questions(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| made.udp(client(n), RESOLVER, &dns(n, 0, &name(n, "example"), &[])))
}

fn answers(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let name = name(n, "example");
        made.udp(client(n), RESOLVER, &dns(n, 0, &name, &[]));
        made.udp(RESOLVER, client(n), &dns(n, 1, &name, &address(public(n))));
    })
}

fn unasked(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        made.udp(RESOLVER, client(n), &dns(n, 1, &name(n, "example"), &address(public(n))));
    })
}

fn one_question(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        made.udp((CLIENT, 50_000), RESOLVER, &dns(7, 0, "one.example", &[]));
        made.udp(RESOLVER, (CLIENT, 50_000), &dns(7, 1, "one.example", &address(public(n))));
    })
}

fn pointers(size: usize) -> Vec<u8> {
    // Every record's name points at the name of the record before it.
    let mut chain = Vec::new();
    let mut at = 12;
    for _ in 0..1000_u16 {
        let [high, low] = u16::to_be_bytes(at);
        let next = 29 + u16::try_from(chain.len()).unwrap_or(0);
        chain.extend([&[0xC0 | high, low][..], &[0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xC0 | high, low]].concat());
        at = next.min(0x3FFF);
    }
    Made::filled(size, |made, n| {
        made.udp(client(n), RESOLVER, &dns(n, 0, "chain.a.example", &[]));
        made.udp(RESOLVER, client(n), &dns(n, 1000, "chain.a.example", &chain));
    })
}

fn one_name(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [.., high, low] = n.to_be_bytes();
        let from = (CLIENT, 1024 | u16::from_be_bytes([high, low]));
        made.udp(from, RESOLVER, &dns(n, 0, "one.zoom.us", &[]));
        made.udp(RESOLVER, from, &dns(n, 1, "one.zoom.us", &address(public(n))));
        made.open(from, (public(n), 443), n);
    })
}

fn one_address(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [.., high, low] = n.to_be_bytes();
        let from = (CLIENT, 1024 | u16::from_be_bytes([high, low]));
        made.udp(from, RESOLVER, &dns(n, 0, &name(n, "zoom.us"), &[]));
        made.udp(RESOLVER, from, &dns(n, 1, &name(n, "zoom.us"), &address(SERVER.0)));
        made.open(from, SERVER, n.wrapping_mul(77_777));
    })
}

fn initials(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| made.udp(client(n), SERVER, &initial(n)))
}

fn initials_on_one_flow(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| made.udp((CLIENT, 50_000), SERVER, &initial(n)))
}

fn dtls(size: usize) -> Vec<u8> {
    // A handshake record with the first 40 of the 1,000 bytes of a hello.
    let head = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52, 1, 0, 3, 232, 0, 0, 0, 0, 0, 0, 0, 40];
    Made::filled(size, |made, n| made.udp(client(n), SERVER, &[&head[..], &[254, 253], &[9; 38]].concat()))
}

fn stun(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &n.to_be_bytes(), &[5; 8]].concat();
        made.udp(client(n / 4), (SERVER.0, 3478), &request);
    })
}

/// A media router in a block that Zoom publishes as its own.
fn router(number: u32) -> End {
    let [.., last] = number.to_be_bytes();
    ([213, 244, 140, last], 8801)
}

fn meetings(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [.., high, low] = n.to_be_bytes();
        let (from, to) = ((CLIENT, 1024 | u16::from_be_bytes([high, low])), router(n >> 16));
        let token = [&n.to_be_bytes()[..], &[7; 12]].concat();
        let hello = [
            &[1, 0, 3][..],
            &token,
            &[0; 7],
            &[2],
            &[0, 0, 0x40, 0, 0, 0, 0x40, 0, 0, 0, 0, 64],
            &[6; 64],
            &[0; 20],
        ];
        made.udp(from, to, &hello.concat());
        let reply = [&[2, 0, 3][..], &token, &n.to_be_bytes(), &[0, 0, 0x40, 0], &[0; 17]].concat();
        made.udp(to, from, &reply);
        let bind =
            [&[5, 0, 1][..], &n.to_be_bytes(), &[0, 0x0c, 1], &token, &[1, 0, 4, 1], &[1, 0, 22]].concat();
        made.udp(from, to, &[&bind[..], b"data_bind_replace_flag", &[0]].concat());
        made.now += 30_000_000;
    })
}

fn routers(size: usize) -> Vec<u8> {
    let noise = Random::new(1).noise(90);
    Made::filled(size, |made, n| {
        let [_, high, low, last] = n.to_be_bytes();
        let (from, to) = ((CLIENT, 1024 | u16::from_be_bytes([high, low])), router(u32::from(last)));
        let media = [15, 1, 0, 0xfb, 0x90, 0x16, 17, 4, 5, 0, 1, 0, 0, 0, 1, 0, 3];
        let rtp =
            [&[0x90, 113, 0, 1, 0, 0, 0, 1, 1, 0, 4, 1, 0xbe, 0xde, 0, 1, 0x10, 0, 0, 0][..], noise].concat();
        for (from, to, flag) in [(from, to, 0), (to, from, 4)] {
            let head = [&[5, 0, 1][..], &n.to_be_bytes(), &[flag]].concat();
            made.udp(from, to, &[&head[..], &media, &length(rtp.len()), &rtp].concat());
        }
        made.now += 30_000_000;
    })
}

fn participants(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let text = format!("{n:08x}-0d4a-4e6f-9a7b-5c6d7e8f9a0b");
        let greeting = [
            &[31, 2, 1, 0][..],
            &[4; 20],
            &[0, 0, 0, 10],
            b"192.0.2.17",
            &[0, 0, 0, 36],
            text.as_bytes(),
            &[0; 4],
        ];
        let greeting = greeting.concat();
        let [.., high, low] = n.to_be_bytes();
        let (from, to) = ((CLIENT, 1024 | u16::from_be_bytes([high, low])), (public(n), 50_000));
        made.udp(from, to, &greeting);
        made.udp(to, from, &greeting);
        made.now += 60_000_000;
    })
}

fn tls_calls(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let [_, high, low, last] = n.to_be_bytes();
        let (from, to) = ((CLIENT, 1024 | u16::from_be_bytes([high, low])), (router(u32::from(last)).0, 443));
        made.open(from, to, n);
        let hello = hello("zoomsjccv154mmr.sjc.zoom.us");
        made.tcp(from, to, n.wrapping_add(1), ACK, &hello);
        let mut sequence = n.wrapping_add(1).wrapping_add(u32::try_from(hello.len()).unwrap_or(0));
        for _ in 0..6 {
            made.now += 2_000_000;
            sequence = made.long_segment(from, to, sequence);
        }
        made.now += 30_000_000;
    })
}

fn machines(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        made.machine = n + 1;
        let [_, b, c, d] = n.to_be_bytes();
        let from = ([10, b, c, d], 50_000);
        made.open(from, (public(n), 443), n);
        made.tcp(from, (public(n), 443), n.wrapping_add(1), ACK, &hello("us05web.zoom.us"));
    })
}

fn vxlan(number: u32, frame: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = number.to_be_bytes();
    ipv4(
        [10, 0, 0, 1],
        [10, 0, 0, 2],
        17,
        &udp(50_000, 4789, &[&[8, 0, 0, 0, a, b, c, 0][..], frame].concat()),
    )
}

fn inner() -> Vec<u8> {
    ethernet(1, &ipv4(CLIENT, SERVER.0, 17, &udp(50_000, 40_000, &[0xEE; 32])))
}

fn tunnels(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| made.frame(&ethernet(1, &vxlan(n, &inner()))))
}

fn nested_tunnels(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let frame = (0..20).fold(inner(), |frame, depth| ethernet(1, &vxlan(n + depth, &frame)));
        made.frame(&frame);
    })
}

fn icmp_errors(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        made.udp(client(n), SERVER, &[0xEE; 20]);
        let quoted = ipv4(client(n).0, SERVER.0, 17, &udp(client(n).1, SERVER.1, &[0xEE; 20]));
        made.ip(SERVER.0, client(n).0, 1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat());
    })
}

fn requests(size: usize) -> Vec<u8> {
    let mut sequence = 1000_u32;
    Made::filled(size, |made, n| {
        let request =
            format!("GET /{n} HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", name(n, "example"), "x".repeat(200));
        made.tcp((CLIENT, 50_000), (SERVER.0, 80), sequence, ACK, request.as_bytes());
        sequence = sequence.wrapping_add(u32::try_from(request.len()).unwrap_or(0));
    })
}

fn endless_header(size: usize) -> Vec<u8> {
    Made::filled(size, |made, n| {
        let text = if n == 0 { "GET / HTTP/1.1\r\nHost: " } else { "a" };
        let text = format!("{text}{}", "a".repeat(1000 - text.len()));
        made.tcp((CLIENT, 50_000), (SERVER.0, 80), n * 1000, ACK, text.as_bytes());
    })
}

/// A block of pcapng.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let body = [body, &vec![0; body.len().next_multiple_of(4) - body.len()]].concat();
    let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

fn section() -> Vec<u8> {
    block(0x0A0D_0D0A, &[&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xFF; 8]].concat())
}

fn interface() -> Vec<u8> {
    block(1, &[1, 0, 0, 0, 0, 0, 4, 0])
}

fn packet(number: u32, interface: u32, options: &[u8]) -> Vec<u8> {
    let data = ethernet(1, &ipv4(CLIENT, SERVER.0, 17, &udp(50_000, 40_000, &number.to_be_bytes())));
    let length = u32::try_from(data.len()).unwrap_or(0);
    let ticks = 1_719_820_800_000_000 + u64::from(number) * 50;
    let [low, high] = [ticks & 0xFFFF_FFFF, ticks >> 32].map(|part| u32::try_from(part).unwrap_or(0));
    let head = [interface, high, low, length, length].map(u32::to_le_bytes).concat();
    block(6, &[&head[..], &data, &vec![0; data.len().next_multiple_of(4) - data.len()], options].concat())
}

fn blocks(size: usize, mut more: impl FnMut(u32) -> Vec<u8>) -> Vec<u8> {
    let mut file = [section(), interface(), interface()].concat();
    for number in 0.. {
        if file.len() >= size {
            break;
        }
        file.extend(more(number));
    }
    file
}

fn interfaces(size: usize) -> Vec<u8> {
    blocks(size, |number| [interface(), packet(number, number.min(60_000), &[])].concat())
}

fn sections(size: usize) -> Vec<u8> {
    blocks(size, |number| [section(), interface(), packet(number, 0, &[])].concat())
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&code.to_le_bytes()[..], &length, value, &vec![0; value.len().next_multiple_of(4) - value.len()]]
        .concat()
}

fn options(size: usize) -> Vec<u8> {
    let many = option(0x7777, b"").repeat(10_000);
    blocks(size, |number| packet(number, 0, &many))
}

fn comments(size: usize) -> Vec<u8> {
    blocks(size, |number| packet(number, 0, &option(1, format!("remark {number}").as_bytes())))
}

fn name_blocks(size: usize) -> Vec<u8> {
    blocks(size, |number| {
        let name = [&public(number)[..], name(number, "example").as_bytes(), &[0]].concat();
        let length = u16::try_from(name.len()).unwrap_or(0).to_le_bytes();
        let record =
            [&[1, 0][..], &length, &name, &vec![0; name.len().next_multiple_of(4) - name.len()], &[0; 4]];
        block(4, &record.concat())
    })
}

fn twice(size: usize) -> Vec<u8> {
    blocks(size, |number| [packet(number, 0, &[]), packet(number, 1, &[])].concat())
}

/// A name by its number.
fn name(number: u32, domain: &str) -> String {
    format!("n{number:09}.{domain}")
}

/// A DNS message about a name, with so many records behind the question.
fn dns(id: u32, records: u16, name: &str, behind: &[u8]) -> Vec<u8> {
    let [.., high, low] = id.to_be_bytes();
    let flags = if records == 0 { [1, 0] } else { [0x81, 0x80] };
    let [many, few] = records.to_be_bytes();
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap_or(0)], label.as_bytes()].concat();
    let labels: Vec<u8> = name.split('.').flat_map(label).collect();
    [&[high, low][..], &flags, &[0, 1, many, few, 0, 0, 0, 0], &labels, &[0, 0, 1, 0, 1], behind].concat()
}

/// The record that the name of the question is at an address.
fn address(address: [u8; 4]) -> Vec<u8> {
    [&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &address].concat()
}

/// A TLS `ClientHello` for a name, in its record.
fn hello(name: &str) -> Vec<u8> {
    let list = [&[0][..], &length(name.len()), name.as_bytes()].concat();
    let data = [&length(list.len())[..], &list].concat();
    let extensions = [&[0, 0][..], &length(data.len()), &data].concat();
    let body = [&[3, 3][..], &[9; 32], &[0, 0, 2, 0xC0, 0x2F, 1, 0], &length(extensions.len()), &extensions]
        .concat();
    let message = [&[1, 0][..], &length(body.len()), &body].concat();
    [&[22, 3, 1][..], &length(message.len()), &message].concat()
}

/// A QUIC Initial with an id by its number. Nobody sealed it, which costs as much to find out.
fn initial(number: u32) -> Vec<u8> {
    static NOISE: LazyLock<&[u8]> = LazyLock::new(|| Random::new(3).noise(1180));
    [&[0xC3, 0, 0, 0, 1, 8][..], &number.to_be_bytes(), &[1, 2, 3, 4, 0, 0], &[0x44, 0x9C], *NOISE].concat()
}
