//! Forms of a setting's value: what is accepted, in words and as a parser, so that both say the same.

use crate::settings::reader::Reader;

type Read<T> = dyn Fn(&mut Reader<'_>, &'static str, &str) -> Option<T>;

/// What the value of one setting may be.
pub(super) struct Form<T> {
    /// To be read after `must be`: the text of a fault, and of the settings' reference.
    accepted: String,
    /// Reads the setting of that name. `None`: it is not set, or it is faulty and the reader has the fault.
    read: Box<Read<T>>,
}

impl<T: 'static> Form<T> {
    /// One value. An empty text counts as not set.
    pub(super) fn scalar(
        accepted: impl Into<String>,
        parse: impl Fn(&str) -> Option<T> + 'static,
    ) -> Self {
        Self::read_by(accepted, move |reader, name, accepted| {
            reader.scalar(name, accepted, |text| !text.is_empty(), &parse)
        })
    }

    /// One value, of which the empty text is one.
    pub(super) fn scalar_or_empty(
        accepted: impl Into<String>,
        parse: impl Fn(&str) -> Option<T> + 'static,
    ) -> Self {
        Self::read_by(accepted, move |reader, name, accepted| {
            reader.scalar(name, accepted, |_| true, &parse)
        })
    }

    /// Whatever `read` reads, with faults of its own.
    pub(super) fn read_by(
        accepted: impl Into<String>,
        read: impl Fn(&mut Reader<'_>, &'static str, &str) -> Option<T> + 'static,
    ) -> Self {
        Self {
            accepted: accepted.into(),
            read: Box::new(read),
        }
    }

    /// Warns about values for which `unwise` has a text, to be read after the name.
    pub(super) fn warned_of(self, unwise: impl Fn(&T) -> Option<String> + 'static) -> Self {
        let Self { accepted, read } = self;
        Self::read_by(accepted, move |reader, name, accepted| {
            let value = read(reader, name, accepted)?;
            if let Some(message) = unwise(&value) {
                reader.warn(name, message);
            }
            Some(value)
        })
    }

    /// The same for a setting that may be absent.
    pub(super) fn optional(self) -> Form<Option<T>> {
        let Self { accepted, read } = self;
        Form::read_by(accepted, move |reader, name, accepted| {
            read(reader, name, accepted).map(Some)
        })
    }

    /// What is accepted, in words.
    pub(super) fn accepted(&self) -> &str {
        &self.accepted
    }

    /// The value of the setting `name`, unless it is not set or faulty.
    pub(super) fn read(&self, reader: &mut Reader<'_>, name: &'static str) -> Option<T> {
        (self.read)(reader, name, &self.accepted)
    }

    /// The value that the text `value` means.
    pub(super) fn parsed(&self, name: &'static str, value: &str) -> Option<T> {
        let values = [(name.to_owned(), super::RawValue::Text(value.to_owned()))];
        self.read(&mut Reader::new(&values), name)
    }
}

impl<T: 'static> Form<Vec<T>> {
    /// Several values: a JSON array of strings, or texts between commas.
    pub(super) fn list(each: &str, parse: impl Fn(&str) -> Option<T> + 'static) -> Self {
        Self::read_by(
            format!("a list (commas or JSON array) of {each}"),
            move |reader, name, accepted| reader.list(name, accepted, &parse),
        )
    }
}
