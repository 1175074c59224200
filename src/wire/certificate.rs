//! Whom a server's certificate names (RFC 5280).
//!
//! Input: one certificate in DER. Output: [`CertificateNames`], safe to print. Must not: verify anything; a
//! certificate is taken as the server's own word.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::AttributeTypeAndValue;

use crate::wire::printable;

/// The names in a certificate: visible ASCII and blanks, all else written as `\u{e9}`; each at most 253
/// characters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CertificateNames {
    /// The subject's common name, the first where there are several.
    pub subject_common_name: Option<Box<str>>,
    /// The subject's organisation, which authorities check in some kinds of certificates and leave out in
    /// others.
    pub organisation: Option<Box<str>>,
    /// The DNS names it is for (`subjectAltName`), wildcards kept, in lower case, at most 100.
    pub names: Vec<Box<str>>,
}

impl CertificateNames {
    /// Most DNS names kept.
    pub const MAX_NAMES: usize = 100;
}

/// Reads the names in a certificate; `None` where it is none.
#[must_use]
pub fn names(der: &[u8]) -> Option<CertificateNames> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let subject = certificate.subject();
    let text = |attribute: &AttributeTypeAndValue<'_>| printable(&decoded(attribute), MAX_TEXT);
    let names = certificate.extensions().iter().flat_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(alternative) => alternative.general_names.as_slice(),
        _ => &[],
    });
    Some(CertificateNames {
        subject_common_name: subject.iter_common_name().next().map(text),
        organisation: subject.iter_organization().next().map(text),
        names: names.filter_map(dns_name).take(CertificateNames::MAX_NAMES).collect(),
    })
}

fn dns_name(name: &GeneralName<'_>) -> Option<Box<str>> {
    let GeneralName::DNSName(name) = name else { return None };
    Some(printable(&name.to_ascii_lowercase(), MAX_TEXT))
}

/// The text of an attribute. Old authorities wrote names in two bytes a character (`BMPString`) or in Latin 1
/// (`TeletexString`).
fn decoded(attribute: &AttributeTypeAndValue<'_>) -> String {
    let bytes = attribute.as_slice();
    if attribute.attr_value().tag() == x509_parser::der_parser::asn1_rs::Tag::BmpString {
        let units = bytes.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair));
        return char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    }
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// Most characters kept of a text.
const MAX_TEXT: usize = 253;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;
    use crate::wire::captures;

    fn made(names: Vec<String>, common_name: DnValue, organisation: DnValue) -> Vec<u8> {
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn text(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    #[test]
    fn names_are_read() {
        let alternative = ["*.ZOOM.us", "zoom.us", "192.0.2.1", "sip.zoom.us"].map(str::to_owned).to_vec();
        let der = made(alternative, text("*.zoom.us"), text("Zoom Video Communications, Inc."));
        let read = names(&der).unwrap();
        assert_eq!(read.subject_common_name.as_deref(), Some("*.zoom.us"));
        assert_eq!(read.organisation.as_deref(), Some("Zoom Video Communications, Inc."));
        assert_eq!(read.names, ["*.zoom.us".into(), "zoom.us".into(), "sip.zoom.us".into()] as [Box<str>; 3]);
        for length in 0..der.len() {
            assert_eq!(names(&der[..length]), None);
        }
    }

    #[test]
    fn texts_are_safe_to_print_in_any_encoding() {
        let two_bytes = rcgen::string::BmpString::try_from("Zürich").unwrap();
        let latin = rcgen::string::TeletexString::try_from("plain").unwrap();
        let read =
            names(&made(vec![], DnValue::BmpString(two_bytes), DnValue::TeletexString(latin))).unwrap();
        assert_eq!(read.subject_common_name.as_deref(), Some(r"Z\u{fc}rich"));
        assert_eq!(read.organisation.as_deref(), Some("plain"));
        let read = names(&made(vec![], text("a\u{1b}[2J\u{202e}b"), text(&"o".repeat(1000)))).unwrap();
        assert_eq!(read.subject_common_name.as_deref(), Some(r"a\u{1b}[2J\u{202e}b"));
        assert_eq!(read.organisation.map(|organisation| organisation.len()), Some(MAX_TEXT));
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let many = (0..300).map(|n| format!("n{n}.example")).collect();
        let read = names(&made(many, text("x"), text("y"))).unwrap();
        assert_eq!(read.names.len(), CertificateNames::MAX_NAMES);
    }

    #[test]
    fn garbage_has_no_names() {
        assert_eq!(names(b""), None);
        assert_eq!(names(b"\x30\x82\xff\xff"), None);
        assert_eq!(names(&[0x30; 4000]), None);
        for bytes in captures::seeds("tls-certificate").into_values() {
            for bytes in std::iter::once(&bytes[..]).chain(bytes.chunks(700)) {
                let read = names(bytes).unwrap_or_default();
                let shown = read.names.iter().chain(&read.subject_common_name).chain(&read.organisation);
                assert!(shown.into_iter().all(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = names(&bytes);
        }

        #[test]
        fn spoilt_certificates_are_survived(at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let mut der = made(vec!["a.example".to_owned()], text("a"), text("b"));
            let at = at.index(der.len());
            der[at] = value;
            let _ = names(&der);
        }
    }
}
