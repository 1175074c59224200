//! The program that captures: whether it is there, may do what it has to, and which devices it sees.
//!
//! Input: its path and what it prints. Output: checks. Must not: start anything but it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::capture::Device;
use crate::report::doctor::Check;
use crate::report::text::plural;

/// The capture program's path, and whether there is a file.
pub(super) struct Program {
    path: PathBuf,
    is_there: bool,
}

/// The program that was named, or the one beside this program.
pub(super) fn find(named: Option<PathBuf>) -> Program {
    let beside = || {
        let own = std::env::current_exe().unwrap_or_default();
        // Behind links lies the folder that it was installed in.
        let own = if cfg!(unix) { std::fs::canonicalize(&own).unwrap_or(own) } else { own };
        own.with_file_name(format!("borderpost-capture{}", std::env::consts::EXE_SUFFIX))
    };
    let path = named.unwrap_or_else(beside);
    Program { is_there: path.is_file(), path }
}

/// The program, its rights, and the devices that it sees.
pub(super) fn checks(program: &Program) -> Vec<Check> {
    let path = program.path.display();
    if !program.is_there {
        return vec![Check::blocking(
            PROGRAM,
            format!("{path} is not there"),
            "build it with: cargo build --release --features live (it needs libpcap, on Windows Npcap and its SDK); reading saved \
             captures needs none of this",
        )];
    }
    let mut checks = vec![Check::ok(PROGRAM, path.to_string())];
    checks.push(rights(&program.path));
    checks.extend(devices(ask(&program.path)));
    checks
}

/// Whether the program may open devices. It alone needs rights.
#[cfg(target_os = "linux")]
fn rights(program: &Path) -> Check {
    let mut value = [0; 64];
    let read = rustix::fs::getxattr(program, "security.capability", &mut value[..]);
    let held = read.ok().and_then(|len| permitted(value.get(..len)?)).unwrap_or(0);
    let mount = rustix::fs::statvfs(program).map(|mount| mount.f_flag);
    let is_ignored = mount.is_ok_and(|flags| flags.contains(rustix::fs::StatVfsMountFlags::NOSUID));
    let command = format!("sudo setcap cap_net_raw+ep {}", program.display());
    match (held & NET_RAW != 0, is_ignored) {
        (true, false) if held == NET_RAW => {
            Check::ok(RIGHTS, "the capture program has cap_net_raw, and nothing else")
        }
        (true, false) => Check::attention(
            RIGHTS,
            "the capture program has cap_net_raw and more than it needs",
            format!("leave it the one: {command}"),
        ),
        (true, true) => Check::blocking(
            RIGHTS,
            "the capture program has cap_net_raw, but lies on a file system that is mounted nosuid, where rights do not count",
            "move it to another file system, and give it the right again",
        ),
        (false, _) if is_root() => Check::attention(
            RIGHTS,
            "you are root, and the capture program has no right of its own",
            format!("run as yourself, after: {command}"),
        ),
        (false, _) => Check::blocking(
            RIGHTS,
            "the capture program may not open devices",
            format!("give it the one right that it needs, again after each build: {command}"),
        ),
    }
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// The permitted rights in a file's `security.capability` (capabilities(7)): revision, then words of permitted and inheritable.
#[cfg(target_os = "linux")]
fn permitted(value: &[u8]) -> Option<u64> {
    let (words, _) = value.as_chunks::<4>();
    let word = |at: usize| words.get(at).map(|word| u64::from(u32::from_le_bytes(*word)));
    Some(word(1)? | word(3).unwrap_or(0) << 32)
}

/// On macOS whoever may read the packet filters' devices may capture.
#[cfg(target_os = "macos")]
fn rights(_program: &Path) -> Check {
    match std::fs::File::open("/dev/bpf0") {
        // One that another program uses is one that may be opened.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Check::blocking(
            RIGHTS,
            "the packet filters' devices (/dev/bpf*) may not be opened",
            "install Wireshark's ChmodBPF, or join the group access_bpf, and sign in again; some updates of the system undo it",
        ),
        _ => Check::ok(RIGHTS, "the packet filters' devices may be opened"),
    }
}

/// On Windows it is Npcap that captures, for whom it was installed for.
#[cfg(windows)]
fn rights(_program: &Path) -> Check {
    let system = std::env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from);
    let driver = system.join("System32").join("Npcap").join("wpcap.dll");
    if driver.is_file() {
        return Check::ok(RIGHTS, format!("Npcap is installed: {}", driver.display()));
    }
    Check::blocking(
        RIGHTS,
        format!("Npcap is not installed: {} is not there", driver.display()),
        "install it from https://npcap.com; whether others than administrators may capture is chosen there",
    )
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn rights(_program: &Path) -> Check {
    Check::cannot_tell(RIGHTS, "how rights are given on this system is not known", "try a capture")
}

/// What the program prints of devices: a JSON object a line.
fn ask(program: &Path) -> Result<String, String> {
    let start = Command::new(program)
        .arg("--devices")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = start.map_err(|error| error.to_string())?;
    let Some(out) = child.stdout.take() else { return Err("prints nothing".to_owned()) };
    let (to, from) = channel();
    let read = move || {
        let mut text = String::new();
        let read = out.take(LONGEST_LIST).read_to_string(&mut text);
        // Where nobody waits any more, nobody is told.
        drop(to.send(read.map(|_| text)));
    };
    std::thread::spawn(read);
    let text = from.recv_timeout(PATIENCE);
    if text.is_err() {
        drop(child.kill());
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match text {
        Ok(Ok(text)) if status.success() => Ok(text),
        Ok(Ok(_)) => Err("ended with an error".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("does not end".to_owned()),
    }
}

/// The devices and how fine their times are.
fn devices(listed: Result<String, String>) -> Vec<Check> {
    let text = match listed {
        Ok(text) => text,
        Err(error) => {
            let seen = format!("the capture program does not tell: it {error}");
            return vec![Check::blocking(
                DEVICES,
                seen,
                "run it by hand with --devices, and see what it says",
            )];
        }
    };
    let devices: Vec<Device> = text.lines().filter_map(Device::of_line).collect();
    let is_usable = |device: &&Device| !device.is_loopback && device.is_up;
    let usable: Vec<&str> = devices.iter().filter(is_usable).map(|device| device.name.as_str()).collect();
    let all = plural(devices.len() as u64, "device", "devices");
    let named = usable.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let mut checks = vec![if usable.is_empty() {
        let seen = format!("{all}, none that is up and leads out");
        Check::blocking(DEVICES, seen, "connect the machine, or see whether the right is missing")
    } else {
        Check::ok(DEVICES, format!("{all}; up and not the machine's own: {named}"))
    }];
    checks.push(Check::cannot_tell(
        "precision",
        "how fine the times of a device are is known once it is open",
        "nothing has to be done: `borderpost info` says it of a capture",
    ));
    checks
}

const PROGRAM: &str = "capture program";
const RIGHTS: &str = "rights";
const DEVICES: &str = "devices";
const MOST_NAMED: usize = 8;
const LONGEST_LIST: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(5);
/// `CAP_NET_RAW` as a bit.
#[cfg(target_os = "linux")]
const NET_RAW: u64 = 1 << 13;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::doctor::State;

    #[test]
    fn devices_that_lead_nowhere_stand_in_the_way() {
        let line = |name: &str, is_up: bool, is_loopback: bool| {
            let (name, description) = (name.to_owned(), None);
            Device { name, description, addresses: Vec::new(), is_up, is_loopback }.to_line()
        };
        let none = [line("lo", true, true), line("eth0", false, false), "nonsense".to_owned()].join("\n");
        let none = devices(Ok(none));
        assert!(none[0].blocks && none[0].seen.starts_with("2 devices"), "{none:?}");
        let some = devices(Ok(line("eth0", true, false)));
        assert!(some[0].state == State::Ok && some[0].seen.ends_with("own: eth0"), "{some:?}");
        assert_eq!(some[1].state, State::CannotTell);
        assert!(devices(Err("x".to_owned()))[0].blocks);
    }

    #[test]
    fn a_program_that_is_not_there_stands_in_the_way_with_how_to_build_it() {
        let checks = checks(&find(Some(PathBuf::from("/nowhere/borderpost-capture"))));
        assert!(checks.len() == 1 && checks[0].blocks);
        assert!(checks[0].remedy.as_ref().unwrap().contains("cargo build"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn rights_of_files_are_read() {
        let revision_2 = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(permitted(&revision_2), Some(NET_RAW | 1 << 32));
        assert_eq!(permitted(&[1, 0, 0, 2]), None);
        let own = std::env::current_exe().unwrap();
        assert_ne!(rights(&own).state, State::Ok, "a test has no right of its own");
    }

    #[cfg(unix)]
    #[test]
    fn what_the_program_prints_is_read_and_a_failure_is_told() {
        assert_eq!(ask(Path::new("/bin/echo")), Ok("--devices\n".to_owned()));
        assert_eq!(ask(Path::new("/bin/false")), Err("ended with an error".to_owned()));
        assert!(ask(Path::new("/nowhere")).is_err());
    }
}
