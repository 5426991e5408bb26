//! The tables of a user's object, and the steps from one shape to the next (`docs/storage.md`).

use super::SqlUserStore;
use crate::runtime::sql::schema::{SchemaState, Steps};
use postern_core::session::record::StoreFault;

const STEPS: Steps = &[
    (1, FIRST),
    (2, TO_2),
    (3, TO_3),
    (4, TO_4),
    (5, TO_5),
    (6, TO_6),
    (7, TO_7),
    #[cfg(postern_next)]
    (8, TO_NEXT),
];

/// What the next release might add (`postern_core::message::next`): a table, columns, and what it writes there.
#[cfg(postern_next)]
const TO_NEXT: &str = "
ALTER TABLE session ADD COLUMN postern_next TEXT DEFAULT 'n';
ALTER TABLE foreign_session ADD COLUMN postern_next TEXT;
ALTER TABLE session_data ADD COLUMN postern_next TEXT NOT NULL DEFAULT 'n';
ALTER TABLE outbox ADD COLUMN postern_next TEXT;
ALTER TABLE revocation ADD COLUMN postern_next TEXT;
ALTER TABLE used_ticket ADD COLUMN postern_next TEXT;
ALTER TABLE ended_session ADD COLUMN postern_next TEXT;
CREATE TABLE postern_next (handle TEXT PRIMARY KEY, noted INTEGER NOT NULL);
INSERT INTO postern_next (handle, noted) SELECT handle, 1 FROM session;
UPDATE session SET postern_next = 'noted';
";

/// What empty storage gets at once: the shape that the steps up to [`WHOLE_STEP`] lead to. Each statement that makes or
/// changes a table is billed as rows written, and most users' objects take no other step for long.
const WHOLE: &str = "
CREATE TABLE schema (version INTEGER NOT NULL, step INTEGER);
INSERT INTO schema (version, step) VALUES (2, 7);
CREATE TABLE session (
  handle TEXT PRIMARY KEY, user_id TEXT NOT NULL, tenant_id TEXT NOT NULL, live INTEGER NOT NULL,
  created INTEGER NOT NULL, expiry INTEGER NOT NULL, access_expires_max INTEGER NOT NULL, last_refreshed INTEGER,
  salt TEXT NOT NULL, secret_number INTEGER NOT NULL, generation INTEGER NOT NULL, used_index INTEGER NOT NULL,
  children INTEGER NOT NULL, first_exchanged INTEGER, by_service_api INTEGER NOT NULL, use_dynamic_key INTEGER NOT NULL,
  payload TEXT NOT NULL, device TEXT, data_seq INTEGER NOT NULL, copy_expires INTEGER NOT NULL,
  ended INTEGER, ending TEXT, keep_until INTEGER,
  last_issued INTEGER, child_seen INTEGER, seen_generation INTEGER, seen_children INTEGER, made_by TEXT, last_seen INTEGER,
  bound_key TEXT, bound_thumbprint TEXT, bound_at INTEGER, bound_confirmed INTEGER, bound_secret_number INTEGER,
  dpop_key TEXT, dpop_secret_number INTEGER
) WITHOUT ROWID;
CREATE TABLE foreign_session (
  handle TEXT PRIMARY KEY, live INTEGER NOT NULL, keep_until INTEGER NOT NULL, data_seq INTEGER NOT NULL,
  copy_expires INTEGER NOT NULL, ended INTEGER, ending TEXT
) WITHOUT ROWID;
CREATE TABLE session_data (
  handle TEXT NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (handle, part)
) WITHOUT ROWID;
CREATE TABLE outbox (
  handle TEXT PRIMARY KEY, action TEXT NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE revocation (
  handle TEXT PRIMARY KEY, expires INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,
  recorded INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE used_ticket (
  handle TEXT NOT NULL, id TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (handle, id)
) WITHOUT ROWID;
CREATE TABLE ended_session (
  handle TEXT PRIMARY KEY, user_id TEXT NOT NULL, tenant_id TEXT NOT NULL, created INTEGER NOT NULL, last_refreshed INTEGER,
  last_seen INTEGER NOT NULL, expiry INTEGER NOT NULL, device TEXT, made_by TEXT, ended INTEGER NOT NULL,
  reason TEXT NOT NULL, ended_by TEXT, forget INTEGER NOT NULL
) WITHOUT ROWID;
";
const WHOLE_STEP: u32 = 7;

/// Version 1.
const FIRST: &str = "
CREATE TABLE schema (version INTEGER NOT NULL);
INSERT INTO schema (version) VALUES (1);
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
INSERT INTO revocation (handle, expires, due, attempts, recorded)
  SELECT handle, keep_until + 10000, 0, 0, 0 FROM session WHERE live = 0 AND ending != 'expired'
  UNION ALL SELECT handle, keep_until + 10000, 0, 0, 0 FROM foreign_session WHERE live = 0;
UPDATE schema SET version = 2;
";

/// When a child of the refresh token in use was last issued and first seen, and which generation and number of children that
/// is said of: code from before moves these two on and leaves the rest as it was.
const TO_3: &str = "
ALTER TABLE schema ADD COLUMN step INTEGER;
ALTER TABLE session ADD COLUMN last_issued INTEGER;
ALTER TABLE session ADD COLUMN child_seen INTEGER;
ALTER TABLE session ADD COLUMN seen_generation INTEGER;
ALTER TABLE session ADD COLUMN seen_children INTEGER;
";

/// Which tickets were used, until they expire.
const TO_4: &str = "
CREATE TABLE used_ticket (
  handle TEXT NOT NULL, id TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (handle, id)
) WITHOUT ROWID;
CREATE INDEX used_ticket_by_expiry ON used_ticket (expires);
";

/// Which way a session was made and when its user was seen; and the sessions that have ended, as they are listed.
const TO_5: &str = "
ALTER TABLE session ADD COLUMN made_by TEXT;
ALTER TABLE session ADD COLUMN last_seen INTEGER;
CREATE TABLE ended_session (
  handle TEXT PRIMARY KEY, user_id TEXT NOT NULL, tenant_id TEXT NOT NULL, created INTEGER NOT NULL, last_refreshed INTEGER,
  last_seen INTEGER NOT NULL, expiry INTEGER NOT NULL, device TEXT, made_by TEXT, ended INTEGER NOT NULL,
  reason TEXT NOT NULL, ended_by TEXT, forget INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX ended_session_of_user ON ended_session (user_id, ended);
CREATE INDEX ended_session_by_forget ON ended_session (forget);
";

/// The key of the device that a session is bound to. `secret_number` of a bound session is that of no secret, and its own is
/// in `bound_secret_number`: so a release from before this step refreshes no bound session as if it were not bound.
const TO_6: &str = "
ALTER TABLE session ADD COLUMN bound_key TEXT;
ALTER TABLE session ADD COLUMN bound_thumbprint TEXT;
ALTER TABLE session ADD COLUMN bound_at INTEGER;
ALTER TABLE session ADD COLUMN bound_confirmed INTEGER;
ALTER TABLE session ADD COLUMN bound_secret_number INTEGER;
";

/// The key that a session is bound to by DPoP. `secret_number` of such a session is that of no secret, as in step 6, and its
/// own is in `dpop_secret_number`: a release from before this step refreshes no such session as if it were not bound.
///
/// And no index but the primary keys: an object holds one user's sessions, and reading them all costs a thousandth of what
/// keeping an index costs at each write. The release before this step finds the same rows without them.
const TO_7: &str = "
ALTER TABLE session ADD COLUMN dpop_key TEXT;
ALTER TABLE session ADD COLUMN dpop_secret_number INTEGER;
DROP INDEX session_of_user;
DROP INDEX session_by_expiry;
DROP INDEX session_by_end;
DROP INDEX outbox_by_due;
DROP INDEX revocation_by_due;
DROP INDEX used_ticket_by_expiry;
DROP INDEX ended_session_of_user;
DROP INDEX ended_session_by_forget;
CREATE TABLE data (handle TEXT NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (handle, part)) WITHOUT ROWID;
INSERT INTO data (handle, part, text) SELECT handle, part, text FROM session_data;
DROP TABLE session_data;
ALTER TABLE data RENAME TO session_data;
";

impl SqlUserStore {
    /// What the database holds, found without writing to it.
    pub(crate) fn shape(&self) -> Result<SchemaState, StoreFault> {
        self.sql.shape(STEPS)
    }

    /// What a database holds that is known to hold tables.
    pub(crate) fn shape_of_tables(&self) -> Result<SchemaState, StoreFault> {
        self.sql.shape_of_tables(STEPS)
    }

    /// Makes the tables, or takes the steps that those at hand lack. Call it in the transaction of the first call that
    /// needs them.
    pub(crate) fn prepare(&self, shape: SchemaState) -> Result<(), StoreFault> {
        let shape = match shape {
            SchemaState::Empty => {
                self.sql.run(WHOLE, &[])?;
                SchemaState::Older(WHOLE_STEP)
            }
            shape => shape,
        };
        if matches!(shape, SchemaState::Older(_)) {
            self.has_changed.set(true);
        }
        self.sql.prepare(shape, STEPS)
    }
}
