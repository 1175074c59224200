//! A documented claim and what became of it, as it is written.

use serde::Serialize;

/// A documented statement, put to the captures.
#[derive(Serialize, Clone, Debug)]
pub struct Claim {
    /// Its id in its file.
    pub id: String,
    /// The packs that it was chosen by.
    pub packs: Vec<String>,
    /// What is stated, in words of the file's own.
    pub text: String,
    /// Who states it, and where.
    pub sources: Vec<ClaimSource>,
    /// What could test it: `metadata`, `payload`, `elsewhere`, `never` or `out_of_scope`.
    pub testable: String,
    /// Why a capture of the client cannot decide it, or no more than its rule does.
    pub limits: String,
    /// `contradicted`, `supported` (nothing in the captures speaks against it), `not_decidable`, `not_exercised` (the scenario
    /// never got there) or `out_of_scope`.
    pub outcome: String,
    /// Why, in few words.
    pub brief: String,
    /// Why.
    pub reason: String,
    /// What was looked at; `null` where nothing in a capture could tell.
    pub looked_at: Option<LookedAt>,
    /// The flows that the outcome rests on, the first hundred.
    pub flows: Vec<ClaimFlow>,
    /// How many there are.
    pub flows_total: u64,
    /// What became of it in each cell of a study, in the order of the cells; empty without one.
    pub cells: Vec<ClaimCell>,
}

/// What became of a claim in one cell of a study, with what the manifest says of that.
#[derive(Serialize, Clone, Debug)]
pub struct ClaimCell {
    /// The cell.
    pub cell: u64,
    /// As for the claim.
    pub outcome: String,
    /// Why, in few words.
    pub brief: String,
    /// Why.
    pub reason: String,
}

/// A passage of a document.
#[derive(Serialize, Clone, Debug)]
pub struct ClaimSource {
    /// The document's title.
    pub document: String,
    /// Who published it.
    pub publisher: String,
    /// When: a day, or a month where no day is stated.
    pub date: String,
    /// The place in it.
    pub place: String,
}

/// What was looked at for a claim.
#[derive(Serialize, Clone, Debug)]
pub struct LookedAt {
    /// Sessions of the client.
    pub sessions: u64,
    /// Meetings in them.
    pub meetings: u64,
    /// The kinds of phases that were told apart.
    pub phases: Vec<String>,
    /// Flows of the client's, and of third parties that may be its, on days on which the claim holds.
    pub flows: u64,
    /// The first day of such a flow.
    pub from: Option<String>,
    /// The last.
    pub to: Option<String>,
    /// What could not be seen.
    pub not_visible: Vec<String>,
}

/// A flow that an outcome rests on.
#[derive(Serialize, Clone, Debug)]
pub struct ClaimFlow {
    /// Its number.
    pub flow: u64,
    /// The input that holds its first frame.
    pub input: u32,
    /// Its first frame.
    pub first_frame: u64,
    /// The name that was matched, else the first that is known.
    pub name: Option<String>,
    /// What the remote end is for.
    pub service: &'static str,
    /// The countries that its place allows.
    pub countries: Vec<String>,
}
