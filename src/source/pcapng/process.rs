//! Whose a packet is, in each dialect of pcapng that says so beside the packet.
//!
//! Input: process blocks, packet options and comments. Output: which entry of the reader's table, or which part of the
//! comment, names the process. Each dialect is read strictly: what is not just as its program writes it is a comment like
//! any other. Must not: allocate for a packet, keep more than a bounded table, or believe what a frame's bytes say.
//!
//! Dialects, each after the source of the program that writes it:
//! Apple's tcpdump (libpcap's and Wireshark's readers of block 0x80000001 and of packet options 0x8001 and 0x8003);
//! `PCAPdroid` (`pcap_dump.c`); ptcpdump (`internal/writer/pcapng.go`); `RustNet` (`src/app/pcapng_export.rs`); etl2pcapng
//! (`src/main.c`, and before it Wireshark's `etl.c`); pymobiledevice3 (`services/pcapd.py`).

use std::collections::BTreeMap;
use std::ops::Range;

use super::options::Options;
use crate::frame::{Process, ProcessMethod};
use crate::source::about::About;
use crate::source::input::Input;
use crate::source::order::ByteOrder;

/// The processes and apps that a section lists.
#[derive(Default)]
pub(super) struct Processes {
    /// In the order of Apple's blocks, to which packets refer by position.
    listed: Vec<Listed>,
    /// `PCAPdroid`'s apps by the user they run as.
    apps: BTreeMap<u32, Box<[u8]>>,
}

struct Listed {
    pid: u32,
    name: Box<[u8]>,
}

/// Which process a packet's options name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// An entry of Apple's list.
    Listed(u32),
    /// `PCAPdroid`'s app of that user.
    App(u32),
    /// What a comment says; the name is where it lies in the input's buffer.
    Said { method: ProcessMethod, at: usize, len: usize, pid: Option<u32>, uid: Option<u32> },
}

impl Named {
    pub(super) fn method(self) -> ProcessMethod {
        match self {
            Self::Listed(_) => ProcessMethod::AppleBlock,
            Self::App(_) => ProcessMethod::PcapdroidComment,
            Self::Said { method, .. } => method,
        }
    }
}

impl Processes {
    /// A section begins, and with it a list of its own.
    pub(super) fn clear(&mut self) {
        self.listed.clear();
        self.apps.clear();
    }

    /// An Apple process block: the process's number, and its name among the options.
    pub(super) fn list(&mut self, order: ByteOrder, body: &[u8], about: &mut About) {
        let Some(([pid], list)) = order.words(body) else { return };
        about.claims.processes += 1;
        if self.listed.len() >= MAX_PROCESSES {
            about.claims.processes_refused += 1;
            return;
        }
        let name = Options::new(order, list).find(|(code, _)| *code == PROCESS_NAME);
        let name = name.map(|(_, name)| kept(name)).unwrap_or_default();
        self.listed.push(Listed { pid, name });
    }

    /// A custom block of `PCAPdroid`'s, after the enterprise number: version, type, and for type 1 a user with the package
    /// and the name of the app that runs as it.
    pub(super) fn map(&mut self, order: ByteOrder, body: &[u8], about: &mut About) {
        let Some((package, label, uid)) = uid_map(order, body) else { return };
        about.claims.processes += 1;
        if self.apps.len() >= MAX_PROCESSES && !self.apps.contains_key(&uid) {
            about.claims.processes_refused += 1;
            return;
        }
        // The package tells the app for certain; a label may be any app's.
        let name = if package.is_empty() { label } else { package };
        self.apps.insert(uid, kept(name));
    }

    /// Apple's references to the list, the effective process first.
    pub(super) fn referred(&self, index: Option<u32>, effective: Option<u32>) -> Option<Named> {
        let known = |index: &u32| (*index as usize) < self.listed.len();
        effective.filter(known).or(index.filter(known)).map(Named::Listed)
    }

    /// Whom a comment names that begins at `at` in the input's buffer.
    pub(super) fn read(&self, comment: &[u8], at: usize) -> Option<Named> {
        let said = |method, said: Said| Named::Said {
            method,
            at: at.saturating_add(said.name.start),
            len: said.name.len(),
            pid: said.pid,
            uid: said.uid,
        };
        match comment.first()? {
            // Anybody may write such a comment, so it counts only where the section has the program's list.
            b'u' if !self.apps.is_empty() => pcapdroid(comment).map(Named::App),
            b'r' => rustnet(comment).map(|found| said(ProcessMethod::RustNet, found)),
            b'P' => ptcpdump(comment)
                .map(|found| said(ProcessMethod::Ptcpdump, found))
                .or_else(|| pymobiledevice(comment).map(|found| said(ProcessMethod::Pymobiledevice3, found)))
                .or_else(|| etl2pcapng(comment).map(|found| said(ProcessMethod::Etl2Pcapng, found))),
            _ => None,
        }
    }

    /// The process that was named, with the name from the list or from the buffer.
    pub(super) fn process<'a>(&'a self, named: Named, input: &'a Input) -> Option<Process<'a>> {
        let method = named.method();
        Some(match named {
            Named::Listed(index) => {
                let listed = self.listed.get(index as usize)?;
                Process { name: &listed.name, pid: Some(listed.pid), uid: None, method }
            }
            Named::App(uid) => {
                let name = self.apps.get(&uid).map(|name| &**name).unwrap_or_default();
                Process { name, pid: None, uid: Some(uid), method }
            }
            Named::Said { at, len, pid, uid, .. } => {
                Process { name: input.slice(at, len.min(MAX_NAME)), pid, uid, method }
            }
        })
    }
}

/// Adds the user that ptcpdump writes in a comment of its own, behind the one with the process.
pub(super) fn with_user(named: Named, comment: &[u8]) -> Named {
    match named {
        Named::Said { method: ProcessMethod::Ptcpdump, at, len, pid, uid: None } => {
            let uid = user(comment);
            Named::Said { method: ProcessMethod::Ptcpdump, at, len, pid, uid }
        }
        named => named,
    }
}

/// What a comment says of a process; the name as a range of the comment.
#[derive(PartialEq, Eq, Debug)]
struct Said {
    name: Range<usize>,
    pid: Option<u32>,
    uid: Option<u32>,
}

/// Package, label and user of `PCAPdroid`'s map: version 1, type 1, padding, the user, two lengths, two texts.
fn uid_map(order: ByteOrder, body: &[u8]) -> Option<(&[u8], &[u8], u32)> {
    let (head, rest) = body.split_first_chunk::<10>()?;
    let [v0, v1, 1, _, u0, u1, u2, u3, package_len, label_len] = *head else { return None };
    if order.u16([v0, v1]) != 1 {
        return None;
    }
    let (package, rest) = rest.split_at_checked(package_len.into())?;
    Some((package, rest.get(..label_len.into())?, order.u32([u0, u1, u2, u3])))
}

/// `u-10123`.
fn pcapdroid(comment: &[u8]) -> Option<u32> {
    let (uid, rest) = number(comment.strip_prefix(b"u-")?)?;
    rest.is_empty().then_some(uid)
}

/// `PID: 13626`, `Cmd: /usr/bin/wget` and `Args: …`, a line each. The name is the command without its folder.
fn ptcpdump(comment: &[u8]) -> Option<Said> {
    let (pid, rest) = number(comment.strip_prefix(b"PID: ")?)?;
    let rest = rest.strip_prefix(b"\nCmd: ")?;
    let command = rest.get(..find(rest, b"\nArgs: ")?)?;
    let end = comment.len() - rest.len() + command.len();
    let base = command
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(command, |slash| command.get(slash + 1..).unwrap_or_default());
    Some(Said { name: end - base.len()..end, pid: Some(pid), uid: None })
}

/// `UserId: 1000` and `GroupId: 1000`, a line each.
fn user(comment: &[u8]) -> Option<u32> {
    let (uid, rest) = number(comment.strip_prefix(b"UserId: ")?)?;
    let (_, rest) = number(rest.strip_prefix(b"\nGroupId: ")?)?;
    rest.is_empty().then_some(uid)
}

/// `rustnet process=curl pid=4242 ppid=4000 uid=0 attr=… …`: words without spaces inside, each a key and a value.
fn rustnet(comment: &[u8]) -> Option<Said> {
    let mut rest = comment.strip_prefix(b"rustnet ")?;
    let mut said = Said { name: 0..0, pid: None, uid: None };
    loop {
        let len = find(rest, b" ").unwrap_or(rest.len());
        let (word, tail) = rest.split_at_checked(len)?;
        let at = comment.len() - rest.len();
        let equals = find(word, b"=")?;
        let value = word.get(equals + 1..)?;
        match word.get(..equals)? {
            b"process" => said.name = at + equals + 1..at + len,
            b"pid" => said.pid = Some(whole(value)?),
            b"uid" => said.uid = Some(whole(value)?),
            b"" => return None,
            _ => {}
        }
        match tail.strip_prefix(b" ") {
            Some(next) => rest = next,
            None => return (!said.name.is_empty() || said.pid.is_some()).then_some(said),
        }
    }
}

/// `PID=4711`, alone or with a thread or a processor behind it.
fn etl2pcapng(comment: &[u8]) -> Option<Said> {
    let (pid, rest) = number(comment.strip_prefix(b"PID=")?)?;
    let behind = rest.strip_prefix(b" TID=").or_else(|| rest.strip_prefix(b" ProcessorNumber="));
    let is_sound = rest.is_empty()
        || behind.and_then(number).is_some_and(|(_, rest)| rest.first().is_none_or(|byte| *byte == b' '));
    is_sound.then_some(Said { name: 0..0, pid: Some(pid), uid: None })
}

/// `PID: 81, ProcName: mDNSResponder, EPID: 502, EProcName: zoom, SVC: 0`. The effective process goes first, and a number
/// of all ones is none.
fn pymobiledevice(comment: &[u8]) -> Option<Said> {
    let (pid, rest) = number(comment.strip_prefix(b"PID: ")?)?;
    let rest = rest.strip_prefix(b", ProcName: ")?;
    let (name, rest) = name_before(comment, rest, b", EPID: ")?;
    let (effective_pid, rest) = number(rest)?;
    let rest = rest.strip_prefix(b", EProcName: ")?;
    let (effective, rest) = name_before(comment, rest, b", SVC: ")?;
    if rest.is_empty() {
        return None;
    }
    let known = |pid: u32| (pid != u32::MAX).then_some(pid);
    let said = match known(effective_pid) {
        Some(pid) if !effective.is_empty() => Said { name: effective, pid: Some(pid), uid: None },
        _ => Said { name, pid: known(pid), uid: None },
    };
    (!said.name.is_empty() || said.pid.is_some()).then_some(said)
}

/// The text before `mark`, as a range of the comment that `rest` is the end of, and what follows the mark.
fn name_before<'a>(comment: &[u8], rest: &'a [u8], mark: &[u8]) -> Option<(Range<usize>, &'a [u8])> {
    let len = find(rest, mark)?;
    let at = comment.len() - rest.len();
    Some((at..at + len, rest.get(len + mark.len()..)?))
}

/// A number in decimal digits, and what follows it.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((whole(number)?, rest))
}

/// A number in decimal digits and nothing else.
fn whole(text: &[u8]) -> Option<u32> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    text.windows(mark.len()).position(|window| window == mark)
}

/// What is kept of a name.
fn kept(name: &[u8]) -> Box<[u8]> {
    let name = name.get(..MAX_NAME).unwrap_or(name);
    let end = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    name.get(..end).unwrap_or_default().into()
}

/// The name of a process, in Apple's process block.
const PROCESS_NAME: u16 = 2;
/// Processes and apps kept of a section.
const MAX_PROCESSES: usize = 4_096;
/// Bytes kept of a name: Apple's have 16, Android's packages up to 63.
const MAX_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(comment: &[u8], said: Option<Said>) -> Option<(&[u8], Option<u32>, Option<u32>)> {
        said.map(|said| (&comment[said.name], said.pid, said.uid))
    }

    #[test]
    fn comments_of_ptcpdump_name_the_command_and_its_user() {
        let read = |comment| names(comment, ptcpdump(comment));
        let comment = b"PID: 13626\nCmd: /usr/bin/wget\nArgs: wget kernel.org";
        assert_eq!(read(comment), Some((&b"wget"[..], Some(13_626), None)));
        assert_eq!(read(b"PID: 1\nCmd: init\nArgs: "), Some((&b"init"[..], Some(1), None)));
        assert_eq!(read(b"PID: 1\nCmd: \nArgs: "), Some((&b""[..], Some(1), None)));
        for other in [
            &b"PID: 1"[..],
            b"PID: x\nCmd: a\nArgs: ",
            b"PID: 99999999999\nCmd: a\nArgs: ",
            b" PID: 1\nCmd: a\nArgs: b",
        ] {
            assert_eq!(read(other), None);
        }
        assert_eq!(user(b"UserId: 1000\nGroupId: 27"), Some(1_000));
        assert_eq!(user(b"UserId: 1000\nGroupId: 27 "), None);
    }

    #[test]
    fn comments_of_rustnet_are_words_with_values() {
        let read = |comment| names(comment, rustnet(comment));
        let comment = b"rustnet process=curl pid=4242 ppid=4000 uid=0 attr=procfs-relaxed direction=outgoing sni=a.example";
        assert_eq!(read(comment), Some((&b"curl"[..], Some(4_242), Some(0))));
        assert_eq!(read(b"rustnet pid=7"), Some((&b""[..], Some(7), None)));
        assert_eq!(read(b"rustnet process=Zoom_Meetings"), Some((&b"Zoom_Meetings"[..], None, None)));
        for other in [
            &b"rustnet app=DNS"[..],
            b"rustnet process=a  pid=1",
            b"rustnet is slow",
            b"rustnet pid=x",
            b"rustnet",
        ] {
            assert_eq!(read(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn comments_of_etl2pcapng_name_a_number() {
        let read = |comment| names(comment, etl2pcapng(comment)).map(|(_, pid, _)| pid);
        for comment in [
            &b"PID=4711"[..],
            b"PID=4711 TID=8",
            b"PID=4711 TID=8 VlanId=0 SrcPortId=3",
            b"PID=4711 ProcessorNumber=1",
            b"PID=4711 ProcessorNumber=1 Packet Metadata: ReceiveFlags:0x1",
        ] {
            assert_eq!(read(comment), Some(Some(4_711)));
        }
        for other in [&b"PID=-1"[..], b"PID=4711 and more", b"PID=4711 TID=x", b"PID=4711 TID=8x", b"PID="] {
            assert_eq!(read(other), None);
        }
    }

    #[test]
    fn comments_of_pymobiledevice_name_the_effective_process_first() {
        let read = |comment| names(comment, pymobiledevice(comment));
        let comment = b"PID: 81, ProcName: mDNSResponder, EPID: 502, EProcName: zoom, SVC: 0";
        assert_eq!(read(comment), Some((&b"zoom"[..], Some(502), None)));
        let comment = b"PID: 81, ProcName: apsd, EPID: 4294967295, EProcName: , SVC: 0";
        assert_eq!(read(comment), Some((&b"apsd"[..], Some(81), None)));
        let comment = b"PID: 4294967295, ProcName: , EPID: 4294967295, EProcName: , SVC: 0";
        assert_eq!(read(comment), None);
        assert_eq!(read(b"PID: 81, ProcName: a, EPID: 5, EProcName: b"), None);
    }

    #[test]
    fn comments_of_pcapdroid_count_only_beside_its_list() {
        let mut processes = Processes::default();
        assert_eq!(processes.read(b"u-10123", 0), None);
        let block = b"\x01\0\x01\0\x8b\x27\0\0\x15\x04us.zoom.videomeetingsZoom\0\0\0";
        processes.map(ByteOrder::Little, block, &mut About::default());
        assert_eq!(processes.read(b"u-10123", 0), Some(Named::App(10_123)));
        assert_eq!(&*processes.apps[&10_123], b"us.zoom.videomeetings");
        for other in [&b"u--1"[..], b"u-1a", b"u-", b"u-99999999999"] {
            assert_eq!(processes.read(other, 0), None);
        }
        for cut in 0..block.len() - 3 {
            assert_eq!(uid_map(ByteOrder::Little, &block[..cut]), None, "cut at {cut}");
        }
        assert_eq!(uid_map(ByteOrder::Little, b"\x02\0\x01\0\0\0\0\0\0\0"), None, "another version");
        assert_eq!(uid_map(ByteOrder::Little, b"\x01\0\x02\0\0\0\0\0\0\0"), None, "another type");
    }

    #[test]
    fn the_list_is_bounded_and_names_are_cut() {
        let mut processes = Processes::default();
        let mut about = About::default();
        let name = [&b"\0\x02\x01\0"[..], &[b'n'; 256]].concat();
        let block = [&7_u32.to_be_bytes()[..], &name].concat();
        for _ in 0..MAX_PROCESSES + 5 {
            processes.list(ByteOrder::Big, &block, &mut about);
        }
        assert_eq!((about.claims.processes, about.claims.processes_refused), (MAX_PROCESSES as u64 + 5, 5));
        assert_eq!((processes.listed.len(), processes.listed[0].name.len()), (MAX_PROCESSES, MAX_NAME));
        assert_eq!(processes.referred(Some(0), Some(u32::MAX)), Some(Named::Listed(0)));
        assert_eq!(processes.referred(Some(0), Some(3)), Some(Named::Listed(3)));
        assert_eq!(processes.referred(Some(u32::MAX), None), None);
    }
}
