//! Texts on their way to a terminal. Laws: nothing that steers it is left, and cleaning what is clean changes nothing.

use borderpost::report::text::{clean, escape, wrap};

pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "us05web.zoom.us",
        "\u{1b}[2Jx",
        "a\u{202e}b\u{2066}",
        "\u{85}\u{9b}31m",
        "日本語 e\u{301}",
        "\"><img src=x onerror=1>",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let cleaned = clean(&text);
    assert!(!cleaned.chars().any(steers), "{cleaned:?}");
    assert_eq!(clean(&cleaned), cleaned);
    let wrapped = wrap(&cleaned, 40, "", "  ");
    assert!(!wrapped.chars().any(|c| c != '\n' && steers(c)), "{wrapped:?}");
    let json = serde_json::to_string(&text).unwrap_or_default();
    let escaped = escape(&json);
    assert_eq!(serde_json::from_str::<String>(&escaped).ok().as_deref(), Some(&*text));
    assert!(!escaped.chars().any(steers), "{escaped:?}");
}

/// What reliable output has none of: controls, and marks that turn the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
