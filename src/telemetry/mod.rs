//! What a client reports about its use, as decrypted traffic shows it: imports of HTTP exchanges, what their bodies hold,
//! and which flow of a capture each went over.
//!
//! Input: [`Exchange`](crate::wire::exchange::Exchange)s of a capture, or files of other tools as bytes. Output: exchanges of
//! the same form, paths and values of bodies, pairs of exchanges and flows, and the inventory of events and personal data that is
//! all that is kept of them. Must not: open a file, trust a byte of one, or keep a body.

mod coding;
pub mod content;
mod digest;
mod endpoint;
mod identifier;
pub mod import;
mod inventory;
pub mod join;
mod list;
mod planted;

pub use self::coding::Coding;
pub use self::digest::{Digest, Found, Hidden, Part, What, body_name, digest};
pub use self::endpoint::{Endpoint, Endpoints, Shape, Told};
pub use self::identifier::{Identifier, identify};
pub use self::inventory::Inventory;
pub use self::list::EventList;
pub use self::planted::{Hash, Hit, Kind, Planted, Value, masked};
