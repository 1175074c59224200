//! The book by a system that says what the test wants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::source::Capture;
use crate::source::owners::Owners;
use crate::source::write::Writer;

/// A socket and the processes that hold it.
type Held = (Socket, Vec<u32>);

/// A machine with the address 192.0.2.1 that has the sockets it is told, each with the process that holds it.
#[derive(Clone, Debug)]
pub(in crate::process) struct Fake {
    sockets: Arc<Mutex<Vec<Held>>>,
}

impl Fake {
    pub(in crate::process) fn new(sockets: Vec<Held>) -> Self {
        Self { sockets: Arc::new(Mutex::new(sockets)) }
    }

    fn set(&self, sockets: &[Held]) {
        *self.sockets.lock().unwrap() = sockets.to_vec();
    }
}

impl System for Fake {
    fn asked(&self) -> &'static str {
        "fake"
    }

    fn sockets(&mut self) -> io::Result<Vec<Socket>> {
        Ok(self.sockets.lock().unwrap().iter().map(|(socket, _)| *socket).collect())
    }

    fn holders(&mut self, wanted: &BTreeSet<u64>) -> Vec<(u64, u32)> {
        let sockets = self.sockets.lock().unwrap();
        let wanted = sockets.iter().filter(|(socket, _)| wanted.contains(&socket.id));
        wanted.flat_map(|(socket, pids)| pids.iter().map(|pid| (socket.id, *pid))).collect()
    }

    fn process(&mut self, pid: u32) -> Option<OwnerProcess> {
        Some(OwnerProcess {
            pid,
            uid: None,
            started: Some(at(1)),
            name: format!("program{}", pid / 10),
            path: format!("/bin/program{}", pid / 10),
            asked: "fake".to_owned(),
            parents: Vec::new(),
        })
    }

    fn addresses(&mut self) -> io::Result<BTreeSet<IpAddr>> {
        Ok(BTreeSet::from([[192, 0, 2, 1].into()]))
    }

    fn busy(&self) -> Duration {
        Duration::ZERO
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

pub(in crate::process) fn socket(id: u64, is_tcp: bool, local: &str, remote: Option<&str>) -> Socket {
    Socket { id, is_tcp, local: local.parse().unwrap(), remote: remote.map(|end| end.parse().unwrap()) }
}

fn ends(is_tcp: bool, local: &str, remote: &str) -> SocketEnds {
    SocketEnds::new(is_tcp, local.parse().unwrap(), remote.parse().unwrap())
}

/// What a reader makes of the blocks.
fn read(blocks: &[u8]) -> Owners {
    let mut file = Writer::new(Vec::new(), &[]).unwrap().finish().unwrap();
    file.extend_from_slice(blocks);
    let capture =
        Capture::from_reader("test", Box::new(io::Cursor::new(file)), &crate::source::Options::default());
    let mut capture = capture.unwrap();
    assert!(capture.next_frame().is_none());
    let summary = capture.finish();
    assert!(summary.damage.is_empty(), "{:?}", summary.damage);
    summary.owners
}

/// Ends, process number and way of each socket.
fn told(owners: &Owners) -> Vec<(SocketEnds, u32, ProcessMethod)> {
    let of = |process: u32| owners.processes[process as usize].pid;
    owners.sockets.iter().map(|socket| (socket.ends, of(socket.process), socket.method)).collect()
}

const SERVER: &str = "198.51.100.7:443";

#[test]
fn a_connection_is_its_process_from_the_look_that_sees_it_to_the_one_that_does_not() {
    let connection = socket(1, true, "192.0.2.1:5000", Some(SERVER));
    let system = Fake::new(vec![(connection, vec![10])]);
    let (mut book, mut out) = (Book::default(), Vec::new());
    let flow = ends(true, "192.0.2.1:5000", SERVER);
    assert!(book.flow(turned(&flow)), "by a packet of the server's");
    assert!(!book.flow(flow), "the same flow");
    assert!(book.look(&mut system.clone(), at(5), &mut out).unwrap());
    assert!(!book.look(&mut system.clone(), at(6), &mut out).unwrap(), "nothing new");
    system.set(&[]);
    assert!(book.look(&mut system.clone(), at(7), &mut out).unwrap());
    let owners = read(&out);
    assert_eq!(told(&owners), [(flow, 10, ProcessMethod::Socket)]);
    assert_eq!((owners.sockets[0].since, owners.sockets[0].until), (at(5), Some(at(7))));
    assert!(book.flow(flow), "the same ends used again are another flow");
    assert_eq!((book.totals.attributed, book.totals.sweeps), (1, 3));
}

#[test]
fn datagrams_are_of_who_has_the_port_and_a_servers_port_is_not_ours() {
    let (any, bound) = (socket(1, false, "0.0.0.0:53", None), socket(2, false, "192.0.2.1:60", None));
    let dual = socket(3, false, "[::]:70", None);
    let mut system = Fake::new(vec![(any, vec![10]), (bound, vec![20]), (dual, vec![30])]);
    let (mut book, mut out) = (Book::default(), Vec::new());
    let to_ours = ends(false, "192.0.2.1:53", "198.51.100.7:999");
    let from_ours = ends(false, "192.0.2.1:60", "198.51.100.7:53");
    let v6 = ends(false, "192.0.2.1:70", "198.51.100.7:1");
    let elsewhere = ends(false, "192.0.2.9:60", "198.51.100.7:53");
    let nobodys = ends(false, "192.0.2.1:61", "198.51.100.7:53");
    for flow in [to_ours, from_ours, v6, elsewhere, nobodys] {
        assert!(book.flow(flow));
    }
    for second in 1..4 {
        book.look(&mut system, at(second), &mut out).unwrap();
    }
    let mut told = told(&read(&out));
    told.sort();
    let port = ProcessMethod::SocketPort;
    assert_eq!(told, [(to_ours, 10, port), (from_ours, 20, port), (v6, 30, port)]);
    let OwnerTotals { attributed, missed, elsewhere, hidden, .. } = book.totals;
    assert_eq!((attributed, missed, elsewhere, hidden), (3, 1, 1, 0));
    assert!(!book.is_waiting());
}

#[test]
fn several_programs_on_a_port_are_told_and_not_relied_on() {
    let shared = |id| socket(id, false, "0.0.0.0:5353", None);
    let group = ends(false, "192.0.2.1:5353", "224.0.0.251:5353");
    let of = |pids: &[u32]| {
        let sockets = pids.iter().zip(1..).map(|(pid, id)| (shared(id), vec![*pid])).collect();
        let (mut book, mut out) = (Book::default(), Vec::new());
        book.flow(group);
        book.look(&mut Fake::new(sockets), at(1), &mut out).unwrap();
        told(&read(&out)).into_iter().map(|(_, pid, method)| (pid, method.is_reliable())).collect::<Vec<_>>()
    };
    assert_eq!(of(&[10, 20])[..2], [(10, false), (20, false)]);
    assert_eq!(of(&[10, 11])[..2], [(10, true), (11, true)], "two processes of one program");
}

#[test]
fn a_socket_that_another_user_has_hides_its_flow() {
    let hidden = socket(1, true, "192.0.2.1:5000", Some(SERVER));
    let mut system = Fake::new(vec![(hidden, Vec::new())]);
    let (mut book, mut out) = (Book::default(), Vec::new());
    book.flow(ends(true, "192.0.2.1:5000", SERVER));
    for second in 1..4 {
        book.look(&mut system, at(second), &mut out).unwrap();
    }
    assert_eq!((book.totals.hidden, book.totals.missed, out.len()), (1, 0, 0));
}

#[test]
fn both_ends_on_one_machine_are_two_sockets() {
    let (client, server) = ("127.0.0.1:4000", "127.0.0.1:80");
    let sockets = [
        (socket(1, true, client, Some(server)), vec![10]),
        (socket(2, true, server, Some(client)), vec![20]),
    ];
    let (mut book, mut out) = (Book::default(), Vec::new());
    book.flow(ends(true, client, server));
    book.look(&mut Fake::new(sockets.to_vec()), at(1), &mut out).unwrap();
    assert_eq!(told(&read(&out)).len(), 2);
    assert_eq!(book.totals.attributed, 1);
}

#[test]
fn a_new_file_is_told_what_still_holds() {
    let sockets = [
        (socket(1, true, "192.0.2.1:5000", Some(SERVER)), vec![10]),
        (socket(2, true, "192.0.2.1:5001", Some(SERVER)), vec![20]),
    ];
    let system = Fake::new(sockets.to_vec());
    let mut book = Book::default();
    book.look(&mut system.clone(), at(1), &mut Vec::new()).unwrap();
    system.set(&sockets[1..]);
    book.look(&mut system.clone(), at(2), &mut Vec::new()).unwrap();
    let mut out = Vec::new();
    book.restate(&mut out);
    book.sum_up(&mut out);
    let owners = read(&out);
    assert_eq!(told(&owners), [(ends(true, "192.0.2.1:5001", SERVER), 20, ProcessMethod::Socket)]);
    assert_eq!((owners.sockets[0].since, owners.processes.len()), (at(1), 1));
    assert_eq!(owners.totals, Some(book.totals));
}

#[test]
fn what_comes_too_fast_is_counted() {
    let mut book = Book::default();
    for number in 0..70_000_u32 {
        let from = SocketAddr::new(std::net::Ipv4Addr::from_bits(number).into(), 1);
        book.flow(SocketEnds::new(false, from, SERVER.parse().unwrap()));
    }
    assert_eq!(book.totals.unasked, 70_000 - MAX_WAITING as u64);
    book.give_up();
    assert_eq!((book.totals.missed, book.is_waiting()), (MAX_WAITING as u64, false));
}
