//! Which request a log line is about: whatever is logged while a request's work is being polled is about that request.

use std::{
    cell::{OnceCell, RefCell},
    ops::Deref,
    pin::{Pin, pin},
    rc::Rc,
};

/// What lines tell of a request.
pub(crate) trait LoggedRequest {
    /// The id that people are shown.
    fn id(&self) -> &str;
    /// The HTTP method, or the name of the RPC method.
    fn method(&self) -> &str;
    /// The path of an HTTP request, as it was sent, without the query.
    fn path(&self) -> Option<&str>;
}

/// The request whose work is being polled.
pub(crate) struct Current {
    request: Rc<dyn LoggedRequest>,
    is_traced: OnceCell<bool>,
}

impl Deref for Current {
    type Target = dyn LoggedRequest;

    fn deref(&self) -> &Self::Target {
        &*self.request
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Current>>> = const { RefCell::new(None) };
}

/// Does the work of a request. Requests take turns in an isolate: which one it is, is said anew at each poll.
///
/// `work` is pinned where it was made: moved in here it would take its place twice.
pub(crate) async fn about<T>(
    request: Rc<dyn LoggedRequest>,
    work: Pin<&mut impl Future<Output = T>>,
) -> T {
    let current = Current {
        request,
        is_traced: OnceCell::new(),
    };
    of(Rc::new(current), work).await
}

async fn of<T>(current: Rc<Current>, mut work: Pin<&mut impl Future<Output = T>>) -> T {
    std::future::poll_fn(move |context| {
        let before = CURRENT.replace(Some(Rc::clone(&current)));
        let polled = work.as_mut().poll(context);
        CURRENT.set(before);
        polled
    })
    .await
}

/// Does work that goes on after the request whose work is being polled now was answered.
pub(crate) async fn continued<T>(work: impl Future<Output = T>) -> T {
    match current() {
        Some(request) => of(request, pin!(work)).await,
        None => work.await,
    }
}

/// The request whose work is being polled.
pub(crate) fn current() -> Option<Rc<Current>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Whether the request whose work is being polled is traced: asked once for each.
pub(crate) fn is_traced(ask: impl FnOnce() -> bool) -> bool {
    match current() {
        Some(request) => *request.is_traced.get_or_init(ask),
        None => ask(),
    }
}
