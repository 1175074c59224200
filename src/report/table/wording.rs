//! How the table and the other reports for people say what fields hold.
//!
//! Input: values of the schema. Output: a few words in a language, clean. Must not: lay them out.

use std::fmt::Write as _;

use crate::client::Service;
use crate::place::WitnessKind;
use crate::report::lang::Lang;
use crate::report::schema::{DataSource, Destination, PhaseFlows, Register, Witness};
use crate::report::text::{clean, count};
use crate::verdict::Axis;

/// What a witness rests on: a round trip's in words of our own, anything else a name.
pub(super) fn source_of(witness: &Witness, lang: Lang) -> String {
    let is_own = witness.kind == WitnessKind::RoundTrip.name();
    if is_own { lang.sentence(&witness.source) } else { lang.name(&witness.source) }
}

/// In which phases its flows began.
pub(in crate::report) fn phases(d: &Destination, lang: Lang) -> String {
    let of = |phase: &PhaseFlows| format!("{} ({})", lang.id(phase.phase), count(phase.flows));
    d.phases.iter().map(of).collect::<Vec<String>>().join(", ")
}

/// A `snake_case` id as words.
pub(in crate::report) fn words(id: &str) -> String {
    id.replace('_', " ")
}

pub(in crate::report) fn run_by(d: &Destination, lang: Lang) -> String {
    if d.is_at(Axis::Participant) {
        return lang.word("a person, no recipient");
    }
    let name = match &d.recipient_name {
        Some(name) => lang.name(name),
        None => lang.word("a recipient that is not known"),
    };
    let seat =
        d.recipient_seat.as_deref().map(|seat| lang.say(" (seat {seat})", &[&seat])).unwrap_or_default();
    format!("{}{seat}", clean(&name))
}

pub(in crate::report) fn service(id: &str, lang: Lang) -> String {
    let meaning = Service::from_id(id).map(Service::meaning);
    meaning.map_or_else(|| lang.id(id), |meaning| format!("{}: {}", lang.id(id), lang.word(meaning)))
}

pub(in crate::report) fn place(d: &Destination, lang: Lang) -> String {
    let place = &d.place;
    let (or, grade) = (lang.word(" or "), lang.id(&place.grade));
    let mut text = match (place.axis.as_str(), place.located.as_slice()) {
        ("undetermined", countries) if place.reason.is_none() && !countries.is_empty() => lang.say(
            "undetermined: {}, {}, on both sides of the border of the EEA",
            &[&countries.join(&or), &grade],
        ),
        ("undetermined", _) => {
            let reason = place.reason.as_deref().map(|reason| lang.sentence(reason));
            lang.say("undetermined: {}", &[&reason.unwrap_or_else(|| lang.word("no evidence of place"))])
        }
        ("participant", _) => lang.word("another participant's line, a person's address"),
        ("local", _) => lang.word("on the local network"),
        (_, countries) => format!("{}, {grade}", countries.join(&or)),
    };
    // Outside the EEA the law has a line of its own.
    if let Some(zone) = d.zone.as_deref().filter(|_| place.axis == "eea") {
        let _ = write!(text, "; {}", lang.sentences(zone, " or "));
    }
    if !place.disputed.is_empty() {
        text.push_str(&lang.say("; disputed: {}", &[&place.disputed.join(", ")]));
    }
    text
}

/// The law of the day, with the decision that it rests on and, where the recipient decides, who says what it is.
pub(in crate::report) fn law(d: &Destination, lang: Lang) -> Option<String> {
    let zone = d.zone.as_deref().filter(|_| d.is_at(Axis::Outside))?;
    let mut text = lang.sentences(zone, " or ");
    if let Some(basis) = &d.zone_basis {
        // A row that knows of no decision says why.
        let reason = basis.strip_prefix("none: ");
        let _ = match reason {
            Some(reason) => write!(text, "; {}", clean(&lang.sentence(reason))),
            None => write!(text, ": {}", clean(&lang.sentences(basis, "; "))),
        };
    }
    match &d.certified_by {
        Some(source) => {
            let source = clean(&lang.sentence(source));
            text.push_str(&lang.say("; on the recipient's certification: {}", &[&source]));
        }
        None if zone.contains("only for") => {
            text.push_str(&lang.word("; whether this recipient is one is not known"));
        }
        None => {}
    }
    Some(text)
}

/// Who announces the address and where it is registered: two facts beside the place.
pub(in crate::report) fn network(d: &Destination, lang: Lang) -> Option<String> {
    let network = d.network.as_deref().map(|network| {
        let seat =
            d.network_seat.as_deref().map(|seat| lang.say(" (seat {seat})", &[&seat])).unwrap_or_default();
        format!("{}{seat}", clean(network))
    });
    let registered =
        d.place.registered.as_deref().map(|country| lang.say("address registered in {country}", &[&country]));
    let parts: Vec<String> = network.into_iter().chain(registered).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

pub(in crate::report) fn origin(origin: &str, lang: Lang) -> String {
    match origin {
        "sni" => lang.word("TLS server name"),
        "sni_other_copy" => lang.word("TLS server name of another copy"),
        "quic_sni" => lang.word("QUIC server name"),
        "dtls_sni" => lang.word("DTLS server name"),
        "http_host" => lang.word("HTTP host"),
        "dns" => lang.word("DNS answer"),
        "dns_alias" => lang.word("DNS alias"),
        "dns_hint" => lang.word("DNS address hint"),
        other => lang.id(other),
    }
}

/// The rule that found where a meeting begins or ends, for people.
pub(in crate::report) fn rule(rule: &str, lang: Lang) -> String {
    match rule {
        "bind" => lang.word("first bind to it"),
        "capture_end" => lang.word("the capture ends here, the meeting perhaps later"),
        "close" => lang.word("its close"),
        "gateway_closed" => lang.word("last before the connections to the gateway were closed"),
        "gateway_contact" => lang.word("contact with the gateway for browsers"),
        "hello" => lang.word("first hello"),
        "media_joined_midway" => lang.word("media already running"),
        "media_over_tls" => lang.word("a TLS connection to a media router that carries as much as a call"),
        "peer_hello" => lang.word("hello between participants"),
        "peer_media" => lang.word("media between participants"),
        "silence" => lang.word("last before silence"),
        other => lang.id(other),
    }
}

pub(in crate::report) fn compared(register: &Register, lang: Lang) -> String {
    let from = register.valid_from.as_deref().map(|day| lang.say(" from {day}", &[&day])).unwrap_or_default();
    let until =
        register.valid_until.as_deref().map(|day| lang.say(" until {day}", &[&day])).unwrap_or_default();
    let is_open = from.is_empty() && until.is_empty();
    let valid = if is_open { lang.word(" at all times") } else { String::new() };
    let [title, limits] = [&register.title, &register.limits].map(|text| clean(&lang.name(text)));
    lang.say(
        "register {}: {title}, valid{valid}{from}{until}; {limits}",
        &[&clean(&register.name), &title, &valid, &from, &until, &limits],
    )
}

pub(in crate::report) fn used(source: &DataSource, lang: Lang) -> String {
    let dated = source.dated.clone().unwrap_or_else(|| lang.word("no known date"));
    let kind = match source.kind.as_str() {
        "user_database" => "; the user's own database (--geoip)",
        "cloud_ranges" => "; the user's list of cloud ranges (--ranges)",
        "geofeed" => "; the user's geofeed (--geofeed)",
        "anycast_list" => "; the user's list of anycast ranges (--anycast)",
        "overrides" => "; the user's own statements (--override)",
        "own_table" => "; compiled by borderpost, each row with its source",
        _ => "",
    };
    let kind = if kind.is_empty() { String::new() } else { lang.word(kind) };
    let credit = source.credit.as_deref().map(|credit| format!(". {}", clean(&lang.name(credit))));
    let credit = credit.unwrap_or_default();
    lang.say("{}, of {dated}{kind}{credit}", &[&clean(&lang.name(&source.name)), &dated, &kind, &credit])
}
