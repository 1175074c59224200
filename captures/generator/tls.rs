//! TLS over TCP: a rustls client and a rustls server talk in memory, their bytes travel through [`Tcp`].
//!
//! Input: a host, its path, what is said and when. Output: segments in the trace. Must not: write a TLS byte itself.

use std::io::{Read, Write};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection};

use super::Result;
use super::frame::{Path, Trace};
use super::random::Random;
use super::scenario::{Connect, Host, MICROSECOND, MILLISECOND, Nanos};
use super::stand_in::Ends;
use super::tcp::Tcp;

/// Makes the whole connection of a step.
pub(crate) fn connect(
    trace: &mut Trace,
    step: &Connect,
    host: &Host,
    ends: &Ends,
    path: Path,
    random: &Random,
) -> Result<()> {
    let name = ServerName::try_from(host.name.clone())?;
    let (tcp, ready) = Tcp::open(trace, path, random.part("tcp"), step.at.0);
    let mut talk = Talk {
        tcp,
        client: ClientConnection::new(ends.client.clone(), name)?,
        server: ServerConnection::new(ends.server.clone())?,
        random: random.part("talk"),
    };
    talk.client.set_buffer_limit(None);
    talk.server.set_buffer_limit(None);
    let mut ready = talk.handshake(trace, ready)?;
    for exchange in step.exchanges() {
        ready = talk.exchange(trace, ready.max(exchange.at.0), exchange.up, exchange.down)?;
    }
    match step.close {
        Some(close) => talk.close(trace, ready.max(close.0))?,
        None => talk.tcp.settle(trace),
    }
    Ok(())
}

struct Talk {
    tcp: Tcp,
    client: ClientConnection,
    server: ServerConnection,
    random: Random,
}

impl Talk {
    /// Both sides talk until neither has anything left; gives the time at which the client may send data.
    fn handshake(&mut self, trace: &mut Trace, ready: Nanos) -> Result<Nanos> {
        let (mut at, mut at_server) = (ready, ready);
        loop {
            let up = pending(&mut self.client)?;
            if !up.is_empty() {
                let work = self.work(2 * MILLISECOND);
                at_server = self.tcp.client_says(trace, at, &up) + work;
                hear(&mut self.server, &up)?;
            }
            let down = pending(&mut self.server)?;
            if !down.is_empty() {
                let work = self.work(MILLISECOND);
                at = self.tcp.server_says(trace, at_server, &down) + work;
                hear(&mut self.client, &down)?;
            }
            if up.is_empty() && down.is_empty() {
                return Ok(at);
            }
        }
    }

    fn exchange(&mut self, trace: &mut Trace, at: Nanos, up: usize, down: usize) -> Result<Nanos> {
        self.client.writer().write_all(&self.random.bytes(up))?;
        let request = pending(&mut self.client)?;
        let at_server = self.tcp.client_says(trace, at, &request) + self.work(12 * MILLISECOND);
        hear(&mut self.server, &request)?;
        self.server.writer().write_all(&self.random.bytes(down))?;
        let answer = pending(&mut self.server)?;
        let done = self.tcp.server_says(trace, at_server, &answer);
        hear(&mut self.client, &answer)?;
        Ok(done + self.work(MILLISECOND))
    }

    fn close(&mut self, trace: &mut Trace, at: Nanos) -> Result<()> {
        self.client.send_close_notify();
        let farewell = pending(&mut self.client)?;
        self.tcp.client_says(trace, at, &farewell);
        hear(&mut self.server, &farewell)?;
        self.server.send_close_notify();
        let answer = pending(&mut self.server)?;
        self.tcp.close(trace, at, &answer);
        Ok(())
    }

    /// The time that a program takes for something: 100 microseconds and up to `most`.
    fn work(&mut self, most: Nanos) -> Nanos {
        100 * MICROSECOND + i64::try_from(self.random.below(most.unsigned_abs())).unwrap_or(0)
    }
}

/// The bytes that a side wants to send now.
pub(crate) fn pending<D>(side: &mut rustls::ConnectionCommon<D>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while side.wants_write() {
        side.write_tls(&mut bytes)?;
    }
    Ok(bytes)
}

/// Gives a side the bytes that reached it, and throws away the data in them.
pub(crate) fn hear<D: rustls::SideData>(
    side: &mut rustls::ConnectionCommon<D>,
    mut bytes: &[u8],
) -> Result<()> {
    while !bytes.is_empty() {
        side.read_tls(&mut bytes)?;
        let waiting = side.process_new_packets()?.plaintext_bytes_to_read();
        side.reader().read_exact(&mut vec![0; waiting])?;
    }
    Ok(())
}
