//! The blocks in which borderpost writes down whose sockets were open (docs/process-blocks.md).
//!
//! Input: bodies of blocks of the type, in the byte order of their section. Output: entries of [`Owners`]. Must not: keep more
//! than a bounded amount, or believe that a body is what its type says: it has to begin with the mark and add up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;

use super::options::Options;
use crate::frame::{ProcessMethod, Timestamp};
use crate::source::order::ByteOrder;
use crate::source::owners::{
    Ancestor, KIND_GONE, KIND_PROCESS, KIND_SOCKET, KIND_TOTALS, MAGIC, MAX_NAME, MAX_PARENTS, MAX_PATH,
    NONE, OPT_ASKED, OPT_NAME, OPT_PARENT, OPT_PATH, OwnedSocket, OwnerProcess, OwnerTotals, Owners,
    SocketEnds, TCP, UDP, VERSION, address, method,
};
use crate::source::text::reversible;

/// What the reader has to remember beside what it hands out.
#[derive(Default)]
pub(super) struct Reader {
    /// The processes of the section by their number, as places in the list.
    numbered: HashMap<u32, u32>,
    /// Their places in the list of all sections.
    known: HashMap<OwnerProcess, u32>,
    /// The sockets that are not known to be gone, as places in the list, by their ends and process.
    open: HashMap<(SocketEnds, u32), usize>,
    /// The bytes of all texts that are kept.
    text: usize,
}

impl Reader {
    /// A section begins: numbers count anew, and sockets stay as open as they are.
    pub(super) fn begin_section(&mut self) {
        self.numbered.clear();
    }

    /// A block of the type. Gives whether it is one of these at all.
    pub(super) fn read(&mut self, order: ByteOrder, body: &[u8], owners: &mut Owners) -> bool {
        let head = body.strip_prefix(&MAGIC).and_then(|body| order.words(body));
        let Some(([kind], rest)) = head else { return false };
        let (kind, version) = (kind >> 16, kind & 0xffff);
        let read = match kind {
            // A later version may mean something else by the same bytes.
            _ if version != VERSION => None,
            KIND_PROCESS => self.process(order, rest, owners),
            KIND_SOCKET | KIND_GONE => self.socket(order, rest, kind == KIND_GONE, owners),
            KIND_TOTALS => totals(order, rest).map(|totals| owners.totals = Some(totals)),
            _ => None,
        };
        owners.malformed += u64::from(read.is_none());
        true
    }

    fn process(&mut self, order: ByteOrder, body: &[u8], owners: &mut Owners) -> Option<()> {
        let ([number, pid, uid], rest) = order.words(body)?;
        let (started, list) = long(order, rest)?;
        let process = described(order, pid, uid, started, list)?;
        let known = self.known.get(&process).copied();
        let Some(place) = known.or_else(|| self.keep(process, owners)) else {
            owners.refused += 1;
            return Some(());
        };
        if self.numbered.len() < MAX_PROCESSES {
            self.numbered.insert(number, place);
        }
        Some(())
    }

    /// Keeps a process where there is room.
    fn keep(&mut self, process: OwnerProcess, owners: &mut Owners) -> Option<u32> {
        let text = text_of(&process).saturating_add(self.text);
        if owners.processes.len() >= MAX_PROCESSES || text > MAX_TEXT {
            return None;
        }
        let place = u32::try_from(owners.processes.len()).ok()?;
        self.text = text;
        self.known.insert(process.clone(), place);
        owners.processes.push(process);
        Some(place)
    }

    fn socket(&mut self, order: ByteOrder, body: &[u8], is_over: bool, owners: &mut Owners) -> Option<()> {
        let (number, ends, method, time) = said(order, body)?;
        // The process may be one of those that were too many.
        let Some(process) = self.numbered.get(&number).copied() else {
            // The end of a socket that was open in an earlier file alone ends nothing here.
            owners.refused += u64::from(!is_over);
            return Some(());
        };
        let key = (ends, process);
        if is_over {
            let gone = self.open.remove(&key).and_then(|place| owners.sockets.get_mut(place));
            if let Some(socket) = gone {
                socket.until = Some(time);
            }
        } else if let Entry::Vacant(place) = self.open.entry(key) {
            if owners.sockets.len() >= MAX_SOCKETS {
                owners.refused += 1;
                return Some(());
            }
            place.insert(owners.sockets.len());
            owners.sockets.push(OwnedSocket { ends, process, method, since: time, until: None });
        }
        Some(())
    }
}

/// A process with its texts.
fn described(order: ByteOrder, pid: u32, uid: u32, started: u64, list: &[u8]) -> Option<OwnerProcess> {
    let mut process = OwnerProcess {
        pid,
        uid: (uid != NONE).then_some(uid),
        started: if started == 0 { None } else { Some(time(started)?) },
        name: String::new(),
        path: String::new(),
        asked: String::new(),
        parents: Vec::new(),
    };
    let mut options = Options::new(order, list);
    for (code, value) in options.by_ref() {
        match code {
            OPT_NAME => process.name = text(value, MAX_NAME),
            OPT_PATH => process.path = text(value, MAX_PATH),
            OPT_ASKED => process.asked = text(value, MAX_NAME),
            OPT_PARENT if process.parents.len() < MAX_PARENTS => {
                process.parents.push(parent(order, value)?);
            }
            _ => {}
        }
    }
    (!options.is_broken()).then_some(process)
}

fn parent(order: ByteOrder, value: &[u8]) -> Option<Ancestor> {
    let ([pid, name_len], texts) = order.words(value)?;
    let (name, path) = texts.split_at_checked(usize::try_from(name_len).ok()?)?;
    Some(Ancestor { pid, name: text(name, MAX_NAME), path: text(path, MAX_PATH) })
}

/// What a block says of a socket: the number of its process, its ends, how that was told, and when.
fn said(order: ByteOrder, body: &[u8]) -> Option<(u32, SocketEnds, ProcessMethod, Timestamp)> {
    let ([number], rest) = order.words(body)?;
    let ([protocol, family, code, _, l0, l1, r0, r1], rest) = rest.split_first_chunk()?;
    let (local, rest) = rest.split_first_chunk()?;
    let (remote, rest) = rest.split_first_chunk()?;
    let (nanos, _) = long(order, rest)?;
    let is_tcp = match *protocol {
        TCP => true,
        UDP => false,
        _ => return None,
    };
    let local = SocketAddr::new(address(*local, *family)?, order.u16([*l0, *l1]));
    let remote = SocketAddr::new(address(*remote, *family)?, order.u16([*r0, *r1]));
    Some((number, SocketEnds::new(is_tcp, local, remote), method(*code)?, time(nanos)?))
}

fn totals(order: ByteOrder, body: &[u8]) -> Option<OwnerTotals> {
    let (chunks, _) = body.as_chunks::<8>();
    let [attributed, hidden, missed, elsewhere, unasked, sweeps, busy_nanos] =
        chunks.first_chunk()?.map(|chunk| order.u64(chunk));
    Some(OwnerTotals { attributed, hidden, missed, elsewhere, unasked, sweeps, busy_nanos })
}

/// A number of 64 bits and what follows it.
fn long(order: ByteOrder, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (long, rest) = bytes.split_first_chunk()?;
    Some((order.u64(*long), rest))
}

fn time(nanos: u64) -> Option<Timestamp> {
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

fn text(value: &[u8], most: usize) -> String {
    let text = reversible(value.get(..most).unwrap_or(value));
    text.trim_end_matches('\0').to_owned()
}

/// The bytes that a process's texts take.
fn text_of(process: &OwnerProcess) -> usize {
    let OwnerProcess { name, path, asked, parents, .. } = process;
    let of_parents: usize = parents.iter().map(|parent| parent.name.len() + parent.path.len()).sum();
    name.len() + path.len() + asked.len() + of_parents
}

/// Processes kept of a file.
const MAX_PROCESSES: usize = 4_096;
/// Sockets kept of a file, 96 bytes each and as many again while they are open.
const MAX_SOCKETS: usize = 262_144;
/// Bytes of text kept of a file.
const MAX_TEXT: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::owners::{process_block, socket_block, totals_block};

    fn process(pid: u32, name: &str) -> OwnerProcess {
        OwnerProcess {
            pid,
            uid: Some(1_000),
            started: Some(Timestamp::from_nanos(7_000_000_000)),
            name: name.to_owned(),
            path: format!("/opt/zoom/{name}"),
            asked: "sock_diag".to_owned(),
            parents: vec![Ancestor { pid: 1, name: "init".to_owned(), path: "/sbin/init".to_owned() }],
        }
    }

    fn ends(port: u16) -> SocketEnds {
        let end = |text: &str| text.parse().unwrap();
        SocketEnds::new(
            true,
            SocketAddr::new(end("::ffff:192.0.2.1"), port),
            "198.51.100.7:443".parse().unwrap(),
        )
    }

    /// The body of a block, as the walker hands it over.
    fn body(block: &[u8]) -> &[u8] {
        &block[8..block.len() - 4]
    }

    fn read(blocks: &[Vec<u8>]) -> Owners {
        let (mut reader, mut owners) = (Reader::default(), Owners::default());
        for block in blocks {
            assert_eq!(block.len() % 4, 0);
            assert!(reader.read(ByteOrder::Little, body(block), &mut owners));
        }
        owners
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let method = ProcessMethod::SocketPort;
        let totals = OwnerTotals { attributed: 3, missed: 1, busy_nanos: 9, ..OwnerTotals::default() };
        let owners = read(&[
            process_block(40, &process(7, "zoom")),
            socket_block(40, &ends(5_000), method, at(3), false),
            socket_block(40, &ends(5_001), method, at(4), false),
            socket_block(40, &ends(5_000), method, at(5), true),
            socket_block(40, &ends(5_000), method, at(9), false),
            totals_block(&totals),
        ]);
        assert_eq!(owners.processes, [process(7, "zoom")]);
        let times: Vec<_> = owners.sockets.iter().map(|socket| (socket.since, socket.until)).collect();
        assert_eq!(times, [(at(3), Some(at(5))), (at(4), None), (at(9), None)]);
        assert_eq!(owners.sockets[0].ends, ends(5_000));
        assert_eq!(owners.sockets[0].ends.local.to_string(), "192.0.2.1:5000", "not as IPv6 writes it");
        assert_eq!((owners.totals, owners.refused, owners.malformed), (Some(totals), 0, 0));
    }

    #[test]
    fn what_is_said_again_in_another_section_is_the_same() {
        let again = [
            process_block(1, &process(7, "zoom")),
            socket_block(1, &ends(1), ProcessMethod::Socket, at(3), false),
        ];
        let (mut reader, mut owners) = (Reader::default(), Owners::default());
        for _ in 0..2 {
            reader.begin_section();
            for block in &again {
                assert!(reader.read(ByteOrder::Little, body(block), &mut owners));
            }
        }
        assert_eq!((owners.processes.len(), owners.sockets.len()), (1, 1));
    }

    #[test]
    fn a_socket_of_a_process_that_is_not_described_is_counted() {
        let owners = read(&[socket_block(1, &ends(1), ProcessMethod::Socket, at(3), false)]);
        assert_eq!((owners.sockets.len(), owners.refused), (0, 1));
        let ended = read(&[socket_block(1, &ends(1), ProcessMethod::Socket, at(3), true)]);
        assert_eq!((ended.sockets.len(), ended.refused), (0, 0), "it was open in another file");
    }

    #[test]
    fn blocks_that_are_cut_or_lie_are_malformed_and_other_programs_blocks_are_none_of_these() {
        let whole = process_block(1, &process(7, "zoom"));
        let socket = socket_block(1, &ends(1), ProcessMethod::Socket, at(3), false);
        let (mut reader, mut owners) = (Reader::default(), Owners::default());
        let mut fed = 0;
        for block in [&whole, &socket, &totals_block(&OwnerTotals::default())] {
            let fixed = if block.len() == whole.len() { 32 } else { body(block).len() };
            for len in 12..fixed {
                assert!(reader.read(ByteOrder::Little, &body(block)[..len], &mut owners), "{len}");
                fed += 1;
            }
        }
        assert_eq!((owners.malformed, owners.processes.len(), owners.sockets.len()), (fed, 0, 0));
        for (at, byte) in [(8, 9), (10, 9), (34, 0xff), (32, 0x63)] {
            let mut lies = body(&whole).to_vec();
            lies[at] = byte;
            assert!(reader.read(ByteOrder::Little, &lies, &mut owners));
        }
        // An unknown option is passed over, another version, kind or length is not.
        assert_eq!((owners.malformed, owners.processes.len()), (fed + 3, 1));
        for other in [&b""[..], b"bpSocke", b"somebody else's"] {
            assert!(!reader.read(ByteOrder::Little, other, &mut owners));
        }
        assert!(!reader.read(ByteOrder::Big, b"bpSocket", &mut owners), "no more than the mark");
    }

    #[test]
    fn lists_are_bounded() {
        let (mut reader, mut owners) = (Reader::default(), Owners::default());
        let long = "x".repeat(9_000);
        for pid in 0..5_000 {
            let process = OwnerProcess { path: long.clone(), ..process(pid, "y") };
            reader.read(ByteOrder::Little, body(&process_block(pid, &process)), &mut owners);
        }
        assert!(owners.processes.iter().all(|process| process.path.len() == MAX_PATH));
        assert!(owners.processes.len() < 2_100 && owners.processes.len() > 2_000, "by their texts");
        let sockets = (0..=262_144_u32).map(|number| {
            let local = SocketAddr::new(std::net::Ipv4Addr::from_bits(number).into(), 1);
            SocketEnds::new(false, local, ends(1).remote)
        });
        let refused = owners.refused;
        for ends in sockets {
            let block = socket_block(0, &ends, ProcessMethod::Socket, at(3), false);
            reader.read(ByteOrder::Little, body(&block), &mut owners);
        }
        assert_eq!((owners.sockets.len(), owners.refused - refused), (MAX_SOCKETS, 1));
    }
}
