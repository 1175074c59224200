//! What flows have to do with the steps of the tester's script.
//!
//! Input: a judged capture with its steps. Output: the step that a flow began in, and the uploads that belong to a step of a
//! kind. Must not: hold a rule of its own.

use crate::client::{Attribution, Catalogue, Whose};
use crate::flow::Flow;
use crate::inspect::{Judged, Unit};
use crate::session::{Step, StepKind, step_at};

impl Unit {
    /// The place among the steps of the one in which a flow began; `None` before the first.
    #[must_use]
    pub fn step_of(&self, flow: &Flow<'_>) -> Option<usize> {
        step_at(self.steps(), flow.first_frame())
    }

    /// Whether a flow of a step is the upload that a step of its kind is about: the client's, to a host of the operator's.
    #[must_use]
    pub fn is_upload_of(&self, step: &Step, flow: &Flow<'_>, judged: &Judged) -> bool {
        let Some(kinded) = step.mark.kind else { return false };
        let payload_out = flow.payload_bytes(judged.local);
        self.attribution(judged).is_some_and(|of| is_upload(kinded.kind, of, payload_out))
    }
}

fn is_upload(kind: &StepKind, of: &Attribution, payload_out: u64) -> bool {
    let is_operators = of.recipient == Some(Catalogue::builtin().operator());
    of.whose == Whose::Client && is_operators && kind.is_upload(of.service.id(), payload_out)
}
