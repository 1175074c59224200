//! Whose sockets were open while a capture was made: the blocks in which borderpost writes that down (docs/process-blocks.md).
//!
//! Input: what the system said of a socket and of its process. Output: plain values, and blocks of pcapng to be written
//! between any two others of a little-endian section. Must not: ask the system, or write a block that the reader would not
//! take back whole.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::frame::{ProcessMethod, Timestamp};

/// A process that owns sockets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OwnerProcess {
    /// Its number on the machine.
    pub pid: u32,
    /// The number of the user that it runs as.
    pub uid: Option<u32>,
    /// When it began, by the machine's clock; number and beginning together name one process.
    pub started: Option<Timestamp>,
    /// Its name, not escaped; at most 255 bytes.
    pub name: String,
    /// The path of its program, not escaped; empty where it could not be told; at most 4,096 bytes.
    pub path: String,
    /// How the system was asked, such as `sock_diag`.
    pub asked: String,
    /// The processes that started it, the nearest first; at most 16.
    pub parents: Vec<Ancestor>,
}

/// A process that started another, itself or through others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ancestor {
    /// Its number on the machine.
    pub pid: u32,
    /// Its name, not escaped.
    pub name: String,
    /// The path of its program, not escaped; empty where it could not be told.
    pub path: String,
}

/// The ends of one connection, or of the datagrams that two addresses exchange, from the machine's side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketEnds {
    /// Whether it is TCP; else it is UDP.
    pub is_tcp: bool,
    /// The end on the machine.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

impl SocketEnds {
    /// The two ends, with IPv4 addresses as such where IPv6 sockets write them as theirs, and without scopes.
    #[must_use]
    pub fn new(is_tcp: bool, local: SocketAddr, remote: SocketAddr) -> Self {
        let plain = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
        Self { is_tcp, local: plain(local), remote: plain(remote) }
    }
}

/// That a process had a socket with these ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnedSocket {
    /// Its ends.
    pub ends: SocketEnds,
    /// Its process, by its place in [`Owners::processes`].
    pub process: u32,
    /// How it was told that it is this process's.
    pub method: ProcessMethod,
    /// When it was first seen in the system's table.
    pub since: Timestamp,
    /// When it was no longer there; `None` where it was to the end.
    pub until: Option<Timestamp>,
}

/// What became of the flows that the capturing program was told of.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OwnerTotals {
    /// Flows whose process was found.
    pub attributed: u64,
    /// Flows with a socket whose process may not be seen: it is another user's.
    pub hidden: u64,
    /// Flows of this machine without a socket in two looks at the table: they were too short.
    pub missed: u64,
    /// Flows of which neither end is an address of this machine.
    pub elsewhere: u64,
    /// Flows that came too fast to be asked about.
    pub unasked: u64,
    /// How often the table was looked at.
    pub sweeps: u64,
    /// How long that took in all, in nanoseconds of the processor.
    pub busy_nanos: u64,
}

/// Everything that a capture says of sockets and their processes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Owners {
    /// The first 4,096 processes.
    pub processes: Vec<OwnerProcess>,
    /// The first 262,144 sockets, in the order in which they were seen.
    pub sockets: Vec<OwnedSocket>,
    /// What was said last of all flows.
    pub totals: Option<OwnerTotals>,
    /// Processes and sockets that were too many to be kept.
    pub refused: u64,
    /// Blocks that could not be read.
    pub malformed: u64,
}

impl Owners {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A block that describes a process under a number, which sockets refer to in the same section. Texts are cut to their limits.
#[must_use]
pub fn process_block(number: u32, process: &OwnerProcess) -> Vec<u8> {
    let mut block = Block::new(KIND_PROCESS);
    block.word(number).word(process.pid).word(process.uid.unwrap_or(NONE));
    block.long(process.started.map_or(0, |time| u64::try_from(time.nanos()).unwrap_or(0)));
    block.option(OPT_NAME, cut(&process.name, MAX_NAME));
    block.option(OPT_PATH, cut(&process.path, MAX_PATH));
    block.option(OPT_ASKED, cut(&process.asked, MAX_NAME));
    for parent in process.parents.iter().take(MAX_PARENTS) {
        let (name, path) = (cut(&parent.name, MAX_NAME), cut(&parent.path, MAX_PATH));
        // A name has at most 255 bytes.
        let name_len = u32::try_from(name.len()).unwrap_or(0);
        let head = [parent.pid.to_le_bytes(), name_len.to_le_bytes()].concat();
        block.option(OPT_PARENT, &[&head, name, path].concat());
    }
    block.end()
}

/// A block that says that a process has a socket from a time on, or with `is_over` that it has it no longer.
#[must_use]
pub fn socket_block(
    number: u32,
    ends: &SocketEnds,
    method: ProcessMethod,
    time: Timestamp,
    is_over: bool,
) -> Vec<u8> {
    let mut block = Block::new(if is_over { KIND_GONE } else { KIND_SOCKET });
    let protocol = if ends.is_tcp { TCP } else { UDP };
    let family = if ends.local.is_ipv4() && ends.remote.is_ipv4() { 4 } else { 6 };
    block.word(number);
    block.bytes(&[protocol, family, method_code(method), 0]);
    block.bytes(&ends.local.port().to_le_bytes()).bytes(&ends.remote.port().to_le_bytes());
    block.bytes(&octets(ends.local.ip(), family)).bytes(&octets(ends.remote.ip(), family));
    block.long(u64::try_from(time.nanos()).unwrap_or(0));
    block.end()
}

/// A block with what became of all flows so far.
#[must_use]
pub fn totals_block(totals: &OwnerTotals) -> Vec<u8> {
    let mut block = Block::new(KIND_TOTALS);
    let OwnerTotals { attributed, hidden, missed, elsewhere, unasked, sweeps, busy_nanos } = *totals;
    for count in [attributed, hidden, missed, elsewhere, unasked, sweeps, busy_nanos] {
        block.long(count);
    }
    block.end()
}

/// An address in 16 bytes: of IPv4 the first four are it.
fn octets(address: IpAddr, family: u8) -> [u8; 16] {
    match address {
        IpAddr::V4(address) if family == 4 => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The address that 16 bytes hold.
pub(super) fn address(octets: [u8; 16], family: u8) -> Option<IpAddr> {
    let [a, b, c, d, ..] = octets;
    match family {
        4 => Some(Ipv4Addr::new(a, b, c, d).into()),
        6 => Some(IpAddr::from(Ipv6Addr::from(octets)).to_canonical()),
        _ => None,
    }
}

const fn method_code(method: ProcessMethod) -> u8 {
    match method {
        ProcessMethod::SocketPort => 1,
        ProcessMethod::SocketShared => 2,
        _ => 0,
    }
}

/// What a method is called in a block.
pub(super) const fn method(code: u8) -> Option<ProcessMethod> {
    match code {
        0 => Some(ProcessMethod::Socket),
        1 => Some(ProcessMethod::SocketPort),
        2 => Some(ProcessMethod::SocketShared),
        _ => None,
    }
}

/// The beginning of a text, cut between two characters.
fn cut(text: &str, most: usize) -> &[u8] {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().as_bytes()
}

/// A block that is being written.
struct Block(Vec<u8>);

impl Block {
    fn new(kind: u32) -> Self {
        let mut block = Self(Vec::with_capacity(128));
        block.word(BLOCK_TYPE).word(0).bytes(&MAGIC).word(kind << 16 | VERSION);
        block
    }

    fn word(&mut self, word: u32) -> &mut Self {
        self.bytes(&word.to_le_bytes())
    }

    fn long(&mut self, long: u64) -> &mut Self {
        self.bytes(&long.to_le_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// An option, where there is something to say; no value is near the limit of 65,535 bytes.
    fn option(&mut self, code: u16, value: &[u8]) {
        let Ok(length) = u16::try_from(value.len()) else { return };
        if length > 0 {
            self.bytes(&code.to_le_bytes()).bytes(&length.to_le_bytes()).bytes(value);
            self.0.resize(self.0.len().next_multiple_of(4), 0);
        }
    }

    fn end(mut self) -> Vec<u8> {
        // 17 texts of at most 4,352 bytes each are far below 2^32.
        let total = u32::try_from(self.0.len().saturating_add(4)).unwrap_or(0);
        self.word(total);
        if let Some(place) = self.0.get_mut(4..8) {
            place.copy_from_slice(&total.to_le_bytes());
        }
        self.0
    }
}

/// A type for local use (draft-ietf-opsawg-pcapng, section 10.1), under which nobody else is known to write.
pub(super) const BLOCK_TYPE: u32 = 0x80b0_de01;
/// What the block begins with, since anybody may use its type.
pub(super) const MAGIC: [u8; 8] = *b"bpSocket";
/// The low half of the word behind it; the high half is the kind.
pub(super) const VERSION: u32 = 1;
pub(super) const KIND_PROCESS: u32 = 1;
pub(super) const KIND_SOCKET: u32 = 2;
pub(super) const KIND_GONE: u32 = 3;
pub(super) const KIND_TOTALS: u32 = 4;
pub(super) const OPT_NAME: u16 = 2;
pub(super) const OPT_PATH: u16 = 3;
pub(super) const OPT_PARENT: u16 = 4;
pub(super) const OPT_ASKED: u16 = 5;
/// A number that is not known.
pub(super) const NONE: u32 = u32::MAX;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
/// The most bytes of a name.
pub const MAX_NAME: usize = 255;
/// The most bytes of a path.
pub const MAX_PATH: usize = 4_096;
/// The most processes above another that are told.
pub const MAX_PARENTS: usize = 16;
