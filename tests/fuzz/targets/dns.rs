//! DNS messages. Laws: a message is read in linear time, its cut forms never name what the whole does not; hickory reads
//! the same addresses where it takes a message, too.

use std::net::IpAddr;

use borderpost::wire::Read;
use borderpost::wire::dns::{AnswerData, Message, message, stream_message};
use hickory_proto::rr::{DNSClass, RData};

use super::frames::{is_udp, payloads, uses_port};

pub fn seeds() -> Vec<Vec<u8>> {
    payloads(200, |packet| is_udp(packet) && uses_port(packet, 53))
}

pub fn run(data: &[u8]) {
    let _ = stream_message(data);
    let Read::Done(ours) = message(data) else { return };
    assert!(ours.answers.len() <= Message::MAX_ANSWERS);
    let addresses = addresses(&ours);
    if let Some(half) = message(&data[..data.len() / 2]).done() {
        let fewer = self::addresses(&half);
        assert!(addresses.starts_with(&fewer), "a cut message says more");
    }
    let Ok(theirs) = hickory_proto::op::Message::from_vec(data) else { return };
    if ours.cut || !ours.is_response {
        return;
    }
    // hickory takes an address of any class for one.
    if theirs.answers.iter().any(|record| record.dns_class != DNSClass::IN) {
        return;
    }
    let answers = theirs.answers.iter().take(Message::MAX_ANSWERS);
    let theirs: Vec<IpAddr> = answers
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        })
        .collect();
    assert_eq!(addresses, theirs, "what hickory reads");
}

fn addresses(message: &Message) -> Vec<IpAddr> {
    let data = message.answers.iter().map(|answer| &answer.data);
    data.filter_map(|data| if let AnswerData::Address(address) = data { Some(*address) } else { None })
        .collect()
}
