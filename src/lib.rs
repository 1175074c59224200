//! borderpost shows where a video client's network traffic goes: to whom, in which country, under which law that
//! day, and on what evidence. See `ARCHITECTURE.md` for the way of the data.
//!
//! The modules are listed in the order of their imports: each uses only those above it.

pub mod frame;

pub mod data;

pub mod source;

pub mod wire;

pub mod packet;

pub mod flow;

pub mod evidence;

pub mod place;

pub mod client;

pub mod session;

pub mod verdict;

pub mod inspect;

pub mod report;

#[cfg(feature = "cli")]
pub mod cli;
