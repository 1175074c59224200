//! What a file says of itself: sections, interfaces, comments, names, and that there are secrets.

use super::{MAX_SHOWN, Page, claimed, named};
use crate::report::info::schema::{
    Claims, Comment, CustomBlocks, Input, Interface, Resolver, Secrets, Section, Sockets,
};
use crate::report::text::{clean, count, plural};

impl Page {
    pub(super) fn sections(&mut self, input: &Input) {
        self.field("sections", &count(input.section_count));
        for (number, section) in input.sections.iter().take(MAX_SHOWN).enumerate() {
            self.entry(&format!("[{number}] {}", self::section(section)));
        }
        self.more(input.section_count, input.sections.len());
    }

    pub(super) fn interfaces(&mut self, input: &Input) {
        self.field("interfaces", &count(input.interfaces.len() as u64));
        for interface in input.interfaces.iter().take(MAX_SHOWN) {
            self.entry(&self::interface(interface));
            let own = own(interface);
            if !own.is_empty() {
                self.detail(&own.join("; "));
            }
            self.detail(&counted(interface));
        }
        self.more(input.interfaces.len() as u64, input.interfaces.len());
    }

    pub(super) fn claims(&mut self, claims: &Claims) {
        if claims.comment_count > 0 {
            self.field("comments", &count(claims.comment_count));
            for comment in claims.comments.iter().take(MAX_SHOWN) {
                self.entry(&format!("{}: {}", about(comment), claimed(&comment.text)));
            }
            self.more(claims.comment_count, claims.comments.len());
        }
        if claims.name_count > 0 {
            let by: Vec<String> = claims.resolvers.iter().take(MAX_SHOWN).map(resolver).collect();
            let by = if by.is_empty() { String::new() } else { format!(", from {}", by.join(", ")) };
            let records = plural(claims.name_count, "address with a name", "addresses with names");
            self.field("names", &format!("{records} of the file's own{by}; not used"));
        }
        for secrets in &claims.secrets {
            self.field("secrets", &self::secrets(secrets));
        }
        if let Some(custom) = custom(claims) {
            self.field("custom", &custom);
        }
        if claims.journal_entries > 0 {
            let entries = plural(claims.journal_entries, "entry", "entries");
            self.field("journal", &format!("{entries} of systemd"));
        }
        if claims.processes_listed > 0 {
            let refused = match claims.processes_refused {
                0 => String::new(),
                refused => format!(", {} of them too many to be kept", count(refused)),
            };
            let listed = plural(claims.processes_listed, "process or app", "processes or apps");
            self.field("processes", &format!("{listed} listed{refused}"));
        }
        if let Some(sockets) = &claims.sockets {
            self.sockets(sockets);
        }
    }

    fn sockets(&mut self, sockets: &Sockets) {
        let Sockets { asked, processes, sockets, refused, malformed, flows } = sockets;
        let asked: Vec<String> = asked.iter().take(MAX_SHOWN).map(|asked| claimed(asked)).collect();
        let asked = if asked.is_empty() { String::new() } else { format!(", asked by {}", asked.join(", ")) };
        let processes = plural(*processes, "process", "processes");
        let sockets = plural(*sockets, "socket", "sockets");
        self.field("sockets", &format!("{sockets} of {processes}, looked up while it was captured{asked}"));
        for (number, what) in [(refused, "too many to be kept"), (malformed, "could not be read")] {
            if *number > 0 {
                self.entry(&format!("{} {what}", count(*number)));
            }
        }
        let Some(flows) = flows else { return };
        let told = [
            (flows.attributed, "attributed"),
            (flows.hidden, "of a process that may not be seen"),
            (flows.missed, "missed, too short"),
            (flows.elsewhere, "of other machines"),
            (flows.unasked, "not looked up, too fast"),
        ];
        let told = told.iter().map(|(number, what)| format!("{} {what}", count(*number)));
        self.entry(&format!("flows: {}", told.collect::<Vec<_>>().join(", ")));
    }

    /// Says how many entries of a list are not shown.
    fn more(&mut self, all: u64, listed: usize) {
        let hidden = all.saturating_sub(listed.min(MAX_SHOWN) as u64);
        if hidden > 0 {
            self.entry(&format!("{} more", count(hidden)));
        }
    }
}

fn section(section: &Section) -> String {
    let Section { byte_order, version, .. } = section;
    let interfaces = plural(section.interfaces.into(), "interface", "interfaces");
    let frames = plural(section.frames, "frame", "frames");
    let said = [(&section.application, "written by"), (&section.os, "under"), (&section.hardware, "on")];
    let said =
        said.into_iter().filter_map(|(text, word)| Some(format!("; {word} {}", claimed(text.as_deref()?))));
    format!("{byte_order}, version {version}, {interfaces}, {frames}{}", said.collect::<String>())
}

fn interface(interface: &Interface) -> String {
    let Interface { id, resolution, .. } = interface;
    let text = |text: &Option<String>| text.as_deref().map(claimed);
    let name = text(&interface.name).map(|name| format!(" {name}")).unwrap_or_default();
    let what = text(&interface.description).map(|what| format!(" ({what})")).unwrap_or_default();
    let link = named(interface.link_type, interface.link_name.as_deref());
    let snap = interface
        .snap_len
        .map_or("no snap length".to_owned(), |snap| format!("snap length {}", count(snap.into())));
    format!("[{id}]{name}{what}: {link}, {snap}, clock ticks {resolution} s")
}

/// What an interface is by its own description, beside its name and link type.
fn own(interface: &Interface) -> Vec<String> {
    let mut own: Vec<String> = interface.addresses.iter().take(MAX_SHOWN).cloned().collect();
    own.extend(interface.mac.as_ref().map(|mac| format!("MAC {mac}")));
    own.extend(interface.eui64.as_ref().map(|eui| format!("EUI-64 {eui}")));
    let texts = [(&interface.hardware, "hardware"), (&interface.os, "system"), (&interface.filter, "filter")];
    own.extend(
        texts.into_iter().filter_map(|(text, what)| Some(format!("{what} {}", claimed(text.as_deref()?)))),
    );
    own.extend(interface.speed.map(|speed| format!("{} bit/s", count(speed))));
    own.extend(interface.fcs_bits.map(|bits| format!("check sequence of {bits} bits")));
    if interface.clock_offset_s != 0 {
        own.push(format!("clock from 1970 {:+} s", interface.clock_offset_s));
    }
    own.extend(interface.time_zone.map(|zone| format!("time zone {zone}")));
    own
}

/// The frames of an interface, and what its last statistics count.
fn counted(interface: &Interface) -> String {
    let stated = [
        (interface.received, "received"),
        (interface.accepted, "let through by the filter"),
        (interface.delivered, "delivered"),
        (interface.dropped_by_interface, "lost by it"),
        (interface.dropped_by_os, "lost by the system"),
    ];
    let stated = stated.into_iter().filter_map(|(number, what)| Some(format!("{} {what}", count(number?))));
    let stated: Vec<String> = stated.collect();
    let frames = plural(interface.frames, "frame", "frames");
    if stated.is_empty() { frames } else { format!("{frames}; by its statistics {}", stated.join(", ")) }
}

fn about(comment: &Comment) -> String {
    let number = comment.number.map(|number| format!(" {number}")).unwrap_or_default();
    format!("{}{number}", comment.on)
}

fn resolver(resolver: &Resolver) -> String {
    match (resolver.name.as_deref().map(claimed), &resolver.address) {
        (Some(name), Some(address)) => format!("{name} ({address})"),
        (Some(name), None) => name,
        (None, address) => address.clone().unwrap_or("a server without a name".to_owned()),
    }
}

/// That there are secrets, and never which.
fn secrets(secrets: &Secrets) -> String {
    let kind = secrets.name.clone().unwrap_or_else(|| format!("kind 0x{:08x}", secrets.kind));
    let (lines, blocks) = (plural(secrets.lines, "line", "lines"), plural(secrets.blocks, "block", "blocks"));
    format!("{}: {lines}, {} bytes in {blocks}; not shown", clean(&kind), count(secrets.bytes))
}

fn custom(claims: &Claims) -> Option<String> {
    let row = |row: &CustomBlocks| {
        format!("{} of enterprise {}", plural(row.blocks, "block", "blocks"), row.enterprise)
    };
    let known = claims.custom_blocks.iter().take(MAX_SHOWN).map(row);
    let more: u64 = claims.custom_blocks.iter().skip(MAX_SHOWN).map(|row| row.blocks).sum();
    let more = more.saturating_add(claims.custom_other);
    let more = (more > 0).then(|| format!("{} of others", plural(more, "block", "blocks")));
    let all: Vec<String> = known.chain(more).collect();
    (!all.is_empty()).then(|| all.join(", "))
}
