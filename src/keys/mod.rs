//! Signing keys: when they are made, published, used, withdrawn.
