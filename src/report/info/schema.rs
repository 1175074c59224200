//! What is said of a capture as a file, as it is written. `info.schema.json` describes it for machines, and a test holds the
//! two together.
//!
//! As in reports: names are in `snake_case`, times are RFC 3339 in UTC, what is not known is `null`. Texts that the capture
//! says of itself are its own claims, as they stand in it.

mod claims;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::claims::{
    Claims, Comment, CustomBlocks, NamedAddress, Resolver, Secrets, Section, SocketFlows, Sockets,
};
pub use crate::report::schema::{Damage, Schema, Tool};

/// What is said of all inputs.
#[derive(Serialize, Clone, Debug)]
pub struct Info {
    /// Which schema this is.
    pub schema: Schema,
    /// What made it.
    pub tool: Tool,
    /// The inputs that could be read, in order.
    pub inputs: Vec<Input>,
    /// Files in the folders named that are no captures.
    pub files_skipped: u64,
}

/// One input.
#[derive(Serialize, Clone, Debug)]
pub struct Input {
    /// The path as it was given.
    pub path: String,
    /// The SHA-256 of the stored bytes in hexadecimal; `null` where hashing was switched off or not all could be read.
    pub sha256: Option<String>,
    /// The stored size in bytes.
    pub size: u64,
    /// `pcap` or `pcapng`.
    pub format: String,
    /// Whether it is the modified kind of pcap, with longer record headers.
    pub modified: bool,
    /// How the file is packed, such as `gzip`; `null` where it is not.
    pub compression: Option<String>,
    /// Frames read, by the count of Wireshark: records that hold no packet have numbers, too.
    pub frames: u64,
    /// Those of them that hold no packet, such as custom blocks and journal entries.
    pub records_without_packet: u64,
    /// Frames of which fewer bytes were captured than were on the wire.
    pub frames_cut: u64,
    /// Frames without a time.
    pub frames_without_time: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Bytes captured.
    pub bytes_captured: u64,
    /// The earliest frame's time.
    pub start: Option<String>,
    /// The latest frame's time.
    pub end: Option<String>,
    /// Seconds from the earliest to the latest.
    pub duration_s: Option<f64>,
    /// Frames whose time lies before that of the frame before them; 0 where all are in order.
    pub frames_backwards: u64,
    /// The first of them.
    pub first_backwards: Option<u64>,
    /// The average rates; `null` where nothing lasted.
    pub rates: Option<Rates>,
    /// Bytes on the wire of the average packet; `null` where there is none.
    pub mean_packet_bytes: Option<f64>,
    /// What the capturing side says it lost.
    pub lost: Lost,
    /// Frames by link type, the lowest number first.
    pub link_types: Vec<LinkType>,
    /// The first sections; a classic capture is one.
    pub sections: Vec<Section>,
    /// How many sections there are.
    pub section_count: u64,
    /// The interfaces, numbered from 0 through all sections.
    pub interfaces: Vec<Interface>,
    /// What the file says beside its frames and interfaces.
    pub claims: Claims,
    /// Frames by which way they went, where the capture says that beside or around the frame.
    pub directions: Directions,
    /// Frames that the link layer found errors in, by the capture.
    pub frames_with_link_errors: u64,
    /// How the capture names the processes of frames, beside or around them, and of how many frames.
    pub processes: Vec<Process>,
    /// Blocks that carry no frame and were passed over, by type.
    pub skipped_blocks: Vec<SkippedBlocks>,
    /// Blocks passed over of further types than are told apart.
    pub skipped_other: u64,
    /// Blocks whose list of options runs past its end. What came before it was used.
    pub broken_options: u64,
    /// Frames by class; they add up to `frames`. A packet that was captured on two interfaces counts twice.
    pub classes: BTreeMap<String, u64>,
    /// The frames that went undecoded, by class and number.
    pub undecoded: Vec<Undecoded>,
    /// The tunnels that were opened, by kind.
    pub tunnels: Vec<Tunnels>,
    /// Where reading had to stop.
    pub damage: Vec<Damage>,
    /// How many more such places there are.
    pub more_damage: u64,
}

/// Average rates over the duration.
#[derive(Serialize, Clone, Copy, Debug)]
pub struct Rates {
    /// Bytes on the wire a second.
    pub bytes_per_s: f64,
    /// Packets a second.
    pub packets_per_s: f64,
}

/// Frames that the capturing side says it lost. `null` is not stated, which is not zero.
#[derive(Serialize, Clone, Copy, Debug)]
pub struct Lost {
    /// At the least, by all that is stated.
    pub frames: Option<u64>,
    /// By the interfaces.
    pub by_interface: Option<u64>,
    /// By the operating system.
    pub by_os: Option<u64>,
    /// By the capturing program, where its counts say so.
    pub by_program: Option<u64>,
    /// Between frames; these counts repeat what the interfaces count.
    pub by_frames: Option<u64>,
}

/// Frames of one link type.
#[derive(Serialize, Clone, Debug)]
pub struct LinkType {
    /// Its number in the registry of tcpdump.org.
    pub number: u16,
    /// Its name there, where it has one.
    pub name: Option<String>,
    /// How many frames.
    pub frames: u64,
}

/// An interface, as the file describes it.
#[derive(Serialize, Clone, Debug)]
pub struct Interface {
    /// Its number, from 0 through all sections.
    pub id: u64,
    /// Its name on the capturing machine.
    pub name: Option<String>,
    /// A description of it.
    pub description: Option<String>,
    /// Its hardware.
    pub hardware: Option<String>,
    /// The operating system of the machine it is in.
    pub os: Option<String>,
    /// The number of its link type.
    pub link_type: u16,
    /// The name of its link type, where it has one.
    pub link_name: Option<String>,
    /// The most bytes kept of a frame; `null` where there is no limit.
    pub snap_len: Option<u32>,
    /// The time between two ticks of its clock in seconds, as a power, such as `10^-6`.
    pub resolution: String,
    /// How many seconds its clock's origin lies after 1970.
    pub clock_offset_s: i64,
    /// The time zone that it was captured in, a number without an agreed meaning.
    pub time_zone: Option<i32>,
    /// Its addresses on the capturing machine.
    pub addresses: Vec<String>,
    /// Its MAC address.
    pub mac: Option<String>,
    /// Its EUI-64.
    pub eui64: Option<String>,
    /// Its speed in bits a second.
    pub speed: Option<u64>,
    /// The length of the frame check sequence in bits.
    pub fcs_bits: Option<u8>,
    /// The capture filter that was set.
    pub filter: Option<String>,
    /// Frames read of it.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Their bytes captured.
    pub bytes_captured: u64,
    /// How many statistics blocks speak of it. The counts below are the last that were stated.
    pub statistics: u64,
    /// When the counted capture began.
    pub counted_from: Option<String>,
    /// When it ended.
    pub counted_to: Option<String>,
    /// Frames that it received.
    pub received: Option<u64>,
    /// Frames that the filter let through.
    pub accepted: Option<u64>,
    /// Frames that were delivered to the capturing program.
    pub delivered: Option<u64>,
    /// Frames that it lost.
    pub dropped_by_interface: Option<u64>,
    /// Frames that the operating system lost.
    pub dropped_by_os: Option<u64>,
}

/// Frames by which way they went.
#[derive(Serialize, Clone, Copy, Debug)]
pub struct Directions {
    /// To the capturing machine.
    pub inbound: u64,
    /// From it.
    pub outbound: u64,
}

/// One way in which the capture names processes.
#[derive(Serialize, Clone, Debug)]
pub struct Process {
    /// Which, in `snake_case`.
    pub method: String,
    /// Who found the process out, and how.
    pub says: String,
    /// Whether a flow may be taken as a program's on this word.
    pub reliable: bool,
    /// Frames whose process is named so.
    pub frames: u64,
}

/// Blocks of one type that were passed over.
#[derive(Serialize, Clone, Debug)]
pub struct SkippedBlocks {
    /// The block type's number.
    pub block_type: u32,
    /// Its name, where it is well known.
    pub name: Option<String>,
    /// How many.
    pub blocks: u64,
}

/// Frames of one class that were counted and not decoded.
#[derive(Serialize, Clone, Debug)]
pub struct Undecoded {
    /// The class of `classes`.
    pub class: String,
    /// What exactly, with its number.
    pub what: String,
    /// How many frames.
    pub frames: u64,
    /// The first of them.
    pub first_frame: u64,
}

/// Opened tunnels of one kind.
#[derive(Serialize, Clone, Debug)]
pub struct Tunnels {
    /// Which kind, in `snake_case`.
    pub kind: String,
    /// Its usual name.
    pub name: String,
    /// How many tunnels, by their outer addresses and networks.
    pub tunnels: u64,
    /// Frames that came through them.
    pub frames: u64,
    /// The first of them.
    pub first_frame: u64,
}
