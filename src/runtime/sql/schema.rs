//! The shape of an object's tables: what this release can use, and the steps that bring older ones up (`docs/storage.md`).
//!
//! The table `schema` has a `version`, which a release must know to read and write the tables, and once they took a step that
//! only adds, the number of that `step`. So the release before goes on working with what a newer one has added to.

use super::Sql;
use postern_core::session::record::StoreFault;

/// The steps of an object's tables, each with its number, oldest first. The first makes the table `schema`.
///
/// A step that only adds (a table; a column that may be NULL or has a default) leaves `version` as it is and says its number
/// in the column `step`; only a step after which the release before could not work raises `version` too. The number of the
/// last step is written once for all that are taken: the second step has to make the column, or find it made.
pub(crate) type Steps = &'static [(u32, &'static str)];

/// What the database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaState {
    /// Nothing; reading it leaves it so.
    Empty,
    /// Tables that lack the steps after this one: [`Sql::prepare`] takes them.
    Older(u32),
    /// Tables that we read and write as they are; another release may have added to them.
    Current,
    /// Tables of a version that a newer Worker wrote.
    Newer,
}

impl SchemaState {
    fn of(version: u32, step: u32, steps: Steps) -> Self {
        let newest = steps.last().map_or(0, |(number, _)| *number);
        match () {
            () if version > newest || version == 0 => Self::Newer,
            () if step < newest => Self::Older(step),
            () => Self::Current,
        }
    }
}

impl Sql {
    /// What the database holds, found without writing to it.
    pub(crate) fn shape(&self, steps: Steps) -> Result<SchemaState, StoreFault> {
        let table = self.one("SELECT 1 FROM sqlite_master WHERE name = 'schema'", &[])?;
        table.map_or(Ok(SchemaState::Empty), |_| self.shape_of_tables(steps))
    }

    /// What a database holds that is known to hold tables.
    pub(crate) fn shape_of_tables(&self, steps: Steps) -> Result<SchemaState, StoreFault> {
        // Whole: tables that never took a step that only adds have no column `step`.
        let Some(row) = self.one("SELECT * FROM schema", &[])? else {
            return Ok(SchemaState::Newer);
        };
        row.read(|row| {
            let version = row.small("version");
            let step = row.optional_small("step").unwrap_or(version);
            SchemaState::of(version, step, steps)
        })
    }

    /// Makes the tables, or takes the steps that those at hand lack: in the transaction of the change that needs them.
    pub(crate) fn prepare(&self, shape: SchemaState, steps: Steps) -> Result<(), StoreFault> {
        let taken = match shape {
            SchemaState::Empty => 0,
            SchemaState::Older(step) => step,
            SchemaState::Current | SchemaState::Newer => return Ok(()),
        };
        let mut newest = None;
        for (number, step) in steps.iter().filter(|(number, _)| *number > taken) {
            self.run(*step, &[])?;
            newest = (*number > 1).then_some(*number);
        }
        match newest {
            Some(newest) => self
                .run("UPDATE schema SET step = ?", &[newest.into()])
                .map(drop),
            None => Ok(()),
        }
    }
}
