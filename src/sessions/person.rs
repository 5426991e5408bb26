//! What is stored about one person: given out, and erased. One object holds it; a trusted issuer's user has an object apart.

use super::journal;
use crate::{
    auth::user_call::into_refusal,
    objects::{context::Context, revocation_copy, user_sessions},
};
use postern_core::{
    refusal::Refusal,
    session::{
        call::{UserCall, UserReply},
        export::{ExportCursor, ExportPage},
        handle::{CheckedHandle, MarkKind, Subject},
        listing::{Cursor, EndedBy, ListedSession},
        model::SessionView,
    },
    settings::TrustedIssuer,
};
use postern_jwt::{json::ObjectWriter, time::Millis};

/// Of whom.
#[derive(Debug)]
pub(crate) struct Person {
    /// The user.
    pub(crate) user_id: String,
    /// The id of the trusted issuer that names the user so; `None` = a user of our own.
    pub(crate) issuer: Option<String>,
    /// The tenant of that issuer, if it has tenants. Sessions of our own are meant in all tenants.
    pub(crate) tenant_id: Option<String>,
}

/// What one call has erased.
#[derive(Debug)]
pub(crate) struct Erased {
    /// How many sessions.
    pub(crate) sessions: usize,
    /// There is more: the call is to be made again.
    pub(crate) goes_on: bool,
}

impl Erased {
    /// The result with the members `erased` and `more`.
    pub(crate) fn result(&self) -> String {
        let mut result = ObjectWriter::new();
        result.text("status", "OK");
        result.number("erased", u64::try_from(self.sessions).unwrap_or(u64::MAX));
        result.json("more", if self.goes_on { "true" } else { "false" });
        result.finish()
    }
}

/// How much longer than its tokens live the mark of an issuer's user is kept: for clocks that differ.
const MARGIN: Millis = Millis::from_seconds(3600);

impl Person {
    fn subject(&self) -> Subject<'_> {
        Subject {
            tenant: self.tenant_id.as_deref(),
            user_id: &self.user_id,
        }
    }

    /// The trusted issuer; `None` = a user of our own.
    fn trusted<'c>(&self, context: &'c Context) -> Result<Option<&'c TrustedIssuer>, Refusal> {
        let Some(id) = &self.issuer else {
            if self.tenant_id.is_some() {
                return Err(bad(
                    "\"tenantId\" is that of a trusted issuer: name the \"issuer\" as well",
                ));
            }
            return Ok(None);
        };
        let mut issuers = context.settings.trusted_issuers.iter();
        let found = issuers.find(|issuer| issuer.id == *id);
        found
            .map(Some)
            .ok_or_else(|| bad("\"issuer\" must be the id of a trusted issuer"))
    }

    /// The object of an issuer's user.
    fn object_of(&self, context: &Context, issuer: &TrustedIssuer) -> CheckedHandle {
        let keys = context.handle_keys();
        keys.issue_foreign(&issuer.id, self.subject(), "")
    }
}

/// Ends what a person has here, and forgets everything about the person, a bounded number of sessions at a time.
pub(crate) async fn erase(
    context: &Context,
    person: &Person,
    by: EndedBy,
) -> Result<Erased, Refusal> {
    let (route, call) = match person.trusted(context)? {
        None => (
            context.handle_keys().route(&person.user_id),
            UserCall::Erase {
                user_id: Some(person.user_id.clone()),
                keep_for: None,
            },
        ),
        Some(issuer) => {
            if issuer.user_id_claim == "sub" {
                end_all_of(context, person, issuer).await?;
            }
            let keep_for = issuer.max_token_age.max(issuer.data_lifetime);
            let call = UserCall::Erase {
                user_id: None,
                keep_for: Some(keep_for),
            };
            (person.object_of(context, issuer).route().to_owned(), call)
        }
    };
    match user_sessions::ask(context, &route, &call).await?.reply {
        UserReply::Erased { handles, goes_on } => {
            for handle in &handles {
                revocation_copy::note_end(handle, context.now);
            }
            journal::erased(handles.len(), goes_on, by);
            Ok(Erased {
                sessions: handles.len(),
                goes_on,
            })
        }
        other => Err(into_refusal(other)),
    }
}

/// Refuses every token of an issuer's user that was made up to now, also of sessions about which nothing is stored.
async fn end_all_of(
    context: &Context,
    person: &Person,
    issuer: &TrustedIssuer,
) -> Result<(), Refusal> {
    let tenant = person.tenant_id.as_deref().unwrap_or_default();
    let keys = context.handle_keys();
    let mark = keys.mark(&issuer.id, tenant, MarkKind::Subject, &person.user_id);
    let call = UserCall::EndBefore {
        handle: mark.as_str().to_owned(),
        moment: context.now,
        keep_for: Millis(issuer.max_token_age.0.saturating_add(MARGIN.0)),
    };
    match user_sessions::ask(context, mark.route(), &call)
        .await?
        .reply
    {
        UserReply::Done {} => {
            revocation_copy::note_end(mark.as_str(), context.now);
            Ok(())
        }
        other => Err(into_refusal(other)),
    }
}

/// A page of everything that is stored about a person, as JSON text; `cursor` is what the page before gave.
pub(crate) async fn export(
    context: &Context,
    person: &Person,
    cursor: Option<&str>,
) -> Result<String, Refusal> {
    let issuer = person.trusted(context)?;
    let start = match cursor {
        Some(text) => ExportCursor::from_text(text)
            .ok_or_else(|| bad("\"cursor\" must be one that an earlier page gave"))?,
        None if issuer.is_some() => ExportCursor::Foreign(None),
        None => ExportCursor::Live(None),
    };
    let mut page = ExportPage::default();
    let next = match (start, issuer) {
        (ExportCursor::Live(after), None) => live(context, person, after, &mut page).await?,
        (ExportCursor::Ended(after), None) => ended(context, person, after, &mut page).await?,
        (ExportCursor::Foreign(after), Some(issuer)) => {
            foreign(context, person, issuer, after, &mut page).await?
        }
        _ => return Err(bad("\"cursor\" must be one of an export of this person")),
    };
    Ok(page.result(next.as_ref()))
}

async fn live(
    context: &Context,
    person: &Person,
    after: Option<Cursor>,
    page: &mut ExportPage,
) -> Result<Option<ExportCursor>, Refusal> {
    let route = context.handle_keys().route(&person.user_id);
    let (sessions, next) = listed(context, person, after, false).await?;
    for session in sessions {
        let read = UserCall::ReadInformation {
            handle: session.handle.clone(),
        };
        match user_sessions::ask(context, &route, &read).await?.reply {
            UserReply::Information {
                session: SessionView { payload, .. },
                session_data,
                bound,
                ..
            } => {
                let key = match bound {
                    Some(_) => device_key(context, &route, &session.handle).await?,
                    None => None,
                };
                page.session(&session, &payload, &session_data, key.as_deref());
            }
            // It has ended meanwhile.
            UserReply::Unauthorised { .. } => {}
            other => return Err(into_refusal(other)),
        }
        if page.is_full() {
            return Ok(Some(ExportCursor::Live(Some(Cursor {
                at: session.created,
                handle: session.handle,
            }))));
        }
    }
    Ok(Some(match next {
        Some(next) => ExportCursor::Live(Some(next)),
        None => ExportCursor::Ended(None),
    }))
}

async fn device_key(
    context: &Context,
    route: &str,
    handle: &str,
) -> Result<Option<String>, Refusal> {
    let call = UserCall::ReadDevice {
        handle: handle.to_owned(),
    };
    match user_sessions::ask(context, route, &call).await?.reply {
        UserReply::Device { key, .. } => Ok(Some(key)),
        UserReply::Unauthorised { .. } => Ok(None),
        other => Err(into_refusal(other)),
    }
}

async fn ended(
    context: &Context,
    person: &Person,
    after: Option<Cursor>,
    page: &mut ExportPage,
) -> Result<Option<ExportCursor>, Refusal> {
    let (sessions, next) = listed(context, person, after, true).await?;
    for session in &sessions {
        page.ended(session);
    }
    Ok(next.map(|next| ExportCursor::Ended(Some(next))))
}

async fn listed(
    context: &Context,
    person: &Person,
    after: Option<Cursor>,
    ended: bool,
) -> Result<(Vec<ListedSession>, Option<Cursor>), Refusal> {
    let route = context.handle_keys().route(&person.user_id);
    let call = UserCall::ListSessions {
        user_id: person.user_id.clone(),
        tenant_id: None,
        after,
        ended,
    };
    match user_sessions::ask(context, &route, &call).await?.reply {
        UserReply::Sessions { sessions, next } => Ok((sessions, next)),
        other => Err(into_refusal(other)),
    }
}

async fn foreign(
    context: &Context,
    person: &Person,
    issuer: &TrustedIssuer,
    after: Option<String>,
    page: &mut ExportPage,
) -> Result<Option<ExportCursor>, Refusal> {
    let object = person.object_of(context, issuer);
    let ask = async |call| -> Result<UserReply, Refusal> {
        Ok(user_sessions::ask(context, object.route(), &call)
            .await?
            .reply)
    };
    let handles = match ask(UserCall::ListForeign { after }).await? {
        UserReply::Handles { handles } => handles,
        other => return Err(into_refusal(other)),
    };
    let mut last = None;
    for handle in handles {
        let read = UserCall::ReadData {
            handle: handle.clone(),
            copy_lapsed: false,
        };
        match ask(read).await? {
            UserReply::Data { session_data, .. } => {
                page.foreign(&issuer.id, &person.user_id, &handle, &session_data);
            }
            UserReply::Unauthorised { .. } => {}
            other => return Err(into_refusal(other)),
        }
        last = Some(handle);
        if page.is_full() {
            break;
        }
    }
    Ok(last.map(|last| ExportCursor::Foreign(Some(last))))
}

fn bad(text: &str) -> Refusal {
    Refusal::BadInput(text.to_owned())
}
