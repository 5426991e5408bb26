//! Why the key ring could not do what it was asked.

/// Why there is no answer. The texts are safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Settings are wrong; the entry points say which.
    Settings,
    /// Storage failed.
    Storage,
    /// The stored shape is newer than this code.
    NewerSchema,
    /// The ring is sealed with a key that `KEY_ENCRYPTION_KEYS` lacks.
    Sealed,
    /// Others changed the ring again and again.
    Busy,
    /// The deployment's keys are in another jurisdiction, or outside of all.
    Elsewhere,
    /// WebCrypto failed.
    Crypto,
    /// The authority on revocations could not be reached.
    Unannounced,
    /// There is no key of this name.
    UnknownKid,
    /// A backup, or a key for one, is damaged or another, or came too late.
    Unopened,
    /// There is a ring that a backup is not to take the place of.
    OtherRing,
    /// There are as many secrets as may be.
    TooManySecrets,
    /// The request is of a release that is out of reach.
    Unsupported,
    /// The request is not one of ours.
    BadRequest,
}
