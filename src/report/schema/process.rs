//! A process, as it is written.

use serde::Serialize;

/// A process that the capture says a flow is of. All of it is the file's own claim.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its name, or that of the app; `null` where only a number is told.
    pub name: Option<String>,
    /// Its number on the machine.
    pub pid: Option<u32>,
    /// The number of the user, or on Android of the app.
    pub uid: Option<u32>,
    /// The path of its program; `null` where the capture does not tell it.
    pub path: Option<String>,
    /// When it began.
    pub started: Option<String>,
    /// The processes that started it, the nearest first.
    pub parents: Vec<Parent>,
    /// In which dialect the capture tells it, in `snake_case`.
    pub method: &'static str,
    /// Who found it out, and how.
    pub says: &'static str,
    /// Whether a flow may be taken as a program's on this word. Where it may not, nothing rests on it.
    pub reliable: bool,
    /// The input that holds the frame.
    pub input: u32,
    /// The first frame that says so; where sockets were looked up while capturing, the first of the flow.
    pub frame: u64,
}

/// A process that started another.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Parent {
    /// Its number on the machine.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The path of its program; `null` where it could not be told.
    pub path: Option<String>,
}
