//! What each stage costs, on made-up traffic; see `benches/README.md`.
//!
//! Input: the frames of `workload`. Output: criterion's measurements, with throughput in packets or bytes. Readers that
//! this project did not write stand beside its own in the same group, so that a run can be read as ratios.
//! Must not: measure what is not read. Each workload is checked before it is used.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot prepare its input has to stop")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Cursor, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use borderpost::evidence::{Evidence, Fact, HelloName, ZoomFact};
use borderpost::flow::{Flows, Scope, Seen};
use borderpost::frame::{Frame, FrameRef, LinkType};
use borderpost::inspect::{self, Inspection, Settings};
use borderpost::packet::{self, Decoded, Packet};
use borderpost::place::Databases;
use borderpost::report;
use borderpost::source::{Capture, Options};
use borderpost::wire::tls::ServerName;
use borderpost::wire::{dns, quic, tls};
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main, measurement::WallTime,
};
use etherparse::{SlicedPacket, TransportSlice};
use hickory_proto::op::Message;
use rustls::server::Acceptor;
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake};
use workload::{Format, QuicHello, Random, Sent, Server, TlsHello, Workload, answer};

mod workload;

criterion_group! {
    name = hot_path;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = read, decode, client_hello, quic_initial, dns_message, place, whole_job
}
criterion_main!(hot_path);

/// Bytes of a capture in memory to frames.
fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    group.sampling_mode(SamplingMode::Flat);
    let [pcap, pcapng] =
        [Format::Pcap, Format::PcapNg].map(|format| capture(&mut group, Workload::Mixed, format));
    group.throughput(Throughput::Bytes(CAPTURE));
    group.bench_function("copy alone", |b| b.iter(|| copy(&*pcap)));
    group.bench_function("pcap", |b| b.iter(|| read_all(&pcap, &unhashed())));
    group.bench_function("pcapng", |b| b.iter(|| read_all(&pcapng, &unhashed())));
    group.bench_function("pcap, hashed", |b| b.iter(|| read_all(&pcap, &Options::default())));
    group.finish();
}

/// A frame that is in the cache to its addresses, ports and payload.
fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(IN_CACHE as u64));
    for workload in Workload::ALL {
        let frames: Vec<Sent> = workload.frames().unwrap().take(IN_CACHE).collect();
        let payload_of = |decode: Decoder| frames.iter().map(|sent| decode(&sent.bytes)).sum::<usize>();
        assert_eq!(payload_of(own_payload), payload_of(etherparse_payload));
        let decoders: [(&str, Decoder); 2] =
            [("borderpost", own_payload), ("etherparse", etherparse_payload)];
        for (decoder, decode) in decoders {
            let id = BenchmarkId::new(decoder, workload.name());
            group.bench_function(id, |b| b.iter(|| payload_of(decode)));
        }
    }
    group.finish();
}

/// A TLS ClientHello to its server name.
fn client_hello(c: &mut Criterion) {
    let mut group = c.benchmark_group("client hello");
    let server = Server::new(1);
    for (name, hello) in [("classic", TlsHello::classic()), ("hybrid", TlsHello::hybrid())] {
        let hello = hello.unwrap().to(&server);
        let readers: [(&str, NameReader); 3] =
            [("borderpost", own_name), ("tls-parser", tls_parser_name), ("rustls", rustls_name)];
        group.throughput(Throughput::Bytes(hello.len() as u64));
        for (reader, read) in readers {
            assert_eq!(read(&hello).as_ref(), Some(&server.name), "{reader}");
            group.bench_function(BenchmarkId::new(reader, name), |b| b.iter(|| read(black_box(&hello))));
        }
    }
    group.finish();
}

/// A QUIC client's first datagram to its server name: keys, decryption, ClientHello.
fn quic_initial(c: &mut Criterion) {
    let datagram = QuicHello::new().unwrap().initial(&Server::new(1), &mut Random::new(1)).unwrap();
    let mut group = c.benchmark_group("quic initial");
    group.throughput(Throughput::Elements(1));
    assert!(quic::Initials::new().push(&datagram).done().is_some());
    group.bench_function("borderpost", |b| b.iter(|| quic::Initials::new().push(black_box(&datagram))));
    group.finish();
}

/// A DNS answer with an alias and an address.
fn dns_message(c: &mut Criterion) {
    let message = answer(&Server::new(1), false, 7);
    let mut group = c.benchmark_group("dns message");
    group.throughput(Throughput::Elements(1));
    assert_eq!(dns::message(&message).done().map(|read| read.answers.len()), Some(2));
    assert_eq!(Message::from_vec(&message).unwrap().answers.len(), 2);
    group.bench_function("borderpost", |b| b.iter(|| dns::message(black_box(&message))));
    group.bench_function("hickory-proto", |b| b.iter(|| Message::from_vec(black_box(&message))));
    group.finish();
}

/// An address to countries and network, in the embedded database.
fn place(c: &mut Criterion) {
    let mut group = c.benchmark_group("place");
    let databases = Databases::embedded();
    let mut random = Random::new(5);
    let ipv4: Vec<IpAddr> = (0..LOOK_UPS).map(|_| Ipv4Addr::from_bits(random.word()).into()).collect();
    // Regional registries give out 2001::/16 to 2c0f::/16.
    let mut ipv6 = || Ipv6Addr::from_bits((0x2a << 120) | u128::from(random.number()) << 56).into();
    let ipv6: Vec<IpAddr> = (0..LOOK_UPS).map(|_| ipv6()).collect();
    group.throughput(Throughput::Elements(LOOK_UPS));
    for (family, addresses) in [("IPv4", ipv4), ("IPv6", ipv6)] {
        group.bench_function(BenchmarkId::new("look up", family), |b| {
            b.iter(|| addresses.iter().filter(|address| databases.look_up(**address).asn.is_some()).count());
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("open", |b| b.iter(Databases::embedded));
    group.finish();
}

/// A file to a report, as the program does it, beside what reading the file alone takes.
fn whole_job(c: &mut Criterion) {
    let mut group = c.benchmark_group("whole job");
    group.sampling_mode(SamplingMode::Flat);
    let folder = tempfile::tempdir().unwrap();
    for workload in Workload::ALL {
        let bytes = capture(&mut group, workload, Format::Pcap);
        let path = folder.path().join(workload.name());
        fs::write(&path, &bytes).unwrap();
        let id = |job: &str| BenchmarkId::new(job, workload.name());
        group.bench_function(id("read the file"), |b| b.iter(|| copy(File::open(&path).unwrap())));
        let once = BatchSize::PerIteration;
        group
            .bench_function(id("inspect"), |b| b.iter_batched(settings, |with| inspected(&path, with), once));
        let inspection = inspected(&path, settings());
        let options = report::Options { show_participants: false, list_flows: true };
        group.bench_function(id("report"), |b| b.iter(|| report::json(&report::build(&inspection, options))));
    }
    group.finish();
}

/// A capture of a workload, which is checked, and its frames as the group's throughput.
fn capture(group: &mut BenchmarkGroup<'_, WallTime>, workload: Workload, format: Format) -> Arc<[u8]> {
    let mut bytes = Vec::new();
    let frames = workload::write(&mut bytes, workload, format, CAPTURE).unwrap();
    let bytes = Arc::from(bytes);
    assert_eq!(each_frame(&bytes, &unhashed(), |_| {}), frames);
    check(workload, &bytes);
    group.throughput(Throughput::Elements(frames));
    bytes
}

/// Makes sure that the workload is what it says, and that it is read.
fn check(workload: Workload, bytes: &Arc<[u8]>) {
    let (mut packets, mut lengths) = (0, BTreeSet::new());
    let frames = each_frame(bytes, &unhashed(), |frame| {
        packets += u64::from(packet_of(frame).is_some());
        lengths.insert(frame.wire_len);
    });
    assert_eq!(packets, frames, "frames that are no packets");
    let (flows, evidence) = evidence_of(bytes);
    let has = |wanted: fn(&Fact) -> bool| evidence.facts().any(|entry| wanted(&entry.fact));
    match workload {
        Workload::Media => {
            assert_eq!(flows.len(), 6);
            assert!(has(|fact| matches!(fact, Fact::Zoom(ZoomFact::Certain))));
            assert!(has(|fact| matches!(fact, Fact::Zoom(ZoomFact::Bind { .. }))));
        }
        Workload::Mixed => {
            let per_flow = frames / flows.len() as u64;
            assert!((15..30).contains(&per_flow), "{per_flow} packets to a flow");
            assert!(has(is_named_hello));
            assert!(has(|fact| matches!(fact, Fact::Quic(_))));
            assert!(evidence.answers().count() > 0);
        }
        Workload::Small => assert_eq!((flows.len(), lengths), (20_000, BTreeSet::from([64]))),
        Workload::Flows => {
            let hellos = evidence.facts().filter(|entry| is_named_hello(&entry.fact)).count();
            // Those that are open when the capture ends have not said their names.
            assert!(hellos <= flows.len() && flows.len() - hellos < 17_000, "{hellos} of {}", flows.len());
            assert!(frames <= flows.len() as u64 * 4);
        }
        Workload::Zoom => {
            assert!(has(|fact| matches!(fact, Fact::Zoom(ZoomFact::Certain))));
            assert!(has(|fact| matches!(fact, Fact::Zoom(ZoomFact::Bind { .. }))));
            assert!(has(is_named_hello));
            assert!(has(|fact| matches!(fact, Fact::Quic(_))));
            assert!(evidence.answers().count() > 0);
        }
    }
}

fn is_named_hello(fact: &Fact) -> bool {
    matches!(fact, Fact::ClientHello(hello) if hello.name == HelloName::Read)
}

/// Reads the capture and shows every frame; gives their number.
fn each_frame(bytes: &Arc<[u8]>, options: &Options, mut show: impl FnMut(&Frame<'_>)) -> u64 {
    let reader = Box::new(Cursor::new(Arc::clone(bytes)));
    let mut capture = Capture::from_reader("workload", reader, options).unwrap();
    while let Some(frame) = capture.next_frame() {
        show(&frame);
    }
    capture.finish().frames
}

fn packet_of<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    match packet::decode(frame.link, frame.data, frame.wire_len) {
        Decoded::Packet(packet) => Some(packet),
        _ => None,
    }
}

fn evidence_of(bytes: &Arc<[u8]>) -> (Flows, Evidence) {
    let (mut flows, mut evidence) = (Flows::new(), Evidence::default());
    each_frame(bytes, &unhashed(), |frame| {
        if let Some(packet) = packet_of(frame) {
            let seen = observe(&mut flows, frame, &packet);
            evidence.observe(&mut flows, seen, &packet, FrameRef::new(0, frame.number), frame.time);
        }
    });
    evidence.finish(&flows);
    (flows, evidence)
}

fn observe(flows: &mut Flows, frame: &Frame<'_>, packet: &Packet<'_>) -> Seen {
    let scope = Scope { vlan: packet.vlan, ..Scope::default() };
    flows.observe(packet, scope, FrameRef::new(0, frame.number), frame.wire_len, frame.time)
}

fn read_all(bytes: &Arc<[u8]>, options: &Options) -> u64 {
    each_frame(bytes, options, |frame| {
        black_box(frame);
    })
}

fn settings() -> Settings {
    Settings { hash: false, ..Settings::default() }
}

fn inspected(path: &Path, settings: Settings) -> Inspection {
    let inspection = inspect::inspect(&[path.to_owned()], settings, &());
    assert!(inspection.failures().is_empty());
    inspection
}

/// Brings the bytes into a buffer that stays in the cache, as every reader has to.
fn copy(mut reader: impl Read) {
    let mut buffer = vec![0; 256 * 1024];
    while reader.read(&mut buffer).unwrap() > 0 {
        black_box(&buffer);
    }
}

/// Decodes a frame, to the length of its payload.
type Decoder = fn(&[u8]) -> usize;

/// The length of the payload, once all else is decoded too.
fn own_payload(bytes: &[u8]) -> usize {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    match black_box(&packet::decode(LinkType::ETHERNET, bytes, length)) {
        Decoded::Packet(packet) => packet.payload.len(),
        _ => 0,
    }
}

fn etherparse_payload(bytes: &[u8]) -> usize {
    match black_box(&SlicedPacket::from_ethernet(bytes)) {
        Ok(SlicedPacket { transport: Some(TransportSlice::Tcp(tcp)), .. }) => tcp.payload().len(),
        Ok(SlicedPacket { transport: Some(TransportSlice::Udp(udp)), .. }) => udp.payload().len(),
        _ => 0,
    }
}

/// Finds the server name in a TLS stream.
type NameReader = fn(&[u8]) -> Option<String>;

fn own_name(stream: &[u8]) -> Option<String> {
    match tls::client_hello(stream).done()?.server_name {
        ServerName::Name(name) => Some(name.as_str().to_owned()),
        _ => None,
    }
}

fn tls_parser_name(stream: &[u8]) -> Option<String> {
    let (_, record) = tls_parser::parse_tls_plaintext(stream).ok()?;
    let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))) = record.msg.first() else {
        return None;
    };
    let (_, extensions) = tls_parser::parse_tls_client_hello_extensions(hello.ext?).ok()?;
    extensions.iter().find_map(|extension| match extension {
        TlsExtension::SNI(names) => String::from_utf8(names.first()?.1.to_vec()).ok(),
        _ => None,
    })
}

fn rustls_name(mut stream: &[u8]) -> Option<String> {
    let mut acceptor = Acceptor::default();
    acceptor.read_tls(&mut stream).ok()?;
    let accepted = acceptor.accept().ok().flatten()?;
    accepted.client_hello().server_name().map(str::to_owned)
}

fn unhashed() -> Options {
    Options { hash: false, ..Options::default() }
}

/// Bytes of a capture in memory.
const CAPTURE: u64 = 32 * 1024 * 1024;
/// Frames whose headers stay in a second-level cache together.
const IN_CACHE: usize = 4096;
/// Addresses that are looked up in one go.
const LOOK_UPS: u64 = 4096;
