//! SQLite in a Durable Object: statements, and rows read column by column.

pub(crate) mod schema;

use std::cell::Cell;

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

use crate::runtime::{
    durable::fault,
    js::{self, SqlStorage},
    number::whole_number,
};
use postern_core::session::record::StoreFault;
use postern_jwt::time::UnixMillis;

/// A statement as JS has it. A literal crosses once in the life of an isolate, and one that is put together each time.
pub(crate) struct Statement(pub(crate) JsValue);

impl From<&'static str> for Statement {
    fn from(text: &'static str) -> Self {
        Self(js::name(text))
    }
}

impl From<String> for Statement {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// The database of an object.
pub(crate) struct Sql(pub(crate) SqlStorage);

impl Sql {
    /// Runs a statement; `true` when it wrote a row.
    pub(crate) fn run(
        &self,
        statement: impl Into<Statement>,
        bindings: &[JsValue],
    ) -> Result<bool, StoreFault> {
        let cursor = self
            .0
            .exec(&statement.into().0, &bindings.iter().collect::<Array>())
            .map_err(|error| fault(&error))?;
        Ok(cursor.rows_written().map_err(|error| fault(&error))? > 0.0)
    }

    pub(crate) fn rows(
        &self,
        statement: impl Into<Statement>,
        bindings: &[JsValue],
    ) -> Result<Vec<Row>, StoreFault> {
        let rows = self
            .0
            .exec(&statement.into().0, &bindings.iter().collect::<Array>())
            .and_then(|cursor| cursor.to_array())
            .map_err(|error| fault(&error))?;
        Ok(rows.iter().map(Row::new).collect())
    }

    pub(crate) fn one(
        &self,
        statement: impl Into<Statement>,
        bindings: &[JsValue],
    ) -> Result<Option<Row>, StoreFault> {
        Ok(self.rows(statement, bindings)?.into_iter().next())
    }
}

/// One row. A column that does not hold what it should is remembered, so that one check at the end is enough.
pub(crate) struct Row {
    columns: JsValue,
    fault: Cell<Option<&'static str>>,
}

impl Row {
    pub(crate) fn new(columns: JsValue) -> Self {
        Self {
            columns,
            fault: Cell::new(None),
        }
    }

    /// What `read` makes of the row, if every column was as it should be.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Self) -> T) -> Result<T, StoreFault> {
        let value = read(self);
        match self.fault.get() {
            None => Ok(value),
            Some(column) => Err(StoreFault(format!("a stored row: {column}"))),
        }
    }

    /// A column's value; `None` for NULL and for a column that there is not.
    fn column(&self, name: &'static str) -> Option<JsValue> {
        Reflect::get(&self.columns, &js::name(name))
            .ok()
            .filter(|value| !value.is_null() && !value.is_undefined())
    }

    pub(crate) fn good<T: Default>(&self, name: &'static str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            self.spoil(name);
            T::default()
        })
    }

    /// Notes that a column does not hold what it should.
    pub(crate) fn spoil(&self, name: &'static str) {
        self.fault.set(Some(name));
    }

    pub(crate) fn text(&self, name: &'static str) -> String {
        self.good(name, self.column(name).and_then(|value| value.as_string()))
    }

    pub(crate) fn optional_text(&self, name: &'static str) -> Option<String> {
        self.column(name)
            .map(|value| self.good(name, value.as_string()))
    }

    pub(crate) fn number(&self, name: &'static str) -> u64 {
        self.good(
            name,
            self.column(name).and_then(|value| whole_number(&value)),
        )
    }

    pub(crate) fn small(&self, name: &'static str) -> u32 {
        self.good(name, u32::try_from(self.number(name)).ok())
    }

    pub(crate) fn optional_small(&self, name: &'static str) -> Option<u32> {
        self.column(name).map(|value| {
            let number = whole_number(&value).and_then(|number| u32::try_from(number).ok());
            self.good(name, number)
        })
    }

    pub(crate) fn flag(&self, name: &'static str) -> bool {
        let number = self.number(name);
        if number > 1 {
            self.spoil(name);
        }
        number == 1
    }

    pub(crate) fn time(&self, name: &'static str) -> UnixMillis {
        UnixMillis(self.number(name))
    }

    /// Bytes.
    pub(crate) fn blob(&self, name: &'static str) -> Vec<u8> {
        let bytes = self.column(name).filter(JsValue::is_object);
        self.good(name, bytes.map(|bytes| Uint8Array::new(&bytes).to_vec()))
    }

    pub(crate) fn optional_time(&self, name: &'static str) -> Option<UnixMillis> {
        self.column(name)
            .map(|value| UnixMillis(self.good(name, whole_number(&value))))
    }
}
