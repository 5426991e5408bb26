//! Reading the tables of the rules file, and gathering every fault by its place (`gateway.toml rules[3].path`).

use crate::settings::{SettingFault, Warning};
use postern_jwt::json::{self, Kind, Member};

/// The most faults that are reported of one file: a thousand equal ones help nobody.
const MAX_FAULTS: usize = 100;

/// What was found wrong, or unwise.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) faults: Vec<SettingFault>,
    pub(crate) warnings: Vec<Warning>,
}

impl Faults {
    /// Notes a fault. `place` is empty for the file itself; messages never repeat a value.
    pub(crate) fn fault(&mut self, place: &str, message: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(SettingFault {
                setting: in_file(place),
                message: message.into(),
            });
        }
    }

    pub(crate) fn warn(&mut self, place: &str, message: impl Into<String>) {
        if self.warnings.len() < MAX_FAULTS {
            self.warnings.push(Warning {
                setting: in_file(place),
                message: message.into(),
            });
        }
    }
}

fn in_file(place: &str) -> String {
    if place.is_empty() {
        "gateway.toml".to_owned()
    } else {
        format!("gateway.toml {place}")
    }
}

/// One table, open for reading: it remembers which fields were asked for, so that the others can be refused.
pub(crate) struct Fields<'t, 'f> {
    members: Vec<Member<'t>>,
    place: String,
    asked: Vec<&'static str>,
    faults: &'f mut Faults,
}

impl<'t, 'f> Fields<'t, 'f> {
    /// Opens a table; what is none is a fault, and reads as an empty one.
    #[inline(never)]
    pub(crate) fn open(text: &'t str, place: &str, faults: &'f mut Faults) -> Self {
        let object = json::parse_object(text);
        if object.is_err() {
            faults.fault(place, "must be a table");
        }
        let members = object.map_or_else(|_| Vec::new(), json::Object::into_members);
        Self {
            members,
            place: place.to_owned(),
            asked: Vec::new(),
            faults,
        }
    }

    /// Every field, whatever its name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &'t str)> {
        self.members
            .iter()
            .map(|member| (member.name(), member.value()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name() == name)
    }

    /// The text of a field's value.
    #[inline(never)]
    pub(crate) fn get(&mut self, name: &'static str) -> Option<&'t str> {
        self.asked.push(name);
        self.members
            .iter()
            .find(|member| member.name() == name)
            .map(Member::value)
    }

    /// A text field that `parse` accepts.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        form: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name, form)?;
        let parsed = parse(&text);
        self.checked(name, form, parsed)
    }

    /// A text field.
    #[inline(never)]
    fn text(&mut self, name: &'static str, form: &str) -> Option<String> {
        let value = self.get(name)?;
        let text = texts(value).filter(|_| json::kind(value) == Kind::String);
        self.checked(name, form, text.and_then(|mut texts| texts.pop()))
    }

    /// A text, or one or more of them in a list.
    #[inline(never)]
    fn texts(&mut self, name: &'static str, form: &str, most: usize) -> Option<Vec<String>> {
        let value = self.get(name)?;
        let texts = texts(value).filter(|texts| (1..=most).contains(&texts.len()));
        self.checked(name, form, texts)
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        form: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.parsed(name, form, |text| {
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, meaning)| *meaning)
        })
    }

    #[inline(never)]
    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.get(name)?;
        let parsed = match value {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        self.checked(name, "true or false", parsed)
    }

    /// A text or a list of one or more texts, each of which `parse` accepts.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        form: &str,
        most: usize,
        parse: impl FnMut(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let texts = self.texts(name, form, most)?;
        let parsed = texts.iter().map(String::as_str).map(parse).collect();
        self.checked(name, form, parsed)
    }

    fn checked<T>(&mut self, name: &str, form: &str, parsed: Option<T>) -> Option<T> {
        if parsed.is_none() {
            self.is_not(name, form);
        }
        parsed
    }

    #[inline(never)]
    fn is_not(&mut self, name: &str, form: &str) {
        self.fault(name, ["must be ", form].concat());
    }

    /// Where this table is, for what lies in it.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// For what is read by others.
    pub(crate) const fn faults(&mut self) -> &mut Faults {
        self.faults
    }

    #[inline(never)]
    pub(crate) fn fault(&mut self, name: &str, message: String) {
        self.faults.fault(&within(&self.place, name), message);
    }

    pub(crate) fn warn(&mut self, name: &str, message: String) {
        self.faults.warn(&within(&self.place, name), message);
    }

    /// A fault of the table as a whole.
    pub(crate) fn fault_here(&mut self, message: String) {
        self.faults.fault(&self.place, message);
    }

    /// Refuses every field that nobody asked for: a misspelt restriction must not be silently absent. `whose` is read
    /// after `is not a field `.
    pub(crate) fn finish(self, whose: &str) {
        for member in &self.members {
            if !self.asked.contains(&member.name()) {
                let name: String = member
                    .name()
                    .chars()
                    .take(64)
                    .filter(|c| !c.is_control())
                    .collect();
                let known = self.asked.join(", ");
                self.faults.fault(
                    &within(&self.place, &name),
                    format!("is not a field {whose}; known are {known}"),
                );
            }
        }
    }
}

fn within(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

/// A text, or the texts of an array.
fn texts(value: &str) -> Option<Vec<String>> {
    let text = |value| {
        json::parse_string(value)
            .ok()
            .map(std::borrow::Cow::into_owned)
    };
    match json::kind(value) {
        Kind::String => Some(vec![text(value)?]),
        Kind::Array => json::parse_array(value)
            .ok()?
            .into_iter()
            .map(text)
            .collect(),
        _ => None,
    }
}
