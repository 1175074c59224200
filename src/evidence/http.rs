//! HTTP requests in clear, and what clients ask of proxies.
//!
//! Input: the first bytes of a client's direction. Output: facts. Must not: take the host that a proxy is asked for as a name
//! of the proxy: it stands elsewhere, and the proxy hides where.
//!
//! A request with a whole URI is one to a proxy (RFC 9112 section 3.2.2) unless a DNS answer gave the client just this address
//! for the host: servers have to accept the form too.

use std::fmt::Display;

use crate::evidence::fact::{Fact, Origin, ProxyKind, ProxyRequest};
use crate::evidence::{Notes, Sighting};
use crate::wire::http::{self, Form, Request};
use crate::wire::proxy::{self, Socks, Target};
use crate::wire::{Hostname, Read};

/// What a client's first bytes turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opening {
    /// Nothing that is known.
    Unknown,
    /// Not enough to tell.
    More,
    /// A request; there is no more to learn.
    Request,
    /// A request for a tunnel, after which so many bytes follow before it begins; `None` where that is not known yet.
    Tunnel(Option<usize>),
    /// A head of so many bytes, and then whatever the connection is for.
    Head(usize),
}

/// Reads the front of a client's direction.
pub(super) fn observe(bytes: &[u8], seen: &Sighting<'_>, notes: &mut Notes) -> Opening {
    // A method and a head both may begin with PROXY.
    match proxy::head_len(bytes) {
        Read::Done(length) => return Opening::Head(length),
        Read::More => return Opening::More,
        Read::NotMine(_) => {}
    }
    match http::request(bytes) {
        Read::Done(request) => return addressed(&request, bytes, seen, notes),
        Read::More => return Opening::More,
        Read::NotMine(_) => {}
    }
    match proxy::socks(bytes) {
        Read::Done(socks) => asked(&socks, seen, notes),
        Read::More => Opening::More,
        Read::NotMine(_) => Opening::Unknown,
    }
}

/// How much of the front of a tunnel's client there is to pass over.
pub(super) fn tunnel_begins(bytes: &[u8]) -> Option<usize> {
    http::head_len(bytes)
}

fn addressed(request: &Request, bytes: &[u8], seen: &Sighting<'_>, notes: &mut Notes) -> Opening {
    let kind = match request.form {
        Form::Origin => None,
        Form::Connect => Some(ProxyKind::Connect),
        Form::Absolute if is_told(request, seen, notes) => None,
        Form::Absolute => Some(ProxyKind::Request),
    };
    let Some(kind) = kind else {
        if let Some(host) = &request.host {
            notes.name(seen, host, Origin::HttpHost);
        }
        if let Some(version) = &request.version {
            notes.push(seen, Fact::PathVersion(version.clone()));
        }
        return Opening::Request;
    };
    pass_on(kind, &request.authority, request.host.as_ref(), seen, notes);
    if kind == ProxyKind::Connect { Opening::Tunnel(http::head_len(bytes)) } else { Opening::Request }
}

fn asked(socks: &Socks, seen: &Sighting<'_>, notes: &mut Notes) -> Opening {
    let Socks { version, port, length, .. } = *socks;
    let kind = ProxyKind::Socks(version);
    match &socks.target {
        Target::Name(host) => pass_on(kind, &format!("{host}:{port}"), Some(host), seen, notes),
        Target::Address(address) => {
            let target = std::net::SocketAddr::new(*address, port);
            pass_on(kind, &target, None, seen, notes);
        }
    }
    Opening::Tunnel(Some(length))
}

fn pass_on(
    kind: ProxyKind,
    target: &(impl Display + ?Sized),
    host: Option<&Hostname>,
    seen: &Sighting<'_>,
    notes: &mut Notes,
) {
    let target = target.to_string().into_boxed_str();
    notes.push(seen, Fact::Proxy(Box::new(ProxyRequest { kind, target })));
    if let Some(host) = host {
        notes.name_behind(seen, host, Origin::HttpHost);
    }
}

/// Whether DNS gave the sender the address that it talks to for the host that it names.
fn is_told(request: &Request, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let Some(name) = request.host.as_ref().and_then(|host| notes.names.intern(host)) else { return false };
    let told = notes.answers.so_far(seen.packet.tunnel, seen.packet.from().address, seen.packet.to().address);
    told.iter().any(|answered| answered.name == name)
}
