//! A verified access token, as the use cases need it.

use super::identity_headers::IdentityHeaders;
use postern_core::{
    device::cookie_name,
    identity::{Identity, Session},
    refusal::Refusal,
    revocation::copy::Age,
    session::{issuer_logout::Mark, model::SessionView},
    tokens::access_token::AccessClaims,
};
use postern_jwt::{cache::Validity, proof::Thumbprint, time::UnixMillis};
use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};
use wasm_bindgen::JsValue;

/// What is said where a session is asked for.
pub(crate) const NO_SESSION: &str =
    "the token names no session, so there is no session data and no session to end";

/// A verified access token, as the use cases need it.
#[derive(Debug)]
pub(crate) struct VerifiedToken {
    /// The session, with the payload as its creator gave it.
    pub(crate) session: Session,
    /// By which it is known whether the session has ended; for a token that names none, whether all tokens of its time have.
    pub(crate) liveness_handle: String,
    /// The claims of a token of our own; `None` for a trusted issuer's.
    pub(crate) claims: Option<AccessClaims>,
    /// The session as browsers are shown it, once one was.
    pub(crate) shown: OnceCell<JsValue>,
    /// What other Workers are told of it, once one was: an object, of which each of them gets a copy.
    pub(crate) result: OnceCell<JsValue>,
    /// What it tells of the session's age.
    pub(crate) age: Age,
    /// When it says it was made, in whole seconds; of a trusted issuer's token.
    pub(crate) made: Option<UnixMillis>,
    /// The names under which a trusted issuer may have said that it has ended there.
    pub(crate) marks: Vec<Mark>,
    /// When the token stops being good.
    pub(crate) good_until: UnixMillis,
    /// What else it counts under; `None` where no token was verified.
    pub(crate) validity: Option<Validity>,
    /// The device that its session is bound to.
    pub(crate) device: Option<BoundDevice>,
    /// Its identity headers, for the latest origins, at most [`crate::auth::identity_headers::MOST`].
    pub(crate) identity_headers: RefCell<Vec<Rc<IdentityHeaders>>>,
}

/// The device of a bound session.
#[derive(Debug)]
pub(crate) struct BoundDevice {
    /// The thumbprint of its key.
    pub(crate) thumbprint: Thumbprint,
    /// The session.
    pub(crate) handle: String,
    /// The name of the cookie that shows it.
    pub(crate) cookie_name: String,
    /// The value that showed it last, and until when it does: so that it costs a MAC once.
    pub(crate) shown: RefCell<Option<(String, UnixMillis)>>,
}

impl BoundDevice {
    pub(crate) fn new(thumbprint: Thumbprint, handle: &str) -> Self {
        Self {
            thumbprint,
            handle: handle.to_owned(),
            cookie_name: cookie_name(handle),
            shown: RefCell::default(),
        }
    }
}

impl VerifiedToken {
    /// A session of ours as its object described it, without a token, and until when that counts.
    pub(crate) fn of_ticket(session: SessionView, good_until: UnixMillis) -> Self {
        Self {
            liveness_handle: session.handle.clone(),
            session: Session {
                handle: Some(session.handle),
                identity: Identity::own(session.tenant_id, session.user_id),
                payload: session.payload,
                bound_key: None,
            },
            claims: None,
            shown: OnceCell::new(),
            result: OnceCell::new(),
            age: Age::Unknown,
            made: None,
            marks: Vec::new(),
            good_until,
            validity: None,
            identity_headers: RefCell::default(),
            device: None,
        }
    }

    /// The handle of the session, for what is done to it.
    ///
    /// # Errors
    /// The token names a user and no session.
    pub(crate) fn session_handle(&self) -> Result<&str, Refusal> {
        let handle = self.session.handle.as_deref();
        handle.ok_or_else(|| Refusal::BadInput(NO_SESSION.to_owned()))
    }

    /// The session as browsers are shown it, as JS has it: made by the first answer, and ready for the others.
    pub(crate) fn shown(&self, text: impl FnOnce(&Session) -> String) -> &JsValue {
        self.shown
            .get_or_init(|| JsValue::from_str(&text(&self.session)))
    }
}
