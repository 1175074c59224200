//! What connections to places for telemetry show without keys: by destination, phase and session, and between sessions.
//!
//! Input: flows with the numbers that they were counted under. Output: the schema's profiles, and their comparison. Must not: say
//! anything of content.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::{Service, Whose};
use crate::flow::Side;
use crate::frame::Timestamp;
use crate::report::parts::time;
use crate::report::schema::{Burst, Bursts, Profile, ProfileComparison, Report, SessionProfile};
use crate::report::view::{Counts, View};
use crate::session::PhaseKind;

/// Whether a service is there to learn of a client's use.
pub(super) fn is_telemetry(service: Service) -> bool {
    matches!(service, Service::Telemetry | Service::LogUpload | Service::ThirdPartyAnalytics)
}

/// The connections to places for telemetry, by destination, phase and session; and the sessions held against each other.
pub(super) fn profiles(
    view: &View<'_>,
    counts: &Counts,
    report: &Report,
) -> (Vec<Profile>, Vec<ProfileComparison>) {
    let mut groups: BTreeMap<Group, Vec<Upload>> = BTreeMap::new();
    for row in view.found() {
        let is_client = row.attribution.whose == Whose::Client;
        let counted = counts.get(row.key);
        let Some(destination) =
            counted.destination.filter(|_| is_client && is_telemetry(row.attribution.service))
        else {
            continue;
        };
        let (local, remote) = (row.judged.local, row.judged.local.other());
        groups.entry((destination, counted.phase, counted.session)).or_default().push(Upload {
            start: row.flow.first_time(),
            end: row.flow.last_time(),
            up: row.flow.payload_bytes(local),
            down: row.flow.payload_bytes(remote),
            bursts: row
                .flow
                .bursts()
                .map(|bursts| bursts.into_iter().map(|of| Sent::of(&of, local)).collect()),
        });
    }
    let named = |id: u64| {
        let destination = report.destinations.iter().find(|of| of.id == id);
        destination.map(|of| (of.host_pattern.clone(), of.service.clone())).unwrap_or_default()
    };
    let mut by_session: BTreeMap<Compared, BTreeMap<u64, Vec<Upload>>> = BTreeMap::new();
    let mut profiles = Vec::new();
    for ((destination, phase, session), uploads) in groups {
        let ((host_pattern, service), phase) = (named(destination), phase.map(PhaseKind::name));
        if let Some(session) = session {
            let compared = (host_pattern.clone(), service.clone(), phase);
            by_session
                .entry(compared)
                .or_default()
                .entry(session)
                .or_default()
                .extend(uploads.iter().cloned());
        }
        profiles.push(Profile { destination, host_pattern, service, phase, session, ..summed(uploads) });
    }
    let phases = report
        .sessions
        .iter()
        .flat_map(|session| session.phases.iter().map(move |phase| (Some(phase.kind), session.id)));
    (profiles, compared(by_session, &phases.collect()))
}

/// Host pattern, service and phase: what survives from one session to another, which the place of a destination does not.
type Compared = (String, String, Option<&'static str>);

/// What several sessions can be compared by: those that have such connections, and those that had the phase and none in it.
fn compared(
    by_session: BTreeMap<Compared, BTreeMap<u64, Vec<Upload>>>,
    phases: &BTreeSet<(Option<&'static str>, u64)>,
) -> Vec<ProfileComparison> {
    let row = |((host_pattern, service, phase), sessions): (Compared, BTreeMap<u64, Vec<Upload>>)| {
        let had = phases.range((phase, 0)..=(phase, u64::MAX)).map(|(_, session)| *session);
        let absent = had.filter(|session| phase.is_some() && !sessions.contains_key(session)).collect();
        let sessions = sessions.into_iter().map(|(session, uploads)| {
            let Profile { uploads, silent, bytes_up, bytes_down, up_per_down, every_seconds, bursts, .. } =
                summed(uploads);
            let bursts = bursts.map(|bursts| bursts.uploads);
            SessionProfile {
                session,
                uploads,
                silent,
                bytes_up,
                bytes_down,
                up_per_down,
                every_seconds,
                bursts,
            }
        });
        ProfileComparison { host_pattern, service, phase, sessions: sessions.collect(), absent }
    };
    let rows = by_session.into_iter().map(row);
    rows.filter(|row| row.sessions.len() + row.absent.len() > 1).collect()
}

/// Destination, phase and session.
type Group = (u64, Option<PhaseKind>, Option<u64>);

/// One connection as an upload.
#[derive(Clone)]
struct Upload {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    up: u64,
    down: u64,
    /// What it was made of, by pauses; `None` where that is not known.
    bursts: Option<Vec<Sent>>,
}

/// What a connection carried between two pauses.
#[derive(Clone, Copy)]
struct Sent {
    end: Timestamp,
    up: u64,
    down: u64,
}

impl Sent {
    fn of(burst: &crate::flow::Burst, local: Side) -> Self {
        let [first, second] = burst.sent;
        let (up, down) = if local == Side::First { (first, second) } else { (second, first) };
        Self { end: burst.end, up, down }
    }
}

/// Of bursts in which the client sent something, of all connections together, in the order of their ends.
fn bursts(all: &[Upload]) -> Option<Bursts> {
    let each = all.iter().map(|upload| upload.bursts.as_ref()).collect::<Option<Vec<_>>>()?;
    let mut sent: Vec<&Sent> = each.into_iter().flatten().filter(|sent| sent.up > 0).collect();
    sent.sort_by_key(|sent| (sent.end, sent.up, sent.down));
    let mut sizes: Vec<u64> = sent.iter().map(|sent| sent.up).collect();
    sizes.sort_unstable();
    let mut pauses: Vec<u64> = sent
        .windows(2)
        .filter_map(|pair| u64::try_from(pair[1].end.nanos().saturating_sub(pair[0].end.nanos())).ok())
        .collect();
    pauses.sort_unstable();
    let burst = |sent: &&Sent| Burst { end: time(Some(sent.end)), bytes_up: sent.up, bytes_down: sent.down };
    Some(Bursts {
        uploads: sent.len() as u64,
        smallest: sizes.first().copied().unwrap_or_default(),
        median: middle(&sizes).unwrap_or_default(),
        largest: sizes.last().copied().unwrap_or_default(),
        every_seconds: middle(&pauses).map(|nanos| hundredths(nanos, NANOS)),
        list: sent.iter().take(MOST_LISTED).map(burst).collect(),
        not_listed: sent.len().saturating_sub(MOST_LISTED) as u64,
    })
}

fn summed(all: Vec<Upload>) -> Profile {
    let bursts = bursts(&all);
    let down = all.iter().map(|upload| upload.down).fold(0, u64::saturating_add);
    let count = all.len() as u64;
    let mut uploads: Vec<Upload> = all.into_iter().filter(|upload| upload.up > 0).collect();
    uploads.sort_by_key(|upload| upload.start);
    let mut sizes: Vec<u64> = uploads.iter().map(|upload| upload.up).collect();
    sizes.sort_unstable();
    let mut pauses: Vec<u64> = uploads
        .windows(2)
        .filter_map(|pair| {
            let pause = pair.last()?.start?.nanos().saturating_sub(pair.first()?.start?.nanos());
            u64::try_from(pause).ok()
        })
        .collect();
    pauses.sort_unstable();
    let up = sizes.iter().copied().fold(0, u64::saturating_add);
    let end = |upload: Option<&Upload>| upload.and_then(|upload| time(upload.end));
    Profile {
        uploads: uploads.len() as u64,
        silent: count - uploads.len() as u64,
        bytes_up: up,
        bytes_down: down,
        up_per_down: (down > 0).then(|| hundredths(up, down)),
        smallest: sizes.first().copied().unwrap_or_default(),
        median: middle(&sizes).unwrap_or_default(),
        largest: sizes.last().copied().unwrap_or_default(),
        every_seconds: middle(&pauses).map(|nanos| hundredths(nanos, NANOS)),
        first_end: end(uploads.first()),
        last_end: end(uploads.last()),
        bursts,
        ..Profile::default()
    }
}

/// The middle one of a sorted list; of two the first.
fn middle<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// A quotient, rounded to hundredths.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is lost is far below a hundredth, or far above what is there"
)]
fn hundredths(number: u64, by: u64) -> f64 {
    (number as f64 / by as f64 * 100.0).round() / 100.0
}

/// The most bursts of a profile that are listed one by one.
const MOST_LISTED: usize = 500;
/// Nanoseconds of a second.
const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_summed_up_by_size_and_rhythm() {
        let second = |number: i64| Some(Timestamp::from_nanos(number * 1_000_000_000));
        let upload = |start, up, down| Upload {
            start: second(start),
            end: second(start + 1),
            up,
            down,
            bursts: Some(vec![
                Sent { end: second(start).unwrap(), up: up / 4, down: 0 },
                Sent { end: second(start + 1).unwrap(), up: up - up / 4, down },
            ]),
        };
        let profile =
            summed(vec![upload(30, 100, 10), upload(0, 300, 90), upload(10, 200, 100), upload(99, 0, 0)]);
        assert_eq!((profile.uploads, profile.silent, profile.bytes_up, profile.bytes_down), (3, 1, 600, 200));
        assert_eq!((profile.smallest, profile.median, profile.largest), (100, 200, 300));
        assert_eq!((profile.up_per_down, profile.every_seconds), (Some(3.0), Some(10.0)));
        assert_eq!(profile.last_end, time(second(31)));
        let bursts = profile.bursts.unwrap();
        assert_eq!((bursts.uploads, bursts.smallest, bursts.median, bursts.largest), (6, 25, 75, 225));
        assert_eq!((bursts.every_seconds, bursts.list.len(), bursts.not_listed), (Some(1.0), 6, 0));
        assert_eq!((&bursts.list[1].end, bursts.list[1].bytes_down), (&time(second(1)), 90));
        assert!(summed(vec![Upload { bursts: None, ..upload(0, 1, 1) }]).bursts.is_none());
        let none = summed(Vec::new());
        assert_eq!((none.up_per_down, none.every_seconds, none.first_end), (None, None, None));
    }

    #[test]
    fn sessions_are_compared_by_what_survives_them() {
        let upload = |start: i64, up| {
            let at = Some(Timestamp::from_nanos(start * 1_000_000_000));
            Upload { start: at, end: at, up, down: 10, bursts: None }
        };
        let phases = [1, 2, 3].map(|session| (Some("meeting"), session)).into();
        let of = |host: &str, sessions: Vec<(u64, Vec<Upload>)>| {
            let compared = (host.to_owned(), "telemetry".to_owned(), Some("meeting"));
            (compared, sessions.into_iter().collect::<BTreeMap<_, _>>())
        };
        let two = vec![(1, vec![upload(0, 100), upload(7, 300)]), (3, vec![upload(1000, 5)])];
        let rows = compared([of("log.example", two)].into(), &phases);
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.sessions.len(), &*row.absent), (2, &[2][..]));
        let first = &row.sessions[0];
        assert_eq!((first.session, first.uploads, first.bytes_up, first.bytes_down), (1, 2, 400, 20));
        assert_eq!((first.up_per_down, first.every_seconds), (Some(20.0), Some(7.0)));
        // One session alone is compared with none.
        let one = [(Some("meeting"), 1)].into();
        assert!(compared([of("log.example", vec![(1, vec![upload(0, 1)])])].into(), &one).is_empty());
    }
}
