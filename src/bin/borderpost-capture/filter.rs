//! The user's filter, and where it goes wrong.
//!
//! Input: text. Output: a filter that is set, or the place of the fault. Must not: resolve a name, for which the program has no right left.

use borderpost::capture::Refusal;
use pcap::{Active, Capture};

use crate::shared::said;

/// Sets the filter.
pub(crate) fn set(capture: &mut Capture<Active>, text: &str) -> Result<(), Refusal> {
    let Err(error) = capture.filter(text, true) else { return Ok(()) };
    let mut what = said(&error);
    if what.contains("unknown host") {
        what.push_str("; names are not resolved, since that would send packets: write the address");
    }
    let at = named(text, &what).or_else(|| first_fault(text, |part| capture.compile(part, false).is_ok()));
    Err(Refusal::Filter { at, what })
}

/// Where the word stands that the message names in quotes.
fn named(text: &str, what: &str) -> Option<usize> {
    let word = what.split('\'').nth(1).filter(|word| !word.is_empty())?;
    let mut places = text.match_indices(word);
    match (places.next(), places.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    }
}

/// libpcap says that there is a fault, not where: it is in the first word after which no end that we know makes a filter of the
/// words up to there.
fn first_fault(text: &str, is_filter: impl Fn(&str) -> bool) -> Option<usize> {
    let mut tries = MAX_TRIES;
    for (at, word) in words(text) {
        let part = text.get(..at.checked_add(word.len())?)?;
        let open = part.matches('(').count().saturating_sub(part.matches(')').count());
        let mut can_go_on = false;
        for end in ENDS {
            tries = tries.checked_sub(1)?;
            if is_filter(&format!("{part} {end}{}", ")".repeat(open))) {
                can_go_on = true;
                break;
            }
        }
        if !can_go_on {
            return Some(at);
        }
    }
    // Every beginning is one of a filter, so the end is missing.
    Some(text.len())
}

/// The words, with parentheses as words of their own.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let skipped = rest.len().saturating_sub(rest.trim_start().len());
        let rest = rest.trim_start();
        let first = rest.chars().next()?;
        let length = if PARENTHESES.contains(&first) {
            first.len_utf8()
        } else {
            rest.find(|c: char| c.is_whitespace() || PARENTHESES.contains(&c)).unwrap_or(rest.len())
        };
        let begin = at.checked_add(skipped)?;
        at = begin.checked_add(length)?;
        Some((begin, rest.get(..length)?))
    })
}

const PARENTHESES: [char; 2] = ['(', ')'];
/// What may follow the beginning of a filter so that it becomes one.
const ENDS: [&str; 10] =
    ["", "192.0.2.1", "80", "1-2", "tcp", "host 192.0.2.1", "port 80", "0 = 0", "= 0", "2001:db8::1"];
/// A filter that is longer is not searched.
const MAX_TRIES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<usize> {
        let capture = Capture::dead(pcap::Linktype::ETHERNET).unwrap();
        assert!(capture.compile(text, false).is_err(), "{text}");
        first_fault(text, |part| capture.compile(part, false).is_ok())
    }

    #[test]
    fn the_first_word_that_cannot_go_on_is_the_fault() {
        for (text, at) in [
            ("tcp prot 80", 4),
            ("host 192.0.2.1 and and port 80", 19),
            ("(tcp or udp", 11),
            ("not (port 53 or )", 16),
            ("port", 4),
            ("ip6 and tcp[13 & 2 != 0", 8),
        ] {
            assert_eq!(fault(text), Some(at), "{text}");
        }
    }

    #[test]
    fn a_word_in_the_message_is_the_place() {
        assert_eq!(named("host zoom.us", "unknown host 'zoom.us'"), Some(5));
        assert_eq!((named("a a", "bad 'a'"), named("a", "syntax error")), (None, None));
    }
}
