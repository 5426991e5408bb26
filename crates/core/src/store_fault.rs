//! What goes wrong with the storage of an object.

/// A fault of the storage. The transaction around the call is rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFault(pub String);
