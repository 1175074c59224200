use proptest::prelude::*;

use super::super::{Format, Import, read};
use super::*;
use crate::wire::exchange::Limits;

fn import(text: &str) -> Import {
    let import = read(text.as_bytes(), "run.har", &Limits::default()).unwrap();
    assert_eq!(import.format, Format::Har);
    import
}

fn har(entries: &str) -> String {
    format!(r#"{{"log":{{"version":"1.2","creator":{{"name":"x"}},"entries":[{entries}],"pages":[]}}}}"#)
}

const ENTRY: &str = r#"{"startedDateTime":"2024-04-19T12:00:00.250+02:00","time":1500.5,"serverIPAddress":"[2001:db8::1]","connection":"77",
    "request":{"method":"POST","url":"https://u@log.zoom.us:8443?a=b#f","httpVersion":"h2","bodySize":9,
      "headers":[{"name":":method","value":"POST"},{"name":"content-encoding","value":"gzip"},{"name":"x"},{"value":"y"},7],
      "postData":{"mimeType":"application/json","text":"{\"a\":1}"}},
    "response":{"status":200,"headers":null,"content":{"mimeType":"text/html","text":"aGk=","encoding":"base64","size":2}},
    "_webSocketMessages":[{"type":"send","time":1713520801.5,"opcode":1,"data":"up"},{"type":"receive","opcode":2,"data":"AP8="}]}"#;

#[test]
fn an_entry_is_an_exchange() {
    let import = import(&format!("\u{feff}{}", har(ENTRY)));
    let exchange = &import.exchanges[0];
    assert_eq!(exchange.start.to_string(), "2024-04-19T10:00:00.250000Z");
    assert_eq!(exchange.end.to_string(), "2024-04-19T10:00:01.750500Z");
    assert_eq!(
        (exchange.scheme.as_deref(), exchange.authority.as_deref()),
        (Some(&b"https"[..]), Some(&b"log.zoom.us:8443"[..]))
    );
    assert_eq!((exchange.path.as_deref(), exchange.version), (Some(&b"/?a=b"[..]), Version::Http2));
    assert_eq!(exchange.peer, Some(Peer { address: "2001:db8::1".parse().unwrap(), port: None }));
    let request = exchange.request.as_ref().unwrap();
    assert_eq!((request.headers.len(), &*request.body.decoded), (2, &b"{\"a\":1}"[..]));
    assert_eq!((&*request.body.notes, request.body.wire_len), (&[BodyNote::AlreadyDecoded][..], None));
    assert_eq!(exchange.response.as_ref().unwrap().body.decoded, b"hi");
    let messages: Vec<_> = exchange
        .web_socket
        .as_ref()
        .unwrap()
        .messages
        .iter()
        .map(|m| (m.from_client, m.is_text, &*m.body.decoded))
        .collect();
    assert_eq!(messages, [(true, true, &b"up"[..]), (false, false, b"\0\xff")]);
    assert!(exchange.notes.is_empty() && import.faults.is_empty());
}

#[test]
fn fields_of_other_types_and_missing_ones_lose_nothing_else() {
    let import = import(&har(
        r#"{"request":{"url":"http://a.example/","method":5},"response":[],"time":"long"},
        {"request":{"url":"wss://a.example/ws","postData":"none"},"response":{"status":0}}, 5, {"request":{}},
        {"startedDateTime":"yesterday","request":{"url":"/only/a/path","headers":[{"name":"Host","value":"b.example"}]},"response":{"status":"200"}}"#,
    ));
    let notes: Vec<_> = import.exchanges.iter().map(|exchange| exchange.notes.clone()).collect();
    assert_eq!(notes[0], [Note::NoAnswer, Note::TimeUnknown]);
    assert_eq!(notes[1], [Note::Failed, Note::NoAnswer, Note::TimeUnknown]);
    assert_eq!(import.exchanges[1].scheme.as_deref(), Some(&b"https"[..]));
    assert_eq!(import.exchanges[2].authority.as_deref(), Some(&b"b.example"[..]));
    let faults: Vec<_> = import.faults.iter().map(|fault| (fault.offset, fault.entry, fault.what)).collect();
    assert_eq!(faults, [(None, 3, What::NoRequest), (None, 4, What::NoRequest)]);
}

#[test]
fn a_file_that_breaks_off_gives_what_came_before() {
    let whole = har(&format!("{ENTRY},{ENTRY},{ENTRY}"));
    let second = whole.find(ENTRY).unwrap() + 2 * ENTRY.len() + 1;
    let import = import(&whole[..second + 50]);
    assert_eq!(import.exchanges.len(), 2);
    let fault = &import.faults[0];
    assert_eq!((fault.what, fault.entry, fault.offset), (What::Truncated, 3, Some(second as u64 + 50)));
    let broken = whole.replacen("\"pages\"", "pages", 1);
    let import = self::import(&broken);
    assert_eq!((import.exchanges.len(), import.faults[0].what), (3, What::Broken));
    for (text, is_error) in [
        ("{}", true),
        ("{\"log\":{\"entries\":{}}}", true),
        ("{\"log\":[]}", true),
        ("{\"log\":{\"entries\":[]}}", false),
    ] {
        assert_eq!(read(text.as_bytes(), "x.har", &Limits::default()).is_err(), is_error, "{text}");
    }
}

fn content(content: &str) -> Body {
    let entry = format!(
        r#"{{"request":{{"url":"http://a/"}},"response":{{"status":200,"headers":[{{"name":"Content-Encoding","value":"gzip"}}],"content":{content}}}}}"#
    );
    import(&har(&entry)).exchanges.remove(0).response.unwrap().body
}

#[test]
fn binary_that_was_turned_to_text_is_turned_back_and_marked() {
    let bytes: Vec<u8> = (1..=255).collect();
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let quoted = serde_json::to_string(&text).unwrap();
    let body = content(&format!(r#"{{"mimeType":"application/x-protobuf","text":{quoted}}}"#));
    assert_eq!(body.decoded, bytes);
    assert_eq!(body.notes, [BodyNote::AlreadyDecoded, BodyNote::BinaryAsText]);
    // Letters are letters where the type says so, and where some are no bytes.
    for (mime, text) in [("application/json", "é"), ("image/png", "€")] {
        let body = content(&format!(r#"{{"mimeType":"{mime}","text":"{text}"}}"#));
        assert_eq!((&*body.decoded, &*body.notes), (text.as_bytes(), &[BodyNote::AlreadyDecoded][..]));
    }
    assert!(content(r#"{"mimeType":"image/png","text":"a\ufffdb"}"#).notes.contains(&BodyNote::LossyText));
    assert_eq!(content(r#"{"size":500}"#).notes, [BodyNote::Omitted]);
    assert!(
        content(r#"{"text":"!","encoding":"base64"}"#)
            .notes
            .iter()
            .any(|note| matches!(note, BodyNote::Damaged(_)))
    );
}

#[test]
fn a_body_as_it_was_on_the_wire_is_unpacked() {
    // gzip of "hi", as `printf hi | gzip -n` makes it.
    let body = content(r#"{"text":"H4sIAAAAAAAAA8vIBACsKpPYAgAAAA==","encoding":"base64"}"#);
    assert_eq!((&*body.decoded, &*body.notes), (&b"hi"[..], &[][..]));
}

#[test]
fn a_form_is_put_together_from_its_fields() {
    let entry = r#"{"request":{"url":"http://a/","postData":{"mimeType":"application/x-www-form-urlencoded","text":"",
        "params":[{"name":"a","value":"1 &2"},{"name":"b"}]}}}"#;
    let body = import(&har(entry)).exchanges.remove(0).request.unwrap().body;
    assert_eq!((&*body.decoded, &*body.notes), (&b"a=1+%262&b="[..], &[BodyNote::Rebuilt][..]));
}

#[test]
fn what_is_kept_is_bounded() {
    let limits = Limits { body: 4, held: 11, messages: 1, ..Limits::default() };
    let import = read(har(&format!("{ENTRY},{ENTRY}")).as_bytes(), "x", &limits).unwrap();
    let body = |number: usize| &import.exchanges[number].request.as_ref().unwrap().body;
    assert_eq!((body(0).decoded.len(), body(1).decoded.len()), (4, 3));
    assert_eq!(body(0).notes, [BodyNote::AlreadyDecoded, BodyNote::NotKept(3)]);
    let socket = import.exchanges[0].web_socket.as_ref().unwrap();
    assert_eq!((socket.messages.len(), socket.not_kept), (1, 1));
}

proptest! {
    #[test]
    fn changed_and_cut_files_are_survived(at in 0..900_usize, with: u8, cut in 0..1200_usize) {
        let mut file = har(ENTRY).into_bytes();
        if let Some(byte) = file.get_mut(at) {
            *byte = with;
        }
        file.truncate(cut.max(1));
        let _ = read(&file, "x", &Limits::default());
    }
}
