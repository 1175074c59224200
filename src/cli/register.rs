//! `borderpost register`, and which registers an inspection compares with.

use std::path::Path;

use crate::cli::args;
use crate::cli::message::fail;
use crate::cli::output;
use crate::cli::status::Status;
use crate::cli::world::World;
use crate::client::{Catalogue, Service};
use crate::report::register::{overview, page};
use crate::report::text::{clean, plural};
use crate::verdict::Register;

/// The registers that the user chose: all built-in ones, one, a file, or none.
pub(super) fn chosen(register: Option<&str>, world: &World) -> Result<Vec<Register>, String> {
    match register {
        None => Ok(Register::builtin().to_vec()),
        Some("none") => Ok(Vec::new()),
        Some(name) => Ok(vec![named(name, world)?]),
    }
}

/// Whether that is the name of a built-in register, or of none.
pub(super) fn is_builtin(name: &str) -> bool {
    name == "none" || Register::builtin().iter().any(|register| register.name() == name)
}

/// Shows or checks a register.
pub(super) fn run(action: &args::Register) -> Status {
    let text = match action {
        args::Register::Show { register: None } => Ok(overview(Register::builtin())),
        args::Register::Show { register: Some(name) } => {
            named(name, &World::Disk).map(|register| page(&register))
        }
        args::Register::Check { file } => check(file),
    };
    match text.and_then(|text| output::to_stdout(&text).map_err(|error| format!("standard output: {error}")))
    {
        Ok(()) => Status::Clean,
        Err(message) => fail(&message),
    }
}

/// A built-in register by its name, else a file.
fn named(name: &str, world: &World) -> Result<Register, String> {
    if let Some(register) = Register::builtin().iter().find(|register| register.name() == name) {
        return Ok(register.clone());
    }
    if !world.has(Path::new(name)) {
        let known: Vec<&str> = Register::builtin().iter().map(Register::name).collect();
        return Err(format!(
            "{name}: neither a file nor a built-in register; built in are {}, or none",
            known.join(", ")
        ));
    }
    read(Path::new(name), world)
}

fn read(path: &Path, world: &World) -> Result<Register, String> {
    let (shown, text) = world.text(path, "name a register in TOML")?;
    Register::parse(&shown, &text).map_err(|error| error.to_string())
}

fn check(path: &Path) -> Result<String, String> {
    let register = read(path, &World::Disk)?;
    let recipients: Vec<&str> =
        Catalogue::builtin().recipients().map(|(_, recipient)| recipient.id.as_str()).collect();
    let services = Service::ALL.map(Service::id);
    let shown = path.display();
    match register.check(&recipients, &services) {
        Ok(proof) => {
            let mut lines: Vec<String> = proof.iter().map(ToString::to_string).collect();
            lines.push(format!(
                "{shown}: no problem found in {}",
                plural(proof.len() as u64, "entry", "entries")
            ));
            Ok(lines.iter().map(|line| clean(line) + "\n").collect())
        }
        Err(problems) => Err(format!(
            "{shown}: {}\n  {}",
            plural(problems.len() as u64, "problem", "problems"),
            problems.join("\n  ")
        )),
    }
}
