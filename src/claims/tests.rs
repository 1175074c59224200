use super::*;
use crate::client::{Service, Whose};
use crate::flow::FlowId;
use crate::frame::FrameRef;
use crate::place::{Country, CountrySet, Grade};
use crate::session::{MeetingKind, PhaseKind, StepKind};
use crate::verdict::Axis;

/// A remote end of Zoom's, likely in that country.
fn zoom(service: Service, country: &str, name: &str) -> Remote {
    let country: Country = country.parse().unwrap();
    let is_inside = ["DE", "NL", "DK", "SE"].contains(&country.code());
    Remote {
        day: "2024-06-18".parse().unwrap(),
        whose: Whose::Client,
        service,
        recipient: Some("zoom".to_owned()),
        names: vec![name.to_owned()],
        axis: if is_inside { Axis::Eea } else { Axis::Outside },
        grade: Grade::Likely,
        countries: CountrySet::of(country),
        listing: "unlisted",
        port: 443,
        media: Vec::new(),
    }
}

fn unplaced(remote: Remote) -> Remote {
    Remote { axis: Axis::Undetermined, grade: Grade::Undetermined, countries: CountrySet::EMPTY, ..remote }
}

/// A third party that nothing ties to the client.
fn third(service: Service, recipient: &str, name: &str) -> Remote {
    let whose = Whose::NotAttributable;
    Remote { whose, recipient: Some(recipient.to_owned()), ..unplaced(zoom(service, "US", name)) }
}

fn of_client(remote: Remote) -> Remote {
    Remote { whose: Whose::Client, ..remote }
}

/// One session with a meeting by a server, and a flow to each remote end, begun in `phase`.
fn case_in(remotes: Vec<Remote>, phase: Option<PhaseKind>) -> Case {
    let phase = phase.map(|kind| SeenPhase { kind, is_sure: true });
    let flow = |(number, _): (u32, &Remote)| FlowFacts {
        key: (0, FlowId(number)),
        first: FrameRef::new(0, u64::from(number) + 1),
        remote: number,
        session: Some(0),
        phase,
        step: None,
        payload_out: 100,
    };
    let run = Run { phases: phase.into_iter().collect(), meetings: vec![MeetingKind::Server], vantage: None };
    let flows = (0..).zip(&remotes).map(flow).collect();
    Case { captures: 1, sessions: vec![run], flows, remotes, ..Case::default() }
}

fn case(remotes: Vec<Remote>) -> Case {
    case_in(remotes, None)
}

/// Everything happened in a step of that label.
fn marked(label: &str, case: Case) -> Case {
    let flows = case.flows.iter().map(|flow| FlowFacts { step: Some(0), ..*flow }).collect();
    let kind = StepKind::of_label(label).map(|kind| kind.id.clone());
    Case { steps: vec![SeenStep { label: label.to_owned(), kind }], flows, ..case }
}

fn said(facts: &[(&str, &str)], case: Case) -> Case {
    let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Case { facts, ..case }
}

fn met_in(kind: MeetingKind, mut case: Case) -> Case {
    case.sessions[0].meetings = vec![kind];
    case
}

fn stood(vantage: Axis, mut case: Case) -> Case {
    case.sessions[0].vantage = Some(vantage);
    case
}

/// Outcome and reason of a built-in claim.
fn result(id: &str, case: &Case) -> (&'static str, String) {
    let claims: Vec<Claim> = builtin().claims.iter().filter(|claim| claim.id == id).cloned().collect();
    let tested = test(&claims, case);
    holds(&tested);
    (tested[0].outcome.name(), tested[0].reason.clone())
}

fn outcome(id: &str, case: &Case) -> &'static str {
    result(id, case).0
}

/// What has to hold of every outcome.
fn holds(tested: &[Tested<'_>]) {
    for tested in tested {
        let id = &tested.claim.id;
        assert!(!tested.reason.is_empty() && !tested.brief.is_empty(), "{id}");
        match tested.outcome {
            Outcome::Contradicted => assert!(!tested.flows.is_empty() && tested.looked_at.is_some(), "{id}"),
            Outcome::Supported => assert!(tested.looked_at.is_some(), "{id}"),
            _ => {}
        }
        assert!(tested.flows.len() as u64 <= tested.flows_total, "{id}");
    }
}

const CONTRADICTED: &str = "contradicted";
const SUPPORTED: &str = "supported";
const OPEN: &str = "not_decidable";
const NOT_EXERCISED: &str = "not_exercised";

#[test]
fn the_built_in_file_has_every_claim() {
    let ids: Vec<&str> = builtin().claims.iter().map(|claim| claim.id.as_str()).collect();
    for (letter, number) in [("L", 22), ("M", 16), ("D", 7), ("E", 10), ("O", 11)] {
        for number in 1..=number {
            assert!(ids.contains(&format!("{letter}{number:02}").as_str()), "{letter}{number:02}");
        }
    }
    assert_eq!(ids.len(), 66);
    assert_eq!(builtin().packs(), ["surf-2024", "surf-2022", "somi-2020", "uninett-2020"]);
    for claim in &builtin().claims {
        assert!(claim.text.ends_with('.') && claim.limits.ends_with('.'), "{}", claim.id);
        let is_out = claim.testable == Testable::OutOfScope;
        assert_eq!(is_out, claim.id.starts_with('O'), "{}", claim.id);
        for word in ["unlawful", "illegal", "violation"] {
            assert!(!format!("{} {}", claim.text, claim.limits).contains(word), "{}: {word}", claim.id);
        }
    }
}

#[test]
fn a_claim_of_several_documents_is_in_several_packs() {
    let of =
        |pack: &str| builtin().of_packs(&[pack]).into_iter().map(|claim| claim.id).collect::<Vec<String>>();
    for pack in ["surf-2024", "surf-2022"] {
        assert!(of(pack).contains(&"L10".to_owned()), "{pack}");
    }
    assert!(of("surf-2024").contains(&"L01".to_owned()) && !of("surf-2022").contains(&"L01".to_owned()));
    let packs = builtin().packs();
    assert_eq!(builtin().of_packs(&packs).len(), 66);
    assert_eq!(Selection::default().claims.len(), of(DEFAULT_PACK).len());
    // The sources are those of the pack alone, so that its date is the one that counts.
    let ten = &builtin().of_packs(&["surf-2024"]).into_iter().find(|claim| claim.id == "L10").unwrap();
    assert_eq!(ten.first_source().unwrap().document.date.shown, "2024-04-19");
}

#[test]
fn processing_in_the_eu_alone_with_its_exceptions() {
    let media = zoom(Service::Media, "DE", "zoomfr1mmr.zoom.us");
    let sign_in = zoom(Service::SignIn, "US", "zoom.us");
    let log = zoom(Service::Telemetry, "US", "log.zoom.us");
    let (supported, reason) = result("L01", &case(vec![media.clone(), sign_in.clone()]));
    assert_eq!(supported, SUPPORTED);
    assert!(reason.ends_with("; 1 flow is among its exceptions: zoom.us (sign in) in US"), "{reason}");
    let (against, reason) = result("L01", &case(vec![media.clone(), sign_in.clone(), log.clone()]));
    assert_eq!(against, CONTRADICTED);
    assert!(reason.contains("log.zoom.us (telemetry) in US") && !reason.contains("before"), "{reason}");
    // The exception is for the US.
    let elsewhere = zoom(Service::SignIn, "SG", "zoom.us");
    assert_eq!(outcome("L01", &case(vec![media.clone(), elsewhere])), CONTRADICTED);
    // Users who travel are an exception, too.
    let abroad = case(vec![media.clone(), log.clone()]);
    let (open, reason) = result("L01", &stood(Axis::Outside, abroad.clone()));
    assert_eq!(open, OPEN, "nothing was tried: {reason}");
    assert!(reason.ends_with("; 1 flow is among its exceptions: log.zoom.us (telemetry) in US"), "{reason}");
    assert_eq!(outcome("L01", &stood(Axis::Eea, abroad)), CONTRADICTED);
    // What is not placed, or by a database alone, leaves it open.
    for log in [unplaced(log.clone()), Remote { grade: Grade::Possible, ..log.clone() }] {
        assert_eq!(outcome("L01", &case(vec![media.clone(), log])), OPEN);
    }
    let possible = Remote { grade: Grade::Possible, ..media.clone() };
    assert_eq!(outcome("L01", &case(vec![possible])), OPEN);
    // Nothing was sent.
    let mut silent = case(vec![media.clone(), log.clone()]);
    silent.flows[1].payload_out = 0;
    assert_eq!(outcome("L01", &silent), SUPPORTED);
    // 001 and 002: almost all data of accounts on the European option; account, diagnostic and support data.
    let both = case(vec![media.clone(), zoom(Service::SignIn, "DE", "eu01web.zoom.us")]);
    assert_eq!(outcome("L02", &both), OPEN);
    assert_eq!(outcome("L02", &said(&[("region", "eu")], both.clone())), SUPPORTED);
    assert_eq!(outcome("L02", &said(&[("region", "us")], both.clone())), NOT_EXERCISED);
    let cluster = zoom(Service::SignIn, "DE", "us02web.zoom.us");
    assert_eq!(outcome("L02", &said(&[("region", "nl")], case(vec![media.clone(), cluster]))), CONTRADICTED);
    let (open, reason) = result(
        "L02",
        &said(&[("region", "EEA")], case(vec![media.clone(), zoom(Service::Web, "DE", "us02www3.zoom.us")])),
    );
    assert!(open == OPEN && reason.contains("by its name is outside Europe"), "{reason}");
    assert_eq!(outcome("L20", &both), NOT_EXERCISED);
    let eu_log = zoom(Service::LogUpload, "DE", "eu01log.zoom.us");
    assert_eq!(outcome("L20", &case(vec![eu_log])), SUPPORTED);
    assert_eq!(outcome("L20", &case(vec![media, log])), CONTRADICTED);
}

#[test]
fn telemetry_in_the_us() {
    let telemetry = || zoom(Service::Telemetry, "US", "us.telemetry.zoom.us");
    for id in ["L01", "L20"] {
        assert_eq!(outcome(id, &case(vec![telemetry()])), CONTRADICTED, "{id}");
    }
    // Where the statistics are made is behind the first hop; which events are sent is encrypted.
    for id in ["L12", "D01", "D02"] {
        assert_eq!(outcome(id, &case(vec![telemetry()])), OPEN, "{id}");
    }
    let before = Remote { day: "2022-12-31".parse().unwrap(), ..telemetry() };
    let (outcome, reason) = result("L20", &case(vec![before]));
    assert_eq!(outcome, NOT_EXERCISED);
    assert!(reason.contains("from 2023-01-01 on") && reason.contains("2022-12-31"), "{reason}");
}

#[test]
fn what_is_systematic_is_in_every_session() {
    let log = zoom(Service::Telemetry, "US", "log.zoom.us");
    let web = zoom(Service::Web, "DE", "www.zoom.us");
    let once = case(vec![log, web]);
    for id in ["L03", "L11"] {
        assert_eq!(outcome(id, &once), NOT_EXERCISED, "{id}");
        let mut runs = once.clone();
        runs.sessions.push(Run::default());
        runs.flows[1].session = Some(1);
        assert_eq!(outcome(id, &runs), OPEN, "{id}");
        // Two sessions are too few.
        runs.flows.push(FlowFacts { session: Some(1), ..runs.flows[0] });
        let (open, reason) = result(id, &runs);
        assert!(open == OPEN && reason.contains("in 2 of 2 sessions; it takes 3"), "{reason}");
        runs.sessions.push(Run::default());
        runs.flows.push(FlowFacts { session: Some(2), ..runs.flows[0] });
        let (contradicted, reason) = result(id, &runs);
        assert!(
            contradicted == CONTRADICTED && reason.contains("telemetry is in each of 3 sessions"),
            "{reason}"
        );
        // What nobody's session holds is no session.
        let mut loose = runs.clone();
        loose.flows[2].session = None;
        assert_eq!(outcome(id, &loose), OPEN, "{id}");
        // In one of them it is for another service.
        let mut mixed = runs.clone();
        mixed.remotes.push(zoom(Service::Push, "US", "us02zpns.zoom.us"));
        mixed.flows[3].remote = 2;
        assert_eq!(outcome(id, &mixed), OPEN, "{id}");
        // A session of a client outside the EEA does not count.
        let mut travelled = runs.clone();
        travelled.sessions[2].vantage = Some(Axis::Outside);
        let (open, reason) = result(id, &travelled);
        assert!(open == OPEN && reason.contains("in 2 of 2 sessions"), "{reason}");
        for run in &mut travelled.sessions {
            run.vantage = Some(Axis::Outside);
        }
        assert_eq!(outcome(id, &travelled), NOT_EXERCISED, "{id}");
    }
}

#[test]
fn a_flow_that_supports_the_report_to_the_us_is_no_breach_of_the_eu() {
    let services = Service::ALL;
    for service in services {
        let mut reported =
            marked("Report a participant", case(vec![zoom(service, "US", "us02www3.zoom.us")]));
        reported.flows[0].payload_out = 30_000;
        let both = (outcome("L10", &reported), outcome("L01", &reported));
        assert_ne!(both, (SUPPORTED, CONTRADICTED), "{service:?}");
    }
    let web = || case(vec![zoom(Service::Web, "US", "us02www3.zoom.us")]);
    assert_eq!(outcome("L01", &web()), CONTRADICTED);
    assert_eq!(outcome("L01", &marked("do not report a participant", web())), CONTRADICTED);
    assert_ne!(outcome("L01", &marked("report a participant", web())), CONTRADICTED);
}

#[test]
fn single_sign_on_and_what_is_told_at_sign_in() {
    let signed_in = || case_in(vec![zoom(Service::Web, "US", "us02web.zoom.us")], Some(PhaseKind::SignIn));
    assert_eq!(outcome("L05", &said(&[("sso", "false")], signed_in())), SUPPORTED);
    assert_eq!(outcome("L05", &said(&[("sso", "true")], signed_in())), OPEN);
    let (open, reason) = result("L05", &signed_in());
    assert!(open == OPEN && reason.contains("not said of the test"), "{reason}");
}

#[test]
fn guests_are_in_a_meeting_of_an_account_in_the_eu() {
    let media = || case(vec![zoom(Service::Media, "DE", "zoomfr1mmr.zoom.us")]);
    assert_eq!(outcome("L21", &said(&[("guest", "true")], media())), OPEN);
    assert_eq!(outcome("L21", &said(&[("guest", "true"), ("region", "EU")], media())), SUPPORTED);
    assert_eq!(outcome("L21", &said(&[("guest", "true"), ("region", "NL")], media())), SUPPORTED);
    assert_eq!(outcome("L21", &said(&[("guest", "true"), ("region", "US")], media())), NOT_EXERCISED);
}

#[test]
fn chats_media_and_updates_are_exercised_before_anything_is_said_of_them() {
    let web = || case(vec![zoom(Service::Web, "DE", "www.zoom.us")]);
    let without_files = |case| said(&[("file_sharing", "false")], case);
    assert_eq!(outcome("E08", &without_files(web())), NOT_EXERCISED);
    assert_eq!(outcome("E08", &without_files(marked("no chat in this test", web()))), NOT_EXERCISED);
    assert_eq!(outcome("E08", &without_files(marked("chat", web()))), SUPPORTED);
    assert_eq!(outcome("E05", &case(vec![zoom(Service::Media, "DE", "zoomfr1mmr.zoom.us")])), OPEN);
    let update = || vec![zoom(Service::Update, "US", "cdn.zoom.us")];
    assert_eq!(outcome("E10", &case(update())), NOT_EXERCISED);
    assert_eq!(outcome("E10", &case_in(update(), Some(PhaseKind::Update))), SUPPORTED);
    let shares = Remote { port: 445, ..zoom(Service::Unknown, "US", "files.example.org") };
    assert_eq!(outcome("E09", &case(vec![shares.clone()])), SUPPORTED);
    let at_home = Remote { axis: Axis::Local, grade: Grade::Local, countries: CountrySet::EMPTY, ..shares };
    assert_eq!(outcome("E09", &case(vec![at_home])), OPEN);
}

#[test]
fn a_place_that_is_only_possible_is_said_to_be_so() {
    let possible = Remote { grade: Grade::Possible, ..zoom(Service::Media, "US", "zoom1mmr.zoom.us") };
    let (_, reason) = result("L01", &case(vec![possible]));
    assert!(reason.contains("(media) possibly in US"), "{reason}");
}

#[test]
fn the_vanity_address_at_sign_in() {
    let own = zoom(Service::Web, "DE", "university.zoom.us");
    let apex = zoom(Service::SignIn, "DE", "zoom.us");
    let signed_in = |remotes| case_in(remotes, Some(PhaseKind::SignIn));
    let with_vanity = |case| said(&[("vanity_host", "university.zoom.us")], case);
    assert_eq!(outcome("L06", &with_vanity(case(vec![own.clone()]))), NOT_EXERCISED);
    assert_eq!(outcome("L06", &signed_in(vec![own.clone()])), OPEN);
    assert_eq!(outcome("L06", &with_vanity(signed_in(vec![own.clone()]))), SUPPORTED);
    assert_eq!(outcome("L06", &with_vanity(signed_in(vec![own.clone(), apex]))), CONTRADICTED);
    let other = zoom(Service::Web, "DE", "explore-eu.zoom.us");
    assert_eq!(outcome("L06", &with_vanity(signed_in(vec![other]))), NOT_EXERCISED);
    let outside = zoom(Service::Web, "US", "university.zoom.us");
    assert_eq!(outcome("L06", &with_vanity(signed_in(vec![outside]))), CONTRADICTED);
    assert_eq!(outcome("L06", &with_vanity(signed_in(vec![unplaced(own.clone())]))), OPEN);
    // A phase that is uncertain decides nothing, neither by what is in it nor by what is not.
    for remotes in [vec![own.clone()], vec![own, zoom(Service::SignIn, "DE", "zoom.us")]] {
        let unsure = SeenPhase { kind: PhaseKind::SignIn, is_sure: false };
        let mut case = with_vanity(signed_in(remotes));
        case.sessions[0].phases = vec![unsure];
        case.flows.iter_mut().for_each(|flow| flow.phase = Some(unsure));
        let (open, reason) = result("L06", &case);
        assert!(open == OPEN && reason.contains("uncertain"), "{reason}");
    }
}

#[test]
fn twilio_and_the_tracking_pixel() {
    let pixel = third(Service::ThirdPartyMessaging, "twilio", "u1.ct.sendgrid.net");
    let web = zoom(Service::Web, "DE", "www.zoom.us");
    assert_eq!(outcome("M01", &case(vec![pixel.clone()])), OPEN);
    // Nothing ties it to the client or to the invitation.
    let (open, reason) = result("M03", &case(vec![pixel.clone()]));
    assert_eq!(open, OPEN);
    assert!(reason.contains("nothing ties to the client"), "{reason}");
    assert_eq!(outcome("M02", &case(vec![pixel.clone()])), NOT_EXERCISED);
    let opened = |remotes| marked("the webinar Invitation is opened", case(remotes));
    assert_eq!(outcome("M02", &opened(vec![pixel.clone()])), SUPPORTED);
    assert_eq!(outcome("M03", &opened(vec![pixel.clone()])), OPEN);
    assert_eq!(outcome("M03", &opened(vec![of_client(pixel)])), CONTRADICTED);
    assert_eq!(outcome("M03", &opened(vec![web.clone()])), SUPPORTED);
    assert_eq!(outcome("M03", &case(vec![web])), NOT_EXERCISED);
}

#[test]
fn trust_and_safety() {
    let upload = zoom(Service::Web, "US", "us02www3.zoom.us");
    assert_eq!(outcome("L10", &case(vec![upload.clone()])), NOT_EXERCISED);
    let mut reported = marked("Report a participant", case(vec![upload]));
    // A small request is no report.
    assert_eq!(outcome("L10", &reported), OPEN);
    reported.flows[0].payload_out = 30_000;
    assert_eq!(outcome("L10", &reported), SUPPORTED);
    let inside = zoom(Service::Web, "DE", "eu01www3.zoom.us");
    let (open, reason) = result("L10", &marked("report a participant", case(vec![inside])));
    assert_eq!(open, OPEN);
    assert!(reason.contains("not visible"), "{reason}");
}

#[test]
fn china_routing_and_the_eight_regions() {
    let china = zoom(Service::Media, "CN", "rwctj.tj.zoom.com.cn");
    let germany = zoom(Service::Media, "DE", "zoomfr1mmr.zoom.us");
    let joining = |remotes| case_in(remotes, Some(PhaseKind::Joining));
    for id in ["L14", "L15"] {
        assert_eq!(outcome(id, &joining(vec![china.clone(), germany.clone()])), SUPPORTED, "{id}");
        assert_eq!(outcome(id, &joining(vec![germany.clone()])), OPEN, "{id}");
    }
    assert_eq!(outcome("L15", &case(vec![china])), OPEN);
    let chosen = |regions, country| {
        let media = zoom(Service::Media, country, "zoom1mmr.zoom.us");
        outcome("L13", &said(&[("media_regions", regions)], case(vec![media])))
    };
    assert_eq!(outcome("L13", &case(vec![germany.clone()])), OPEN);
    for country in ["DE", "AU", "US"] {
        assert_eq!(chosen("EU, AU, US", country), SUPPORTED, "{country}");
    }
    assert_eq!((chosen("EU", "SG"), chosen("SG", "DE")), (OPEN, OPEN));
    let mut idle = case(vec![germany]);
    idle.sessions[0].meetings.clear();
    assert_eq!(outcome("L14", &idle), NOT_EXERCISED);
}

#[test]
fn facebook_linkedin_and_google() {
    let service = Service::ThirdPartyAnalytics;
    for (recipient, name) in [
        ("google", "www.google-analytics.com"),
        ("meta", "graph.facebook.com"),
        ("linkedin", "px.ads.licdn.com"),
    ] {
        let beside = zoom(Service::Web, "DE", "www.zoom.us");
        let party = third(service, recipient, name);
        let (open, reason) = result("M06", &case(vec![beside.clone(), party.clone()]));
        assert!(open == OPEN && reason.contains(name), "{reason}");
        let signed_in = |remotes| case_in(remotes, Some(PhaseKind::SignIn));
        assert_eq!(outcome("M09", &signed_in(vec![beside.clone(), party.clone()])), OPEN);
        let tied = signed_in(vec![beside, of_client(party)]);
        assert_eq!(outcome("M06", &tied), SUPPORTED);
        assert_eq!(outcome("M09", &tied), CONTRADICTED);
    }
    let nothing = case(vec![zoom(Service::Web, "DE", "www.zoom.us")]);
    assert_eq!((outcome("M06", &nothing), outcome("M09", &nothing)), (OPEN, NOT_EXERCISED));
    assert_eq!(outcome("M09", &marked("open the portal", nothing)), SUPPORTED);
    // The app for iOS, until the end of March 2020.
    let party = of_client(third(service, "meta", "graph.facebook.com"));
    let late = said(&[("platform", "ios")], case(vec![party.clone()]));
    assert_eq!(outcome("M07", &late), NOT_EXERCISED);
    let party = Remote { day: "2020-03-27".parse().unwrap(), ..party };
    assert_eq!(outcome("M07", &case(vec![party.clone()])), OPEN);
    assert_eq!(outcome("M07", &said(&[("platform", "iOS")], case(vec![party]))), SUPPORTED);
}

#[test]
fn nordic_servers_in_copenhagen_and_stockholm() {
    let media = |country| zoom(Service::Media, country, "zoom1mmr.zoom.us");
    let nordic = |remotes| said(&[("service", "Nordic")], case(remotes));
    assert_eq!(
        (outcome("L16", &case(vec![media("US")])), outcome("L17", &case(vec![media("US")]))),
        (OPEN, OPEN)
    );
    assert_eq!(
        (outcome("L17", &nordic(vec![media("US")])), outcome("L17", &nordic(vec![media("DE")]))),
        (CONTRADICTED, OPEN)
    );
    for (countries, expected) in [
        (&["DK"][..], SUPPORTED),
        (&["NL"], OPEN),
        (&["SE", "DK"], SUPPORTED),
        (&["DE"], CONTRADICTED),
        (&["SE", "US"], CONTRADICTED),
    ] {
        let remotes = countries.iter().map(|country| media(country)).collect();
        assert_eq!(outcome("L16", &nordic(remotes)), expected, "{countries:?}");
    }
    assert_eq!(outcome("L16", &nordic(vec![unplaced(media("DK"))])), OPEN);
    let border = Remote {
        countries: ["DK", "DE"].map(|code| code.parse::<Country>().unwrap()).into_iter().collect(),
        ..media("DK")
    };
    assert_eq!(outcome("L16", &nordic(vec![border])), OPEN);
}

#[test]
fn no_end_to_end_encryption_in_the_browser() {
    let media = zoom(Service::Media, "US", "zoom1rwg.zoom.us");
    assert_eq!(outcome("E01", &case(vec![media.clone()])), NOT_EXERCISED);
    let (supported, reason) = result("E01", &met_in(MeetingKind::Browser, case(vec![media])));
    assert_eq!(supported, SUPPORTED);
    assert!(reason.starts_with("nothing in this capture speaks against it"), "{reason}");
}

#[test]
fn aes_claims_need_the_media_itself() {
    let (open, reason) = result("E04", &case(vec![zoom(Service::Media, "US", "zoom1mmr.zoom.us")]));
    assert_eq!(open, OPEN);
    assert!(reason.starts_with("it is inside what is encrypted"), "{reason}");
}

#[test]
fn the_ai_companion_and_giphy() {
    let web = zoom(Service::Web, "DE", "www.zoom.us");
    let giphy = third(Service::ThirdPartyMessaging, "giphy", "media.giphy.com");
    assert_eq!(outcome("M12", &case(vec![web.clone()])), OPEN);
    assert_eq!(outcome("M11", &case(vec![web.clone()])), NOT_EXERCISED);
    assert_eq!(outcome("M11", &marked("Chat with a picture", case(vec![web.clone()]))), SUPPORTED);
    assert_eq!(outcome("M11", &case(vec![web.clone(), giphy.clone()])), OPEN);
    assert_eq!(outcome("M11", &case(vec![web, of_client(giphy)])), CONTRADICTED);
}

#[test]
fn a_capture_from_before_the_statement_is_tested_and_says_so() {
    let old = Remote { day: "2019-09-26".parse().unwrap(), ..zoom(Service::Telemetry, "US", "log.zoom.us") };
    let (against, reason) = result("L01", &case(vec![old]));
    assert_eq!(against, CONTRADICTED);
    let expected = "; the capture is of 2019-09-26, before the statement of 2024-04-19";
    assert!(reason.ends_with(expected), "{reason}");
}

#[test]
fn without_the_client_nothing_is_exercised() {
    for tested in test(&builtin().claims, &Case::default()) {
        assert!(!matches!(tested.outcome, Outcome::Supported | Outcome::Contradicted), "{}", tested.claim.id);
    }
}

#[test]
fn many_flows_are_counted_and_the_first_are_listed() {
    let mut many = case(vec![zoom(Service::Telemetry, "US", "log.zoom.us")]);
    many.flows = vec![many.flows[0]; 1000];
    let claims = builtin().of_packs(&[DEFAULT_PACK]);
    let tested = test(&claims, &many);
    let first = tested.iter().find(|tested| tested.claim.id == "L01").unwrap();
    assert_eq!((first.flows.len(), first.flows_total), (100, 1000));
    assert_eq!(first.reason.matches("log.zoom.us").count(), 1);
}

const HEAD: &str = "schema = 1\ncompiled = \"2026-11-28\"\n\n[[document]]\nid = \"own\"\ntitle = \"Own\"\npublisher = \"We\"\ndate = \"2026-01\"\npack = \"ours\"\n\n";
const CLAIM: &str = "[[claim]]\nid = \"X1\"\ntext = \"T.\"\nsources = [{ document = \"own\", place = \"p. 1\" }]\ntestable = \"metadata\"\nlimits = \"L.\"\ncontradicted_by = [{ services = [\"media\"], axis = \"outside\" }]\n";

/// Head and claim with one replacement; the first line of the error.
fn refusal(from: &str, to: &str) -> String {
    let text = format!("{HEAD}{CLAIM}").replacen(from, to, 1);
    assert!(text.contains(to), "{to}");
    Book::parse("own.toml", &text).unwrap_err().to_string().lines().next().unwrap().to_owned()
}

#[test]
fn a_file_of_ones_own_is_read() {
    let book = Book::parse("own.toml", &format!("{HEAD}{CLAIM}")).unwrap();
    assert_eq!((book.packs(), book.claims.len()), (vec!["ours"], 1));
    let media = zoom(Service::Media, "US", "zoom1mmr.zoom.us");
    assert_eq!(test(&book.claims, &case(vec![media]))[0].outcome, Outcome::Contradicted);
}

#[test]
fn errors_name_the_line() {
    for (from, to, expected) in [
        ("schema = 1", "schema = 2", "own.toml:1:10: schema 1 is the only one known"),
        ("pack = \"ours\"", "pack = \"all\"", "own.toml:4:"),
        ("\"2026-01\"", "\"2026-13\"", "own.toml:8:8: not a day or month"),
        ("document = \"own\"", "document = \"other\"", "own.toml:14:25: no document of the file has this id"),
        ("text = \"T.\"", "text = \" \"", "own.toml:13:8: this must not be empty"),
        ("id = \"X1\"", "id = \"X 1\"", "own.toml:12:6: an id is one word"),
        ("\"metadata\"", "\"payload\"", "own.toml:15:12: only what metadata can test has a rule"),
        ("\"media\"", "\"video\"", "own.toml:17:34: unknown variant `video`"),
        ("services = [\"media\"], axis = \"outside\"", "", "own.toml:17:20: this would be any flow"),
        ("services = [\"media\"]", "operators = [\"acme\"]", "own.toml:17:20: no operator has the id acme"),
        ("services = [\"media\"]", "phases = [\"lunch\"]", "own.toml:17:"),
        (
            "axis = \"outside\"",
            "axis = \"outside\", min_grade = \"possible\"",
            "own.toml:17:20: a place that is no more",
        ),
        ("services = [\"media\"]", "steps = [\"\"]", "own.toml:17:20: words of a label in `steps` are empty"),
        (
            "limits = \"L.\"",
            "limits = \"L.\"\nneeds = { marks = [\" \"] }",
            "own.toml:17:9: words of a label in `marks`",
        ),
        (
            "limits = \"L.\"",
            "limits = \"L.\"\nneeds = { facts = { vanty_host = true } }",
            "own.toml:17:9: no manifest says \"vanty_host\"; there are account, build",
        ),
        (
            "limits = \"L.\"",
            "limits = \"L.\"\nneeds = { one_of = [{ facts = { ss = true } }] }",
            "own.toml:17:9: no manifest says \"ss\"",
        ),
        ("services = [\"media\"]", "names_of_fact = \"host\"", "own.toml:17:20: no manifest says \"host\""),
        ("axis = \"outside\"", "axis = \"undetermined\"", "own.toml:17:20: a place that is not known"),
        (
            "services = [\"media\"], axis = \"outside\"",
            "min_payload_out = 0",
            "own.toml:17:20: this would be any",
        ),
        ("id = \"X1\"", "id = \"X\\u001b\"", "own.toml:12:6: an id is one word"),
        (
            "limits = \"L.\"",
            "limits = \"L.\"\nin_every_session = 0",
            "own.toml:12:6: `in_every_session` is the least",
        ),
        (
            "limits = \"L.\"",
            "limits = \"L.\"\nsupported_by = [{ services = [\"media\"] }]\nabsent = { outcome = \"not_decidable\", because = \" \" }",
            "own.toml:18:10: `because` must not be empty",
        ),
        ("services", "service", "own.toml:17:22: unknown field `service`"),
        ("contradicted_by", "supported_by", "own.toml:17:17: `absent` has to say"),
        (
            "limits = \"L.\"\n",
            "limits = \"L.\"\nuntil = \"2026-01-01\"\nfrom = \"2026-01-02\"\n",
            "own.toml:17:9: the claim ends before it begins",
        ),
    ] {
        let shown = refusal(from, to);
        assert!(shown.starts_with(expected), "{to}: {shown}");
    }
    let twice = format!("{HEAD}{CLAIM}\n{CLAIM}");
    let shown = Book::parse("own.toml", &twice).unwrap_err().to_string();
    assert!(shown.starts_with("own.toml:20:6: another claim has this id"), "{shown}");
}

#[test]
fn every_rule_can_be_said_in_words() {
    for claim in builtin().claims.iter().filter(|claim| claim.testable == Testable::Metadata) {
        let lines = rule_in_words(&claim.rule);
        assert!(lines.iter().any(|line| line.contains(" by ") || line.contains("without")), "{}", claim.id);
        assert!(lines.iter().all(|line| !line.ends_with(' ')), "{}: {lines:?}", claim.id);
    }
}
