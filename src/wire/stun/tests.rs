use proptest::prelude::*;

use super::*;
use crate::wire::captures;

/// The sample IPv4 response of RFC 5769 section 2.2.
const RESPONSE_V4: [u8; 80] = [
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, // success of Binding
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, // transaction
    0x80, 0x22, 0x00, 0x0b, // SOFTWARE
    0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72,
    0x20, // "test vector" and a blank as padding
    0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, // XOR-MAPPED-ADDRESS
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, // MESSAGE-INTEGRITY
    0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, //
    0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96, // FINGERPRINT
];

/// XOR-MAPPED-ADDRESS of the sample IPv6 response of RFC 5769 section 2.3, which has the same transaction.
const MAPPED_V6: [u8; 24] = [
    0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc,
    0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
];

/// A message of this type with these attributes and the transaction of the samples.
fn with(kind: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), &RESPONSE_V4[4..20], attributes].concat()
}

#[test]
fn the_samples_of_the_standard_are_read() {
    let message_ = message(&RESPONSE_V4).done().unwrap();
    assert_eq!((message_.class, message_.method), (Class::Success, 1));
    assert_eq!(message_.transaction, RESPONSE_V4[8..20]);
    assert_eq!(message_.mapped, "192.0.2.1:32853".parse().ok());
    assert_eq!(message_.software.as_deref(), Some("test vector"));
    assert_eq!(message_.username, None);
    let v6 = message(&with(0x0101, &MAPPED_V6)).done().unwrap();
    assert_eq!(v6.mapped, "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().ok());
}

#[test]
fn a_cut_message_yields_more() {
    for length in 0..RESPONSE_V4.len() {
        assert_eq!(message(&RESPONSE_V4[..length]), Read::More, "at {length}");
    }
    let longer = [&RESPONSE_V4[..], &[0; 4]].concat();
    assert_eq!(message(&longer), Read::NotMine("longer than it says"));
}

#[test]
fn the_plain_address_counts_where_the_masked_one_is_absent() {
    let plain = [0, 1, 0, 8, 0, 1, 0x12, 0x34, 10, 0, 0, 7];
    assert_eq!(message(&with(0x0101, &plain)).done().unwrap().mapped, "10.0.0.7:4660".parse().ok());
    let both = [&plain[..], &MAPPED_V6].concat();
    assert!(message(&with(0x0101, &both)).done().unwrap().mapped.is_some_and(|mapped| mapped.is_ipv6()));
    let odd_family = [0, 1, 0, 8, 0, 3, 0x12, 0x34, 10, 0, 0, 7];
    assert_eq!(message(&with(0x0101, &odd_family)).done().unwrap().mapped, None);
}

#[test]
fn classes_and_methods_are_taken_apart() {
    let read = |kind: u16| message(&with(kind, &[])).done().map(|message| (message.class, message.method));
    assert_eq!(read(0x0001), Some((Class::Request, 1)));
    assert_eq!(read(0x0011), Some((Class::Indication, 1)));
    assert_eq!(read(0x0111), Some((Class::Error, 1)));
    assert_eq!(read(0x0017), Some((Class::Indication, 7)));
    assert_eq!(read(0x0103), Some((Class::Success, 3)));
    assert_eq!(read(0x3eef), Some((Class::Request, 0xfff)));
}

#[test]
fn user_names_are_safe_to_print() {
    let attributes = b"\x00\x06\x00\x09ab:\x1b[31m\xff\x00\x00\x00";
    let shown = message(&with(0x0001, attributes)).done().unwrap().username.unwrap();
    assert_eq!(&*shown, r"ab:\u{1b}[31m\u{fffd}");
}

#[test]
fn other_datagrams_are_refused() {
    let mut odd_length = RESPONSE_V4;
    odd_length[3] = 0x3d;
    let mut no_cookie = RESPONSE_V4;
    no_cookie[7] = 0;
    let mut overrun = RESPONSE_V4;
    overrun[23] = 0xff;
    let refused: [(&[u8], _); 4] = [
        (&odd_length, "length that is no multiple of four"),
        (&no_cookie, "no magic cookie"),
        (&overrun, "attributes that do not fit"),
        (b"\x80\x60\x00\x00", "first bits set"),
    ];
    for (bytes, why) in refused {
        assert_eq!(message(bytes), Read::NotMine(why));
    }
}

#[test]
fn captures_have_mapped_addresses() {
    let expected = [
        ("ndpi-stun_zoom.pcapng", 24, "93.33.105.111"),
        ("ndpi-teams.pcap", 37, "93.71.110.205"),
        ("ndpi-stun_google_meet.pcapng", 87, "93.35.171.209"),
    ];
    for (capture, count, ip) in expected {
        let Some(path) = captures::shared(&format!("captures/{capture}")) else { return };
        let units = captures::units(&path);
        let datagrams = units.iter().filter(|unit| unit.tcp.is_none());
        let messages: Vec<_> = datagrams.filter_map(|unit| message(&unit.payload).done()).collect();
        assert_eq!(messages.len(), count, "{capture}");
        let mut mapped = messages.iter().filter_map(|message| Some((message.class, message.mapped?)));
        assert!(mapped.clone().all(|(class, _)| class == Class::Success));
        assert!(mapped.any(|(_, mapped)| mapped.ip().to_string() == ip), "{capture}");
    }
}

#[test]
fn seeds_of_other_projects_are_read() {
    let seeds = captures::seeds("stun");
    let read = seeds.values().filter(|bytes| matches!(message(bytes), Read::Done(_))).count();
    assert!(seeds.is_empty() || read > 20, "{read} of {}", seeds.len());
}

proptest! {
    #[test]
    fn what_is_put_in_comes_out(
        transaction in any::<[u8; 12]>(),
        mapped in any::<SocketAddr>(),
        username in "[!-\\[\\]-~]{0,60}",
    ) {
        let mut attributes = vec![0, 6, 0, u8::try_from(username.len()).unwrap()];
        attributes.extend_from_slice(username.as_bytes());
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        let family = if mapped.is_ipv4() { 1 } else { 2 };
        let mask = [&[0x21, 0x12, 0xa4, 0x42][..], &transaction].concat();
        let masked = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(&mask).map(|(byte, mask)| byte ^ mask).collect() };
        let ip = match mapped.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        attributes.extend_from_slice(&[0, 0x20, 0, u8::try_from(4 + ip.len()).unwrap(), 0, family]);
        attributes.extend(masked(&mapped.port().to_be_bytes()));
        attributes.extend(masked(&ip));
        let mut bytes = with(0x0101, &attributes);
        bytes[8..20].copy_from_slice(&transaction);
        let message = message(&bytes).done().unwrap();
        prop_assert_eq!(message.transaction, transaction);
        prop_assert_eq!(message.mapped.map(|m| (m.ip(), m.port())), Some((mapped.ip(), mapped.port())));
        prop_assert_eq!(message.username.as_deref(), Some(username.as_str()));
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = message(&bytes);
        let attributes = &bytes[..bytes.len() / 4 * 4];
        let _ = message(&with(0x0001, attributes));
    }
}
