//! What a capture will not show because of how the machine's network is set up.
//!
//! Input: the resolver's files, interfaces and routes. Output: checks. Must not: send or resolve anything.

use std::net::IpAddr;

use super::Host;
use crate::report::doctor::Check;

/// Whether names will be seen: in questions to a name server in clear.
pub(super) fn dns(host: &Host) -> Check {
    const NAME: &str = "DNS";
    let Some(text) = host.read("etc/resolv.conf") else {
        return Check::cannot_tell(NAME, "which resolver the machine uses is not told by a file", FLUSH);
    };
    let servers =
        text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.split_whitespace().next());
    let servers: Vec<&str> = servers.collect();
    let is_stub = |server: &&&str| server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let has_stub = servers.iter().any(|server| is_stub(&server));
    match encrypted(host) {
        Some(setting) => Check::attention(
            NAME,
            format!("systemd-resolved asks over TLS ({setting}): no name will be seen in questions"),
            "switch DNSOverTLS off for the test; names in TLS and QUIC handshakes are seen in any case",
        ),
        None if servers.is_empty() => Check::attention(
            NAME,
            "no name server is set",
            "the client will find nothing; connect the machine",
        ),
        None if has_stub => Check::attention(
            NAME,
            format!(
                "a resolver on this machine answers ({}), also from what it remembers",
                servers.join(", ")
            ),
            FLUSH,
        ),
        None => Check::ok(
            NAME,
            format!(
                "asked in clear at {}; a program that encrypts its own questions hides its names",
                servers.join(", ")
            ),
        ),
    }
}

/// What systemd-resolved is told of DNS over TLS, where it is told to use it. What a later file says counts.
fn encrypted(host: &Host) -> Option<String> {
    let mut files = vec!["etc/systemd/resolved.conf".to_owned()];
    let folder = "etc/systemd/resolved.conf.d";
    files.extend(host.list(folder).iter().map(|name| format!("{folder}/{name}")));
    let texts = files.iter().filter_map(|file| host.read(file));
    let settings = texts.flat_map(|text| text.lines().filter_map(setting).collect::<Vec<_>>());
    settings.last().filter(|value| !["no", "false", "0", "off"].contains(&value.to_lowercase().as_str()))
}

fn setting(line: &str) -> Option<String> {
    Some(line.trim().strip_prefix("DNSOverTLS")?.trim_start().strip_prefix('=')?.trim().to_owned())
}

/// Whether a tunnel is in the way: outside it a capture sees one address and nothing else.
pub(super) fn vpn(host: &Host) -> Check {
    const NAME: &str = "VPN";
    if !host.has("sys/class/net") {
        return Check::cannot_tell(
            NAME,
            "tunnels are not told from other interfaces here",
            "see that no VPN is on, unless it is a part of the test",
        );
    }
    let interfaces = host.list("sys/class/net");
    let tunnels: Vec<&str> =
        interfaces.iter().filter(|name| is_tunnel(host, name)).map(String::as_str).collect();
    let routed: Vec<&str> = tunnels.iter().filter(|name| has_default_route(host, name)).copied().collect();
    if tunnels.is_empty() {
        return Check::ok(NAME, format!("no tunnel among {}", interfaces.join(", ")));
    }
    let what = if routed.is_empty() { "there are tunnels" } else { "everything goes through a tunnel" };
    let named = if routed.is_empty() { &tunnels } else { &routed };
    Check::attention(
        NAME,
        format!("{what}: {}", named.join(", ")),
        format!(
            "switch it off for the test, or capture on {0} as well: borderpost capture -i {0}",
            named.join(" -i ")
        ),
    )
}

/// By what the kernel says of an interface, and by the names that are usual for tunnels.
fn is_tunnel(host: &Host, name: &str) -> bool {
    let folder = format!("sys/class/net/{name}");
    let says = host.read(&format!("{folder}/uevent")).unwrap_or_default();
    let is_kind = says.lines().any(|line| line == "DEVTYPE=wireguard");
    let prefixes = ["tun", "wg", "utun", "ppp", "ipsec", "tailscale", "zt", "nordlynx", "proton"];
    // Virtual machines have taps that are no tunnels.
    let is_tun =
        host.has(&format!("{folder}/tun_flags")) && !name.starts_with("tap") && !name.starts_with("vnet");
    is_kind || is_tun || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a default route, or the two halves of one, leads through an interface.
fn has_default_route(host: &Host, name: &str) -> bool {
    let v4 = host.read("proc/net/route").unwrap_or_default();
    let v6 = host.read("proc/net/ipv6_route").unwrap_or_default();
    let is_v4 = v4.lines().any(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [interface, to, .., mask, _, _, _] = *fields.as_slice() else { return false };
        // 128.0.0.0/1 as a little-endian word.
        interface == name
            && matches!((to, mask), ("00000000", "00000000" | "00000080") | ("00000080", "00000080"))
    });
    let is_v6 = v6.lines().any(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let ([to, bits, ..], Some(interface)) = (fields.as_slice(), fields.last()) else { return false };
        *interface == name
            && matches!(*bits, "00" | "01" | "03")
            && to.get(1..).is_some_and(|rest| rest.bytes().all(|b| b == b'0'))
    });
    is_v4 || is_v6
}

const FLUSH: &str = "make it forget names before a test: resolvectl flush-caches (systemd-resolved), ipconfig /flushdns (Windows), \
                     sudo killall -HUP mDNSResponder (macOS)";

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::doctor::State;

    /// A system of these files. The folder goes away with the first value.
    pub(in crate::cli::doctor) fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = Host { root: folder.path().to_owned(), environment: Vec::new() };
        (folder, host)
    }

    fn of(check: fn(&Host) -> Check, files: &[(&str, &str)]) -> (State, String) {
        let (_folder, host) = host(files);
        let check = check(&host);
        assert!(!check.blocks && (check.state == State::Ok) == check.remedy.is_none());
        (check.state, check.seen)
    }

    #[test]
    fn what_hides_names_is_told() {
        let clear = ("etc/resolv.conf", "# nameserver 127.0.0.1\nnameserver 192.0.2.53\n");
        let stub = ("etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0\n");
        let over_tls = |value: &'static str| ("etc/systemd/resolved.conf.d/a.conf", value);
        assert_eq!(of(dns, &[clear]).0, State::Ok);
        assert_eq!(of(dns, &[stub]).0, State::Attention);
        assert_eq!(of(dns, &[clear, over_tls("[Resolve]\nDNSOverTLS=no\n")]).0, State::Ok);
        let (state, seen) = of(dns, &[stub, over_tls("DNSOverTLS = opportunistic\n")]);
        assert!(state == State::Attention && seen.contains("over TLS (opportunistic)"), "{seen}");
        assert_eq!(of(dns, &[("etc/resolv.conf", "")]).0, State::Attention);
        assert_eq!(of(dns, &[]).0, State::CannotTell);
    }

    #[test]
    fn tunnels_are_told_and_those_that_take_everything() {
        let eth = ("sys/class/net/eth0/uevent", "INTERFACE=eth0\n");
        let guard = ("sys/class/net/office/uevent", "DEVTYPE=wireguard\nINTERFACE=office\n");
        let head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
        let route = |name: &str, to: &str, mask: &str| {
            format!("{head}{name}\t{to}\t0\t1\t0\t0\t0\t{mask}\t0\t0\t0\n")
        };
        assert_eq!(of(vpn, &[eth]).0, State::Ok);
        let (state, seen) = of(vpn, &[eth, guard]);
        assert!(state == State::Attention && seen == "there are tunnels: office", "{seen}");
        let half = route("office", "00000080", "00000080");
        assert!(of(vpn, &[eth, guard, ("proc/net/route", &half)]).1.starts_with("everything"));
        let other = route("eth0", "00000000", "00000000");
        assert!(!of(vpn, &[eth, guard, ("proc/net/route", &other)]).1.starts_with("everything"));
        let v6 = format!("{0} 00 {0} 00 {0} 00000400 1 0 1 office\n", "0".repeat(32));
        assert!(of(vpn, &[guard, ("proc/net/ipv6_route", &v6)]).1.starts_with("everything"));
        assert_eq!(of(vpn, &[]).0, State::CannotTell);
    }
}
