//! The two SuperTokens protocols: `cdi`, which backend SDKs speak, and `fdi`, which browsers speak.

pub mod cdi;
pub mod fdi;
pub mod former_core;
