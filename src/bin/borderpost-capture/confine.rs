//! Giving up rights, and showing that they are gone.
//!
//! Input: a process whose devices are open. Output: a process with no capability, no user 0, a short list of system calls and a short
//! list of files, each read back. Must not: go on where a right is left that the system lets one give up.

#[cfg(target_os = "linux")]
pub(crate) use linux::{enter_cage, give_up_rights, read_back, set_pipe_size, system};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{enter_cage, give_up_rights, read_back, set_pipe_size, system};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::stdout;
    use std::net::UdpSocket;

    use borderpost::capture::{Refusal, Rights};
    use landlock::{
        ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
        RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
    };
    use rustix::process::{Gid, Uid, geteuid};
    use rustix::thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities, set_no_new_privs,
        set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    };
    use seccompiler::{SeccompAction, SeccompFilter};

    /// The pipe takes as much as the system allows, so that a busy reader stops nobody.
    pub(crate) fn set_pipe_size() {
        for size in [1 << 20, 1 << 18] {
            if rustix::pipe::fcntl_setpipe_size(stdout(), size).is_ok() {
                return;
            }
        }
    }

    /// The system, the machine's name and its processor.
    pub(crate) fn system() -> (Option<String>, Option<String>, Option<String>) {
        let name = rustix::system::uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        let os = format!("{} {}", text(name.sysname()), text(name.release()));
        (Some(os), Some(text(name.nodename())), Some(text(name.machine())))
    }

    /// Gives up user 0 and every capability, for this thread and those it will start.
    pub(crate) fn give_up_rights() -> Result<Rights, Refusal> {
        if geteuid().is_root() {
            leave_root()?;
        }
        clear_ambient_capability_set().map_err(|error| failed("ambient capabilities", error))?;
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        set_capabilities(None, sets).map_err(|error| failed("capabilities", error))?;
        set_no_new_privs(true).map_err(|error| failed("no new privileges", error))?;
        let mut rights = Rights { user: Some(geteuid().as_raw()), ..Rights::default() };
        match landlock() {
            Ok(()) => rights.landlock = true,
            Err(what) => rights.missing.push(what),
        }
        Ok(rights)
    }

    /// From root to whoever called `sudo`, or to nobody.
    fn leave_root() -> Result<(), Refusal> {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let number = |name: &str| number(name).filter(|number| *number != 0).unwrap_or(NOBODY);
        let (user, group) = (Uid::from_raw(number("SUDO_UID")), Gid::from_raw(number("SUDO_GID")));
        set_thread_groups(&[]).map_err(|error| failed("groups", error))?;
        set_thread_res_gid(group, group, group).map_err(|error| failed("group", error))?;
        set_thread_res_uid(user, user, user).map_err(|error| failed("user", error))
    }

    /// Files: what a filter by names of services needs may be read, and the counters of interfaces. Nothing may be written.
    fn landlock() -> Result<(), String> {
        let restricted = || {
            let all = AccessFs::from_all(ABI::V5);
            let mut ruleset =
                Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.create()?;
            for path in READABLE {
                // A file that is not there needs no rule.
                if let Ok(file) = PathFd::new(path) {
                    ruleset = ruleset.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
                }
            }
            ruleset.restrict_self()
        };
        let restricted =
            restricted().map_err(|error: landlock::RulesetError| format!("Landlock: {error}"))?;
        match restricted.ruleset {
            RulesetStatus::NotEnforced => {
                Err("Landlock: this kernel has none, so files are kept by the user's rights alone".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Lets all threads make none but the listed system calls; others fail.
    pub(crate) fn enter_cage(rights: &mut Rights) -> Result<(), Refusal> {
        let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
            CALLS.iter().map(|call| (*call, Vec::new())).collect();
        let failed =
            |error: &dyn std::fmt::Display| Refusal::Confinement { what: format!("seccomp: {error}") };
        let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let Ok(arch) = std::env::consts::ARCH.try_into() else {
            rights.missing.push(format!("seccomp: no list for {}", std::env::consts::ARCH));
            return Ok(());
        };
        let filter =
            SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch).map_err(|error| failed(&error))?;
        let program: seccompiler::BpfProgram =
            filter.try_into().map_err(|error: seccompiler::BackendError| failed(&error))?;
        match seccompiler::apply_filter_all_threads(&program) {
            Ok(()) => rights.seccomp = true,
            Err(error) => rights.missing.push(format!("seccomp: {error}")),
        }
        rights.no_capabilities = true;
        rights.no_new_privileges = true;
        Ok(())
    }

    /// Reads back what holds, and tries what must fail.
    pub(crate) fn read_back(rights: &Rights) -> Result<(), Refusal> {
        let left = |what: &str| Err(Refusal::Confinement { what: what.to_owned() });
        if geteuid().is_root() {
            return left("the user is still root");
        }
        let sets = rustix::thread::capabilities(None).map_err(|error| failed("capabilities", error))?;
        if !(sets.effective | sets.permitted | sets.inheritable).is_empty() {
            return left("capabilities are left");
        }
        if !rustix::thread::no_new_privs().is_ok_and(|holds| holds) {
            return left("privileges could still be gained");
        }
        if rights.landlock && fs::File::open(FORBIDDEN).is_ok() {
            return left("Landlock let a file be opened");
        }
        if rights.seccomp && UdpSocket::bind("127.0.0.1:0").is_ok() {
            return left("seccomp let a socket be opened");
        }
        Ok(())
    }

    fn failed(what: &str, error: rustix::io::Errno) -> Refusal {
        Refusal::Confinement { what: format!("{what}: {error}") }
    }

    /// The user and group that own nothing.
    const NOBODY: u32 = 65_534;
    const READABLE: [&str; 6] = [
        "/sys/class/net",
        "/sys/devices",
        "/etc/services",
        "/etc/protocols",
        "/etc/nsswitch.conf",
        "/etc/hosts",
    ];
    /// A file that everybody may read where nothing else forbids it.
    const FORBIDDEN: &str = "/etc/passwd";
    /// What reading devices, a pipe and counters takes. No socket, no program, no thread more.
    const CALLS: &[i64] = &[
        libc::SYS_brk,
        libc::SYS_capget,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_fcntl,
        libc::SYS_fstat,
        libc::SYS_futex,
        libc::SYS_geteuid,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_getsockname,
        libc::SYS_getsockopt,
        libc::SYS_gettid,
        libc::SYS_ioctl,
        libc::SYS_lseek,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_newfstatat,
        libc::SYS_openat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        libc::SYS_ppoll,
        libc::SYS_prctl,
        libc::SYS_read,
        libc::SYS_recvfrom,
        libc::SYS_restart_syscall,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
        libc::SYS_setsockopt,
        libc::SYS_sigaltstack,
        libc::SYS_uname,
        libc::SYS_write,
    ];
}

/// Elsewhere the rights are those of a group or a driver, and nothing is to be given up: root is refused.
#[cfg(not(target_os = "linux"))]
mod other {
    use borderpost::capture::{Refusal, Rights};

    pub(crate) fn set_pipe_size() {}

    pub(crate) fn system() -> (Option<String>, Option<String>, Option<String>) {
        (Some(std::env::consts::OS.to_owned()), None, Some(std::env::consts::ARCH.to_owned()))
    }

    pub(crate) fn give_up_rights() -> Result<Rights, Refusal> {
        let mut rights = Rights { user: user(), ..Rights::default() };
        if rights.user == Some(0) {
            let what = "this system does not let root be given up for good; capture as yourself".to_owned();
            return Err(Refusal::Confinement { what });
        }
        rights.missing.push(format!("{}: has neither seccomp nor Landlock", std::env::consts::OS));
        Ok(rights)
    }

    #[cfg(unix)]
    fn user() -> Option<u32> {
        Some(rustix::process::geteuid().as_raw())
    }

    #[cfg(not(unix))]
    fn user() -> Option<u32> {
        None
    }

    pub(crate) fn enter_cage(_: &mut Rights) -> Result<(), Refusal> {
        Ok(())
    }

    pub(crate) fn read_back(_: &Rights) -> Result<(), Refusal> {
        Ok(())
    }
}
