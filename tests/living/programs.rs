//! The programs: Chromium, curl and OpenSSL's client and server, each with a key log.
//!
//! Input: where servers are reached, and what to ask for. Output: that it was asked, and the key log. Must not: judge an answer.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Place;
use crate::chromium;
use crate::log::Site;
use crate::one::{Line, serve};
use crate::wire::{PATIENCE, Wire};

/// Whether a program is there and says of itself what is needed; says aloud where not.
fn is_there(name: &str, argument: &str, needed: &[&str]) -> bool {
    let output = Command::new(name).arg(argument).stdin(Stdio::null()).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    // LibreSSL writes no key logs.
    let is_there = needed.iter().all(|word| said.contains(word)) && !said.contains("LibreSSL");
    if !is_there {
        let absent = format!(
            "\n*** NOT CHECKED: there is no {name} with {}, so nothing that it says was opened ***\n\n",
            needed.join(" and ")
        );
        std::io::stderr().write_all(absent.as_bytes()).unwrap();
    }
    is_there
}

/// curl, with a key log.
pub(crate) struct Curl {
    keys: PathBuf,
}

impl Curl {
    pub(crate) fn find(keys: &Path) -> Option<Self> {
        is_there("curl", "--version", &["OpenSSL", "HTTP2"]).then(|| Self { keys: keys.to_owned() })
    }

    /// Asks a host, reached at a port, for each path with its options, one after another in one process.
    pub(crate) fn run(&self, port: u16, host: &str, options: &[&str], requests: &[&[&str]]) {
        let mut curl = Command::new("curl");
        for (number, request) in requests.iter().enumerate() {
            let (path, own) = request.split_first().unwrap();
            if number > 0 {
                curl.arg("--next");
            }
            curl.args(["-sSfk", "--max-time", "60", "--output", "/dev/null"]).args(options).args(own);
            curl.arg("--connect-to").arg(format!("::127.0.0.1:{port}")).arg(format!("https://{host}{path}"));
        }
        let output = curl.env("SSLKEYLOGFILE", &self.keys).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{host}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A request as somebody types it.
pub(crate) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: typed.example\r\n\r\n")
}

/// OpenSSL's own client and server, in a folder.
pub(crate) struct Openssl {
    folder: PathBuf,
}

impl Openssl {
    pub(crate) fn find(place: &Place) -> Option<Self> {
        let folder = place.at("");
        is_there("openssl", "version", &["OpenSSL"]).then_some(Self { folder })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    /// Says each line when the one before was answered: a path that is asked for, or a command of the client to change keys.
    pub(crate) fn client(&self, port: u16, options: &[&str], site: &Site, lines: &[&str]) {
        let to = format!("127.0.0.1:{port}");
        let mut command = self.command(&["s_client", "-connect", &to, "-servername", "typed.example"]);
        command
            .args(["-keylogfile", "openssl.keys"])
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
        for line in lines {
            // A command is one where it begins what is read at once, so each waits until the one before was read.
            if line.starts_with('/') {
                to.write_all(request(line).as_bytes()).unwrap();
                site.wait_for(&[line]);
            } else {
                to.write_all(format!("{line}\n").as_bytes()).unwrap();
                assert!(notes.any(|note| note.unwrap().contains("KEYUPDATE")), "{line} is no command");
            }
        }
        drop(to);
        assert!(child.wait().unwrap().success());
    }

    /// Makes a certificate with RSA, which rustls's provider has no way to.
    pub(crate) fn makes_certificates(&self) -> bool {
        let mut command = self.command(&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        command.args(["-keyout", "rsa.key", "-out", "rsa.crt", "-subj", "/CN=rsa.example"]);
        command.status().unwrap().success()
    }

    /// A server for one connection in TLS 1.2; where it listens.
    pub(crate) fn server(&self, cipher: &str, site: &Arc<Site>) -> (SocketAddr, Pipes) {
        // A port that was free a moment ago.
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let mut command =
            self.command(&["s_server", "-quiet", "-naccept", "1", "-tls1_2", "-cipher", cipher]);
        command.args(["-cert", "rsa.crt", "-key", "rsa.key", "-accept", &address.to_string()]);
        let mut child = command.spawn().unwrap();
        let mut line = Typed { to: child.stdin.take().unwrap(), from: child.stdout.take().unwrap() };
        let site = Arc::clone(site);
        let answers = thread::spawn(move || {
            serve(&mut line, &site);
        });
        (address, Pipes { child, answers })
    }
}

/// A server that another program puts into TLS.
pub(crate) struct Pipes {
    child: Child,
    answers: JoinHandle<()>,
}

impl Pipes {
    /// Waits until its client has left.
    pub(crate) fn end(mut self) {
        self.answers.join().unwrap();
        self.child.wait().unwrap();
    }
}

struct Typed {
    to: ChildStdin,
    from: ChildStdout,
}

impl Line for Typed {}

impl Read for Typed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.from.read(buffer)
    }
}

impl Write for Typed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// Chromium, with a key log.
pub(crate) struct Browser {
    command: Command,
    keys: PathBuf,
}

impl Browser {
    pub(crate) fn find(place: &Place) -> Option<Self> {
        let command = chromium::command(&place.at("profile"), "nothing of a browser was opened")?;
        Some(Self { command, keys: place.at("browser.keys") })
    }

    /// Opens a page, where hosts are reached at ports, until a page asks for `/done`; the key log.
    pub(crate) fn run(mut self, hosts: &[(&str, u16)], page: &str, site: &Site, wires: &[&Wire]) -> Vec<u8> {
        let mut rules: Vec<String> =
            hosts.iter().map(|(host, port)| format!("MAP {host} 127.0.0.1:{port}")).collect();
        rules.push("MAP * ~NOTFOUND".to_owned());
        self.command
            .arg("--ignore-certificate-errors")
            .arg(format!("--host-resolver-rules={}", rules.join(",")))
            .arg(page)
            .env("SSLKEYLOGFILE", &self.keys);
        let mut child = self.command.spawn().unwrap();
        let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let reader = thread::spawn(move || std::io::copy(&mut from, &mut std::io::sink()));
        let asked = site.wait_for(&["/done", "/failed"]);
        assert!(!asked.starts_with("/failed"), "{asked}");
        to.write_all(b"{\"id\":1,\"method\":\"Browser.close\"}\0").unwrap();
        drop(to);
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "the browser does not close");
            thread::sleep(Duration::from_millis(20));
        }
        reader.join().unwrap().unwrap();
        for wire in wires {
            wire.settle();
        }
        self.log(wires)
    }

    /// The key log, once it has the keys of every hello: it is written beside what it is of.
    fn log(&self, wires: &[&Wire]) -> Vec<u8> {
        let randoms: Vec<String> = wires.iter().flat_map(|wire| wire.randoms().0).collect();
        let began = Instant::now();
        loop {
            let log = fs::read_to_string(&self.keys).unwrap_or_default();
            let Some(missing) = randoms.iter().find(|random| !log.contains(*random)) else {
                return log.into_bytes();
            };
            assert!(began.elapsed() < PATIENCE, "the browser logs no keys of {missing:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}
