//! Datagrams and prefixes of datagrams as public captures hold them, for the tests. Ciphertext is left out.

/// Reads hexadecimal digits; blanks are for people.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
    assert!(digits.len().is_multiple_of(2) && text.chars().all(|c| c.is_ascii_hexdigit() || c == ' '));
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// 123 bytes: version 3, token, no id, 2, clock twice, 64 bytes that look like a signature, parameters.
pub(crate) const HELLO: &str = "01 0003 c84ac4528718cda2b8477a1b899f3383 00000000 00000002 006f613f 006f613f 00000040 \
     e6d766f594f24c8c9302460b02e7de2892e09de53c6e5f03a336a430c96bfc90d80259b9fbc471b13716d1d1836079ca\
     a23b0fdcc0f60b64bd3e017c3cf86d76 0000000000400040000075300001000300022000";

/// 44 bytes: version 3, the token, the id, the clock, zeros, parameters.
pub(crate) const HELLO_REPLY: &str =
    "02 0003 c84ac4528718cda2b8477a1b899f3383 004f8378 006f613f 0000000000000000 004000400003e00300";

/// 107 bytes.
pub(crate) const HELLO_VERSION_2: &str = "01 0002 7d464d35fffda234495d0d6d3b51e896 00000000 00000002 007a002a 007a002a 00000040 \
     0e173ddf96025efb95c4240c2353bfcbf060be99dcbbd8c479c7b9732d6c75fa4362f0835eb83e4da9c6a7e6f309b31e\
     40df0f6bb5756a840f731d9bc1f6a72d 00000000";

/// 35 bytes; a client of version 2 is answered with 1.
pub(crate) const HELLO_REPLY_VERSION_2: &str =
    "02 0001 7d464d35fffda234495d0d6d3b51e896 005a0e3e 007a002a 0000000000000000";

/// 14 bytes: the first one behind a reply has no fields.
pub(crate) const KEEP_ALIVE_FIRST: &str = "03 00000001 5cfb002a 004f8378 00";

/// 91 bytes, from the server: counters, then a signature.
pub(crate) const KEEP_ALIVE: &str = "03 00000003 5cfb113c 004f8379 01 02 08 0000000100000000 05 40 \
     7c69bb61e106090ccf5c456a6f566c0b0e2a0aa27aba85be4cc1732eda4dbc165784e341bd390e76ec2bfb715be0a66d\
     09bcf0c6d6d861e3d96ae9a57217ebb5 00";

/// 81 bytes: the answer to a client's request.
pub(crate) const KEEP_ALIVE_REPLY: &str = "04 00000001 006f7254 004f8379 01 05 40 \
     675e5ff0e0eb5dc2330050b424e5ac4aaac0b89f5e80a3b7dfe8c35a97a02fe356b7d22dc34db57eb5def336d3d07de6\
     be65ec7dc4189b14f25cbf9dd0480293 00";

/// 13 bytes.
pub(crate) const KEEP_ALIVE_VERSION_2: &str = "03 00000001 762a8d74 005a0e3e";

/// 77 bytes: the client leaves.
pub(crate) const CLOSE: &str = "07 00000000 004f837a 01 05 40 \
     64ec490314077a33566d96b8cec5cfaac12dce89b85b13f46e7643255a09753dee4d9898bc33980e3d3d1b60229da7ba\
     b82e86f67194820d6df11cf5a9911bb1 00";

/// 10 bytes: the server drops a socket.
pub(crate) const CLOSE_BY_SERVER: &str = "07 000001fd 003a599c 00";

/// A list of fields, then a bind of the video socket.
pub(crate) const BIND: &str =
    "05 0002 003a63f2 01 07 04 022781e9 00 0c 01 f4f1637b56e5487cb39ec30fc8993d51 01000401 03";

/// 60 bytes.
pub(crate) const BIND_ACK: &str = "05 0000 004f8378 04 0d 01 0da7a289330548fdb556c5d10b78e908 01000801 03 \
     0000000002000000037269640300000000000000000002756101000001";

/// A bind of the share socket behind the short wrapper.
pub(crate) const BIND_WRAPPED: &str =
    "05 0000 004f837a 00 0d 650a 0000 00 00 0c 01 0da7a289330548fdb556c5d10b78e908 01000803 02";

/// Its acknowledgement behind the long wrapper.
pub(crate) const BIND_ACK_WRAPPED: &str = "05 0000 00fe5131 04 0d 925a 0000 02 00 0000000000000000 \
     0d 01 797b24f414c548a48185e5433f25dbd7 01000403 02 00";

pub(crate) const BIND_VERSION_2: &str = "05 0c 01 218e9c3928c44b2fa9027072822e56f6 01000401 03 00";

pub(crate) const BIND_WRAPPED_VERSION_2: &str =
    "05 0d 0000 00 0c 01 218e9c3928c44b2fa9027072822e56f6 01000403 02 00";

pub(crate) const BIND_ACK_WRAPPED_VERSION_2: &str =
    "05 0d 0000 02 00000000 0d 01 218e9c3928c44b2fa9027072822e56f6 01000403 02 00";

/// Down, behind a list of fields: audio, RTP at 19. The length at 17 covers the shortened payload.
pub(crate) const AUDIO: &str = "05 0966 0064f9d6 05 07 04 cfb5a2e4 00 \
     0f 01 00fb90 10 11 0405 001a cfb5a2e4 0003 000e 90 71 2932 00001e40 01000402 bede";

/// Down: video, RTP at 24.
pub(crate) const VIDEO: &str = "05 0002 00fe5132 04 10 0100fb90 16 18 0c03 0000 6965926e 00000000 0002 3316 05 \
     90 62 1e1f f3e78486 01000801 bede";

/// Up: a share behind the short wrapper, RTP at 7 + 20.
pub(crate) const SHARE_WRAPPED: &str = "05 0014 0064db65 00 0d 4206 0004 0000 1e 0100fb90 17 14 48ff 0000 00000000 \
     00000000 00 90 63 0001 00000000 01000403";

/// Up: RTCP about audio at 16.
pub(crate) const RTCP: &str = "05 0009 004f8379 04 22 0100fb90 14 10 00000000000000 00ff \
     80 c8 0006 01000402 e598285412 06f97600115f8000000237 00005965 81ca 0002 01000402 01000000";

/// Down: the filler of the bandwidth probe, shortened.
pub(crate) const PROBE: &str = "05 0002 004f8378 04 15 01 00000000 0000 00 33 010dff 0000 5cfb00e8 000003e8";

/// Down: its feedback, shortened.
pub(crate) const PROBE_FEEDBACK: &str = "05 0f31 00272ec9 04 15 01 00000000 0000 00 35 010201 001f5a4e";

/// 27 bytes.
pub(crate) const ACK: &str = "05 0005 004f837a 04 0a 06 00000001 000000000000000000000000 00";

/// 15 bytes.
pub(crate) const ACK_VERSION_2: &str = "05 0a 06 000000000000000000000000";

/// Every vector of a message, with the version of its flow.
pub(crate) const MESSAGES: [(&str, u16); 23] = [
    (HELLO, 3),
    (HELLO_REPLY, 3),
    (HELLO_VERSION_2, 2),
    (HELLO_REPLY_VERSION_2, 2),
    (KEEP_ALIVE_FIRST, 3),
    (KEEP_ALIVE, 3),
    (KEEP_ALIVE_REPLY, 3),
    (KEEP_ALIVE_VERSION_2, 2),
    (CLOSE, 3),
    (CLOSE_BY_SERVER, 3),
    (BIND, 3),
    (BIND_ACK, 3),
    (BIND_WRAPPED, 3),
    (BIND_ACK_WRAPPED, 3),
    (BIND_VERSION_2, 2),
    (BIND_WRAPPED_VERSION_2, 2),
    (BIND_ACK_WRAPPED_VERSION_2, 2),
    (AUDIO, 3),
    (VIDEO, 3),
    (SHARE_WRAPPED, 3),
    (RTCP, 3),
    (PROBE, 3),
    (ACK, 3),
];

/// Between participants: video, RTP at 24.
pub(crate) const P2P_VIDEO: &str =
    "10 0100fb90 0d 18 0c02 ec5d 0572cfbe 0200000000 025c7a0d 90 62 66e6 fb449a64 01000401 bede";

/// Between participants: a sender report.
pub(crate) const P2P_RTCP: &str = "22 0100fb90 16 10 00 0000000000000000 80 c8 0006 01000802 \
     e598285412 06f97600115f8000000237 00005965";

pub(crate) const STUN_REQUEST: &str =
    "0001 0018 c15dae63585d14392e582c260403bf30 0101 0014 31323334353637383930313233343536373839 00";

pub(crate) const STUN_REPLY: &str = "0002 000c c15dae63585d14392e582c260403bf30 0103 0008 0001 ff7550b4dcef";

/// A greeting between participants, built after the layout: the public sample's holds two people's addresses.
pub(crate) fn p2p_hello() -> Vec<u8> {
    let mut bytes = hex("1f 02 01 00 00000004 00000008 0a0b0c0d 01020304 0572cfbe");
    for text in ["192.0.2.17", "3f8b2c1e-0d4a-4e6f-9a7b-5c6d7e8f9a0b"] {
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.bytes());
    }
    bytes.extend([0; 4]);
    bytes
}
