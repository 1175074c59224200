//! Who holds a socket, and what a process is, by `/proc` (proc(5)).
//!
//! Input: `/proc`. Output: processes. Must not: fail over a process that is gone meanwhile or is another user's.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw};
use rustix::param::clock_ticks_per_second;

use crate::frame::Timestamp;
use crate::source::owners::{Ancestor, MAX_PARENTS, OwnerProcess};

/// What was learned of `/proc` so far.
#[derive(Debug)]
pub(super) struct Proc {
    /// When the machine was started, in seconds since 1970.
    booted: i64,
    /// The processes that were found to have sockets last, the last one at the end.
    recent: Vec<u32>,
    /// Where directory entries are read into. Nothing is ever in it but while it is read.
    entries: Vec<u8>,
}

impl Proc {
    pub(super) fn new() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let booted = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
        let booted =
            booted.ok_or_else(|| io::Error::other("/proc/stat does not say when the machine was started"))?;
        Ok(Self { booted, recent: Vec::new(), entries: Vec::with_capacity(32 << 10) })
    }

    /// The processes that have the sockets of these inodes. Those that had sockets before are looked at first, and the search
    /// ends where all are found: who shares a socket with another is found where both are known, or neither is.
    pub(super) fn holders(&mut self, wanted: &BTreeSet<u64>) -> Vec<(u64, u32)> {
        let mut found = Vec::new();
        let mut left = wanted.clone();
        let recent: Vec<u32> = self.recent.iter().rev().copied().collect();
        for pid in &recent {
            self.search(*pid, wanted, &mut left, &mut found);
        }
        if left.is_empty() {
            return found;
        }
        for pid in pids() {
            if !recent.contains(&pid) {
                self.search(pid, wanted, &mut left, &mut found);
            }
        }
        found
    }

    /// Looks through what one process has open.
    fn search(
        &mut self,
        pid: u32,
        wanted: &BTreeSet<u64>,
        left: &mut BTreeSet<u64>,
        found: &mut Vec<(u64, u32)>,
    ) {
        let before = found.len();
        let is_there = self.open_sockets(pid, |inode| {
            if wanted.contains(&inode) {
                left.remove(&inode);
                found.push((inode, pid));
            }
        });
        if found.len() > before || is_there.is_none() {
            self.recent.retain(|known| *known != pid);
        }
        if found.len() > before {
            if self.recent.len() >= MAX_RECENT {
                self.recent.remove(0);
            }
            self.recent.push(pid);
        }
    }

    /// The inodes of a process's sockets; `None` where it is gone or may not be seen.
    fn open_sockets(&mut self, pid: u32, mut each: impl FnMut(u64)) -> Option<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, format!("/proc/{pid}/fd"), flags, Mode::empty()).ok()?;
        let mut entries = RawDir::new(&folder, self.entries.spare_capacity_mut());
        let mut link = [0; LONGEST_LINK];
        while let Some(entry) = entries.next() {
            let read = readlinkat_raw(&folder, entry.ok()?.file_name(), &mut link[..]);
            let target = read.ok().and_then(|len| link.get(..len));
            if let Some(inode) = target.and_then(inode) {
                each(inode);
            }
        }
        Some(())
    }

    /// What a process is, with those that started it.
    pub(super) fn process(&self, pid: u32, asked: &str) -> Option<OwnerProcess> {
        let stat = Stat::of(pid)?;
        let (name, path) = program(pid, &stat);
        Some(OwnerProcess {
            pid,
            uid: fs::metadata(format!("/proc/{pid}")).ok().map(|metadata| metadata.uid()),
            started: self.started(&stat),
            name,
            path,
            asked: asked.to_owned(),
            parents: parents(stat.parent),
        })
    }

    /// When a process began: so many ticks after the machine did.
    fn started(&self, stat: &Stat) -> Option<Timestamp> {
        let ticks_a_second = i64::try_from(clock_ticks_per_second()).ok().filter(|ticks| *ticks > 0)?;
        let nanos = stat.started.checked_mul(1_000_000_000 / ticks_a_second)?;
        Some(Timestamp::from_nanos(self.booted.checked_mul(1_000_000_000)?.checked_add(nanos)?))
    }
}

/// What `/proc/PID/stat` tells of a process.
struct Stat {
    name: String,
    parent: u32,
    /// In ticks after the start of the machine.
    started: i64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (name) state ppid …`, the beginning 22nd. A name may hold anything, also `)`.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let name = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        Some(Self { name, parent, started: fields.nth(17)?.parse().ok()? })
    }
}

/// A process's name, and the path of its program where that may be seen. The kernel cuts names after 15 bytes and programs
/// change them, so the name is that of the program where there is one.
fn program(pid: u32, stat: &Stat) -> (String, String) {
    let Ok(path) = fs::read_link(format!("/proc/{pid}/exe")) else {
        return (stat.name.clone(), String::new());
    };
    let path = path.to_string_lossy();
    // A program that was replaced since, as by an update.
    let path = path.strip_suffix(" (deleted)").unwrap_or(&path);
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&stat.name);
    (name.to_owned(), path.to_owned())
}

/// The processes from `parent` up, the nearest first.
fn parents(mut parent: u32) -> Vec<Ancestor> {
    let mut parents = Vec::new();
    while parent != 0 && parents.len() < MAX_PARENTS {
        let Some(stat) = Stat::of(parent) else { break };
        let (name, path) = program(parent, &stat);
        parents.push(Ancestor { pid: parent, name, path });
        parent = stat.parent;
    }
    parents
}

/// The processes that there are.
fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The inode in `socket:[4711]`.
fn inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Longer than any link to a socket.
const LONGEST_LINK: usize = 64;
/// Processes that are looked at first.
const MAX_RECENT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn a_name_may_hold_what_ends_names() {
        let stat =
            Stat::parse(b"7 (a) b (c)) S 3 1 1 0 -1 4194560 9 0 0 0 0 0 0 0 20 0 1 0 4242 1 2").unwrap();
        assert_eq!((stat.name.as_str(), stat.parent, stat.started), ("a) b (c)", 3, 4_242));
        for broken in [&b""[..], b"7 (a", b"7 (a) S", b"7 (a) S x 1", b")(", b"7 (a) S 3 1 1"] {
            assert!(Stat::parse(broken).is_none());
        }
    }

    #[test]
    fn links_to_sockets_have_inodes() {
        assert_eq!(inode(b"socket:[4711]"), Some(4_711));
        for other in [&b"pipe:[4711]"[..], b"socket:[]", b"socket:[x]", b"/tmp/socket:[1]", b"socket:[1"] {
            assert_eq!(inode(other), None);
        }
    }

    #[test]
    fn this_process_holds_its_sockets_and_has_parents() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let wanted = BTreeSet::from([inode(link.to_string_lossy().as_bytes()).unwrap()]);
        let mut proc = Proc::new().unwrap();
        let own = std::process::id();
        for _ in 0..2 {
            let found = proc.holders(&wanted);
            assert!(found.contains(&(*wanted.first().unwrap(), own)));
        }
        let process = proc.process(own, "asked").unwrap();
        let program = std::env::current_exe().unwrap();
        assert_eq!(process.path, program.to_string_lossy());
        assert_eq!(process.name, program.file_name().unwrap().to_string_lossy());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let age = i64::try_from(now.as_nanos()).unwrap() - process.started.unwrap().nanos();
        assert!((-2_000_000_000..3_600_000_000_000).contains(&age), "{age}");
        assert_eq!(
            process.parents.first().map(|parent| parent.pid),
            Some(std::os::unix::process::parent_id())
        );
    }
}
