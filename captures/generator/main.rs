//! Makes the captures that the project ships: `cargo run --example generate-captures [NAME...]`, all without a name.
//!
//! Reads `captures/scenarios/NAME.toml`, writes `captures/NAME.pcapng` and `captures/NAME.manifest.toml`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use generator::Result;

#[path = "mod.rs"]
mod generator;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let Err(error) = run(&names) else { return ExitCode::SUCCESS };
    // Where even standard error is gone, the exit status still tells.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

fn run(names: &[String]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let names = if names.is_empty() { generator::scenarios(&folder)? } else { names.to_vec() };
    for name in names {
        let made = generator::make(&folder, &name)?;
        made.save(&folder, &name)?;
        writeln!(std::io::stdout(), "{name}: {} bytes", made.capture.len())?;
    }
    Ok(())
}
