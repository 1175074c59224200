//! The kernel's table of sockets by `NETLINK_SOCK_DIAG`, and its own addresses by `NETLINK_ROUTE`.
//!
//! Input: the kernel's answers. Output: sockets and addresses. Must not: wait for ever, or believe a length in an answer.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::process::Socket;

/// A socket to the kernel's table.
#[derive(Debug)]
pub(super) struct Diag {
    kernel: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Diag {
    pub(super) fn new() -> io::Result<Self> {
        Self::to(Some(netlink::SOCK_DIAG))
    }

    /// No protocol is `NETLINK_ROUTE`, which is 0.
    fn to(protocol: Option<Protocol>) -> io::Result<Self> {
        let kernel = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        set_socket_timeout(&kernel, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { kernel, buffer: vec![0; BUFFER], sequence: 0 })
    }

    /// The sockets of TCP and UDP that somebody has open, but those that only listen.
    pub(super) fn sockets(&mut self) -> io::Result<Vec<Socket>> {
        let mut sockets = Vec::new();
        for (family, protocol) in [(INET, TCP), (INET6, TCP), (INET, UDP), (INET6, UDP)] {
            let states = if protocol == TCP { CONNECTIONS } else { u32::MAX };
            let mut request = [0; 56];
            request[..4].copy_from_slice(&[family, protocol, 0, 0]);
            request[4..8].copy_from_slice(&states.to_ne_bytes());
            self.dump(SOCK_DIAG_BY_FAMILY, &request, |kind, body| {
                let found = (kind == SOCK_DIAG_BY_FAMILY).then(|| socket(body, protocol == TCP)).flatten();
                sockets.extend(found);
            })?;
        }
        Ok(sockets)
    }

    /// Asks for a whole table, and hands over each message of the answer with its type.
    fn dump(&mut self, kind: u16, request: &[u8], mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let len = u32::try_from(HEAD + request.len()).unwrap_or(0);
        let head = [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), &DUMP.to_ne_bytes()].concat();
        let message = [&head[..], &self.sequence.to_ne_bytes(), &[0; 4], request].concat();
        send(&self.kernel, &message, SendFlags::empty())?;
        loop {
            let (_, len) = recv(&self.kernel, &mut self.buffer[..], RecvFlags::empty())?;
            let answer = self.buffer.get(..len).unwrap_or_default();
            if read(answer, self.sequence, &mut each)? {
                return Ok(());
            }
        }
    }
}

/// Goes through the messages of one answer. Gives whether it was the last.
fn read(mut answer: &[u8], sequence: u32, each: &mut impl FnMut(u16, &[u8])) -> io::Result<bool> {
    while let Some(message) = Message::first(answer) {
        let padded = message.len.next_multiple_of(4);
        answer = answer.get(padded..).unwrap_or_default();
        // What is left of a question that was given up.
        if message.sequence != sequence {
            continue;
        }
        match message.kind {
            DONE => return Ok(true),
            ERROR => return Err(refused(message.body)),
            kind => each(kind, message.body),
        }
    }
    Ok(false)
}

/// What the kernel says instead of an answer: a negative error number.
fn refused(body: &[u8]) -> io::Error {
    let number = body.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    io::Error::from_raw_os_error(number.saturating_neg())
}

/// One netlink message.
struct Message<'a> {
    len: usize,
    kind: u16,
    sequence: u32,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    fn first(answer: &'a [u8]) -> Option<Self> {
        let [l0, l1, l2, l3, k0, k1, _, _, s0, s1, s2, s3] = *answer.first_chunk()?;
        let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
        Some(Self {
            len,
            kind: u16::from_ne_bytes([k0, k1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            body: answer.get(HEAD..len)?,
        })
    }
}

/// A socket out of `struct inet_diag_msg`. One that nobody has open any more has no inode.
fn socket(body: &[u8], is_tcp: bool) -> Option<Socket> {
    let family = *body.first()?;
    let port = |at: usize| Some(u16::from_be_bytes(*body.get(at..)?.first_chunk()?));
    let end = |address_at: usize, port_at: usize| {
        Some(SocketAddr::new(address(family, body.get(address_at..)?)?, port(port_at)?))
    };
    let inode = u32::from_ne_bytes(*body.get(68..)?.first_chunk()?);
    let remote = end(24, 6)?;
    (inode != 0).then_some(Socket {
        id: inode.into(),
        is_tcp,
        local: end(8, 4)?,
        remote: (remote.port() != 0).then_some(remote),
    })
}

fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        INET => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        INET6 => Some(IpAddr::from(Ipv6Addr::from(*bytes.first_chunk::<16>()?)).to_canonical()),
        _ => None,
    }
}

/// The machine's own addresses.
pub(super) fn addresses() -> io::Result<BTreeSet<IpAddr>> {
    let mut addresses = BTreeSet::new();
    Diag::to(None)?.dump(GET_ADDRESS, &[0; 8], |kind, body| {
        if kind == NEW_ADDRESS {
            addresses.extend(own_addresses(body));
        }
    })?;
    Ok(addresses)
}

/// The addresses in a message of rtnetlink: `struct ifaddrmsg`, then attributes. Where there is a peer, `IFA_LOCAL` is ours and
/// `IFA_ADDRESS` is the peer's.
fn own_addresses(body: &[u8]) -> Option<IpAddr> {
    let (family, mut rest) = (*body.first()?, body.get(8..)?);
    let mut own = None;
    while let Some([l0, l1, k0, k1]) = rest.first_chunk() {
        let len = usize::from(u16::from_ne_bytes([*l0, *l1]));
        let value = rest.get(4..len)?;
        match u16::from_ne_bytes([*k0, *k1]) {
            IFA_LOCAL => return address(family, value),
            IFA_ADDRESS => own = address(family, value),
            _ => {}
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    own
}

/// `struct nlmsghdr`.
const HEAD: usize = 16;
/// `NLM_F_REQUEST` and `NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const INET: u8 = 2;
const INET6: u8 = 10;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// All states but `TIME_WAIT` (6), `CLOSE` (7), `LISTEN` (10) and `NEW_SYN_RECV` (12), in which nobody has the socket or no
/// connection is there.
const CONNECTIONS: u32 = !(1 << 6 | 1 << 7 | 1 << 10 | 1 << 12);
const BUFFER: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    #[test]
    fn the_table_has_our_sockets_and_the_machine_its_addresses() {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (connected, open) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("0.0.0.0:0").unwrap());
        connected.connect("127.0.0.1:9").unwrap();
        let sockets = Diag::new().unwrap().sockets().unwrap();
        let find = |is_tcp: bool, local: SocketAddr| {
            sockets.iter().find(|socket| (socket.is_tcp, socket.local) == (is_tcp, local))
        };
        let found = find(true, client.local_addr().unwrap()).unwrap();
        assert_eq!(found.remote, Some(listener.local_addr().unwrap()));
        assert_eq!(find(true, listener.local_addr().unwrap()), None, "not accepted: nobody has it");
        let found = find(false, connected.local_addr().unwrap()).unwrap();
        assert_eq!(found.remote, Some("127.0.0.1:9".parse().unwrap()));
        assert_eq!(find(false, open.local_addr().unwrap()).unwrap().remote, None);
        assert!(addresses().unwrap().contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn broken_answers_end_without_a_word() {
        let mut seen = 0;
        let mut each = |_: u16, _: &[u8]| seen += 1;
        let head = |len: u32, kind: u16| {
            [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), &[0; 2], &7_u32.to_ne_bytes(), &[0; 4]].concat()
        };
        for answer in [head(0, 20), head(15, 20), head(17, 20), head(u32::MAX, 20), vec![1, 2, 3], vec![]] {
            assert!(!read(&answer, 7, &mut each).unwrap());
        }
        assert!(!read(&head(16, 20), 7, &mut each).unwrap());
        assert!(!read(&head(16, 20), 8, &mut each).unwrap(), "another question's");
        assert!(read(&head(16, DONE), 7, &mut each).unwrap());
        assert_eq!(seen, 1);
        let error = [head(20, ERROR), (-13_i32).to_ne_bytes().to_vec()].concat();
        assert_eq!(read(&error, 7, &mut |_, _| {}).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        for len in 0..72 {
            let mut body = vec![1; len];
            body.iter_mut().take(1).for_each(|family| *family = INET);
            assert_eq!(socket(&body, true), None);
        }
        assert_eq!(own_addresses(&[INET, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0]), None, "a length below its head");
    }
}
