//! What is known of one remote address to one local host on one day, from all flows between them.

use crate::client::zoom::Owner;
use crate::client::{Catalogue, Spoken};
use crate::frame::FrameRef;
use crate::place::{Doubt, Measurement};

/// What is known of one remote address to one local host on one day.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The names, each once, the first frame kept.
    pub(super) names: Vec<Spoken>,
    /// Certificate names that are no host names, such as wildcards.
    pub(super) certificates: Vec<(String, FrameRef)>,
    /// Whether a name or payload of the operator's was seen.
    pub(super) is_corroborated: bool,
    /// The shortest round trip, one without a doubt before one with.
    pub(super) round_trip: Option<(Measurement, Option<Doubt>)>,
}

impl Known {
    /// What is known where nothing but names was seen.
    pub(super) fn by_names(names: &[Spoken]) -> Self {
        let is_operators =
            |spoken: &Spoken| Catalogue::builtin().owner(spoken.host.as_str()) == Some(Owner::Client);
        let is_corroborated = names.iter().any(is_operators);
        Self { names: names.to_vec(), is_corroborated, ..Self::default() }
    }
}
