//! The platform: executor, promises, storage, crypto, time, log and settings.

pub(crate) mod apart;
pub(crate) mod clock;
pub(crate) mod crypto;
pub(crate) mod durable;
pub(crate) mod executor;
pub(crate) mod http;
pub(crate) mod js;
pub(crate) mod kv;
pub(crate) mod log;
pub(crate) mod log_context;
pub(crate) mod metrics;
pub(crate) mod number;
pub(crate) mod promise;
pub(crate) mod random;
pub(crate) mod settings;
pub(crate) mod sql;
pub(crate) mod suspension;
