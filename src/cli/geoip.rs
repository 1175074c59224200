//! `borderpost geoip`: the address data that places are judged by.

use clap::Subcommand;

use crate::cli::import::{self, Import};
use crate::cli::status::Status;

#[derive(Subcommand, Debug)]
pub(super) enum GeoipAction {
    /// Merge cloud providers' lists of address ranges into one file
    Import(Import),
}

/// Does what was asked.
pub(super) fn run(action: &GeoipAction) -> Status {
    match action {
        GeoipAction::Import(arguments) => import::run(arguments),
    }
}
