//! Names of the blocks that a file has outside its frames.
//!
//! Input: a number. Output: its name, where it is well known. Must not: judge.

/// The name of a block type of pcapng.
pub(super) fn block_type(number: u32) -> Option<&'static str> {
    BLOCKS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// The registry of block types in draft-ietf-opsawg-pcapng, as far as they are passed over, and sysdig's own list.
const BLOCKS: &[(u32, &str)] = &[
    (5, "interface statistics of no interface"),
    (7, "IRIG timestamp"),
    (8, "ARINC 429"),
    (0x101, "Hone machine info"),
    (0x102, "Hone connection event"),
    (0x201, "sysdig machine info"),
    (0x202, "sysdig process list"),
    (0x203, "sysdig file descriptors"),
    (0x204, "sysdig event"),
    (0x205, "sysdig interfaces"),
    (0x206, "sysdig users"),
    (0x207, "sysdig process list"),
    (0x208, "sysdig event with flags"),
    (0x209, "sysdig process list"),
    (0x210, "sysdig process list"),
    (0x211, "sysdig process list"),
    (0x212, "sysdig process list"),
    (0x213, "sysdig process list"),
    (0x214, "sysdig process list"),
    (0x215, "sysdig process list"),
    (0x216, "sysdig event"),
    (0x217, "sysdig event with flags"),
    (0x218, "sysdig file descriptors"),
    (0x219, "sysdig interfaces"),
    (0x220, "sysdig users"),
    (0x221, "sysdig event"),
    (0x222, "sysdig event with flags"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_a_number_once() {
        assert!(BLOCKS.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
