//! Reading named values and gathering every fault, so that one start reports them all.
//!
//! A value is a scalar, a list or JSON. Which settings there are is in the table.

use postern_jwt::json::{self, Kind};

use super::{RawValue, SettingFault, Warning};

/// The platform's cap on one variable, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 5 * 1024;

/// Hands out values by name, remembers which names were asked for, and gathers faults and warnings.
pub(super) struct Reader<'a> {
    values: &'a [(String, RawValue)],
    issuers_file: &'a str,
    asked: Vec<&'static str>,
    faults: Vec<SettingFault>,
    warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(values: &'a [(String, RawValue)]) -> Self {
        Self::with_issuers(values, "")
    }

    /// Of a deployment with an `issuers.toml`, as JSON text.
    pub(super) const fn with_issuers(
        values: &'a [(String, RawValue)],
        issuers_file: &'a str,
    ) -> Self {
        Self {
            values,
            issuers_file,
            asked: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes a fault. The message never repeats the value: it may be a secret.
    pub(super) fn fault(&mut self, setting: &str, message: impl Into<String>) {
        self.faults.push(SettingFault {
            setting: setting.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn warn(&mut self, setting: &str, message: impl Into<String>) {
        self.warnings.push(Warning {
            setting: setting.to_owned(),
            message: message.into(),
        });
    }

    /// `issuers.toml` as JSON text; empty when there is none.
    pub(super) const fn issuers_file(&self) -> &'a str {
        self.issuers_file
    }

    /// True when something was found wrong with the setting.
    pub(super) fn is_faulty(&self, name: &str) -> bool {
        self.faults.iter().any(|fault| fault.setting == name)
    }

    fn take(&mut self, name: &'static str) -> Option<&'a RawValue> {
        self.asked.push(name);
        let (_, value) = self.values.iter().find(|(known, _)| known == name)?;
        if value.text().len() > MAX_VALUE_BYTES {
            self.fault(
                name,
                format!("must be at most {MAX_VALUE_BYTES} bytes long: the platform's cap"),
            );
            return None;
        }
        Some(value)
    }

    /// Reads one value. `None`: it is absent, is not `considered` (an empty text may count as absent), or is faulty, which is noted.
    pub(super) fn scalar<T>(
        &mut self,
        name: &'static str,
        form: &str,
        considered: impl FnOnce(&str) -> bool,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self
            .scalar_text(name, form)
            .filter(|text| considered(text))?;
        self.checked(name, form, parse(&text))
    }

    /// Reads a list: a JSON array of strings, or texts between commas.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        form: &str,
        parse: impl FnMut(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.take(name)?;
        let parsed =
            texts_of(value).and_then(|texts| texts.iter().map(String::as_str).map(parse).collect());
        self.checked(name, form, parsed)
    }

    /// Reads a JSON array: the texts of its elements.
    pub(super) fn json_array(&mut self, name: &'static str, form: &str) -> Option<Vec<&'a str>> {
        let value = self.take(name)?;
        if value.text().trim().is_empty() {
            return None;
        }
        self.checked(name, form, json::parse_array(value.text()).ok())
    }

    fn scalar_text(&mut self, name: &'static str, form: &str) -> Option<String> {
        let text = match self.take(name)? {
            RawValue::Text(text) => Some(text.trim().to_owned()),
            // What a platform hands over as JSON is JSON; only its type is in question.
            RawValue::Json(json) => match json::kind(json) {
                Kind::String => json_text(json),
                Kind::Number | Kind::Boolean => json::minify(json).ok(),
                Kind::Object | Kind::Array | Kind::Null => None,
            },
        };
        self.checked(name, form, text)
    }

    /// Notes a fault when there is no value.
    fn checked<T>(&mut self, name: &str, form: &str, parsed: Option<T>) -> Option<T> {
        if parsed.is_none() {
            self.fault(name, format!("must be {form}"));
        }
        parsed
    }

    /// Reports every name that nobody asked for, and ends the reading.
    pub(super) fn finish(mut self) -> (Vec<SettingFault>, Vec<Warning>) {
        for (name, _) in self.values {
            if !self.asked.contains(&name.as_str()) {
                let message = nearest(name, &self.asked).map_or_else(
                    || "is not a setting".to_owned(),
                    |known| format!("is not a setting; did you mean {known}?"),
                );
                self.fault(name, message);
            }
        }
        (self.faults, self.warnings)
    }
}

impl RawValue {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Json(text) => text,
        }
    }
}

/// The texts of a list, without surrounding blanks and without empty ones.
fn texts_of(value: &RawValue) -> Option<Vec<String>> {
    let is_array = matches!(value, RawValue::Json(_)) || value.text().trim_start().starts_with('[');
    let texts = if is_array {
        match json::kind(value.text()) {
            Kind::String => split(&json_text(value.text())?),
            _ => json::parse_array(value.text())
                .ok()?
                .into_iter()
                .map(json_text)
                .collect::<Option<_>>()?,
        }
    } else {
        split(value.text())
    };
    Some(
        texts
            .iter()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect(),
    )
}

/// The text of a JSON string, without surrounding blanks.
fn json_text(json: &str) -> Option<String> {
    json::parse_string(json)
        .ok()
        .map(|text| text.trim().to_owned())
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

/// The known name that is at most a third of its letters away; names are compared without regard to case.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    // A name far longer than any of ours resembles none, and must cost no work.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_uppercase();
    known
        .iter()
        .map(|candidate| (edit_distance(&name, candidate), *candidate))
        .filter(|(distance, candidate)| distance.saturating_mul(3) <= candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance: the fewest insertions, deletions and replacements that turn one text into the other.
fn edit_distance(from: &str, to: &str) -> usize {
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (row, left) in from.bytes().enumerate() {
        let mut diagonal = row;
        let mut beside = row.saturating_add(1);
        let mut current = vec![beside];
        for (right, above) in to.bytes().zip(previous.iter().skip(1).copied()) {
            let replaced = diagonal.saturating_add(usize::from(left != right));
            beside = replaced
                .min(above.saturating_add(1))
                .min(beside.saturating_add(1));
            diagonal = above;
            current.push(beside);
        }
        previous = current;
    }
    previous.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn edit_distance_counts_single_changes() {
        for (from, to, distance) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("API_KEY", "API_KEYS", 1),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(edit_distance(from, to), distance, "{from} {to}");
        }
    }
}
