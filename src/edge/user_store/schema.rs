//! The tables of a user's object, by version, and the steps from one version to the next (`docs/storage.md`).

use super::SqlUserStore;
use crate::session::record::StoreFault;

/// The version of the tables that this code reads and writes. A newer one in storage is refused, never guessed at.
const SCHEMA: u32 = 2;

/// Version 1. Empty storage gets it and all the steps after it.
const FIRST: &str = "
CREATE TABLE schema (version INTEGER NOT NULL);
INSERT INTO schema VALUES (1);
CREATE TABLE session (
  handle TEXT PRIMARY KEY, user_id TEXT NOT NULL, tenant_id TEXT NOT NULL, live INTEGER NOT NULL,
  created INTEGER NOT NULL, expiry INTEGER NOT NULL, access_expires_max INTEGER NOT NULL, last_refreshed INTEGER,
  salt TEXT NOT NULL, secret_number INTEGER NOT NULL, generation INTEGER NOT NULL, used_index INTEGER NOT NULL,
  children INTEGER NOT NULL, first_exchanged INTEGER, by_service_api INTEGER NOT NULL, use_dynamic_key INTEGER NOT NULL,
  payload TEXT NOT NULL, device TEXT, data_seq INTEGER NOT NULL, copy_expires INTEGER NOT NULL,
  ended INTEGER, ending TEXT, keep_until INTEGER
) WITHOUT ROWID;
CREATE INDEX session_of_user ON session (user_id, tenant_id) WHERE live = 1;
CREATE INDEX session_by_expiry ON session (expiry) WHERE live = 1;
CREATE INDEX session_by_end ON session (keep_until) WHERE live = 0;
CREATE TABLE foreign_session (
  handle TEXT PRIMARY KEY, live INTEGER NOT NULL, keep_until INTEGER NOT NULL, data_seq INTEGER NOT NULL,
  copy_expires INTEGER NOT NULL, ended INTEGER, ending TEXT
) WITHOUT ROWID;
CREATE TABLE session_data (handle TEXT NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (handle, part));
CREATE TABLE outbox (
  handle TEXT PRIMARY KEY, action TEXT NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (due);
";

/// To version 2: sessions that ended before there was an authority on revocations are reported to it, once.
const TO_2: &str = "
CREATE TABLE revocation (
  handle TEXT PRIMARY KEY, expires INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,
  recorded INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX revocation_by_due ON revocation (due);
INSERT INTO revocation
  SELECT handle, keep_until + 10000, 0, 0, 0 FROM session WHERE live = 0 AND ending != 'expired'
  UNION ALL SELECT handle, keep_until + 10000, 0, 0, 0 FROM foreign_session WHERE live = 0;
UPDATE schema SET version = 2;
";

/// What the database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::edge) enum Shape {
    /// Nothing; reading it leaves it so.
    Empty,
    /// Tables of the version before: [`SqlUserStore::prepare`] brings them up to ours.
    Older,
    /// Tables of the version we write.
    Current,
    /// Tables of a version that a newer Worker wrote.
    Newer,
}

const fn of_version(version: u32) -> Shape {
    match version {
        SCHEMA => Shape::Current,
        1 => Shape::Older,
        _ => Shape::Newer,
    }
}

impl SqlUserStore {
    /// What the database holds, found without writing to it.
    pub(in crate::edge) fn shape(&self) -> Result<Shape, StoreFault> {
        Ok(self.sql.schema()?.map_or(Shape::Empty, of_version))
    }

    /// What a database holds that is known to hold tables.
    pub(in crate::edge) fn shape_of_tables(&self) -> Result<Shape, StoreFault> {
        self.sql.version().map(of_version)
    }

    /// Makes the tables, or takes the steps that those at hand lack. Call it in the transaction of the first call that
    /// needs them.
    pub(in crate::edge) fn prepare(&self, shape: Shape) -> Result<(), StoreFault> {
        match shape {
            Shape::Empty => self.steps(&[FIRST, TO_2]),
            Shape::Older => self.steps(&[TO_2]),
            Shape::Current | Shape::Newer => Ok(()),
        }
    }

    fn steps(&self, steps: &[&str]) -> Result<(), StoreFault> {
        steps
            .iter()
            .try_for_each(|step| self.change(step, &[]).map(drop))
    }
}
