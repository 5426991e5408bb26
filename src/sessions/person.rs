//! One person, and how what is stored about the person is erased. One object holds it; a trusted issuer's user has an object apart.

use super::{journal, manage::ended_at_core};
use crate::{
    auth::{former_core, user_call::into_refusal},
    objects::{context::Context, revocation_copy, user_sessions},
};
use postern_core::{
    refusal::Refusal,
    session::{
        call::{UserCall, UserReply},
        handle::{CheckedHandle, MarkKind, Subject},
        listing::EndedBy,
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
    pub(super) fn trusted<'c>(
        &self,
        context: &'c Context,
    ) -> Result<Option<&'c TrustedIssuer>, Refusal> {
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
    pub(super) fn object_of(&self, context: &Context, issuer: &TrustedIssuer) -> CheckedHandle {
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
        None => {
            let call = UserCall::Erase {
                user_id: Some(person.user_id.clone()),
                keep_for: None,
            };
            (context.handle_keys().route(&person.user_id), call)
        }
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
            ended_at_core(context, &handles).await?;
            // What only the former core knew is for the next round.
            let is_own = person.trusted(context)?.is_none();
            let goes_on =
                goes_on || (is_own && former_core::adopt_all(context, &person.user_id).await?);
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

pub(super) fn bad(text: &str) -> Refusal {
    Refusal::BadInput(text.to_owned())
}
