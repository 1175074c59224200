//! What is fuzzed. A target takes any bytes and panics where a law is broken; most laws are another reading of the same
//! bytes (an oracle), because "does not crash" says little.
//!
//! The bytes are read as a [`Script`] where random ones would not get past the first check: the first of them says how a
//! valid container, segment or packet is made of the rest. Must not: depend on anything but the bytes.

pub mod blocks;
pub mod bundle;
pub mod certificate;
pub mod container;
pub mod database;
pub mod dns;
pub mod exchange;
pub mod fragments;
pub mod frames;
pub mod hello;
pub mod http;
pub mod import;
pub mod keylog;
pub mod packet;
pub mod planted;
pub mod policy;
pub mod quic;
pub mod script;
pub mod stun;
pub mod tcp;
pub mod text;
pub mod whole;
pub mod zoom;

/// One thing that is fuzzed.
pub struct Target {
    /// Its name, that of its folder of regressions and its corpus.
    pub name: &'static str,
    /// Takes the bytes, and panics where a law is broken.
    pub run: fn(&[u8]),
    /// Inputs that reach far, made of the project's own captures.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "container", run: container::run, seeds: container::seeds },
    Target { name: "packet", run: packet::run, seeds: packet::seeds },
    Target { name: "fragments", run: fragments::run, seeds: fragments::seeds },
    Target { name: "tcp", run: tcp::run, seeds: tcp::seeds },
    Target { name: "hello", run: hello::run, seeds: hello::seeds },
    Target { name: "certificate", run: certificate::run, seeds: certificate::seeds },
    Target { name: "quic", run: quic::run, seeds: quic::seeds },
    Target { name: "dns", run: dns::run, seeds: dns::seeds },
    Target { name: "stun", run: stun::run, seeds: stun::seeds },
    Target { name: "zoom", run: zoom::run, seeds: zoom::seeds },
    Target { name: "http", run: http::run, seeds: http::seeds },
    Target { name: "keylog", run: keylog::run, seeds: keylog::seeds },
    Target { name: "exchange", run: exchange::run, seeds: exchange::seeds },
    Target { name: "import", run: import::run, seeds: import::seeds },
    Target { name: "planted", run: planted::run, seeds: planted::seeds },
    Target { name: "blocks", run: blocks::run, seeds: blocks::seeds },
    Target { name: "text", run: text::run, seeds: text::seeds },
    Target { name: "policy", run: policy::run, seeds: policy::seeds },
    Target { name: "bundle", run: bundle::run, seeds: bundle::seeds },
    Target { name: "database", run: database::run, seeds: database::seeds },
    Target { name: "whole", run: whole::run, seeds: whole::seeds },
];
