//! x
use crate::report::schema::Report;
/// x
#[must_use]
pub fn markdown(_report: &Report) -> String {
    String::new()
}
