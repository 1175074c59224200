//! What lists and tables by flow have in common: flows get new numbers when others leave, and tables fill so many bytes.
//!
//! Input: such a list or table, and the new numbers. Output: the same under these. Must not: know what is kept of a flow.

use hashbrown::HashMap;

use super::FlowId;

/// Keeps of a list by flow what belongs to flows that have a new number.
pub(super) fn retain_by<T>(list: &mut Vec<T>, numbers: &[Option<FlowId>]) {
    let mut numbers = numbers.iter();
    list.retain(|_| numbers.next().is_some_and(Option::is_some));
}

/// Gives a flow its new number; false where it has none, and what belongs to it goes.
pub(crate) fn renumber<T: Copy>(flow: &mut T, number: impl Fn(T) -> Option<T>) -> bool {
    let new = number(*flow);
    *flow = new.unwrap_or(*flow);
    new.is_some()
}

/// A table by flow under the flows' new numbers, without those that have none.
pub(crate) fn renumbered<V>(
    table: HashMap<FlowId, V>,
    number: impl Fn(FlowId) -> Option<FlowId>,
) -> HashMap<FlowId, V> {
    table.into_iter().filter_map(|(flow, value)| Some((number(flow)?, value))).collect()
}

/// The bytes of a hash table with so many entries, as if it had just grown: then seven of sixteen places are filled.
pub(crate) const fn table_bytes<T>(entries: usize) -> usize {
    entries * (size_of::<T>() + 1) * 16 / 7
}
