//! What `borderpost capture` asks for. It is few words, so that the program with rights needs no large parser.
//!
//! Input: arguments. Output: a job, or what is wrong. Must not: look anything up.

use std::ffi::OsString;

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Job {
    /// Capture.
    Capture(Arguments),
    /// List the devices.
    List,
    /// Give up all rights, and try what must be refused then.
    Try,
}

/// How to capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arguments {
    /// The interfaces' names.
    pub(crate) interfaces: Vec<String>,
    /// The filter of all of them.
    pub(crate) filter: Option<String>,
    /// The most bytes kept of a frame.
    pub(crate) snap_len: i32,
    /// The system's buffer of each, in bytes.
    pub(crate) buffer: i32,
    /// Whether frames of others are taken.
    pub(crate) is_promiscuous: bool,
}

pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Job, String> {
    let mut words =
        words.map(|word| word.into_string().map_err(|word| format!("{}: is no text", word.display())));
    let mut arguments = Arguments {
        interfaces: Vec::new(),
        filter: None,
        snap_len: FULL,
        buffer: 32 << 20,
        is_promiscuous: false,
    };
    while let Some(word) = words.next().transpose()? {
        let mut value = || words.next().unwrap_or_else(|| Err(format!("{word} takes a value")));
        match word.as_str() {
            "--devices" => return Ok(Job::List),
            "--try" => return Ok(Job::Try),
            "-i" => arguments.interfaces.push(value()?),
            "-f" => arguments.filter = Some(value()?),
            // As everywhere, 0 is all of it.
            "-s" => {
                arguments.snap_len = match number(&word, &value()?, 0, FULL)? {
                    0 => FULL,
                    stated => stated,
                };
            }
            "-B" => {
                arguments.buffer = number(&word, &value()?, 1, 1024)?.saturating_mul(1 << 20);
            }
            "--promiscuous" => arguments.is_promiscuous = true,
            _ => return Err(format!("{word}: {USAGE}")),
        }
    }
    if arguments.interfaces.is_empty() {
        return Err(format!("no interface: {USAGE}"));
    }
    Ok(Job::Capture(arguments))
}

fn number(word: &str, value: &str, least: i32, most: i32) -> Result<i32, String> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{word} {value}: is no number from {least} to {most}"))
}

/// The largest frame that libpcap takes.
const FULL: i32 = 262_144;
const USAGE: &str = "this program is started by `borderpost capture`; it takes --devices, or -i INTERFACE…, -f FILTER, -s BYTES, -B MIB \
                     and --promiscuous";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Job, String> {
        parse(line.iter().map(OsString::from))
    }

    #[test]
    fn words_are_a_job_or_a_mistake() {
        let line = ["-i", "eth0", "-i", "lo", "-f", "-x", "-s", "96", "-B", "1024", "--promiscuous"];
        let expected = Arguments {
            interfaces: vec!["eth0".to_owned(), "lo".to_owned()],
            filter: Some("-x".to_owned()),
            snap_len: 96,
            buffer: 1 << 30,
            is_promiscuous: true,
        };
        assert_eq!(parsed(&line), Ok(Job::Capture(expected)));
        assert_eq!((parsed(&["--devices"]), parsed(&["--try"])), (Ok(Job::List), Ok(Job::Try)));
        let Ok(Job::Capture(whole)) = parsed(&["-i", "a", "-s", "0"]) else { panic!("no capture") };
        assert_eq!(whole.snap_len, FULL);
        for bad in [&[][..], &["-i"], &["-i", "a", "-s", "-1"], &["-i", "a", "-B", "2000"], &["-w", "/etc/x"]]
        {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }
}
