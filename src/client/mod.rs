//! Whose flow it is, what it is for, and who runs the far end; and what the operator itself says about place.
//!
//! Input: what is known of one flow's remote end ([`Contact`]) and its day. Output: an [`Attribution`], and the
//! operator's own statements (published ranges, cloud regions, codes in names, anycast), each with source and date,
//! for whoever weighs places. All that is Zoom's is in [`zoom`]; its facts are dated data under `zoom/data`.
//! Must not: weigh places, judge a flow, or read a packet.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;

use crate::data::Confidence;
use crate::evidence::{self, Fact, ZoomFact};
use crate::frame::{Date, ProcessMethod};
use crate::packet::Protocol;
use crate::place::{CountrySet, Zone, zone};
use crate::wire::Hostname;
use crate::wire::zoom::Certainty;

mod statement;
pub mod zoom;

pub use statement::Spoken;
pub use zoom::Catalogue;

/// What is known of one flow's remote end.
#[derive(Clone, Copy, Debug)]
pub struct Contact<'a> {
    /// The names that the flow or the DNS answers before it gave the remote end, in the order they were seen.
    pub names: &'a [(Hostname, Origin)],
    /// The remote address.
    pub address: IpAddr,
    /// The remote port.
    pub port: u16,
    /// What the port is a port of.
    pub transport: Protocol,
    /// What the flow's bytes were recognised as.
    pub payload: PayloadMark,
    /// The process of the client's that the capture says the flow is of, where that can be relied on.
    pub process: Option<ClientProcess<'a>>,
    /// Whether the tester says that nothing but the client ran on the machine.
    pub exclusive: bool,
    /// The step of the tester's script in which it began, where the tester says that only the client did anything in that.
    pub step: Option<&'a str>,
}

/// A process of the client's, by the word of the capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientProcess<'a> {
    /// Its name.
    pub name: &'a str,
    /// The client's process that started it, where it is a part of the client by that alone.
    pub started_by: Option<&'a str>,
    /// How the capture knows.
    pub method: ProcessMethod,
}

/// Where a name was read. A name said on the connection itself outweighs one from a DNS answer, because many names may
/// share an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// The client named it on the connection: TLS server name, HTTP host.
    Request,
    /// The server's certificate names it.
    Certificate,
    /// A DNS answer gave the address for it.
    Dns,
    /// Another flow between the same two addresses has it, and this one has none.
    SameAddress,
    /// The client named it in one of two requests, or copies of its request, that differ. It may tie a flow to the client, and
    /// places nothing in the EEA: whoever can add a packet could choose it.
    OtherCopy,
}

/// What a flow's bytes were recognised as, as far as it decides whose the flow is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PayloadMark {
    /// Nothing that speaks for or against the client.
    None,
    /// WebRTC: STUN with the magic cookie, or DTLS. Every browser speaks it.
    WebRtc,
    /// Zoom's own layer between a client and a media router.
    Zoom(Certainty),
    /// Zoom's own layer between two participants.
    ZoomP2p,
    /// STUN in the form that only Zoom's client uses.
    ZoomStun,
}

impl PayloadMark {
    /// What a fact says about whose the bytes are.
    #[must_use]
    pub const fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Zoom(ZoomFact::Stun) => Self::ZoomStun,
            Fact::Zoom(ZoomFact::PeerHello { .. } | ZoomFact::PeerMedia) => Self::ZoomP2p,
            Fact::Zoom(ZoomFact::Certain) => Self::Zoom(Certainty::Certain),
            Fact::Zoom(ZoomFact::Weak) => Self::Zoom(Certainty::Weak),
            Fact::Stun | Fact::Dtls => Self::WebRtc,
            _ => Self::None,
        }
    }

    /// The mark that proves more; this one where both prove alike.
    #[must_use]
    pub const fn or_stronger(self, other: Self) -> Self {
        if other.proof() > self.proof() { other } else { self }
    }

    /// Whether only a server of the operator's answers in this way.
    #[must_use]
    pub const fn is_operators(self) -> bool {
        matches!(self, Self::Zoom(Certainty::Certain) | Self::ZoomStun)
    }

    const fn proof(self) -> u8 {
        match self {
            Self::None => 0,
            Self::WebRtc => 1,
            Self::Zoom(Certainty::Weak) => 2,
            Self::ZoomStun => 3,
            Self::ZoomP2p => 4,
            Self::Zoom(Certainty::Certain) => 5,
        }
    }
}

/// Whose flow it is, by what, and what it is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribution {
    /// Whose it is.
    pub whose: Whose,
    /// What ties it to the client; `None` unless it is the client's.
    pub identified_by: Option<IdentifiedBy>,
    /// What the remote end is for.
    pub service: Service,
    /// Who runs it, where that is known. The other participant of a direct call is no recipient.
    pub recipient: Option<RecipientId>,
    /// The name as reports show it, with everything that varies as `*`.
    pub host_pattern: Option<String>,
    /// Why, in one lower-case clause for people.
    pub because: Cow<'static, str>,
}

/// Whose flow it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Whose {
    /// The client's.
    Client,
    /// Perhaps the client's; [`Attribution::because`] says what would tie it.
    NotAttributable,
    /// Something else's.
    Other,
}

impl Whose {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::NotAttributable => "not_attributable",
            Self::Other => "other",
        }
    }
}

/// What ties a flow to the client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum IdentifiedBy {
    /// What it says.
    Payload,
    /// A name of the operator's.
    Name,
    /// A range that the operator published, valid that day.
    Range,
    /// The client's process sent or got it, by the word of the capture.
    Process,
    /// The tester's word that nothing else ran.
    Exclusive,
    /// The tester's mark of a step in which only the client did anything.
    Mark,
}

impl IdentifiedBy {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Name => "name",
            Self::Range => "range",
            Self::Process => "process",
            Self::Exclusive => "exclusive",
            Self::Mark => "mark",
        }
    }

    /// Whether it is the tester's word alone, and nothing that the capture shows.
    #[must_use]
    pub const fn is_word(self) -> bool {
        matches!(self, Self::Exclusive | Self::Mark)
    }
}

/// What a remote end is for.
///
/// The set is small on purpose: a finding, a register entry and a session speak of services, so each must be something
/// that a capture can tell apart and a reader can understand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Logs that the client or a page uploads.
    LogUpload,
    /// Audio, video, shared screens and their control, at a server.
    Media,
    /// The other participant of a direct call: a person's line, not a recipient.
    MeetingPeer,
    /// Questions about the client's own public address, before a direct call.
    NatDiscovery,
    /// Telephony.
    Phone,
    /// Presence, chat and calls announced to a running client.
    Push,
    /// Sign-in, with the meeting look-up and account calls that share its hosts.
    SignIn,
    /// The choice of a media server, and the entry to a meeting.
    Signalling,
    /// Files that do not change: scripts, pictures, published documents.
    StaticContent,
    /// Help pages and tickets.
    Support,
    /// Events about the use of the client.
    Telemetry,
    /// Measurement and advertising by another company.
    ThirdPartyAnalytics,
    /// Mail, messages and pictures by another company.
    ThirdPartyMessaging,
    /// Not known: neither name, port nor range says it.
    Unknown,
    /// New versions of the client.
    Update,
    /// Pages and interfaces not classified further.
    Web,
}

impl Service {
    /// All services, in the order of their ids.
    pub const ALL: [Self; 16] = [
        Self::LogUpload,
        Self::Media,
        Self::MeetingPeer,
        Self::NatDiscovery,
        Self::Phone,
        Self::Push,
        Self::SignIn,
        Self::Signalling,
        Self::StaticContent,
        Self::Support,
        Self::Telemetry,
        Self::ThirdPartyAnalytics,
        Self::ThirdPartyMessaging,
        Self::Unknown,
        Self::Update,
        Self::Web,
    ];

    /// Its name in data files and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.words().0
    }

    /// What it means, in one clause for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.words().1
    }

    /// The service of that id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.id() == id)
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::LogUpload => ("log_upload", "upload of logs"),
            Self::Media => ("media", "audio, video and shared screens"),
            Self::MeetingPeer => ("meeting_peer", "the other participant of a direct call"),
            Self::NatDiscovery => ("nat_discovery", "asking for the client's own public address"),
            Self::Phone => ("phone", "telephony"),
            Self::Push => ("push", "presence, chat and calls announced to a running client"),
            Self::SignIn => ("sign_in", "sign-in, meeting look-up and account calls"),
            Self::Signalling => ("signalling", "choice of a media server and entry to a meeting"),
            Self::StaticContent => ("static_content", "files that do not change"),
            Self::Support => ("support", "help pages and tickets"),
            Self::Telemetry => ("telemetry", "events about the use of the client"),
            Self::ThirdPartyAnalytics => {
                ("third_party_analytics", "measurement and advertising by another company")
            }
            Self::ThirdPartyMessaging => {
                ("third_party_messaging", "mail, messages and pictures by another company")
            }
            Self::Unknown => ("unknown", "not known what for"),
            Self::Update => ("update", "new versions of the client"),
            Self::Web => ("web", "pages and interfaces not classified further"),
        }
    }
}

/// A recipient of the catalogue that gave the id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecipientId(u16);

/// A legal entity that runs services.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// Its name in data files and reports.
    pub id: String,
    /// The entity, for people.
    pub legal_entity: String,
    /// The country of its seat (ISO 3166-1 alpha-2), where it is known. Never a place of a server.
    pub seat: Option<String>,
    /// Networks that the entity announces.
    pub asn: Vec<u32>,
    /// The frameworks under which it is said to be certified, or not to be.
    pub certifications: Vec<Certification>,
    /// Where entity and seat are from.
    pub source: String,
    /// How sure entity and seat are.
    pub confidence: Confidence,
}

/// Whether an entity is certified under a framework that a decision on adequacy asks for.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certification {
    /// The framework, as the table of zones calls it.
    pub framework: String,
    /// Whether the entity is certified.
    pub is_certified: bool,
    /// Who says so.
    pub source: String,
}

impl Recipient {
    /// Whether the entity is certified under that framework; `None` where nobody says.
    #[must_use]
    pub fn certification(&self, framework: &str) -> Option<bool> {
        self.certifications.iter().find(|known| known.framework == framework).map(|known| known.is_certified)
    }

    /// Whether the entity is certified under the framework that one of the countries asks for on the day.
    #[must_use]
    pub fn certified_in(&self, countries: &CountrySet, day: Date) -> Option<bool> {
        countries.iter().find_map(|country| match zone(country, day, None).zone {
            Zone::AdequateForCertified { framework, .. } => self.certification(framework),
            _ => None,
        })
    }
}

impl From<evidence::Origin> for Origin {
    fn from(origin: evidence::Origin) -> Self {
        match origin {
            evidence::Origin::Sni
            | evidence::Origin::QuicSni
            | evidence::Origin::DtlsSni
            | evidence::Origin::HttpHost => Self::Request,
            evidence::Origin::SniOtherCopy => Self::OtherCopy,
            evidence::Origin::Certificate => Self::Certificate,
            evidence::Origin::Dns | evidence::Origin::DnsAlias | evidence::Origin::DnsHint => Self::Dns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_that_proves_more_is_kept() {
        let marks = [
            PayloadMark::None,
            PayloadMark::WebRtc,
            PayloadMark::Zoom(Certainty::Weak),
            PayloadMark::ZoomStun,
            PayloadMark::ZoomP2p,
            PayloadMark::Zoom(Certainty::Certain),
        ];
        for (at, weaker) in marks.into_iter().enumerate() {
            for stronger in &marks[at..] {
                assert_eq!(weaker.or_stronger(*stronger), *stronger);
                assert_eq!(stronger.or_stronger(weaker), *stronger);
            }
        }
        assert_eq!(PayloadMark::of(&Fact::Dtls), PayloadMark::WebRtc);
        assert_eq!(PayloadMark::of(&Fact::HelloRetry), PayloadMark::None);
        assert_eq!(PayloadMark::of(&Fact::Zoom(ZoomFact::PeerMedia)), PayloadMark::ZoomP2p);
    }

    #[test]
    fn services_are_read_by_their_ids() {
        #[derive(Deserialize)]
        struct Row {
            service: Service,
        }
        for service in Service::ALL {
            let row: Row =
                crate::data::parse("test.toml", &format!("service = \"{}\"", service.id())).unwrap();
            assert_eq!(row.service, service);
            assert!(!service.meaning().is_empty());
        }
        assert!(Service::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()));
    }
}
