//! tnetstrings, the form of mitmproxy's flow files: `LENGTH:PAYLOAD` and a byte for the type.
//!
//! Input: bytes. Output: [`Value`], views into them. Must not: recurse past [`MAX_DEPTH`], or believe a length.

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'a> {
    Bool(bool),
    /// Bytes, or text.
    Bytes(&'a [u8]),
    Dict(Vec<(Self, Self)>),
    Float(f64),
    Integer(i64),
    List(Vec<Self>),
    Null,
}

/// Why an element could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Error {
    Broken,
    Truncated,
}

/// The payload and the type of the element at the front, and what stands behind it.
pub(super) fn element(bytes: &[u8]) -> Result<(&[u8], u8, &[u8]), Error> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at_checked(digits).ok_or(Error::Broken)?;
    if digits > MAX_DIGITS || digits == 0 && !bytes.is_empty() {
        return Err(Error::Broken);
    }
    let Some((b':', rest)) = rest.split_first() else {
        return Err(if rest.is_empty() { Error::Truncated } else { Error::Broken });
    };
    let length =
        str::from_utf8(number).ok().and_then(|number| number.parse::<usize>().ok()).ok_or(Error::Broken)?;
    let (payload, rest) = rest.split_at_checked(length).ok_or(Error::Truncated)?;
    let (&kind, rest) = rest.split_first().ok_or(Error::Truncated)?;
    if b",;#^!~]}".contains(&kind) { Ok((payload, kind, rest)) } else { Err(Error::Broken) }
}

/// The value of an element; `None` where its inside breaks the format.
pub(super) fn value(payload: &[u8], kind: u8, depth: usize) -> Option<Value<'_>> {
    let text = || str::from_utf8(payload).ok();
    match kind {
        b',' | b';' => Some(Value::Bytes(payload)),
        b'#' => text()?.parse().ok().map(Value::Integer),
        b'^' => text()?.parse().ok().map(Value::Float),
        b'!' => match payload {
            b"true" => Some(Value::Bool(true)),
            b"false" => Some(Value::Bool(false)),
            _ => None,
        },
        b'~' => payload.is_empty().then_some(Value::Null),
        _ if depth >= MAX_DEPTH => None,
        b']' => items(payload, depth).map(Value::List),
        _ => {
            let mut items = items(payload, depth)?.into_iter();
            let mut pairs = Vec::new();
            while let Some(key) = items.next() {
                pairs.push((key, items.next()?));
            }
            Some(Value::Dict(pairs))
        }
    }
}

fn items(mut payload: &[u8], depth: usize) -> Option<Vec<Value<'_>>> {
    let mut found = Vec::new();
    while !payload.is_empty() {
        let (inner, kind, rest) = element(payload).ok()?;
        found.push(value(inner, kind, depth + 1)?);
        payload = rest;
    }
    Some(found)
}

impl<'a> Value<'a> {
    /// The member of a dictionary; null where there is none.
    pub(super) fn get(&self, key: &str) -> &Self {
        let Self::Dict(pairs) = self else { return &Value::Null };
        let is_it = |(own, _): &&(Self, Self)| matches!(own, Self::Bytes(own) if *own == key.as_bytes());
        pairs.iter().find(is_it).map_or(&Value::Null, |(_, value)| value)
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(super) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub(super) const fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// A number of seconds.
    #[expect(clippy::cast_precision_loss, reason = "whole seconds of our time are far below 2^52")]
    pub(super) const fn seconds(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            Self::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }
}

/// Most digits of a length.
pub(super) const MAX_DIGITS: usize = 12;
/// How deep lists and dictionaries may stand in each other; flows need six.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Value<'_>>, Error> {
        element(bytes).map(|(payload, kind, _)| value(payload, kind, 0))
    }

    #[test]
    fn every_type_is_read() {
        let list = b"26:1:a,1:b;2:-5#3:1.5^4:true!]";
        let expected = vec![
            Value::Bytes(b"a"),
            Value::Bytes(b"b"),
            Value::Integer(-5),
            Value::Float(1.5),
            Value::Bool(true),
        ];
        assert_eq!(read(&list[..]), Ok(Some(Value::List(expected))));
        let dict = read(b"14:1:k,0:~1:l,0:]}").unwrap().unwrap();
        assert_eq!(
            (dict.get("k"), dict.get("l").items().len(), dict.get("m")),
            (&Value::Null, 0, &Value::Null)
        );
    }

    #[test]
    fn what_is_short_and_what_is_broken_differ() {
        for cut in [&b""[..], b"1", b"12:abc", b"3:abc"] {
            assert_eq!(read(cut), Err(Error::Truncated), "{cut:?}");
        }
        for broken in [&b"x"[..], b"1x", b":", b"0000000000001:a,", b"1:a?", b"-1:a,"] {
            assert_eq!(read(broken), Err(Error::Broken), "{broken:?}");
        }
        for inside in [&b"1:a#"[..], b"4:9:a,]", b"4:1:k,}", b"3:yes!", b"1:x~"] {
            assert_eq!(read(inside), Ok(None), "{inside:?}");
        }
        let deep = (0..40).fold(b"0:~".to_vec(), |inner, _| {
            [inner.len().to_string().as_bytes(), b":", &inner, b"]"].concat()
        });
        assert_eq!(read(&deep), Ok(None));
    }
}
