//! Settings of the machine that lead traffic elsewhere or nowhere.
//!
//! Input: environment variables, the hosts file. Output: checks. Must not: show a password.

use std::net::IpAddr;

use super::Host;
use crate::client::Catalogue;
use crate::report::doctor::Check;
use crate::report::text::plural;
use crate::wire::Hostname;

/// Whether programs are told to use a proxy: a capture then sees the proxy's address in place of all others.
pub(super) fn proxy(host: &Host) -> Check {
    const NAME: &str = "proxy";
    let names = ["http_proxy", "https_proxy", "all_proxy"];
    let set = host
        .environment
        .iter()
        .filter(|(name, value)| !value.is_empty() && names.contains(&name.to_lowercase().as_str()));
    let set: Vec<String> = set.map(|(name, value)| format!("{name}={}", without_password(value))).collect();
    if set.is_empty() {
        return Check::ok(
            NAME,
            "none in the environment; one set in the client or by the desktop is not seen here",
        );
    }
    Check::attention(
        NAME,
        format!("programs are told to use one: {}", set.join(", ")),
        "unset it for the test, or expect the client's servers behind one address; names in CONNECT requests are read",
    )
}

/// A proxy's address without what stands before the `@`.
fn without_password(value: &str) -> String {
    let (scheme, rest) = value.split_once("://").map_or(("", value), |(scheme, rest)| (scheme, rest));
    let end = rest.rsplit_once('@').map_or(rest, |(_, end)| end);
    if scheme.is_empty() { end.to_owned() } else { format!("{scheme}://{end}") }
}

/// Whether names that the catalogue knows are led elsewhere by the hosts file. What blocks names further on can only be tried.
pub(super) fn hosts(host: &Host) -> Check {
    const NAME: &str = "blocked names";
    let path = if cfg!(windows) { r"Windows\System32\drivers\etc\hosts" } else { "etc/hosts" };
    let Some(text) = host.read(path) else {
        return Check::cannot_tell(NAME, "the hosts file cannot be read", "see that nothing blocks names");
    };
    let mut known: Vec<String> = text.lines().flat_map(redirected).collect();
    known.sort();
    known.dedup();
    let Some(first) = known.first() else {
        return Check::ok(
            NAME,
            "the hosts file leads none of the catalogue's names elsewhere; whether the network does can only be tried: nothing is resolved \
             here",
        );
    };
    let names = plural(known.len() as u64, "name", "names");
    Check::attention(
        NAME,
        format!("the hosts file leads {names} of the catalogue elsewhere, such as {first}"),
        "take them out for the test: what is blocked is not contacted, and a report would not show it",
    )
}

/// The names of a line of the hosts file that the catalogue knows.
fn redirected(line: &str) -> Vec<String> {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    if words.next().and_then(|word| word.parse::<IpAddr>().ok()).is_none() {
        return Vec::new();
    }
    let is_known = |name: &&str| {
        Hostname::parse(name.as_bytes()).is_some_and(|name| Catalogue::builtin().name(&name).is_some())
    };
    words.filter(is_known).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::network::tests::host;
    use crate::report::doctor::State;

    #[test]
    fn a_proxy_is_told_without_its_password() {
        let (_folder, mut host) = host(&[]);
        assert_eq!(proxy(&host).state, State::Ok);
        host.environment = vec![("NO_PROXY".into(), "x".into()), ("https_proxy".into(), String::new())];
        assert_eq!(proxy(&host).state, State::Ok);
        host.environment.push(("HTTPS_PROXY".into(), "http://alice:se@cret@192.0.2.1:3128".into()));
        let check = proxy(&host);
        assert_eq!(check.state, State::Attention);
        assert!(check.seen.ends_with("HTTPS_PROXY=http://192.0.2.1:3128"), "{}", check.seen);
        assert_eq!(without_password("alice:secret@proxy:1"), "proxy:1");
    }

    #[cfg(unix)]
    #[test]
    fn names_of_the_catalogue_in_the_hosts_file_are_told() {
        let of = |text: &str| {
            let (_folder, host) = host(&[("etc/hosts", text)]);
            hosts(&host)
        };
        assert_eq!(
            of("127.0.0.1 localhost\n# 0.0.0.0 zoom.us\nzoom.us\n0.0.0.0 nobody.example\n").state,
            State::Ok
        );
        let blocked = of("0.0.0.0 sendgrid.net other.example SENDGRID.net\n::1 us05web.zoom.us # why\n");
        assert_eq!(blocked.state, State::Attention);
        assert!(
            blocked.seen.contains("2 names") && blocked.seen.contains("sendgrid.net"),
            "{}",
            blocked.seen
        );
    }
}
