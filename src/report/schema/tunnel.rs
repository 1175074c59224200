//! A tunnel that was opened, as it is written.

use serde::Serialize;

/// A tunnel that was opened. What came through it is judged by itself: its addresses are other machines' than the same
/// addresses outside.
#[derive(Serialize, Clone, Debug)]
pub struct Tunnel {
    /// Its number, from 1.
    pub id: u64,
    /// Which kind: `gre`, `ip_in_ip`, `ipv6_in_ip`, `6to4`, `teredo`, `vxlan`, `geneve`, `gtp_u`, `l2tp`, `ether_ip`.
    pub kind: &'static str,
    /// Its outer addresses, that of the first packet's sender first.
    pub outer: [String; 2],
    /// The number of the network inside (VXLAN, Geneve).
    pub network: Option<u32>,
    /// The tunnel that it runs in.
    pub within: Option<u64>,
    /// The input that holds its first frame.
    pub input: u32,
    /// The first frame that came through it.
    pub first_frame: u64,
    /// Frames that came through it.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Flows in it; those in tunnels inside it are theirs.
    pub flows: u64,
    /// How many of them are the client's.
    pub client_flows: u64,
}
