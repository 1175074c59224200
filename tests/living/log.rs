//! What servers log, and what they answer.
//!
//! Input: requests. Output: [`Logged`] for each, and an [`Answer`] by its path. Must not: know what carries it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Condvar, Mutex};

use data_encoding::HEXLOWER;
use flate2::Compression;
use sha2::{Digest as _, Sha256};

use crate::wire::PATIENCE;

/// A body: its bytes on the wire, without what frames them, its length once it is unpacked, and the SHA-256 of that.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Content {
    pub(crate) wire: u64,
    pub(crate) len: usize,
    pub(crate) sha256: String,
}

impl Content {
    pub(crate) fn new(wire: usize, plain: &[u8]) -> Self {
        let sha256 = HEXLOWER.encode(&Sha256::digest(plain));
        Self { wire: wire as u64, len: plain.len(), sha256 }
    }
}

/// One exchange.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Logged {
    pub(crate) host: String,
    pub(crate) version: &'static str,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) sent: Content,
    pub(crate) status: u16,
    pub(crate) got: Content,
}

/// The messages of one WebSocket: for each whether it is text, and what it says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Talked {
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) from_client: Vec<(bool, Content)>,
    pub(crate) from_server: Vec<(bool, Content)>,
    /// Pings and pongs, both ways.
    pub(crate) control: u64,
    pub(crate) close: Option<u16>,
}

/// What all servers of a test know: the pages that they show by their hosts, and what they log.
#[derive(Default)]
pub(crate) struct Site {
    pages: BTreeMap<&'static str, &'static str>,
    pub(crate) log: Mutex<Vec<Logged>>,
    pub(crate) sockets: Mutex<Vec<Talked>>,
    /// How handshakes were made, and how many of each.
    pub(crate) shaken: Mutex<BTreeMap<String, usize>>,
    heard: Condvar,
}

impl Site {
    pub(crate) fn new(pages: &[(&'static str, &'static str)]) -> Self {
        Self { pages: pages.iter().copied().collect(), ..Self::default() }
    }

    pub(crate) fn log(&self, logged: Logged) {
        self.log.lock().unwrap().push(logged);
        self.heard.notify_all();
    }

    pub(crate) fn shook(&self, kind: Option<rustls::HandshakeKind>) {
        *self.shaken.lock().unwrap().entry(format!("{:?}", kind.unwrap())).or_default() += 1;
    }

    /// Waits until something with this path was asked for, and gives its query.
    pub(crate) fn wait_for(&self, paths: &[&str]) -> String {
        let is_there = |log: &[Logged]| {
            log.iter().find(|one| paths.contains(&path(&one.target))).map(|one| one.target.clone())
        };
        let log = self.log.lock().unwrap();
        let (log, _) = self.heard.wait_timeout_while(log, PATIENCE, |log| is_there(log).is_none()).unwrap();
        is_there(&log).unwrap_or_else(|| panic!("nobody asks for any of {paths:?}: {log:#?}"))
    }

    /// What was logged, in order, for hosts that are so.
    pub(crate) fn logged(&self, of: impl Fn(&str) -> bool) -> Vec<Logged> {
        let mut log: Vec<Logged> =
            self.log.lock().unwrap().iter().filter(|one| of(&one.host)).cloned().collect();
        log.sort();
        log
    }
}

/// A target without its query.
pub(crate) fn path(target: &str) -> &str {
    target.split('?').next().unwrap()
}

/// How an answer ends in HTTP/1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    Length,
    Chunks,
    Close,
}

/// What a server answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) coding: Option<&'static str>,
    pub(crate) plain: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
    /// Whether keys change before it (`KeyUpdate`, RFC 8446 section 4.6.3).
    pub(crate) is_rekeyed: bool,
}

impl Answer {
    /// The answer to what was asked.
    pub(crate) fn new(site: &Site, host: &str, method: &str, target: &str) -> Self {
        let path = path(target);
        let page = site.pages.get(host).filter(|_| path == "/");
        let plain = match (page, path) {
            (Some(page), _) => page.as_bytes().to_vec(),
            (None, "/answer/nothing") => Vec::new(),
            (None, way) if way.starts_with("/answer/") => long(host),
            (None, _) => format!("{method} {target}").into_bytes(),
        };
        let (coding, body) = match path {
            "/answer/gzip" => (Some("gzip"), gzip(&plain)),
            "/answer/deflate" => (Some("deflate"), deflate(&plain)),
            "/answer/zstd" => (Some("zstd"), zstd(&plain)),
            _ => (None, plain.clone()),
        };
        let framing = match path {
            "/answer/chunks" | "/answer/gzip" => Framing::Chunks,
            "/answer/close" => Framing::Close,
            _ => Framing::Length,
        };
        let is_rekeyed = path == "/answer/rekey";
        let kind = if page.is_some() { "text/html" } else { "text/plain" };
        let status = if plain.is_empty() { 204 } else { 200 };
        Self { status, kind, coding, plain, body, framing, is_rekeyed }
    }

    /// Its headers but for its length: a page of another host may read it.
    pub(crate) fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let mut headers = vec![
            ("content-type", self.kind),
            ("access-control-allow-origin", "*"),
            ("access-control-allow-headers", "*"),
        ];
        headers.extend(self.coding.map(|coding| ("content-encoding", coding)));
        headers
    }

    /// What of it goes to somebody who asked so.
    pub(crate) fn content(&self, method: &str) -> Content {
        if method == "HEAD" { Content::new(0, b"") } else { Content::new(self.body.len(), &self.plain) }
    }
}

/// A body of some records, other for each host.
fn long(host: &str) -> Vec<u8> {
    (0..2000).fold(String::new(), |text, line| text + &format!("{line} {host}\n")).into_bytes()
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(plain).unwrap();
    packer.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(plain).unwrap();
    packer.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
}

/// What a body says that a client packed so.
pub(crate) fn unpacked(coding: Option<&[u8]>, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        Some(b"gzip") => {
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut plain).unwrap();
        }
        Some(other) => panic!("{other:?}"),
        None => plain.extend_from_slice(body),
    }
    plain
}
