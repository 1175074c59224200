//! DNS over UDP by hickory-proto: a query for each family that the client has, and the resolver's answers.
//!
//! Input: hosts and a time. Output: datagrams in the trace. Must not: resolve anything.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::Result;
use super::frame::{Path, Trace};
use super::random::Random;
use super::scenario::{Client, Host, MICROSECOND, MILLISECOND, Nanos};

/// Looks `host` up at `at`.
pub(crate) fn lookup(
    trace: &mut Trace,
    client: &Client,
    host: &Host,
    at: Nanos,
    random: &Random,
) -> Result<()> {
    let mut random = random.part("dns");
    let families = [false, true].into_iter().filter(|ipv6| client.address(*ipv6).is_some());
    for (order, ipv6) in (0..).zip(families) {
        let path = Path::to_resolver(client, ephemeral_port(&mut random));
        let path = path.ok_or("the client has no address in the resolver's family")?;
        let query = query(host, ipv6, random.half())?;
        let at = at + order * 130 * MICROSECOND;
        path.udp(trace, at, true, &query.to_vec()?);
        // The resolver asks others first.
        let recursion = 4 * MILLISECOND + i64::try_from(random.below(22_000_000)).unwrap_or(0);
        path.udp(trace, at + path.rtt + recursion, false, &answer(&query, host, ipv6)?.to_vec()?);
    }
    Ok(())
}

/// A port of the range that clients draw from (RFC 6335 section 6).
pub(crate) fn ephemeral_port(random: &mut Random) -> u16 {
    49152 + random.half() % 16384
}

fn query(host: &Host, ipv6: bool, id: u16) -> Result<Message> {
    let mut query = Message::new(id, MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(name(&host.name)?, if ipv6 { RecordType::AAAA } else { RecordType::A }));
    Ok(query)
}

fn answer(query: &Message, host: &Host, ipv6: bool) -> Result<Message> {
    let mut answer = query.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.recursion_available = true;
    let mut owner = name(&host.name)?;
    for alias in &host.aliases {
        let target = name(alias)?;
        answer.add_answer(Record::from_rdata(owner, 300, RData::CNAME(CNAME(target.clone()))));
        owner = target;
    }
    let data = host.address(ipv6).map(|address| match address {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    });
    answer.add_answers(data.map(|data| Record::from_rdata(owner, 60, data)));
    Ok(answer)
}

fn name(text: &str) -> Result<Name> {
    let mut name = Name::from_ascii(text)?;
    name.set_fqdn(true);
    Ok(name)
}
