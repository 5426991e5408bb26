//! All headers of a message as one text, in one crossing from JS instead of one for each.

use wasm_bindgen::JsValue;

use crate::runtime::js::Host;

/// Lines of `name,value`: names in lower case, values of a repeated header joined as the platform joins them, but for
/// `Set-Cookie`, which has a line for each. No name holds a comma, and no value a line break.
pub(crate) struct HeaderLines {
    text: String,
    /// Where each name begins, where its comma is, and where its value ends.
    lines: Vec<(usize, usize, usize)>,
}

impl HeaderLines {
    /// Reads `headers`, a `Headers` of JS.
    pub(crate) fn of(host: &Host, headers: &JsValue) -> Result<Self, JsValue> {
        Self::of_bytes(host.lines_of(headers)?)
    }

    /// What JS read already.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Result<Self, JsValue> {
        // JS encodes in UTF-8 whatever it hands over, so that this does not fail.
        let text = String::from_utf8(bytes).map_err(|_| JsValue::UNDEFINED)?;
        Ok(Self::of_text(text))
    }

    fn of_text(text: String) -> Self {
        let mut lines = Vec::with_capacity(24);
        let mut start = 0_usize;
        for line in text.split('\n') {
            let end = start.saturating_add(line.len());
            if let Some(comma) = line.find(',') {
                lines.push((start, start.saturating_add(comma), end));
            }
            start = end.saturating_add(1);
        }
        Self { text, lines }
    }

    /// Of names in lower case, none with a comma, and values without line breaks. Repeated ones are to be joined.
    pub(crate) fn of_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let lines: Vec<String> = pairs.map(|(name, value)| [name, value].join(",")).collect();
        Self::of_text(lines.join("\n"))
    }

    /// Names and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|&(start, comma, end)| {
            let value = self.text.get(comma.saturating_add(1)..end)?;
            Some((self.text.get(start..comma)?, value))
        })
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}
