//! The cage on Linux: capabilities, no new privileges, Landlock, seccomp. It holds for the thread that enters and those it starts.
//!
//! Input: a plan. Output: what holds, read back. Must not: leave out a step that the kernel can do.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{geteuid, getpgid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
    set_no_new_privs,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use super::{Cage, Plan, calls};
use crate::cli::output;

/// Enters, and looks whether it holds.
pub(super) fn enter(plan: &Plan) -> Result<Cage, String> {
    let mut cage = Cage::default();
    // Opened before files are out of reach, read after.
    let status = File::open(STATUS);
    let is_bare = drop_capabilities(plan, &mut cage);
    let has_no_new = set_no_new_privs(true);
    match &has_no_new {
        Ok(()) => cage.holds.push("no new privileges".to_owned()),
        Err(error) => cage.missing.push(format!("no new privileges: {error}")),
    }
    let has_landlock = match landlock(plan) {
        Ok(RulesetStatus::NotEnforced) => Err("the kernel has no Landlock".to_owned()),
        Ok(status) => Ok(status),
        Err(error) => Err(format!("Landlock: {error}")),
    };
    match &has_landlock {
        Ok(status) => cage.holds.push(files(plan, status)),
        Err(what) => cage.missing.push(what.clone()),
    }
    let has_seccomp = seccomp(plan);
    match &has_seccomp {
        Ok(calls) => cage.holds.push(format!("seccomp: {calls} system calls are left")),
        Err(what) => cage.missing.push(what.clone()),
    }
    let said = Said {
        is_bare,
        has_no_new: has_no_new.is_ok(),
        has_landlock: has_landlock.is_ok(),
        has_seccomp: has_seccomp.is_ok(),
    };
    said.read_back(status.ok(), plan).map(|()| cage)
}

/// What was said to hold.
#[expect(clippy::struct_excessive_bools, reason = "each is a step of its own")]
struct Said {
    is_bare: bool,
    has_no_new: bool,
    has_landlock: bool,
    has_seccomp: bool,
}

impl Said {
    /// Reads back what the kernel says of this thread, and tries what must fail.
    fn read_back(&self, status: Option<File>, plan: &Plan) -> Result<(), String> {
        let mut text = String::new();
        if let Some(status) = status {
            status
                .take(MOST_STATUS)
                .read_to_string(&mut text)
                .map_err(|error| format!("{STATUS}: {error}"))?;
            let is = |field: &str, wanted: &str| {
                let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
                value.is_none_or(|value| value.trim() == wanted)
            };
            let none = "0000000000000000";
            let left = ["CapInh", "CapPrm", "CapEff", "CapAmb"].into_iter().find(|set| !is(set, none));
            if let Some(set) = left.filter(|_| self.is_bare) {
                return Err(format!("capabilities are left ({set})"));
            }
            if self.has_no_new && !is("NoNewPrivs", "1") {
                return Err("privileges could still be gained".to_owned());
            }
            if self.has_seccomp && !is("Seccomp", "2") {
                return Err("system calls are not filtered".to_owned());
            }
        }
        // What the root folder holds is no secret; where it was named itself, there is nothing to try.
        let is_named = plan.reads.iter().any(|path| path.as_os_str() == "/");
        if self.has_landlock && !is_named && fs::read_dir("/").is_ok() {
            return Err("Landlock let a folder be read that was not named".to_owned());
        }
        // A call that does no harm and is on no list: the filter knows no other.
        if self.has_seccomp && getpgid(None).is_ok() {
            return Err("a system call was made that is not on the list".to_owned());
        }
        Ok(())
    }
}

/// Gives up every capability, but for those that root needs to open a file of another user that was named. Whether none is left.
fn drop_capabilities(plan: &Plan, cage: &mut Cage) -> bool {
    let Ok(had) = capabilities(None) else {
        cage.missing.push("capabilities: the kernel does not say which there are".to_owned());
        return false;
    };
    let none = CapabilitySet::empty();
    let dropped = clear_ambient_capability_set().and_then(|()| {
        set_capabilities(
            None,
            CapabilitySets { effective: none, permitted: had.permitted, inheritable: none },
        )
    });
    let kept = if geteuid().is_root() && has_others(plan) { OTHERS & had.permitted } else { none };
    let dropped = dropped.and_then(|()| {
        set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })
    });
    match dropped {
        Ok(()) if kept.is_empty() => cage.holds.push("no capability".to_owned()),
        Ok(()) => cage.missing.push(
            "capabilities: root keeps the right to files of other users, because one was named".to_owned(),
        ),
        Err(error) => cage.missing.push(format!("capabilities: {error}")),
    }
    dropped.is_ok() && kept.is_empty()
}

/// Whether something was named that root may open by a capability alone.
fn has_others(plan: &Plan) -> bool {
    let is_closed = |path: &PathBuf| {
        let is_plain = fs::metadata(path).is_ok_and(|known| known.is_file() || known.is_dir());
        let open = || OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
        is_plain && open().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let is_others = |folder: PathBuf| {
        fs::metadata(folder).is_ok_and(|known| known.uid() != 0 && known.mode() & 0o002 == 0)
    };
    plan.reads.iter().any(is_closed) || plan.outputs.iter().map(|path| folder_of(path)).any(is_others)
}

/// Files and sockets of TCP.
fn landlock(plan: &Plan) -> Result<RulesetStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?;
    for path in &plan.reads {
        ruleset = allow(ruleset, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    for path in &plan.outputs {
        match fs::metadata(path) {
            // A device or a pipe is written to as it is.
            Ok(known) if !known.is_file() && !known.is_dir() => {
                ruleset = allow(ruleset, path, AccessFs::WriteFile | AccessFs::Truncate)?;
            }
            _ => ruleset = allow(ruleset, &folder_of(path), WRITES)?,
        }
    }
    if plan.has_screen {
        let terminal = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        ruleset = allow(ruleset, Path::new("/dev/tty"), terminal)?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// Allows something at a path and below, where there is something. What hangs at no path, such as a pipe, needs no rule.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(found) = fs::canonicalize(path) else { return Ok(ruleset) };
    let Ok(file) = PathFd::new(&found) else { return Ok(ruleset) };
    let access = if found.is_dir() { access } else { access & AccessFs::from_file(ABI::V5) };
    ruleset.add_rule(PathBeneath::new(file, access))
}

/// The folder that an output, or what it is a link to, lies in.
fn folder_of(path: &Path) -> PathBuf {
    // A link there is replaced and not followed, so where it leads is nobody's business.
    let path = output::plain(path);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    folder.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// The list of calls; how many there are.
fn seccomp(plan: &Plan) -> Result<usize, String> {
    if !cfg!(target_env = "gnu") {
        return Err("seccomp: there is a list for programs with the C library of GNU alone".to_owned());
    }
    let Ok(arch) = std::env::consts::ARCH.try_into() else {
        return Err(format!("seccomp: there is no list for {}", std::env::consts::ARCH));
    };
    let failed = |error: &dyn std::fmt::Display| format!("seccomp: {error}");
    let calls = calls::of(plan).map_err(|error| failed(&error))?;
    let number = calls.len();
    let refuse = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(calls, refuse, SeccompAction::Allow, arch);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|error| failed(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| failed(&error))?;
    Ok(number)
}

/// What Landlock leaves, in words.
fn files(plan: &Plan, status: &RulesetStatus) -> String {
    let Plan { reads, outputs, .. } = plan;
    let part = if *status == RulesetStatus::FullyEnforced { "" } else { ", as far as this kernel has it" };
    let written: std::collections::BTreeSet<PathBuf> = outputs.iter().map(|path| folder_of(path)).collect();
    format!("Landlock{part}: {} paths may be read, and {} folders written", reads.len(), written.len())
}

/// What writing beside outputs takes: a file or a folder is filled under another name, and renamed.
const WRITES: BitFlags<AccessFs> = landlock::make_bitflags!(AccessFs::{
    MakeDir | MakeReg | ReadDir | RemoveDir | RemoveFile | Truncate | WriteFile
});
/// What lets root open the files of others.
const OTHERS: CapabilitySet = CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::DAC_READ_SEARCH);
const STATUS: &str = "/proc/thread-self/status";
/// More than any kernel says.
const MOST_STATUS: u64 = 64 << 10;
