use super::*;
use crate::client::{Attribution, IdentifiedBy, Origin, Service, Whose};
use crate::flow::local::LocalReason;
use crate::flow::{Flow, FlowId, Side};
use crate::frame::{Frame, LinkType};
use crate::place::{Doubt, Grade};
use crate::session::{MarkedBy, Placed, When, steps};
use crate::verdict::Axis;
use crate::wire::Hostname;
use crate::wire::tls::tests::small_with_name;

const CLIENT: [u8; 4] = [192, 168, 1, 2];
/// A public address in none of the lists.
const SERVER: [u8; 4] = [81, 2, 69, 160];
/// 2024-06-01.
const JUNE_2024: i64 = 1_717_200_000_000_000_000;

fn usual() -> Settings {
    Settings { hash: false, ..Settings::default() }
}

fn settings() -> Arc<Settings> {
    Arc::new(usual())
}

/// An IPv4 packet without its checksum, which is not verified.
fn ipv4(protocol: u8, from: [u8; 4], to: [u8; 4], inner: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(20 + inner.len()).unwrap().to_be_bytes();
    [&[0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0], &from[..], &to, inner].concat()
}

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let inner = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &length, &[0, 0], payload].concat();
    ipv4(17, from.0, to.0, &inner)
}

fn tcp(from: ([u8; 4], u16), to: ([u8; 4], u16), seq: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0, 0, 0, seq, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0];
    let inner = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &head, payload].concat();
    ipv4(6, from.0, to.0, &inner)
}

/// A connection to port 443 of `server` that asks for a name, and its answer.
fn connection(port: u16, server: [u8; 4], name: [u8; 13]) -> [Vec<u8>; 3] {
    let (client, server) = ((CLIENT, port), (server, 443));
    [
        tcp(client, server, 0, 0x02, &[]),
        tcp(server, client, 0, 0x12, &[]),
        tcp(client, server, 1, 0x10, &small_with_name(name)),
    ]
}

/// Ends the reading and judges, as a run does.
fn end(unit: &mut Unit, settings: &Arc<Settings>) {
    unit.end(&mut Census::default());
    judge::judge(unit, settings);
}

/// What was decided about a flow.
struct Decided {
    local: Side,
    local_reason: LocalReason,
    names: Vec<SeenName>,
    attribution: Attribution,
    finding: Option<Found>,
    placement: Placement,
}

/// What was decided about every flow.
fn decided(unit: &Unit) -> Vec<Decided> {
    let decided = |(flow, judged): (Flow<'_>, Judged)| Decided {
        local: judged.local,
        local_reason: judged.local_reason,
        names: unit.names(flow.id()),
        attribution: unit.attribution(&judged).unwrap().clone(),
        finding: unit.finding(&judged).cloned(),
        placement: unit.placement(&judged).unwrap().clone(),
    };
    unit.judged().map(decided).collect()
}

/// A capture of these packets, a millisecond apart.
fn judged(packets: &[Vec<u8>], start: Option<i64>, settings: &Arc<Settings>) -> Unit {
    let mut unit = Unit::default();
    for (number, data) in (1..).zip(packets) {
        let time =
            start.map(|start| Timestamp::from_nanos(start + i64::try_from(number).unwrap() * 1_000_000));
        let frame = Frame { time, ..Frame::new(number, LinkType::RAW, data) };
        unit.observe(&frame, FrameRef::new(0, number), &mut Census::default());
    }
    end(&mut unit, settings);
    unit
}

#[test]
fn a_name_makes_a_flow_the_clients_with_a_place_and_a_finding() {
    let unit = judged(&connection(50_000, SERVER, *b"webex.zoom.us"), Some(JUNE_2024), &settings());
    let [flow] = &decided(&unit)[..] else { panic!("{} flows", unit.flows().len()) };
    assert_eq!((flow.local, flow.local_reason), (Side::First, LocalReason::PrivateRange));
    assert_eq!(flow.attribution.identified_by, Some(IdentifiedBy::Name));
    assert_eq!(flow.names.iter().map(|name| name.frame.number()).collect::<Vec<_>>(), [3]);
    let place = &flow.placement;
    assert_eq!(place.day.to_string(), "2024-06-01");
    let found = flow.finding.as_ref().unwrap();
    assert_eq!((found.axis, found.register.as_deref()), (place.axis, Some("surf-2024")));
    assert_eq!(unit.sessions().len(), 1);
    assert_eq!(unit.sessions()[0].flows, [FlowId(0)]);
}

#[test]
fn a_flow_without_a_name_shares_those_of_its_address() {
    let mut packets = connection(50_000, SERVER, *b"webex.zoom.us").to_vec();
    packets.push(tcp((CLIENT, 50_001), (SERVER, 443), 0, 0x02, &[]));
    packets.push(tcp((CLIENT, 50_002), (SERVER, 443), 0, 0x02, &[]));
    packets.push(tcp(([192, 168, 1, 3], 50_001), (SERVER, 443), 0, 0x02, &[]));
    let unit = judged(&packets, Some(JUNE_2024), &settings());
    let [own, lent, again, stranger] = &decided(&unit)[..] else { panic!("{} flows", unit.flows().len()) };
    assert!(!own.names[0].is_of_address && lent.names[0].is_of_address);
    assert_eq!((lent.names[0].name, lent.names[0].frame), (own.names[0].name, own.names[0].frame));
    assert_eq!(lent.names, again.names);
    assert_eq!(lent.attribution.whose, Whose::Client);
    assert!(lent.attribution.because.ends_with("(named by another flow to the address)"));
    assert_eq!((stranger.names.len(), stranger.attribution.whose), (0, Whose::Other), "another host's");
}

#[test]
fn a_flow_costs_little_to_judge() {
    // Millions of flows are judged at once, and nearly all of them are others'.
    assert!(size_of::<Judged>() <= 16, "{}", size_of::<Judged>());
}

#[test]
fn others_flows_are_placed_and_not_judged() {
    let unit = judged(&connection(50_000, [8, 8, 8, 8], *b"other.example"), Some(JUNE_2024), &settings());
    let flow = &decided(&unit)[0];
    assert_eq!((flow.attribution.whose, flow.finding.is_none()), (Whose::Other, true));
    assert!(flow.placement.network().is_some());
    assert!(unit.sessions().is_empty());
}

#[test]
fn the_testers_word_ties_a_third_party_and_makes_no_session() {
    let packets = connection(50_000, SERVER, *b"a.twilio.com.");
    let free = judged(&packets, Some(JUNE_2024), &settings());
    assert_eq!(decided(&free)[0].attribution.whose, Whose::NotAttributable);
    assert!(decided(&free)[0].finding.is_some(), "placed, for what stands below the headline");
    let word = Arc::new(Settings { exclusive: true, ..usual() });
    let tied = judged(&packets, Some(JUNE_2024), &word);
    assert_eq!(decided(&tied)[0].attribution.identified_by, Some(IdentifiedBy::Exclusive));
    assert_eq!(decided(&tied)[0].attribution.service, Service::ThirdPartyMessaging);
    assert!(tied.sessions().is_empty());
}

#[test]
fn an_exclusive_step_ties_the_flows_that_began_in_it_and_no_others_of_their_address() {
    let third_party = |port| connection(port, SERVER, *b"a.twilio.com.");
    let own = |port| connection(port, [81, 2, 69, 161], *b"webex.zoom.us");
    let packets = [third_party(1), own(2), third_party(3), own(4), third_party(5)].concat();
    let step = |label: &str, frame, is_exclusive| {
        let by = MarkedBy::Option { text: label.into() };
        let mark = Mark {
            when: When::Frame(frame),
            label: label.to_owned(),
            input: None,
            is_exclusive,
            kind: None,
            stated: crate::session::Stated::Nothing,
            by,
        };
        Placed { mark, from: FrameRef::new(0, frame), start: None }
    };
    let placed = vec![step("share", 7, true), step("leave", 13, false)];
    let mut unit = Unit::default();
    unit.steps = steps(placed, (FrameRef::new(0, 15), None), Some).0;
    for (number, data) in (1..).zip(&packets) {
        let time = Some(Timestamp::from_nanos(JUNE_2024));
        let frame = Frame { time, ..Frame::new(number, LinkType::RAW, data) };
        unit.observe(&frame, FrameRef::new(0, number), &mut Census::default());
    }
    end(&mut unit, &settings());
    let decided = decided(&unit);
    let by: Vec<_> = decided.iter().map(|flow| flow.attribution.identified_by).collect();
    assert_eq!(
        by,
        [None, Some(IdentifiedBy::Name), Some(IdentifiedBy::Mark), Some(IdentifiedBy::Name), None]
    );
    assert!(decided[2].attribution.because.contains("\"share\""));
    assert!(unit.sessions().iter().all(|session| session.flows == [FlowId(1), FlowId(3)]));
    let findings: Vec<_> = unit.judged().map(|(_, judged)| judged.finding).collect();
    assert!(findings[1] == findings[3] && findings[0] == findings[4] && findings[0] != findings[2]);
    let of: Vec<_> = unit.flows().iter().map(|flow| unit.step_of(&flow)).collect();
    assert_eq!(of, [None, None, Some(0), Some(0), Some(1)]);
}

#[test]
fn frames_without_a_time_are_of_a_day_before_every_register() {
    let unit = judged(&connection(50_000, SERVER, *b"webex.zoom.us"), None, &settings());
    let flow = &decided(&unit)[0];
    assert_eq!(flow.placement.day.to_string(), "1970-01-01");
    let found = flow.finding.as_ref().unwrap();
    assert_eq!((found.listing, &found.register), ("no_register", &None));
}

#[test]
fn a_private_address_is_placed_without_witnesses() {
    let unit = judged(&[udp((CLIENT, 50_000), ([192, 168, 1, 1], 9), b"x")], Some(JUNE_2024), &settings());
    let place = decided(&unit).remove(0).placement;
    assert_eq!((place.axis, place.resolution.grade), (Axis::Local, Grade::Local));
    assert!(place.witnesses.is_empty() && place.network().is_none());
}

#[test]
fn an_operators_address_is_its_own_behind_a_translation_too() {
    let sites = |address: &str| {
        let day = "2026-06-20".parse().unwrap();
        place_address(address.parse().unwrap(), day, &settings()).sites()
    };
    assert!(sites("162.255.36.11").is_some());
    assert_eq!(sites("64:ff9b::162.255.36.11"), sites("162.255.36.11"));
    assert_eq!(sites("64:ff9b::81.2.69.160"), None);
}

#[test]
fn a_name_places_an_address_and_corroborates_what_is_published_about_it() {
    let spoken = |name: &str| Spoken {
        host: Hostname::parse(name.as_bytes()).unwrap(),
        origin: Origin::Request,
        frame: FrameRef::new(0, 1),
    };
    let (settings, day) = (settings(), "2026-06-20".parse().unwrap());
    let placed = |address: &str, names: &[Spoken]| {
        let placement = place_named(address.parse().unwrap(), names, day, &settings);
        (placement.resolution.grade, placement.axis)
    };
    let unknown = (Grade::Undetermined, Axis::Undetermined);
    assert_eq!(placed("213.244.140.84", &[]), unknown);
    assert_eq!(placed("213.244.140.84", &[spoken("zoomfr84zc.zoom.us")]), (Grade::Likely, Axis::Eea));
    assert_eq!(placed("213.244.140.84", &[spoken("zoomfr85zc.zoom.us")]), unknown);
    // Published as Germany until 2024: whose it is now, a name without a place of its own tells.
    assert_eq!(placed("213.244.140.110", &[]), unknown);
    assert_eq!(placed("213.244.140.110", &[spoken("us04web.zoom.us")]), (Grade::Likely, Axis::Eea));
}

#[test]
fn one_server_on_two_days_is_two_placements() {
    let packet = udp((CLIENT, 50_000), (SERVER, 40_000), b"x");
    let mut unit = Unit::default();
    for (number, day) in [(1, 0), (2, 2)] {
        let time = Some(Timestamp::from_nanos(JUNE_2024 + day * 86_400_000_000_000));
        let frame = Frame { time, ..Frame::new(number, LinkType::RAW, &packet) };
        unit.observe(&frame, FrameRef::new(0, number), &mut Census::default());
    }
    end(&mut unit, &settings());
    let days: Vec<String> = decided(&unit).iter().map(|flow| flow.placement.day.to_string()).collect();
    assert_eq!(days, ["2024-06-01", "2024-06-03"]);
}

#[test]
fn an_input_that_is_not_there_is_noted_and_the_others_are_read() {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/eea-meeting.pcapng");
    let paths = [PathBuf::from("no/such.pcap"), PathBuf::from(capture)];
    let inspection = inspect(&paths, usual(), &());
    assert_eq!((inspection.failures().len(), inspection.inputs().len()), (1, 1));
    let read = &inspection.inputs()[0].summary;
    assert_eq!(inspection.census().frames(), read.frames + read.other_records);
    assert_eq!(inspection.anomalies(), []);
}

#[test]
fn captures_are_apart_unless_they_are_joined() {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/eea-meeting.pcapng");
    let paths = [PathBuf::from(capture), PathBuf::from(capture)];
    assert_eq!(inspect(&paths, usual(), &()).units().len(), 2);
    let joined = inspect(&paths, Settings { join: true, ..usual() }, &());
    assert_eq!((joined.units().len(), joined.inputs().len()), (1, 2));
}

/// A TCP handshake of `millis`, from the hop limits of both sides, as Ethernet frames would carry it.
fn handshake(port: u16, server: [u8; 4], millis: i64, start: i64, answer_hops: u8) -> [(i64, Vec<u8>); 2] {
    let mut answer = tcp((server, 443), (CLIENT, port), 0, 0x12, &[]);
    answer[8] = answer_hops;
    answer[28..32].copy_from_slice(&1_u32.to_be_bytes());
    let syn = tcp((CLIENT, port), (server, 443), 0, 0x02, &[]);
    [(start, syn), (start + millis * 1_000_000, answer)]
}

/// A capture on Ethernet of these packets at these times.
fn timed(packets: &[(i64, Vec<u8>)], settings: &Arc<Settings>) -> Unit {
    let mut unit = Unit::default();
    for (number, (time, packet)) in (1..).zip(packets) {
        let is_out = packet[12..16] == CLIENT;
        let (to, from) = if is_out { ([2; 6], [4; 6]) } else { ([4; 6], [2; 6]) };
        let data = [&to[..], &from, &[8, 0], packet].concat();
        let time = Some(Timestamp::from_nanos(*time));
        let frame = Frame { time, ..Frame::new(number, LinkType::ETHERNET, &data) };
        unit.observe(&frame, FrameRef::new(0, number), &mut Census::default());
    }
    end(&mut unit, settings);
    unit
}

fn doubts(unit: &Unit) -> Vec<Option<&'static str>> {
    let trips = decided(unit).into_iter().map(|flow| flow.placement.round_trip);
    trips.map(|trip| trip.and_then(|(_, doubt)| doubt).map(Doubt::name)).collect()
}

#[test]
fn a_round_trip_stays_with_its_day() {
    const DAY: i64 = 86_400_000_000_000;
    let settings = Arc::new(Settings { vantage: "DE".parse().ok(), ..usual() });
    let first = handshake(50_000, SERVER, 5, JUNE_2024, 55);
    let second = handshake(50_001, SERVER, 100, JUNE_2024 + DAY, 55);
    let unit = timed(&[first, second].concat(), &settings);
    let trip = |flow: usize| decided(&unit)[flow].placement.round_trip.unwrap().0;
    assert_eq!((trip(0).rtt.as_millis(), trip(0).reply.number()), (5, 2));
    assert_eq!((trip(1).rtt.as_millis(), trip(1).reply.number()), (100, 4), "the host may have moved");
}

#[test]
fn a_box_that_answers_too_soon_is_not_believed_the_next_time() {
    let settings = Arc::new(Settings { vantage: "DE".parse().ok(), ..usual() });
    let other = [81, 2, 69, 161];
    let both = |hops| {
        let fast = handshake(50_000, SERVER, 0, JUNE_2024, hops).map(|(time, packet)| (time + 1, packet));
        let mut fast = fast.to_vec();
        fast[1].0 += 600_000;
        let slower = handshake(50_001, SERVER, 2, JUNE_2024 + 1_000_000_000, hops);
        let elsewhere = handshake(50_002, other, 20, JUNE_2024 + 2_000_000_000, 50);
        doubts(&timed(&[fast, slower.to_vec(), elsewhere.to_vec()].concat(), &settings))
    };
    // A box far away is one remote's; one beside the host may answer for all.
    assert_eq!(both(55), [Some("too_fast"), Some("too_fast"), None]);
    assert_eq!(both(64), [Some("too_fast"), Some("too_fast"), Some("proxy_beside_suspected")]);
}

/// The frames with their interfaces, a millisecond apart, of a capture that has several.
fn on_interfaces(frames: &[(u32, &[u8])]) -> (Unit, Census) {
    let (mut unit, mut census) = (Unit::default(), Census::default());
    for (number, (interface, data)) in (1..).zip(frames) {
        let time = Some(Timestamp::from_nanos(JUNE_2024 + i64::try_from(number).unwrap() * 1_000_000));
        let frame =
            Frame { time, interface: *interface, interfaces: 2, ..Frame::new(number, LinkType::RAW, data) };
        unit.observe(&frame, FrameRef::new(0, number), &mut census);
    }
    unit.end(&mut census);
    judge::judge(&mut unit, &settings());
    (unit, census)
}

#[test]
fn what_two_interfaces_see_is_one_flow_whichever_sees_it_first() {
    let [syn, accepted, hello] = connection(50_000, SERVER, *b"webex.zoom.us");
    // What goes out is seen at the inner interface first, what comes in at the outer one.
    let frames: [(u32, &[u8]); 6] =
        [(0, &syn), (1, &syn), (1, &accepted), (0, &accepted), (0, &hello), (1, &hello)];
    let (unit, census) = on_interfaces(&frames);
    assert_eq!(unit.flows().len(), 1);
    let flow = unit.flows().iter().next().unwrap();
    assert_eq!((flow.packets(Side::First), flow.packets(Side::Second)), (2, 1));
    assert_eq!((census.by_name()["tcp"], census.by_name()["duplicate"], census.frames()), (3, 3, 6));
    assert_eq!(decided(&unit)[0].attribution.whose, Whose::Client);
}

#[test]
fn what_two_interfaces_timed_is_not_measured() {
    let [syn, mut accepted, hello] = connection(50_000, SERVER, *b"webex.zoom.us");
    accepted[20 + 11] = 1;
    let doubt = |frames: &[(u32, &[u8])]| {
        let (unit, _) = on_interfaces(frames);
        decided(&unit)[0].placement.round_trip.unwrap().1
    };
    let twice: [(u32, &[u8]); 5] = [(0, &syn), (1, &syn), (1, &accepted), (0, &accepted), (0, &hello)];
    assert_eq!(doubt(&twice), Some(Doubt::SeenTwice));
    assert_ne!(doubt(&[(0, &syn), (0, &accepted), (0, &hello)]), Some(Doubt::SeenTwice));
}

#[test]
fn what_a_second_sighting_alone_says_of_the_process_counts() {
    use crate::frame::{Process, ProcessMethod};
    let data = tcp((CLIENT, 50_000), (SERVER, 443), 0, 0x02, &[]);
    let mut unit = Unit::default();
    let process = Process { name: b"zoom", pid: None, uid: None, method: ProcessMethod::Ptcpdump };
    for (interface, process) in [(0, None), (1, Some(process))] {
        let number = u64::from(interface) + 1;
        let time = Some(Timestamp::from_nanos(JUNE_2024));
        let frame = Frame::new(number, LinkType::RAW, &data);
        let frame = Frame { time, interface, interfaces: 2, process, ..frame };
        unit.observe(&frame, FrameRef::new(0, number), &mut Census::default());
    }
    end(&mut unit, &settings());
    assert_eq!(decided(&unit)[0].attribution.identified_by, Some(IdentifiedBy::Process));
}

#[test]
fn what_a_remote_end_asks_for_does_not_name_it() {
    let scanner = ([81, 2, 69, 161], 40_000);
    let own = (CLIENT, 80);
    let request = b"GET / HTTP/1.1\r\nHost: web.zoom.us\r\n\r\n";
    let asked = |from, to, payload: &[u8]| {
        let packets =
            [tcp(from, to, 0, 0x02, &[]), tcp(to, from, 0, 0x12, &[]), tcp(from, to, 1, 0x10, payload)];
        decided(&judged(&packets, Some(JUNE_2024), &settings()))[0].attribution.whose
    };
    let hello = small_with_name(*b"webex.zoom.us");
    assert_eq!([asked(scanner, own, request), asked(scanner, own, &hello)], [Whose::Other; 2]);
    assert_eq!([asked(own, scanner, request), asked(own, scanner, &hello)], [Whose::Client; 2]);
}

#[test]
fn the_same_tuple_on_two_interfaces_is_two_flows_where_the_packets_differ() {
    let one = udp((CLIENT, 50_000), (SERVER, 9_999), b"one");
    let two = udp((CLIENT, 50_000), (SERVER, 9_999), b"two");
    let (unit, census) = on_interfaces(&[(0, &one), (1, &two)]);
    assert_eq!((unit.flows().len(), census.by_name().get("duplicate")), (2, None));
}

/// The packet in a GRE tunnel between two gateways.
fn tunnelled(inner: &[u8]) -> Vec<u8> {
    ipv4(47, [192, 0, 2, 1], [192, 0, 2, 2], &[&[0, 0, 8, 0], inner].concat())
}

#[test]
fn a_flow_inside_a_tunnel_is_judged_by_itself() {
    let outside = connection(50_000, SERVER, *b"webex.zoom.us");
    let inside = tcp((CLIENT, 50_000), (SERVER, 443), 0, 0x02, &[]);
    let packets = [&outside[..], &[tunnelled(&inside), tunnelled(&outside[2])]].concat();
    let unit = judged(&packets[..4], Some(JUNE_2024), &settings());
    let [named, stranger] = &decided(&unit)[..] else { panic!("{} flows", unit.flows().len()) };
    assert_eq!(named.attribution.whose, Whose::Client);
    assert_eq!((stranger.attribution.whose, stranger.names.len()), (Whose::Other, 0), "another host's");
    let unit = judged(&packets, Some(JUNE_2024), &settings());
    assert_eq!(unit.sessions().len(), 2, "the same address is another machine's inside");
    assert_eq!(unit.opener().tunnels().count(), 1);
}

#[test]
fn no_round_trip_inside_a_tunnel_is_used() {
    let mut packets = connection(50_000, SERVER, *b"webex.zoom.us");
    // The answer acknowledges the SYN.
    packets[1][20 + 11] = 1;
    let unit = judged(&packets, Some(JUNE_2024), &settings());
    assert!(decided(&unit)[0].placement.round_trip.is_some());
    let packets = packets.map(|packet| tunnelled(&packet));
    let unit = judged(&packets, Some(JUNE_2024), &settings());
    let (_, doubt) = decided(&unit)[0].placement.round_trip.unwrap();
    assert_eq!(doubt, Some(Doubt::InTunnel));
}

#[test]
fn both_readings_of_overlapping_fragments_are_named() {
    let names = [*b"webex.zoom.us", *b"other.example"];
    let whole = names.map(|name| {
        let question = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 13][..], &name, &[0, 0, 1, 0, 1]].concat();
        udp((CLIENT, 50_000), (SERVER, 443), &question)
    });
    let piece = |packet: &[u8], from: usize, to: usize, more: u8| {
        let mut data = ipv4(17, CLIENT, SERVER, &packet[20 + from..20 + to]);
        data[4..8].copy_from_slice(&[0, 9, more, u8::try_from(from / 8).unwrap()]);
        data
    };
    let end = whole[0].len() - 20;
    let pieces = [piece(&whole[0], 0, 24, 0x20), piece(&whole[1], 0, 24, 0x20), piece(&whole[0], 24, end, 0)];
    let unit = judged(&pieces, Some(JUNE_2024), &settings());
    assert_eq!(unit.flows().len(), 1);
    assert_eq!(unit.opener().overlaps().different, Some((1, FrameRef::new(0, 2))));
}

#[test]
fn the_clients_process_ties_a_flow_and_an_unreliable_word_does_not() {
    use crate::frame::{Process, ProcessMethod};
    let data = tcp((CLIENT, 50_000), (SERVER, 443), 0, 0x02, &[]);
    let by = |name: &[u8], method| {
        let mut unit = Unit::default();
        let process = Some(Process { name, pid: Some(7), uid: None, method });
        let time = Some(Timestamp::from_nanos(JUNE_2024));
        let frame = Frame { time, process, ..Frame::new(1, LinkType::RAW, &data) };
        unit.observe(&frame, FrameRef::new(0, 1), &mut Census::default());
        end(&mut unit, &settings());
        (decided(&unit)[0].attribution.identified_by, unit.sessions().len())
    };
    assert_eq!(by(b"zoom.us", ProcessMethod::Pktap), (Some(IdentifiedBy::Process), 1));
    assert_eq!(by(b"Safari", ProcessMethod::Pktap), (None, 0));
    assert_eq!(by(b"zoom.us", ProcessMethod::Etl2Pcapng), (None, 0));
}

#[test]
fn a_copy_of_a_request_with_another_name_does_not_free_a_flow_from_the_client() {
    let ends = ((CLIENT, 50_000), (SERVER, 443));
    for (first, second) in [(b"webex.zoom.us", b"shop.example0"), (b"shop.example0", b"webex.zoom.us")] {
        let mut packets = connection(50_000, SERVER, *first).to_vec();
        packets.push(tcp(ends.0, ends.1, 1, 0x10, &small_with_name(*second)));
        let unit = judged(&packets, Some(JUNE_2024), &settings());
        let [flow] = &decided(&unit)[..] else { panic!("{} flows", unit.flows().len()) };
        assert_eq!(flow.attribution.identified_by, Some(IdentifiedBy::Name), "{first:?}");
        assert!(flow.finding.is_some());
        let names: Vec<_> = flow
            .names
            .iter()
            .map(|name| (unit.evidence().name(name.name), name.origin.name(), name.frame.number()))
            .collect();
        let text = |name: &'static [u8; 13]| std::str::from_utf8(name).unwrap();
        assert_eq!(names, [(text(first), "sni", 3), (text(second), "sni_other_copy", 4)]);
        let contested = unit
            .evidence()
            .of(FlowId(0))
            .iter()
            .filter(|entry| matches!(entry.fact, crate::evidence::Fact::Contested { from: Side::First }));
        assert_eq!(contested.map(|entry| entry.frame.number()).collect::<Vec<_>>(), [4]);
        // The copy states no place, in whichever order they come.
        let alone = judged(&connection(50_000, SERVER, *b"webex.zoom.us"), Some(JUNE_2024), &settings());
        let finding = |unit: &Unit| decided(unit)[0].finding.as_ref().map(|finding| finding.axis);
        assert_eq!(finding(&unit), finding(&alone));
    }
}

/// Changes a file when another is opened.
struct Meddler {
    opened: PathBuf,
    changed: PathBuf,
}

impl Progress for Meddler {
    fn expect(&self, _: u64) {}

    fn open(&self, path: &Path) {
        if path == self.opened {
            let file = std::fs::File::options().append(true).open(&self.changed).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
    }

    fn read(&self, _: u64) {}
}

#[test]
fn a_file_has_changed_where_it_did_while_it_was_read_itself() {
    let whole = std::fs::read("captures/eea-meeting.pcapng").unwrap();
    for (join, threads, least_piece) in [(false, 1, u64::MAX), (true, 1, u64::MAX), (false, 8, 32 << 10)] {
        for (opened, changed, kinds) in [
            (0, 0, [&["truncated", "changed"][..], &[]]),
            (1, 0, [&["truncated"], &[]]),
            (1, 1, [&["truncated"], &["changed"]]),
        ] {
            // With several threads the first may be read still when the second is opened.
            if threads > 1 && opened != changed {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let paths = ["a.pcapng", "b.pcapng"].map(|name| folder.path().join(name));
            std::fs::write(&paths[0], &whole[..whole.len() - 10]).unwrap();
            std::fs::write(&paths[1], &whole).unwrap();
            let meddler = Meddler { opened: paths[opened].clone(), changed: paths[changed].clone() };
            let settings =
                Settings { join, threads: NonZeroUsize::new(threads).unwrap(), least_piece, ..usual() };
            let inspection = inspect(&paths, settings, &meddler);
            let found =
                |input: &Input| input.summary.damage.iter().map(|damage| damage.kind).collect::<Vec<_>>();
            let found: Vec<_> = inspection.inputs().iter().map(found).collect();
            assert_eq!(found, kinds, "join {join}, threads {threads}");
        }
    }
}
