//! borderpost shows where a video client's network traffic goes: to whom, in which country, under which law that
//! day, and on what evidence. See `ARCHITECTURE.md` for the way of the data.
//!
//! ```
//! use borderpost::inspect::{Settings, inspect};
//! use borderpost::report::{self, Options};
//!
//! let inspection = inspect(&["captures/eea-meeting.pcapng".into()], Settings::default(), &());
//! let report = report::build(&inspection, Options { show_participants: false, list_flows: true });
//! assert_eq!(report.headline.outside, 0);
//! assert_eq!(report.meetings.len(), 1);
//! ```
//!
//! The modules are listed in the order of their imports: each uses only those above it.

pub mod frame;

pub mod data;

pub mod source;

pub mod wire;

pub mod packet;

pub mod flow;

pub mod evidence;

pub mod decrypt;

pub mod place;

pub mod client;

pub mod session;

pub mod verdict;

pub mod telemetry;

pub mod claims;

pub mod study;

pub mod inspect;

pub mod report;

pub mod bundle;

pub mod compare;

pub mod redact;

pub mod capture;

#[cfg(feature = "cli")]
pub mod process;

#[cfg(feature = "cli")]
pub mod cli;
