//! A server of HTTP/1.1 (RFC 9112) and of what it turns into, over TLS of rustls or over the pipes of another program.
//!
//! Input: connections. Output: answers, and a log. Must not: serve two requests of a connection at once.

use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::log::{Answer, Content, Framing, Logged, Site, unpacked};
use crate::socket::{Socket, accept};

/// What a connection goes over.
pub(crate) trait Line: Read + Write {
    /// Changes the keys, where there are any that change.
    fn rekey(&mut self) {}
}

/// TLS, and what the client said before the handshake was over.
struct Secured {
    early: Cursor<Vec<u8>>,
    stream: StreamOwned<ServerConnection, TcpStream>,
}

impl Line for Secured {
    fn rekey(&mut self) {
        // TLS 1.2 has no such thing.
        drop(self.stream.conn.refresh_traffic_keys());
    }
}

impl Read for Secured {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.early.read(buffer)? {
            0 => self.stream.read(buffer),
            read => Ok(read),
        }
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// A server of its own; where it listens.
pub(crate) fn start(config: Arc<ServerConfig>, site: &Arc<Site>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let site = Arc::clone(site);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, site) = (Arc::clone(&config), Arc::clone(&site));
            thread::spawn(move || secured(config, stream, &site));
        }
    });
    address
}

/// One connection; a client may leave in the middle of anything.
fn secured(config: Arc<ServerConfig>, mut stream: TcpStream, site: &Site) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    let mut connection = ServerConnection::new(config).unwrap();
    let mut early = Vec::new();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).ok()?;
    }
    if let Some(mut said) = connection.early_data() {
        said.read_to_end(&mut early).unwrap();
    }
    site.shook(connection.handshake_kind());
    let stream = StreamOwned::new(connection, stream);
    let mut line = Secured { early: Cursor::new(early), stream };
    serve(&mut line, site);
    line.stream.conn.send_close_notify();
    line.stream.flush().ok()
}

/// A request up to its body.
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

/// Answers the requests of a connection until it ends.
pub(crate) fn serve(line: &mut dyn Line, site: &Site) -> Option<()> {
    let mut unread = Vec::new();
    loop {
        let head = head(line, &mut unread)?;
        let host = String::from_utf8(head.header("host").unwrap().to_vec()).unwrap();
        if head.header("upgrade") == Some(b"websocket") {
            return socket(line, unread, &head, &host, site);
        }
        if head.header("expect").is_some() {
            line.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
            line.flush().ok()?;
        }
        let body = body(line, &mut unread, &head)?;
        let plain = unpacked(head.header("content-encoding"), &body);
        let answer = Answer::new(site, &host, &head.method, &head.target);
        let is_last = answer.framing == Framing::Close || head.header("connection") == Some(b"close");
        say(line, &head.method, &answer, is_last)?;
        site.log(Logged {
            host,
            version: "1.1",
            got: answer.content(&head.method),
            method: head.method,
            target: head.target,
            sent: Content::new(body.len(), &plain),
            status: answer.status,
        });
        if is_last {
            return Some(());
        }
    }
}

fn more(line: &mut dyn Line, unread: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 1 << 14];
    match line.read(&mut buffer) {
        Ok(0) | Err(_) => None,
        Ok(read) => {
            unread.extend_from_slice(&buffer[..read]);
            Some(())
        }
    }
}

fn head(line: &mut dyn Line, unread: &mut Vec<u8>) -> Option<Head> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(len) = request.parse(unread).unwrap() {
            let head = Head {
                method: request.method.unwrap().to_owned(),
                target: request.path.unwrap().to_owned(),
                headers: request
                    .headers
                    .iter()
                    .map(|one| (one.name.to_owned(), one.value.to_vec()))
                    .collect(),
            };
            unread.drain(..len);
            return Some(head);
        }
        more(line, unread)?;
    }
}

fn take(line: &mut dyn Line, unread: &mut Vec<u8>, len: usize) -> Option<Vec<u8>> {
    while unread.len() < len {
        more(line, unread)?;
    }
    Some(unread.drain(..len).collect())
}

fn body(line: &mut dyn Line, unread: &mut Vec<u8>, head: &Head) -> Option<Vec<u8>> {
    if head.header("transfer-encoding") != Some(b"chunked") {
        let len = head.header("content-length").unwrap_or(b"0");
        return take(line, unread, std::str::from_utf8(len).unwrap().parse().unwrap());
    }
    let mut body = Vec::new();
    loop {
        let (at, size) = loop {
            match httparse::parse_chunk_size(unread).unwrap() {
                httparse::Status::Complete(found) => break found,
                httparse::Status::Partial => more(line, unread)?,
            }
        };
        unread.drain(..at);
        let chunk = take(line, unread, usize::try_from(size).unwrap() + 2)?;
        body.extend_from_slice(chunk.strip_suffix(b"\r\n").unwrap());
        if size == 0 {
            return Some(body);
        }
    }
}

fn say(line: &mut dyn Line, method: &str, answer: &Answer, is_last: bool) -> Option<()> {
    if answer.is_rekeyed {
        line.rekey();
    }
    let mut headers = answer.headers();
    let length = answer.body.len().to_string();
    match answer.framing {
        Framing::Length if answer.status == 204 => {}
        Framing::Length => headers.push(("content-length", &length)),
        Framing::Chunks => headers.extend([("transfer-encoding", "chunked"), ("trailer", "x-after")]),
        Framing::Close => {}
    }
    headers.extend(is_last.then_some(("connection", "close")));
    line.write_all(format!("HTTP/1.1 {} So\r\n", answer.status).as_bytes()).ok()?;
    for (name, value) in headers {
        line.write_all(format!("{name}: {value}\r\n").as_bytes()).ok()?;
    }
    line.write_all(b"\r\n").ok()?;
    if method == "HEAD" {
        return line.flush().ok();
    }
    if answer.framing == Framing::Chunks {
        // Chunks of other sizes than records, one of which holds several and the next a part of one.
        for (number, chunk) in answer.body.chunks(5000).enumerate() {
            line.write_all(format!("{:x};n={number}\r\n", chunk.len()).as_bytes()).ok()?;
            line.write_all(chunk).ok()?;
            line.write_all(b"\r\n").ok()?;
        }
        line.write_all(b"0\r\nx-after: all\r\n\r\n").ok()?;
    } else {
        line.write_all(&answer.body).ok()?;
    }
    line.flush().ok()
}

fn socket(line: &mut dyn Line, mut unread: Vec<u8>, head: &Head, host: &str, site: &Site) -> Option<()> {
    let offered = head.header("sec-websocket-extensions").unwrap_or_default();
    let is_packed = String::from_utf8_lossy(offered).contains("permessage-deflate");
    let agreed = if is_packed { "sec-websocket-extensions: permessage-deflate\r\n" } else { "" };
    let key = accept(head.header("sec-websocket-key").unwrap());
    let opened = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {key}\r\n{agreed}\r\n"
    );
    line.write_all(opened.as_bytes()).ok()?;
    line.flush().ok()?;
    let nothing = Content::new(0, b"");
    site.log(Logged {
        host: host.to_owned(),
        version: "1.1",
        method: head.method.clone(),
        target: head.target.clone(),
        sent: nothing.clone(),
        status: 101,
        got: nothing,
    });
    let mut socket = Socket::new(host, &head.target, is_packed);
    while !socket.is_over {
        let answer = socket.take(&std::mem::take(&mut unread));
        line.write_all(&answer).ok()?;
        line.flush().ok()?;
        if !socket.is_over {
            more(line, &mut unread)?;
        }
    }
    site.sockets.lock().unwrap().push(socket.talked);
    Some(())
}
