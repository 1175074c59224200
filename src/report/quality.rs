//! What the captures could not show, as counts and as sentences. Absence is a result.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::client::Whose;
use crate::evidence::Fact;
use crate::frame::FrameRef;
use crate::inspect::{self, Inspection, KnownBy, Unit};
use crate::packet::Class;
use crate::place::{Doubt, STALE_AFTER_DAYS};
use crate::report::flows::is_joined_midway;
use crate::report::protocol::describe;
use crate::report::schema::{Decryption, Quality, SummedUp, Undecoded, Vantage, VantageConflict};
use crate::report::text::{count, plural, size};
use crate::report::view::{Row, View};
use crate::report::{decryption, steps, tunnels};
use crate::wire::dns;

/// Sums up what is missing.
pub(super) fn quality(view: &View<'_>, decryption: Option<&Decryption>) -> Quality {
    let inspection = view.inspection;
    let hidden = Hidden::of(view);
    let is_nameless = |row: &Row<'_>| is_client(row) && row.unit.names(row.flow.id()).is_empty();
    let limits = |of: &dyn Fn(&Unit) -> u64| inspection.units().iter().map(of).sum::<u64>();
    let mut quality = Quality {
        frames_lost: lost(inspection),
        frames_cut: inspection.census().cut(),
        frames_without_time: inspection.census().timeless(),
        undecoded: undecoded(inspection),
        flows_joined_midway: hidden.joined_midway,
        client_flows_without_name: view.found().filter(is_nameless).count() as u64,
        encrypted_dns_flows: hidden.encrypted_dns,
        unasked_dns_answers: limits(&|unit| unit.evidence().limits().unasked_dns_answers),
        handshakes_dropped: limits(&|unit| unit.evidence().limits().handshakes_dropped),
        files_skipped: inspection.files_skipped(),
        inputs_without_loss_count: silent(inspection),
        vpn_or_proxy_suspected: tunnels::suspicions(view),
        register_switched_off: inspection.settings().registers.is_empty(),
        vantage: vantage(inspection),
        vantage_conflicts: conflicts(inspection),
        round_trips_unused: round_trips_unused(view),
        flows_of_impossible_days: limits(&Unit::flows_of_impossible_days),
        law_date: inspection.settings().law_date.map(|day| day.to_string()),
        database_days_away: database_days_away(view),
        summed_up: inspection.units().iter().filter_map(Unit::summed_up).map(summed_up).collect(),
        marks_unused: steps::unused(inspection),
        remarks: Vec::new(),
    };
    quality.remarks = remarks(&quality, &hidden, inspection);
    quality.remarks.extend(decryption.into_iter().flat_map(decryption::remarks));
    quality
}

/// What is not seen of any flows, whosever they are: looked for in one pass, since they may be millions.
#[derive(Default)]
struct Hidden {
    joined_midway: u64,
    encrypted_dns: u64,
    first_encrypted: Option<FrameRef>,
}

impl Hidden {
    fn of(view: &View<'_>) -> Self {
        let mut hidden = Self::default();
        for row in view.rows() {
            hidden.joined_midway += u64::from(is_joined_midway(&row));
            if let Some(frame) = encrypted_dns(&row) {
                hidden.encrypted_dns += 1;
                hidden.first_encrypted = Some(hidden.first_encrypted.map_or(frame, |first| first.min(frame)));
            }
        }
        hidden
    }
}

/// The frame that shows that a flow carries encrypted DNS: by what it says, or by the port alone.
fn encrypted_dns(row: &Row<'_>) -> Option<FrameRef> {
    let facts = row.unit.evidence().of(row.flow.id()).iter();
    let said = facts.filter(|entry| matches!(entry.fact, Fact::EncryptedDns(_))).map(|entry| entry.frame);
    let is_at_port = row.flow.endpoint(row.judged.local.other()).port == dns::PORT_ENCRYPTED;
    said.min().or_else(|| is_at_port.then(|| row.flow.first_frame()))
}

fn is_client(row: &Row<'_>) -> bool {
    row.attribution.whose == Whose::Client
}

fn summed_up(of: &inspect::SummedUp) -> SummedUp {
    SummedUp {
        limit: of.limit,
        over: of.over,
        flows: of.flows,
        client_flows: of.client_flows,
        packets: of.packets,
        bytes: of.bytes,
        input: of.first.map(FrameRef::input),
        first_frame: of.first.map(FrameRef::number),
        last_input: of.last.map(FrameRef::input),
        last_frame: of.last.map(FrameRef::number),
    }
}

/// The sum over the inputs that say; `None` where none does.
fn lost(inspection: &Inspection) -> Option<u64> {
    let stated = inspection.inputs().iter().filter_map(|input| input.summary.dropped.lost());
    stated.reduce(u64::saturating_add)
}

/// How many inputs do not say.
fn silent(inspection: &Inspection) -> u64 {
    inspection.inputs().iter().filter(|input| input.summary.dropped.lost().is_none()).count() as u64
}

/// Where every client stood; `None` where there is none, or one of them may have stood anywhere.
fn vantage(inspection: &Inspection) -> Option<Vantage> {
    let sessions: Vec<&[inspect::Vantage]> =
        inspection.units().iter().flat_map(Unit::vantages).map(Vec::as_slice).collect();
    if sessions.is_empty() || sessions.iter().any(|known| known.is_empty()) {
        return None;
    }
    let known: Vec<&inspect::Vantage> = sessions.into_iter().flatten().collect();
    let sides: BTreeSet<&str> = known.iter().map(|vantage| vantage.axis.name()).collect();
    let axis = if sides.len() == 1 { sides.into_iter().next() } else { None };
    let located: BTreeSet<String> =
        known.iter().flat_map(|vantage| vantage.countries.iter()).map(|c| c.to_string()).collect();
    let says: BTreeSet<String> = known.into_iter().map(says).collect();
    Some(Vantage {
        axis: axis.unwrap_or("undetermined").to_owned(),
        located: located.into_iter().collect(),
        says: says.into_iter().collect(),
    })
}

fn conflicts(inspection: &Inspection) -> Vec<VantageConflict> {
    let all = inspection.units().iter().flat_map(Unit::vantage_conflicts);
    let row = |conflict: &inspect::VantageConflict| VantageConflict {
        remote: conflict.remote.to_string(),
        vantage: conflict.vantage.clone(),
        measured: conflict.measured.clone(),
        input: conflict.reply.input(),
        frame: conflict.reply.number(),
        says: conflict.says.clone(),
    };
    all.map(row).collect()
}

/// Counts each remote address of a client's once.
fn round_trips_unused(view: &View<'_>) -> BTreeMap<String, u64> {
    let doubted = view.found().filter(is_client).filter_map(|row| {
        let (_, doubt) = row.placement()?.round_trip?;
        let remote = row.remote();
        Some((doubt?.name(), row.key.0, remote))
    });
    let doubted: BTreeSet<(&str, usize, IpAddr)> = doubted.collect();
    let mut counts = BTreeMap::new();
    for (doubt, ..) in doubted {
        *counts.entry(doubt.to_owned()).or_default() += 1;
    }
    counts
}

/// One clause on what tells a client's place.
fn says(vantage: &inspect::Vantage) -> String {
    let (address, mapped_in, network, grade, is_by_user) = match &vantage.known_by {
        KnownBy::User { label, by } => return format!("the user says {label} ({by})"),
        KnownBy::Address { address, mapped_in, network, grade, is_by_user } => {
            (address, mapped_in, network, grade, is_by_user)
        }
    };
    let by = if *is_by_user { "by the user's override" } else { "by database" };
    let told = if mapped_in.is_some() { "that STUN told it" } else { "of its own" };
    let countries: Vec<String> = vantage.countries.iter().map(|country| country.to_string()).collect();
    let network = network.map_or_else(String::new, |network| {
        let name = network.name.map(|name| format!(" {name}")).unwrap_or_default();
        format!(", on the network AS{}{name},", network.asn)
    });
    format!("the address {address} {told}{network} is in {}, {} {by}", countries.join(" or "), grade.name())
}

fn undecoded(inspection: &Inspection) -> Vec<Undecoded> {
    let is_undecoded =
        |class: Class| !matches!(class, Class::IcmpError | Class::Duplicate | Class::FragmentReassembled);
    let others = inspection.census().others().filter(|(class, _)| is_undecoded(*class));
    let row = |(class, counted): (Class, inspect::Counted)| Undecoded {
        class: class.name().to_owned(),
        what: describe(class),
        frames: counted.frames,
        input: counted.first.input(),
        first_frame: counted.first.number(),
    };
    others.map(row).collect()
}

/// The greatest distance between a client's flow and a database that is too far from it to count for more than possible.
fn database_days_away(view: &View<'_>) -> Option<i64> {
    let sources = view.inspection.settings().databases.sources();
    let days = view.found().filter(is_client).filter_map(|row| Some(row.placement()?.day));
    let away = days.flat_map(|day| sources.iter().map(move |source| day.days_since(source.built).abs()));
    away.max().filter(|days| days.unsigned_abs() > STALE_AFTER_DAYS)
}

fn remarks(quality: &Quality, hidden: &Hidden, inspection: &Inspection) -> Vec<String> {
    let mut remarks = vec![match quality.frames_lost {
        None => "Whether frames were lost is not stated in the capture.".to_owned(),
        Some(lost) if quality.inputs_without_loss_count == 0 => {
            format!("Frames lost by the capturing side: {}.", count(lost))
        }
        Some(lost) => format!(
            "Frames lost by the capturing side: {} where that is stated; {} not state it.",
            count(lost),
            plural(quality.inputs_without_loss_count, "input does", "inputs do")
        ),
    }];
    remarks.extend(quality.summed_up.iter().flat_map(|of| unjudged(of, inspection)));
    let unused = quality.marks_unused.iter();
    remarks.extend(unused.map(|mark| format!("A mark is not used: {}: {}.", mark.at, mark.what)));
    let mut say = |number: u64, text: &dyn Fn(u64) -> String| {
        if number > 0 {
            remarks.push(text(number));
        }
    };
    say(quality.frames_cut, &|n| {
        format!(
            "{} cut by the snap length: what was cut off is not seen.",
            plural(n, "frame was", "frames were")
        )
    });
    say(quality.frames_without_time, &|n| format!("{} no time.", plural(n, "frame has", "frames have")));
    say(quality.flows_joined_midway, &|n| {
        format!(
            "{} joined mid-way: names and meetings that were told before are missing.",
            plural(n, "flow was", "flows were")
        )
    });
    say(quality.client_flows_without_name, &|n| {
        format!("For {} of the client no host name was seen.", plural(n, "flow", "flows"))
    });
    say(quality.encrypted_dns_flows, &|n| {
        let first = hidden.first_encrypted;
        let first =
            first.map_or_else(String::new, |first| format!("; first in {}", frame(first, inspection)));
        format!("{} of encrypted DNS: names asked for there are not seen{first}.", plural(n, "flow", "flows"))
    });
    say(quality.files_skipped, &|n| {
        format!(
            "{} in the folders named, not read.",
            plural(n, "file that is no capture", "files that are no captures")
        )
    });
    // Malformed frames are among the anomalies.
    for other in quality.undecoded.iter().filter(|other| other.class != "malformed") {
        let input =
            if inspection.inputs().len() > 1 { format!(" of [{}]", other.input) } else { String::new() };
        remarks.push(format!(
            "{} counted and not decoded: {}; first in frame {}{input}.",
            plural(other.frames, "frame", "frames"),
            other.what,
            other.first_frame
        ));
    }
    remarks.extend(suspected(quality, inspection));
    let is_recognised = inspection.units().iter().any(|unit| unit.clients().next().is_some());
    if !is_recognised {
        return remarks;
    }
    if let Some(days) = quality.database_days_away {
        remarks.push(format!(
            "The databases are dated up to {} from the client's flows. One dated more than {STALE_AFTER_DAYS} days from \
             a flow can by itself make a place there no more than possible.",
            plural(days.unsigned_abs(), "day", "days")
        ));
    }
    remarks.push(stood(quality));
    remarks.extend(about_place(quality, inspection));
    remarks
}

/// What was left of a capture's flows so that it stayed within its limit, and whether it did.
fn unjudged(of: &SummedUp, inspection: &Inspection) -> Vec<String> {
    let (limit, mut remarks) = (size(of.limit), Vec::new());
    if let Some((input, number)) = of.input.zip(of.first_frame) {
        let clients = match of.client_flows {
            0 => "None of them had said anything that may be the client's".to_owned(),
            some => format!(
                "{} may be the client's, and nothing is said of them here",
                plural(some, "flow", "flows")
            ),
        };
        remarks.push(format!(
            "To stay within {limit} of memory, {} summed up unjudged, the smallest first: {} in {}, first in {}. {clients}. With \
             more memory they are judged (--max-memory).",
            plural(of.flows, "flow was", "flows were"),
            size(of.bytes),
            plural(of.packets, "packet", "packets"),
            frame(FrameRef::new(input, number), inspection)
        ));
    }
    if of.over > 0 {
        remarks.push(format!(
            "The limit of {limit} of memory was passed by {}: flows that had not yet said what they would, and answers of DNS, \
             stay in any case.",
            size(of.over)
        ));
    }
    remarks
}

/// What suggests a VPN or a proxy. What keeps round trips from being used is told with them.
fn suspected(quality: &Quality, inspection: &Inspection) -> impl Iterator<Item = String> {
    let is_told = quality.round_trips_unused.contains_key(Doubt::Tunnel.name());
    let all = quality.vpn_or_proxy_suspected.iter();
    let shown =
        all.filter(move |suspicion| !(is_told && suspicion.kind == "no_link_layer")).take(MAX_SUSPICIONS);
    shown.map(move |suspicion| {
        // Frames without ports make no flow.
        let flows = match suspicion.flows {
            0 => String::new(),
            flows => format!("{}, ", plural(flows, "flow", "flows")),
        };
        let first = frame(FrameRef::new(suspicion.input, suspicion.frame), inspection);
        format!("A VPN or a proxy is suspected: {} ({flows}first in {first}).", suspicion.says)
    })
}

/// Suspicions that are told one by one; the JSON has all.
const MAX_SUSPICIONS: usize = 5;

/// A frame in words, with its input where there are several.
fn frame(frame: FrameRef, inspection: &Inspection) -> String {
    let input =
        if inspection.inputs().len() > 1 { format!(" of [{}]", frame.input()) } else { String::new() };
    format!("frame {}{input}", frame.number())
}

/// What stands in the way of placing and reading: the vantage, the round trips, the clock.
fn about_place(quality: &Quality, inspection: &Inspection) -> Vec<String> {
    let has_many = inspection.inputs().len() > 1;
    let shown = quality.vantage_conflicts.iter().take(MAX_CONFLICTS);
    let mut remarks: Vec<String> = shown.map(|conflict| contradiction(conflict, has_many)).collect();
    if let Some(more) = quality.vantage_conflicts.len().checked_sub(MAX_CONFLICTS).filter(|more| *more > 0) {
        remarks.push(format!(
            "It is in conflict with {} in the same way; the JSON has them.",
            plural(more as u64, "more remote address", "more remote addresses")
        ));
    }
    for unit in inspection.units() {
        let by = unit.vantage_stated_by().unwrap_or("--vantage");
        remarks.extend(unit.vantage_disagreements().iter().map(|(address, countries)| {
            format!(
                "The client's own address {address} is in {countries}, which is not what {by} says: a tunnel such as a \
                 VPN's, or another place."
            )
        }));
    }
    for (doubt, why) in DOUBTS.map(|doubt| (doubt.name(), doubt.to_string())) {
        if let Some(number) = quality.round_trips_unused.get(doubt) {
            remarks.push(format!(
                "The round trips to {} of the client's are shown and not used: {why}{}.",
                plural(*number, "remote address", "remote addresses"),
                if doubt.ends_with("unknown") || doubt.ends_with("stale") { " (--vantage)" } else { "" }
            ));
        }
    }
    if quality.flows_of_impossible_days > 0 {
        let outcome = match &quality.law_date {
            None => "No law was read for them; name the day with --law-date.".to_owned(),
            Some(day) => format!("Evidence and law are those of {day}, the day that was named."),
        };
        remarks.push(format!(
            "The capture's clock cannot be right, or says no time: {} of the client of days before there was one or far in \
             the future. {outcome}",
            plural(quality.flows_of_impossible_days, "flow is", "flows are")
        ));
    }
    if let Some(day) = &quality.law_date {
        remarks.push(format!(
            "Places are read by the law and the registers of {day}, not of the day of the traffic."
        ));
    }
    remarks
}

/// Conflicts that are told one by one.
const MAX_CONFLICTS: usize = 2;
/// The doubts that a reader can do something about.
const DOUBTS: [Doubt; 11] = [
    Doubt::CapturedAway,
    Doubt::CoarseClock,
    Doubt::InTunnel,
    Doubt::NotShownAtClient,
    Doubt::Proxy,
    Doubt::ProxyBeside,
    Doubt::SeenTwice,
    Doubt::Tunnel,
    Doubt::VantageContradicted,
    Doubt::VantageStale,
    Doubt::VantageUnknown,
];

fn contradiction(conflict: &VantageConflict, has_many: bool) -> String {
    let input = if has_many { format!(" of [{}]", conflict.input) } else { String::new() };
    format!(
        "The vantage is in conflict with the capture: {} to {} (frame {}{input}), which cannot be from {} if {}. The \
         vantage is wrong, or that statement is; until one is mended no round trip of this capture is used.",
        conflict.measured, conflict.remote, conflict.frame, conflict.vantage, conflict.says
    )
}

/// Where the client stood, with what that rests on.
fn stood(quality: &Quality) -> String {
    let Some(vantage) = &quality.vantage else {
        return "The client's own place is not known: not for every session does the capture show a public address of the \
                client's own in an ordinary network."
            .to_owned();
    };
    let place = match vantage.axis.as_str() {
        _ if !quality.vantage_conflicts.is_empty() => "This client's own place is in dispute",
        "eea" => "This client was in the EEA",
        "outside" => "This client was not in the EEA",
        _ => "What tells the client's own place is partly in the EEA and partly outside it",
    };
    format!("{place}: {}.", vantage.says.join("; "))
}
