//! A capture of the project's taken apart into its frames, so that packets can be changed, added and put together again.
//!
//! Input: one little-endian section of pcapng, as the generator writes it. Output: the same with what was done to it. Must not:
//! judge what comes of it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

/// The blocks of a capture in their order.
#[derive(Clone)]
pub(crate) struct Tape {
    pub(crate) blocks: Vec<Block>,
}

#[derive(Clone)]
pub(crate) enum Block {
    Frame(Sent),
    /// Anything else, as it stands in the file.
    Other(Vec<u8>),
}

#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) interface: u32,
    /// In units of the interface.
    pub(crate) time: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) options: Vec<u8>,
}

/// A TCP connection over IPv4 whose client says hello in one segment.
#[derive(Clone)]
pub(crate) struct Talk {
    /// The place of the hello among the frames.
    pub(crate) hello: usize,
    pub(crate) client: (Ipv4Addr, u16),
    pub(crate) server: (Ipv4Addr, u16),
    /// The sequence number of the hello, and what it acknowledges.
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) said: Vec<u8>,
}

pub(crate) const FIN_ACK: u8 = 0x11;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PUSH_ACK: u8 = 0x18;
const ENHANCED_PACKET: u32 = 6;
const ETHERNET: usize = 14;

impl Tape {
    pub(crate) fn shipped(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/{name}.pcapng"));
        Self::of(&fs::read(path).unwrap())
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut blocks = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (block, after) = rest.split_at(word(rest, 4) as usize);
            rest = after;
            if word(block, 0) != ENHANCED_PACKET {
                blocks.push(Block::Other(block.to_vec()));
                continue;
            }
            let length = word(block, 20) as usize;
            let options = 28 + length.next_multiple_of(4);
            blocks.push(Block::Frame(Sent {
                interface: word(block, 8),
                time: u64::from(word(block, 12)) << 32 | u64::from(word(block, 16)),
                data: block[28..28 + length].to_vec(),
                options: block[options..block.len() - 4].to_vec(),
            }));
        }
        Self { blocks }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.blocks.iter().flat_map(Block::bytes).collect()
    }

    /// The frames with their places among the blocks.
    pub(crate) fn frames(&self) -> impl DoubleEndedIterator<Item = (usize, &Sent)> {
        self.blocks.iter().enumerate().filter_map(|(place, block)| match block {
            Block::Frame(sent) => Some((place, sent)),
            Block::Other(_) => None,
        })
    }

    pub(crate) fn frame(&self, place: usize) -> &Sent {
        let Block::Frame(sent) = &self.blocks[place] else { unreachable!("no frame stands there") };
        sent
    }

    pub(crate) fn frame_mut(&mut self, place: usize) -> &mut Sent {
        let Block::Frame(sent) = &mut self.blocks[place] else { unreachable!("no frame stands there") };
        sent
    }

    /// Puts a frame in front of the one at `place`, captured a microsecond before it; what stood behind is moved on.
    pub(crate) fn insert(&mut self, place: usize, data: Vec<u8>) {
        let like = self.frame(place);
        let sent = Sent { time: like.time - 1_000, data, options: Vec::new(), ..like.clone() };
        self.blocks.insert(place, Block::Frame(sent));
    }

    /// Puts a frame behind the one at `place`, a microsecond after it.
    pub(crate) fn insert_after(&mut self, place: usize, data: Vec<u8>) {
        let like = self.frame(place);
        let sent = Sent { time: like.time + 1_000, data, options: Vec::new(), ..like.clone() };
        self.blocks.insert(place + 1, Block::Frame(sent));
    }

    /// A block behind the head of the section and its interfaces.
    pub(crate) fn insert_other(&mut self, block: Vec<u8>) {
        let place = self.frames().next().unwrap().0;
        self.blocks.insert(place, Block::Other(block));
    }

    /// The connections over IPv4 whose client's hello is in one segment.
    pub(crate) fn talks(&self) -> Vec<Talk> {
        self.frames().filter_map(|(place, sent)| talk(place, &sent.data)).collect()
    }

    /// The connection to an address.
    pub(crate) fn talk_with(&self, server: Ipv4Addr) -> Talk {
        self.talks().into_iter().find(|talk| talk.server.0 == server).unwrap()
    }

    /// The places of all frames of a connection.
    pub(crate) fn places(&self, talk: &Talk) -> Vec<usize> {
        let ends = |data: &[u8]| {
            let ip = data.get(ETHERNET..ETHERNET + 24)?;
            let at = |from: usize| Ipv4Addr::from(*ip[from..].first_chunk::<4>().unwrap());
            let port = |from: usize| u16::from_be_bytes([ip[from], ip[from + 1]]);
            Some([(at(12), port(20)), (at(16), port(22))])
        };
        let ours = [talk.client, talk.server];
        let is_ours =
            |sent: &Sent| ends(&sent.data).is_some_and(|[from, to]| [from, to] == ours || [to, from] == ours);
        self.frames().filter(|(_, sent)| is_ours(sent)).map(|(place, _)| place).collect()
    }

    /// A segment of the connection, in the Ethernet frame of its hello.
    pub(crate) fn segment(
        &self,
        talk: &Talk,
        is_up: bool,
        numbers: [u32; 2],
        flags: u8,
        said: &[u8],
    ) -> Vec<u8> {
        let like = &self.frame(talk.hello).data;
        let (from, to) = if is_up { (talk.client, talk.server) } else { (talk.server, talk.client) };
        let tcp = [
            &from.1.to_be_bytes()[..],
            &to.1.to_be_bytes(),
            &numbers[0].to_be_bytes(),
            &numbers[1].to_be_bytes(),
            &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
            said,
        ]
        .concat();
        [&ethernet(like, is_up)[..], &ipv4(6, from.0, to.0, (0, 0), &tcp)].concat()
    }

    /// A datagram between two ends, in the Ethernet frame of a connection of the same machine.
    pub(crate) fn datagram(
        &self,
        talk: &Talk,
        is_up: bool,
        ends: [(Ipv4Addr, u16); 2],
        said: &[u8],
    ) -> Vec<u8> {
        let [from, to] = ends;
        let length = u16::try_from(8 + said.len()).unwrap().to_be_bytes();
        let udp = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &length, &[0, 0], said].concat();
        let like = &self.frame(talk.hello).data;
        [&ethernet(like, is_up)[..], &ipv4(17, from.0, to.0, (0, 0), &udp)].concat()
    }
}

impl Block {
    fn bytes(&self) -> Vec<u8> {
        let sent = match self {
            Self::Other(block) => return block.clone(),
            Self::Frame(sent) => sent,
        };
        let length = u32::try_from(sent.data.len()).unwrap().to_le_bytes();
        let time = [(sent.time >> 32) as u32, sent.time as u32].map(u32::to_le_bytes).concat();
        let mut body = [&sent.interface.to_le_bytes()[..], &time, &length, &length, &sent.data].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(&sent.options);
        block(ENHANCED_PACKET, &body)
    }
}

/// A block of pcapng.
pub(crate) fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
    [&kind.to_le_bytes(), &length[..], body, &length[..]].concat()
}

/// An option of pcapng.
pub(crate) fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    let mut bytes = [code.to_le_bytes(), length.to_le_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The parts of an IPv4 packet: whether more come, and where it stands in units of eight bytes.
pub(crate) fn fragment(packet: &[u8], range: std::ops::Range<usize>, more: bool) -> Vec<u8> {
    let (head, rest) = packet.split_at(ETHERNET + 20);
    let units = u16::try_from(range.start / 8).unwrap() | if more { 0x2000 } else { 0 };
    let at = |from: usize| Ipv4Addr::from(*head[ETHERNET + from..].first_chunk::<4>().unwrap());
    let part = ipv4(head[ETHERNET + 9], at(12), at(16), (0x4242, units), &rest[range]);
    [&head[..ETHERNET], &part].concat()
}

fn ipv4(protocol: u8, from: Ipv4Addr, to: Ipv4Addr, (id, units): (u16, u16), rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + rest.len()).unwrap().to_be_bytes();
    let mut head =
        [&[0x45, 0][..], &length, &id.to_be_bytes(), &units.to_be_bytes(), &[64, protocol, 0, 0]].concat();
    head.extend(from.octets());
    head.extend(to.octets());
    let sum: u32 = head.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
    head[10..12].copy_from_slice(&checksum.to_be_bytes());
    [&head[..], rest].concat()
}

/// The Ethernet header of a frame that the machine sent, or of its answer.
fn ethernet(like: &[u8], is_up: bool) -> Vec<u8> {
    let (to, from) = (&like[..6], &like[6..12]);
    let [to, from] = if is_up { [to, from] } else { [from, to] };
    [to, from, &[8, 0]].concat()
}

fn talk(hello: usize, data: &[u8]) -> Option<Talk> {
    let ip = data.get(ETHERNET..).filter(|_| data[12..14] == [8, 0])?;
    let head = usize::from(ip[0] & 15) * 4;
    let is_whole = ip[9] == 6 && [ip[6] & 0x3f, ip[7]] == [0, 0];
    let tcp = ip.get(head..).filter(|tcp| is_whole && tcp.len() >= 20)?;
    let said = tcp.get(usize::from(tcp[12] >> 4) * 4..)?;
    let is_hello = said.len() > 5 && said[0] == 22 && said[5] == 1;
    let at = |from: usize| Ipv4Addr::from(*ip[from..].first_chunk::<4>().unwrap());
    let port = |from: usize| u16::from_be_bytes([tcp[from], tcp[from + 1]]);
    let number = |from: usize| u32::from_be_bytes(*tcp[from..].first_chunk::<4>().unwrap());
    is_hello.then(|| Talk {
        hello,
        client: (at(12), port(0)),
        server: (at(16), port(2)),
        seq: number(4),
        ack: number(8),
        said: said.to_vec(),
    })
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().unwrap())
}

/// A ClientHello of TLS 1.2 that asks for a name.
pub(crate) fn hello(name: &str) -> Vec<u8> {
    let long = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let server_name =
        [&[0, 0][..], &long(name.len() + 5), &long(name.len() + 3), &[0], &long(name.len()), name.as_bytes()]
            .concat();
    let mut body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0xc0, 0x2f, 1, 0]].concat();
    body.extend(long(server_name.len()));
    body.extend(server_name);
    handshake(1, &body)
}

/// A handshake message in a record of its own.
pub(crate) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let long = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    [&[22, 3, 3][..], &long(body.len() + 4), &[kind, 0], &long(body.len()), body].concat()
}

/// An answer of DNS: a question, and what it is told of it, as (name, type, data).
pub(crate) fn answer(id: u16, question: (&str, u16), told: &[(&str, u16, Vec<u8>)]) -> Vec<u8> {
    let count = u16::try_from(told.len()).unwrap().to_be_bytes();
    let mut message = [&id.to_be_bytes()[..], &[0x81, 0x80, 0, 1], &count, &[0; 4]].concat();
    message.extend(wire_name(question.0));
    message.extend(question.1.to_be_bytes());
    message.extend([0, 1]);
    for (name, kind, data) in told {
        message.extend(wire_name(name));
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        message.extend(data);
    }
    message
}

pub(crate) fn wire_name(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    name.split('.').flat_map(label).chain([0]).collect()
}

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const PTR: u16 = 12;
