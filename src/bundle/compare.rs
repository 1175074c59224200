//! Two reports: what of the recorded one is the same when it is made again, and what differs.
//!
//! Input: the recorded report as JSON, and the one that was made again. Output: the parts that are the same, and the places that
//! differ, with both readings. Must not: know what a part means, or list without bound.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BundleError, Part};

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The parts of the report, in the order of their names.
    pub parts: Vec<Part>,
    /// The places that differ, the first of them.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
}

/// A place that differs.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Where, as a pointer into the report (RFC 6901).
    pub at: String,
    /// What the bundle's report says; `null` where it says nothing there.
    pub recorded: Option<String>,
    /// What the report that was made again says.
    pub made_again: Option<String>,
}

/// What a report begins with.
#[derive(Deserialize)]
struct Head {
    schema: Schema,
}

#[derive(Deserialize)]
struct Schema {
    version: String,
}

/// Compares two reports. A recorded one that is none, or of a newer schema, is refused.
pub fn compare(file: &str, recorded: &[u8], made_again: &str) -> Result<Comparison, BundleError> {
    let wrong = |what: String| BundleError::new(file, what, "ask for another copy of the bundle");
    // The schema alone first: a report of a newer one is not looked at, whatever it holds.
    let version = |report: &[u8]| serde_json::from_slice::<Head>(report).map(|head| head.schema.version);
    let found = version(recorded).map_err(|error| wrong(error.to_string()))?;
    let known = version(made_again.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    super::manifest::refuse_newer(file, &found, &known)?;
    let mut comparison = Comparison::default();
    let (len, other) = (recorded.len(), made_again.len());
    if len > other.saturating_mul(MOST_TIMES) {
        let size = |bytes: usize| Value::String(format!("{bytes} bytes"));
        comparison.add("", Some(&size(len)), Some(&size(other)));
        comparison.parts.push(Part { name: "size".to_owned(), same: false });
        return Ok(comparison);
    }
    let old: Value = serde_json::from_slice(recorded).map_err(|error| wrong(error.to_string()))?;
    let new: Value = serde_json::from_str(made_again).map_err(|error| wrong(error.to_string()))?;
    let (Value::Object(old), Value::Object(new)) = (&old, &new) else {
        return Err(wrong("no report".to_owned()));
    };
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let before = comparison.count();
        differ(&format!("/{name}"), old.get(name), new.get(name), &mut comparison);
        comparison.parts.push(Part { name: name.clone(), same: comparison.count() == before });
    }
    Ok(comparison)
}

impl Comparison {
    fn count(&self) -> u64 {
        self.more + self.differences.len() as u64
    }

    fn add(&mut self, at: &str, old: Option<&Value>, new: Option<&Value>) {
        if self.differences.len() >= MOST_LISTED {
            self.more += 1;
            return;
        }
        let (recorded, made_again) = (old.map(shown), new.map(shown));
        self.differences.push(Difference { at: at.to_owned(), recorded, made_again });
    }
}

/// Goes down where both sides go on, so that what is listed is as small as can be.
fn differ(at: &str, old: Option<&Value>, new: Option<&Value>, into: &mut Comparison) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            for (key, value) in one {
                differ(&below(at, key), Some(value), other.get(key), into);
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                differ(&below(at, key), None, Some(value), into);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) if one.len() == other.len() => {
            for (number, (one, other)) in one.iter().zip(other).enumerate() {
                differ(&format!("{at}/{number}"), Some(one), Some(other), into);
            }
        }
        // Of lists of different lengths, what begins alike and ends alike is left out.
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            let first = one.iter().zip(other).take_while(|(one, other)| one == other).count();
            let (one, other) = (&one[first..], &other[first..]);
            let last =
                one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
            let (one, other) = (&one[..one.len() - last], &other[..other.len() - last]);
            for number in 0..one.len().max(other.len()) {
                into.add(&format!("{at}/{}", first + number), one.get(number), other.get(number));
            }
        }
        (old, new) => into.add(at, old, new),
    }
}

/// A pointer one step further down.
fn below(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A value in short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MOST_SHOWN) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// A recorded report of more times the size of the one that was made again is not taken apart: what it holds takes memory.
const MOST_TIMES: usize = 8;
/// The most differences that are listed: more are no reading matter.
const MOST_LISTED: usize = 50;
/// The most characters of a value that are shown.
const MOST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#""schema": {"name": "borderpost-report", "version": "1.0"}"#;

    fn compared(old: &str, new: &str) -> Comparison {
        let whole = |part: &str| format!("{{{SCHEMA}, {part}}}");
        compare("report.json", whole(old).as_bytes(), &whole(new)).unwrap()
    }

    fn places(old: &str, new: &str) -> Vec<String> {
        compared(old, new).differences.into_iter().map(|difference| difference.at).collect()
    }

    #[test]
    fn what_differs_is_named_by_its_smallest_place() {
        assert_eq!(places(r#""a": {"b/c": [1, 2]}"#, r#""a": {"b/c": [1, 3]}"#), ["/a/b~1c/1"]);
        assert_eq!(places(r#""a": {"b": 1}"#, r#""a": {"c": 1}"#), ["/a/b", "/a/c"]);
        assert_eq!(places(r#""a": [1, 2, 3, 4]"#, r#""a": [1, 3, 4]"#), ["/a/1"]);
        assert_eq!(places(r#""a": [1, 2]"#, r#""a": [1, 2, 3, 4]"#), ["/a/2", "/a/3"]);
        assert_eq!(places(r#""a": 1"#, r#""a": null"#), ["/a"]);
        assert!(places(r#""a": [1, {"b": 2}]"#, r#""a": [1, {"b": 2}]"#).is_empty());
        let comparison = compared(r#""a": 1, "b": 2"#, r#""a": 1, "b": 3"#);
        let parts: Vec<(&str, bool)> =
            comparison.parts.iter().map(|part| (part.name.as_str(), part.same)).collect();
        assert_eq!(parts, [("a", true), ("b", false), ("schema", true)]);
    }

    #[test]
    fn differences_are_listed_up_to_a_bound_and_counted_beyond() {
        let list = |number: u32| format!("\"a\": [{}]", vec![number.to_string(); 80].join(", "));
        let comparison = compared(&list(1), &list(2));
        assert_eq!((comparison.differences.len(), comparison.more), (50, 30));
        let long =
            compared(&format!("\"a\": \"{}\"", "é".repeat(900)), &format!("\"a\": \"{}\"", "e".repeat(900)));
        assert_eq!(long.differences[0].recorded.as_ref().unwrap().chars().count(), 201);
    }

    #[test]
    fn a_report_of_many_times_the_size_is_not_taken_apart() {
        let comparison = compared(&format!("\"a\": [{}0]", "0,".repeat(9000)), "\"a\": [0]");
        assert_eq!(comparison.differences.len(), 1);
        assert!(comparison.differences[0].recorded.as_ref().unwrap().contains("bytes"));
    }

    #[test]
    fn what_is_no_report_or_newer_is_refused() {
        let new = format!("{{{SCHEMA}}}");
        let refused = |old: &str| compare("report.json", old.as_bytes(), &new).unwrap_err().to_string();
        assert!(refused(&new.replace("1.0", "1.1")).contains("newer borderpost"));
        assert!(refused(&new.replace("1.0", "2.0")).contains("newer borderpost"));
        assert!(refused("{}").contains("missing field `schema`"));
        assert!(refused("[").starts_with("report.json: EOF"));
    }
}
