//! Programs that live, against servers of the tests: Chromium, curl and OpenSSL write key logs, a relay writes the capture, the servers
//! log what they are asked. What the library opens, what the program reports and what tshark shows has to be what was logged: requests,
//! paths, sizes and bodies, in HTTP/1.1, HTTP/2 and `WebSockets`, in every suite that there is a key log for.
//!
//! No rights are needed and nothing leaves the machine. A program that is not there is named aloud with what is not checked for that.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "common/chromium.rs"]
mod chromium;
#[expect(dead_code, reason = "other tests look at what it says")]
mod common;
#[path = "living/log.rs"]
mod log;
#[path = "living/one.rs"]
mod one;
#[path = "living/opened.rs"]
mod opened;
#[path = "living/programs.rs"]
mod programs;
#[path = "living/socket.rs"]
mod socket;
#[path = "common/tls.rs"]
#[expect(dead_code, reason = "here the clients are others")]
mod tls;
#[path = "living/tshark.rs"]
mod tshark;
#[path = "living/two.rs"]
mod two;
#[path = "living/wire.rs"]
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use rustls::crypto::ring::cipher_suite as suites;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedCipherSuite};
use serde_json::Value;

use self::common::{command, err, status};
use self::log::{Content, Logged, Site, Talked, path};
use self::opened::Opened;
use self::programs::{Browser, Curl, Openssl};
use self::tls::Ends;
use self::wire::Wire;

/// The suites that rustls has, by their numbers; a name of each is a host.
const SUITES: [(&str, SupportedCipherSuite); 6] = [
    ("s1301.example", suites::TLS13_AES_128_GCM_SHA256),
    ("s1302.example", suites::TLS13_AES_256_GCM_SHA384),
    ("s1303.example", suites::TLS13_CHACHA20_POLY1305_SHA256),
    ("sc02b.example", suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("sc02c.example", suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("scca9.example", suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Http {
    One,
    Two,
}

/// A folder, servers, and the wire between them and their clients.
struct Place {
    folder: tempfile::TempDir,
    site: Arc<Site>,
    wire: Arc<Wire>,
}

impl Place {
    fn new() -> Self {
        Self::of(Arc::default())
    }

    fn of(site: Arc<Site>) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), site, wire: Arc::default() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server that takes one suite; the port at which it is reached. Where `retry`, it takes none of the key shares that clients offer
    /// first (HelloRetryRequest, RFC 8446 section 4.1.4).
    fn server(&self, http: Http, suite: SupportedCipherSuite, retry: bool) -> u16 {
        let version = if suite.tls13().is_some() { &TLS13 } else { &TLS12 };
        let mut config = ServerConfig::clone(&Ends::new(suite, version, retry).server);
        config.alpn_protocols = vec![if http == Http::One { b"http/1.1".to_vec() } else { b"h2".to_vec() }];
        if http == Http::Two {
            // tokio-rustls hands nothing on that was said early.
            config.max_early_data_size = 0;
        }
        let start = if http == Http::One { one::start } else { two::start };
        let address = start(Arc::new(config), &self.site);
        self.wire.relay(address)
    }

    /// How so many handshakes of these kinds were made.
    fn shaken(&self) -> BTreeMap<String, usize> {
        self.site.shaken.lock().unwrap().clone()
    }

    /// What was said, opened with a key log by the library, after what it says was held against what the servers logged, what the program
    /// reports, and what tshark shows.
    fn checked(&self, keys: &[u8], hosts: impl Fn(&str) -> bool) -> (Opened, Value) {
        self.wire.settle();
        let opened = Opened::new(&self.wire.packets(), keys);
        assert_eq!(opened.faults, [""; 0]);
        let dropped = self.wire.randoms().1;
        assert_eq!(opened.without_keys, dropped);
        let logged = self.site.logged(&hosts);
        assert_eq!(difference(&opened.logged(), &logged), None);
        let mut talked = self.site.sockets.lock().unwrap().clone();
        talked.retain(|socket| hosts(&socket.host));
        talked.sort();
        assert_eq!(opened.talked(), talked);
        fs::write(self.at("a.pcap"), self.wire.pcap()).unwrap();
        fs::write(self.at("a.keys"), keys).unwrap();
        fs::write(self.at("planted.toml"), PLANTED).unwrap();
        let report = self.report();
        assert_eq!(reported(&report), sums(&logged, &talked));
        for side in 0..2 {
            let said: usize = opened.said.values().map(|said| said[side].len()).sum();
            let field = ["bytes_from_client", "bytes_from_server"][side];
            assert_eq!(decrypted(&report, field), said as u64, "{field}");
        }
        assert_eq!(decrypted(&report, "without_keys"), dropped as u64);
        tshark::compare(&self.at("a.pcap"), &self.at("a.keys"), &opened);
        (opened, report)
    }

    fn report(&self) -> Value {
        let arguments =
            ["inspect", "--format", "json", "--keylog", "a.keys", "--planted", "planted.toml", "a.pcap"];
        let mut command = command(&arguments);
        let output = command.current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap();
        assert_eq!(status(&output), 0, "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The first that differs of two lists: what was opened, and what was logged.
fn difference<T: PartialEq + Clone>(opened: &[T], logged: &[T]) -> Option<(Option<T>, Option<T>)> {
    let most = opened.len().max(logged.len());
    let both = |at| (opened.get(at).cloned(), logged.get(at).cloned());
    (0..most).map(both).find(|(opened, logged)| opened != logged)
}

/// The sum of a field over the client's connections and others'.
fn decrypted(report: &Value, field: &str) -> u64 {
    ["client", "others"].iter().map(|whose| report["decryption"][whose][field].as_u64().unwrap()).sum()
}

/// For each host and path: exchanges, bytes up, bytes down.
type Sums = BTreeMap<(String, String), [u64; 3]>;

fn sums(logged: &[Logged], talked: &[Talked]) -> Sums {
    let mut sums = Sums::new();
    let mut add = |host: &str, target: &str, more: [u64; 3]| {
        let sum = sums.entry((host.to_owned(), path(target).to_owned())).or_default();
        *sum = [sum[0] + more[0], sum[1] + more[1], sum[2] + more[2]];
    };
    for Logged { host, target, sent, got, .. } in logged {
        add(host, target, [1, sent.wire, got.wire]);
    }
    for Talked { host, target, from_client, from_server, .. } in talked {
        let [up, down] = [from_client, from_server].map(|said| said.iter().map(|(_, said)| said.wire).sum());
        add(host, target, [0, up, down]);
    }
    sums
}

fn reported(report: &Value) -> Sums {
    let rows = report["telemetry"]["endpoints"].as_array().unwrap().iter();
    rows.map(|row| {
        let [host, path] = ["host", "path"].map(|field| row[field].as_str().unwrap().to_owned());
        ((host, path), ["exchanges", "bytes_up", "bytes_down"].map(|field| row[field].as_u64().unwrap()))
    })
    .collect()
}

const PLANTED: &str = "
[[planted]]
label = \"address\"
kind = \"email\"
value = \"tester@example.org\"

[[planted]]
label = \"number\"
kind = \"meeting_number\"
value = \"987 6543 2101\"
";

/// What was found, a line each.
fn found(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = report["telemetry"]["personal"].as_array().unwrap().iter();
    let mut found: Vec<String> = rows
        .map(|row| {
            let codings: Vec<String> = row["codings"].as_array().unwrap().iter().map(text).collect();
            let [what, host, path, part, field, hash] =
                ["what", "host", "path", "part", "field", "hash"].map(|name| text(&row[name]));
            format!("{what} {host}{path} {part} {field} {hash} {} {}", codings.join("+"), row["count"])
        })
        .collect();
    found.sort();
    found
}

#[test]
fn what_curl_says_in_every_suite_is_what_was_logged() {
    let place = Place::new();
    let Some(curl) = Curl::find(&place.at("curl.keys")) else { return };
    fs::write(place.at("binary"), (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<u8>>()).unwrap();
    let binary = format!("@{}", place.at("binary").display());
    let upload = place.at("binary").display().to_string();
    for http in [Http::One, Http::Two] {
        for (host, suite) in SUITES {
            let requests: [&[&str]; 14] = [
                &["/answer/length"],
                &["/json", "-H", "content-type: application/json", "-d", r#"{"m":"tester@example.org"}"#],
                &["/binary", "--data-binary", &binary],
                &["/upload", "-T", &upload, "-H", "transfer-encoding: chunked"],
                &["/asked-first", "--data-binary", &binary, "-H", "expect: 100-continue"],
                &["/form", "-F", "a=1", "-F", &format!("b={binary}")],
                &["/answer/gzip", "--compressed"],
                &["/answer/deflate", "--compressed"],
                &["/answer/zstd", "-H", "accept-encoding: zstd"],
                &["/answer/chunks", "-I"],
                &["/answer/nothing"],
                &["/answer/rekey"],
                &["/answer/close"],
                // Over a connection of its own in HTTP/1.1, with the ticket of the one before.
                &["/answer/chunks"],
            ];
            curl.run(place.server(http, suite, false), host, &[], &requests);
        }
    }
    let retried = place.server(Http::One, suites::TLS13_AES_128_GCM_SHA256, true);
    curl.run(retried, "retry.example", &[], &[&["/answer/length"]]);
    let keys = fs::read(place.at("curl.keys")).unwrap();
    let (opened, report) = place.checked(&keys, |_| true);
    assert_eq!(opened.ciphers, [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9].into());
    let expected = [("Full", 12), ("FullWithHelloRetryRequest", 1), ("Resumed", 6)];
    assert_eq!(place.shaken(), expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    // The server's three suites of TLS 1.3, each in both versions of HTTP; nothing changes keys but what was asked to.
    assert!(opened.rekeyed[1] >= 3, "{:?}", opened.rekeyed);
    assert_eq!(opened.exchanges.len(), 12 * 14 + 1);
    // Of both that asked before they sent, in HTTP/1.1.
    assert_eq!(opened.exchanges.iter().filter(|exchange| exchange.interim == [100]).count(), 12);
    let found = found(&report);
    assert_eq!(found.len(), SUITES.len(), "{found:?}");
    assert!(
        found.iter().all(|row| row.starts_with("address ") && row.ends_with("/json body m -  2")),
        "{found:?}"
    );
}

#[test]
fn what_openssl_says_is_what_was_logged_also_with_rsa_early_and_with_new_keys() {
    let place = Place::new();
    let Some(openssl) = Openssl::find(&place) else { return };
    let port = place.server(Http::One, suites::TLS13_AES_256_GCM_SHA384, false);
    // A first connection, whose client changes its keys and asks the server for new ones, too; then one that begins with data.
    openssl.client(port, &["-sess_out", "ticket"], &place.site, &["/first", "K", "/second", "k", "/third"]);
    fs::write(place.at("early"), programs::request("/early")).unwrap();
    openssl.client(port, &["-sess_in", "ticket", "-early_data", "early"], &place.site, &["/later"]);
    let is_rsa = openssl.makes_certificates();
    if let (true, Some(curl)) = (is_rsa, Curl::find(&place.at("curl.keys"))) {
        for suite in ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"] {
            let (address, server) = openssl.server(suite, &place.site);
            let port = place.wire.relay(address);
            let requests: [&[&str]; 3] =
                [&["/answer/gzip", "--compressed"], &["/json", "-d", "{\"a\":1}"], &["/answer/length"]];
            curl.run(port, "rsa.example", &["--tls-max", "1.2", "--ciphers", suite], &requests);
            server.end();
        }
    }
    let mut keys = fs::read(place.at("openssl.keys")).unwrap();
    keys.extend(fs::read(place.at("curl.keys")).unwrap_or_default());
    let (opened, report) = place.checked(&keys, |_| true);
    let mut ciphers = BTreeSet::from([0x1302]);
    ciphers.extend(is_rsa.then_some([0x009c, 0x009d, 0xc02f]).into_iter().flatten());
    assert_eq!(opened.ciphers, ciphers);
    assert_eq!(opened.rekeyed, [2, 1]);
    let early = programs::request("/early").len();
    assert_eq!((opened.early, decrypted(&report, "bytes_early")), (early, early as u64));
    assert_eq!(place.shaken(), [("Full".to_owned(), 1), ("Resumed".to_owned(), 1)].into());
}

#[test]
fn what_chromium_says_is_what_was_logged_and_what_pages_plant_is_found_once() {
    let pages = [
        ("page.example", include_str!("living/page.html")),
        ("quiet.example", include_str!("living/quiet.html")),
    ];
    let site = Arc::new(Site::new(&pages));
    let (place, quiet) = (Place::of(Arc::clone(&site)), Place::of(site));
    let Some(browser) = Browser::find(&place) else { return };
    let mut hosts: Vec<(&str, u16)> = (0..)
        .zip(SUITES)
        .map(|(number, (host, suite))| {
            let http = if number % 2 == 0 { Http::Two } else { Http::One };
            (host, place.server(http, suite, false))
        })
        .collect();
    let [old, new] = [SUITES[3].1, SUITES[1].1];
    hosts.extend([
        ("page.example", place.server(Http::One, old, false)),
        ("log-gateway.zoom.us", place.server(Http::One, new, false)),
        ("collect.example", place.server(Http::Two, new, false)),
        ("socket.example", place.server(Http::One, old, false)),
        ("sretry.example", place.server(Http::Two, new, true)),
        ("quiet.example", quiet.server(Http::One, new, false)),
        ("quiet-one.example", quiet.server(Http::One, old, false)),
        ("quiet-two.example", quiet.server(Http::Two, new, false)),
    ]);
    let keys = browser.run(&hosts, "https://page.example/", &place.site, &[&place.wire, &quiet.wire]);

    let (opened, report) = place.checked(&keys, |host| !host.starts_with("quiet"));
    assert_eq!(opened.ciphers, [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9].into());
    let kinds = |of: &dyn Fn(&Logged) -> bool| opened.logged().iter().filter(|one| of(one)).count();
    assert!(kinds(&|one| one.version == "2") > 40 && kinds(&|one| one.version == "1.1") > 30);
    assert_eq!((kinds(&|one| one.status == 101), kinds(&|one| one.method == "CONNECT")), (1, 1));
    assert!(place.shaken()["FullWithHelloRetryRequest"] > 0, "{:?}", place.shaken());
    let expected = [
        "address collect.example/base64 body - - base64 1",
        "address collect.example/gzip body m -  1",
        "address collect.example/hash body - sha256 hexadecimal 1",
        "address collect.example/packed body - - gzip 1",
        "address log-gateway.zoom.us/pwa/webclient/form body m - percent 1",
        "address log-gateway.zoom.us/pwa/webclient/multipart body m -  1",
        "address log-gateway.zoom.us/pwa/webclient/percent query m - percent 1",
        "address log-gateway.zoom.us/pwa/webclient/plain body m -  1",
    ];
    assert_eq!(found(&report), expected);
    let events = report["telemetry"]["events"].as_array().unwrap().iter();
    let events: Vec<String> =
        events.map(|row| format!("{} {} {}", row["name"], row["on_list"], row["count"])).collect();
    assert_eq!(events, [r#""EndMeeting" "listed" 1"#, r#""Secret" "unknown" 1"#]);

    let (opened, report) = quiet.checked(&keys, |host| host.starts_with("quiet"));
    assert!(opened.exchanges.len() >= 9);
    assert_eq!(found(&report), [""; 0]);
    let planted = report["telemetry"]["planted"].as_array().unwrap();
    assert!(planted.len() == 2 && planted.iter().all(|value| value["found"] == 0), "{planted:?}");
}

#[test]
fn what_differs_is_seen() {
    let one = |plain: &[u8]| Content::new(1, plain);
    assert_eq!(difference(&[one(b"a")], &[one(b"a")]), None);
    assert_eq!(difference(&[one(b"a")], &[one(b"b")]), Some((Some(one(b"a")), Some(one(b"b")))));
    assert_eq!(difference(&[1], &[1, 3]), Some((None, Some(3))));
    assert_eq!(difference(&[1, 2], &[1]), Some((Some(2), None)));
}
