//! Twenty forbidden acts, as somebody would try who had found a hole in a reader.
//!
//! Input: a thread that is locked in. Output: which acts were refused. Must not: do harm where one is not.

use std::fs::{self, File, OpenOptions};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use rustix::fs::{MemfdFlags, Mode, inotify};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::Plan;
use super::linux::enter;

/// What came of the acts.
#[derive(Default, Debug)]
pub(in crate::cli) struct Trial {
    /// What the cage said of itself.
    pub(in crate::cli) holds: Vec<String>,
    /// What it lacks here.
    pub(in crate::cli) missing: Vec<String>,
    /// How many acts were tried.
    pub(in crate::cli) tried: usize,
    /// Those that went through.
    pub(in crate::cli) done: Vec<&'static str>,
}

/// Locks a thread of its own in, which may read nothing, and lets it try.
pub(in crate::cli) fn trial() -> Result<Trial, String> {
    let before = Before::now();
    let thread = thread::Builder::new().name("trial".to_owned()).spawn(move || {
        let cage = enter(&Plan::default())?;
        let acts = acts(&before);
        let done = acts.iter().filter(|(_, is_refused)| !is_refused).map(|(name, _)| *name).collect();
        Ok(Trial { holds: cage.holds, missing: cage.missing, tried: acts.len(), done })
    });
    let thread = thread.map_err(|error| format!("a thread could not be started: {error}"))?;
    thread.join().unwrap_or_else(|_| Err("the trial broke off".to_owned()))
}

type Act = (&'static str, bool);

/// What is to be known for the acts and cannot be asked inside.
struct Before {
    planted: PathBuf,
    itself: Pid,
    user: Uid,
    limit: Rlimit,
}

impl Before {
    fn now() -> Self {
        Self {
            planted: std::env::temp_dir().join(format!("borderpost-forbidden-{}", process::id())),
            itself: rustix::process::getpid(),
            user: rustix::process::getuid(),
            limit: rustix::process::getrlimit(Resource::Core),
        }
    }
}

/// Each act with whether it was refused.
fn acts(before: &Before) -> Vec<Act> {
    let mut acts = Vec::from(files(&before.planted));
    acts.extend(networks());
    acts.extend(processes(before.itself));
    acts.extend(rights(before));
    acts
}

fn files(planted: &Path) -> [Act; 8] {
    let own = Path::new("/proc/self/exe");
    let acts = [
        ("read a file that was not named", File::open("/etc/passwd").is_err()),
        ("list a folder that was not named", fs::read_dir("/").is_err()),
        ("read the memory of a process", File::open("/proc/self/mem").is_err()),
        ("write to a device", OpenOptions::new().write(true).open("/dev/null").is_err()),
        ("make a file", OpenOptions::new().write(true).create_new(true).open(planted).is_err()),
        ("make a folder", fs::create_dir(planted.with_extension("d")).is_err()),
        ("make a link", symlink(own, planted.with_extension("l")).is_err()),
        ("make a file that hangs at no path", rustix::fs::memfd_create("x", MemfdFlags::CLOEXEC).is_err()),
    ];
    drop(fs::remove_file(planted));
    drop(fs::remove_dir(planted.with_extension("d")));
    drop(fs::remove_file(planted.with_extension("l")));
    acts
}

fn networks() -> [Act; 4] {
    [
        ("open a socket of UDP", UdpSocket::bind("127.0.0.1:0").is_err()),
        // Nobody listens there; what is refused is the socket, and not the connection.
        ("open a connection", TcpStream::connect("127.0.0.1:9").is_err_and(|error| is_cage(&error))),
        ("wait for connections", TcpListener::bind("127.0.0.1:0").is_err()),
        ("open a socket of the system", UnixDatagram::unbound().is_err()),
    ]
}

/// Whether it was the cage, and not the world, that refused.
fn is_cage(error: &std::io::Error) -> bool {
    let refusals = [libc::ENOSYS, libc::EPERM, libc::EACCES];
    error.raw_os_error().is_some_and(|code| refusals.contains(&code))
}

fn processes(itself: Pid) -> [Act; 4] {
    [
        (
            "start a program",
            process::Command::new("/bin/true").spawn().map(|mut child| child.wait()).is_err(),
        ),
        ("signal a process", rustix::process::kill_process(itself, Signal::CONT).is_err()),
        ("get hold of a process", rustix::process::pidfd_open(itself, PidfdFlags::empty()).is_err()),
        ("watch files", inotify::init(inotify::CreateFlags::CLOEXEC).is_err()),
    ]
}

fn rights(before: &Before) -> [Act; 4] {
    let all = CapabilitySets {
        effective: CapabilitySet::all(),
        permitted: CapabilitySet::all(),
        inheritable: CapabilitySet::empty(),
    };
    let (user, limit) = (before.user, before.limit);
    [
        ("take capabilities", rustix::thread::set_capabilities(None, all).is_err()),
        ("change the user", rustix::thread::set_thread_res_uid(user, user, user).is_err()),
        ("change a limit", rustix::process::setrlimit(Resource::Core, limit).is_err()),
        ("change rights of a file", rustix::fs::chmod("/dev/null", Mode::from_raw_mode(0o666)).is_err()),
    ]
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn twenty_acts_are_refused() {
        let trial = trial().unwrap();
        if !trial.missing.is_empty() {
            let absent = format!("\n*** NOT CHECKED: {:?} ***\n\n", trial.missing);
            std::io::stderr().write_all(absent.as_bytes()).unwrap();
            return;
        }
        assert_eq!((trial.tried, trial.done), (20, Vec::new()));
    }

    #[test]
    fn what_was_named_is_left_and_only_for_who_entered() {
        let folder = tempfile::tempdir().unwrap();
        let (named, other) = (folder.path().join("named"), folder.path().join("other"));
        fs::write(&named, "x").unwrap();
        fs::write(&other, "x").unwrap();
        let plan = Plan { outputs: vec![folder.path().join("out/report")], ..Plan::reading(&named) };
        fs::create_dir(folder.path().join("out")).unwrap();
        let (inside, out) = (other.clone(), folder.path().join("out"));
        let tried = thread::spawn(move || {
            let cage = enter(&plan).unwrap();
            // A thread that it starts is inside, too.
            let tried = thread::spawn(move || {
                let reads = [File::open(&named).is_ok(), File::open(&inside).is_ok()];
                let writes = [fs::write(out.join("x"), "x").is_ok(), fs::write(&inside, "y").is_ok()];
                (reads, writes)
            });
            (tried.join().unwrap(), cage.missing.is_empty())
        });
        let ((reads, writes), is_whole) = tried.join().unwrap();
        assert!(reads[0] && writes[0]);
        assert!(!is_whole || (!reads[1] && !writes[1]));
        assert_eq!(fs::read_to_string(other).unwrap(), if is_whole { "x" } else { "y" });
    }
}
