//! Blocks that only say something: names of addresses, secrets, custom blocks, journal entries
//! (draft-ietf-opsawg-pcapng sections 4.5, 4.7, 4.8 and 4.9).
//!
//! Input: a block's body. Output: what is kept of it goes into `About`, bounded. Must not: keep a secret for anybody who did
//! not ask for it, or more of a name than is shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::options::{OPT_COMMENT, Options, text};
use crate::source::about::About;
use crate::source::claims::{CommentOn, NamedAddress, Resolver, Secrets};
use crate::source::order::ByteOrder;

/// A name resolution block: records, each an address with its names, then options about where they came from.
pub(super) fn names(order: ByteOrder, body: &[u8], about: &mut About) {
    // Records and options are written alike, and end alike.
    let mut records = Options::new(order, body);
    for (kind, value) in records.by_ref() {
        about.claims.name_count += 1;
        let (address, names): (IpAddr, &[u8]) =
            match (kind, value.split_first_chunk(), value.split_first_chunk()) {
                (RECORD_IPV4, Some((address, names)), _) => (Ipv4Addr::from(*address).into(), names),
                (RECORD_IPV6, _, Some((address, names))) => (Ipv6Addr::from(*address).into(), names),
                _ => continue,
            };
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            if about.claims.names.len() < MAX_NAMES {
                about.claims.names.push(NamedAddress { address, name: text(name) });
            }
        }
    }
    let mut broken = records.is_broken();
    let mut resolver = Resolver::default();
    let mut options = Options::new(order, records.after());
    for (code, value) in options.by_ref() {
        match code {
            OPT_COMMENT => about.comment(CommentOn::Names, || text(value)),
            NS_DNSNAME => resolver.name = Some(text(value)),
            NS_DNSIP4ADDR => {
                let address: Option<&[u8; 4]> = value.first_chunk();
                resolver.address = address.map(|address| Ipv4Addr::from(*address).into());
            }
            NS_DNSIP6ADDR => {
                let address: Option<&[u8; 16]> = value.first_chunk();
                resolver.address = address.map(|address| Ipv6Addr::from(*address).into());
            }
            _ => {}
        }
    }
    broken |= options.is_broken();
    about.broken_options += u64::from(broken);
    let resolvers = &mut about.claims.resolvers;
    if resolver != Resolver::default() && resolvers.len() < MAX_RESOLVERS && !resolvers.contains(&resolver) {
        resolvers.push(resolver);
    }
}

/// A decryption secrets block: counted, and handed to who asked for it.
pub(super) fn secrets(order: ByteOrder, body: &[u8], about: &mut About) {
    let Some(([kind, length], data)) = order.words(body) else { return };
    let stated = length as usize;
    let data_len = stated.min(data.len());
    let log = data.get(..data_len).unwrap_or_default();
    if kind == Secrets::TLS_KEY_LOG
        && let Some(carried) = &about.carried
    {
        carried.add(log);
    }
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines = lines.count() as u64;
    let table = &mut about.claims.secrets;
    if table.len() < MAX_SECRETS || table.contains_key(&kind) {
        let secrets = table.entry(kind).or_default();
        secrets.blocks += 1;
        secrets.bytes = secrets.bytes.saturating_add(data_len as u64);
        secrets.lines = secrets.lines.saturating_add(lines);
    }
    let mut options = Options::new(order, data.get(stated.next_multiple_of(4)..).unwrap_or_default());
    for (code, value) in options.by_ref() {
        if code == OPT_COMMENT {
            about.comment(CommentOn::Secrets, || text(value));
        }
    }
    about.broken_options += u64::from(options.is_broken() || stated > data.len());
}

const RECORD_IPV4: u16 = 1;
const RECORD_IPV6: u16 = 2;
const NS_DNSNAME: u16 = 2;
const NS_DNSIP4ADDR: u16 = 3;
const NS_DNSIP6ADDR: u16 = 4;
const MAX_NAMES: usize = 1_024;
const MAX_RESOLVERS: usize = 16;
const MAX_SECRETS: usize = 16;
