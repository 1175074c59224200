//! Acts that the program must not be able to do once it is caged, each tried: `--try` shows that they are refused.
//!
//! Input: a process that has given up its rights. Output: a line for each act. Must not: try what does harm where it is not refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _, stdout};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{PermissionsExt as _, chown, chroot, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread;

use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// Tries every act and says what came of it; true where all were refused.
pub(crate) fn all() -> bool {
    let mut is_refused = true;
    for (name, act) in ACTS {
        let came = match act() {
            Ok(()) => "DONE".to_owned(),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => "refused".to_owned(),
            // It was let through, and failed for another reason.
            Err(error) => format!("DONE, with {error}"),
        };
        is_refused &= came == "refused";
        drop(writeln!(stdout(), "{name}: {came}"));
    }
    is_refused
}

type Act = fn() -> io::Result<()>;

const ACTS: [(&str, Act); 33] = [
    ("read a file", || File::open("/etc/passwd").map(drop)),
    ("read the memory of a process", || File::open("/proc/self/mem").map(drop)),
    ("write a file", || OpenOptions::new().write(true).open("/dev/null").map(drop)),
    ("create a file", || OpenOptions::new().write(true).create_new(true).open(NAME).map(drop)),
    ("list a folder", || fs::read_dir("/").map(drop)),
    ("create a folder", || fs::create_dir(NAME)),
    ("remove a file", || fs::remove_file(NAME)),
    ("remove a folder", || fs::remove_dir(NAME)),
    ("rename a file", || fs::rename(NAME, OTHER)),
    ("make a link", || fs::hard_link(NAME, OTHER)),
    ("make a symbolic link", || symlink(NAME, OTHER)),
    ("change a mode", || fs::set_permissions(NAME, fs::Permissions::from_mode(0o600))),
    ("change an owner", || chown(NAME, None, None)),
    ("make a device", || {
        let kind = rustix::fs::FileType::Fifo;
        Ok(rustix::fs::mknodat(rustix::fs::CWD, NAME, kind, rustix::fs::Mode::RUSR, 0)?)
    }),
    ("change the root", || chroot("/")),
    ("change the folder", || std::env::set_current_dir("/")),
    ("keep a file in memory", || {
        Ok(rustix::fs::memfd_create("try", rustix::fs::MemfdFlags::empty()).map(drop)?)
    }),
    ("open a pipe", || Ok(rustix::pipe::pipe().map(drop)?)),
    ("listen", || TcpListener::bind("127.0.0.1:0").map(drop)),
    ("connect", || TcpStream::connect("127.0.0.1:9").map(drop)),
    ("send a datagram", || UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("talk to a process", || UnixStream::pair().map(drop)),
    ("open another device", || Ok(socket(AddressFamily::PACKET, SocketType::RAW, None).map(drop)?)),
    ("ask the kernel's tables", || Ok(socket(AddressFamily::NETLINK, SocketType::RAW, None).map(drop)?)),
    ("start a program", || Command::new("/bin/true").spawn().map(drop)),
    ("become a program", || Err(Command::new("/bin/true").exec())),
    ("start a thread", || thread::Builder::new().spawn(|| ()).map(drop)),
    ("signal a process", || Ok(rustix::process::test_kill_process(rustix::process::getpid())?)),
    ("become another user", || {
        let user = rustix::process::geteuid();
        Ok(rustix::thread::set_thread_res_uid(user, user, user)?)
    }),
    ("take a capability", || {
        let none = CapabilitySet::empty();
        let all = CapabilitySets {
            effective: CapabilitySet::NET_RAW,
            permitted: CapabilitySet::NET_RAW,
            inheritable: none,
        };
        Ok(rustix::thread::set_capabilities(None, all)?)
    }),
    ("raise a limit", || {
        Ok(rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
    }),
    ("come before others", || Ok(rustix::process::setpriority_process(None, -1)?)),
    ("name the machine", || Ok(rustix::system::sethostname(b"try")?)),
];

/// A file that is not there, and would be in no list.
const NAME: &str = "/tmp/borderpost-capture-try";
const OTHER: &str = "/tmp/borderpost-capture-try-2";
