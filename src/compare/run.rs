//! One run of the client as a report tells of it, by what survives another run: no address, no port, no label drawn anew.
//!
//! Input: a [`Reading`](super::reading::Reading). Output: [`Run`]s, one for each cell of a study or each capture. Must not: judge, or
//! grow without bound.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::build::{self, Build, By};
use super::fold::fold;
use super::outside::Outside;
use super::reading::{Destination, Flow, Input, Meeting, Reading, Seen as SeenName, Session};
use crate::report::text::plural;

/// What identifies a contact in every run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Key {
    /// The folded host name; of ends without a name, whose they are.
    pub host: String,
    /// What the remote end is for.
    pub service: String,
    /// What was spoken, as far as that showed: `tls`, `quic`, `dtls`, `zoom`, `stun`, `http`, `proxy`, else `tcp` or `udp`.
    pub protocol: String,
}

/// Where a contact was, as runs are compared by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The legal region: `EEA`, the zone of what stands outside it, or [`NOT_PLACEABLE`], `local network`, `another participant`.
    pub zone: String,
    /// The countries outside the EEA; within it, which of them a server stands in makes no difference.
    pub countries: String,
}

/// What stands for the zone of what could not be placed.
pub const NOT_PLACEABLE: &str = "not placeable";

/// What was seen of one contact in one run.
#[derive(Clone, Default, Debug)]
pub struct Seen {
    /// The recipients, by their ids.
    pub recipients: BTreeSet<String>,
    /// The places.
    pub places: BTreeSet<Place>,
    /// Whether the register lists it, as in destinations.
    pub listings: BTreeSet<String>,
    /// The registers that were compared with; `none` where none covers the day.
    pub registers: BTreeSet<String>,
    /// The phase of its first flow that is in one, with input and frame.
    pub phase: Option<((u32, u64), String)>,
    /// How many flows: events, as far as a capture counts them.
    pub flows: u64,
    /// Bytes on the wire that the client sent.
    pub bytes_out: u64,
    /// The names that were folded into it, the first [`MAX_NAMES`] in order.
    pub names: BTreeSet<String>,
    /// The rules that folded them.
    pub rules: BTreeSet<&'static str>,
    /// Whether its flows are the client's.
    pub is_client: bool,
    /// How sure it is that one of its places is outside the EEA.
    pub outside: Outside,
    /// How sure it is that one is outside and in no register.
    pub unlisted: Outside,
    /// The file and the frame of its first flow.
    pub at: (String, u64),
}

/// One run of the client.
#[derive(Clone, Default, Debug)]
pub struct Run {
    /// What it was named by.
    pub name: String,
    /// The captures that it is of.
    pub captures: Vec<String>,
    /// The version of its report's schema.
    pub schema: String,
    /// The client's builds that something tells of.
    pub builds: BTreeSet<Build>,
    /// What it was made with, by the tester's word or as far as it is known.
    pub traits: BTreeMap<&'static str, String>,
    /// What may be missing in it, one clause each.
    pub limits: Vec<String>,
    /// The first moment of its captures.
    pub start: Option<String>,
    /// The last.
    pub end: Option<String>,
    /// What was contacted.
    pub seen: BTreeMap<Key, Seen>,
    /// The fingerprints of first hellos of the client's flows (JA4), each with hosts that it was shown to.
    pub fingerprints: BTreeMap<String, BTreeSet<String>>,
    /// Flows to contacts that were left out because there were more than [`MAX_KEYS`].
    pub left_out: u64,
}

/// The most contacts that are kept of a run. A client has some dozens, a browser's profile thousands.
pub const MAX_KEYS: usize = 20_000;
/// The most names that are kept of a contact.
pub const MAX_NAMES: usize = 8;

impl Run {
    /// The builds by the surest that tells of one: what an update host was asked for may be the next build.
    pub(super) fn own_builds(&self) -> impl Iterator<Item = &str> {
        let surest = self.builds.iter().map(|build| build.by).min();
        self.builds.iter().filter(move |build| Some(build.by) == surest).map(|build| build.version.as_str())
    }

    /// Whether anything of the client's was recognised in it.
    #[must_use]
    pub fn is_recognised(&self) -> bool {
        self.seen.values().any(|seen| seen.is_client)
    }
}

impl Seen {
    /// Adds what another key turned out to have of the same.
    pub(super) fn absorb(&mut self, other: Self) {
        self.recipients.extend(other.recipients);
        self.places.extend(other.places);
        self.listings.extend(other.listings);
        self.registers.extend(other.registers);
        self.phase = match (self.phase.take(), other.phase) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        self.flows = self.flows.saturating_add(other.flows);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        for name in other.names {
            self.name(name);
        }
        self.rules.extend(other.rules);
        self.is_client |= other.is_client;
        self.outside = self.outside.max(other.outside);
        self.unlisted = self.unlisted.max(other.unlisted);
    }

    fn name(&mut self, name: String) {
        if self.names.len() < MAX_NAMES {
            self.names.insert(name);
        }
    }
}

/// The runs of a report: its cells, else its captures; all of it is one where `joined`.
pub(super) fn runs(name: &str, reading: &Reading, joined: bool) -> Vec<Run> {
    let numbers = || (0..).zip(&reading.inputs).map(|(number, _)| number);
    let parts: Vec<(String, Vec<u32>)> = if !reading.cells.is_empty() {
        reading.cells.iter().map(|cell| (format!("{name}: {}", cell.name), cell.inputs.clone())).collect()
    } else if joined || reading.inputs.len() < 2 {
        vec![(name.to_owned(), numbers().collect())]
    } else {
        let named = |(number, input): (u32, &Input)| (input.path.clone(), vec![number]);
        (0..).zip(&reading.inputs).map(named).collect()
    };
    let mut runs: Vec<Run> = parts.iter().map(|(name, inputs)| empty(name, inputs, reading)).collect();
    let of_input: BTreeMap<u32, usize> = parts
        .iter()
        .enumerate()
        .flat_map(|(run, (_, inputs))| inputs.iter().map(move |input| (*input, run)))
        .collect();
    for (run, cell) in runs.iter_mut().zip(&reading.cells) {
        let traits = [
            ("platform", &cell.platform),
            ("account", &cell.account),
            ("scenario", &cell.scenario),
            ("vantage", &cell.vantage),
        ];
        run.traits.extend(traits.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))));
        run.builds.extend(cell.build.iter().map(|build| Build { version: build.clone(), by: By::Manifest }));
    }
    fill(&mut runs, reading, &of_input);
    runs
}

fn empty(name: &str, inputs: &[u32], reading: &Reading) -> Run {
    let own = || {
        let of = |input: &u32| Some((*input, reading.inputs.get(usize::try_from(*input).ok()?)?));
        inputs.iter().filter_map(of)
    };
    let mut traits = BTreeMap::new();
    let vantage = reading.quality.vantage.as_ref().map(|vantage| vantage.located.join(" or "));
    traits.extend(vantage.filter(|vantage| !vantage.is_empty()).map(|vantage| ("vantage", vantage)));
    traits.extend(reading.quality.law_date.clone().map(|day| ("law date", day)));
    let is_own = |input: u32| inputs.contains(&input);
    let builds = builds(reading.sessions.iter().filter(|session| is_own(session.input)));
    Run {
        name: name.to_owned(),
        captures: own().map(|(_, input)| input.path.clone()).collect(),
        schema: reading.schema.version.clone(),
        builds,
        traits,
        limits: own().flat_map(|(number, input)| limits(number, input, reading)).collect(),
        start: own().filter_map(|(_, input)| input.start.clone()).min(),
        end: own().filter_map(|(_, input)| input.end.clone()).max(),
        ..Run::default()
    }
}

/// The builds that sessions tell of.
fn builds<'r>(sessions: impl Iterator<Item = &'r Session> + Clone) -> BTreeSet<Build> {
    let processes = sessions.clone().flat_map(|of| &of.processes);
    let run = processes.filter_map(|process| build::version_in(process.name.as_deref()?));
    let fetched = sessions.flat_map(|of| &of.updates).filter_map(|update| build::version_in(&update.version));
    let run = run.map(|version| Build { version, by: By::Process });
    run.chain(fetched.map(|version| Build { version, by: By::Update })).take(MAX_BUILDS).collect()
}

/// A run is of one or two.
const MAX_BUILDS: usize = 32;

/// What in a capture may be missing.
fn limits(number: u32, input: &Input, reading: &Reading) -> Vec<String> {
    let path = &input.path;
    let meets =
        |is: &dyn Fn(&Meeting) -> bool| reading.meetings.iter().any(|of| of.start_input == number && is(of));
    let lost = input.frames_lost.filter(|lost| *lost > 0);
    let unjudged = reading.quality.summed_up.iter().filter(|of| of.input == Some(number));
    let unjudged: u64 = unjudged.map(|of| of.flows).fold(0, u64::saturating_add);
    let limits = [
        reading.so_far.then(|| format!("{path} was still being written")),
        (unjudged > 0).then(|| {
            format!("{} of {path} not judged (--max-memory)", plural(unjudged, "flow was", "flows were"))
        }),
        input.damage.is_some().then(|| format!("{path} is damaged")),
        lost.map(|lost| format!("{} lost in {path}", plural(lost, "frame", "frames"))),
        meets(&|meeting| meeting.start_rule == "media_joined_midway")
            .then(|| format!("{path} begins in the middle of a meeting")),
        meets(&|meeting| meeting.end_rule == "capture_end")
            .then(|| format!("{path} ends before a meeting is left")),
    ];
    limits.into_iter().flatten().collect()
}

/// Counts every flow, and destinations of which no flow is listed.
fn fill(runs: &mut [Run], reading: &Reading, of_input: &BTreeMap<u32, usize>) {
    let destinations: BTreeMap<u64, &Destination> =
        reading.destinations.iter().map(|of| (of.id, of)).collect();
    let mut listed = BTreeSet::new();
    let file = |input: u32| {
        let input = usize::try_from(input).ok().and_then(|input| reading.inputs.get(input));
        input.map(|input| input.path.clone()).unwrap_or_default()
    };
    for flow in &reading.flows {
        let Some(of) = flow.destination.and_then(|id| destinations.get(&id)) else { continue };
        listed.insert(of.id);
        if let Some(run) = of_input.get(&flow.input).and_then(|run| runs.get_mut(*run)) {
            add(run, of, flow, || file(flow.input));
        }
    }
    for of in reading.destinations.iter().filter(|of| !listed.contains(&of.id)) {
        let whole = Flow { bytes_out: of.bytes_out, first_frame: of.first_frame, ..Flow::default() };
        if let Some(run) = of_input.get(&of.input).and_then(|run| runs.get_mut(*run)) {
            add(run, of, &whole, || file(of.input));
        }
    }
}

fn add(run: &mut Run, of: &Destination, flow: &Flow, file: impl Fn() -> String) {
    let name = host(of, flow);
    let folded = fold(&name);
    let key = Key { host: folded.shown, service: of.service.clone(), protocol: protocol(flow).to_owned() };
    if run.seen.len() >= MAX_KEYS && !run.seen.contains_key(&key) {
        run.left_out += 1;
        return;
    }
    if of.whose == CLIENT {
        fingerprints(run, flow, &key.host);
    }
    let seen =
        run.seen.entry(key).or_insert_with(|| Seen { at: (file(), flow.first_frame), ..Seen::default() });
    let outside = Outside::of(&of.place.axis, &of.place.grade);
    let phase = flow.phase.clone().map(|phase| ((flow.input, flow.first_frame), phase));
    seen.absorb(Seen {
        recipients: of.recipient.iter().cloned().collect(),
        places: [place(of)].into(),
        listings: Some(of.listing.clone())
            .filter(|listing| listing != "not_a_recipient")
            .into_iter()
            .collect(),
        registers: [of.register.clone().unwrap_or_else(|| "none".to_owned())].into(),
        phase,
        // What stands for a whole destination is as many flows as that has.
        flows: if flow.destination.is_some() { 1 } else { of.flows },
        bytes_out: flow.bytes_out,
        names: [name].into(),
        rules: folded.rules.into_iter().collect(),
        is_client: of.whose == CLIENT,
        outside,
        unlisted: if of.flagged { outside } else { outside.min(Outside::NotKnown) },
        at: (String::new(), 0),
    });
}

/// As reports write whose a flow is.
const CLIENT: &str = "client";

fn fingerprints(run: &mut Run, flow: &Flow, host: &str) {
    for note in flow.handshake.iter().filter(|note| note.kind == "ja4") {
        let known = run.fingerprints.len() < MAX_FINGERPRINTS || run.fingerprints.contains_key(&note.value);
        if known {
            let hosts = run.fingerprints.entry(note.value.clone()).or_default();
            if hosts.len() < MAX_NAMES {
                hosts.insert(host.to_owned());
            }
        }
    }
}

/// A client has a handful.
const MAX_FINGERPRINTS: usize = 256;

/// The name by which the remote end was asked for, as far as the pattern of its destination leaves it open.
fn host(of: &Destination, flow: &Flow) -> String {
    let pattern = &of.host_pattern;
    let is_address = pattern.parse::<IpAddr>().is_ok() || of.addresses.contains(pattern);
    if of.place.axis == "participant" {
        return "(no name) another participant".to_owned();
    }
    if is_address || pattern.is_empty() {
        let whose = of.recipient.as_deref().or(of.network.as_deref()).unwrap_or("unknown");
        return format!("(no name) {whose}");
    }
    // Of `*.zoom.us` the catalogue knows no more than whose it is.
    let under = pattern.strip_prefix("*.").filter(|under| !under.contains('*'));
    under
        .and_then(|under| named(under, &flow.names).or_else(|| named(under, &of.names)))
        .unwrap_or(pattern)
        .to_owned()
}

/// The best name under another: what the client asked for before what the network answered.
fn named<'n>(under: &str, names: &'n [SeenName]) -> Option<&'n str> {
    let lies =
        |name: &str| name.strip_suffix(under).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let rank = |name: &SeenName| ORIGINS.iter().position(|origin| *origin == name.origin);
    let ranked = names.iter().filter(|name| lies(&name.name)).filter_map(|name| Some((rank(name)?, name)));
    ranked.min_by_key(|(rank, name)| (*rank, &name.name)).map(|(_, name)| name.name.as_str())
}

/// Origins of names that are the remote end's own, the best first. A certificate has names of others, too.
const ORIGINS: [&str; 6] = ["sni", "quic_sni", "dtls_sni", "http_host", "dns", "dns_hint"];

fn place(of: &Destination) -> Place {
    let zone = || of.zone.clone().unwrap_or_else(|| "outside the EEA".to_owned());
    let (zone, countries) = match of.place.axis.as_str() {
        "eea" => ("EEA".to_owned(), String::new()),
        "outside" => (zone(), of.place.located.join(" or ")),
        "local" => ("local network".to_owned(), String::new()),
        "participant" => ("another participant".to_owned(), String::new()),
        _ => (NOT_PLACEABLE.to_owned(), String::new()),
    };
    Place { zone, countries }
}

/// What was spoken, as far as the flow shows it.
fn protocol(flow: &Flow) -> &str {
    let has = |kinds: &[&str]| flow.handshake.iter().any(|note| kinds.contains(&note.kind.as_str()));
    if has(&["quic_version"]) {
        "quic"
    } else if has(&["dtls", "dtls_version"]) {
        "dtls"
    } else if flow.handshake.iter().any(|note| note.kind.starts_with("zoom_")) {
        "zoom"
    } else if has(&["proxy_connect", "proxy_request", "proxy_socks"]) {
        "proxy"
    } else if has(&["client_hello", "tls_version", "certificate"]) {
        "tls"
    } else if has(&["stun"]) {
        "stun"
    } else if flow.names.iter().any(|name| name.origin == "http_host") {
        "http"
    } else if flow.transport.is_empty() {
        "tcp"
    } else {
        &flow.transport
    }
}

/// Where a flow did not show what was spoken, as one that was joined mid-way, it counts with those of the same host, service and
/// transport that did, if those all spoke the same in all runs.
pub(super) fn settle(runs: &mut [&mut Run]) {
    let mut spoken: BTreeMap<(String, String, &str), BTreeSet<String>> = BTreeMap::new();
    for key in runs.iter().flat_map(|run| run.seen.keys()).filter(|key| !is_bare(key)) {
        let of = (key.host.clone(), key.service.clone(), transport(&key.protocol));
        spoken.entry(of).or_default().insert(key.protocol.clone());
    }
    for run in runs.iter_mut() {
        let bare: Vec<Key> = run.seen.keys().filter(|key| is_bare(key)).cloned().collect();
        for key in bare {
            let of = (key.host.clone(), key.service.clone(), transport(&key.protocol));
            let Some(only) = spoken.get(&of).filter(|spoken| spoken.len() == 1) else { continue };
            let Some((protocol, seen)) = only.first().zip(run.seen.remove(&key)) else { continue };
            let key = Key { protocol: protocol.clone(), ..key };
            match run.seen.get_mut(&key) {
                Some(known) => known.absorb(seen),
                None => drop(run.seen.insert(key, seen)),
            }
        }
    }
}

fn is_bare(key: &Key) -> bool {
    matches!(key.protocol.as_str(), "tcp" | "udp")
}

fn transport(protocol: &str) -> &'static str {
    match protocol {
        "dtls" | "quic" | "stun" | "udp" | "zoom" => "udp",
        _ => "tcp",
    }
}
