//! What is known of Zoom: names, ranges, place codes, ports and the entities behind them, as dated data.
//!
//! Input: the files of `data/`, embedded. Output: [`Catalogue`], which answers about one name, address or flow at a
//! time and says where each answer is from. The rules by which rows are matched, dated and believed stand at the head
//! of each file.
//! Must not: weigh one statement against another, or see a packet.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Certification, Recipient, RecipientId, Service};
use crate::data::{self, Confidence, DataError};
use crate::frame::{Date, ProcessMethod, Timestamp};
use crate::packet::Protocol;
use crate::place::{CountrySet, KnownSite};
use crate::source::owners::Ancestor;
use crate::wire::Hostname;

mod attribute;
mod name;
mod pattern;
mod process;
mod range;
mod site;

pub use name::{NameMatch, Owner};
pub use range::{AddressMatch, AnycastMatch, RangeMatch, Region, Standing};
pub use site::{Site, SiteStatement};

/// Everything that is known of Zoom.
#[derive(Debug)]
pub struct Catalogue {
    recipients: Vec<Recipient>,
    names: name::Names,
    ranges: range::Ranges,
    anycast: range::Anycast,
    addresses: range::Addresses,
    sites: site::Sites,
    clusters: BTreeMap<String, Cluster>,
    ports: Vec<PortRow>,
    processes: process::Processes,
    operator: RecipientId,
    known_sites: Vec<KnownSite>,
    known_countries: CountrySet,
}

/// The catalogue's files.
const FILES: [(&str, &str); 9] = [
    ("addresses.toml", include_str!("data/addresses.toml")),
    ("anycast.toml", include_str!("data/anycast.toml")),
    ("clusters.toml", include_str!("data/clusters.toml")),
    ("names.toml", include_str!("data/names.toml")),
    ("ports.toml", include_str!("data/ports.toml")),
    ("processes.toml", include_str!("data/processes.toml")),
    ("ranges.toml", include_str!("data/ranges.toml")),
    ("recipients.toml", include_str!("data/recipients.toml")),
    ("sites.toml", include_str!("data/sites.toml")),
];

/// A cluster that holds accounts. Its region is the operator's word for where accounts belong, no place of a server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its name in host names, as `eu01`.
    pub id: String,
    /// The operator's word for the region; `EU` is no country.
    pub region: String,
    /// The host of its account interface.
    pub api: String,
}

impl Catalogue {
    /// The client's name, for people.
    pub const CLIENT: &'static str = "Zoom";

    /// The catalogue that the program carries.
    ///
    /// # Panics
    ///
    /// Where the embedded files do not load, which a test rules out.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the files are embedded, and a test loads them")]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Catalogue> = OnceLock::new();
        BUILTIN.get_or_init(|| Self::load().expect("the embedded catalogue loads"))
    }

    fn load() -> Result<Self, DataError> {
        let recipients = recipients(include_str!("data/recipients.toml"))?;
        let id_of = |id: &str| {
            let index = recipients.iter().position(|recipient| recipient.id == id)?;
            u16::try_from(index).ok().map(RecipientId)
        };
        let operator = id_of(OPERATOR)
            .ok_or_else(|| DataError::at("recipients.toml", "", None, "the operator is no recipient"))?;
        let addresses = range::Addresses::load(include_str!("data/addresses.toml"))?;
        let sites = site::Sites::load(include_str!("data/sites.toml"))?;
        // Published addresses tell a site only in countries where no code tells a better one.
        let mut known_sites: Vec<KnownSite> = sites.known().collect();
        let coded: CountrySet = known_sites.iter().map(|site| site.country).collect();
        known_sites.extend(addresses.known().filter(|site| !coded.contains(site.country)));
        Ok(Self {
            known_countries: known_sites.iter().map(|site| site.country).collect(),
            known_sites,
            names: name::Names::load(include_str!("data/names.toml"), id_of)?,
            ranges: range::Ranges::load(include_str!("data/ranges.toml"))?,
            anycast: range::Anycast::load(include_str!("data/anycast.toml"))?,
            addresses,
            sites,
            clusters: clusters(include_str!("data/clusters.toml"))?,
            ports: ports(include_str!("data/ports.toml"))?,
            processes: process::Processes::load(include_str!("data/processes.toml"))?,
            operator,
            recipients,
        })
    }

    /// The day on which the catalogue's files were compiled: that of the oldest of them.
    ///
    /// # Panics
    ///
    /// Where an embedded file does not say, which a test rules out.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the files are embedded, and a test reads them")]
    pub fn compiled() -> Date {
        let days = FILES
            .iter()
            .map(|(file, text)| data::compiled(file, text).expect("embedded files say their day"));
        days.min().expect("there are embedded files")
    }

    /// The recipient behind an id. Ids come from this catalogue alone; one that did not would have no words.
    #[must_use]
    pub fn recipient(&self, id: RecipientId) -> &Recipient {
        self.recipients.get(usize::from(id.0)).unwrap_or(&NOBODY)
    }

    /// All recipients, in the order of their names.
    pub fn recipients(&self) -> impl Iterator<Item = (RecipientId, &Recipient)> {
        (0..).map(RecipientId).zip(&self.recipients)
    }

    /// The company that runs the client's own service, and whose published ranges the catalogue holds.
    #[must_use]
    pub const fn operator(&self) -> RecipientId {
        self.operator
    }

    /// What a host name says: whose it is and what it is for.
    #[must_use]
    pub fn name(&self, host: &Hostname) -> Option<NameMatch<'_>> {
        let found = self.names.find(host.as_str())?;
        let is_client = found.rule.owner == Owner::Client;
        Some(NameMatch {
            owner: found.rule.owner,
            recipient: found.rule.recipient,
            service: found.rule.service,
            rule: found.rule.text(),
            is_default: found.is_default,
            site: if is_client { self.sites.site(host, &found.captures) } else { None },
            cluster: found.captures.cluster.map(str::to_owned),
            source: &found.rule.source,
            confidence: found.rule.confidence,
            host_pattern: found.captures.shown,
        })
    }

    /// Whose a host name is; the same as [`NameMatch::owner`] of [`Catalogue::name`], for less.
    #[must_use]
    pub fn owner(&self, host: &str) -> Option<Owner> {
        self.names.owner(host)
    }

    /// The published range around an address, as the lists next to that day have it.
    #[must_use]
    pub fn range(&self, address: IpAddr, day: Date) -> Option<RangeMatch<'_>> {
        self.ranges.find(address, day)
    }

    /// Whether a range around an address was published on any day.
    #[must_use]
    pub fn was_published(&self, address: IpAddr) -> bool {
        self.ranges.ever(address)
    }

    /// The anycast range of the operator's around an address. It holds for any day: see `anycast.toml`.
    #[must_use]
    pub fn anycast(&self, address: IpAddr) -> Option<AnycastMatch<'_>> {
        self.anycast.find(address)
    }

    /// The place that the operator publishes for this very address.
    #[must_use]
    pub fn published_address(&self, address: IpAddr, day: Date) -> Option<AddressMatch<'_>> {
        self.addresses.find(address, day)
    }

    /// What the name under which the client reached an address says about the place of that address.
    ///
    /// Nothing where the name is not the operator's, carries no known code, carries the digits of another address, or
    /// where the code stands for places in several countries.
    #[must_use]
    pub fn site_statement(&self, host: &Hostname, address: IpAddr) -> Option<SiteStatement<'_>> {
        // Most names say nothing, and finding the rule of one is dear.
        let host = Some(host).filter(|host| self.sites.may_place(host))?;
        let found = self.names.find(host.as_str()).filter(|found| found.rule.owner == Owner::Client)?;
        self.sites.statement(host, &found.captures, &self.spellings(address))
    }

    /// What a name says about the place of its server where no address is known for it.
    #[must_use]
    pub fn site_statement_alone(&self, host: &Hostname) -> Option<SiteStatement<'_>> {
        let found = self.names.find(host.as_str()).filter(|found| found.rule.owner == Owner::Client)?;
        self.sites.statement_alone(host, &found.captures)
    }

    /// What a certificate's name for all servers of one place says: `*.fr.zoom.us`. Digits never match there.
    #[must_use]
    pub fn site_statement_of_certificate(&self, name: &str) -> Option<SiteStatement<'_>> {
        self.sites.statement_of_certificate(name)
    }

    /// The IPv4 address of the operator's that an IPv6 address of the operator's spells.
    #[must_use]
    pub fn spelt_ipv4(&self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        self.spellings(IpAddr::V6(address)).first().copied()
    }

    /// Where the operator is known to run servers, by place codes and published addresses of any day.
    #[must_use]
    pub fn known_sites(&self) -> &[KnownSite] {
        &self.known_sites
    }

    /// The countries in which that is.
    #[must_use]
    pub fn known_countries(&self) -> CountrySet {
        self.known_countries
    }

    /// The first day of the year in which the operator was founded: no capture of its client is older.
    #[must_use]
    pub fn since() -> Date {
        Timestamp::from_nanos(FOUNDED).date()
    }

    /// The cluster of that name, as [`NameMatch::cluster`] gives it.
    #[must_use]
    pub fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.clusters.get(id)
    }

    /// Whether a process of that name is the client's, or a part of it. `method` says how the capture knows the name.
    #[must_use]
    pub fn is_process(&self, name: &str, method: ProcessMethod) -> bool {
        self.processes.contains(name, method)
    }

    /// The name of the client's process that started a program of its own installation, such as a web view or an updater. What it
    /// started elsewhere, such as a browser, is not a part of it.
    #[must_use]
    pub fn starter<'a>(&self, path: &str, parents: &'a [Ancestor], method: ProcessMethod) -> Option<&'a str> {
        self.processes.starter(path, parents, method)
    }

    /// What a port of the operator's servers is for, where the port alone says it.
    #[must_use]
    pub fn port_service(&self, transport: Protocol, port: u16) -> Option<Service> {
        self.port_service_in(transport, port, None)
    }

    /// The same for a server in one of the published lists, some of which have ports of their own.
    fn port_service_in(&self, transport: Protocol, port: u16, list: Option<&str>) -> Option<Service> {
        let fits = |row: &&PortRow| row.transport == transport && (row.first..=row.last).contains(&port);
        let means = |row: &&PortRow| row.list.as_deref().is_none_or(|of| list == Some(of));
        self.ports.iter().filter(fits).find(means).map(|row| row.service)
    }

    fn spellings(&self, address: IpAddr) -> Vec<Ipv4Addr> {
        let mut spellings = site::spellings(address);
        if address.to_canonical().is_ipv6() {
            let is_operators = self.ranges.ever(address);
            spellings.retain(|&spelt| is_operators && self.ranges.ever(IpAddr::V4(spelt)));
        }
        spellings
    }
}

/// 2011-01-01T00:00:00Z in nanoseconds since 1970; the company was founded in 2011.
const FOUNDED: i64 = 1_293_840_000 * 1_000_000_000;

/// Whether a country code is two capital letters.
fn check_country(country: Option<&str>) -> Result<(), &'static str> {
    let is_code = |code: &str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if country.is_none_or(is_code) { Ok(()) } else { Err("no country code") }
}

/// The entry that a row refers to by its name.
fn named<'a, T>(entries: &'a BTreeMap<String, T>, name: &str) -> Result<&'a T, &'static str> {
    entries.get(name).ok_or("a reference to something that is not in this file")
}

fn recipients(text: &str) -> Result<Vec<Recipient>, DataError> {
    const FILE: &str = "recipients.toml";
    let file: RecipientFile = data::parse(FILE, text)?;
    let mut recipients = Vec::new();
    for row in file.recipients {
        let wrong = |what| DataError::about(FILE, text, &format!("id = \"{}\"", row.id), what);
        check_country(row.seat.as_deref()).map_err(wrong)?;
        let source = named(&file.sources, &row.source).map_err(wrong)?.clone();
        let mut certifications = row.certifications;
        for certification in &mut certifications {
            certification.source = named(&file.sources, &certification.source).map_err(wrong)?.clone();
        }
        let RecipientRow { id, legal_entity, seat, asn, confidence, .. } = row;
        recipients.push(Recipient { id, legal_entity, seat, asn, certifications, source, confidence });
    }
    let is_ordered = recipients.windows(2).all(|pair| matches!(pair, [a, b] if a.id < b.id));
    if is_ordered { Ok(recipients) } else { Err(DataError::at(FILE, text, None, "recipients out of order")) }
}

fn clusters(text: &str) -> Result<BTreeMap<String, Cluster>, DataError> {
    let file: ClusterFile = data::parse("clusters.toml", text)?;
    Ok(file.clusters.into_iter().map(|cluster| (cluster.id.clone(), cluster)).collect())
}

fn ports(text: &str) -> Result<Vec<PortRow>, DataError> {
    const FILE: &str = "ports.toml";
    let file: PortFile = data::parse(FILE, text)?;
    for row in &file.ports {
        let needle = format!("first = {}", row.first);
        named(&file.sources, &row.source).map_err(|what| DataError::about(FILE, text, &needle, what))?;
    }
    Ok(file.ports)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientFile {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    recipients: Vec<RecipientRow>,
    sources: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientRow {
    id: String,
    legal_entity: String,
    seat: Option<String>,
    #[serde(default)]
    asn: Vec<u32>,
    #[serde(default)]
    certifications: Vec<Certification>,
    source: String,
    confidence: Confidence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterFile {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    #[expect(dead_code, reason = "for people who read the file")]
    source: String,
    #[expect(dead_code, reason = "for people who read the file")]
    confidence: Confidence,
    clusters: Vec<Cluster>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortFile {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    ports: Vec<PortRow>,
    sources: BTreeMap<String, String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct PortRow {
    #[serde(deserialize_with = "transport")]
    transport: Protocol,
    first: u16,
    last: u16,
    service: Service,
    list: Option<String>,
    source: String,
    #[expect(dead_code, reason = "for people who read the file")]
    confidence: Confidence,
}

/// `packet` does not know data files, so its protocols are read here by their names.
fn transport<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Protocol, D::Error> {
    let name = String::deserialize(from)?;
    let known = [Protocol::Tcp, Protocol::Udp].into_iter().find(|protocol| protocol.name() == name);
    known.ok_or_else(|| serde::de::Error::custom("neither tcp nor udp"))
}

/// The recipient that publishes the ranges.
const OPERATOR: &str = "zoom";

static NOBODY: Recipient = Recipient {
    id: String::new(),
    legal_entity: String::new(),
    seat: None,
    asn: Vec::new(),
    certifications: Vec::new(),
    source: String::new(),
    confidence: Confidence::Low,
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> Hostname {
        Hostname::parse(text.as_bytes()).unwrap()
    }

    fn stated(name: &str, address: &str) -> Option<(&'static str, &'static str, bool)> {
        let found = Catalogue::builtin().site_statement(&host(name), address.parse().unwrap())?;
        Some((found.country, found.code, found.digits_match))
    }

    #[test]
    fn every_file_says_when_it_was_compiled() {
        let days = FILES.map(|(file, text)| data::compiled(file, text).unwrap());
        assert!(days.iter().all(|day| *day >= Catalogue::compiled()));
    }

    #[test]
    fn the_embedded_files_load_and_every_recipient_is_used() {
        let catalogue = Catalogue::load().unwrap();
        assert_eq!(catalogue.recipient(catalogue.operator()).id, "zoom");
        for (id, recipient) in catalogue.recipients() {
            let needle = format!("recipient = \"{}\"", recipient.id);
            assert!(include_str!("data/names.toml").contains(&needle), "{needle}");
            assert_eq!(catalogue.recipient(id).id, recipient.id);
            assert!(!recipient.source.is_empty());
        }
    }

    #[test]
    fn names_seen_in_captures_state_their_place_with_their_digits() {
        let cases = [
            ("zoomfr84zc.zoom.us", "213.244.140.84", ("DE", "fr", true)),
            ("zoomam104zc.zoom.us", "213.19.144.104", ("NL", "am", true)),
            ("zoomfrn99mmr.zoom.us", "109.94.160.99", ("DE", "frn", true)),
            ("zoomdvm156mmr.zoom.us", "8.5.129.156", ("US", "dvm", true)),
            ("zoomsjccv154mmr.sjc.zoom.us", "144.195.73.154", ("US", "sjc", true)),
            ("zoomdcalz166mmr.dca.zoom.us", "206.247.61.166", ("US", "dca", true)),
            ("zoompaobi253zc.pao.zoom.us", "144.195.34.253", ("US", "pao", true)),
            ("zoomfr213244140151rwg.fr.zoom.us", "213.244.140.151", ("DE", "fr", true)),
            ("zoomiad206247100214rwg.iad.zoom.us", "206.247.100.214", ("US", "iad", true)),
            ("zoomva3233132186rwg.cloud.zoom.us", "3.233.132.186", ("US", "va", true)),
            ("zoomff1815631148rwg.cloud.zoom.us", "18.156.31.148", ("DE", "ff", true)),
            ("zoomsg134224146206rwg.cloud.zoom.us", "134.224.146.206", ("SG", "sg", true)),
            ("zoomfr213244140139rwg.fr.zoom.us", "2620:123:2041:140:213:244:140:139", ("DE", "fr", true)),
            ("rwcams.ams.zoom.us", "203.0.113.1", ("NL", "ams", false)),
            ("turnsin01.sin.zoom.us", "203.0.113.1", ("SG", "sin", false)),
        ];
        for (name, address, expected) in cases {
            assert_eq!(stated(name, address), Some(expected), "{name}");
        }
    }

    #[test]
    fn names_that_do_not_speak_for_an_address_state_nothing() {
        let cases = [
            // The digits of another server; a code with several readings; one that is believed only with digits.
            ("zoomfr84zc.zoom.us", "213.244.140.85"),
            ("zoomca54190137246zc.zoom.us", "54.190.137.246"),
            ("turnsg01.cloud.zoom.us", "134.224.146.1"),
            // An unknown code, a code under another domain, a label that contradicts the server's own.
            ("zoomzz84zc.zoom.us", "213.244.140.84"),
            ("rwctj.tj.zoom.us", "203.0.113.1"),
            ("zoomfr84mmr.sjc.zoom.us", "213.244.140.84"),
            // No server's name: an organisation, a cluster, another owner.
            ("fr.zoom.us", "213.244.140.84"),
            ("eu01web.zoom.us", "170.114.52.4"),
            ("zoomfr84zc.zoom.us.example", "213.244.140.84"),
        ];
        for (name, address) in cases {
            assert_eq!(stated(name, address), None, "{name}");
        }
    }

    #[test]
    fn a_place_under_the_chinese_domain_is_chinas() {
        assert_eq!(stated("rwctj.tj.zoom.com.cn", "203.0.113.1"), Some(("CN", "tj", false)));
        assert_eq!(stated("x.fra.zoom.com.cn", "203.0.113.1"), None);
    }

    #[test]
    fn certificates_for_one_place_state_it() {
        let stated = |name| {
            Catalogue::builtin().site_statement_of_certificate(name).map(|s| (s.country, s.digits_match))
        };
        assert_eq!(stated("*.fr.zoom.us"), Some(("DE", false)));
        assert_eq!(stated("*.sjc.zoom.us"), Some(("US", false)));
        for name in [
            "*.zoom.us",
            "*.cloud.zoom.us",
            "fr.zoom.us",
            "*.sg.zoom.us",
            "*.fr.example",
            "*.*.fr.zoom.us",
            "*.",
        ] {
            assert_eq!(stated(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_tells_cluster_and_site() {
        let found = Catalogue::builtin().name(&host("eu01lsip05.fr.zoom.us")).unwrap();
        assert_eq!((found.service, found.cluster.as_deref()), (Service::Phone, Some("eu01")));
        assert_eq!(found.site.map(|site| site.code), Some("fr"));
        assert_eq!(Catalogue::builtin().cluster("eu01").unwrap().region, "EU");
        let ambiguous = Catalogue::builtin().name(&host("zoomca54190137246zc.zoom.us")).unwrap();
        assert_eq!(ambiguous.site.map(|site| (site.code, site.country)), Some(("ca", None)));
        let shared = Catalogue::builtin().name(&host("ocsp.digicert.com")).unwrap();
        assert!(!shared.is_client());
    }

    #[test]
    fn spelt_addresses_lie_in_the_operators_ranges() {
        let spelt = |text: &str| {
            Catalogue::builtin().spelt_ipv4(text.parse().unwrap()).map(|spelt| spelt.to_string())
        };
        assert_eq!(spelt("2620:123:2041:140:213:244:140:139").as_deref(), Some("213.244.140.139"));
        assert_eq!(spelt("2407:30c0:182::aa72:3424").as_deref(), Some("170.114.52.36"));
        assert_eq!(spelt("2407:30c0:182::1"), None);
        assert_eq!(spelt("2001:db8::aa72:3424"), None);
    }

    #[test]
    fn ports_name_services_where_they_can() {
        let service = |transport, port| Catalogue::builtin().port_service(transport, port).map(Service::id);
        assert_eq!(service(Protocol::Udp, 8810), Some("media"));
        assert_eq!(service(Protocol::Udp, 8811), None);
        assert_eq!(service(Protocol::Udp, 3479), Some("nat_discovery"));
        assert_eq!(service(Protocol::Tcp, 443), None);
        assert_eq!(service(Protocol::Udp, 30000), None);
    }

    proptest! {
        #[test]
        fn any_name_and_address_is_answered_without_panic(
            name in "[a-z]{0,8}[0-9]{0,14}[a-z]{0,4}(\\.[a-z]{1,5}){0,2}\\.(zoom\\.us|zoom\\.com\\.cn|example)",
            address: [u8; 16],
            is_ipv4: bool,
        ) {
            let four = Ipv4Addr::new(address[0], address[1], address[2], address[3]);
            let address = if is_ipv4 { IpAddr::V4(four) } else { IpAddr::from(address) };
            let (catalogue, day) = (Catalogue::builtin(), "2025-03-04".parse().unwrap());
            if let Some(name) = Hostname::parse(name.as_bytes()) {
                let _ = catalogue.name(&name);
                let _ = catalogue.site_statement(&name, address);
            }
            let _ = catalogue.range(address, day);
            let _ = catalogue.anycast(address);
        }
    }
}
