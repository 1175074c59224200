//! What `borderpost geoip` prints.
//!
//! Input: a database's description, gates, and today's date. Output: text, no line of prose wider than the report's.
//! Must not: read anything, or let a name from a file reach a terminal raw.

use std::fmt::Write as _;

use crate::frame::Date;
use crate::place::build::{Built, Gate, Input, Outcome};
use crate::place::{Description, Source};
use crate::report::table::WIDTH;
use crate::report::text::{clean, count, plural, size, wrap};

/// What was built, and how the gates stand.
pub(super) fn built(built: &Built, description: &Description, gates: &[Gate]) -> String {
    let mut text = format!("A database of {} files, data of {}\n", built.inputs.len(), built.date);
    facts(&mut text, description);
    line(&mut text, "size      ", &size(u64::try_from(built.bytes.len()).unwrap_or(u64::MAX)));
    text.push_str("\nInputs\n");
    for input in &built.inputs {
        entry(&mut text, &format!("{}: {}", input.file, holding(input)));
    }
    text.push_str("\nGates\n");
    for gate in gates {
        entry(&mut text, &format!("{}  {}: {}", outcome(gate.outcome), gate.name, gate.figure));
        for detail in &gate.details {
            text.push_str(&wrap(&clean(detail), WIDTH, "      - ", "        "));
            text.push('\n');
        }
    }
    text
}

/// What belongs into `geoip/sources.toml` once the database is the embedded one.
pub(super) fn sources(built: &Built) -> String {
    let mut text = String::from(
        "\n# For geoip/sources.toml. Name, package, version, licence and credit of each input\n# are not in the tables: state them.\n\n",
    );
    let _ = writeln!(text, "[built]\nfile = \"default.mmdb.zst\"\ndate = \"{}\"", built.date);
    let _ = writeln!(text, "sha256_unpacked = \"{}\"", built.sha256);
    for holds in HOLDS {
        let inputs: Vec<&Input> = built.inputs.iter().filter(|input| input.holds == holds).collect();
        let _ = writeln!(text, "\n[[input]]\nholds = \"{holds}\"");
        let dated = inputs.iter().filter_map(|input| input.dated).max();
        let _ = match dated {
            Some(dated) => writeln!(text, "date = \"{dated}\""),
            None => writeln!(text, "date = \"\"  # the tables do not say it: --date does"),
        };
        for input in inputs {
            let _ = writeln!(text, "\n[[input.file]]\nname = {}", quoted(&input.file));
            let _ = writeln!(text, "sha256 = \"{}\"", input.sha256);
        }
    }
    text
}

/// Why nothing was written.
pub(super) fn refusal(broken: &[&Gate]) -> String {
    let mut text = String::from("nothing was written:");
    for gate in broken {
        let _ = write!(text, "\n  broken: {}: {}", gate.name, gate.figure);
    }
    if broken.iter().all(|gate| gate.outcome == Outcome::Changed) {
        text.push_str("\n  once somebody has looked at what changed, --accept passes it");
    }
    text
}

/// The embedded database, its sources and credits.
pub(super) fn embedded(description: &Description, sources: &[Source], today: Date) -> String {
    let mut text = String::from("The embedded database\n");
    facts(&mut text, description);
    if let Some(newest) = sources.iter().map(|source| source.built).max() {
        line(&mut text, "data of   ", &age(newest, today));
    }
    text.push_str("\nSources\n");
    for source in sources {
        entry(&mut text, &format!("{}: {}", source.name, age(source.built, today)));
        for words in [&source.licence, &source.credit].into_iter().flatten() {
            text.push_str(&wrap(&clean(words), WIDTH, "    ", "    "));
            text.push('\n');
        }
    }
    text
}

/// A database in a file.
pub(super) fn file(name: &str, description: &Description, today: Date) -> String {
    let mut text = clean(name) + "\n";
    facts(&mut text, description);
    line(&mut text, "built     ", &age(description.built, today));
    line(&mut text, "keys      ", &description.keys.join(", "));
    text
}

/// A day, and how far it is from today.
pub(super) fn age(dated: Date, today: Date) -> String {
    let days = |number: i64| plural(number.unsigned_abs(), "day", "days");
    match today.days_since(dated) {
        0 => format!("{dated}, today"),
        past @ 1.. => format!("{dated}, {} old", days(past)),
        future => format!("{dated}, {} after today", days(future)),
    }
}

fn facts(text: &mut String, description: &Description) {
    let (ipv4, ipv6) = (count(description.ipv4_networks), count(description.ipv6_networks));
    let fields = if description.fields.is_empty() {
        "none that is looked for".to_owned()
    } else {
        description.fields.join(", ")
    };
    line(text, "type      ", &description.database_type);
    line(text, "sha256    ", &description.sha256);
    line(text, "networks  ", &format!("{ipv4} IPv4, {ipv6} IPv6"));
    line(text, "fields    ", &fields);
}

fn holding(input: &Input) -> String {
    let dated = input.dated.map_or("not dated".to_owned(), |dated| format!("of {dated}"));
    let (ipv4, ipv6) = (thousands(input.ipv4), thousands(input.ipv6));
    format!("{}, {dated}, {ipv4} IPv4 and {ipv6} IPv6 ranges", input.holds)
}

fn thousands(number: usize) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Broken => "BROKEN ",
        Outcome::Changed => "CHANGED",
        Outcome::Holds => "holds  ",
        Outcome::NotChecked => "-      ",
    }
}

fn line(text: &mut String, label: &str, value: &str) {
    let first = format!("  {label}");
    text.push_str(&wrap(&clean(value), WIDTH, &first, &" ".repeat(first.len())));
    text.push('\n');
}

fn entry(text: &mut String, words: &str) {
    text.push_str(&wrap(&clean(words), WIDTH, "  ", "    "));
    text.push('\n');
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if clean(&c.to_string()).chars().eq([c]) => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out + "\""
}

/// The inputs in the order of `sources.toml`, which is the order in which the program names them.
const HOLDS: [&str; 3] = ["country", "registered_country", "autonomous_system_number"];
