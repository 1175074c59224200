use super::*;
use crate::client::Service;
use crate::evidence::{Entry, Fact, ZoomFact};
use crate::flow::{FlowId, Side};
use crate::frame::{FrameRef, Timestamp};
use crate::session::{Machine, Member, MilestoneKind, Session, sessions};
use crate::wire::zoom::MediaKind;

/// Frame `n` is captured at second `n`.
fn at(second: u64) -> Moment {
    Moment {
        frame: FrameRef::new(0, second),
        time: Some(Timestamp::from_nanos(second.cast_signed() * 1_000_000_000)),
    }
}

/// A TCP connection to a service.
fn contact<'a>(flow: u32, service: Service, seconds: (u64, u64)) -> Member<'a> {
    Member {
        flow: FlowId(flow),
        machine: Machine::Mac([2, 0, 0, 0, 0, 1]),
        local: "192.168.1.2".parse().unwrap(),
        local_side: Side::First,
        remote: "203.0.113.9".parse().unwrap(),
        first: at(seconds.0),
        last: at(seconds.1),
        is_answered: true,
        is_media: service == Service::Media,
        service,
        is_tcp: true,
        is_older: false,
        is_closed: false,
        payload_in: 0,
        payload_out: 0,
        facts: &[],
    }
}

/// A socket for media that says hello and, where `close` is a second, closes.
fn socket(flow: u32, meeting: u8, seconds: (u64, u64), close: Option<u64>) -> Vec<Entry> {
    let zoom = |second, fact| Entry::new(FlowId(flow), at(second).frame, at(second).time, Fact::Zoom(fact));
    let mut facts = vec![
        zoom(seconds.0, ZoomFact::Hello { from: Side::First }),
        zoom(seconds.0 + 1, ZoomFact::Bind { meeting: [meeting; 16] }),
        zoom(seconds.0 + 3, ZoomFact::Stream(MediaKind::Audio)),
    ];
    facts.extend(close.map(|second| zoom(second, ZoomFact::Close { from: Side::First, reason: 0 })));
    facts
}

fn media(flow: u32, facts: &[Entry], seconds: (u64, u64)) -> Member<'_> {
    Member { is_tcp: false, facts, ..contact(flow, Service::Media, seconds) }
}

fn one(members: &[Member<'_>], beside: &[Member<'_>], end: u64) -> Session {
    let mut found = sessions(members, beside, at(end));
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Each phase with its first second, its rule and how sure it is.
fn phases_of(session: &Session) -> Vec<(&'static str, u64, &'static str, &'static str)> {
    let of = |phase: &Phase| {
        (phase.kind.name(), phase.start.frame.number(), phase.rule.name(), phase.certainty.name())
    };
    session.phases.iter().map(of).collect()
}

fn milestones_of(session: &Session) -> Vec<(&'static str, u64)> {
    session.milestones.iter().map(|found| (found.kind.name(), found.at.frame.number())).collect()
}

#[test]
fn a_launch_with_a_join_and_a_leave_has_its_phases_in_order() {
    let facts = socket(6, 7, (55, 90), Some(90));
    let members = [
        contact(1, Service::Telemetry, (2, 93)),
        contact(2, Service::Web, (48, 92)),
        contact(3, Service::Signalling, (50, 51)),
        contact(4, Service::Signalling, (50, 51)),
        contact(5, Service::Media, (53, 91)),
        media(6, &facts, (55, 90)),
        contact(7, Service::Push, (1, 140)),
    ];
    let page = contact(9, Service::ThirdPartyAnalytics, (0, 1));
    let session = one(&members, &[page], 150);
    assert_eq!(
        phases_of(&session),
        [
            ("launch", 1, "first_contact", "likely"),
            ("joining", 50, "zone_probing", "certain"),
            ("meeting", 55, "hello", "certain"),
            ("leaving", 90, "close", "certain"),
            ("after_leaving", 93, "connections_ended", "likely"),
        ]
    );
    let expected = [
        ("page_load", 0),
        ("push", 1),
        ("launch_log", 2),
        ("look_up", 48),
        ("zone_probing", 50),
        ("media_router", 53),
        ("meeting_start", 55),
        ("audio", 58),
        ("close", 90),
    ];
    assert_eq!(milestones_of(&session), expected);
    assert!(session.phases.windows(2).all(|pair| pair[0].until == pair[1].start), "no gaps");
    assert_eq!(session.phase_of(at(54).frame).map(|phase| phase.kind), Some(PhaseKind::Joining));
    assert_eq!(session.phase_of(at(55).frame).map(|phase| phase.kind), Some(PhaseKind::Meeting));
    assert_eq!(session.phase_of(at(0).frame), None);
}

#[test]
fn a_sign_in_is_followed_by_a_push_connection_and_idleness_by_nothing() {
    let members = [
        contact(1, Service::Telemetry, (1, 2)),
        contact(2, Service::SignIn, (3, 8)),
        contact(3, Service::Push, (5, 200)),
    ];
    let session = one(&members, &[], 200);
    assert_eq!(
        phases_of(&session),
        [
            ("launch", 1, "first_contact", "likely"),
            ("sign_in", 3, "push_follows", "uncertain"),
            ("idle", 8, "no_new_contact", "likely"),
        ]
    );
    let without = one(&members[..2], &[], 200);
    assert_eq!(phases_of(&without), [("launch", 1, "first_contact", "likely")], "it may be a look-up");
}

#[test]
fn a_client_with_older_connections_is_not_launched() {
    let older = Member { is_older: true, ..contact(1, Service::Push, (4, 60)) };
    let session = one(&[contact(2, Service::Web, (2, 9)), older], &[], 60);
    assert_eq!(phases_of(&session), [("idle", 2, "already_running", "likely")]);
}

#[test]
fn a_capture_joined_in_a_meeting_and_ended_in_it_guesses_nothing() {
    let facts =
        [Entry::new(FlowId(1), at(3).frame, at(3).time, Fact::Zoom(ZoomFact::Media(MediaKind::Audio)))];
    let session = one(&[media(1, &facts, (3, 50))], &[], 50);
    assert_eq!(phases_of(&session), [("meeting", 3, "media_joined_midway", "uncertain")]);
}

#[test]
fn two_meetings_at_once_make_every_phase_uncertain() {
    let (one_facts, other_facts) = (socket(1, 1, (10, 60), Some(60)), socket(2, 2, (30, 80), Some(80)));
    let members = [media(1, &one_facts, (10, 60)), media(2, &other_facts, (30, 80))];
    let session = one(&members, &[], 100);
    assert!(session.may_be_two);
    assert_eq!(session.meetings.len(), 2);
    assert!(session.phases.iter().all(|phase| phase.certainty == Certainty::Uncertain));
    let kinds: Vec<&str> = session.phases.iter().map(|phase| phase.kind.name()).collect();
    assert_eq!(kinds, ["meeting", "meeting", "leaving"]);
}

#[test]
fn a_meeting_soon_after_another_is_said_to_continue_it() {
    let (first, second) = (socket(1, 1, (10, 60), Some(60)), socket(2, 2, (70, 95), Some(95)));
    let members =
        [media(1, &first, (10, 60)), contact(3, Service::Media, (66, 90)), media(2, &second, (70, 95))];
    let session = one(&members, &[], 100);
    let continued = session.milestones.iter().find(|found| found.kind == MilestoneKind::Continued).unwrap();
    assert_eq!((continued.at, continued.meeting), (at(70), Some(1)));
    let kinds: Vec<(&str, u64)> =
        session.phases.iter().map(|phase| (phase.kind.name(), phase.start.frame.number())).collect();
    assert_eq!(kinds, [("meeting", 10), ("leaving", 60), ("joining", 66), ("meeting", 70), ("leaving", 95)]);
}

#[test]
fn a_download_is_an_update_and_a_question_for_one_is_not() {
    let small = contact(2, Service::Update, (5, 6));
    let large = Member { payload_in: 90_000_000, ..contact(3, Service::Update, (20, 40)) };
    let members = [contact(1, Service::Web, (1, 100)), small, large];
    let session = one(&members, &[], 100);
    assert_eq!(
        phases_of(&session),
        [
            ("launch", 1, "first_contact", "likely"),
            ("update", 20, "download", "likely"),
            ("idle", 40, "no_new_contact", "likely"),
        ]
    );
    let alone = one(&[large], &[], 100);
    assert_eq!(phases_of(&alone), [("update", 20, "download", "likely")]);
}

#[test]
fn what_a_client_in_a_meeting_does_not_do_speaks_of_a_second_one() {
    let facts = socket(1, 1, (10, 90), Some(90));
    let meeting = media(1, &facts, (10, 90));
    let doubts = |members: &[Member<'_>]| one(members, &[], 100).may_be_two;
    assert!(!doubts(&[meeting, contact(5, Service::Web, (30, 31))]));
    let second = [contact(2, Service::SignIn, (40, 41)), contact(3, Service::Push, (42, 95))];
    assert!(doubts(&[&[meeting][..], &second].concat()), "somebody signs in");
    let probes = [contact(2, Service::Signalling, (40, 41)), contact(3, Service::Signalling, (40, 41))];
    assert!(
        doubts(&[&[meeting][..], &probes].concat()),
        "somebody chooses a media server and does not use it"
    );
    let moved = socket(4, 1, (45, 90), Some(90));
    let moved = Member { remote: "203.0.113.77".parse().unwrap(), ..media(4, &moved, (45, 90)) };
    assert!(!doubts(&[&[meeting][..], &probes, &[moved]].concat()), "the client is moved to another server");
    let twin = socket(4, 1, (45, 90), Some(90));
    assert!(doubts(&[meeting, media(4, &twin, (45, 90))]), "two sockets for sound");
}

#[test]
fn a_second_launch_after_a_meeting_is_told_from_what_follows_the_first() {
    let (first, second) = (socket(1, 1, (10, 60), Some(60)), socket(2, 2, (130, 150), Some(150)));
    let members = [
        media(1, &first, (10, 60)),
        contact(3, Service::Web, (8, 62)),
        contact(4, Service::Telemetry, (110, 155)),
        contact(5, Service::SignIn, (112, 120)),
        contact(6, Service::Push, (114, 155)),
        contact(7, Service::Media, (128, 151)),
        media(2, &second, (130, 150)),
    ];
    let session = one(&members, &[], 2000);
    let kinds: Vec<(&str, u64, &str)> = session
        .phases
        .iter()
        .map(|phase| (phase.kind.name(), phase.start.frame.number(), phase.certainty.name()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("launch", 8, "likely"),
            ("meeting", 10, "certain"),
            ("leaving", 60, "certain"),
            ("after_leaving", 62, "likely"),
            ("launch", 110, "uncertain"),
            ("sign_in", 112, "uncertain"),
            ("joining", 128, "certain"),
            ("meeting", 130, "certain"),
            ("leaving", 150, "certain"),
        ]
    );
    let ends: Vec<&str> = session.phases.iter().map(|phase| phase.until_rule.name()).collect();
    assert!(ends[..8].iter().all(|rule| *rule == "next_phase"));
    assert_eq!(ends[8], "session_end");
}

#[test]
fn a_meeting_that_the_capture_cuts_is_not_said_to_be_over() {
    let facts = socket(1, 1, (10, 60), None);
    let until = |end: u64| {
        let session = one(&[media(1, &facts, (10, 60))], &[], end);
        session.phases.iter().map(|phase| phase.until_rule).collect::<Vec<_>>()
    };
    assert_eq!(until(62), [UntilRule::CaptureEnd]);
    assert_eq!(until(2000), [UntilRule::SessionEnd], "it was silent for long");
}

#[test]
fn names_are_read_back() {
    for kind in PhaseKind::ALL {
        assert_eq!(PhaseKind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(PhaseKind::from_name("lunch"), None);
}
