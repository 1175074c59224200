//! What key logs opened: the sums, and the sentences about them.
//!
//! Input: an inspection. Output: counts by whose the connections are. Must not: show a secret, or what was said.

use std::fmt::Write as _;

use crate::client::Whose;
use crate::decrypt::{Outcome, Tally};
use crate::evidence::Fact;
use crate::inspect::{Inspection, KeySource};
use crate::report::schema::{self, Decrypted, Decryption};
use crate::report::text::{count, plural, size};
use crate::report::view::{Row, View};

/// Sums up what key logs opened; `None` where no key is known.
pub(super) fn decryption(view: &View<'_>) -> Option<Decryption> {
    let inspection = view.inspection;
    let sources = sources(inspection);
    if sources.is_empty() {
        return None;
    }
    let mut decryption = Decryption { sources, ..Decryption::default() };
    for row in view.rows() {
        let is_client = row.attribution.whose == Whose::Client;
        let sum = if is_client { &mut decryption.client } else { &mut decryption.others };
        let Some(of) = row.unit.decryption() else { continue };
        match of.outcome(row.flow.id()) {
            Some(outcome) => add(sum, outcome),
            // Where keys came behind it, nobody looked.
            None if row.flow.tcp().is_some() && has_hello(&row) => {
                sum.connections += 1;
                sum.without_keys += 1;
            }
            None => {}
        }
    }
    for (number, unit) in inspection.units().iter().enumerate() {
        let Some(of) = unit.decryption() else { continue };
        for (flow, random) in unit.evidence().randoms() {
            let row = view.row(number, *flow).filter(|_| of.has_key(random));
            if let Some(row) = row {
                let is_client = row.attribution.whose == Whose::Client;
                let sum = if is_client { &mut decryption.client } else { &mut decryption.others };
                sum.quic_with_keys += 1;
            }
        }
    }
    Some(decryption)
}

fn has_hello(row: &Row<'_>) -> bool {
    let facts = row.unit.evidence().of(row.flow.id());
    facts.iter().any(|entry| matches!(entry.fact, Fact::ClientHello(_)))
}

fn sources(inspection: &Inspection) -> Vec<schema::KeySource> {
    let named = inspection.settings().key_logs.sources.iter().map(|of| source("key_log", of, String::new()));
    let carried = inspection.units().iter().filter_map(|unit| {
        let carried = unit.decryption()?.carried()?;
        // Of joined inputs the first stands for all.
        let input = unit.flows().iter().next().map_or(0, |flow| flow.first_frame().input());
        let input = inspection.inputs().get(input as usize);
        let name = input.map(|input| input.path.display().to_string()).unwrap_or_default();
        Some(source("capture", carried, name))
    });
    named.chain(carried).collect()
}

fn source(kind: &'static str, of: &KeySource, input: String) -> schema::KeySource {
    let KeySource { file, sha256, tally, is_late } = of;
    let Tally { secrets, repeated, contradicting, unused, unknown, malformed, first_malformed, refused } =
        *tally;
    schema::KeySource {
        kind,
        name: file.clone().unwrap_or(input),
        sha256: sha256.clone(),
        secrets,
        repeated,
        contradicting,
        unused_labels: unused,
        unknown_labels: unknown,
        malformed_lines: malformed,
        first_malformed_line: first_malformed,
        refused,
        late: *is_late,
    }
}

fn add(sum: &mut Decrypted, outcome: &Outcome) {
    let read = match outcome {
        Outcome::NotTls => return,
        Outcome::NoHello => {
            sum.connections += 1;
            sum.without_hello += 1;
            return;
        }
        Outcome::NoKeys { .. } => {
            sum.connections += 1;
            sum.without_keys += 1;
            return;
        }
        Outcome::Keys(read) => read,
    };
    sum.connections += 1;
    sum.with_keys += 1;
    if let Some(trouble) = read.trouble {
        *sum.troubles.entry(trouble.name().to_owned()).or_default() += 1;
    }
    if let Some(cipher) = read.cipher {
        *sum.cipher_suites.entry(format!("{cipher:#06x}")).or_default() += 1;
    }
    let mut both = read.from_client;
    both.add(&read.from_server);
    sum.records_opened += both.opened;
    sum.records_failed += both.failed;
    sum.records_broken += both.broken;
    sum.records_cut += both.cut;
    sum.gaps += both.gaps;
    sum.bytes_from_client += read.from_client.bytes;
    sum.bytes_from_server += read.from_server.bytes;
    sum.bytes_early += both.early;
}

/// The same in sentences.
pub(super) fn remarks(decryption: &Decryption) -> Vec<String> {
    let Decryption { sources, client, others } = decryption;
    let mut remarks: Vec<String> = sources.iter().filter_map(about_source).collect();
    remarks.push(format!(
        "Keys are known for {} of {} of the client and {} of {}.",
        count(client.with_keys),
        plural(client.connections, "TLS connection", "TLS connections"),
        count(others.with_keys),
        plural(others.connections, "other", "others")
    ));
    if client.with_keys + others.with_keys > 0 {
        remarks.push(opened(client, others));
    }
    let quic = client.quic_with_keys + others.quic_with_keys;
    if quic > 0 {
        remarks.push(format!(
            "For {} the keys are there, and no decoder: HTTP/3 is not read.",
            plural(quic, "QUIC connection", "QUIC connections")
        ));
    }
    for (trouble, says) in TROUBLES {
        let number = |of: &Decrypted| of.troubles.get(*trouble).copied().unwrap_or(0);
        let all = number(client) + number(others);
        if all > 0 {
            remarks.push(format!(
                "{} with keys not read to the end: {says}.",
                plural(all, "connection was", "connections were")
            ));
        }
    }
    remarks
}

fn opened(client: &Decrypted, others: &Decrypted) -> String {
    let sum = |of: fn(&Decrypted) -> u64| of(client) + of(others);
    let missing = [
        (sum(|of| of.records_failed), "did not open"),
        (sum(|of| of.records_cut), "were cut by the snap length"),
        (sum(|of| of.records_broken - of.records_cut), "are not whole in the capture"),
    ];
    let mut says = format!(
        "{} opened, with {} of data",
        plural(sum(|of| of.records_opened), "encrypted record was", "encrypted records were"),
        size(sum(|of| of.bytes_from_client + of.bytes_from_server))
    );
    // Writing to a String cannot fail.
    for (number, what) in missing.into_iter().filter(|(number, _)| *number > 0) {
        let _ = write!(says, "; {} {what}", count(number));
    }
    if sum(|of| of.gaps) > 0 {
        let _ = write!(says, "; {} of unknown length", plural(sum(|of| of.gaps), "gap is", "gaps are"));
    }
    says + "."
}

/// What a reader of key logs can do something about.
fn about_source(source: &schema::KeySource) -> Option<String> {
    let mut faults = Vec::new();
    let mut say = |number: u64, one: &str, many: &str| {
        if number > 0 {
            faults.push(plural(number, one, many));
        }
    };
    say(source.unknown_labels, "line has a label that is not known", "lines have labels that are not known");
    say(source.malformed_lines, "line is none of a key log", "lines are none of a key log");
    say(source.contradicting, "secret contradicts another", "secrets contradict others");
    say(source.refused, "secret is one too many", "secrets are too many");
    if let Some(first) = source.first_malformed_line.filter(|_| source.malformed_lines > 0) {
        faults.push(format!("the first of those is line {first}"));
    }
    if source.late {
        faults.push(
            "some keys come after frames that they may be for, and this input cannot be read again"
                .to_owned(),
        );
    }
    (!faults.is_empty()).then(|| format!("Keys of {}: {}.", source.name, faults.join("; ")))
}

/// Why connections were not read to the end, by name.
const TROUBLES: &[(&str, &str)] = &[
    ("keys_do_not_fit", "no record opens with the keys that the log has"),
    ("lost_track", "after a gap no record opens any more"),
    ("no_server_hello", "the server's hello is not in the capture"),
    ("not_tls", "they go on with something else than TLS"),
    ("renegotiated", "they begin a second handshake, whose keys no log has"),
    ("secret_missing", "the log lacks a secret of them"),
    ("cipher_suite_without_decrypter", "their cipher suite has no decrypter here"),
    ("too_much_at_once", "too much had to be held at one time"),
    ("version_without_decrypter", "they are of a version before TLS 1.2"),
];
