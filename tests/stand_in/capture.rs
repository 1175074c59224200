//! Stands in for the capture program in the tests: plays what files hold, as that program plays what devices do, so that
//! `borderpost capture` is tested without libpcap and without rights.
//!
//! Its interface is a folder: `blocks` is what comes first, `more` (if it is there) what comes after every tenth of a second until
//! standard input is closed, `last` what comes then; `says` goes to standard error, `status` is the exit status. With `stays`, nothing
//! ends it but a signal.

use std::fs;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let folder = words.iter().skip_while(|word| *word != "-i").nth(1).map(String::from).unwrap_or_default();
    let folder = Path::new(&folder);
    let part = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    let _ = fs::write(folder.join("asked"), words.join("\n"));
    let _ = std::io::stderr().write_all(&part("says"));
    let mut out = stdout().lock();
    let mut play = |name: &str| out.write_all(&part(name)).and_then(|()| out.flush()).is_ok();
    let (closed, is_closed) = channel();
    thread::spawn(move || {
        let _ = stdin().read_to_end(&mut Vec::new());
        let _ = closed.send(());
    });
    let mut goes_on = play("blocks") && !folder.join("ends").exists();
    while goes_on {
        goes_on = match is_closed.recv_timeout(Duration::from_millis(100)) {
            Err(RecvTimeoutError::Timeout) => play("more"),
            _ => folder.join("stays").exists(),
        };
    }
    play("last");
    let status: Option<u8> = String::from_utf8(part("status")).ok().and_then(|text| text.parse().ok());
    status.map_or(ExitCode::SUCCESS, ExitCode::from)
}
