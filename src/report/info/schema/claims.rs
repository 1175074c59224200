//! What a capture says of itself beside its frames, as it is written. All of it is the file's own claim. Of secrets, only that
//! they are there is said.

use serde::Serialize;

/// One section of pcapng, or all of a classic capture.
#[derive(Serialize, Clone, Debug)]
pub struct Section {
    /// Where its header begins, in bytes of the unpacked capture.
    pub offset: u64,
    /// `little-endian` or `big-endian`.
    pub byte_order: String,
    /// The version of the format, `major.minor`.
    pub version: String,
    /// The machine it was written on.
    pub hardware: Option<String>,
    /// The operating system.
    pub os: Option<String>,
    /// The program that wrote it.
    pub application: Option<String>,
    /// The number of its first interface.
    pub first_interface: u32,
    /// How many interfaces it describes.
    pub interfaces: u32,
    /// How many frames it holds.
    pub frames: u64,
}

/// What the file says beside its frames and interfaces.
#[derive(Serialize, Clone, Debug)]
pub struct Claims {
    /// The first comments, but those in which a program writes down whose a frame is.
    pub comments: Vec<Comment>,
    /// How many comments there are.
    pub comment_count: u64,
    /// The first names that it gives to addresses.
    pub names: Vec<NamedAddress>,
    /// How many such records there are, those of MAC addresses too.
    pub name_count: u64,
    /// The first DNS servers that it has names from.
    pub resolvers: Vec<Resolver>,
    /// The secrets that it carries, by kind; what they are is not shown.
    pub secrets: Vec<Secrets>,
    /// Custom blocks by who defined them.
    pub custom_blocks: Vec<CustomBlocks>,
    /// Custom blocks of further definers than are told apart, and of none.
    pub custom_other: u64,
    /// Journal entries of systemd.
    pub journal_entries: u64,
    /// Processes or apps that it lists for its frames to refer to.
    pub processes_listed: u64,
    /// Those of them that were too many to be kept.
    pub processes_refused: u64,
    /// What it says of sockets and their processes; `null` where it says nothing.
    pub sockets: Option<Sockets>,
}

/// What borderpost found out about sockets while it captured.
#[derive(Serialize, Clone, Debug)]
pub struct Sockets {
    /// How the system was asked.
    pub asked: Vec<String>,
    /// Processes that are described.
    pub processes: u64,
    /// Sockets that are told to be a process's.
    pub sockets: u64,
    /// Processes and sockets that were too many to be kept.
    pub refused: u64,
    /// Blocks that could not be read.
    pub malformed: u64,
    /// What became of the flows; `null` where the capture ended before that was written.
    pub flows: Option<SocketFlows>,
}

/// What became of the flows whose process was looked for.
#[derive(Serialize, Clone, Debug)]
pub struct SocketFlows {
    /// Those whose process was found.
    pub attributed: u64,
    /// Those of another user's process, or the system's own, which may not be seen.
    pub hidden: u64,
    /// Those that were over before their process could be looked up.
    pub missed: u64,
    /// Those of which neither end was an address of the machine.
    pub elsewhere: u64,
    /// Those that came too fast to be looked up.
    pub unasked: u64,
    /// How often the system was asked.
    pub looks: u64,
    /// How long that took, in seconds of a processor.
    pub busy_s: f64,
}

/// A comment.
#[derive(Serialize, Clone, Debug)]
pub struct Comment {
    /// What it is about: `section`, `interface`, `statistics`, `frame`, `names` or `secrets`.
    pub on: String,
    /// The number of the section or interface, from 0, or of the frame, from 1; `null` for names and secrets.
    pub number: Option<u64>,
    /// Its text, cut where it is long.
    pub text: String,
}

/// An address and a name that the file gives it. Nothing rests on it.
#[derive(Serialize, Clone, Debug)]
pub struct NamedAddress {
    /// The address.
    pub address: String,
    /// The name.
    pub name: String,
}

/// A DNS server that names came from.
#[derive(Serialize, Clone, Debug)]
pub struct Resolver {
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<String>,
}

/// Secrets of one kind.
#[derive(Serialize, Clone, Debug)]
pub struct Secrets {
    /// The kind's number in pcapng.
    pub kind: u32,
    /// Its name, where it is known.
    pub name: Option<String>,
    /// In how many blocks.
    pub blocks: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many lines.
    pub lines: u64,
}

/// Custom blocks of one definer.
#[derive(Serialize, Clone, Debug)]
pub struct CustomBlocks {
    /// The definer's number in IANA's registry of private enterprises.
    pub enterprise: u32,
    /// How many blocks.
    pub blocks: u64,
}
