//! `WebSockets` (RFC 6455), also with packed messages (RFC 7692), over a connection or over a stream of HTTP/2 (RFC 8441).
//!
//! Input: what both sides sent after the handshake. Output: [`WebSocket`], its messages unpacked. Must not: know what
//! carries it.

use flate2::{Decompress, FlushDecompress, Status};

use super::body::{Collector, Ending, append, ceiling};
use super::context::{Context, Pair, Side};
use super::queue::{At, Queue};
use crate::wire::cursor::Cursor;
use crate::wire::exchange::{Body, BodyNote, Encoding, WebSocket, WebSocketMessage};

/// A WebSocket being read.
#[derive(Debug)]
pub(crate) struct Socket {
    halves: Pair<Half>,
    found: WebSocket,
    /// Bytes of messages that are done with and held.
    held: usize,
    /// About the bytes of memory that it takes beside them.
    beside: usize,
}

/// One direction.
#[derive(Default, Debug)]
struct Half {
    queue: Queue,
    frame: Option<Frame>,
    message: Option<Building>,
    /// The payload of a control frame.
    control: Vec<u8>,
    inflate: Option<Inflate>,
    /// Whether it is not known where frames begin; nothing in the protocol tells.
    is_lost: bool,
}

/// The frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Bytes of its payload that were read.
    at: u64,
    /// Bytes that are not.
    left: u64,
}

/// A message whose last frame has not ended.
#[derive(Debug)]
struct Building {
    is_text: bool,
    is_packed: bool,
    body: Collector,
    first: At,
    last: At,
}

/// How one direction's messages are unpacked.
#[derive(Debug)]
struct Inflate {
    stream: Decompress,
    /// Whether each message stands alone (`no_context_takeover`).
    is_reset: bool,
    /// Whether a message before was not unpacked to its end.
    is_lost: bool,
}

impl Socket {
    /// A WebSocket whose handshake agreed on these extensions.
    pub(crate) fn new(extensions: &[u8], context: &mut Context) -> Self {
        let mut socket = Self { halves: Pair::default(), found: WebSocket::default(), held: 0, beside: 0 };
        let extensions = extensions.to_ascii_lowercase();
        let mut words = extensions
            .split(|byte| b",;=".contains(byte))
            .map(<[u8]>::trim_ascii)
            .map(|word| word == b"permessage-deflate");
        if words.any(|is_deflate| is_deflate) {
            let has = |name: &[u8]| extensions.windows(name.len()).any(|at| at == name);
            socket.halves.client.inflate = Some(Inflate::new(has(b"client_no_context_takeover")));
            socket.halves.server.inflate = Some(Inflate::new(has(b"server_no_context_takeover")));
            socket.takes(2 * Inflate::MEMORY, context);
        }
        socket
    }

    fn takes(&mut self, more: usize, context: &mut Context) {
        self.beside += more;
        context.beside += more;
    }

    /// Reads on in one direction.
    pub(crate) fn push(&mut self, side: Side, bytes: &[u8], at: At, context: &mut Context) {
        self.halves.of(side).queue.push(bytes, at);
        self.advance(side, context);
    }

    /// Bytes are missing in one direction.
    pub(crate) fn gap(&mut self, side: Side, length: Option<u64>, context: &mut Context) {
        let half = self.halves.of(side);
        match (&mut half.frame, length) {
            (Some(frame), Some(length)) if length <= frame.left => {
                frame.left -= length;
                frame.at = frame.at.saturating_add(length);
                if let Some(message) = half.message.as_mut().filter(|_| frame.opcode < CLOSE) {
                    message.body.gap(Some(length));
                }
                self.advance(side, context);
            }
            _ => {
                if let Some(message) = &mut half.message {
                    message.body.gap(length);
                }
                self.lose(side, context);
            }
        }
    }

    /// All that was found; what it held is given back.
    pub(crate) fn finish(mut self, context: &mut Context) -> WebSocket {
        for side in Side::BOTH {
            context.tally.unread += self.halves.of(side).queue.clear();
            self.end_message(side, false, context);
        }
        context.held = context.held.saturating_sub(self.held);
        context.beside = context.beside.saturating_sub(self.beside);
        self.found
    }

    fn lose(&mut self, side: Side, context: &mut Context) {
        self.end_message(side, false, context);
        let half = self.halves.of(side);
        (half.is_lost, half.frame) = (true, None);
        context.tally.unread += half.queue.clear();
    }

    fn advance(&mut self, side: Side, context: &mut Context) {
        loop {
            let half = self.halves.of(side);
            if half.is_lost {
                context.tally.unread += half.queue.clear();
                return;
            }
            match half.frame {
                Some(frame) if frame.left == 0 => self.end_frame(side, frame, context),
                Some(_) if half.queue.front().is_empty() => return,
                Some(frame) => half.payload(frame, context),
                None => match half.head() {
                    Some(true) => {}
                    Some(false) => return,
                    None => {
                        context.tally.damaged += 1;
                        self.lose(side, context);
                    }
                },
            }
        }
    }

    fn end_frame(&mut self, side: Side, frame: Frame, context: &mut Context) {
        let half = self.halves.of(side);
        half.frame = None;
        if frame.opcode < CLOSE {
            if frame.is_last {
                self.end_message(side, true, context);
            }
            return;
        }
        if frame.opcode == CLOSE {
            let code = half.control.first_chunk().map_or(0, |code| u16::from_be_bytes(*code));
            self.found.close.get_or_insert(code);
        } else {
            self.found.control += 1;
        }
        half.control.clear();
    }

    fn end_message(&mut self, side: Side, is_whole: bool, context: &mut Context) {
        let half = self.halves.of(side);
        let Some(message) = half.message.take() else { return };
        let encodings = if message.is_packed { vec![Encoding::Deflate] } else { Vec::new() };
        let (bytes, mut body) = message.body.into_body(encodings, is_whole, &mut context.held);
        match &mut half.inflate {
            Some(inflate) if message.is_packed => inflate.unpack(&bytes, &mut body, context),
            _ => body.decoded = bytes,
        }
        body.notes.sort();
        body.notes.dedup();
        if self.found.messages.len() >= context.limits.messages {
            self.found.not_kept += 1;
            return;
        }
        self.held += body.decoded.len();
        context.held = context.held.saturating_add(body.decoded.len());
        let notes = body.notes.capacity() * size_of::<BodyNote>();
        let encodings = 2 * body.encodings.capacity() * size_of::<Encoding>();
        self.takes(size_of::<WebSocketMessage>() + notes + encodings, context);
        self.found.messages.push(WebSocketMessage {
            from_client: side == Side::Client,
            is_text: message.is_text,
            time: message.last.time,
            frames: Some((message.first.frame, message.last.frame)),
            body,
        });
    }
}

impl Half {
    /// Reads a frame's head (section 5.2): whether one was there, or `None` where it breaks the protocol.
    fn head(&mut self) -> Option<bool> {
        let front = self.queue.front();
        let Some((first, frame, length)) = head(front) else { return Some(false) };
        let (Some(at), Some(last)) = (self.queue.at(0), self.queue.at(length - 1)) else {
            return Some(false);
        };
        let is_control = frame.opcode >= CLOSE;
        let is_first = matches!(frame.opcode, TEXT | BINARY);
        let breaks = first & 0x30 != 0
            || !matches!(frame.opcode, CONTINUATION..=BINARY | CLOSE..=PONG)
            || is_control && (frame.left > 125 || !frame.is_last || first & 0x40 != 0)
            || first & 0x40 != 0 && (!is_first || self.inflate.is_none())
            || !is_control && is_first == self.message.is_some();
        if breaks {
            return None;
        }
        if is_first {
            let is_packed = first & 0x40 != 0;
            let body = Collector::default();
            self.message = Some(Building { is_text: frame.opcode == TEXT, is_packed, body, first: at, last });
        }
        if let Some(message) = self.message.as_mut().filter(|_| !is_control) {
            message.last = last;
        }
        self.frame = Some(frame);
        self.queue.consume(length);
        Some(true)
    }

    /// Takes what is there of the payload.
    fn payload(&mut self, mut frame: Frame, context: &mut Context) {
        let front = self.queue.front();
        let count = front.len().min(usize::try_from(frame.left).unwrap_or(usize::MAX));
        let phase = usize::try_from(frame.at % 4).unwrap_or(0);
        let mask = frame.mask.iter().cycle().skip(phase);
        let plain: Vec<u8> = front.iter().take(count).zip(mask).map(|(byte, mask)| byte ^ mask).collect();
        match &mut self.message {
            Some(message) if frame.opcode < CLOSE => {
                message.body.push(&plain, &context.limits, &mut context.held);
                message.last = self.queue.at(count - 1).unwrap_or(message.last);
            }
            _ => self.control.extend_from_slice(&plain),
        }
        self.queue.consume(count);
        frame.left -= count as u64;
        frame.at = frame.at.saturating_add(count as u64);
        self.frame = Some(frame);
    }
}

/// The first byte, the frame and the length of the head at the front, where it is whole.
fn head(front: &[u8]) -> Option<(u8, Frame, usize)> {
    let mut cursor = Cursor::new(front);
    let (first, second) = (cursor.u8()?, cursor.u8()?);
    let left = match second & 0x7f {
        126 => u64::from(cursor.u16()?),
        127 => u64::from_be_bytes(cursor.array()?),
        length => u64::from(length),
    };
    let mask = if second & 0x80 != 0 { cursor.array()? } else { [0; 4] };
    let frame = Frame { is_last: first & 0x80 != 0, opcode: first & 0xf, mask, at: 0, left };
    Some((first, frame, front.len() - cursor.rest().len()))
}

impl Inflate {
    /// About the bytes of memory that one takes: a window of 32 KiB and tables of codes.
    const MEMORY: usize = 44 << 10;

    fn new(is_reset: bool) -> Self {
        Self { stream: Decompress::new(false), is_reset, is_lost: false }
    }

    /// Unpacks a message (RFC 7692 section 7.2.2) into its body.
    fn unpack(&mut self, packed: &[u8], body: &mut Body, context: &Context) {
        if self.is_lost {
            body.notes.push(BodyNote::ContextLost);
            body.decoded = packed.to_vec();
            return;
        }
        let room = context.limits.held.saturating_sub(context.held);
        let most = context.limits.body.min(ceiling(packed.len(), &context.limits)).min(room);
        let is_whole = body.notes.is_empty();
        let mut ending = self.run(packed, &mut body.decoded, most);
        if is_whole && ending == Ending::Whole {
            ending = self.run(&[0, 0, 0xff, 0xff], &mut body.decoded, most);
        }
        body.notes.extend(ending.note(&Encoding::Deflate));
        if ending == Ending::Damaged && body.decoded.is_empty() {
            body.decoded = packed.to_vec();
        } else {
            body.remaining.clear();
        }
        self.is_lost = !self.is_reset && (!is_whole || ending != Ending::Whole);
        if self.is_reset {
            self.stream.reset(false);
        }
    }

    fn run(&mut self, mut packed: &[u8], out: &mut Vec<u8>, most: usize) -> Ending {
        let mut chunk = [0; CHUNK];
        loop {
            let before = (self.stream.total_in(), self.stream.total_out());
            let Ok(status) = self.stream.decompress(packed, &mut chunk, FlushDecompress::Sync) else {
                return Ending::Damaged;
            };
            let read = usize::try_from(self.stream.total_in() - before.0).unwrap_or(usize::MAX);
            let written = usize::try_from(self.stream.total_out() - before.1).unwrap_or(0);
            packed = packed.get(read..).unwrap_or_default();
            if !append(out, chunk.get(..written).unwrap_or_default(), most) {
                return Ending::Limit;
            }
            if status == Status::StreamEnd {
                // A sender may end its stream of blocks with a message (section 7.2.3.4).
                self.stream.reset(false);
            }
            if packed.is_empty() && written < chunk.len() || read == 0 && written == 0 {
                return if packed.is_empty() { Ending::Whole } else { Ending::Damaged };
            }
        }
    }
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;
/// Bytes unpacked at a time.
const CHUNK: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;
    use crate::wire::exchange::Limits;
    use crate::wire::http::sample::{at, context};

    /// A frame as a client (with a mask) or a server sends it.
    fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let bit = if mask.is_some() { 0x80 } else { 0 };
        let mut out = match payload.len() {
            short @ 0..126 => vec![first, bit | u8::try_from(short).unwrap()],
            long => [&[first, bit | 0x7e][..], &u16::try_from(long).unwrap().to_be_bytes()].concat(),
        };
        out.extend(mask.into_iter().flatten());
        out.extend(
            payload.iter().zip(mask.unwrap_or_default().iter().cycle()).map(|(byte, mask)| byte ^ mask),
        );
        out
    }

    fn deflate(stream: &mut Compress, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 100);
        stream.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
        out.truncate(out.len() - 4);
        out
    }

    fn texts(socket: &WebSocket) -> Vec<(bool, String)> {
        let text = |message: &WebSocketMessage| String::from_utf8_lossy(&message.body.decoded).into_owned();
        socket.messages.iter().map(|message| (message.from_client, text(message))).collect()
    }

    fn read(extensions: &str, pieces: &[(Side, Vec<u8>)], step: usize) -> (WebSocket, Context) {
        let mut context = context(Limits::default());
        let mut socket = Socket::new(extensions.as_bytes(), &mut context);
        for (number, (side, bytes)) in pieces.iter().enumerate() {
            for piece in bytes.chunks(step) {
                socket.push(*side, piece, at(number as u64 + 1), &mut context);
            }
        }
        (socket.finish(&mut context), context)
    }

    #[test]
    fn messages_are_put_together_and_unmasked() {
        let mask = Some([1, 2, 3, 4]);
        // The first two are of RFC 6455 section 5.7.
        let pieces = [
            (Side::Server, vec![0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
            (Side::Client, vec![0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]),
            (Side::Client, frame(0x01, b"frag", mask)),
            (Side::Client, frame(0x89, b"ping", mask)),
            (Side::Client, frame(0x80, &vec![b'x'; 300], mask)),
            (Side::Server, frame(0x82, b"", None)),
            (Side::Server, frame(0x88, &[0x03, 0xe8, b'o', b'k'], None)),
        ];
        for step in [1, 2, 3, 7, 1000] {
            let (socket, context) = read("", &pieces, step);
            let long = format!("frag{}", "x".repeat(300));
            let expected = [(false, "Hello"), (true, "Hello"), (true, &*long), (false, "")];
            assert_eq!(texts(&socket), expected.map(|(side, text)| (side, text.to_owned())));
            assert_eq!(
                (socket.control, socket.close, context.tally.unread, context.held),
                (1, Some(1000), 0, 0)
            );
            assert_eq!(socket.messages[2].frames, Some((at(3).frame, at(5).frame)));
            assert_eq!((socket.messages[2].is_text, socket.messages[3].is_text), (true, false));
        }
    }

    #[test]
    fn packed_messages_share_their_context() {
        let text = b"{\"event\":\"heartbeat\",\"meeting\":1}";
        let mut stream = Compress::new(Compression::default(), false);
        let packed: Vec<Vec<u8>> = (0..3).map(|_| deflate(&mut stream, text)).collect();
        assert!(packed[1].len() < packed[0].len() / 2, "the second refers to the first");
        let pieces: Vec<(Side, Vec<u8>)> =
            packed.iter().map(|packed| (Side::Server, frame(0xc1, packed, None))).collect();
        let (socket, _) = read("permessage-deflate; client_max_window_bits=15", &pieces, 5);
        assert_eq!(texts(&socket), vec![(false, String::from_utf8(text.to_vec()).unwrap()); 3]);
        assert!(socket.messages.iter().all(|message| message.body.notes.is_empty()));
        // Where the first is missing, the others are kept as they came.
        let mut context = context(Limits::default());
        let mut socket = Socket::new(b"permessage-deflate", &mut context);
        socket.push(Side::Server, &pieces[0].1[..4], at(1), &mut context);
        socket.gap(Side::Server, Some(pieces[0].1.len() as u64 - 4), &mut context);
        socket.push(Side::Server, &pieces[1].1, at(2), &mut context);
        let socket = socket.finish(&mut context);
        assert_eq!(socket.messages.len(), 2);
        assert!(socket.messages[0].body.notes.contains(&BodyNote::Gap(Some(pieces[0].1.len() as u64 - 4))));
        assert_eq!(socket.messages[1].body.notes, [BodyNote::ContextLost]);
        assert_eq!(socket.messages[1].body.decoded, packed[1]);
    }

    #[test]
    fn packed_messages_without_context_stand_alone() {
        let message = |text: &[u8]| {
            let packed = deflate(&mut Compress::new(Compression::default(), false), text);
            (Side::Client, frame(0xc2, &packed, Some([9, 8, 7, 6])))
        };
        let mut pieces = vec![message(b"first"), message(b"second")];
        pieces.insert(1, (Side::Client, frame(0xc2, b"\xff\xff\xff", Some([0; 4]))));
        let (socket, _) = read("permessage-deflate; client_no_context_takeover", &pieces, 100);
        assert_eq!(texts(&socket)[0].1, "first");
        assert_eq!(socket.messages[1].body.notes, [BodyNote::Damaged(Encoding::Deflate)]);
        assert_eq!(texts(&socket)[2].1, "second");
    }

    #[test]
    fn bombs_and_many_messages_are_bounded() {
        let zeros = vec![0; 20 << 20];
        let packed = deflate(&mut Compress::new(Compression::best(), false), &zeros);
        let mut bomb = vec![0xc2, 127];
        bomb.extend((packed.len() as u64).to_be_bytes());
        bomb.extend(packed);
        let (socket, context) = read("permessage-deflate", &[(Side::Server, bomb)], 1 << 20);
        assert_eq!(socket.messages[0].body.decoded.len(), context.limits.body);
        assert_eq!((&*socket.messages[0].body.notes, context.held), (&[BodyNote::Oversize][..], 0));

        let limits = Limits { messages: 10, held: 25, ..Limits::default() };
        let mut context = crate::wire::http::sample::context(limits);
        let mut socket = Socket::new(b"", &mut context);
        for _ in 0..100 {
            socket.push(Side::Server, &frame(0x82, b"12345", None), at(1), &mut context);
        }
        let socket = socket.finish(&mut context);
        assert_eq!((socket.messages.len(), socket.not_kept, context.held), (10, 90, 0));
        assert_eq!(socket.messages[5].body.notes, [BodyNote::NotKept(5)]);
    }

    #[test]
    fn what_breaks_the_protocol_ends_the_reading_of_that_side() {
        for bad in [
            frame(0xb1, b"x", None),
            frame(0x83, b"x", None),
            frame(0x09, b"x", None),
            frame(0x80, b"x", None),
            frame(0xc1, b"x", None),
        ] {
            let mut bytes = frame(0x81, b"good", None);
            bytes.extend(&bad);
            let (socket, context) = read("", &[(Side::Server, bytes)], 100);
            assert_eq!(texts(&socket), [(false, "good".to_owned())]);
            assert_eq!((context.tally.unread, context.tally.damaged), (bad.len() as u64, 1));
        }
    }
}
