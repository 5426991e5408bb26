//! The clock. Read once per request, and handed on as a value.

use super::number::whole;
use postern_jwt::time::UnixMillis;

/// The current time, as the platform tells it (frozen between I/O in production).
pub(crate) fn now() -> UnixMillis {
    // Always a whole number of this century.
    UnixMillis(whole(js_sys::Date::now()).unwrap_or_default())
}
