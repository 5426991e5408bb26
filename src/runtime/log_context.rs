//! Which request a log line is about: whatever is logged while a request's work is being polled is about that request.

use std::{cell::RefCell, pin::pin, rc::Rc};

/// What lines tell of a request.
pub(crate) trait LoggedRequest {
    /// The id that people are shown.
    fn id(&self) -> &str;
    /// The HTTP method, or the name of the RPC method.
    fn method(&self) -> &str;
    /// The path of an HTTP request, as it was sent, without the query.
    fn path(&self) -> Option<&str>;
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn LoggedRequest>>> = const { RefCell::new(None) };
}

/// Does the work of a request. Requests take turns in an isolate: which one it is, is said anew at each poll.
pub(crate) async fn about<T>(request: Rc<dyn LoggedRequest>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| {
        let before = CURRENT.replace(Some(Rc::clone(&request)));
        let polled = work.as_mut().poll(context);
        CURRENT.set(before);
        polled
    })
    .await
}

/// Does work that goes on after the request whose work is being polled now was answered.
pub(crate) async fn continued<T>(work: impl Future<Output = T>) -> T {
    match current() {
        Some(request) => about(request, work).await,
        None => work.await,
    }
}

/// The request whose work is being polled.
pub(crate) fn current() -> Option<Rc<dyn LoggedRequest>> {
    CURRENT.with_borrow(Clone::clone)
}
