//! What a frame was that ended below IP, in a link layer that is decoded.

/// A frame without a packet that can be read, by its link layer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum LinkLayer {
    /// ARCNET with another protocol, or a piece of a packet, with its system code (RFC 1201).
    Arcnet(u8),
    /// ATM with another kind of traffic, with its type by `SunATM`.
    Atm(u8),
    /// Frame relay with neither an NLPID nor an `EtherType`, such as its own signalling.
    FrameRelay,
    /// A token ring's or an FDDI ring's own frame.
    MacControl,
    /// MPLS around something that cannot be told.
    Mpls,
    /// Another network protocol, with its NLPID (ISO/IEC TR 9577, RFC 2427).
    Nlpid(u8),
    /// A capturing program's header with no packet behind it.
    NoPacket,
    /// Another protocol over PPP, with its number (RFC 1661).
    Ppp(u16),
    /// IEEE 802.11: a control frame, such as an acknowledgment.
    WifiControl,
    /// IEEE 802.11: a frame of the extension type.
    WifiExtension,
    /// IEEE 802.11: a piece of a frame.
    WifiFragment,
    /// IEEE 802.11: a management frame, such as a beacon.
    WifiManagement,
    /// IEEE 802.11: a data frame without data.
    WifiNull,
    /// IEEE 802.11: encrypted data.
    WifiProtected,
}

impl LinkLayer {
    /// Its name in `snake_case`, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arcnet(_) => "arcnet",
            Self::Atm(_) => "atm",
            Self::FrameRelay => "frame_relay",
            Self::MacControl => "mac_control",
            Self::Mpls => "mpls",
            Self::Nlpid(_) => "nlpid",
            Self::NoPacket => "no_packet",
            Self::Ppp(_) => "ppp",
            Self::WifiControl => "wifi_control",
            Self::WifiExtension => "wifi_extension",
            Self::WifiFragment => "wifi_fragment",
            Self::WifiManagement => "wifi_management",
            Self::WifiNull => "wifi_null",
            Self::WifiProtected => "wifi_protected",
        }
    }

    /// The protocol's number where it has one.
    #[must_use]
    pub const fn number(self) -> Option<u16> {
        match self {
            Self::Arcnet(number) | Self::Atm(number) | Self::Nlpid(number) => Some(number as u16),
            Self::Ppp(number) => Some(number),
            _ => None,
        }
    }
}
