//! Heads of HTTP requests in clear, and proxies. Law: a prefix asks for more, says it is not HTTP, or says what the whole says.

use borderpost::wire::Read;
use borderpost::wire::http::{head_len, request};
use borderpost::wire::proxy;

pub fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 6] = [
        b"GET /releasenotes HTTP/1.1\r\nHost: us05web.zoom.us\r\nUser-Agent: x\r\n\r\n",
        b"CONNECT us05web.zoom.us:443 HTTP/1.1\r\nHost: us05web.zoom.us:443\r\n\r\n",
        b"POST http://log-gateway.zoom.us/ HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
        b"\x05\x01\x00\x05\x01\x00\x03\x0fus05web.zoom.us\x01\xbb",
        b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00us05web.zoom.us\x00",
        b"HTTP/1.1 200 Connection established\r\n\r\n",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}

pub fn run(data: &[u8]) {
    let _ = (proxy::socks(data), proxy::head_len(data));
    if let Some(length) = head_len(data) {
        assert!(length <= data.len());
    }
    let Read::Done(whole) = request(data) else { return };
    for cut in 0..data.len().min(600) {
        if let Read::Done(sooner) = request(&data[..cut]) {
            assert_eq!(sooner, whole, "cut at {cut}");
        }
    }
}
