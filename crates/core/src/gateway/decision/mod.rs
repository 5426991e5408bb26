//! Whether a request passes, with whose identity, and how it is refused.

pub mod explain;
pub mod navigation;
pub mod refuse;
pub mod renewal;

pub(crate) mod decide;
