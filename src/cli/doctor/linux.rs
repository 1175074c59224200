//! What Linux says of its clock, its counters and the cage for the capture.
//!
//! Input: `/proc` and `/sys`. Output: checks. Must not: need rights.

use super::Host;
use crate::cli::cage::trial::{Trial, trial};
use crate::report::doctor::Check;
use crate::report::text::count;

pub(super) fn checks(host: &Host) -> Vec<Check> {
    vec![
        own_rights(host),
        interfaces(host),
        clock_source(host),
        drops(host),
        cage(host),
        own_cage(trial()),
        time(host),
    ]
}

/// What this program may do. It reads what anybody may have sent, so it should have no right to lose.
fn own_rights(host: &Host) -> Check {
    const NAME: &str = "own rights";
    let status = host.read("proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let Some(rights) = field("CapEff").and_then(|rights| u64::from_str_radix(rights, 16).ok()) else {
        return Check::cannot_tell(
            NAME,
            "/proc/self/status cannot be read",
            "run a capture as the user who runs the client",
        );
    };
    let is_root = field("Uid").is_some_and(|uids| uids.split_whitespace().any(|uid| uid == "0"));
    if rights == 0 && !is_root {
        return Check::ok(NAME, "none, as it should be: the capture program alone needs one");
    }
    let seen = if is_root { "you are root" } else { "this program has rights that it does not need" };
    Check::attention(
        NAME,
        seen,
        "run as the user who runs the client; the capture program alone needs a right",
    )
}

/// Which interfaces are connected, by the kernel.
fn interfaces(host: &Host) -> Check {
    const NAME: &str = "interfaces";
    let names: Vec<String> = host.list("sys/class/net").into_iter().filter(|name| name != "lo").collect();
    // Tunnels and the like say that they do not know.
    let is_up = |name: &&String| {
        let state = host.read(&format!("sys/class/net/{name}/operstate"));
        state.is_some_and(|state| ["up", "unknown"].contains(&state.trim()))
    };
    let up: Vec<&str> = names.iter().filter(is_up).map(String::as_str).collect();
    let down = names.len().saturating_sub(up.len());
    if up.is_empty() {
        return Check::attention(
            NAME,
            format!("none of {} is connected", names.len()),
            "connect the machine",
        );
    }
    Check::ok(NAME, format!("connected: {}; not: {down}", up.join(", ")))
}

/// What the kernel stamps packets by. Some sources are slow and coarse.
fn clock_source(host: &Host) -> Check {
    const NAME: &str = "clock source";
    let path = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    let Some(source) = host.read(path) else {
        return Check::cannot_tell(
            NAME,
            format!("/{path} cannot be read"),
            "see whether round trips look right",
        );
    };
    match source.trim() {
        source @ ("hpet" | "acpi_pm" | "jiffies" | "refined-jiffies" | "pit") => Check::attention(
            NAME,
            format!("packets are stamped by {source}, which is slow or coarse"),
            "use another machine for round trips, or see why the kernel left its better source",
        ),
        source => Check::ok(NAME, source.to_owned()),
    }
}

/// What devices dropped since they came up. Who loses packets without a capture loses more with one.
fn drops(host: &Host) -> Check {
    const NAME: &str = "drop counters";
    let Some(text) = host.read("proc/net/dev") else {
        return Check::cannot_tell(
            NAME,
            "/proc/net/dev cannot be read",
            "the capture counts its own losses in any case",
        );
    };
    let lossy: Vec<String> = text.lines().filter_map(lossy).collect();
    if lossy.is_empty() {
        return Check::ok(NAME, "no device dropped more than one packet in 1,000 since it came up");
    }
    Check::attention(
        NAME,
        lossy.join("; "),
        "close what else uses the network and the processor; the capture counts its own losses apart",
    )
}

/// A line of `/proc/net/dev` of a device that dropped more than one packet in 1,000.
fn lossy(line: &str) -> Option<String> {
    let (name, fields) = line.split_once(':')?;
    let fields: Vec<u64> = fields.split_ascii_whitespace().filter_map(|field| field.parse().ok()).collect();
    let [_, packets, _, dropped, overrun, ..] = *fields.as_slice() else { return None };
    let lost = dropped.saturating_add(overrun);
    let is_lossy = lost.saturating_mul(1_000) > packets && name.trim() != "lo";
    is_lossy.then(|| {
        format!("{} dropped {} of {} packets that came in", name.trim(), count(lost), count(packets))
    })
}

/// What the capture program locks itself in with, once the device is open.
fn cage(host: &Host) -> Check {
    const NAME: &str = "cage";
    let modules = host.read("sys/kernel/security/lsm");
    let landlock =
        modules.as_ref().map(|modules| modules.trim().split(',').any(|module| module == "landlock"));
    let seccomp = host.has("proc/sys/kernel/seccomp/actions_avail");
    match (landlock, seccomp) {
        (Some(true), true) => Check::ok(NAME, "the kernel has Landlock and seccomp"),
        (None, true) => Check::cannot_tell(
            NAME,
            "the kernel has seccomp; whether it has Landlock is not shown here",
            "nothing has to be done: the capture says what holds",
        ),
        (landlock, seccomp) => {
            let missing = [(landlock == Some(false), "Landlock"), (!seccomp, "seccomp")];
            let missing: Vec<&str> = missing.iter().filter(|(is, _)| *is).map(|(_, what)| *what).collect();
            Check::attention(
                NAME,
                format!("the kernel has no {}", missing.join(" and no ")),
                "a capture works, less well locked in; a newer kernel has both",
            )
        }
    }
}

/// What inspections lock themselves in with: a thread did, and tried what must fail.
fn own_cage(trial: Result<Trial, String>) -> Check {
    const NAME: &str = "inspection cage";
    const WORKS: &str = "inspections work, less well locked in; a newer kernel has all of it";
    let trial = match trial {
        Ok(trial) => trial,
        Err(what) => {
            return Check::attention(NAME, what, "inspect with --no-cage, and report what is said here");
        }
    };
    let Trial { holds, missing, tried, done } = trial;
    let refused = tried.saturating_sub(done.len());
    let seen = format!("{refused} of {tried} forbidden acts are refused; what holds: {}", holds.join("; "));
    match (missing.as_slice(), done.as_slice()) {
        ([], []) => Check::ok(NAME, seen),
        ([], done) => Check::attention(
            NAME,
            format!("{seen}; it did not stop to {}", done.join(", to ")),
            "report it with the version of this kernel",
        ),
        (missing, _) => Check::attention(NAME, format!("{seen}; what is not: {}", missing.join("; ")), WORKS),
    }
}

/// Whether the clock is kept right. Times in a capture are compared with marks and with other captures.
fn time(host: &Host) -> Check {
    const NAME: &str = "time";
    if host.has("run/systemd/timesync/synchronized") {
        return Check::ok(NAME, "kept by systemd-timesyncd");
    }
    for (path, name) in [("run/chrony", "chrony"), ("run/ntpd.pid", "ntpd"), ("run/openntpd", "OpenNTPD")] {
        if host.has(path) {
            return Check::ok(NAME, format!("{name} runs, which keeps it"));
        }
    }
    Check::cannot_tell(
        NAME,
        "nothing is seen that keeps the clock right",
        "compare it with another one before a test",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::network::tests::host;
    use crate::report::doctor::State;

    #[test]
    fn rights_that_are_not_needed_are_told() {
        let of = |uid: &str, rights: &str| {
            let text = format!("Name:\tx\nUid:\t{uid}\nCapEff:\t{rights}\n");
            let (_folder, host) = host(&[("proc/self/status", &text)]);
            own_rights(&host).state
        };
        let none = "0000000000000000";
        assert_eq!(of("1000\t1000\t1000\t1000", none), State::Ok);
        assert_eq!(of("1000\t1000\t1000\t1000", "0000000000002000"), State::Attention);
        assert_eq!(of("1000\t0\t0\t0", none), State::Attention);
        let (_folder, nothing) = host(&[]);
        assert_eq!(own_rights(&nothing).state, State::CannotTell);
    }

    #[test]
    fn interfaces_that_are_connected_are_named() {
        let state = |name: &str| format!("sys/class/net/{name}/operstate");
        let (lo, eth, tun) = (state("lo"), state("eth0"), state("tun0"));
        let of = |files: &[(&str, &str)]| {
            let (_folder, host) = host(files);
            interfaces(&host)
        };
        let up = of(&[(&lo, "unknown\n"), (&eth, "down\n"), (&tun, "unknown\n")]);
        assert_eq!(up.seen, "connected: tun0; not: 1");
        assert_eq!(of(&[(&lo, "unknown\n"), (&eth, "down\n")]).state, State::Attention);
    }

    #[test]
    fn devices_that_drop_are_named() {
        let head =
            "Inter-|   Receive\n face |bytes    packets errs drop fifo frame compressed multicast|bytes\n";
        let of = |lines: &str| {
            let (_folder, host) = host(&[("proc/net/dev", &format!("{head}{lines}"))]);
            drops(&host)
        };
        assert_eq!(of("  lo: 9 9 0 9 0 0 0 0\neth0: 9 5000 0 5 0 0 0 0 1\n").state, State::Ok);
        let lossy = of("eth0: 9 5000 0 4 2 0 0 0 1\n");
        assert_eq!((lossy.state, lossy.blocks), (State::Attention, false));
        assert!(lossy.seen.contains("eth0 dropped 6 of 5,000"), "{}", lossy.seen);
        assert_eq!(of("eth0: x\n: \n").state, State::Ok);
    }

    #[test]
    fn a_cage_with_a_hole_is_named() {
        let of = |missing: &[&str], done: &[&'static str]| {
            let missing = missing.iter().map(ToString::to_string).collect();
            own_cage(Ok(Trial { holds: Vec::new(), missing, tried: 20, done: done.to_vec() }))
        };
        assert_eq!(of(&[], &[]).state, State::Ok);
        let open = of(&[], &["make a file", "make a folder"]);
        assert_eq!(open.state, State::Attention);
        assert!(open.seen.contains("18 of 20") && open.seen.contains("to make a file, to make a folder"));
        let old = of(&["the kernel has no Landlock"], &["make a file"]);
        assert!(old.state == State::Attention && old.seen.contains("no Landlock"));
        assert_eq!(own_cage(Err("x".to_owned())).state, State::Attention);
    }

    #[test]
    fn a_kernel_without_a_cage_is_named() {
        let of = |files: &[(&str, &str)]| {
            let (_folder, host) = host(files);
            (cage(&host).state, clock_source(&host).state, time(&host).state)
        };
        let seccomp = ("proc/sys/kernel/seccomp/actions_avail", "kill");
        let lsm = "sys/kernel/security/lsm";
        let source = "sys/devices/system/clocksource/clocksource0/current_clocksource";
        let synchronised = ("run/systemd/timesync/synchronized", "");
        let (ok, attention, unknown) = (State::Ok, State::Attention, State::CannotTell);
        assert_eq!(
            of(&[seccomp, (lsm, "capability,landlock,yama\n"), (source, "tsc\n"), synchronised]),
            (ok, ok, ok)
        );
        assert_eq!(of(&[seccomp, (source, "hpet\n")]), (unknown, attention, unknown));
        assert_eq!(of(&[(lsm, "capability\n")]), (attention, unknown, unknown));
    }
}
