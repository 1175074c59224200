//! What the captures could not show, as counts and as sentences. Absence is a result.

use crate::client::Whose;
use crate::inspect::{Inspection, Unit};
use crate::packet::Class;
use crate::place::STALE_AFTER_DAYS;
use crate::report::build::{Row, View};
use crate::report::flows::is_joined_midway;
use crate::report::schema::{Quality, Undecoded};
use crate::report::text::{count, plural};

/// Sums up what is missing.
pub(super) fn quality(inspection: &Inspection) -> Quality {
    let view = View { inspection, show_participants: false };
    let rows = |holds: &dyn Fn(&Row<'_>) -> bool| view.rows().filter(|row| holds(row)).count() as u64;
    let limits = |of: &dyn Fn(&Unit) -> u64| inspection.units().iter().map(of).sum::<u64>();
    let mut quality = Quality {
        frames_lost: lost(inspection),
        frames_cut: inspection.census().cut(),
        frames_without_time: inspection.census().timeless(),
        undecoded: undecoded(inspection),
        flows_joined_midway: rows(&is_joined_midway),
        client_flows_without_name: rows(&|row| is_client(row) && row.judged.names.is_empty()),
        encrypted_dns_flows: rows(&|row| row.flow.endpoint(row.judged.local.other()).port == DNS_OVER_TLS),
        unasked_dns_answers: limits(&|unit| unit.evidence().limits().unasked_dns_answers),
        handshakes_dropped: limits(&|unit| unit.evidence().limits().handshakes_dropped),
        files_skipped: inspection.files_skipped(),
        vantage: None,
        database_days_away: database_days_away(&view),
        remarks: Vec::new(),
    };
    quality.remarks = remarks(&quality, inspection);
    quality
}

/// DNS over TLS and over QUIC (RFC 7858, RFC 9250).
const DNS_OVER_TLS: u16 = 853;

fn is_client(row: &Row<'_>) -> bool {
    row.judged.attribution.whose == Whose::Client
}

/// The sum over the inputs that say; `None` where none does.
fn lost(inspection: &Inspection) -> Option<u64> {
    let stated = inspection.inputs().iter().filter_map(|input| input.summary.dropped.lost());
    stated.reduce(u64::saturating_add)
}

fn undecoded(inspection: &Inspection) -> Vec<Undecoded> {
    let others = inspection.census().others().filter(|(class, _)| *class != Class::IcmpError);
    let row = |(class, counted): (Class, crate::inspect::Counted)| Undecoded {
        class: class.name().to_owned(),
        what: class.to_string(),
        frames: counted.frames,
        input: counted.first.input(),
        first_frame: counted.first.number(),
    };
    others.map(row).collect()
}

/// The greatest distance between a client's flow and a database that is too far from it to count for more than possible.
fn database_days_away(view: &View<'_>) -> Option<i64> {
    let sources = view.inspection.settings().databases.sources();
    let days = view.rows().filter(is_client).map(|row| row.placement.day);
    let away = days.flat_map(|day| sources.iter().map(move |source| day.days_since(source.built).abs()));
    away.max().filter(|days| days.unsigned_abs() > STALE_AFTER_DAYS)
}

fn remarks(quality: &Quality, inspection: &Inspection) -> Vec<String> {
    let mut remarks = vec![match quality.frames_lost {
        None => "Whether frames were lost is not stated in the capture.".to_owned(),
        Some(lost) => format!("Frames lost by the capturing side: {}.", count(lost)),
    }];
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
        format!("{} of the client without a name.", plural(n, "flow", "flows"))
    });
    say(quality.encrypted_dns_flows, &|n| {
        format!("{} of encrypted DNS: names asked for there are not seen.", plural(n, "flow", "flows"))
    });
    say(quality.unasked_dns_answers, &|n| {
        format!(
            "{} that no host of the capture was seen to ask for; they name nothing.",
            plural(n, "DNS answer", "DNS answers")
        )
    });
    say(quality.handshakes_dropped, &|n| {
        format!(
            "{} given up because too many were undecided at once.",
            plural(n, "handshake was", "handshakes were")
        )
    });
    say(quality.files_skipped, &|n| {
        format!(
            "{} in the folders named, not read.",
            plural(n, "file that is no capture", "files that are no captures")
        )
    });
    for other in &quality.undecoded {
        let input = if inspection.inputs().len() > 1 { format!("[{}] ", other.input) } else { String::new() };
        remarks.push(format!(
            "{} counted and not decoded: {}, first {input}{}.",
            plural(other.frames, "frame", "frames"),
            other.what,
            other.first_frame
        ));
    }
    let is_recognised = inspection
        .units()
        .iter()
        .flat_map(Unit::judged)
        .any(|judged| judged.attribution.whose == Whose::Client);
    if !is_recognised {
        return remarks;
    }
    if let Some(days) = quality.database_days_away {
        remarks.push(format!(
            "The database lies up to {} from the client's flows; so far away it supports at most \"possible\".",
            plural(days.unsigned_abs(), "day", "days")
        ));
    }
    remarks.push(
        "The client's own place is not known: whether its traffic left the EEA from there is not said."
            .to_owned(),
    );
    remarks
}
