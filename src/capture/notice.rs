//! What the capture program says beside the frames: one JSON object a line.
//!
//! Input and output: the same values on both sides. Must not: hold anything of a frame.

use serde::{Deserialize, Serialize};

/// One line of what the capture program says.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// The devices are open, and these are the rights that are left, read back; frames come next.
    Began(Rights),
    /// One interface ended before it was told to; the others go on.
    Ended {
        /// Its name.
        interface: String,
        /// Why, in the system's words.
        what: String,
    },
    /// There is no capture.
    Refused(Refusal),
}

/// Why there is no capture.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// What was asked for is no job.
    Arguments {
        /// What is wrong.
        what: String,
    },
    /// A right could not be given up, or was still there when it was read back.
    Confinement {
        /// Which.
        what: String,
    },
    /// The interface could not be opened.
    Device {
        /// Its name.
        interface: String,
        /// Why, in the system's words.
        what: String,
    },
    /// The filter is none.
    Filter {
        /// The byte at which it goes wrong, where that is known.
        at: Option<usize>,
        /// What is wrong, in the words of the library that reads it.
        what: String,
    },
    /// There is no such interface.
    NoInterface {
        /// What was asked for.
        interface: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The right to open a device is missing.
    NoRights {
        /// The interface's name.
        interface: String,
        /// Why, in the system's words.
        what: String,
    },
}

/// The rights of the capture program while it reads, as it read them back.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each right is given up by itself")]
pub struct Rights {
    /// The user it runs as; `None` where the system has no numbers for users.
    pub user: Option<u32>,
    /// Whether it has no capability left in any of its sets.
    pub no_capabilities: bool,
    /// Whether it can never gain a right by starting a program.
    pub no_new_privileges: bool,
    /// Whether the system calls it may make are a short list.
    pub seccomp: bool,
    /// Whether the files it may read are a short list, and those it may write none.
    pub landlock: bool,
    /// What of this the system does not have, with the reason.
    pub missing: Vec<String>,
}

/// A device that frames can be captured on.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// A description of it, where the system has one.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether it is up.
    pub is_up: bool,
    /// Whether it leads back to the machine itself.
    pub is_loopback: bool,
}

impl Notice {
    /// The line that says it.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a line says; `None` where it is no notice.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl Device {
    /// The line that says it.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a line says; `None` where it is no device.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl Rights {
    /// What holds, in words; it stands in the evidence.
    #[must_use]
    pub fn summary(&self) -> String {
        let user = self.user.map(|user| format!("user {user}"));
        let held = [
            (self.no_capabilities, "no capability"),
            (self.no_new_privileges, "no new privileges"),
            (self.seccomp, "seccomp"),
            (self.landlock, "Landlock"),
        ];
        let held = held.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what.to_owned());
        let all: Vec<String> = user.into_iter().chain(held).collect();
        if all.is_empty() { "no right was given up".to_owned() } else { all.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let rights = Rights { user: Some(1000), no_capabilities: true, seccomp: true, ..Rights::default() };
        assert_eq!(rights.summary(), "user 1000, no capability, seccomp");
        let refusal = Refusal::Filter { at: Some(4), what: "a \"word\"\nno".to_owned() };
        let ended = Notice::Ended { interface: "eth0".to_owned(), what: "gone".to_owned() };
        for notice in [Notice::Began(rights), Notice::Refused(refusal), ended] {
            let line = notice.to_line();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(Notice::of_line(&line), Some(notice));
        }
        assert_eq!(Notice::of_line("thread 'main' panicked"), None);
    }
}
