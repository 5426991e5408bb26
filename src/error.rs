//! One table: outcome to HTTP status, body, RPC status, log level, retryable.
