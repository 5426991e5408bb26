//! The clock. Read once per request, and handed on as a value.

use crate::time::UnixMillis;

/// The current time, as the platform tells it (frozen between I/O in production).
pub(super) fn now() -> UnixMillis {
    UnixMillis(worker::Date::now().as_millis())
}
