//! A relay between clients and a server, and a capture of what passes over it, for which no rights are needed.
//!
//! Input: connections of a client. Output: the same at a server; the packets of all connections in the order in which their bytes passed.
//! Must not: change a byte, or look into one but for the random of a hello, by which key logs are found.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use data_encoding::HEXLOWER;

use crate::tls::{ACK, FIN, SYN, Segment, ip};

/// Bytes of a segment, as on an Ethernet.
const SEGMENT: usize = 1448;
/// How long programs may take: machines that build beside them are slow.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What passed over some relays.
#[derive(Default)]
pub(crate) struct Wire {
    passed: Mutex<Passed>,
    ended: Condvar,
}

#[derive(Default)]
struct Passed {
    /// Packets of IPv4, with the time since 1970.
    packets: Vec<(Duration, Vec<u8>)>,
    /// For each connection the next number of the client's bytes and of the server's.
    next: Vec<[u32; 2]>,
    /// The client's hello of each connection that has one.
    hellos: BTreeMap<usize, Hello>,
    /// Directions that have not ended.
    open: usize,
}

/// A client's hello.
struct Hello {
    /// Its random in hexadecimal, by which key logs name a connection.
    random: String,
    /// Whether the client went on once it was answered. A browser drops spare connections at any moment, and those have no keys.
    has_gone_on: bool,
}

impl Passed {
    fn add(&mut self, connection: usize, from_client: bool, seq: u32, flags: u8, payload: &[u8]) {
        let segment = Segment { from_client, seq, flags, payload: payload.to_vec() };
        let port = 40_000 + u16::try_from(connection).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        self.packets.push((now, ip(&segment, port)));
    }
}

impl Wire {
    /// A port of this machine that leads to the server at `to`.
    pub(crate) fn relay(self: &Arc<Self>, to: SocketAddr) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::clone(self);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = reach(to);
                wire.connect(&Arc::new(client), &Arc::new(server));
            }
        });
        port
    }

    fn connect(self: &Arc<Self>, client: &Arc<TcpStream>, server: &Arc<TcpStream>) {
        let connection = {
            let mut passed = self.passed.lock().unwrap();
            let connection = passed.next.len();
            passed.next.push([0; 2]);
            passed.open += 2;
            passed.add(connection, true, u32::MAX, SYN, &[]);
            passed.add(connection, false, u32::MAX, SYN | ACK, &[]);
            connection
        };
        for from_client in [true, false] {
            let (from, to) = if from_client { (client, server) } else { (server, client) };
            let (wire, from, to) = (Arc::clone(self), Arc::clone(from), Arc::clone(to));
            from.set_nodelay(true).unwrap();
            thread::spawn(move || wire.carry(connection, from_client, &from, &to));
        }
    }

    /// Carries one direction to its end. Bytes are noted before they are handed on, so that nothing stands before what it answers; and also
    /// where the other end has left, since whoever said them has logged that.
    fn carry(&self, connection: usize, from_client: bool, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 1 << 16];
        let mut is_heard = true;
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            self.pass(connection, from_client, &buffer[..read]);
            is_heard = is_heard && to.write_all(&buffer[..read]).is_ok();
        }
        {
            let mut passed = self.passed.lock().unwrap();
            let seq = passed.next[connection][usize::from(!from_client)];
            passed.add(connection, from_client, seq, FIN | ACK, &[]);
            passed.open -= 1;
        }
        self.ended.notify_all();
        drop(to.shutdown(Shutdown::Write));
    }

    fn pass(&self, connection: usize, from_client: bool, bytes: &[u8]) {
        let mut passed = self.passed.lock().unwrap();
        let side = usize::from(!from_client);
        let is_answered = passed.next[connection][1] > 0;
        if from_client && passed.next[connection][0] == 0 && bytes.starts_with(&[22, 3]) {
            // A record's head of 5, the message's of 4, the version, and then the random (RFC 8446 section 4.1.2).
            let random = HEXLOWER.encode(&bytes[11..43]);
            passed.hellos.insert(connection, Hello { random, has_gone_on: false });
        } else if let Some(hello) = passed.hellos.get_mut(&connection) {
            hello.has_gone_on |= from_client && is_answered && goes_on(bytes);
        }
        for payload in bytes.chunks(SEGMENT) {
            let seq = passed.next[connection][side];
            passed.add(connection, from_client, seq, ACK, payload);
            passed.next[connection][side] = seq.wrapping_add(u32::try_from(payload.len()).unwrap());
        }
    }

    /// Waits until every connection has ended.
    pub(crate) fn settle(&self) {
        let passed = self.passed.lock().unwrap();
        let waited = self.ended.wait_timeout_while(passed, PATIENCE, |passed| passed.open > 0).unwrap();
        assert!(!waited.1.timed_out(), "{} directions do not end", waited.0.open);
    }

    /// The packets, in order.
    pub(crate) fn packets(&self) -> Vec<Vec<u8>> {
        self.passed.lock().unwrap().packets.iter().map(|(_, packet)| packet.clone()).collect()
    }

    /// The randoms of the connections that have keys, and how many were dropped before they had.
    pub(crate) fn randoms(&self) -> (Vec<String>, usize) {
        let passed = self.passed.lock().unwrap();
        let hellos = passed.hellos.values();
        let randoms: Vec<String> =
            hellos.filter(|hello| hello.has_gone_on).map(|hello| hello.random.clone()).collect();
        let dropped = passed.hellos.len() - randoms.len();
        (randoms, dropped)
    }

    /// A classic capture of the packets.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        let mut file = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 262_144, 101].map(u32::to_le_bytes).concat();
        for (time, packet) in &self.passed.lock().unwrap().packets {
            let (seconds, len) =
                (u32::try_from(time.as_secs()).unwrap(), u32::try_from(packet.len()).unwrap());
            file.extend([seconds, time.subsec_micros(), len, len].map(u32::to_le_bytes).concat());
            file.extend(packet);
        }
        file
    }
}

/// Whether what a client says next is neither another hello (HelloRetryRequest) nor an alert in clear.
fn goes_on(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(&[20, 3, 3, 0, 1, 1]).unwrap_or(bytes);
    let is_hello = bytes.first() == Some(&22) && bytes.get(5) == Some(&1);
    !is_hello && !bytes.is_empty() && bytes[0] != 21
}

/// A connection to a server that may have to start first.
fn reach(to: SocketAddr) -> TcpStream {
    let began = Instant::now();
    loop {
        match TcpStream::connect(to) {
            Ok(stream) => return stream,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{to}: {error}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}
