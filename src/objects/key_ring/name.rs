//! Where the ring is: one object of its class.

/// The binding of the object's namespace.
pub(super) const BINDING: &str = "KEY_RING";

/// The name of the one object.
pub(super) const OBJECT_NAME: &str = "key-ring";
