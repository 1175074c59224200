//! What the readers note while they walk, each list with its limit.
//!
//! Input: what a reader found. Output: the parts of a [`Summary`](super::Summary). Must not: read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::carried::Carried;
use super::claims::{Claims, Comment, CommentOn, Interface, Marks, STEP, Section, StepComment};
use super::owners::Owners;
use super::summary::{Damage, Drops, sum};
use crate::frame::Timestamp;

/// What the readers note while they walk.
#[derive(Clone, Default)]
pub(super) struct About {
    pub(super) interfaces: Vec<Interface>,
    pub(super) sections: Vec<Section>,
    pub(super) section_count: u64,
    pub(super) claims: Claims,
    pub(super) marks: Marks,
    pub(super) owners: Owners,
    pub(super) dropped_by_frames: Option<u64>,
    pub(super) skipped_blocks: BTreeMap<u32, u64>,
    pub(super) skipped_other: u64,
    pub(super) other_records: u64,
    pub(super) broken_options: u64,
    pub(super) damage: Vec<Damage>,
    pub(super) more_damage: u64,
    /// Where TLS key logs go.
    pub(super) carried: Option<Arc<Carried>>,
}

impl About {
    /// Notes damage. The list is bounded, because a file may be damaged wherever a section begins.
    pub(super) fn note(&mut self, damage: Damage) {
        if self.damage.len() < MAX_DAMAGE {
            self.damage.push(damage);
        } else {
            self.more_damage += 1;
        }
    }

    /// A section begins.
    pub(super) fn begin_section(&mut self, section: Section) {
        self.section_count += 1;
        if self.sections.len() < MAX_SECTIONS {
            self.sections.push(section);
        }
    }

    /// An interface of the last section is described.
    pub(super) fn add_interface(&mut self, mut interface: Interface) {
        if self.interfaces.len() >= MAX_WITH_TEXTS {
            interface.forget_texts();
        }
        self.interfaces.push(interface);
        if self.section_count == self.sections.len() as u64
            && let Some(section) = self.sections.last_mut()
        {
            section.interfaces += 1;
        }
    }

    /// Counts a comment, and keeps it where there is room.
    pub(super) fn comment(&mut self, on: CommentOn, text: impl FnOnce() -> String) {
        self.claims.comment_count += 1;
        if self.claims.comments.len() < MAX_COMMENTS {
            self.claims.comments.push(Comment { on, text: text() });
        }
    }

    /// Keeps the comment on a frame beside the others, where it marks a step and there is room.
    pub(super) fn step(
        &mut self,
        (frame, time): (u64, Option<Timestamp>),
        comment: &[u8],
        text: impl FnOnce() -> String,
    ) {
        let head = comment.trim_ascii_start().get(..STEP.len());
        if !head.is_some_and(|head| head.eq_ignore_ascii_case(STEP.as_bytes())) {
            return;
        }
        if self.claims.steps.len() < MAX_STEPS {
            self.claims.steps.push(StepComment { frame, time, text: text() });
        } else {
            self.claims.steps_refused += 1;
        }
    }

    /// Counts a custom block.
    pub(super) fn count_custom(&mut self, enterprise: Option<u32>) {
        let table = &mut self.claims.custom_blocks;
        match enterprise {
            Some(number) if table.len() < MAX_KINDS || table.contains_key(&number) => {
                *table.entry(number).or_default() += 1;
            }
            _ => self.claims.custom_other += 1,
        }
    }

    /// Counts a block that was passed over. The table is bounded, because a file may invent 2^32 types.
    pub(super) fn skip(&mut self, kind: u32) {
        let known = self.skipped_blocks.len() < MAX_KINDS || self.skipped_blocks.contains_key(&kind);
        let count =
            if known { self.skipped_blocks.entry(kind).or_default() } else { &mut self.skipped_other };
        *count += 1;
    }

    pub(super) fn drop_between_frames(&mut self, count: u64) {
        self.dropped_by_frames = Some(self.dropped_by_frames.unwrap_or(0).saturating_add(count));
    }

    pub(super) fn drops(&self) -> Drops {
        let by = |count: fn(&Interface) -> Option<u64>| sum(self.interfaces.iter().map(count));
        Drops {
            by_interface: by(|interface| interface.dropped_by_interface),
            by_os: by(|interface| interface.dropped_by_os),
            by_program: by(Interface::dropped_by_program),
            by_frames: self.dropped_by_frames,
        }
    }

    /// The sections, each with the frames of its interfaces.
    pub(super) fn counted_sections(&mut self) -> Vec<Section> {
        for section in &mut self.sections {
            let of = self.interfaces.iter().skip(section.first_interface as usize);
            section.frames = of.take(section.interfaces as usize).map(|interface| interface.frames).sum();
        }
        std::mem::take(&mut self.sections)
    }
}

const MAX_COMMENTS: usize = 64;
const MAX_DAMAGE: usize = 16;
const MAX_KINDS: usize = 256;
const MAX_SECTIONS: usize = 64;
/// Far more than a script has steps; 256 bytes each at the most.
const MAX_STEPS: usize = 10_000;
/// How many interfaces keep their texts and addresses, 3 KiB each at the most.
const MAX_WITH_TEXTS: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_mark_steps_are_kept_and_bounded() {
        let mut about = About::default();
        for comment in [&b"step: a"[..], b" Step:b", b"steps: c", b"here", b""] {
            about.step((7, None), comment, || String::from_utf8_lossy(comment).into_owned());
        }
        let kept: Vec<&str> = about.claims.steps.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(kept, ["step: a", " Step:b"]);
        for _ in 0..MAX_STEPS {
            about.step((8, None), b"step: x", String::new);
        }
        assert_eq!((about.claims.steps.len(), about.claims.steps_refused), (MAX_STEPS, 2));
    }

    #[test]
    fn the_tables_of_kinds_are_bounded() {
        let mut about = About::default();
        for kind in 0..1_000 {
            about.skip(kind);
            about.count_custom(Some(kind));
        }
        about.skip(7);
        about.count_custom(Some(7));
        about.count_custom(None);
        assert_eq!((about.skipped_blocks.len(), about.skipped_other), (MAX_KINDS, 744));
        assert_eq!((about.claims.custom_blocks.len(), about.claims.custom_other), (MAX_KINDS, 745));
        assert_eq!((about.skipped_blocks.get(&7), about.claims.custom_blocks.get(&7)), (Some(&2), Some(&2)));
    }
}
