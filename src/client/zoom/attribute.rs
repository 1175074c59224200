//! Whose one flow is, by what, and what it is for.
//!
//! Input: what is known of the remote end, and the day. Output: an [`Attribution`]. Payload comes first, because it
//! holds on any address; then a name of the operator's; then a range valid that day; then the client's process. A third party's name,
//! and a range that does not stand by itself, need the process or the tester's word. Questions to name servers are never the client's: the
//! answers are evidence, the resolver is the network's.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Catalogue, NameMatch, Owner, RangeMatch, Standing};
use crate::client::{Attribution, Contact, IdentifiedBy, Origin, PayloadMark, RecipientId, Service, Whose};
use crate::frame::Date;
use crate::packet::Protocol;
use crate::wire::zoom::Certainty;
use crate::wire::{Hostname, dns};

impl Catalogue {
    /// Says whose a flow is. `day` is the day on which it began.
    #[must_use]
    pub fn attribute(&self, contact: &Contact<'_>, day: Date) -> Attribution {
        if contact.payload == PayloadMark::None && dns::PORTS.contains(&contact.port) {
            return other("a question to a name server");
        }
        let end = RemoteEnd { name: self.best_name(contact), range: self.range(contact.address, day) };
        self.by_payload(contact, &end)
            .or_else(|| self.by_name(contact, &end))
            .or_else(|| self.by_range(contact, &end))
            .or_else(|| self.by_process(contact, &end))
            .or_else(|| self.by_word(contact, &end))
            .unwrap_or_else(|| undecided(&end))
    }

    /// The most telling name: one said on the connection; else one in the certificate; else one from DNS or from
    /// another flow, and that only where the connection said nothing, because many names may share an address.
    fn best_name<'a>(&'a self, contact: &Contact<'a>) -> Option<Named<'a>> {
        let said_by = |origin| {
            let names = contact.names.iter().filter(move |(_, of)| *of == origin);
            let find = |(host, _): &'a (Hostname, Origin)| {
                self.name(host).map(|matched| Named { host, origin, matched })
            };
            names.clone().find_map(find)
        };
        // Of several requests the one that ties the flow to the client counts: nobody gets rid of it by another.
        let is_clients = |(host, of): &&(Hostname, Origin)| {
            *of == Origin::Request && self.name(host).is_some_and(|matched| matched.is_client())
        };
        let clients = contact.names.iter().find(is_clients);
        let clients = clients.and_then(|(host, origin)| {
            self.name(host).map(|matched| Named { host, origin: *origin, matched })
        });
        let is_said = contact.names.iter().any(|(_, origin)| *origin == Origin::Request);
        let request = clients.or_else(|| said_by(Origin::Request));
        // Of two copies of a request, the one that ties the flow to the client counts: nobody gets rid of it by a copy.
        let request = match said_by(Origin::OtherCopy) {
            Some(other) if request.as_ref().is_none_or(|named| named.matched.owner == Owner::ThirdParty) => {
                Some(other)
            }
            _ => request,
        };
        request
            .or_else(|| said_by(Origin::Certificate))
            .or_else(|| if is_said { None } else { said_by(Origin::Dns) })
            .or_else(|| if is_said { None } else { said_by(Origin::SameAddress) })
    }

    fn by_payload(&self, contact: &Contact<'_>, end: &RemoteEnd<'_>) -> Option<Attribution> {
        let (service, what) = match contact.payload {
            PayloadMark::None | PayloadMark::WebRtc => return None,
            PayloadMark::Zoom(Certainty::Weak) if !self.is_corroborated(contact, end) => return None,
            PayloadMark::Zoom(_) => (Service::Media, "Zoom's own layer over UDP"),
            PayloadMark::ZoomStun => (Service::NatDiscovery, "STUN in the form of Zoom's client"),
            // A server's address is no participant's.
            PayloadMark::ZoomP2p if end.is_operators_alone() => {
                (Service::Media, "Zoom's media without its header")
            }
            PayloadMark::ZoomP2p => {
                let because = "it carries Zoom's media directly between two participants";
                return Some(client(IdentifiedBy::Payload, Service::MeetingPeer, None, None, because));
            }
        };
        let (recipient, doubt) = self.recipient_by_payload(contact.address, end);
        let because = format!("it carries {what}{doubt}");
        let host_pattern = end.client_name().map(|name| name.matched.host_pattern.clone());
        Some(client(IdentifiedBy::Payload, service, recipient, host_pattern, because))
    }

    /// Who runs a server known by its payload; the operator rents addresses outside its lists, and customers run
    /// servers on their own networks.
    fn recipient_by_payload(
        &self,
        address: IpAddr,
        end: &RemoteEnd<'_>,
    ) -> (Option<RecipientId>, &'static str) {
        match end.client_name() {
            Some(name) => (Some(name.matched.recipient), ""),
            None if end.range.is_some() => (Some(self.operator), ""),
            None if is_local(address) => (None, ", at a server on the local network"),
            None => (Some(self.operator), ", at an address in none of its lists"),
        }
    }

    fn by_name(&self, contact: &Contact<'_>, end: &RemoteEnd<'_>) -> Option<Attribution> {
        let name = end.client_name()?;
        let because = format!("{} is Zoom's ({})", name.host, word(name.origin));
        let service = self.service(contact, end);
        let recipient = Some(name.matched.recipient);
        Some(client(IdentifiedBy::Name, service, recipient, end.host_pattern(), because))
    }

    fn by_range(&self, contact: &Contact<'_>, end: &RemoteEnd<'_>) -> Option<Attribution> {
        let range = end.range.as_ref()?;
        // A browser's call on the media ports is not Zoom's layer, but in a range that may be Zoom's it is enough.
        let is_call = contact.payload == PayloadMark::WebRtc && self.is_media_port(contact);
        if end.name_denies() || (range.standing == Standing::NeedsCorroboration && !is_call) {
            return None;
        }
        let beside =
            if range.standing == Standing::Certain { "" } else { ", and it is a call on Zoom's port" };
        let because = format!("{}{beside}", range.says());
        Some(client(IdentifiedBy::Range, self.service(contact, end), Some(self.operator), None, because))
    }

    /// What the client's own process sends is the client's, whoever runs the other end.
    fn by_process(&self, contact: &Contact<'_>, end: &RemoteEnd<'_>) -> Option<Attribution> {
        let process = contact.process?;
        let recipient = match (&end.name, &end.range) {
            (Some(name), _) => Some(name.matched.recipient),
            (None, Some(range)) if range.standing == Standing::Certain && contact.names.is_empty() => {
                Some(self.operator)
            }
            (None, _) => None,
        };
        // A name that the catalogue does not know is shown as it was said.
        let said = contact.names.iter().find(|(_, origin)| *origin != Origin::SameAddress);
        let pattern = end.host_pattern().or_else(|| said.map(|(host, _)| host.to_string()));
        let started =
            process.started_by.map(|name| format!(", of the same installation as {name}, which started it"));
        let because = format!(
            "the capture says that its process is {}{}: {}",
            process.name,
            started.unwrap_or_default(),
            process.method.words()
        );
        Some(client(IdentifiedBy::Process, self.service(contact, end), recipient, pattern, because))
    }

    /// The tester's word, on the machine or on the step, ties a third party and a doubtful range. It ties nothing else: the
    /// operating system always runs.
    fn by_word(&self, contact: &Contact<'_>, end: &RemoteEnd<'_>) -> Option<Attribution> {
        let (by, word_on) = match (contact.exclusive, contact.step) {
            (true, _) => (IdentifiedBy::Exclusive, "nothing but the client ran".to_owned()),
            (false, Some(step)) => {
                let word =
                    format!("by the tester's mark only the client did anything in the step \"{step}\"");
                (IdentifiedBy::Mark, word)
            }
            (false, None) => return None,
        };
        let (recipient, because) = match (&end.name, &end.range) {
            (Some(name), _) if name.matched.owner == Owner::ThirdParty => {
                (name.matched.recipient, format!("{} ({})", name.host, word(name.origin)))
            }
            (None, Some(range)) => (self.operator, range.says()),
            _ => return None,
        };
        let because = format!("{because}, and {word_on}");
        let service = self.service(contact, end);
        Some(client(by, service, Some(recipient), end.host_pattern(), because))
    }

    /// Whether anything stands beside a message that might be chance: the media port, a name, a range of any standing.
    fn is_corroborated(&self, contact: &Contact<'_>, end: &RemoteEnd<'_>) -> bool {
        self.is_media_port(contact) || end.client_name().is_some() || end.range.is_some()
    }

    fn is_media_port(&self, contact: &Contact<'_>) -> bool {
        contact.transport == Protocol::Udp
            && self.port_service(contact.transport, contact.port) == Some(Service::Media)
    }

    /// What the remote end is for: over UDP its port; else its name, unless that is a bare domain; else port or list.
    fn service(&self, contact: &Contact<'_>, end: &RemoteEnd<'_>) -> Service {
        let list = end.range.as_ref().map(|range| range.list);
        let port = self.port_service_in(contact.transport, contact.port, list);
        let by_port = port.or_else(|| end.range.as_ref().and_then(|range| range.service));
        match (&end.name, by_port) {
            (_, Some(service)) if contact.transport == Protocol::Udp && service != Service::Web => service,
            (Some(name), Some(service)) if name.matched.is_default => service,
            (Some(name), _) => name.matched.service,
            (None, by_port) => by_port.unwrap_or(Service::Unknown),
        }
    }
}

/// What the catalogue says about a remote end.
struct RemoteEnd<'a> {
    name: Option<Named<'a>>,
    range: Option<RangeMatch<'a>>,
}

struct Named<'a> {
    host: &'a Hostname,
    origin: Origin,
    matched: NameMatch<'a>,
}

impl RemoteEnd<'_> {
    fn client_name(&self) -> Option<&Named<'_>> {
        self.name.as_ref().filter(|name| name.matched.is_client())
    }

    /// Whether the name is somebody else's; that outweighs a range.
    fn name_denies(&self) -> bool {
        self.name.as_ref().is_some_and(|name| !name.matched.is_client())
    }

    /// Whether name or range make it the operator's without the payload's help.
    fn is_operators_alone(&self) -> bool {
        let is_certain = |range: &RangeMatch<'_>| range.standing == Standing::Certain;
        self.client_name().is_some() || self.range.as_ref().is_some_and(is_certain)
    }

    fn host_pattern(&self) -> Option<String> {
        self.name.as_ref().map(|name| name.matched.host_pattern.clone())
    }
}

/// What is left when nothing ties the flow to the client.
fn undecided(end: &RemoteEnd<'_>) -> Attribution {
    match (&end.name, &end.range) {
        (Some(name), _) if name.matched.owner == Owner::ThirdParty => Attribution {
            whose: Whose::NotAttributable,
            identified_by: None,
            service: name.matched.service,
            recipient: Some(name.matched.recipient),
            host_pattern: end.host_pattern(),
            because: format!(
                "{} ({}) serves many programs and pages; a process, a decrypted referrer, a step marked as exclusive (--marks) or --exclusive would tie it",
                name.host,
                word(name.origin)
            )
            .into(),
        },
        (Some(name), _) => {
            other(format!("{} ({}) is contacted by all kinds of software", name.host, word(name.origin)))
        }
        (None, Some(range)) => Attribution {
            whose: Whose::NotAttributable,
            identified_by: None,
            service: range.service.unwrap_or(Service::Unknown),
            recipient: None,
            host_pattern: None,
            because: format!("{} alone; a name or payload of Zoom's would tie it", range.says()).into(),
        },
        (None, None) => other("nothing ties it to the client"),
    }
}

fn client(
    identified_by: IdentifiedBy,
    service: Service,
    recipient: Option<RecipientId>,
    host_pattern: Option<String>,
    because: impl Into<Cow<'static, str>>,
) -> Attribution {
    Attribution {
        whose: Whose::Client,
        identified_by: Some(identified_by),
        service,
        recipient,
        host_pattern,
        because: because.into(),
    }
}

fn other(because: impl Into<Cow<'static, str>>) -> Attribution {
    Attribution {
        whose: Whose::Other,
        identified_by: None,
        service: Service::Unknown,
        recipient: None,
        host_pattern: None,
        because: because.into(),
    }
}

fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unique_local() || address.is_loopback() || address.is_unicast_link_local()
        }
    }
}

const fn word(origin: Origin) -> &'static str {
    match origin {
        Origin::Request => "named by the client",
        Origin::Certificate => "named by the certificate",
        Origin::Dns => "by DNS",
        Origin::SameAddress => "named by another flow to the address",
        Origin::OtherCopy => "named in one of two copies of the request that differ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientProcess;
    use crate::frame::ProcessMethod;

    const NATIVE: PayloadMark = PayloadMark::Zoom(Certainty::Certain);
    const MAYBE: PayloadMark = PayloadMark::Zoom(Certainty::Weak);

    struct Case<'a> {
        names: &'a [(&'a str, Origin)],
        end: (&'a str, u16, Protocol),
        payload: PayloadMark,
        process: Option<ClientProcess<'a>>,
        exclusive: bool,
        step: Option<&'a str>,
        day: &'a str,
    }

    impl Default for Case<'_> {
        fn default() -> Self {
            let end = ("203.0.113.7", 443, Protocol::Tcp);
            Self {
                names: &[],
                end,
                payload: PayloadMark::None,
                process: None,
                exclusive: false,
                step: None,
                day: "2025-03-04",
            }
        }
    }

    impl Case<'_> {
        fn attribute(&self) -> Attribution {
            let parsed =
                |(name, origin): &(&str, Origin)| (Hostname::parse(name.as_bytes()).unwrap(), *origin);
            let names: Vec<_> = self.names.iter().map(parsed).collect();
            let (address, port, transport) = self.end;
            let contact = Contact {
                names: &names,
                address: address.parse().unwrap(),
                port,
                transport,
                payload: self.payload,
                process: self.process,
                exclusive: self.exclusive,
                step: self.step,
            };
            Catalogue::builtin().attribute(&contact, self.day.parse().unwrap())
        }

        fn verdict(&self) -> (Whose, Option<IdentifiedBy>, &'static str, Option<String>) {
            let found = self.attribute();
            assert!(!found.because.is_empty() && !found.because.ends_with('.'));
            assert_eq!(found.identified_by.is_some(), found.whose == Whose::Client);
            let recipient = found.recipient.map(|id| Catalogue::builtin().recipient(id).id.clone());
            (found.whose, found.identified_by, found.service.id(), recipient)
        }
    }

    fn client(
        by: IdentifiedBy,
        service: &'static str,
    ) -> (Whose, Option<IdentifiedBy>, &'static str, Option<String>) {
        (Whose::Client, Some(by), service, Some("zoom".to_owned()))
    }

    const OTHER: (Whose, Option<IdentifiedBy>, &str, Option<String>) = (Whose::Other, None, "unknown", None);

    #[test]
    fn the_clients_process_ties_what_nothing_else_does() {
        let process = Some(ClientProcess { name: "zoom.us", started_by: None, method: ProcessMethod::Pktap });
        let unknown = Case { process, ..Case::default() }.attribute();
        assert_eq!((unknown.whose, unknown.identified_by), (Whose::Client, Some(IdentifiedBy::Process)));
        assert_eq!(
            (unknown.recipient, unknown.host_pattern, unknown.service),
            (None, None, Service::Unknown)
        );
        let names = &[("collector.example", Origin::Request)][..];
        let elsewhere = Case { names, process, ..Case::default() }.attribute();
        assert_eq!(elsewhere.host_pattern.as_deref(), Some("collector.example"));
        let names = &[("api.twilio.com", Origin::Request)][..];
        let third = Case { names, process, ..Case::default() };
        let recipient = Some("twilio".to_owned());
        let expected = (Whose::Client, Some(IdentifiedBy::Process), "third_party_messaging", recipient);
        assert_eq!(third.verdict(), expected);
        assert_eq!(Case { names, ..Case::default() }.verdict().0, Whose::NotAttributable);
        // Stronger reasons stay the reason.
        let names = &[("zoom.us", Origin::Request)][..];
        assert_eq!(Case { names, process, ..Case::default() }.verdict().1, Some(IdentifiedBy::Name));
        let resolver = Case { process, end: ("192.0.2.53", 53, Protocol::Udp), ..Case::default() };
        assert_eq!(
            resolver.verdict().0,
            Whose::Other,
            "the answers are evidence, the resolver is the network's"
        );
    }

    #[test]
    fn the_flows_of_the_2019_capture() {
        let tcp = |names, address, service| {
            let case =
                Case { names, end: (address, 443, Protocol::Tcp), day: "2019-09-26", ..Case::default() };
            assert_eq!(case.verdict(), client(IdentifiedBy::Name, service), "{names:?}");
        };
        tcp(&[("log.zoom.us", Origin::Request)], "52.202.62.238", "telemetry");
        tcp(&[("zoom.us", Origin::Request)], "52.202.62.196", "sign_in");
        tcp(&[("www3.zoom.us", Origin::Dns), ("www3.zoom.us", Origin::Request)], "52.202.62.236", "web");
        tcp(&[("zoomam104zc.zoom.us", Origin::Request)], "213.19.144.104", "signalling");
        tcp(&[("zoomfrn99mmr.zoom.us", Origin::Request)], "109.94.160.99", "media");
        let udp = |port, payload, address, day| {
            Case { end: (address, port, Protocol::Udp), payload, day, ..Case::default() }.verdict()
        };
        let media = client(IdentifiedBy::Payload, "media");
        assert_eq!(udp(8801, NATIVE, "109.94.160.99", "2019-09-26"), media);
        assert_eq!(udp(8801, NATIVE, "193.122.35.237", "2023-01-11"), media);
        let stun = udp(3478, PayloadMark::ZoomStun, "162.255.37.14", "2019-09-26");
        assert_eq!(stun, client(IdentifiedBy::Payload, "nat_discovery"));
    }

    #[test]
    fn a_third_party_is_named_and_not_counted() {
        let names = &[("www.googletagmanager.com", Origin::Request)];
        let case =
            Case { names, end: ("172.217.21.72", 443, Protocol::Tcp), day: "2019-09-26", ..Case::default() };
        let found = case.attribute();
        assert_eq!((found.whose, found.service), (Whose::NotAttributable, Service::ThirdPartyAnalytics));
        assert_eq!(found.host_pattern.as_deref(), Some("*.googletagmanager.com"));
        assert!(found.because.contains("would tie it"));
        let tied = Case { exclusive: true, ..case }.attribute();
        assert_eq!((tied.whose, tied.identified_by), (Whose::Client, Some(IdentifiedBy::Exclusive)));
        assert_eq!((tied.service, tied.recipient), (found.service, found.recipient));
        let marked = Case { step: Some("invite"), ..case }.attribute();
        assert_eq!((marked.whose, marked.identified_by), (Whose::Client, Some(IdentifiedBy::Mark)));
        assert!(marked.because.ends_with("only the client did anything in the step \"invite\""));
    }

    #[test]
    fn what_all_software_contacts_is_other_even_if_nothing_else_ran() {
        for name in ["www.google.com", "ocsp.digicert.com", "s3.eu-central-1.amazonaws.com", "dati.example"] {
            let names = &[(name, Origin::Request)];
            for exclusive in [false, true] {
                assert_eq!(Case { names, exclusive, ..Case::default() }.verdict(), OTHER, "{name}");
            }
        }
    }

    #[test]
    fn a_browsers_call_is_the_clients_in_a_range_and_nowhere_else() {
        let call = |address, day| {
            let end = (address, 8801, Protocol::Udp);
            Case { end, payload: PayloadMark::WebRtc, day, ..Case::default() }.verdict()
        };
        let media = client(IdentifiedBy::Range, "media");
        assert_eq!(call("134.224.90.111", "2022-08-22"), media);
        // Listed in the older copy alone: the call on the media port stands beside it.
        assert_eq!(call("213.244.140.151", "2025-04-10"), media);
        assert_eq!(call("142.250.82.76", "2023-06-25"), OTHER);
    }

    #[test]
    fn a_doubtful_range_alone_is_not_attributable() {
        let end = ("213.244.140.151", 443, Protocol::Tcp);
        let case = Case { end, day: "2025-04-10", ..Case::default() };
        let found = case.attribute();
        assert_eq!((found.whose, found.recipient), (Whose::NotAttributable, None));
        let because = "213.244.140.0/24 is in Zoom's list of 2024-08-02 alone; a name or payload of Zoom's would tie it";
        assert_eq!(found.because, because);
        assert_eq!(Case { exclusive: true, ..case }.verdict(), client(IdentifiedBy::Exclusive, "unknown"));
    }

    #[test]
    fn a_range_names_service_by_port_and_list() {
        let at = |address, port, transport| {
            let case = Case { end: (address, port, transport), day: "2023-06-01", ..Case::default() };
            let (whose, by, service, _) = case.verdict();
            assert_eq!((whose, by), (Whose::Client, Some(IdentifiedBy::Range)), "{address}");
            service
        };
        assert_eq!(at("170.114.1.179", 443, Protocol::Tcp), "unknown");
        assert_eq!(at("170.114.1.179", 443, Protocol::Udp), "web");
        assert_eq!(at("170.114.1.179", 8801, Protocol::Udp), "media");
        assert_eq!(at("170.114.1.179", 8802, Protocol::Tcp), "media");
        assert_eq!(at("170.114.45.7", 443, Protocol::Tcp), "static_content");
        assert_eq!(at("173.231.92.7", 30000, Protocol::Udp), "phone");
        assert_eq!(at("170.114.1.179", 30000, Protocol::Udp), "unknown");
    }

    #[test]
    fn a_weak_message_needs_port_name_or_range() {
        let weak =
            |address, port| Case { end: (address, port, Protocol::Udp), payload: MAYBE, ..Case::default() };
        assert_eq!(weak("203.0.113.7", 40000).verdict(), OTHER);
        assert_eq!(weak("203.0.113.7", 8804).verdict(), client(IdentifiedBy::Payload, "media"));
        assert_eq!(weak("144.195.44.202", 40000).verdict(), client(IdentifiedBy::Payload, "media"));
        let named = Case { names: &[("zoomfr1mmr.zoom.us", Origin::Dns)], ..weak("203.0.113.7", 40000) };
        assert_eq!(named.verdict(), client(IdentifiedBy::Payload, "media"));
    }

    #[test]
    fn a_participant_is_no_recipient() {
        let peer = |address| Case {
            end: (address, 64904, Protocol::Udp),
            payload: PayloadMark::ZoomP2p,
            ..Case::default()
        };
        let (by, payload) = (Some(IdentifiedBy::Payload), IdentifiedBy::Payload);
        assert_eq!(peer("198.51.100.4").verdict(), (Whose::Client, by, "meeting_peer", None));
        assert_eq!(peer("144.195.44.202").verdict(), client(payload, "media"));
    }

    #[test]
    fn a_server_on_the_local_network_has_no_known_recipient() {
        let found =
            Case { end: ("10.1.2.3", 8801, Protocol::Udp), payload: NATIVE, ..Case::default() }.verdict();
        assert_eq!(found, (Whose::Client, Some(IdentifiedBy::Payload), "media", None));
    }

    #[test]
    fn questions_to_name_servers_are_other() {
        for (port, transport) in
            [(53, Protocol::Udp), (53, Protocol::Tcp), (5353, Protocol::Udp), (853, Protocol::Tcp)]
        {
            let names = &[("log.zoom.us", Origin::Request)];
            assert_eq!(
                Case { names, end: ("192.0.2.1", port, transport), ..Case::default() }.verdict(),
                OTHER
            );
        }
    }

    #[test]
    fn a_name_said_on_the_connection_outweighs_dns() {
        let dns = ("us04web.zoom.us", Origin::Dns);
        let shared = Case { names: &[dns, ("shop.example", Origin::Request)], ..Case::default() };
        assert_eq!(shared.verdict(), OTHER);
        let certified = Case {
            names: &[("shop.example", Origin::Request), ("zoom.us", Origin::Certificate)],
            ..Case::default()
        };
        assert_eq!(certified.verdict(), client(IdentifiedBy::Name, "sign_in"));
        assert_eq!(
            Case { names: &[dns], ..Case::default() }.verdict(),
            client(IdentifiedBy::Name, "sign_in")
        );
        // A third party's name at an address of Zoom's: the name decides.
        let third = Case {
            names: &[("cdn.cookielaw.org", Origin::Request)],
            end: ("170.114.1.1", 443, Protocol::Tcp),
            ..Case::default()
        };
        assert_eq!(third.attribute().whose, Whose::NotAttributable);
    }

    #[test]
    fn an_organisations_name_is_not_shown() {
        let names = &[("some-university.zoom.us", Origin::Request)];
        let found = Case { names, ..Case::default() }.attribute();
        assert_eq!((found.service, found.host_pattern.as_deref()), (Service::Web, Some("*.zoom.us")));
        let media = Case { names, end: ("203.0.113.7", 8801, Protocol::Tcp), ..Case::default() }.attribute();
        assert_eq!(media.service, Service::Media);
    }
}
