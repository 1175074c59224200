//! Key logs. Laws: a log cut at a line's end and read in two parts says what it says whole; reading it again adds nothing.

use borderpost::decrypt::{Keys, Tally};

pub fn seeds() -> Vec<Vec<u8>> {
    let random = "5b".repeat(32);
    let secret = "a7".repeat(48);
    let lines = [
        format!("CLIENT_RANDOM {random} {secret}\r\n# a comment\n\nRSA 00 11\n"),
        format!(
            "CLIENT_TRAFFIC_SECRET_0 {random} {secret}\nSERVER_TRAFFIC_SECRET_0 {random} {}\n",
            "00".repeat(32)
        ),
        format!(
            "\u{feff}CLIENT_EARLY_TRAFFIC_SECRET {} {secret}\nNEW_LABEL {random} {secret}",
            random.to_uppercase()
        ),
    ];
    lines.map(String::into_bytes).to_vec()
}

pub fn run(data: &[u8]) {
    let mut whole = Keys::default();
    let said = whole.read(data);
    let again = whole.read(data);
    assert_eq!((again.secrets, again.malformed), (0, said.malformed));
    let middle = data
        .iter()
        .skip(data.len() / 2)
        .position(|byte| *byte == b'\n')
        .map_or(data.len(), |at| at + 1 + data.len() / 2);
    let (first, second) = data.split_at(middle.min(data.len()));
    // What begins the second part is no mark of byte order in the whole.
    if second.starts_with(b"\xef\xbb\xbf") {
        return;
    }
    let mut parts = Keys::default();
    let mut sum = parts.read(first);
    let other = parts.read(second);
    sum.add(&other);
    let of = |tally: &Tally| {
        (tally.secrets, tally.repeated, tally.contradicting, tally.unused, tally.unknown, tally.malformed)
    };
    assert_eq!(of(&sum), of(&said));
}
