//! Where the user says that the client of a capture stood: in the manifest, of the capture's cell, else with `--vantage`.

use crate::inspect::Settings;
use crate::place::Vantage;

/// A vantage by the user's word.
#[derive(Clone, Debug)]
pub(super) struct Stated {
    pub(super) vantage: Vantage,
    /// Where the user says it, in words.
    pub(super) by: &'static str,
}

impl Stated {
    /// What is said of the cell counts before what is said of all captures.
    pub(super) fn of(cell: Option<&Vantage>, settings: &Settings) -> Option<Self> {
        let of_cell = cell.map(|vantage| (vantage, "the manifest"));
        let (vantage, by) = of_cell.or_else(|| Some((settings.vantage.as_ref()?, "--vantage")))?;
        Some(Self { vantage: vantage.clone(), by })
    }
}
