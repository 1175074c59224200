//! Where a remote end stands: the witnesses of all modules brought together, once for each pair of a local host and a
//! remote address on a day, when it is first asked for: nearly all remote ends of a large capture are nobody's business.
//!
//! Round trips come last, because a strong statement that one of them makes impossible puts the vantage in doubt, and with
//! it every other round trip of the capture.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;

use crate::client::{Catalogue, Spoken};
use crate::evidence::Fact;
use crate::frame::{Date, FrameRef};
use crate::inspect::Settings;
use crate::inspect::hearing::Hearing;
use crate::inspect::known::Known;
use crate::inspect::law::law_day;
use crate::inspect::matches::Match;
use crate::inspect::neighbour::Neighbours;
use crate::inspect::post::{Posts, Reaches};
use crate::inspect::relation::{Host, Relation, RelationId};
use crate::inspect::stated::Stated;
use crate::packet::TunnelId;
use crate::place::{
    self, Address, Answer, Claim, Country, CountrySet, Databases, Doubt, KnownSite, Measurement, Network,
    Remedy, Resolution, Sites, Situation, Witness, WitnessKind,
};
use crate::verdict::{Axis, place_axis};

/// Where a remote end stands, and on what evidence.
#[derive(Clone, Debug)]
pub struct Placement {
    /// What kind of address it is.
    pub address: Address,
    /// The day that the evidence was weighed for.
    pub day: Date,
    /// The day by whose law the place is read; `None` where the capture's clock cannot be right and the user named none.
    pub law: Option<Date>,
    /// The countries left, with the grade.
    pub resolution: Resolution,
    /// Where that is, seen from the EEA by that law.
    pub axis: Axis,
    /// All witnesses, for and against. What a database says of a thousand addresses is kept once.
    pub witnesses: Vec<Arc<Witness>>,
    /// The shortest round trip to it, and what speaks against using it.
    pub round_trip: Option<(Measurement, Option<Doubt>)>,
    told: Arc<Telling>,
    /// Whether the address is the operator's, who runs sites.
    has_sites: bool,
    /// Whether the network's provider has a list of ranges that was not asked and may hold the address.
    has_unasked_ranges: bool,
    /// Whether a name was seen for it.
    has_name: bool,
}

impl Placement {
    /// The country of registration, which is no place.
    #[must_use]
    pub fn registered(&self) -> Option<Country> {
        self.told.answer.registered()
    }

    /// The network that announces the address.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        self.told.network.as_ref()
    }

    /// Where the operator runs sites, where the address is the operator's.
    pub(super) fn sites(&self) -> Option<Sites> {
        let day = self.law.filter(|_| self.has_sites)?;
        Some(Sites { countries: Catalogue::builtin().known_countries(), day })
    }

    /// What would settle the place, where something would change it.
    #[must_use]
    pub fn would_settle(&self) -> Vec<Remedy> {
        let by_vantage = [Some(Doubt::VantageStale), Some(Doubt::VantageUnknown)];
        let unplaced = self.round_trip.filter(|(_, doubt)| by_vantage.contains(doubt));
        let sites = self.sites();
        let unasked = self.network().filter(|_| self.has_unasked_ranges);
        place::would_settle(&Situation {
            witnesses: &self.witnesses,
            resolution: &self.resolution,
            network: self.network(),
            unasked_ranges: unasked.and_then(|network| network.name),
            registered: self.registered(),
            unplaced_round_trip: unplaced.map(|(measured, _)| measured),
            lacks_name: sites.is_some() && !self.has_name,
            sites: sites.as_ref(),
        })
    }
}

/// A strong statement about place that a round trip from the vantage makes impossible.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VantageConflict {
    /// The remote address.
    pub remote: IpAddr,
    /// The vantage and how it is known.
    pub vantage: String,
    /// The round trip, in words.
    pub measured: String,
    /// The frame of its answer.
    pub reply: FrameRef,
    /// What the strong witness says.
    pub says: String,
}

/// The placements of one capture.
#[derive(Debug, Default)]
pub(super) struct Places {
    posts: Posts,
    reaches: Reaches,
    neighbours: Neighbours,
    told: Told,
    /// Where a round trip contradicts a strong statement.
    pub(super) conflicts: Vec<VantageConflict>,
    by_relation: Placements,
    settings: Option<Arc<Settings>>,
}

/// Placements by relation. Room for one is made when it or one of its neighbours is first asked for.
#[derive(Debug, Default)]
struct Placements(Vec<OnceLock<Box<[Place]>>>);

/// Where one relation's remote end stands, once that was asked for.
type Place = OnceLock<Box<Placement>>;

impl Placements {
    fn new(relations: usize) -> Self {
        Self(std::iter::repeat_with(OnceLock::new).take(relations.div_ceil(NEIGHBOURS)).collect())
    }

    fn of(&self, id: RelationId) -> Option<&Place> {
        let part = self.0.get(id.place() / NEIGHBOURS)?;
        let part = part.get_or_init(|| std::iter::repeat_with(OnceLock::new).take(NEIGHBOURS).collect());
        part.get(id.place() % NEIGHBOURS)
    }
}

/// For so many relations room is made at once.
const NEIGHBOURS: usize = 64;

impl Places {
    /// Looks at everything that places depend on beside the remote end itself.
    pub(super) fn new(hearing: &Hearing<'_>, stated: Option<Stated>, settings: Arc<Settings>) -> Self {
        let Hearing { flows, evidence, relations, .. } = *hearing;
        let posts = Posts::of(flows, evidence, relations);
        let neighbours = neighbours_of(hearing);
        let by_relation = Placements::new(relations.len());
        let reaches = Reaches::from(stated);
        let mut places = Self { posts, reaches, neighbours, by_relation, ..Self::default() };
        places.conflicts = places.contradicted(hearing, &settings);
        places.settings = Some(settings);
        places
    }

    /// Where the remote end of a relation stands.
    pub(super) fn of(&self, id: RelationId, hearing: &Hearing<'_>) -> Option<&Placement> {
        let settings = self.settings.as_deref()?;
        let relation = hearing.relations.get(id)?;
        Some(self.by_relation.of(id)?.get_or_init(|| {
            let known = hearing.known(id);
            let mut case = self.bench(settings).case(relation, &known);
            self.measure(&mut case);
            Box::new(case.weighed(settings))
        }))
    }

    fn bench<'a>(&'a self, settings: &'a Settings) -> Bench<'a> {
        Bench { told: &self.told, neighbours: &self.neighbours, posts: &self.posts, settings }
    }

    /// The statements that round trips make impossible, in order of the remote addresses; each is told once, whoever
    /// measured. Where there are any, the vantage is in doubt and no round trip of the capture counts.
    fn contradicted(&mut self, hearing: &Hearing<'_>, settings: &Settings) -> Vec<VantageConflict> {
        let mut conflicts = BTreeMap::new();
        for (id, relation) in hearing.relations.iter() {
            if !self.is_measurable(&relation, settings) {
                continue;
            }
            let Some((measured, None)) = hearing.round_trip(id) else { continue };
            let (local, day) = (relation.local, relation.day);
            let Some(reach) = self.reaches.measure(local, day, &self.posts, settings) else { continue };
            if reach.is_stale() || conflicts.contains_key(&relation.remote) {
                continue;
            }
            let (excluded, vantage) = (reach.beyond(measured.bound_km()), reach.to_string());
            let known = hearing.known(id);
            let case = self.bench(settings).case(relation, &known);
            if let Some(statement) = place::contradicted_statement(&case.witnesses, &excluded) {
                let conflict = VantageConflict {
                    remote: relation.remote,
                    vantage,
                    measured: measured.to_string(),
                    reply: measured.reply,
                    says: statement.says.to_string(),
                };
                conflicts.insert(relation.remote, conflict);
            }
        }
        conflicts.into_values().collect()
    }

    /// Whether a round trip of the relation can count, whatever it is.
    fn is_measurable(&self, relation: &Relation, settings: &Settings) -> bool {
        settings.uses(WitnessKind::RoundTrip)
            && (self.reaches.is_stated() || self.posts.tell(relation.local, relation.day))
            && place::classify(relation.remote).is_public()
            && self.posts.doubt(relation.local).is_none()
    }

    /// Adds what the round trip says.
    fn measure(&self, case: &mut Case<'_>) {
        let Some((measured, doubt)) = case.round_trip else { return };
        // What is in doubt already is measured from nowhere.
        let reach =
            if doubt.is_none() { self.reaches.of(case.relation.local, case.relation.day) } else { None };
        let doubt = doubt.or_else(|| match reach {
            None => Some(Doubt::VantageUnknown),
            Some(reach) if reach.is_stale() => Some(Doubt::VantageStale),
            Some(_) => (!self.conflicts.is_empty()).then_some(Doubt::VantageContradicted),
        });
        let sites = case.known_sites();
        let named = if doubt.is_none() { case.named_countries() } else { CountrySet::EMPTY };
        case.witnesses.extend(shared(place::round_trip_witnesses(&measured, reach, doubt, sites, &named)));
        case.round_trip = Some((measured, doubt));
    }
}

/// The names that spell the addresses they were seen for.
fn neighbours_of(hearing: &Hearing<'_>) -> Neighbours {
    let Hearing { evidence, relations, matches, .. } = *hearing;
    // Only names of the operator's can, and most relations have none.
    let mut has_name = vec![false; relations.len()];
    for entry in evidence.facts() {
        if let Fact::Name { name, .. } = entry.fact
            && matches.get(name) == Match::Operators
            && let Some(ended) = relations.of_flow(entry.flow)
            && let Some(has_name) = has_name.get_mut(ended.relation.place())
        {
            *has_name = true;
        }
    }
    let has_name = |id: RelationId| has_name.get(id.place()).copied().unwrap_or(false);
    let mut neighbours = Neighbours::default();
    for (id, relation) in relations.iter() {
        if has_name(id) || relations.beside(id).any(has_name) {
            neighbours.note(relation.remote, relation.day, &hearing.known_names(id));
        }
    }
    neighbours
}

/// Places one address by what is known without a capture, and by the names that are given for it.
pub(super) fn place_alone(address: IpAddr, names: &[Spoken], day: Date, settings: &Settings) -> Placement {
    let places = Places::default();
    let bench = places.bench(settings);
    let nobody = Host { tunnel: TunnelId::NONE, address: Ipv4Addr::UNSPECIFIED.into() };
    let relation = Relation { local: nobody, remote: address, day };
    bench.case(relation, &Known::by_names(names)).weighed(settings)
}

/// Everything about one address that is looked at before it is weighed.
struct Case<'a> {
    relation: Relation,
    known: &'a Known,
    address: Address,
    told: Arc<Telling>,
    /// Whether the address is in a range of the operator's.
    is_listed: bool,
    witnesses: Vec<Arc<Witness>>,
    /// The best round trip, with what speaks against it: on the packet path, at the host, or at the vantage.
    round_trip: Option<(Measurement, Option<Doubt>)>,
}

struct Bench<'a> {
    told: &'a Told,
    neighbours: &'a Neighbours,
    posts: &'a Posts,
    settings: &'a Settings,
}

/// What the databases said so far, by their records and the day: they say the same of whole networks.
#[derive(Debug, Default)]
struct Told(Mutex<HashMap<Asked, Arc<Telling>>>);

/// The records of the databases that hold an address, and the day.
type Asked = (Vec<Option<usize>>, Date);

/// What the databases say about an address on a day.
#[derive(Debug)]
struct Telling {
    answer: Answer,
    /// The network that announces it.
    network: Option<Network>,
    /// What that is worth.
    witnesses: Vec<Arc<Witness>>,
}

impl Told {
    fn of(&self, address: IpAddr, day: Date, databases: &Databases) -> Arc<Telling> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tell = || {
            let answer = databases.look_up(address);
            let network = answer.asn.map(place::network);
            let said = place::database_witnesses(&answer, network.as_ref(), databases.sources(), day);
            Arc::new(Telling { answer, network, witnesses: shared(said) })
        };
        Arc::clone(known.entry((databases.records(address), day)).or_insert_with(tell))
    }
}

/// A source of witnesses: what it says about one address.
type Speaker = fn(&Bench<'_>, &Case<'_>) -> Vec<Arc<Witness>>;

/// Who is heard about a public address, in the order in which reports show what they say.
const SPEAKERS: &[Speaker] = &[declared, operator, certificates, neighbours, embedded_address, databases];

impl Bench<'_> {
    fn case<'a>(&self, relation: Relation, known: &'a Known) -> Case<'a> {
        let address = place::classify(relation.remote);
        let told = self.told.of(relation.remote, relation.day, &self.settings.databases);
        let round_trip =
            known.round_trip.filter(|_| address.is_public() && self.settings.uses(WitnessKind::RoundTrip));
        let round_trip = round_trip
            .map(|(measured, doubt)| (measured, doubt.or_else(|| self.posts.doubt(relation.local))));
        let is_listed = Catalogue::builtin().range(address.routed, relation.day).is_some();
        let witnesses = Vec::new();
        let mut case = Case { relation, known, address, told, is_listed, witnesses, round_trip };
        if case.address.is_public() {
            let mut said: Vec<Arc<Witness>> =
                SPEAKERS.iter().flat_map(|speaker| speaker(self, &case)).collect();
            said.retain(|witness| self.settings.uses(witness.kind));
            case.witnesses = said;
        }
        case
    }
}

fn shared(witnesses: impl IntoIterator<Item = Witness>) -> Vec<Arc<Witness>> {
    witnesses.into_iter().map(Arc::new).collect()
}

/// What the user's own lists say.
fn declared(bench: &Bench<'_>, case: &Case<'_>) -> Vec<Arc<Witness>> {
    shared(bench.settings.declared.witnesses(case.address.routed, case.relation.day))
}

/// What the operator and its providers state, by names and by lists.
fn operator(_: &Bench<'_>, case: &Case<'_>) -> Vec<Arc<Witness>> {
    let Known { names, is_corroborated, .. } = case.known;
    shared(Catalogue::builtin().witnesses(case.address.routed, names, case.relation.day, *is_corroborated))
}

fn certificates(_: &Bench<'_>, case: &Case<'_>) -> Vec<Arc<Witness>> {
    let certificates = case.known.certificates.iter();
    shared(certificates.filter_map(|(name, frame)| Catalogue::builtin().certificate_witness(name, *frame)))
}

fn neighbours(bench: &Bench<'_>, case: &Case<'_>) -> Vec<Arc<Witness>> {
    shared(bench.neighbours.witness(case.address.routed, case.relation.day))
}

/// An IPv6 address that spells an IPv4 address of the operator's stands where that one does.
fn embedded_address(bench: &Bench<'_>, case: &Case<'_>) -> Vec<Arc<Witness>> {
    let IpAddr::V6(address) = case.address.routed else { return Vec::new() };
    let Some(spelt) = Catalogue::builtin().spelt_ipv4(address) else { return Vec::new() };
    let names: Vec<Spoken> = bench.neighbours.name(spelt, case.relation.day).cloned().into_iter().collect();
    shared(Catalogue::builtin().embedded_witnesses(
        spelt,
        &names,
        case.relation.day,
        case.known.is_corroborated,
    ))
}

fn databases(_: &Bench<'_>, case: &Case<'_>) -> Vec<Arc<Witness>> {
    case.told.witnesses.clone()
}

impl Case<'_> {
    /// The operator's known sites, where the address is the operator's.
    fn known_sites(&self) -> &'static [KnownSite] {
        if self.known.is_corroborated || self.is_listed { Catalogue::builtin().known_sites() } else { &[] }
    }

    /// The countries of those.
    fn known_countries(&self) -> CountrySet {
        if self.known_sites().is_empty() { CountrySet::EMPTY } else { Catalogue::builtin().known_countries() }
    }

    /// The countries that a reader will ask about: those claimed, that of registration, and those with known sites.
    fn named_countries(&self) -> CountrySet {
        let claimed = self.witnesses.iter().filter_map(|witness| match witness.claim {
            Claim::In(countries) => Some(countries),
            _ => None,
        });
        let said = self.told.answer.countries.iter().map(|(_, country)| *country);
        let others: CountrySet = said.chain(self.told.answer.registered()).collect();
        claimed.fold(others.union(&self.known_countries()), |all, one| all.union(&one))
    }

    fn weighed(self, settings: &Settings) -> Placement {
        let day = self.relation.day;
        let law = law_day(Some(day), settings);
        let countries = self.known_countries();
        let sites = law.filter(|_| !countries.is_empty()).map(|day| Sites { countries, day });
        let resolution = if self.address.is_public() {
            place::resolve(&self.witnesses, sites.as_ref())
        } else {
            Resolution::local(self.address.kind)
        };
        // A range of the operator's own that lies in no region is in no provider's list either.
        let ranges = self.told.network.and_then(|network| network.ranges).filter(|_| !self.is_listed);
        let has_unasked_ranges = ranges.is_some_and(|provider| !settings.declared.has_ranges_of(provider));
        let axis = match law {
            Some(law) => place_axis(&self.address, &resolution, law),
            None if self.address.is_public() => Axis::Undetermined,
            None => Axis::Local,
        };
        let mut witnesses = self.witnesses;
        witnesses.shrink_to_fit();
        Placement {
            address: self.address,
            day,
            law,
            resolution,
            axis,
            witnesses,
            round_trip: self.round_trip,
            told: self.told,
            has_sites: sites.is_some(),
            has_unasked_ranges,
            has_name: !self.known.names.is_empty(),
        }
    }
}
