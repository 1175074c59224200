use super::*;
use crate::evidence::{Fact, ZoomFact};
use crate::wire::zoom::MediaKind;

const MAC: Machine = Machine::Mac([2, 0, 0, 0, 0, 1]);
const MEETING: [u8; 16] = [7; 16];

/// Frame `n` is captured at second `n`, so that times can be read off frames.
fn at(second: u64) -> Moment {
    Moment {
        frame: FrameRef::new(0, second),
        time: Some(Timestamp::from_nanos(second.cast_signed() * 1_000_000_000)),
    }
}

fn entry(flow: u32, second: u64, fact: Fact) -> Entry {
    Entry::new(FlowId(flow), at(second).frame, at(second).time, fact)
}

fn zoom(flow: u32, second: u64, fact: ZoomFact) -> Entry {
    entry(flow, second, Fact::Zoom(fact))
}

fn hello() -> ZoomFact {
    ZoomFact::Hello { from: Side::First }
}

fn bind() -> ZoomFact {
    ZoomFact::Bind { meeting: MEETING }
}

fn close() -> ZoomFact {
    ZoomFact::Close { from: Side::First, reason: 0 }
}

fn member<'a>(flow: u32, remote: &str, seconds: (u64, u64), facts: &'a [Entry]) -> Member<'a> {
    Member {
        flow: FlowId(flow),
        machine: MAC,
        local: "192.168.1.2".parse().unwrap(),
        local_side: Side::First,
        remote: remote.parse().unwrap(),
        first: at(seconds.0),
        last: at(seconds.1),
        is_answered: true,
        is_media: true,
        service: Service::Media,
        is_tcp: false,
        is_older: false,
        is_closed: false,
        payload_in: 0,
        payload_out: 0,
        facts,
    }
}

fn meetings_of(members: &[Member<'_>], end: u64) -> Vec<Meeting> {
    sessions(members, &[], at(end)).into_iter().flat_map(|session| session.meetings).collect()
}

#[test]
fn sockets_with_one_bind_id_are_one_meeting_until_the_last_close() {
    let audio = [
        zoom(1, 5, hello()),
        zoom(1, 6, bind()),
        zoom(1, 6, ZoomFact::Media(MediaKind::Audio)),
        zoom(1, 30, close()),
    ];
    let video = [
        zoom(2, 4, hello()),
        zoom(2, 6, bind()),
        zoom(2, 6, ZoomFact::Media(MediaKind::Video)),
        zoom(2, 31, close()),
    ];
    let lost_race = [zoom(3, 4, hello()), zoom(3, 50, ZoomFact::Close { from: Side::Second, reason: 509 })];
    let members = [
        member(1, "203.0.113.9", (5, 30), &audio),
        member(2, "203.0.113.9", (4, 32), &video),
        member(3, "203.0.113.9", (4, 50), &lost_race),
    ];
    let meetings = meetings_of(&members, 60);
    assert_eq!(meetings.len(), 1);
    let meeting = &meetings[0];
    assert_eq!((meeting.kind, meeting.key), (MeetingKind::Server, Some(MEETING)));
    assert_eq!((meeting.start, meeting.start_rule), (at(4), StartRule::Hello));
    assert_eq!((meeting.end, meeting.end_rule), (at(31), EndRule::Close));
    assert_eq!(meeting.media, [MediaKind::Audio, MediaKind::Video]);
    assert_eq!(meeting.flows, [FlowId(1), FlowId(2), FlowId(3)]);
}

#[test]
fn a_socket_closed_early_does_not_end_the_meeting() {
    let first = [zoom(1, 1, bind()), zoom(1, 3, close())];
    let second = [zoom(2, 1, bind())];
    let members = [member(1, "203.0.113.9", (1, 3), &first), member(2, "203.0.113.9", (1, 40), &second)];
    let meeting = &meetings_of(&members, 90)[0];
    assert_eq!((meeting.end, meeting.end_rule), (at(40), EndRule::Silence));
    assert_eq!(meeting.start_rule, StartRule::Bind);
    let meeting = &meetings_of(&members, 45)[0];
    assert_eq!((meeting.end, meeting.end_rule), (at(40), EndRule::CaptureEnd));
}

#[test]
fn a_share_within_a_meeting_joined_midway_neither_begins_nor_ends_it() {
    let audio = [zoom(1, 1, ZoomFact::Certain), zoom(1, 1, ZoomFact::Media(MediaKind::Audio))];
    let share = [zoom(2, 20, hello()), zoom(2, 21, bind()), zoom(2, 30, close())];
    let dropped = [zoom(3, 1, ZoomFact::Certain)];
    let members = [
        member(1, "203.0.113.9", (2, 80), &audio),
        member(2, "203.0.113.9", (20, 30), &share),
        member(3, "203.0.113.9", (1, 15), &dropped),
    ];
    let meeting = &meetings_of(&members, 90)[0];
    assert_eq!((meeting.start, meeting.start_rule), (at(2), StartRule::MediaJoinedMidway));
    assert_eq!((meeting.end, meeting.end_rule), (at(80), EndRule::CaptureEnd));
}

#[test]
fn media_without_a_bind_is_grouped_by_server_and_time() {
    let facts = |flow| [zoom(flow, 10, ZoomFact::Certain), zoom(flow, 10, ZoomFact::Media(MediaKind::Audio))];
    let (one, two, three, four) = (facts(1), facts(2), facts(3), facts(4));
    let members = [
        member(1, "203.0.113.9", (10, 50), &one),
        member(2, "203.0.113.9", (12, 55), &two),
        member(3, "203.0.113.9", (100, 120), &three),
        member(4, "203.0.113.77", (10, 50), &four),
    ];
    let meetings = meetings_of(&members, 130);
    let flows: Vec<_> = meetings.iter().map(|meeting| meeting.flows.clone()).collect();
    assert_eq!(flows, [vec![FlowId(1), FlowId(2)], vec![FlowId(4)], vec![FlowId(3)]]);
    assert!(meetings.iter().all(|meeting| meeting.start_rule == StartRule::MediaJoinedMidway));
}

#[test]
fn a_hello_without_an_answer_is_no_meeting() {
    let facts = [zoom(1, 1, ZoomFact::Certain), zoom(1, 1, hello())];
    let unanswered = Member { is_answered: false, ..member(1, "203.0.113.9", (1, 2), &facts) };
    assert_eq!(meetings_of(&[unanswered], 90), []);
}

#[test]
fn peers_are_participants_of_the_meeting_beside() {
    let server = [zoom(1, 1, bind())];
    let peer = [zoom(2, 5, ZoomFact::PeerHello { uuid: [9; 16] }), zoom(2, 6, ZoomFact::PeerMedia)];
    let members = [member(1, "203.0.113.9", (1, 40), &server), member(2, "198.51.100.4", (5, 40), &peer)];
    let meetings = meetings_of(&members, 90);
    assert_eq!(meetings.len(), 1);
    assert_eq!(meetings[0].participants, ["198.51.100.4".parse::<IpAddr>().unwrap()]);
    assert_eq!(meetings[0].key, Some(MEETING));
    let before = Member { first: at(1), last: at(2), ..members[1] };
    let after = Member { first: at(10), last: at(40), ..members[0] };
    assert_eq!(meetings_of(&[before, after], 90).len(), 1, "the client moved from its peer to a server");
    let alone = meetings_of(&members[1..], 90);
    assert_eq!(
        (alone[0].kind, alone[0].key, alone[0].start_rule),
        (MeetingKind::Peer, Some([9; 16]), StartRule::PeerHello)
    );
}

#[test]
fn a_browser_is_in_a_meeting_while_its_gateway_is_heard() {
    let facts = [entry(1, 3, Fact::Stun), entry(1, 4, Fact::Dtls)];
    let members = [member(1, "203.0.113.9", (3, 40), &facts)];
    let meeting = &meetings_of(&members, 100)[0];
    assert_eq!(
        (meeting.kind, meeting.start_rule, meeting.end_rule),
        (MeetingKind::Browser, StartRule::GatewayContact, EndRule::Silence)
    );
    assert_eq!(meetings_of(&members, 65)[0].end_rule, EndRule::CaptureEnd);
    let elsewhere = Member { is_media: false, ..members[0] };
    assert_eq!(meetings_of(&[elsewhere], 100), []);
}

#[test]
fn ten_minutes_of_silence_begin_another_session() {
    let members = [
        member(1, "203.0.113.1", (1, 20), &[]),
        member(2, "203.0.113.1", (500, 510), &[]),
        member(3, "203.0.113.1", (1200, 1201), &[]),
    ];
    let sessions = sessions(&members, &[], at(2000));
    let flows: Vec<_> = sessions.iter().map(|session| session.flows.len()).collect();
    assert_eq!(flows, [2, 1]);
    assert_eq!((sessions[0].first, sessions[0].last), (at(1), at(510)));
}

#[test]
fn two_machines_are_two_sessions_and_two_addresses_of_one_are_one() {
    let v4 = member(1, "203.0.113.1", (1, 20), &[]);
    let v6 = Member { flow: FlowId(2), local: "2001:db8::5".parse().unwrap(), ..v4 };
    let other = Member { flow: FlowId(3), machine: Machine::Mac([2, 0, 0, 0, 0, 2]), ..v4 };
    let sessions = sessions(&[v4, v6, other], &[], at(30));
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0].addresses.len(), 2);
}

#[test]
fn a_call_inside_tls_is_found_by_its_volume_where_no_socket_for_media_is_beside() {
    let tls = Member {
        is_tcp: true,
        payload_in: 1_500_000,
        payload_out: 500_000,
        ..member(1, "203.0.113.9", (5, 45), &[])
    };
    let other = Member { flow: FlowId(2), first: at(6), ..tls };
    let meetings = meetings_of(&[tls, other], 100);
    assert_eq!(meetings.len(), 1);
    assert_eq!(
        (meetings[0].kind, meetings[0].start_rule, meetings[0].end_rule),
        (MeetingKind::Tls, StartRule::MediaOverTls, EndRule::Silence)
    );
    assert_eq!((meetings[0].start, meetings[0].end), (at(5), at(45)));
    assert_eq!(meetings[0].flows, [FlowId(1), FlowId(2)]);
    let control = Member { payload_in: 300_000, payload_out: 100_000, ..tls };
    assert_eq!(meetings_of(&[control], 100), [], "control takes as much");
    let facts = [zoom(3, 7, hello()), zoom(3, 8, bind())];
    let beside = member(3, "203.0.113.9", (7, 40), &facts);
    let meetings = meetings_of(&[tls, beside], 100);
    assert_eq!(meetings.iter().map(|meeting| meeting.kind).collect::<Vec<_>>(), [MeetingKind::Server]);
}

#[test]
fn a_browser_that_closes_its_gateway_has_left() {
    let facts = [entry(1, 3, Fact::Stun), entry(1, 4, Fact::Dtls)];
    let media = member(1, "203.0.113.9", (3, 40), &facts);
    let gateway = Member {
        flow: FlowId(2),
        is_tcp: true,
        is_closed: true,
        first: at(1),
        last: at(41),
        facts: &[],
        ..media
    };
    let end_of = |members: &[Member<'_>]| {
        let meeting = &meetings_of(members, 45)[0];
        (meeting.end, meeting.end_rule)
    };
    assert_eq!(end_of(&[media, gateway]), (at(40), EndRule::GatewayClosed));
    let open = Member { flow: FlowId(3), is_closed: false, last: at(44), ..gateway };
    assert_eq!(end_of(&[media, gateway, open]), (at(40), EndRule::CaptureEnd));
    let earlier = Member { last: at(20), ..gateway };
    assert_eq!(end_of(&[media, earlier]), (at(40), EndRule::CaptureEnd), "it says nothing about now");
}
