//! HTTP: the router, the frontend API, the service API, and the explanation of a gateway decision.

pub(crate) mod console;
pub(crate) mod explain;
pub(crate) mod frontend_api;
pub(crate) mod issuer_logout;
mod operator;
mod own_sessions;
mod rate_limit;
pub(crate) mod readiness;
pub(crate) mod renewal;
pub(crate) mod request_headers;
pub(crate) mod router;
pub(crate) mod service_api;
pub(crate) mod session_device;
mod session_exchange;
mod session_ticket;
