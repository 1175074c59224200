//! QUIC version 1 (RFC 9000): a quinn-proto client and server in memory, their datagrams delayed by the path.
//!
//! Input: a host, its path, what is said and when. Output: datagrams in the trace. Must not: write a QUIC byte itself.
//! Time is simulated: the state machines are told that it is now whatever the scenario says.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_proto::congestion::NewRenoConfig;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::crypto::{CryptoError, HmacKey};
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, ConnectionId, ConnectionIdGenerator, DatagramEvent, Dir,
    Endpoint, EndpointConfig, Event, ServerConfig, StreamEvent, StreamId, TransportConfig,
};
use sha2::{Digest, Sha256};

use super::Result;
use super::frame::{Path, Trace};
use super::random::Random;
use super::scenario::{Connect, Exchange, Host, MICROSECOND, MILLISECOND, Nanos, SECOND};
use super::stand_in::Ends;
use super::tcp::jitter;

/// Makes the whole connection of a step.
pub(crate) fn connect(
    trace: &mut Trace,
    step: &Connect,
    host: &Host,
    ends: &Ends,
    path: Path,
    random: &Random,
) -> Result<()> {
    let start = Instant::now();
    let transport = transport();
    let mut server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(ends.server.clone())?));
    server.transport = transport.clone();
    // Tokens for later connections are sealed with a key from the system's randomness.
    server.validation_token.sent(0);
    let mut client = ClientConfig::new(Arc::new(QuicClientConfig::try_from(ends.client.clone())?));
    client.transport_config(transport);
    let first: [u8; 8] = random.part("first id").array();
    client.initial_dst_cid_provider(Arc::new(move || ConnectionId::new(&first)));

    let mut talk = Talk {
        start,
        path,
        // Clients with one connection per socket, as browsers are, ask for no connection id of their own.
        client: Peer::new(path.server(), None, 0, &random.part("client")),
        server: Peer::new(path.client(), Some(Arc::new(server)), 8, &random.part("server")),
        random: random.part("talk"),
        due: BTreeMap::new(),
        waiting: step.exchanges().into(),
        answers: VecDeque::new(),
        seen: (step.at.0, step.at.0),
    };
    let now = talk.instant(step.at.0);
    talk.client.connection = Some(talk.client.endpoint.connect(now, client, path.server(), &host.name)?);
    let last = step.exchanges().last().map_or(step.at.0, |exchange| exchange.at.0);
    if let Some(close) = step.close {
        talk.plan(close.0, Due::Close);
    }
    let end = step.close.map_or(last, |close| close.0) + 2 * SECOND;
    talk.run(trace, step.at.0, end)
}

/// A connection in simulated time.
struct Talk {
    start: Instant,
    path: Path,
    client: Peer,
    server: Peer,
    random: Random,
    /// What is to happen, in order of time and then of planning.
    due: BTreeMap<(Nanos, usize), Due>,
    /// The exchanges that the client has not begun.
    waiting: VecDeque<Exchange>,
    /// The sizes of the answers that the server has not given.
    answers: VecDeque<usize>,
    /// When the last datagram of the client and of the server passed the capture point.
    seen: (Nanos, Nanos),
}

/// Something that is to happen at a certain time.
enum Due {
    ToServer(Vec<u8>),
    ToClient(Vec<u8>),
    Ask,
    Answer(StreamId, usize),
    Close,
}

impl Talk {
    fn run(&mut self, trace: &mut Trace, at: Nanos, end: Nanos) -> Result<()> {
        let mut at = at;
        while at <= end {
            self.notice(at)?;
            self.carry(trace, at);
            let timers = [self.client.timeout(), self.server.timeout()].into_iter().flatten();
            let timers = timers.map(|timer| self.nanos(timer));
            let planned = self.due.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = timers.chain(planned).min() else { break };
            at = next.max(at);
            let now = self.instant(at);
            self.client.tick(now);
            self.server.tick(now);
            if let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= at) {
                let due = entry.remove();
                self.happen(at, due)?;
            }
        }
        Ok(())
    }

    /// Reacts to what the state machines report.
    fn notice(&mut self, at: Nanos) -> Result<()> {
        while let Some(event) = self.client.event() {
            match event {
                Event::Connected => self.plan_next(at),
                Event::Stream(StreamEvent::Readable { id }) if self.client.read(id)? => {
                    let pause = MILLISECOND;
                    self.plan_next(at + pause);
                }
                Event::ConnectionLost { reason } => {
                    return Err(format!("the QUIC client lost its connection: {reason}").into());
                }
                _ => {}
            }
        }
        while let Some(event) = self.server.event() {
            let id = match event {
                Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) => self.server.accept(),
                Event::Stream(StreamEvent::Readable { id }) => Some(id),
                _ => None,
            };
            if let Some(id) = id.filter(|_| !self.answers.is_empty())
                && self.server.read(id)?
                && let Some(size) = self.answers.pop_front()
            {
                let work = 12 * MILLISECOND.unsigned_abs();
                let work = i64::try_from(self.random.below(work)).unwrap_or(0);
                self.plan(at + work, Due::Answer(id, size));
            }
        }
        Ok(())
    }

    /// Sends what both sides want to send.
    fn carry(&mut self, trace: &mut Trace, at: Nanos) {
        let now = self.instant(at);
        for datagram in self.client.said(now) {
            // The client's program needs a moment to react to what it hears.
            self.seen.0 = (at + 40 * MICROSECOND).max(self.seen.0 + 9 * MICROSECOND);
            self.path.udp(trace, self.seen.0, true, &datagram);
            self.plan(self.seen.0 + self.path.rtt / 2, Due::ToServer(datagram));
        }
        for datagram in self.server.said(now) {
            let seen = at + self.path.rtt - self.path.rtt / 2 + jitter(&mut self.random, self.path.rtt);
            self.seen.1 = seen.max(self.seen.1 + 2 * MICROSECOND);
            self.path.udp(trace, self.seen.1, false, &datagram);
            self.plan(self.seen.1, Due::ToClient(datagram));
        }
    }

    fn happen(&mut self, at: Nanos, due: Due) -> Result<()> {
        let now = self.instant(at);
        match due {
            Due::ToServer(datagram) => self.server.hear(now, &datagram),
            Due::ToClient(datagram) => self.client.hear(now, &datagram),
            Due::Ask => {
                let Some(exchange) = self.waiting.pop_front() else { return Ok(()) };
                self.answers.push_back(exchange.down);
                let request = self.random.bytes(exchange.up);
                self.client.ask(&request)
            }
            Due::Answer(id, size) => {
                let answer = self.random.bytes(size);
                self.server.say(id, &answer)
            }
            Due::Close => {
                self.client.close(now);
                Ok(())
            }
        }
    }

    fn plan_next(&mut self, at: Nanos) {
        if let Some(exchange) = self.waiting.front() {
            self.plan(at.max(exchange.at.0), Due::Ask);
        }
    }

    fn plan(&mut self, at: Nanos, due: Due) {
        let order = self.due.keys().filter(|key| key.0 == at).map(|key| key.1 + 1).max().unwrap_or(0);
        self.due.insert((at, order), due);
    }

    fn instant(&self, at: Nanos) -> Instant {
        self.start + Duration::from_nanos(u64::try_from(at).unwrap_or(0))
    }

    fn nanos(&self, instant: Instant) -> Nanos {
        i64::try_from(instant.duration_since(self.start).as_nanos()).unwrap_or(Nanos::MAX)
    }
}

/// One end: quinn-proto's endpoint and its only connection.
struct Peer {
    other: SocketAddr,
    endpoint: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
}

impl Peer {
    fn new(other: SocketAddr, server: Option<Arc<ServerConfig>>, id_length: usize, random: &Random) -> Self {
        let mut config = EndpointConfig::new(Arc::new(ResetKey(random.part("reset").array())));
        let ids = random.part("ids");
        config.cid_generator(move || Box::new(Ids(ids.clone(), id_length)));
        config.rng_seed(Some(random.part("endpoint").array()));
        Self { other, endpoint: Endpoint::new(Arc::new(config), server, false, None), connection: None }
    }

    fn hear(&mut self, now: Instant, datagram: &[u8]) -> Result<()> {
        let mut answer = Vec::new();
        match self.endpoint.handle(now, self.other, None, None, datagram.into(), &mut answer) {
            Some(DatagramEvent::ConnectionEvent(_, event)) => {
                if let Some((_, connection)) = &mut self.connection {
                    connection.handle_event(event);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                let accepted = self.endpoint.accept(incoming, now, &mut answer, None);
                self.connection = Some(accepted.map_err(|error| error.cause)?);
            }
            Some(DatagramEvent::Response(_)) | None => {}
        }
        Ok(())
    }

    /// The datagrams that are to be sent now.
    fn said(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let Some((handle, connection)) = &mut self.connection else { return Vec::new() };
        while let Some(event) = connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(*handle, event) {
                connection.handle_event(event);
            }
        }
        let mut datagrams = Vec::new();
        let mut buffer = Vec::new();
        while connection.poll_transmit(now, 1, &mut buffer).is_some() {
            datagrams.push(std::mem::take(&mut buffer));
        }
        datagrams
    }

    fn event(&mut self) -> Option<Event> {
        self.connection.as_mut()?.1.poll()
    }

    fn timeout(&mut self) -> Option<Instant> {
        self.connection.as_mut()?.1.poll_timeout()
    }

    fn tick(&mut self, now: Instant) {
        if self.timeout().is_some_and(|timer| timer <= now)
            && let Some((_, connection)) = &mut self.connection
        {
            connection.handle_timeout(now);
        }
    }

    fn accept(&mut self) -> Option<StreamId> {
        self.connection.as_mut()?.1.streams().accept(Dir::Bi)
    }

    /// Opens a stream and says `data` in it.
    fn ask(&mut self, data: &[u8]) -> Result<()> {
        let id = self.connection.as_mut().and_then(|(_, connection)| connection.streams().open(Dir::Bi));
        self.say(id.ok_or("no QUIC stream is left")?, data)
    }

    fn say(&mut self, id: StreamId, data: &[u8]) -> Result<()> {
        let Some((_, connection)) = &mut self.connection else { return Ok(()) };
        let mut stream = connection.send_stream(id);
        if stream.write(data)? < data.len() {
            return Err("more than a QUIC stream takes at once".into());
        }
        Ok(stream.finish()?)
    }

    /// Reads and throws away what a stream holds; whether the other end has finished it.
    fn read(&mut self, id: StreamId) -> Result<bool> {
        let Some((_, connection)) = &mut self.connection else { return Ok(false) };
        let mut stream = connection.recv_stream(id);
        let mut chunks = stream.read(true)?;
        let finished = loop {
            match chunks.next(usize::MAX) {
                Ok(Some(_)) => {}
                Ok(None) => break true,
                Err(quinn_proto::ReadError::Blocked) => break false,
                Err(error) => return Err(error.into()),
            }
        };
        // What the stream wants to send follows with the next datagrams anyway.
        let _ = chunks.finalize();
        Ok(finished)
    }

    fn close(&mut self, now: Instant) {
        if let Some((_, connection)) = &mut self.connection {
            connection.close(now, 0_u32.into(), b"".as_slice().into());
        }
    }
}

/// No probes for a larger packet size; a congestion control in whole numbers, the same on every machine.
fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.mtu_discovery_config(None);
    transport.max_idle_timeout(None);
    transport.congestion_controller_factory(Arc::new(NewRenoConfig::default()));
    Arc::new(transport)
}

/// Connection ids of one length from a seed.
struct Ids(Random, usize);

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&self.0.bytes(self.1))
    }

    fn cid_len(&self) -> usize {
        self.1
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// A key for stateless resets, which travel encrypted and are never used here.
struct ResetKey([u8; 32]);

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature: &mut [u8]) {
        let digest = Sha256::new().chain_update(self.0).chain_update(data).finalize();
        for (to, from) in signature.iter_mut().zip(digest) {
            *to = from;
        }
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> std::result::Result<(), CryptoError> {
        let mut expected = [0; 32];
        self.sign(data, &mut expected);
        if expected == signature { Ok(()) } else { Err(CryptoError) }
    }
}
