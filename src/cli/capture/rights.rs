//! The rights that this program must not have, and how a user gives the capture program the one that it needs.
//!
//! Input: the process itself. Output: a refusal, advice, a lower priority. Must not: gain or drop a right.

use std::path::Path;

/// Refuses to go on with rights: what reads frames needs none.
pub(super) fn refuse(program: &Path) -> Result<(), String> {
    let Some(what) = held() else { return Ok(()) };
    Err(format!(
        "{what}, and reading frames needs no right: run it as yourself (--allow-root goes on all the same)\n{}",
        advice(program)
    ))
}

/// How the capture program gets the right to open a device.
pub(super) fn advice(program: &Path) -> String {
    let shown = program.display();
    if cfg!(target_os = "macos") {
        "give yourself the right to capture: install ChmodBPF (it comes with Wireshark), or join the group access_bpf, and log in \
         again; a system update may take it back"
            .to_owned()
    } else if cfg!(windows) {
        "install Npcap (https://npcap.com); where it was installed for administrators only, install it again without that option"
            .to_owned()
    } else {
        format!(
            "give the right to the capture program alone, again after each build or update:\n    sudo setcap cap_net_raw+ep {shown}"
        )
    }
}

/// A right that the process has.
#[cfg(target_os = "linux")]
fn held() -> Option<&'static str> {
    if rustix::process::geteuid().is_root() {
        return Some("this program runs as root");
    }
    let effective = rustix::thread::capabilities(None).map(|sets| sets.effective);
    effective.is_ok_and(|set| !set.is_empty()).then_some("this program has capabilities")
}

#[cfg(all(unix, not(target_os = "linux")))]
fn held() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("this program runs as root")
}

#[cfg(not(unix))]
fn held() -> Option<&'static str> {
    None
}

/// This thread and those that it starts come after whoever captures. Elsewhere this would be of the whole process, the copying of
/// frames among it.
pub(super) fn lower_priority() {
    #[cfg(target_os = "linux")]
    // Without it the capture has the same part of the processor as the analysis.
    let _ = rustix::process::nice(NICE);
}

#[cfg(target_os = "linux")]
const NICE: i32 = 10;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_a_command_that_can_be_pasted() {
        let advice = advice(Path::new("/opt/bp/borderpost-capture"));
        assert!(advice.ends_with("\n    sudo setcap cap_net_raw+ep /opt/bp/borderpost-capture"), "{advice}");
    }
}
