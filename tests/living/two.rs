//! A server of HTTP/2 (RFC 9113) and of `WebSockets` in it (RFC 8441): framing, flow control and header compression are h2's.
//!
//! Input: connections. Output: answers, and a log. Must not: frame anything itself.

use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use h2::server::SendResponse;
use h2::{RecvStream, SendStream, ext::Protocol};
use http::{Request, Response};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::log::{Answer, Content, Logged, Site, unpacked};
use crate::socket::Socket;

type Part = std::io::Cursor<Vec<u8>>;

/// A server of its own; where it listens.
pub(crate) fn start(config: Arc<ServerConfig>, site: &Arc<Site>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let site = Arc::clone(site);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(config);
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(acceptor.clone(), stream, Arc::clone(&site)));
            }
        });
    });
    address
}

async fn connection(acceptor: TlsAcceptor, stream: TcpStream, site: Arc<Site>) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    let stream = acceptor.accept(stream).await.ok()?;
    site.shook(stream.get_ref().1.handshake_kind());
    let mut builder = h2::server::Builder::new();
    let mut http = builder.enable_connect_protocol().handshake(stream).await.ok()?;
    while let Some(Ok((request, respond))) = http.accept().await {
        tokio::spawn(exchange(request, respond, Arc::clone(&site)));
    }
    Some(())
}

async fn exchange(
    request: Request<RecvStream>,
    mut respond: SendResponse<Part>,
    site: Arc<Site>,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let host = head.uri.host().unwrap().to_owned();
    let target = head.uri.path_and_query().unwrap().to_string();
    let method = head.method.to_string();
    let is_socket = head.extensions.get::<Protocol>().is_some_and(|own| own.as_str() == "websocket");
    let mut logged = Logged {
        host: host.clone(),
        version: "2",
        method,
        target,
        sent: Content::new(0, b""),
        status: 200,
        got: Content::new(0, b""),
    };
    if is_socket {
        let offered = head.headers.get("sec-websocket-extensions").map_or("", |own| own.to_str().unwrap());
        let is_packed = offered.contains("permessage-deflate");
        let own = Socket::new(&host, &logged.target, is_packed);
        site.log(logged);
        return socket(body, respond, own, &site).await;
    }
    let mut packed = Vec::new();
    while let Some(part) = body.data().await {
        let part = part?;
        packed.extend_from_slice(&part);
        body.flow_control().release_capacity(part.len())?;
    }
    let coding = head.headers.get("content-encoding").map(http::HeaderValue::as_bytes);
    logged.sent = Content::new(packed.len(), &unpacked(coding, &packed));
    let answer = Answer::new(&site, &host, &logged.method, &logged.target);
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let is_bare = logged.method == "HEAD" || answer.body.is_empty();
    let mut stream = respond.send_response(response.body(()).unwrap(), is_bare)?;
    if !is_bare {
        send(&mut stream, &answer.body).await?;
        let after = [("x-after".parse().unwrap(), "all".parse().unwrap())];
        stream.send_trailers(after.into_iter().collect())?;
    }
    (logged.status, logged.got) = (answer.status, answer.content(&logged.method));
    site.log(logged);
    Ok(())
}

/// Sends bytes as the client makes room for them.
async fn send(stream: &mut SendStream<Part>, mut bytes: &[u8]) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let Some(room) = poll_fn(|context| stream.poll_capacity(context)).await else { return Ok(()) };
        let (now, later) = bytes.split_at(room?.min(bytes.len()));
        stream.send_data(Part::new(now.to_vec()), false)?;
        bytes = later;
    }
    Ok(())
}

async fn socket(
    mut body: RecvStream,
    mut respond: SendResponse<Part>,
    mut socket: Socket,
    site: &Site,
) -> Result<(), h2::Error> {
    let mut response = Response::builder().status(200);
    if socket.is_packed() {
        response = response.header("sec-websocket-extensions", "permessage-deflate");
    }
    let mut stream = respond.send_response(response.body(()).unwrap(), false)?;
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        send(&mut stream, &socket.take(&part)).await?;
        if socket.is_over {
            stream.send_data(Part::new(Vec::new()), true)?;
            break;
        }
    }
    site.sockets.lock().unwrap().push(socket.talked);
    Ok(())
}
