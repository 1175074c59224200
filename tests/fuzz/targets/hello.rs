//! TLS hellos in any cut of records. Laws: every prefix asks for more or says what the whole says; rustls and tls-parser read
//! the same server name where they accept the hello.

use borderpost::wire::Read;
use borderpost::wire::tls::{
    ClientHello, ServerName, client_hello, cut_client_hello, cut_server_flight, server_flight,
};
use rustls::server::Acceptor;
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake};

use super::frames::{payloads, uses_port};
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let streams = payloads(200, |packet| uses_port(packet, 443) && packet.payload.first() == Some(&22));
    let raw = streams.iter().map(|stream| [&[0][..], stream].concat());
    let bodies =
        streams.iter().filter_map(|stream| Some([&[1, 0, 99, 0, 11][..], stream.get(9..)?].concat()));
    raw.chain(bodies).collect()
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let stream = if script.flag() { recut(script) } else { script.rest().to_vec() };
    let _ = (server_flight(&stream), cut_server_flight(&stream), cut_client_hello(&stream));
    let Read::Done(ours) = client_hello(&stream) else { return };
    // A reader that has less may ask for more, and may not say another thing.
    for part in [1, 2, 3] {
        match client_hello(&stream[..stream.len() * part / 4]) {
            Read::Done(sooner) => assert_eq!(sooner, ours),
            Read::More | Read::NotMine(_) => {}
        }
    }
    by_rustls(&stream, &ours);
    by_tls_parser(&stream, &ours);
}

/// The rest as the body of a hello, cut into records at will.
fn recut(mut script: Script<'_>) -> Vec<u8> {
    let sizes = [usize::from(script.word() % 2_000) + 1, usize::from(script.word() % 300) + 1];
    let body = script.rest();
    let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let message = [&[1][..], &length[1..], body].concat();
    let (mut stream, mut rest) = (Vec::new(), &message[..]);
    for size in sizes.into_iter().cycle() {
        let (record, after) = rest.split_at(size.min(rest.len()));
        let length = u16::try_from(record.len()).unwrap_or(0).to_be_bytes();
        stream.extend([&[22, 3, 1][..], &length, record].concat());
        rest = after;
        if rest.is_empty() {
            return stream;
        }
    }
    stream
}

fn by_rustls(stream: &[u8], ours: &ClientHello) {
    let (mut acceptor, mut bytes) = (Acceptor::default(), stream);
    while acceptor.read_tls(&mut bytes).is_ok_and(|read| read > 0) {
        match acceptor.accept() {
            Ok(None) => {}
            Err(_) => return,
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                if let Some(name) = hello.server_name() {
                    let ours = match &ours.server_name {
                        ServerName::Name(ours) => ours.as_str(),
                        other => panic!("{name} to rustls, {other:?} to us"),
                    };
                    assert_eq!(ours, name.trim_end_matches('.').to_ascii_lowercase());
                }
                return;
            }
        }
    }
}

fn by_tls_parser(stream: &[u8], ours: &ClientHello) {
    let Ok((_, record)) = tls_parser::parse_tls_plaintext(stream) else { return };
    let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(theirs))) = record.msg.first() else {
        return;
    };
    assert_eq!(theirs.random, ours.random);
    let extensions = theirs.ext.and_then(|bytes| tls_parser::parse_tls_client_hello_extensions(bytes).ok());
    let Some(([], extensions)) = extensions else { return };
    let has_name =
        extensions.iter().any(|extension| matches!(extension, TlsExtension::SNI(names) if !names.is_empty()));
    let repeated =
        extensions.iter().filter(|extension| matches!(extension, TlsExtension::SNI(_))).count() > 1;
    if ours.server_name == ServerName::Absent && !repeated {
        assert!(!has_name, "tls-parser reads a name: {extensions:?}");
    }
}
