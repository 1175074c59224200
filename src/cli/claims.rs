//! `borderpost claims`, and which documented claims an inspection is tested against.

use std::path::Path;

use crate::claims::{Book, Claim, DEFAULT_PACK, Selection, builtin};
use crate::cli::args;
use crate::cli::message::fail;
use crate::cli::output;
use crate::cli::status::Status;
use crate::cli::world::World;
use crate::report::claims::{overview, page, rules};
use crate::report::text::plural;

/// The claims that the user chose: packs of the built-in file, files, all of the built-in ones, or none.
pub(super) fn chosen(names: &[String], world: &World) -> Result<Selection, String> {
    if names.is_empty() {
        return Ok(Selection::default());
    }
    if let [none] = names
        && none == NONE
    {
        return Ok(Selection::none());
    }
    let is_pack = |name: &String| name == ALL || builtin().packs().contains(&name.as_str());
    let (packs, files): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| is_pack(name));
    let is_all = packs.iter().any(|name| *name == ALL);
    let packs = if is_all { builtin().packs() } else { packs.into_iter().map(String::as_str).collect() };
    let mut selection = Selection::of_packs(&packs);
    for name in files {
        let book = read(name, world)?;
        for claim in book.claims {
            add(&mut selection.claims, claim, name)?;
        }
        selection.names.push(name.clone());
    }
    Ok(selection)
}

/// Ids are how reports speak of claims, so two of one run have to differ.
fn add(claims: &mut Vec<Claim>, claim: Claim, file: &str) -> Result<(), String> {
    if claims.iter().any(|known| known.id == claim.id) {
        return Err(format!(
            "{file}: the claim {} has the id of another one of --claims; give it its own",
            claim.id
        ));
    }
    claims.push(claim);
    Ok(())
}

/// A file of claims that the user names.
fn read(name: &str, world: &World) -> Result<Book, String> {
    if name == NONE {
        return Err("--claims none stands alone".to_owned());
    }
    if !world.has(Path::new(name)) {
        let packs = builtin().packs().join(", ");
        return Err(format!(
            "{name}: neither a file nor a pack of claims; there are {packs}, {ALL} and {NONE}"
        ));
    }
    let (shown, text) = world.text(Path::new(name), "name a file of claims in TOML")?;
    Book::parse(&shown, &text).map_err(|error| error.to_string())
}

/// Lists, shows or checks claims.
pub(super) fn run(action: &args::Claims) -> Status {
    let text = match action {
        args::Claims::List => Ok(overview(builtin())),
        args::Claims::Show { name } => show(name),
        args::Claims::Check { file } => check(&file.display().to_string()),
    };
    match text.and_then(|text| output::to_stdout(&text).map_err(|error| format!("standard output: {error}")))
    {
        Ok(()) => Status::Clean,
        Err(message) => fail(&message),
    }
}

/// A claim by its id, or a pack by its name.
fn show(name: &str) -> Result<String, String> {
    if name == ALL {
        return Ok(page(&builtin().claims));
    }
    if builtin().packs().contains(&name) {
        return Ok(page(&builtin().of_packs(&[name])));
    }
    let found = builtin().claims.iter().find(|claim| claim.id.eq_ignore_ascii_case(name));
    let claim = found.ok_or_else(|| {
        format!("{name}: neither a claim nor a pack; `borderpost claims list` names them, such as L01 and {DEFAULT_PACK}")
    })?;
    Ok(page(std::slice::from_ref(claim)))
}

fn check(name: &str) -> Result<String, String> {
    let book = read(name, &World::Disk)?;
    let number = plural(book.claims.len() as u64, "claim", "claims");
    Ok(format!("{}{}: no problem found in {number}\n", rules(&book), crate::report::text::clean(name)))
}

/// Every pack of the built-in file.
const ALL: &str = "all";
/// No claim.
const NONE: &str = "none";
