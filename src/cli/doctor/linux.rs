//! What Linux says of its clock, its counters and the cage for the capture.
//!
//! Input: `/proc` and `/sys`. Output: checks. Must not: need rights.

use super::Host;
use crate::report::doctor::Check;
use crate::report::text::count;

pub(super) fn checks(host: &Host) -> Vec<Check> {
    vec![clock_source(host), drops(host), cage(host), time(host)]
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
