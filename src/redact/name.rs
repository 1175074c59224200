//! Host names that stand for those of tenants and of whatever else was looked up. Each has the length of the original, label
//! by label.
//!
//! Input: host names. Output: themselves where the catalogue knows them or they state a place; else a name that the catalogue
//! reads as it reads the original: the same kind of name where it knows the domain, nobody's where it does not. Must not: let
//! a label of a tenant's through.
//!
//! A label's stand-in is decided by the name from that label on, so that names that end alike still do.

use std::collections::{BTreeSet, HashMap};

use super::keyed::Key;
use crate::client::Catalogue;
use crate::wire::Hostname;

/// The stand-ins for names.
#[derive(Debug)]
pub(super) struct Names {
    key: Key,
    /// Names that findings rest on though they are not in the catalogue.
    kept: BTreeSet<String>,
    known: HashMap<String, String>,
}

/// Labels of a known domain before which everything is a tenant's, an account's or a place's.
enum Known<'h> {
    /// All of it says what it is for, or where.
    Whole,
    /// Under this domain, of which the catalogue knows no more.
    Under(&'h str),
    /// Nobody's that the catalogue knows.
    Nobodys,
}

impl Names {
    pub(super) fn new(key: Key, kept: BTreeSet<String>) -> Self {
        Self { key, kept, known: HashMap::new() }
    }

    /// The name that stands for `host`, of the same length.
    pub(super) fn map(&mut self, host: &Hostname) -> String {
        let host = host.as_str();
        if let Some(known) = self.known.get(host) {
            return known.clone();
        }
        let mapped = if self.kept.contains(host) { host.to_owned() } else { self.stand_in(host) };
        if self.known.len() < MAX_KNOWN {
            self.known.insert(host.to_owned(), mapped.clone());
        }
        mapped
    }

    /// The same for a name as it was read; nothing where it is none.
    pub(super) fn map_bytes(&mut self, name: &[u8]) -> Option<String> {
        let host = Hostname::parse(name)?;
        let mapped = self.map(&host);
        (mapped.len() == name.len()).then_some(mapped)
    }

    /// Whether the name stands for itself. Of one with a wildcard in front it is the rest that counts.
    pub(super) fn is_kept(&mut self, name: &str) -> bool {
        let rest = name.strip_prefix("*.").unwrap_or(name);
        Hostname::parse(rest.as_bytes()).is_some_and(|host| self.map(&host) == host.as_str())
    }

    /// How many names were met that others stand for: under domains of the catalogue, and others.
    pub(super) fn counts(&self) -> [u64; 2] {
        let mut counts = [0; 2];
        for (host, mapped) in &self.known {
            if host != mapped {
                let [under, others] = &mut counts;
                *(if matches!(known(host), Known::Under(_)) { under } else { others }) += 1;
            }
        }
        counts
    }

    fn stand_in(&self, host: &str) -> String {
        match known(host) {
            Known::Whole => host.to_owned(),
            Known::Under(domain) => self.under(host, domain),
            Known::Nobodys => self.nobodys(host),
        }
    }

    fn under(&self, host: &str, domain: &str) -> String {
        let read = |name: &str| {
            let name = Hostname::parse(name.as_bytes())?;
            let found = Catalogue::builtin().name(&name)?;
            Some((found.is_client(), found.rule.to_owned(), found.host_pattern))
        };
        let wanted = read(host);
        let is_client = wanted.as_ref().is_some_and(|(is_client, ..)| *is_client);
        self.replaced(host, domain.len(), is_client, |made| read(made) == wanted)
    }

    fn nobodys(&self, host: &str) -> String {
        self.replaced(host, 0, false, |made| Catalogue::builtin().owner(made).is_none())
    }

    /// Replaces the labels before the last `kept` bytes; those of two letters stay where they name a region.
    fn replaced(&self, host: &str, kept: usize, has_regions: bool, fits: impl Fn(&str) -> bool) -> String {
        let front = host.len().saturating_sub(kept);
        let mut made = String::new();
        for attempt in 0..MAX_ATTEMPTS {
            made.clear();
            let mut at = 0_usize;
            for label in host.get(..front).unwrap_or_default().split_inclusive('.') {
                let from_here = host.get(at..).unwrap_or_default();
                at = at.saturating_add(label.len());
                let bare = label.trim_end_matches('.');
                let is_region = has_regions && bare.len() <= REGION;
                if is_region || (kept > 0 && GENERIC.contains(&bare)) {
                    made.push_str(label);
                } else {
                    made.push_str(&self.label(label, from_here, attempt));
                }
            }
            made.push_str(host.get(front..).unwrap_or_default());
            if fits(&made) {
                break;
            }
        }
        made
    }

    /// Letters for letters and digits; what else there is stays.
    fn label(&self, label: &str, from_here: &str, attempt: u8) -> String {
        let mut made = String::new();
        for (part, chunk) in (0_u8..).zip(label.as_bytes().chunks(DIGEST)) {
            let text = [from_here.as_bytes(), &[0, attempt, part]].concat();
            let digest = self.key.digest("name", &text);
            let chars = chunk.iter().zip(digest).map(|(&byte, digest)| {
                if byte.is_ascii_alphanumeric() { char::from(b'a' + digest % 26) } else { char::from(byte) }
            });
            made.extend(chars);
        }
        made
    }
}

fn known(host: &str) -> Known<'_> {
    let Some(name) = Hostname::parse(host.as_bytes()) else { return Known::Nobodys };
    let Some(found) = Catalogue::builtin().name(&name) else { return Known::Nobodys };
    let front = host.strip_suffix(found.rule);
    let is_under = front.is_some_and(|front| front.ends_with('.'));
    if !is_under || Catalogue::builtin().site_statement_alone(&name).is_some() {
        return Known::Whole;
    }
    host.get(host.len().saturating_sub(found.rule.len())..).map_or(Known::Nobodys, Known::Under)
}

/// Names whose stand-ins are remembered; further ones are worked out again.
const MAX_KNOWN: usize = 1 << 18;
/// Tries to find a stand-in that reads as the original does. Nearly every first one does.
const MAX_ATTEMPTS: u8 = 64;
/// A label as short as that names a region, such as `us` or `eu`, and no tenant.
const REGION: usize = 2;
/// Labels that are before half the domains there are.
const GENERIC: [&str; 2] = ["www", "cdn"];
/// The bytes of a digest.
const DIGEST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: &str) -> String {
        let mut names = Names::new(Key::new(b"0123456789abcdef").unwrap(), BTreeSet::new());
        names.map_bytes(name.as_bytes()).unwrap()
    }

    #[test]
    fn what_states_a_service_or_a_place_stays() {
        for name in [
            "zoom.us",
            "www3.zoom.us",
            "us04web.zoom.us",
            "zoomfr84zc.zoom.us",
            "zoomsjccv154mmr.sjc.zoom.us",
            "us.telemetry.zoom.us",
        ] {
            assert_eq!(map(name), name);
        }
    }

    #[test]
    fn tenants_have_stand_ins_of_the_same_kind_and_length() {
        for (name, end) in [
            ("surf-example.zoom.us", ".zoom.us"),
            ("u1234567.ct.sendgrid.net", ".ct.sendgrid.net"),
            ("planted-bucket.s3.amazonaws.com", ".amazonaws.com"),
        ] {
            let mapped = map(name);
            assert_eq!(mapped.len(), name.len());
            assert!(mapped.ends_with(end) && mapped != name, "{mapped}");
            let pattern = |name: &str| {
                let name = Hostname::parse(name.as_bytes()).unwrap();
                Catalogue::builtin().name(&name).unwrap().host_pattern
            };
            assert_eq!(pattern(&mapped), pattern(name));
        }
    }

    #[test]
    fn names_of_nobody_in_the_catalogue_keep_their_form_alone() {
        let (one, two) = (map("mail.secret-bank.example"), map("www.secret-bank.example"));
        assert!(!one.contains("bank") && !one.contains("example"));
        assert_eq!(one.split_once('.').unwrap().1, two.split_once('.').unwrap().1);
        let form = |name: &str| name.replace(|c: char| c.is_ascii_alphanumeric(), "x");
        assert_eq!(form(&one), form("mail.secret-bank.example"));
    }
}
