//! The system calls that are left. What is not listed fails with "no such call", which the C library and ours take for an older kernel.
//!
//! Output: lists. Must not: hold a call that opens a socket, starts a program or a process, or gains a right.

use std::collections::BTreeMap;

use seccompiler::{BackendError, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::Plan;

/// The calls of a run, each with the conditions under which it may be made; no conditions are none to keep.
pub(super) fn of(plan: &Plan) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = READING.iter().map(|call| (*call, Vec::new())).collect();
    // A thread of this process, and no process.
    calls.insert(libc::SYS_clone, vec![bits(0, CLONE_THREAD, CLONE_THREAD)?]);
    // No memory that can be run is made or changed: what runs was there before the first byte was read.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        calls.insert(call, vec![bits(2, PROT_EXEC, 0)?]);
    }
    // Whether a stream is a terminal, and how wide.
    calls.insert(libc::SYS_ioctl, vec![bits(1, ALL, libc::TCGETS)?, bits(1, ALL, libc::TIOCGWINSZ)?]);
    let more = [(!plan.outputs.is_empty(), WRITING), (plan.follows, FOLLOWING), (plan.has_screen, SCREEN)];
    for (_, list) in more.iter().filter(|(is_needed, _)| *is_needed) {
        calls.extend(list.iter().map(|call| (*call, Vec::new())));
    }
    if plan.has_screen {
        // The modes and the size of the terminal, and never what is typed into it (TIOCSTI).
        let asked = [libc::TCGETS, TCGETS2, libc::TIOCGWINSZ, libc::FIONBIO, libc::FIONREAD];
        let set = [libc::TCSETS, libc::TCSETSW, libc::TCSETSF, TCSETS2, TCSETSW2, TCSETSF2];
        let requests = asked.into_iter().chain(set).map(|request| bits(1, ALL, request));
        calls.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
        // A pair that leads nowhere: datagrams could be sent to others by their names.
        calls.insert(libc::SYS_socketpair, vec![bits(1, TYPES, STREAM)?]);
        let no_name = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
        calls.insert(libc::SYS_sendto, vec![SeccompRule::new(vec![no_name])?]);
    }
    Ok(calls)
}

/// Where the bits of an argument under a mask are these.
fn bits(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, BackendError> {
    let is = SeccompCmpOp::MaskedEq(mask);
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?])
}

const ALL: u64 = 0xffff_ffff;
/// The requests of the newer `termios2`, the same on all architectures that have a list here.
const TCGETS2: u64 = 0x802c_542a;
const TCSETS2: u64 = 0x402c_542b;
const TCSETSW2: u64 = 0x402c_542c;
const TCSETSF2: u64 = 0x402c_542d;
/// The bits of a socket's type that are no flags.
const TYPES: u64 = 0xf;
const STREAM: u64 = 1;
const CLONE_THREAD: u64 = 0x0001_0000;
const PROT_EXEC: u64 = 4;

/// What reading captures, judging them and telling of it on standard output takes: 25 calls.
pub(super) const READING: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clone,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getrandom,
    libc::SYS_ioctl,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_read,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(not(target_arch = "x86_64"))]
    libc::SYS_readlinkat,
    libc::SYS_rseq,
    libc::SYS_statx,
    libc::SYS_write,
];

/// What putting files and folders into their places takes beside.
const WRITING: &[i64] = &[
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fcntl,
    libc::SYS_fsync,
    libc::SYS_getpid,
    // With its flag it replaces nothing.
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(not(target_arch = "x86_64"))]
    libc::SYS_mkdirat,
    #[cfg(not(target_arch = "x86_64"))]
    libc::SYS_renameat,
];

/// What waiting for more of a capture, and for signals, takes beside.
const FOLLOWING: &[i64] = &[
    libc::SYS_clock_nanosleep,
    libc::SYS_fcntl,
    libc::SYS_pipe2,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
];

/// What a screen and its keys take beside, with those of [`of`] that have conditions.
const SCREEN: &[i64] = &[
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_recvfrom,
    libc::SYS_writev,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_takes_25_calls() {
        let calls = of(&Plan::default()).unwrap();
        assert_eq!(calls.len(), 25);
    }

    #[test]
    fn no_list_reaches_a_network_or_starts_a_program() {
        let all = Plan { outputs: vec!["x".into()], follows: true, has_screen: true, ..Plan::default() };
        let calls = of(&all).unwrap();
        let never = [
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_clone3,
            libc::SYS_ptrace,
            libc::SYS_prctl,
            libc::SYS_seccomp,
            libc::SYS_setuid,
            libc::SYS_capset,
            libc::SYS_io_uring_setup,
            libc::SYS_memfd_create,
            libc::SYS_kill,
        ];
        assert!(never.iter().all(|call| !calls.contains_key(call)));
        assert!(!calls[&libc::SYS_clone].is_empty() && !calls[&libc::SYS_mmap].is_empty());
    }
}
