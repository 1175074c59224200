//! The house rules that a compiler does not check: which module may import which, that no two files of one folder
//! import each other in a circle, and which module may use which outside package.
//!
//! The scan is textual, on the sources without comments, strings and test modules. Each rule is also tried on planted
//! sources, so that a scan that sees nothing cannot pass.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules, each may import only those above it (ARCHITECTURE.md, "The way of the data").
const ORDER: &[&str] = &[
    "frame",
    "data",
    "source",
    "wire",
    "packet",
    "flow",
    "evidence",
    "decrypt",
    "place",
    "client",
    "session",
    "verdict",
    "telemetry",
    "claims",
    "study",
    "inspect",
    "report",
    "bundle",
    "compare",
    "redact",
    "process",
    "capture",
    "cli",
    "bin",
];

/// Outside packages of the library and who may use them.
const OWNERS: &[(&str, &[&str])] = &[
    ("aho_corasick", &["telemetry::planted"]),
    ("askama", &["report::html"]),
    ("brotli_decompressor", &["wire::http::body"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("csv", &["session::marks", "telemetry::list", "report"]),
    ("ctrlc", &["cli", "bin"]),
    ("data_encoding", &["telemetry::coding", "telemetry::import"]),
    ("flate2", &["source", "wire::http", "bundle"]),
    ("hashbrown", &["flow", "evidence", "decrypt", "inspect"]),
    ("httparse", &["wire::http"]),
    ("indicatif", &["cli"]),
    ("jiff", &["frame"]),
    ("landlock", &["cli::cage", "bin"]),
    ("libc", &["cli::cage", "bin"]),
    ("lz4_flex", &["source"]),
    ("maxminddb", &["place"]),
    ("md5", &["telemetry::planted"]),
    ("mmdb_writer", &["place::build"]),
    ("netstat2", &["process::table"]),
    // `source` has a module of this name.
    ("pcap", &["bin", "source"]),
    ("ratatui", &["cli::screen"]),
    ("ring", &["wire::quic", "decrypt", "redact"]),
    ("rustix", &["process::linux", "cli::cage", "cli::capture", "cli::doctor", "cli::output", "bin"]),
    ("ruzstd", &["source", "wire::http::body"]),
    ("seccompiler", &["cli::cage", "bin"]),
    (
        "serde",
        &[
            "frame",
            "data",
            "evidence",
            "place",
            "client",
            "session",
            "verdict",
            "telemetry",
            "claims",
            "study",
            "report",
            "bundle",
            "compare",
            "redact",
            "capture",
            "cli::doctor",
        ],
    ),
    (
        "serde_json",
        &["place", "telemetry", "report", "bundle", "compare", "redact", "capture", "cli::doctor"],
    ),
    ("sha1", &["telemetry::planted"]),
    ("sha2", &["source", "place", "telemetry::planted", "report", "bundle"]),
    ("sysinfo", &["process::table", "cli::doctor"]),
    (
        "thiserror",
        &[
            "frame",
            "source",
            "packet",
            "place",
            "verdict",
            "telemetry",
            "inspect",
            "bundle",
            "redact",
            "capture",
            "cli",
        ],
    ),
    ("toml", &["data"]),
    ("toml_edit", &["compare::baseline::edit"]),
    ("unicode_width", &["report"]),
    ("x509_parser", &["wire::certificate"]),
];

/// The tables of the manifest with packages that the library uses, some on some systems alone.
const DEPENDENCIES: &[&str] = &[
    "[dependencies]",
    "[target.'cfg(unix)'.dependencies]",
    "[target.'cfg(any(windows, target_os = \"macos\"))'.dependencies]",
    "[target.'cfg(target_os = \"linux\")'.dependencies]",
];

#[test]
fn modules_import_only_what_stands_above_them() {
    let faults = back_edges(&library());
    assert!(faults.is_empty(), "imports against the order of the modules:\n{}", faults.join("\n"));
}

#[test]
fn no_files_of_one_folder_import_each_other_in_a_circle() {
    let cycles = cycles(&library());
    assert!(cycles.is_empty(), "import cycles:\n{}", cycles.join("\n"));
}

#[test]
fn outside_packages_are_used_by_their_owners_only() {
    let faults = strangers(&library());
    assert!(faults.is_empty(), "packages used outside their owner modules:\n{}", faults.join("\n"));
}

#[test]
fn every_dependency_has_an_owner_and_is_used() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let declared: Vec<String> = DEPENDENCIES.iter().flat_map(|table| section(&manifest, table)).collect();
    let owned: BTreeSet<String> = OWNERS.iter().map(|(package, _)| package.replace('_', "-")).collect();
    let normal: BTreeSet<String> = declared.iter().map(|name| name.replace('_', "-")).collect();
    assert_eq!(normal, owned, "Cargo.toml and the table of owners differ");
    let sources = library();
    for (package, _) in OWNERS {
        assert!(sources.iter().any(|s| uses(&s.code, package)), "{package} is declared and not used");
    }
}

#[test]
fn every_dependency_has_its_line_in_architecture_md() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for table in DEPENDENCIES.iter().chain(&["[build-dependencies]", "[dev-dependencies]"]) {
        for name in section(&manifest, table) {
            assert!(text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not say what {name} is for");
        }
    }
}

#[test]
fn every_top_level_module_is_in_the_order() {
    let seen: BTreeSet<String> =
        library().iter().filter_map(|s| s.module.split("::").next().map(String::from)).collect();
    let known: BTreeSet<String> = ORDER.iter().map(ToString::to_string).collect();
    assert_eq!(seen, known);
}

#[test]
fn the_scans_see_planted_faults() {
    let planted = [
        Source::new("wire::dns", "use crate::flow::FlowId;\n"),
        Source::new("packet", "fn f() { crate::report::table(); }\n"),
        Source::new("flow::a", "use super::b::B;\nuse maxminddb::Reader;\n"),
        Source::new("flow::b", "use crate::flow::c::C;\n"),
        Source::new("flow::c", "use super::{a, d};\n"),
        Source::new(
            "flow::d",
            "// use crate::report::X;\nlet s = \"crate::cli::run\";\n#[cfg(test)]\nmod tests { use crate::cli::run; }\n",
        ),
    ];
    assert_eq!(back_edges(&planted), ["wire::dns imports flow", "packet imports report"]);
    assert_eq!(cycles(&planted), ["flow::a -> flow::b -> flow::c -> flow::a"]);
    assert_eq!(strangers(&planted), ["flow::a uses maxminddb"]);
}

struct Source {
    module: String,
    code: String,
}

impl Source {
    fn new(module: &str, text: &str) -> Self {
        Self { module: module.to_owned(), code: bare(text) }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the library and the capture program but `lib.rs` and `main.rs`, which only name modules, and files of tests.
fn library() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    files.sort();
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|file| test_files(file)).collect();
    let named = files.iter().filter(|file| !tests.contains(*file)).filter_map(|file| {
        let inner = file.strip_prefix(&src).ok()?.with_extension("");
        let mut parts: Vec<String> = inner.iter().map(|p| p.to_string_lossy().into_owned()).collect();
        let is_program = parts[0] == "bin";
        if parts.last().is_some_and(|last| last == "mod" || (is_program && last == "main")) {
            parts.pop();
        }
        let module = parts.join("::").replace('-', "_");
        (parts != ["lib"] && parts != ["main"]).then(|| {
            let text = fs::read_to_string(file).unwrap();
            // A program's own modules are its crate; the library is another, whose modules stand above.
            let own = "crate::bin::borderpost_capture::";
            let text = if is_program {
                text.replace("crate::", own).replace("borderpost::", "crate::")
            } else {
                text
            };
            Source::new(&module, &text)
        })
    });
    named.collect()
}

/// The files that a file mounts for tests only.
fn test_files(file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap();
    let is_root = ["mod", "lib"].contains(&file.file_stem().unwrap().to_str().unwrap());
    let folder = if is_root { file.parent().unwrap().to_owned() } else { file.with_extension("") };
    let mounted =
        text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| rest.split_once("mod ")?.1.split_once(';'));
    mounted.map(|(name, _)| folder.join(format!("{name}.rs"))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The text without comments, string contents and everything from the module of tests on, which stands last.
fn bare(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_string = false;
        let mut previous = ' ';
        for c in line.chars() {
            if c == '"' && previous != '\\' && previous != '\'' {
                in_string = !in_string;
            }
            if !in_string && previous == '/' && c == '/' {
                out.pop();
                break;
            }
            if !in_string || c == '"' {
                out.push(c);
            }
            previous = c;
        }
        out.push('\n');
    }
    out
}

/// The paths that follow `prefix` (as in `crate::`), with `{a, b::c}` opened one level.
fn paths_after(code: &str, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let joined =
            code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        if joined {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find("};").unwrap_or(inner.len());
            found.extend(inner[..end].split(',').map(|part| path_head(part.trim())));
        } else {
            found.push(path_head(rest));
        }
    }
    found
}

fn path_head(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect()
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

fn back_edges(sources: &[Source]) -> Vec<String> {
    let rank = |name: &str| ORDER.iter().position(|m| *m == name);
    let mut faults = Vec::new();
    for source in sources {
        let own = rank(top(&source.module));
        for path in paths_after(&source.code, "crate::") {
            let to = top(&path).to_owned();
            if rank(&to).is_some() && rank(&to) > own {
                faults.push(format!("{} imports {to}", source.module));
            }
        }
    }
    faults
}

fn cycles(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<&str> = sources.iter().map(|s| s.module.as_str()).collect();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        let parent = source.module.rsplit_once("::").map_or("", |(parent, _)| parent);
        let absolute = paths_after(&source.code, "crate::");
        let relative =
            paths_after(&source.code, "super::").into_iter().map(|path| format!("{parent}::{path}"));
        for path in absolute.into_iter().chain(relative) {
            let target = modules
                .iter()
                .filter(|m| path == **m || path.starts_with(&format!("{m}::")))
                .max_by_key(|m| m.len());
            let Some(target) = target else { continue };
            let siblings = target.rsplit_once("::").map(|(p, _)| p) == Some(parent);
            if siblings && *target != source.module {
                edges.entry(&source.module).or_default().insert(target);
            }
        }
    }
    let mut found = Vec::new();
    for start in edges.keys() {
        walk(start, &mut vec![start], &edges, &mut found);
    }
    found
}

/// Reports a circle once, from its first member in alphabetical order.
fn walk<'a>(
    at: &'a str,
    trail: &mut Vec<&'a str>,
    edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    found: &mut Vec<String>,
) {
    for next in edges.get(at).into_iter().flatten() {
        if *next == trail[0] {
            found.push(format!("{} -> {next}", trail.join(" -> ")));
        } else if *next > trail[0] && !trail.contains(next) {
            trail.push(next);
            walk(next, trail, edges, found);
            trail.pop();
        }
    }
}

fn strangers(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for (package, owners) in OWNERS {
            let owns =
                owners.iter().any(|o| source.module == *o || source.module.starts_with(&format!("{o}::")));
            if !owns && uses(&source.code, package) {
                faults.push(format!("{} uses {package}", source.module));
            }
        }
    }
    faults
}

fn uses(code: &str, package: &str) -> bool {
    let start = format!("{package}::");
    code.match_indices(&start).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

/// The names of the packages in one table of the manifest.
fn section(manifest: &str, header: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != header).skip(1);
    let rows = lines.take_while(|line| !line.starts_with('['));
    rows.filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|n| !n.starts_with('#'))
        .collect()
}

/// What an output makes of text from elsewhere stands in one function for each form, and all of them begin with the same one.
#[test]
fn text_is_neutralised_by_one_function_in_each_format() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    for (file, function) in [
        ("report/table.rs", "fn wrapped("),
        ("report/xml.rs", "fn escaped("),
        ("report/csv.rs", "fn harmless("),
        ("report/annotations.rs", "fn message("),
        ("report/markdown/escape.rs", "fn prose("),
        ("report/markdown/escape.rs", "fn code("),
        ("report/html/escape.rs", "fn write_escaped_str"),
        ("cli/message.rs", "fn say("),
        ("cli/screen/draw.rs", "fn "),
    ] {
        let text = read(file);
        assert!(text.contains(function), "{file} has no {function}");
        assert!(text.contains("clean") || text.contains("fit("), "{file} does not begin with `report::text`");
    }
    // Nobody else decides which characters are harmless. What stands beside makes a text shorter or plainer before it is kept.
    let others: BTreeSet<String> = library()
        .into_iter()
        .filter(|source| source.code.contains("escape_unicode"))
        .map(|source| source.module)
        .collect();
    let known = ["report::text", "report::xml", "telemetry::content", "wire"];
    assert_eq!(others, known.map(str::to_owned).into());
}
