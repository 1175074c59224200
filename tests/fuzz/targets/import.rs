//! HAR files and flow files of mitmproxy. Laws: an error and every fault name the file; what was read can be walked within
//! bounds, and paths into bodies can be printed.

use borderpost::telemetry::content::{Bounds, walk};
use borderpost::telemetry::import::read;
use borderpost::wire::exchange::Limits;

pub fn seeds() -> Vec<Vec<u8>> {
    let har = br#"{"log":{"version":"1.2","entries":[{"startedDateTime":"2024-06-18T08:31:07.612Z","time":3,"request":{"method":"POST","url":"https://log.zoom.us/a?b=c","headers":[{"name":"content-type","value":"application/json"}],"postData":{"mimeType":"application/json","text":"{\"a\":[1,{\"b\":\"c\"}]}"}},"response":{"status":200,"headers":[],"content":{"encoding":"base64","text":"b2s="}}}]}}"#;
    let flow = b"92:4:type;4:http;7:version;2:21#7:request;43:6:method;3:GET,4:path;2:/a,4:host;7:zoom.us;}}";
    let form = br#"{"log":{"entries":[{"request":{"method":"POST","url":"http://x/","headers":[["a",1]],"postData":{"mimeType":"multipart/form-data; boundary=b","text":"--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nv\r\n--b--"}}}]}}"#;
    vec![har.to_vec(), flow.to_vec(), form.to_vec()]
}

pub fn run(data: &[u8]) {
    let limits = Limits { body: 1 << 16, ..Limits::default() };
    let import = match read(data, "made.har", &limits) {
        Ok(import) => import,
        Err(error) => return assert!(error.to_string().contains("made.har"), "{error}"),
    };
    for exchange in &import.exchanges {
        for message in [exchange.request.as_ref(), exchange.response.as_ref()].into_iter().flatten() {
            assert!(message.body.decoded.len() <= 1 << 16);
            walk(message, Bounds::default(), &mut |path, _| {
                assert!(!path.to_string().chars().any(char::is_control), "{path}");
            });
        }
    }
}
