//! Writing one JSON object, member by member.

use super::{push_quoted, quote};

/// The text of an object that is being written.
#[derive(Debug)]
pub struct ObjectWriter {
    text: String,
}

impl Default for ObjectWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ObjectWriter {
    /// An object without members.
    pub fn new() -> Self {
        Self {
            text: String::from("{"),
        }
    }

    /// Adds a member whose value is JSON text already.
    pub fn json(&mut self, name: &str, value: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        push_quoted(&mut self.text, name);
        self.text.push(':');
        self.text.push_str(value);
    }

    /// Adds a string.
    pub fn text(&mut self, name: &str, value: &str) {
        self.json(name, "");
        push_quoted(&mut self.text, value);
    }

    /// Adds a string, or null.
    pub fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.json(name, "null"),
        }
    }

    /// Adds a string, if there is one.
    pub fn optional_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// Adds a number.
    pub fn number(&mut self, name: &str, value: u64) {
        self.json(name, &value.to_string());
    }

    /// Adds a boolean.
    pub fn boolean(&mut self, name: &str, value: bool) {
        self.json(name, if value { "true" } else { "false" });
    }

    /// The text as far as it is written, without its end.
    pub fn unfinished(self) -> String {
        self.text
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// A JSON array of strings.
pub fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut array = String::from("[");
    for text in texts {
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(&quote(text));
    }
    array.push(']');
    array
}

#[cfg(test)]
mod tests {
    use super::{ObjectWriter, strings};

    #[test]
    fn members_come_in_the_order_they_were_added() {
        let mut object = ObjectWriter::new();
        object.text("t", "\"\n");
        object.optional_text("absent", None);
        object.number("n", u64::MAX);
        object.boolean("b", false);
        object.text_or_null("x\"", None);
        object.text_or_null("y", Some("z"));
        object.json("a", &strings(["x", "\\"]));
        assert_eq!(
            object.finish(),
            r#"{"t":"\"\n","n":18446744073709551615,"b":false,"x\"":null,"y":"z","a":["x","\\"]}"#
        );
        assert_eq!(
            (ObjectWriter::new().finish(), strings([])),
            ("{}".to_owned(), "[]".to_owned())
        );
    }
}
