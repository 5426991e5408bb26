//! What is stored about one person, or in one user's object, given out page by page.

use super::person::{Person, bad};
use crate::{
    auth::user_call::into_refusal,
    objects::{context::Context, user_sessions},
    runtime::js::Fetcher,
};
use postern_core::{
    refusal::Refusal,
    session::{
        call::{UserCall, UserReply},
        export::{ExportCursor, ExportPage},
        handle::{is_mark, issuer_id},
        listing::{Cursor, ListedSession, PAGE},
        model::SessionView,
    },
};

/// A page of everything that is stored about a person, as JSON text; `cursor` is what the page before gave.
pub(crate) async fn export(
    context: &Context,
    person: &Person,
    cursor: Option<&str>,
) -> Result<String, Refusal> {
    let issuer = person.trusted(context)?;
    let route = match issuer {
        Some(issuer) => person.object_of(context, issuer).route().to_owned(),
        None => context.handle_keys().route(&person.user_id),
    };
    let source = Source {
        context,
        object: user_sessions::object_of_route(context, &route)?,
        user_id: Some(&person.user_id),
    };
    let start = match (place(cursor)?, issuer) {
        (None, Some(_)) => ExportCursor::Foreign(None),
        (None, None) => ExportCursor::Live(None),
        (Some(place), issuer) if matches!(place, ExportCursor::Foreign(_)) == issuer.is_some() => {
            place
        }
        _ => return Err(bad("\"cursor\" must be one of an export of this person")),
    };
    let mut page = ExportPage::default();
    let next = match source.next(start, &mut page).await? {
        // Not of this person: the object of a user of our own holds nothing of an issuer.
        Some(ExportCursor::Foreign(None)) => None,
        next => next,
    };
    Ok(page.result(next.as_ref()))
}

/// A page of everything that is stored in the object of an id, whoever it is about: for whoever can list the objects and has no
/// list of users.
pub(crate) async fn export_object(
    context: &Context,
    id: &str,
    cursor: Option<&str>,
) -> Result<String, Refusal> {
    let object = user_sessions::object_of_id(context, id)?;
    let source = Source {
        context,
        object: object.ok_or_else(|| bad("\"object\" must be the id of a user's object"))?,
        user_id: None,
    };
    let mut next = Some(place(cursor)?.unwrap_or(ExportCursor::Live(None)));
    let mut page = ExportPage::default();
    while let Some(place) = next {
        next = source.next(place, &mut page).await?;
        // What is stored of most users fits into one page.
        let begins = matches!(
            next,
            Some(ExportCursor::Ended(None) | ExportCursor::Foreign(None))
        );
        if page.is_full() || !begins {
            break;
        }
    }
    Ok(page.result(next.as_ref()))
}

fn place(cursor: Option<&str>) -> Result<Option<ExportCursor>, Refusal> {
    let wrong = || bad("\"cursor\" must be one that an earlier page gave");
    cursor
        .map(|text| ExportCursor::from_text(text).ok_or_else(wrong))
        .transpose()
}

/// Where an export reads.
struct Source<'a> {
    context: &'a Context,
    object: Fetcher,
    /// The user; `None` = whoever's the object is.
    user_id: Option<&'a str>,
}

impl Source<'_> {
    async fn ask(&self, call: UserCall) -> Result<UserReply, Refusal> {
        let answer = user_sessions::ask_object(self.context, &self.object, &call).await?;
        Ok(answer.reply)
    }

    /// Adds records from a place on, and gives the place where to go on.
    async fn next(
        &self,
        place: ExportCursor,
        page: &mut ExportPage,
    ) -> Result<Option<ExportCursor>, Refusal> {
        match place {
            ExportCursor::Live(after) => self.live(after, page).await,
            ExportCursor::Ended(after) => self.ended(after, page).await,
            ExportCursor::Foreign(after) => self.foreign(after, page).await,
        }
    }

    async fn live(
        &self,
        after: Option<Cursor>,
        page: &mut ExportPage,
    ) -> Result<Option<ExportCursor>, Refusal> {
        let (sessions, next) = self.listed(after, false).await?;
        for session in sessions {
            let handle = session.handle.clone();
            match self.ask(UserCall::ReadInformation { handle }).await? {
                UserReply::Information {
                    session: SessionView { payload, .. },
                    session_data,
                    bound,
                    ..
                } => {
                    let key = match bound {
                        Some(_) => self.device_key(&session.handle).await?,
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

    async fn device_key(&self, handle: &str) -> Result<Option<String>, Refusal> {
        let handle = handle.to_owned();
        match self.ask(UserCall::ReadDevice { handle }).await? {
            UserReply::Device { key, .. } => Ok(Some(key)),
            UserReply::Unauthorised { .. } => Ok(None),
            other => Err(into_refusal(other)),
        }
    }

    async fn ended(
        &self,
        after: Option<Cursor>,
        page: &mut ExportPage,
    ) -> Result<Option<ExportCursor>, Refusal> {
        let (sessions, next) = self.listed(after, true).await?;
        for session in &sessions {
            page.ended(session);
        }
        Ok(Some(match next {
            Some(next) => ExportCursor::Ended(Some(next)),
            None => ExportCursor::Foreign(None),
        }))
    }

    async fn listed(
        &self,
        after: Option<Cursor>,
        ended: bool,
    ) -> Result<(Vec<ListedSession>, Option<Cursor>), Refusal> {
        let call = match self.user_id {
            Some(user_id) => UserCall::ListSessions {
                user_id: user_id.to_owned(),
                tenant_id: None,
                after,
                ended,
            },
            None => UserCall::ListOwn { after, ended },
        };
        match self.ask(call).await? {
            UserReply::Sessions { sessions, next } => Ok((sessions, next)),
            other => Err(into_refusal(other)),
        }
    }

    async fn foreign(
        &self,
        after: Option<String>,
        page: &mut ExportPage,
    ) -> Result<Option<ExportCursor>, Refusal> {
        let handles = match self.ask(UserCall::ListForeign { after }).await? {
            UserReply::Handles { handles } => handles,
            other => return Err(into_refusal(other)),
        };
        let mut last = None;
        let is_last = handles.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        for handle in handles {
            if let Some(issuer) = issuer_id(&handle).filter(|_| !is_mark(&handle)) {
                let read = UserCall::ReadData {
                    handle: handle.clone(),
                    copy_lapsed: false,
                };
                match self.ask(read).await? {
                    UserReply::Data { session_data, .. } => {
                        page.foreign(issuer, self.user_id, &handle, &session_data);
                    }
                    UserReply::Unauthorised { .. } => {}
                    other => return Err(into_refusal(other)),
                }
            }
            if page.is_full() {
                return Ok(Some(ExportCursor::Foreign(Some(handle))));
            }
            last = Some(handle);
        }
        Ok(last
            .filter(|_| !is_last)
            .map(|last| ExportCursor::Foreign(Some(last))))
    }
}
