//! Where reading goes on after damage: at the next section, where it is certain that one begins there.
//!
//! Input: the bytes from the damage on. Output: they are passed over up to a section header. Must not: take for one what
//! only looks like it, keep more than the largest header that is believed, or look at a byte more than a few times.

use super::{LARGEST_BLOCK, SECTION_MAGIC, SMALLEST_BLOCK, order_of_section};
use crate::source::input::Input;
use crate::source::order::ByteOrder;

/// Passes over everything before the next section header, and says where that begins. `None` where there is none any
/// more, or the bytes themselves failed: what is unpacked after damage inside a packed file is anything.
pub(in crate::source) fn resume(input: &mut Input) -> Option<u64> {
    if input.failure().is_some() {
        return None;
    }
    while input.ensure(SECTION_MAGIC.len()) {
        let at = input.peek().windows(SECTION_MAGIC.len()).position(|bytes| *bytes == SECTION_MAGIC);
        if let Some(at) = at {
            input.take(at);
            if is_section(input) {
                return Some(input.offset());
            }
            input.take(1);
        } else {
            // The last three bytes may be the first of a header's mark.
            input.take(input.peek().len().saturating_sub(SECTION_MAGIC.len() - 1));
        }
    }
    None
}

/// The same where the end of the input cut a block off, and all that is left of it was asked for. What looks like a section in there
/// may be what a packet carries, of a capture that somebody sent: it is one of this capture, as in files that were joined, only where
/// its blocks end with the input. Nobody who sends a packet knows where it will be cut.
pub(in crate::source) fn resume_in_cut(input: &mut Input) -> Option<u64> {
    if input.failure().is_some() {
        return None;
    }
    let begin = chain_at_end(input.peek()).filter(|begin| *begin > 0)?;
    input.take(begin);
    is_section(input).then(|| input.offset())
}

/// Where the section header stands from which whole blocks lead to the end of these bytes, the first one where there are several. Found
/// from the end, by the lengths behind the blocks, so that every byte is looked at a few times at most.
fn chain_at_end(bytes: &[u8]) -> Option<usize> {
    let mut found = None;
    let mut end = bytes.len();
    let mut orders = [ByteOrder::Little, ByteOrder::Big];
    while let Some((begin, order)) =
        orders.into_iter().find_map(|order| Some((block_before(bytes, end, order)?, order)))
    {
        let block = bytes.get(begin..end).unwrap_or_default();
        if block.starts_with(&SECTION_MAGIC) {
            if order_of_section(block) == Some(order) {
                found = Some(begin);
            }
            // The section before has an order of its own.
        } else if orders[0] != order {
            orders.swap(0, 1);
        }
        end = begin;
    }
    found
}

/// Where the block begins that ends at `end`, by the length behind it, which stands before it, too.
fn block_before(bytes: &[u8], end: usize, order: ByteOrder) -> Option<usize> {
    let trailer = bytes.get(..end)?.last_chunk().map(|bytes| order.u32(*bytes))?;
    let len = trailer as usize;
    let begin = end.checked_sub(len)?;
    let ([_, total], _) = order.words(bytes.get(begin..end)?)?;
    ((SMALLEST_BLOCK..=LARGEST_BLOCK).contains(&len) && len.is_multiple_of(4) && total == trailer)
        .then_some(begin)
}

/// Whether a section header stands here: mark, byte order, a length that a header may have and that is repeated at its
/// end, version 1, and after it the end of the file or another block. All that its reader asks for is asked here, so that
/// it is read wherever reading resumes.
fn is_section(input: &mut Input) -> bool {
    input.ensure(SMALLEST_SECTION);
    let Some(order) = order_of_section(input.peek()) else { return false };
    let Some(([_, total, _, version], _)) = order.words(input.peek()) else { return false };
    let len = total as usize;
    let is_header = (SMALLEST_SECTION..=LARGEST_SECTION).contains(&len)
        && len.is_multiple_of(4)
        && order.halves(version).0 == 1;
    if !is_header {
        return false;
    }
    input.ensure(len + HEAD);
    let (trailer, rest) = (input.peek().get(len - 4..len), input.peek().get(len..).unwrap_or_default());
    trailer.and_then(<[u8]>::first_chunk).map(|bytes| order.u32(*bytes)) == Some(total)
        && is_followed(order, rest)
}

/// Whether what follows a section header may follow one.
fn is_followed(order: ByteOrder, rest: &[u8]) -> bool {
    if rest.len() < HEAD || rest.starts_with(&SECTION_MAGIC) {
        return true;
    }
    let len = order.words(rest).map_or(0, |([_, total], _)| total as usize);
    (SMALLEST_BLOCK..=LARGEST_BLOCK).contains(&len) && len.is_multiple_of(4)
}

/// Type and length of a block.
const HEAD: usize = 8;
/// A section header without options.
const SMALLEST_SECTION: usize = 28;
/// Far more than any that was written; less than the input's buffer, so that searching costs linear time.
const LARGEST_SECTION: usize = 64 * 1024;
