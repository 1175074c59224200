//! The server's side of a WebSocket (RFC 6455), packed where the client can (RFC 7692).
//!
//! Input: bytes of the client. Output: the bytes that answer them, and what was said both ways. Must not: know what carries it.

use data_encoding::BASE64;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use sha1::{Digest as _, Sha1};

use crate::log::{Content, Talked};

/// The answer to a client's key (RFC 6455 section 4.2.2).
pub(crate) fn accept(key: &[u8]) -> String {
    BASE64.encode(&Sha1::digest([key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat()))
}

/// A WebSocket that answers each message.
pub(crate) struct Socket {
    heard: Vec<u8>,
    /// The message whose last frame has not come: its first byte, and its payload.
    begun: Option<(u8, Vec<u8>)>,
    packing: Option<(Decompress, Compress)>,
    pub(crate) talked: Talked,
    pub(crate) is_over: bool,
}

/// Texts of so many bytes are said in two frames.
pub(crate) const WHOLE: usize = 1000;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const LAST: u8 = 0x80;
const PACKED: u8 = 0x40;

impl Socket {
    pub(crate) fn new(host: &str, target: &str, is_packed: bool) -> Self {
        let packing =
            is_packed.then(|| (Decompress::new(false), Compress::new(Compression::default(), false)));
        let talked = Talked { host: host.to_owned(), target: target.to_owned(), ..Talked::default() };
        Self { heard: Vec::new(), begun: None, packing, talked, is_over: false }
    }

    pub(crate) fn is_packed(&self) -> bool {
        self.packing.is_some()
    }

    /// Takes bytes of the client; the bytes to send.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.heard.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some((first, payload)) = self.frame() {
            self.answer(first, payload, &mut out);
        }
        out
    }

    /// The first byte of the next frame and its payload, unmasked.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (&first, &second) = (self.heard.first()?, self.heard.get(1)?);
        assert!(second & 0x80 != 0, "what a client says is masked");
        let (len, at) = match second & 0x7F {
            126 => (u64::from(u16::from_be_bytes(self.heard.get(2..4)?.try_into().unwrap())), 4),
            127 => (u64::from_be_bytes(self.heard.get(2..10)?.try_into().unwrap()), 10),
            short => (u64::from(short), 2),
        };
        let end = at + 4 + usize::try_from(len).unwrap();
        let mask = self.heard.get(at..at + 4)?;
        let payload = self.heard.get(at + 4..end)?;
        let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.heard.drain(..end);
        Some((first, payload))
    }

    fn answer(&mut self, first: u8, payload: Vec<u8>, out: &mut Vec<u8>) {
        match first & 0xF {
            CLOSE => {
                self.talked.close = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                send(LAST | CLOSE, &payload, out);
                self.is_over = true;
            }
            PING.. => self.talked.control += 1,
            _ => {
                let (begun, mut whole) = self.begun.take().unwrap_or((first, Vec::new()));
                whole.extend(payload);
                if first & LAST == 0 {
                    self.begun = Some((begun, whole));
                } else {
                    self.message(begun, whole, out);
                }
            }
        }
    }

    fn message(&mut self, first: u8, payload: Vec<u8>, out: &mut Vec<u8>) {
        let wire = payload.len();
        let plain = match &mut self.packing {
            Some((inflate, _)) if first & PACKED != 0 => unpack(inflate, payload),
            _ => payload,
        };
        let is_text = first & 0xF == TEXT;
        self.talked.from_client.push((is_text, Content::new(wire, &plain)));
        if is_text {
            let said = [b"heard: ".as_slice(), &plain].concat();
            self.say(TEXT, &said, out);
        } else {
            let said: Vec<u8> = plain.into_iter().rev().collect();
            self.say(BINARY, &said, out);
        }
    }

    /// Says something: text packed where that was agreed on, a long one in two frames with a ping between them; bytes not packed, which is
    /// allowed at any time.
    fn say(&mut self, kind: u8, plain: &[u8], out: &mut Vec<u8>) {
        let is_text = kind == TEXT;
        let (flag, payload) = match &mut self.packing {
            Some((_, deflate)) if is_text => (PACKED, pack(deflate, plain)),
            _ => (0, plain.to_vec()),
        };
        self.talked.from_server.push((is_text, Content::new(payload.len(), plain)));
        if !is_text || plain.len() < WHOLE {
            return send(LAST | kind | flag, &payload, out);
        }
        let (one, other) = payload.split_at(payload.len() / 2);
        send(kind | flag, one, out);
        send(LAST | PING, b"there?", out);
        self.talked.control += 1;
        send(LAST, other, out);
    }
}

fn send(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match payload.len() {
        len @ ..126 => out.push(u8::try_from(len).unwrap()),
        len @ ..0x1_0000 => {
            out.push(126);
            out.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            out.push(127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(payload);
}

/// What ends a packed message and is not sent (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

fn pack(deflate: &mut Compress, plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(plain.len() + 64);
    deflate.compress_vec(plain, &mut packed, FlushCompress::Sync).unwrap();
    packed.strip_suffix(&TAIL).unwrap().to_vec()
}

fn unpack(inflate: &mut Decompress, mut packed: Vec<u8>) -> Vec<u8> {
    packed.extend(TAIL);
    let (mut plain, before) = (Vec::new(), inflate.total_in());
    loop {
        let read = usize::try_from(inflate.total_in() - before).unwrap();
        let rest = &packed[read..];
        if rest.is_empty() && plain.len() < plain.capacity() {
            return plain;
        }
        plain.reserve(1 << 16);
        inflate.decompress_vec(rest, &mut plain, FlushDecompress::Sync).unwrap();
    }
}
