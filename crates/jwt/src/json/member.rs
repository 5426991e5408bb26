//! A member of a JSON object.

use std::borrow::Cow;

/// One member of an object.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: &'a str,
}

impl<'a> Member<'a> {
    /// The name, escapes decoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of the value, as it was sent.
    pub const fn value(&self) -> &'a str {
        self.value
    }
}
