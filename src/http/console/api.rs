//! The requests of the console's page: what is shown, and what an operator does.

use super::{
    super::{
        explain,
        operator::{actions, lists},
    },
    operator::{Operator, noted},
    overview,
};
use crate::{
    objects::context::Context,
    runtime::{http::request::Incoming, js::ExecutionContext},
    sessions::{self, Report},
};
use postern_core::{
    refusal::Refusal,
    session::{listing::EndedBy, model::Device},
    supertokens::cdi::request::query,
};
use postern_jwt::json::{self, Object, ObjectWriter};

/// The most sessions that one request ends by their handles: what a page shows.
const MAX_HANDLES: usize = 100;

/// A request of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// An API key for a session of the console.
    SignIn,
    /// The end of it, in this browser.
    SignOut,
    /// The deployment as a whole.
    Overview,
    /// A page of a user's sessions.
    Sessions,
    /// Whose a session is.
    Session,
    /// The end of some sessions, or of all of a user.
    EndSessions,
    /// An action that the service API has as well, by its path there.
    Action(&'static str),
    /// What would become of a request at the gateway.
    Explain,
}

impl Call {
    /// The call at a path behind `{base}/console/api/`.
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "sign-in" => Self::SignIn,
            "sign-out" => Self::SignOut,
            "overview" => Self::Overview,
            "sessions" => Self::Sessions,
            "session" => Self::Session,
            "sessions/end" => Self::EndSessions,
            "revoke-before" => Self::Action("revoke-before"),
            "keys/rotate" => Self::Action("keys/rotate"),
            "keys/withdraw" => Self::Action("keys/withdraw"),
            "explain" => Self::Explain,
            _ => return None,
        })
    }

    /// Its method. `POST` carries what no address should: a key, a token.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Overview | Self::Sessions | Self::Session => "GET",
            _ => "POST",
        }
    }

    /// Whether it needs to come from the page itself by what every browser says.
    pub(super) const fn changes(self) -> bool {
        !matches!(self, Self::Overview | Self::Sessions | Self::Session)
    }
}

/// A request of an operator.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Incoming,
    pub(super) context: &'a Context,
    pub(super) operator: &'a Operator,
    pub(super) execution: &'a ExecutionContext,
}

/// Answers a request of an operator with JSON text.
pub(super) async fn answer(asked: &Asked<'_>, call: Call) -> Result<String, Refusal> {
    let Asked {
        request, context, ..
    } = *asked;
    match call {
        Call::Sessions => {
            let listing = lists::listing(request.query())?;
            Ok(sessions::list_sessions(context, listing)
                .await?
                .result(None))
        }
        Call::Session => session(asked).await,
        Call::EndSessions => end(asked).await,
        Call::Action(path) => {
            let body = actions::body(request).await?;
            let given = object(&body)?;
            let done = actions::perform(context, path, &given, EndedBy::Console).await;
            // What failed may have been done in part.
            let outcome = if done.is_ok() { "" } else { "; it failed" };
            noted(asked.operator, action_name(path), outcome);
            done
        }
        Call::Explain => {
            let body = actions::body(request).await?;
            let settings = &context.settings;
            explain::explained_text(&body, &context.env, asked.execution, settings).await
        }
        Call::Overview | Call::SignIn | Call::SignOut => Ok(overview::overview(context).await),
    }
}

fn action_name(path: &str) -> &'static str {
    match path {
        "keys/rotate" => "keys_rotated",
        "keys/withdraw" => "key_withdrawn",
        _ => "revoked_before",
    }
}

/// Whose session a handle names, and its facts; neither payload nor data, which are the application's.
async fn session(asked: &Asked<'_>) -> Result<String, Refusal> {
    let handle = query::find(asked.request.query(), "handle")
        .ok_or_else(|| bad("\"handle\" is required"))?;
    let found = match sessions::information(asked.context, &handle).await {
        // The operator is somebody all the same.
        Err(Refusal::Unauthorised(_)) => {
            return Err(bad("there is no such session (any more)"));
        }
        found => found?,
    };
    let mut session = ObjectWriter::new();
    session.text("handle", &found.session.handle);
    session.text("userId", &found.session.user_id);
    session.text("tenantId", &found.session.tenant_id);
    session.number("timeCreated", found.created.0);
    session.number("expiry", found.expiry.0);
    if let Some(device) = found.device.as_ref().map(Device::to_json) {
        session.json("device", &device);
    }
    let mut answer = ObjectWriter::new();
    answer.text("status", "OK");
    answer.json("session", &session.finish());
    Ok(answer.finish())
}

async fn end(asked: &Asked<'_>) -> Result<String, Refusal> {
    let body = actions::body(asked.request).await?;
    let given = object(&body)?;
    let (context, by) = (asked.context, EndedBy::Console);
    let user_id = given.string("userId").ok().flatten().map(String::from);
    let handles = given.strings("handles").ok().flatten();
    let (ended, action) = match (user_id, handles) {
        (Some(user_id), None) => {
            let ended = sessions::revoke_all(context, user_id, None, Report::Ended, by);
            (ended.await, "all_sessions_ended")
        }
        (None, Some(handles)) if handles.len() <= MAX_HANDLES => {
            let handles = handles.into_iter().map(String::from).collect();
            let ended = sessions::revoke(context, handles, Report::Ended, by);
            (ended.await, "sessions_ended")
        }
        _ => return Err(bad("either \"userId\", or \"handles\" with at most 100")),
    };
    let outcome = match &ended {
        Ok(ended) => format!("; sessions that ended: {}", ended.len()),
        Err(_) => "; it failed".to_owned(),
    };
    noted(asked.operator, action, &outcome);
    let ended = ended?;
    let mut answer = ObjectWriter::new();
    answer.text("status", "OK");
    answer.json("ended", &json::strings(ended.iter().map(String::as_str)));
    Ok(answer.finish())
}

fn object(body: &str) -> Result<Object<'_>, Refusal> {
    json::parse_object(body).map_err(|fault| Refusal::BadInput(format!("body {fault}")))
}

fn bad(text: &str) -> Refusal {
    Refusal::BadInput(text.to_owned())
}
