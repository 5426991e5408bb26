//! What operators do and look at, under the service API's path `/postern/` and on the console.

pub(super) mod actions;
pub(super) mod api_key;
pub(super) mod lists;

mod backup;
