//! What captures are, for people.
//!
//! Input: an [`Info`]. Output: text of at most [`WIDTH`] columns where its words allow. Must not: compute anything, or let
//! text from a capture through raw.

mod claims;

use std::collections::BTreeSet;

use crate::report::info::schema::{Info, Input, LinkType, Lost};
use crate::report::schema::Damage;
use crate::report::table::WIDTH;
use crate::report::text::{clean, count, plural, size, wrap};

/// Writes it.
#[must_use]
pub fn table(info: &Info) -> String {
    let mut pages: Vec<String> = info.inputs.iter().map(page).collect();
    if info.files_skipped > 0 {
        let skipped = plural(
            info.files_skipped,
            "other file or folder is no capture",
            "other files and folders are no captures",
        );
        pages.push(format!("{skipped}.\n"));
    }
    pages.join("\n")
}

fn page(input: &Input) -> String {
    let mut page = Page { text: clean(&input.path) + "\n" };
    page.file(input);
    page.frames(input);
    page.times(input);
    page.sections(input);
    page.interfaces(input);
    page.claims(&input.claims);
    page.contents(input);
    page.blocks(input);
    page.damage(&input.damage, input.more_damage);
    page.text
}

struct Page {
    text: String,
}

impl Page {
    fn file(&mut self, input: &Input) {
        let mut format = vec![input.format.clone()];
        format
            .extend(input.modified.then(|| "with the longer record headers of the modified kind".to_owned()));
        format.extend(one_or_mixed(
            input.sections.iter().map(|section| section.byte_order.as_str()),
            "byte orders",
        ));
        let clocks = input.interfaces.iter().map(|interface| interface.resolution.as_str());
        format.extend(one_or_mixed(clocks, "clocks").map(|ticks| format!("ticks of {ticks} s")));
        format.extend(input.compression.as_deref().map(|packed| format!("packed with {packed}")));
        self.field("format", &format.join(", "));
        self.field("size", &exact(input.size));
        self.field("sha256", input.sha256.as_deref().unwrap_or("not computed"));
    }

    fn frames(&mut self, input: &Input) {
        let odd = [
            (input.records_without_packet, "hold no packet"),
            (input.frames_without_time, "without a time"),
            (input.frames_cut, "cut by the snap length"),
        ];
        let odd = odd.into_iter().filter(|(number, _)| *number > 0);
        let odd = odd.map(|(number, what)| format!("; {} {what}", count(number)));
        self.field("frames", &format!("{}{}", count(input.frames), odd.collect::<String>()));
        self.field(
            "bytes",
            &format!("{} on the wire, {} captured", count(input.bytes), count(input.bytes_captured)),
        );
        if let Some(mean) = input.mean_packet_bytes {
            self.field("mean size", &format!("{mean:.2} bytes a packet"));
        }
        self.field("lost", &lost(&input.lost));
    }

    fn times(&mut self, input: &Input) {
        let (Some(start), Some(end)) = (&input.start, &input.end) else {
            return self.field("time", "no frame has one");
        };
        self.field("first", start);
        self.field("last", end);
        let duration = input.duration_s.map(|seconds| format!("{} s", fixed(seconds, 6)));
        self.field("duration", duration.as_deref().unwrap_or("longer than can be told"));
        let order = match input.first_backwards {
            None => "in order of time".to_owned(),
            Some(first) => {
                let frames = plural(input.frames_backwards, "frame goes", "frames go");
                format!("{frames} back in time, first frame {first}")
            }
        };
        self.field("order", &order);
        if let Some(rates) = input.rates {
            let (bytes, packets) = (rates.bytes_per_s, rates.packets_per_s);
            self.field("rates", &format!("{} bytes/s, {} packets/s", fixed(bytes, 2), fixed(packets, 2)));
        }
    }

    /// What is in the frames and beside them.
    fn contents(&mut self, input: &Input) {
        self.field("link types", &listed(input.link_types.iter().map(link_type)));
        let classes = input.classes.iter().filter(|(_, frames)| **frames > 0);
        let classes = classes.map(|(name, frames)| format!("{} {}", name.replace('_', " "), count(*frames)));
        self.field("classes", &listed(classes));
        for row in &input.undecoded {
            let frames = plural(row.frames, "frame", "frames");
            self.entry(&format!("not decoded: {}: {frames}, first {}", clean(&row.what), row.first_frame));
        }
        for row in &input.tunnels {
            let (tunnels, frames) =
                (plural(row.tunnels, "tunnel", "tunnels"), plural(row.frames, "frame", "frames"));
            self.entry(&format!("opened: {tunnels} of {}: {frames}, first {}", row.name, row.first_frame));
        }
        if input.directions.inbound + input.directions.outbound > 0 {
            let (inbound, outbound) = (count(input.directions.inbound), count(input.directions.outbound));
            self.field("direction", &format!("in {inbound}, out {outbound}, by the capture"));
        }
        for process in &input.processes {
            self.field(
                "process",
                &format!("{}: {}", plural(process.frames, "frame", "frames"), process.says),
            );
        }
    }

    fn blocks(&mut self, input: &Input) {
        let known = input.skipped_blocks.iter().take(MAX_SHOWN).map(|row| {
            let name = row.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            format!("{} of type 0x{:x}{name}", count(row.blocks), row.block_type)
        });
        let more: u64 = input.skipped_blocks.iter().skip(MAX_SHOWN).map(|row| row.blocks).sum();
        let more = more.saturating_add(input.skipped_other);
        let more = (more > 0).then(|| format!("{} of other types", count(more)));
        let blocks: Vec<String> = known.chain(more).collect();
        if !blocks.is_empty() {
            self.field("blocks", &format!("without a packet: {}", blocks.join(", ")));
        }
        if input.broken_options > 0 {
            let blocks = plural(input.broken_options, "block", "blocks");
            self.field("options", &format!("{blocks} with options that run past the end"));
        }
    }

    fn damage(&mut self, damage: &[Damage], more: u64) {
        if damage.is_empty() {
            return self.field("damage", "none");
        }
        for row in damage {
            let resumed = row.resumed_at.map_or("; nothing after it was read".to_owned(), |at| {
                format!("; reading resumed at byte {}", count(at))
            });
            let (offset, frame) = (count(row.offset), count(row.after_frame));
            let kind = row.kind.replace('_', " ");
            self.field(
                "DAMAGE",
                &format!("{kind} at byte {offset}, after frame {frame}: {}{resumed}", clean(&row.what)),
            );
        }
        if more > 0 {
            self.field("DAMAGE", &format!("{} more", count(more)));
        }
    }

    fn field(&mut self, label: &str, text: &str) {
        self.wrapped(text, &format!("  {label:<11} "), DETAIL);
    }

    fn entry(&mut self, text: &str) {
        self.wrapped(text, DETAIL, "                ");
    }

    fn detail(&mut self, text: &str) {
        self.wrapped(text, "                ", "                ");
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        self.text.push_str(wrap(text, WIDTH, first, rest).trim_end());
        self.text.push('\n');
    }
}

const DETAIL: &str = "              ";
/// Entries of one list that are shown.
const MAX_SHOWN: usize = 16;
/// Characters of a text of the file's that are shown.
const MAX_TEXT: usize = 160;

/// A text that the file says of itself, harmless and no longer than a few lines.
fn claimed(text: &str) -> String {
    let shown: String = text.chars().take(MAX_TEXT).collect();
    let is_whole = shown.len() == text.len();
    format!("{}{}", clean(&shown), if is_whole { "" } else { "…" })
}

/// Exact, because that is what it is compared by, and rounded beside it.
fn exact(bytes: u64) -> String {
    let rounded = size(bytes);
    let exact = count(bytes);
    if rounded == format!("{exact} B") {
        format!("{exact} bytes")
    } else {
        format!("{exact} bytes ({rounded})")
    }
}

/// What all of them are, or that they differ; nothing where there are none.
fn one_or_mixed<'a>(all: impl Iterator<Item = &'a str>, what: &str) -> Option<String> {
    let different: BTreeSet<&str> = all.collect();
    match different.len() {
        0 | 1 => different.into_iter().next().map(ToOwned::to_owned),
        many => Some(format!("{many} different {what}")),
    }
}

fn lost(lost: &Lost) -> String {
    let Some(frames) = lost.frames else { return "not stated".to_owned() };
    let by = [
        (lost.by_interface, "by the interfaces"),
        (lost.by_os, "by the system"),
        (lost.by_program, "by the capturing program"),
        (lost.by_frames, "between frames"),
    ];
    let by = by.into_iter().filter_map(|(number, whose)| Some(format!("{} {whose}", count(number?))));
    format!("{} at the least: {}", plural(frames, "frame", "frames"), listed(by))
}

/// A number with so many decimals, its whole part in thousands.
fn fixed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    whole.parse().map_or(text.clone(), |whole| format!("{}.{part}", count(whole)))
}

fn link_type(link: &LinkType) -> String {
    format!("{}: {}", named(link.number, link.name.as_deref()), plural(link.frames, "frame", "frames"))
}

fn named(link: u16, name: Option<&str>) -> String {
    name.map_or_else(|| format!("link type {link}"), |name| format!("{name} ({link})"))
}

fn listed(entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() { "none".to_owned() } else { entries.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([fixed(103_924_590.915_532, 6), fixed(0.0, 2)], ["103,924,590.915532", "0.00"]);
        assert_eq!([exact(9_999), exact(12_345)], ["9,999 bytes", "12,345 bytes (12.3 kB)"]);
    }

    #[test]
    fn a_long_text_of_a_file_is_cut_and_a_hostile_one_is_escaped() {
        assert_eq!(claimed(&"ü".repeat(MAX_TEXT)), "ü".repeat(MAX_TEXT));
        assert_eq!(claimed(&"ü".repeat(MAX_TEXT + 1)), "ü".repeat(MAX_TEXT) + "…");
        assert_eq!(claimed("a\u{1b}[31m"), "a\\u{1b}[31m");
    }
}
