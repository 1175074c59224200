//! The capture file: frames as pcapng, by the project's own writer.
//!
//! Input: a scenario's start and interface, its frames. Output: the bytes of a file. Must not: change a frame.

use borderpost::frame::{LinkType, Timestamp};
use borderpost::source::write::{WriteInterface, Writer};

use super::Result;
use super::frame::Sent;
use super::scenario::Scenario;

/// A pcapng file of one Ethernet interface, stamped in nanoseconds.
pub(crate) fn pcapng(scenario: &Scenario, frames: &[Sent]) -> Result<Vec<u8>> {
    let client = &scenario.client;
    let addresses = [client.address(false), client.address(true)];
    let interface = WriteInterface {
        name: Some(client.interface.clone()),
        addresses: addresses.into_iter().flatten().collect(),
        mac: Some(client.mac.0),
        ..WriteInterface::new(LinkType::ETHERNET)
    };
    let mut writer = Writer::new(Vec::new(), &[interface])?;
    for frame in frames {
        let time = Timestamp::from_nanos(scenario.start.nanos() + frame.at);
        writer.frame(0, time, u32::try_from(frame.bytes.len())?, &frame.bytes, frame.comment.as_deref())?;
    }
    Ok(writer.finish()?)
}
