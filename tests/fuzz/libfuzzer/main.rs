//! The targets of `tests/fuzz` under libFuzzer: `BORDERPOST_FUZZ` names the target, and with `BORDERPOST_SEEDS=FOLDER` its
//! seeds are written there first. `run` in this folder builds and starts it.

#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

static TARGET: OnceLock<&Target> = OnceLock::new();

fuzz_target!(init: begin(), |data: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(data);
    }
});

fn begin() {
    let name = std::env::var("BORDERPOST_FUZZ").unwrap_or_default();
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("BORDERPOST_FUZZ names none of the targets: {}", names.join(" "));
        std::process::exit(2);
    };
    if let Some(folder) = std::env::var_os("BORDERPOST_SEEDS") {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            if let Err(error) = std::fs::write(std::path::Path::new(&folder).join(format!("seed-{number}")), seed) {
                eprintln!("{}: {error}", folder.display());
                std::process::exit(2);
            }
        }
        std::process::exit(0);
    }
    let _ = TARGET.set(target);
}
