//! The segments of a path, decoded.

use crate::http::cookie::percent_decode;
use std::borrow::Cow;

/// The segments of a path, still encoded. One trailing slash makes no difference, as it makes none to most origins.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let is_root = path.is_empty();
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').filter(move |_| !is_root)
}

/// A segment with its escapes decoded: to an origin `%61dmin` is `admin`, so it is to a rule.
pub(crate) fn decoded(segment: &str) -> Cow<'_, str> {
    if segment.contains('%')
        && let Some(text) = percent_decode(segment)
    {
        return Cow::Owned(text);
    }
    Cow::Borrowed(segment)
}
