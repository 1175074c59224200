//! Where telemetry goes by host and path, and the shapes of events.
//!
//! Input: a data file. Output: [`Endpoint`]s and [`Shape`]s for a host and a path, and events off the fields of a body. Must not: read
//! a body, or know whose a host is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::data::{self, Confidence, DataError};
use crate::telemetry::content::{Path, Step, Value};

/// The text of the built-in file.
const TEXT: &str = include_str!("data/endpoints.toml");
const FILE: &str = "telemetry/endpoints.toml";

/// A place that is there for telemetry.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its name in reports.
    pub id: String,
    host: String,
    path: String,
    /// What is sent there.
    pub what: String,
    /// Years in which it was seen.
    #[serde(default)]
    pub seen: Vec<u16>,
    /// The key of its source.
    pub source: String,
    /// How sure that is.
    pub confidence: Confidence,
}

/// How events stand in a body.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Its name in reports.
    pub id: String,
    /// What it is.
    pub what: String,
    #[serde(default)]
    hosts: Vec<String>,
    name: Vec<Key>,
    needs: Vec<Key>,
    #[serde(default)]
    detail: Vec<Key>,
    #[serde(default)]
    time: Vec<Key>,
    #[serde(default)]
    place: Vec<Key>,
    /// The key of its source.
    pub source: String,
    /// How sure that is.
    pub confidence: Confidence,
}

/// A field's name, folded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Key(String);

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::of(&text)
    }
}

impl Key {
    /// A name without case, hyphens, underscores and spaces.
    pub(super) fn of(text: &str) -> Self {
        let kept = text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).take(MOST_KEY);
        Self(kept.flat_map(char::to_lowercase).collect())
    }
}

/// Endpoints and shapes.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    #[serde(rename = "compiled")]
    _compiled: crate::frame::Date,
    #[serde(default, rename = "endpoint")]
    places: Vec<Endpoint>,
    #[serde(default, rename = "shape")]
    shapes: Vec<Shape>,
    sources: BTreeMap<String, String>,
}

// A test reads the file; without it nothing would be known.
static BUILTIN: LazyLock<Option<Endpoints>> = LazyLock::new(|| Endpoints::parse(FILE, TEXT).ok());

impl Endpoints {
    /// Those that are compiled in.
    #[must_use]
    pub fn builtin() -> Option<&'static Self> {
        BUILTIN.as_ref()
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where it is none, or a row names a source that is not there.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let read: Self = data::parse(file, text)?;
        let named =
            read.places.iter().map(|row| &row.source).chain(read.shapes.iter().map(|row| &row.source));
        for source in named {
            if !read.sources.contains_key(source) {
                return Err(DataError::about(
                    file,
                    text,
                    &format!("\"{source}\""),
                    "no such source below [sources]",
                ));
            }
        }
        Ok(read)
    }

    /// The endpoint of a request.
    #[must_use]
    pub fn of(&self, host: &str, path: &str) -> Option<&Endpoint> {
        self.places.iter().find(|row| is_under(host, &row.host) && begins(path, &row.path))
    }

    /// The shapes that are tried at a host.
    pub fn shapes(&self, host: &str) -> impl Iterator<Item = &Shape> {
        let is_tried = move |shape: &&Shape| {
            shape.hosts.is_empty() || shape.hosts.iter().any(|suffix| is_under(host, suffix))
        };
        self.shapes.iter().filter(is_tried)
    }
}

fn is_under(host: &str, suffix: &str) -> bool {
    let outside = host.len().checked_sub(suffix.len()).and_then(|at| host.split_at_checked(at));
    outside.is_some_and(|(before, end)| {
        end.eq_ignore_ascii_case(suffix) && (before.is_empty() || before.ends_with('.'))
    })
}

fn begins(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An event as a body tells it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// What else names it.
    pub detail: Option<String>,
    /// When it was, in the words of the body.
    pub time: Option<String>,
    /// Where in the client it was.
    pub place: Option<String>,
}

impl Told {
    /// About the bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        let Self { name, detail, time, place } = self;
        let parts = [Some(name), detail.as_ref(), time.as_ref(), place.as_ref()].into_iter().flatten();
        size_of::<Self>() + parts.map(|part| part.capacity() + 16).sum::<usize>()
    }
}

/// Events being gathered off the fields of one body, by the shapes that may be its own.
pub(super) struct Gather<'a> {
    shapes: Vec<(&'a Shape, BTreeMap<Vec<Step>, Parts>)>,
    held: usize,
}

/// What is known of an object that may be an event. A field that the shape names earlier goes before.
#[derive(Default)]
struct Parts {
    name: Option<(usize, String)>,
    has_need: bool,
    detail: Option<(usize, String)>,
    time: Option<(usize, String)>,
    place: Option<(usize, String)>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(endpoints: &'a Endpoints, host: &str) -> Self {
        Self { shapes: endpoints.shapes(host).map(|shape| (shape, BTreeMap::new())).collect(), held: 0 }
    }

    /// Takes the next field.
    pub(super) fn field(&mut self, path: &Path, value: Value<'_>) {
        let Some((Step::Key(key), object)) = path.steps().split_last() else { return };
        let text = match value {
            Value::Text(text) => text.chars().take(MOST_TEXT).collect(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(_) | Value::Bytes(_) | Value::Empty | Value::Null => return,
        };
        let key = Key::of(key);
        for (shape, objects) in &mut self.shapes {
            let rank = |keys: &[Key]| keys.iter().position(|known| *known == key);
            let ranks = [&shape.name, &shape.detail, &shape.time, &shape.place].map(|keys| rank(keys));
            let has_need = rank(&shape.needs).is_some();
            if !has_need && ranks.iter().all(Option::is_none) || self.held >= MOST_HELD {
                continue;
            }
            self.held += object.len() + 1;
            let parts = objects.entry(object.to_vec()).or_default();
            parts.has_need |= has_need;
            let Parts { name, detail, time, place, .. } = parts;
            for (slot, rank) in [name, detail, time, place].into_iter().zip(ranks) {
                let Some(rank) = rank else { continue };
                if slot.as_ref().is_none_or(|(known, _)| rank < *known) {
                    *slot = Some((rank, text.clone()));
                }
            }
        }
    }

    /// The events, and the shape that they are of: the first with any.
    pub(super) fn end(self) -> Option<(&'a Shape, Vec<Told>)> {
        self.shapes.into_iter().find_map(|(shape, objects)| {
            let told: Vec<Told> = objects.into_values().filter_map(Parts::told).collect();
            (!told.is_empty()).then_some((shape, told))
        })
    }
}

impl Parts {
    fn told(self) -> Option<Told> {
        let text = |part: Option<(usize, String)>| part.map(|(_, text)| text).filter(|text| !text.is_empty());
        let name = text(self.name).filter(|_| self.has_need)?;
        Some(Told { name, detail: text(self.detail), time: text(self.time), place: text(self.place) })
    }
}

/// The most of a field's name that is compared, in characters.
const MOST_KEY: usize = 64;
/// The most of a field that is kept, in characters.
const MOST_TEXT: usize = 128;
/// The most steps of paths that one body's objects may take.
const MOST_HELD: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::content::{Bounds, walk};
    use crate::wire::exchange::{Header, Message};

    fn events(host: &str, kind: &str, body: &str) -> Option<(String, Vec<Told>)> {
        let mut message =
            Message { headers: vec![Header::new(*b"content-type", kind.as_bytes())], ..Message::default() };
        message.body.decoded = body.into();
        let mut gather = Gather::new(Endpoints::builtin().unwrap(), host);
        walk(&message, Bounds::default(), &mut |path, value| gather.field(path, value));
        gather.end().map(|(shape, told)| (shape.id.clone(), told))
    }

    #[test]
    fn the_built_in_file_is_read_and_a_source_has_to_be_there() {
        Endpoints::parse(FILE, TEXT).unwrap();
        let without = TEXT.replace("\nzoom-events = ", "\nother = ");
        assert!(Endpoints::parse(FILE, &without).unwrap_err().to_string().contains("no such source"));
    }

    #[test]
    fn endpoints_go_by_whole_labels_and_segments() {
        let id = |host, path| Endpoints::builtin().unwrap().of(host, path).map(|found| found.id.as_str());
        assert_eq!(id("zoom.us", "/sendUserBehavior"), Some("website-behaviour"));
        assert_eq!(id("us04web.ZOOM.us", "/sendUserBehavior/2"), Some("website-behaviour"));
        assert_eq!(id("notzoom.us", "/sendUserBehavior"), None);
        assert_eq!(id("zoom.us", "/sendUserBehaviors"), None);
    }

    #[test]
    fn events_are_told_from_whatever_is_called_event() {
        let body = r#"{"v":1,"batch":[{"event":"EndMeeting","sub-event":"Cancel","eventTime":1700000000123,"event_location":"Meeting"},
            {"event":"alone"},{"Event":"Open","Client_Type":"mac"}]}"#;
        let (shape, told) = events("us.telemetry.zoom.us", "application/json", body).unwrap();
        assert_eq!(shape, "published-columns");
        let names: Vec<_> = told.iter().map(|told| (told.name.as_str(), told.detail.as_deref())).collect();
        assert_eq!(names, [("EndMeeting", Some("Cancel")), ("Open", None)]);
        assert_eq!(told[0].time.as_deref(), Some("1700000000123"));
        assert_eq!(told[0].place.as_deref(), Some("Meeting"));
        assert_eq!(events("a.example", "application/json", r#"{"event":"x"}"#), None);
    }

    #[test]
    fn a_shape_of_a_host_is_tried_there_alone() {
        let form = "application/x-www-form-urlencoded";
        let (shape, told) = events("region1.google-analytics.com", form, "v=2&en=page_view").unwrap();
        assert_eq!((shape.as_str(), told[0].name.as_str()), ("google-analytics-4", "page_view"));
        assert_eq!(events("a.example", form, "v=2&en=page_view"), None);
    }
}
