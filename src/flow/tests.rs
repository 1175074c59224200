use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::packet::{Endpoint, Ends, Mac, Protocol, Quoted, Tcp, TcpFlags};

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;
const SECOND: i64 = 1_000_000_000;

fn end(text: &str) -> Endpoint {
    let (address, port) = text.rsplit_once(':').unwrap();
    Endpoint { address: address.trim_matches(['[', ']']).parse().unwrap(), port: port.parse().unwrap() }
}

fn packet(from: &str, to: &str, transport: Transport) -> Packet<'static> {
    Packet {
        ends: Ends::new(end(from), end(to)),
        transport,
        vlan: Vlan::NONE,
        macs: Macs::default(),
        payload: &[],
        payload_len: 0,
        hop_limit: 64,
        tunnel: TunnelId::NONE,
    }
}

fn udp(from: &str, to: &str, payload_len: u32) -> Packet<'static> {
    Packet { payload_len, ..packet(from, to, Transport::Udp) }
}

fn tcp(from: &str, to: &str, flags: u8, seq: u32, ack: u32) -> Packet<'static> {
    packet(from, to, Transport::Tcp(Tcp { seq, ack, flags: TcpFlags(flags) }))
}

const CLIENT: &str = "10.0.0.5:50000";
const SERVER: &str = "213.19.144.104:443";

/// Flows that get their packets numbered and timed.
struct Capture {
    flows: Flows,
    frame: u64,
}

impl Capture {
    fn new() -> Self {
        Self { flows: Flows::new(), frame: 0 }
    }

    fn at(&mut self, nanos: i64, packet: &Packet<'_>) -> Seen {
        self.frame += 1;
        let (frame, time) = (FrameRef::new(0, self.frame), Some(Timestamp::from_nanos(nanos)));
        self.flows.observe(packet, Scope::default(), frame, packet.payload_len + 42, time)
    }

    fn icmp(&mut self, nanos: i64, reporter: &str, about: &Packet<'_>) -> Option<FlowId> {
        self.frame += 1;
        let error = IcmpError {
            reporter: reporter.parse().unwrap(),
            kind: 3,
            code: 3,
            quoted: Quoted { protocol: about.transport.protocol(), ends: about.ends },
            vlan: Vlan::NONE,
            macs: Macs::default(),
            tunnel: TunnelId::NONE,
        };
        let (frame, time) = (FrameRef::new(0, self.frame), Some(Timestamp::from_nanos(nanos)));
        self.flows.icmp_error(&error, Scope::default(), frame, time)
    }

    fn flow(&self, number: u32) -> Flow<'_> {
        self.flows.flow(FlowId(number)).unwrap()
    }
}

#[test]
fn both_directions_are_one_flow_and_are_counted_apart() {
    let mut capture = Capture::new();
    let seen = capture.at(5, &udp("[2001:db8::5]:6000", "[2001:db8::9]:53", 30));
    assert_eq!(seen, Seen { flow: FlowId(0), side: Side::First, is_new: true, mark: Mark(0) });
    assert!(!capture.flow(0).is_answered());
    let seen = capture.at(9, &udp("[2001:db8::9]:53", "[2001:db8::5]:6000", 100));
    assert_eq!(seen, Seen { flow: FlowId(0), side: Side::Second, is_new: false, mark: Mark(0) });
    capture.at(7, &udp("[2001:db8::5]:6000", "[2001:db8::9]:53", 8));

    let flow = capture.flow(0);
    assert_eq!(flow.endpoint(Side::First).to_string(), "[2001:db8::5]:6000");
    assert_eq!(flow.endpoint(Side::Second).to_string(), "[2001:db8::9]:53");
    assert_eq!((flow.packets(Side::First), flow.packets(Side::Second)), (2, 1));
    assert_eq!((flow.payload_bytes(Side::First), flow.payload_bytes(Side::Second)), (38, 100));
    assert_eq!((flow.wire_bytes(Side::First), flow.wire_bytes(Side::Second)), (122, 142));
    assert_eq!((flow.first_frame().number(), flow.last_frame().number()), (1, 3));
    assert_eq!(flow.first_time(), Some(Timestamp::from_nanos(5)));
    assert_eq!(flow.last_time(), Some(Timestamp::from_nanos(9)), "the latest, though time went backwards");
    assert!(flow.is_answered());
    assert!(flow.tcp().is_none());
}

#[test]
fn scope_and_protocol_keep_flows_apart() {
    let mut flows = Flows::new();
    let scopes = [
        Scope::default(),
        Scope { interface: 1, ..Scope::default() },
        Scope { vlan: Vlan::NONE.push(7), ..Scope::default() },
    ];
    for round in 0..2 {
        for (number, scope) in (0..).zip(scopes) {
            let seen = flows.observe(&udp(CLIENT, SERVER, 1), scope, FrameRef::new(0, 1), 43, None);
            assert_eq!((seen.flow, seen.is_new), (FlowId(number), round == 0));
            assert_eq!(flows.flow(seen.flow).unwrap().scope(), scope);
        }
    }
    let other = flows.observe(&tcp(CLIENT, SERVER, SYN, 1, 0), scopes[0], FrameRef::new(0, 9), 60, None);
    assert_eq!((other.flow, flows.len()), (FlowId(3), 4));
    assert_eq!(flows.flow(other.flow).unwrap().first_time(), None);
    assert!(flows.flow(FlowId(4)).is_none());
}

#[test]
fn a_tuple_that_leads_to_another_scopes_flow_does_so_until_it_has_one_of_its_own() {
    for [client, server] in [[CLIENT, SERVER], ["[2001:db8::5]:6000", "[2001:db8::9]:443"]] {
        let mut flows = Flows::new();
        let (own, other) = (Scope::default(), Scope { interface: 1, ..Scope::default() });
        let packet = udp(client, server, 1);
        let at = |scope, minutes: i64, flows: &mut Flows| {
            let time = Some(Timestamp::from_nanos(minutes * 60 * SECOND));
            flows.observe(&packet, scope, FrameRef::new(0, minutes.unsigned_abs()), 43, time).flow.0
        };
        assert_eq!((at(own, 1, &mut flows), at(other, 1, &mut flows)), (0, 1));
        flows.link(&packet, other, FlowId(0));
        flows.link(&packet, own, FlowId(0));
        assert_eq!([own, other, own].map(|scope| at(scope, 2, &mut flows)), [0, 0, 0]);
        assert_eq!((at(other, 9, &mut flows), at(other, 10, &mut flows)), (2, 2), "after a silence");
        assert_eq!(at(own, 3, &mut flows), 0, "the flow's own tuple still leads to it");
        assert_eq!(flows.flow(FlowId(0)).unwrap().packets(Side::First), 5);
    }
}

#[test]
fn a_silence_ends_a_flow_and_backward_time_does_not() {
    let mut capture = Capture::new();
    let ping = udp(CLIENT, SERVER, 1);
    for (nanos, flow) in [
        (1000 * SECOND, 0),
        (1300 * SECOND, 0),
        (10 * SECOND, 0),
        (1600 * SECOND, 0),
        (1900 * SECOND + 1, 1),
        (0, 1),
        (i64::MIN, 1),
        (i64::MAX, 2),
    ] {
        assert_eq!(capture.at(nanos, &ping).flow, FlowId(flow), "{nanos}");
    }
    let mut capture = Capture::new();
    let segment = tcp(CLIENT, SERVER, ACK, 1, 1);
    for (nanos, flow) in [(0, 0), (7440 * SECOND, 0), (2 * 7440 * SECOND + 1, 1)] {
        assert_eq!(capture.at(nanos, &segment).flow, FlowId(flow), "{nanos}");
    }
    assert_eq!(capture.flow(0).packets(Side::First), 2, "the old flow keeps its record");
}

#[test]
fn a_syn_with_another_number_is_another_flow() {
    let mut capture = Capture::new();
    for (packet, flow) in [
        (tcp(CLIENT, SERVER, SYN, 100, 0), 0),
        (tcp(CLIENT, SERVER, SYN, 100, 0), 0),
        (tcp(SERVER, CLIENT, SYN_ACK, 900, 101), 0),
        (tcp(CLIENT, SERVER, SYN, 100, 0), 0),
        (tcp(CLIENT, SERVER, ACK | 1, 101, 901), 0),
        (tcp(CLIENT, SERVER, SYN, 200, 0), 1),
        (tcp(SERVER, CLIENT, SYN_ACK, 950, 201), 1),
        (tcp(SERVER, CLIENT, SYN, 7, 0), 2),
    ] {
        assert_eq!(capture.at(0, &packet).flow, FlowId(flow), "{packet:?}");
    }
    assert_eq!(capture.flow(2).endpoint(Side::First), end(SERVER));
    let state = capture.flow(0).tcp().unwrap();
    assert!(state.syn(Side::First) && !state.syn(Side::Second) && state.syn_ack());
    assert!(state.fin(Side::First) && !state.fin(Side::Second) && !state.rst(Side::Second));
    assert!(!state.is_mid_stream());
}

#[test]
fn a_simultaneous_open_is_one_flow() {
    let mut capture = Capture::new();
    for packet in [
        tcp(CLIENT, SERVER, SYN, 1, 0),
        tcp(SERVER, CLIENT, SYN, 2, 0),
        tcp(CLIENT, SERVER, SYN_ACK, 1, 3),
        tcp(SERVER, CLIENT, SYN_ACK, 2, 2),
    ] {
        assert_eq!(capture.at(SECOND, &packet).flow, FlowId(0));
    }
    assert_eq!(capture.flow(0).round_trip(Side::First), None);
}

#[test]
fn a_flow_joined_late_says_so_and_ends_at_a_syn() {
    let mut capture = Capture::new();
    capture.at(0, &tcp(SERVER, CLIENT, ACK, 5, 5));
    capture.at(0, &tcp(CLIENT, SERVER, 4, 5, 5));
    let state = capture.flow(0).tcp().unwrap();
    assert!(state.is_mid_stream() && state.opener().is_none() && state.rst(Side::Second));
    assert_eq!(capture.at(0, &tcp(CLIENT, SERVER, SYN, 9, 0)).flow, FlowId(1));

    // Where only the answer was seen, it tells who opened; the SYN itself may still come, out of order.
    let mut capture = Capture::new();
    capture.at(0, &tcp(SERVER, CLIENT, SYN_ACK, 5, 101));
    assert_eq!(capture.flow(0).tcp().unwrap().opener(), Some(Side::Second));
    assert_eq!(capture.at(1, &tcp(CLIENT, SERVER, SYN, 100, 0)).flow, FlowId(0));
    assert_eq!(capture.at(2, &tcp(CLIENT, SERVER, SYN, 101, 0)).flow, FlowId(1));
    assert_eq!(capture.flow(0).round_trip(Side::Second), None);
}

/// A handshake as (time, packet), and the round trip it shows.
fn handshake(packets: &[(i64, Packet<'_>)]) -> Option<(u128, u64)> {
    let mut capture = Capture::new();
    for (time, packet) in packets {
        capture.at(*time, packet);
    }
    assert_eq!(capture.flow(0).round_trip(Side::Second), None);
    capture.flow(0).round_trip(Side::First).map(|trip| (trip.rtt.as_nanos(), trip.reply.number()))
}

#[test]
fn a_handshake_without_repetition_is_a_round_trip() {
    let syn = tcp(CLIENT, SERVER, SYN, u32::MAX, 0);
    let answer = tcp(SERVER, CLIENT, SYN_ACK, 7, 0);
    let ack = tcp(CLIENT, SERVER, ACK, 0, 8);
    assert_eq!(handshake(&[(10, syn), (25, answer), (26, ack)]), Some((15, 2)));
    assert_eq!(handshake(&[(10, syn), (20, syn), (25, answer)]), None, "SYN repeated");
    assert_eq!(handshake(&[(10, syn), (25, answer), (30, answer)]), None, "answer repeated");
    assert_eq!(handshake(&[(10, syn), (5, answer)]), None, "time went backwards");
    assert_eq!(handshake(&[(10, syn), (10, answer)]), None, "clock too coarse");
    assert_eq!(
        handshake(&[(10, syn), (25, tcp(SERVER, CLIENT, SYN_ACK, 7, 1))]),
        None,
        "answers another SYN"
    );
    assert_eq!(handshake(&[(10, ack), (25, answer)]), None, "joined late");
}

/// A round trip of so many nanoseconds that was answered in a frame.
fn trip(nanos: u64, reply: u64) -> RoundTrip {
    RoundTrip { rtt: Duration::from_nanos(nanos), reply: FrameRef::new(0, reply), method: Method::Stun }
}

#[test]
fn the_hop_limit_of_each_sides_first_packet_tells_whether_it_was_routed() {
    let passages = |first: u8, second: u8| {
        let mut capture = Capture::new();
        capture.at(0, &Packet { hop_limit: first, ..tcp(CLIENT, SERVER, SYN, 1, 0) });
        capture.at(1, &Packet { hop_limit: second, ..tcp(SERVER, CLIENT, SYN_ACK, 7, 2) });
        // Only the first packets count.
        capture.at(2, &Packet { hop_limit: 200, ..tcp(CLIENT, SERVER, ACK, 2, 8) });
        capture.at(3, &Packet { hop_limit: 200, ..tcp(SERVER, CLIENT, ACK, 8, 2) });
        let flow = capture.flow(0);
        assert!(flow.tcp().unwrap().syn_ack() && flow.round_trip(Side::First).is_some());
        (flow.passage(Side::First), flow.passage(Side::Second))
    };
    assert_eq!(passages(64, 52), (Some(Passage::Direct), Some(Passage::Routed)));
    assert_eq!(passages(127, 255), (Some(Passage::Routed), Some(Passage::Direct)));
    assert_eq!(passages(1, 128), (None, Some(Passage::Direct)));
}

#[test]
fn the_shortest_round_trip_of_each_side_is_kept() {
    let mut capture = Capture::new();
    capture.at(0, &udp(CLIENT, SERVER, 1));
    let mut note = |side, nanos, frame| {
        capture.flows.note_round_trip(FlowId(0), side, trip(nanos, frame));
    };
    note(Side::First, 30, 2);
    note(Side::First, 20, 4);
    note(Side::First, 20, 6);
    note(Side::First, 0, 7);
    note(Side::First, 25, 8);
    note(Side::Second, 90, 9);
    let flow = capture.flow(0);
    let trip = |side| flow.round_trip(side).map(|trip| (trip.rtt.as_nanos(), trip.reply.number()));
    assert_eq!((trip(Side::First), trip(Side::Second)), (Some((20, 4)), Some((90, 9))));
}

#[test]
fn a_repeated_answer_leaves_shorter_round_trips_of_others() {
    let mut capture = Capture::new();
    capture.at(0, &tcp(CLIENT, SERVER, SYN, 1, 0));
    capture.at(30, &tcp(SERVER, CLIENT, SYN_ACK, 1, 2));
    capture.flows.note_round_trip(FlowId(0), Side::First, trip(9, 5));
    capture.at(40, &tcp(SERVER, CLIENT, SYN_ACK, 1, 2));
    assert_eq!(capture.flow(0).round_trip(Side::First).unwrap().rtt, Duration::from_nanos(9));
}

#[test]
fn icmp_errors_count_on_their_flow() {
    let mut capture = Capture::new();
    let ping = udp(CLIENT, SERVER, 1);
    assert_eq!(capture.icmp(0, "213.19.144.104", &ping), None, "no such flow");
    capture.at(10, &ping);
    // A router on the way is no round trip to the remote.
    assert_eq!(capture.icmp(20, "192.0.2.1", &ping), Some(FlowId(0)));
    assert_eq!(capture.icmp(25, "213.19.144.104", &ping), Some(FlowId(0)));
    assert_eq!((capture.flow(0).icmp_errors(), capture.flow(0).round_trip(Side::First)), (2, None));
    assert!(!capture.flow(0).is_answered());
}

#[test]
fn an_icmp_error_from_the_remote_about_the_only_packet_is_a_round_trip() {
    let ping = udp(CLIENT, SERVER, 1);
    let trip = |sent: i64| {
        let mut capture = Capture::new();
        for time in 0..sent {
            capture.at(time, &ping);
        }
        capture.icmp(50, "213.19.144.104", &ping);
        capture.flow(0).round_trip(Side::First).map(|trip| (trip.rtt.as_nanos(), trip.reply.number()))
    };
    assert_eq!((trip(1), trip(2)), (Some((50, 2)), None));
}

#[test]
fn a_sides_own_packets_tell_its_mac() {
    let mac = |last| Mac::new([2, 0, 0, 0, 0, last]);
    let mut capture = Capture::new();
    let group = Mac::new([0xFF; 6]);
    capture.at(0, &Packet { macs: Macs { from: mac(1), to: group }, ..udp(CLIENT, SERVER, 1) });
    assert_eq!((capture.flow(0).mac(Side::First), capture.flow(0).mac(Side::Second)), (mac(1), group));
    capture.at(0, &Packet { macs: Macs { from: mac(2), to: mac(1) }, ..udp(SERVER, CLIENT, 1) });
    capture.at(0, &Packet { macs: Macs { from: mac(3), to: mac(1) }, ..udp(SERVER, CLIENT, 1) });
    assert_eq!((capture.flow(0).mac(Side::First), capture.flow(0).mac(Side::Second)), (mac(1), mac(2)));
}

#[test]
fn an_end_that_talks_to_itself_is_the_first_side() {
    let mut capture = Capture::new();
    for is_new in [true, false] {
        let seen = capture.at(0, &udp(CLIENT, CLIENT, 1));
        assert_eq!(seen, Seen { flow: FlowId(0), side: Side::First, is_new, mark: Mark(0) });
    }
}

#[test]
fn counters_pass_32_bits() {
    let mut flows = Flows::new();
    let large = udp(CLIENT, SERVER, u32::MAX);
    for _ in 0..5 {
        flows.observe(&large, Scope::default(), FrameRef::new(0, 1), u32::MAX, None);
    }
    flows.observe(&udp(SERVER, CLIENT, 7), Scope::default(), FrameRef::new(0, 2), 49, None);
    let flow = flows.flow(FlowId(0)).unwrap();
    let five = 5 * u64::from(u32::MAX);
    assert_eq!(
        (flow.packets(Side::First), flow.wire_bytes(Side::First), flow.payload_bytes(Side::First)),
        (5, five, five)
    );
    assert_eq!(
        (flow.packets(Side::Second), flow.wire_bytes(Side::Second), flow.payload_bytes(Side::Second)),
        (1, 49, 7)
    );
}

/// A packet in short: which ends, TCP or UDP, the first number, the control bits, the step in time.
type Short = (u8, u8, bool, u8, u8, i64);

fn short() -> impl Strategy<Value = Short> {
    let flags = prop::sample::select(vec![SYN, SYN_ACK, ACK, ACK | 1, 4]);
    let step = prop::sample::select(vec![0, 1, SECOND, 301 * SECOND, -SECOND, 8000 * SECOND]);
    (0_u8..4, 1_u8..4, any::<bool>(), 0_u8..3, flags, step).prop_map(
        |(from, away, is_tcp, seq, flags, step)| (from, (from + away) % 4, is_tcp, seq, flags, step),
    )
}

fn long((from, to, is_tcp, seq, flags, _): Short) -> Packet<'static> {
    let end = |number: u8| {
        // Even numbers are IPv4, odd ones IPv6, so that a pair may be mixed.
        let address =
            if number.is_multiple_of(2) { format!("10.0.0.{number}") } else { format!("fd00::{number}") };
        Endpoint { address: address.parse::<IpAddr>().unwrap(), port: 7 }
    };
    let tcp = Tcp { seq: seq.into(), ack: u32::from(seq) + 1, flags: TcpFlags(flags) };
    let transport = if is_tcp { Transport::Tcp(tcp) } else { Transport::Udp };
    Packet { ends: Ends::new(end(from), end(to)), ..packet(CLIENT, SERVER, transport) }
}

/// What packets, bytes and number of flows there are for each pair of ends and protocol.
type Sums = BTreeMap<(Endpoint, Endpoint, Protocol), (u64, u64)>;

fn sums(flows: &Flows) -> Sums {
    let mut sums = Sums::new();
    for flow in flows.iter() {
        for side in [Side::First, Side::Second] {
            let key = (flow.endpoint(side), flow.endpoint(side.other()), flow.protocol());
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + flow.packets(side), sum.1 + flow.wire_bytes(side));
        }
    }
    sums.retain(|_, sum| sum.0 > 0);
    sums
}

proptest! {
    /// The tables and their shortcuts against the plainest model: a list of flows, searched from its end.
    #[test]
    fn flows_are_those_of_a_plain_model(packets in proptest::collection::vec(short(), 0..200)) {
        struct Model { first: Endpoint, second: Endpoint, is_tcp: bool, last: i64, opener: Option<(Endpoint, u32)>, accepted: bool }
        let mut model: Vec<Model> = Vec::new();
        let mut capture = Capture::new();
        let mut now = 0_i64;
        for short in packets {
            now += short.5;
            let packet = long(short);
            let (from, to, is_tcp) = (packet.from(), packet.to(), short.2);
            let flags = TcpFlags(short.4);
            let opens = is_tcp && flags.opens();
            let latest = model.iter().rposition(|flow| {
                flow.is_tcp == is_tcp && ([flow.first, flow.second] == [from, to] || [flow.first, flow.second] == [to, from])
            });
            let limit = if is_tcp { 7440 } else { 300 } * SECOND;
            let goes_on = latest.filter(|at| {
                let flow = &model[*at];
                let reopened = opens && match flow.opener {
                    None => true,
                    Some((opener, seq)) if opener == from => seq != u32::from(short.3),
                    Some(_) => flow.accepted,
                };
                now - flow.last <= limit && !reopened
            });
            let at = goes_on.unwrap_or_else(|| {
                model.push(Model { first: from, second: to, is_tcp, last: now, opener: None, accepted: false });
                model.len() - 1
            });
            let flow = &mut model[at];
            flow.last = flow.last.max(now);
            if opens && flow.opener.is_none() {
                flow.opener = Some((from, short.3.into()));
            }
            if is_tcp && flags.accepts() {
                if flow.opener.is_none() && !flow.accepted {
                    flow.opener = Some((if from == flow.first { flow.second } else { flow.first }, short.3.into()));
                }
                flow.accepted = true;
            }
            let seen = capture.at(now, &packet);
            let side = if from == flow.first { Side::First } else { Side::Second };
            prop_assert_eq!((seen.flow.0 as usize, seen.side, seen.is_new), (at, side, goes_on.is_none()));
        }
        prop_assert_eq!(capture.flows.len(), model.len());
    }

    #[test]
    fn cutting_the_packets_in_two_changes_no_sum(
        packets in proptest::collection::vec(short(), 1..100),
        cut in any::<prop::sample::Index>(),
    ) {
        let run = |packets: &[Short]| {
            let mut capture = Capture::new();
            let mut now = 0;
            for packet in packets {
                now += packet.5;
                capture.at(now, &long(*packet));
            }
            sums(&capture.flows)
        };
        let (one, two) = packets.split_at(cut.index(packets.len()));
        let mut added = run(one);
        for (key, sum) in run(two) {
            let entry = added.entry(key).or_default();
            *entry = (entry.0 + sum.0, entry.1 + sum.1);
        }
        let whole = run(&packets);
        prop_assert_eq!(whole.values().map(|sum| sum.0).sum::<u64>(), packets.len() as u64);
        prop_assert_eq!(whole, added);
    }
}
