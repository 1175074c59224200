//! What a capture says of itself, from its reader's values to the schema's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::frame::ProcessMethod;
use crate::report::info::schema::{
    Claims, Comment, CustomBlocks, NamedAddress, Process, Resolver, Secrets, Section, SocketFlows, Sockets,
};
use crate::source::owners::{OwnerTotals, Owners};
use crate::source::{self, CommentOn};

pub(super) fn section(section: &source::Section) -> Section {
    let (major, minor) = section.version;
    Section {
        offset: section.offset,
        byte_order: section.order.name().to_owned(),
        version: format!("{major}.{minor}"),
        hardware: section.hardware.clone(),
        os: section.os.clone(),
        application: section.application.clone(),
        first_interface: section.first_interface,
        interfaces: section.interfaces,
        frames: section.frames,
    }
}

pub(super) fn claims(claims: &source::Claims, owners: &Owners) -> Claims {
    let name = |named: &source::NamedAddress| NamedAddress {
        address: named.address.to_string(),
        name: named.name.clone(),
    };
    let resolver = |resolver: &source::Resolver| Resolver {
        name: resolver.name.clone(),
        address: resolver.address.as_ref().map(IpAddr::to_string),
    };
    let custom = claims.custom_blocks.iter();
    let custom = custom.map(|(&enterprise, &blocks)| CustomBlocks { enterprise, blocks });
    Claims {
        comments: claims.comments.iter().map(comment).collect(),
        comment_count: claims.comment_count,
        names: claims.names.iter().map(name).collect(),
        name_count: claims.name_count,
        resolvers: claims.resolvers.iter().map(resolver).collect(),
        secrets: claims.secrets.iter().map(|(&kind, &secrets)| self::secrets(kind, secrets)).collect(),
        custom_blocks: custom.collect(),
        custom_other: claims.custom_other,
        journal_entries: claims.journal_entries,
        processes_listed: claims.processes,
        processes_refused: claims.processes_refused,
        sockets: (!owners.is_empty()).then(|| sockets(owners)),
    }
}

fn sockets(owners: &Owners) -> Sockets {
    let asked: BTreeSet<&String> = owners.processes.iter().map(|process| &process.asked).collect();
    let flows = |totals: OwnerTotals| SocketFlows {
        attributed: totals.attributed,
        hidden: totals.hidden,
        missed: totals.missed,
        elsewhere: totals.elsewhere,
        unasked: totals.unasked,
        looks: totals.sweeps,
        busy_s: Duration::from_nanos(totals.busy_nanos).as_secs_f64(),
    };
    Sockets {
        asked: asked.into_iter().filter(|asked| !asked.is_empty()).cloned().collect(),
        processes: owners.processes.len() as u64,
        sockets: owners.sockets.len() as u64,
        refused: owners.refused,
        malformed: owners.malformed,
        flows: owners.totals.map(flows),
    }
}

fn comment(comment: &source::Comment) -> Comment {
    let (on, number) = match comment.on {
        CommentOn::Section(section) => ("section", Some(section)),
        CommentOn::Interface(interface) => ("interface", Some(interface.into())),
        CommentOn::Statistics(interface) => ("statistics", Some(interface.into())),
        CommentOn::Frame(frame) => ("frame", Some(frame)),
        CommentOn::Names => ("names", None),
        CommentOn::Secrets => ("secrets", None),
    };
    Comment { on: on.to_owned(), number, text: comment.text.clone() }
}

fn secrets(kind: u32, secrets: source::Secrets) -> Secrets {
    let source::Secrets { blocks, bytes, lines } = secrets;
    Secrets { kind, name: source::Secrets::kind_name(kind).map(ToOwned::to_owned), blocks, bytes, lines }
}

pub(super) fn processes(methods: &BTreeMap<ProcessMethod, u64>) -> Vec<Process> {
    let row = |(method, &frames): (&ProcessMethod, &u64)| Process {
        method: method.name().to_owned(),
        says: method.words().to_owned(),
        reliable: method.is_reliable(),
        frames,
    };
    methods.iter().map(row).collect()
}
