//! Code that is compiled only when a request needs it: the runtime compiles a function of Wasm at its first call, and whole.

use std::pin::Pin;

/// `work`, with code of its own. Awaited in place it would become a part of the function that awaits it, and every new isolate
/// would compile all endpoints for its first request, and the hot ones would carry the state of the rare.
pub(crate) fn apart<'a, T>(
    work: impl Future<Output = T> + 'a,
) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(work)
}
