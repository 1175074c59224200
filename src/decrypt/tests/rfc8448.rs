//! The traces of RFC 8448: what it says that the records hold is what is opened.

use super::*;

/// One connection of the data file.
#[derive(Default)]
struct Trace {
    name: String,
    log: Vec<(String, String)>,
    flights: Vec<(bool, Vec<u8>)>,
    early: Vec<u8>,
    said: [Vec<u8>; 2],
}

fn unhex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn traces() -> Vec<Trace> {
    let mut traces: Vec<Trace> = Vec::new();
    for line in include_str!("rfc8448.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix("section ") {
            traces.push(Trace { name: name.to_owned(), ..Trace::default() });
            continue;
        }
        let trace = traces.last_mut().unwrap();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["secret", label, secret] => trace.log.push((label.to_owned(), secret.to_owned())),
            ["client"] => trace.flights.push((true, Vec::new())),
            ["server"] => trace.flights.push((false, Vec::new())),
            ["said", "early", bytes] => trace.early = unhex(bytes),
            ["said", "client", bytes] => trace.said[0] = unhex(bytes),
            ["said", "server", bytes] => trace.said[1] = unhex(bytes),
            [digits] => trace.flights.last_mut().unwrap().1.extend(unhex(digits)),
            _ => panic!("{line}"),
        }
    }
    assert_eq!(traces.len(), 4);
    traces
}

impl Trace {
    /// The key log of the client, which knows its connection by the random of the first hello.
    fn key_log(&self) -> String {
        let random =
            self.flights[0].1[11..43].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        self.log
            .iter()
            .fold(String::new(), |log, (label, secret)| log + &format!("{label} {random} {secret}\n"))
    }
}

#[test]
fn every_trace_is_opened_to_its_last_record() {
    for trace in traces() {
        let records = |of: bool| {
            let sealed = |(from, bytes): &&(bool, Vec<u8>)| *from == of && bytes.starts_with(&[23]);
            trace.flights.iter().filter(sealed).count() as u64
        };
        for size in [1400, 100, 3] {
            let (heard, outcome) = read(&trace.key_log(), &segments(&trace.flights, size), usize::MAX);
            let Outcome::Keys(read) = outcome else { panic!("{}: {outcome:?}", trace.name) };
            assert_eq!(
                (read.version, read.cipher, read.trouble),
                (Some(0x0304), Some(0x1301), None),
                "{}",
                trace.name
            );
            let opened =
                [read.from_client, read.from_server].map(|of| (of.opened, of.failed, of.broken, of.gaps));
            assert_eq!(opened, [true, false].map(|of| (records(of), 0, 0, 0)), "{}", trace.name);
            let client = [&*trace.early, &trace.said[0]].concat();
            assert_eq!(heard.said, [client, trace.said[1].clone()], "{}", trace.name);
            assert_eq!(heard.early, [trace.early.len(), 0], "{}", trace.name);
            assert_eq!(heard.ends, [1, 1], "each side says that it ends: {}", trace.name);
        }
    }
}

#[test]
fn the_messages_that_were_encrypted_are_those_of_the_traces() {
    let of = |name: &str| {
        let trace = traces().into_iter().find(|trace| trace.name.contains(name)).unwrap();
        let (mut heard, _) = read(&trace.key_log(), &segments(&trace.flights, 1400), usize::MAX);
        heard.messages.sort_unstable();
        heard.messages
    };
    // EncryptedExtensions 8, Certificate 11, CertificateRequest 13, CertificateVerify 15, Finished 20, EndOfEarlyData 5.
    let server = [8, 11, 15, 20].map(|kind| (false, kind));
    for name in ["HelloRetryRequest", "Compatibility"] {
        assert_eq!(of(name), [&server[..], &[(true, 20)]].concat(), "{name}");
    }
    let with_client = [8, 11, 13, 15, 20].map(|kind| (false, kind));
    assert_eq!(
        of("Client Authentication"),
        [&with_client[..], &[(true, 11), (true, 15), (true, 20)]].concat()
    );
    assert_eq!(of("0-RTT"), [(false, 8), (false, 20), (true, 5), (true, 20)]);
}
