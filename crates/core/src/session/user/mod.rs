//! The use cases of a user's object, over a synchronous store.
//!
//! Every rule about one user's sessions: who may change what, what a change drags along (outbox, tombstones), and
//! what is answered. Depends on no SQL, KV or HTTP; the Worker opens the transaction, calls [`answer`], and stores or
//! rolls back as one.

mod data;
mod device;
mod end;
mod erase;
mod foreign;
mod issue;
mod listing;
mod maintenance;
mod outbox;
mod publish;
mod revocation;
mod seen;
mod shown;
mod ticket;
mod verify;

pub use data::EMPTY;
pub use erase::ERASE_BATCH;
pub use issue::is_reported_as_theft;
pub use listing::SEEN_EVERY;
pub use maintenance::{copied, copy_now, due_copies, sweep};
pub use outbox::{COPY_BATCH, Copy};
pub use revocation::{REPORT_BATCH, due_reports, reported};
pub use ticket::MAX_USED_TICKETS;

use shown::{device as device_shown, key as key_shown};

use super::{
    call::{Gone, UserCall, UserReply},
    handle::is_foreign,
    listing::Cursor,
    model::SessionView,
    record::{Ending, SessionRecord, StoreFault, Stored, UserStore},
};
use crate::settings::Settings;
use postern_jwt::{
    secret::{AntiCsrfToken, Secret, mac},
    time::{Millis, UnixMillis},
};

/// A secret by its number.
type Numbered = (u32, Secret);

/// What a call is answered with besides the store: settings, secrets, the time and fresh randomness.
#[derive(Debug)]
pub struct UserContext<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The refresh-token secrets of the key ring by number: all are recognised, the last makes tokens.
    pub refresh_secrets: &'a [(u32, Secret)],
    /// The keys behind anti-CSRF tokens, by number: all are recognised, the last makes them.
    pub anti_csrf_keys: &'a [(u32, Secret)],
    /// The highest protocol number that the caller understands.
    pub protocol: u32,
    /// The time of the call.
    pub now: UnixMillis,
    /// Sessions created before this have ended, whoever they belong to.
    pub not_before: UnixMillis,
    /// Fresh random bytes, used for salts and jitter.
    pub random: [u8; 24],
}

/// Answers one call. On `Err` the caller must roll back everything that was written to the store.
#[allow(clippy::too_many_lines)] // one arm for each call
pub fn answer<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    call: UserCall,
) -> Result<UserReply, StoreFault> {
    match call {
        UserCall::Create(create) => issue::create(store, context, create, None),
        UserCall::CreateBound { create, key } => issue::create(store, context, create, Some(key)),
        UserCall::Adopt {
            create,
            created,
            expiry,
            is_stolen,
        } => issue::adopt(store, context, create, (created, expiry), is_stolen),
        UserCall::Refresh(refresh) => issue::refresh(store, context, &refresh),
        UserCall::Verify(verify) => {
            let handle = verify.handle.clone();
            of_live(store, context, &handle, |record| {
                verify::verify(store, context, record, verify)
            })
        }
        UserCall::Check { handle, issued } => verify::check(store, context, &handle, issued),
        #[cfg(postern_next)]
        UserCall::CheckNext { handle } => verify::check(store, context, &handle, None),
        UserCall::Regenerate {
            handle,
            payload,
            carried,
        } => of_live(store, context, &handle, |record| {
            verify::regenerate(store, context, record, payload, carried)
        }),
        UserCall::ReadData {
            handle,
            copy_lapsed,
        } => {
            if copy_lapsed {
                maintenance::renew(store, context, &handle)?;
            }
            data::read(store, context, &handle)
        }
        UserCall::WriteData {
            handle,
            session_data,
            keep_for,
        } => data::write(store, context, &handle, &session_data, keep_for),
        UserCall::ReadInformation { handle } => of_live(store, context, &handle, |record| {
            data::information(store, record)
        }),
        UserCall::ReplacePayload { handle, payload } => {
            of_live(store, context, &handle, |record| {
                data::replace_payload(store, record, payload)
            })
        }
        UserCall::MergePayload {
            handle,
            changes,
            limit,
        } => of_live(store, context, &handle, |record| {
            data::merge_payload(store, context, record, &changes, &limit)
        }),
        UserCall::NoteUse { handle, hash1 } => of_live(store, context, &handle, |record| {
            seen::note(store, context, record, &hash1)
        }),
        UserCall::RedeemTicket {
            handle,
            id,
            expires,
        } => ticket::redeem(store, context, &handle, &id, expires),
        UserCall::BindDevice {
            handle,
            thumbprint,
            key,
            carried,
        } => of_live(store, context, &handle, |record| {
            device::bind(store, context, record, (thumbprint, key), carried)
        }),
        UserCall::ConfirmDevice { handle, thumbprint } => {
            of_live(store, context, &handle, |record| {
                device::confirm(store, record, thumbprint)
            })
        }
        UserCall::ReadDevice { handle } => of_live(store, context, &handle, device::read),
        UserCall::ProveDevice {
            handle,
            thumbprint,
            challenge,
            expires,
            renew,
        } => {
            let answered = device::Answered { challenge, expires };
            of_live(store, context, &handle, |record| {
                device::prove(store, context, record, thumbprint, &answered, renew)
            })
        }
        UserCall::List { user_id, tenant_id } => {
            let mut sessions = store.sessions_of(&user_id, tenant_id.as_deref())?;
            sessions.retain(|session| context.counts(session.created, session.expiry));
            Ok(UserReply::Handles {
                handles: sessions.into_iter().map(|session| session.handle).collect(),
            })
        }
        UserCall::ListSessions {
            user_id,
            tenant_id,
            after,
            ended,
        } => {
            let tenant = tenant_id.as_deref();
            listed(store, context, &user_id, tenant, after.as_ref(), ended)
        }
        UserCall::ListOwn { after, ended } => match store.owner()? {
            Some(owner) => listed(store, context, &owner, None, after.as_ref(), ended),
            None => Ok(NOTHING_LISTED),
        },
        UserCall::Erase { user_id, keep_for } => {
            erase::erase(store, context, user_id.as_deref(), keep_for)
        }
        UserCall::ListForeign { after } => erase::list_foreign(store, after.as_deref()),
        UserCall::Revoke {
            handles,
            keep_for,
            repeatable,
            by,
        } => end::revoke(store, context, handles, keep_for, repeatable, by.as_deref()),
        UserCall::EndBefore {
            handle,
            moment,
            keep_for,
        } => end::end_before(store, context, &handle, moment, keep_for),
        UserCall::RevokeAll {
            user_id,
            tenant_id,
            repeatable,
            by,
        } => {
            let whose = end::Whose {
                user_id: &user_id,
                tenant_id: tenant_id.as_deref(),
                except: None,
            };
            end::revoke_all(store, context, &whose, repeatable, by.as_deref())
        }
        UserCall::RevokeOthers {
            user_id,
            tenant_id,
            keep,
            by,
        } => {
            let whose = end::Whose {
                user_id: &user_id,
                tenant_id: tenant_id.as_deref(),
                except: Some(&keep),
            };
            end::revoke_all(store, context, &whose, true, by.as_deref())
        }
    }
}

const GONE: UserReply = UserReply::Unauthorised {
    reason: Gone::NoSession,
};

const NOTHING_LISTED: UserReply = UserReply::Sessions {
    sessions: Vec::new(),
    next: None,
};

/// Of a trusted issuer's session about which nothing is stored.
const NEVER_ENDED: UserReply = UserReply::NotEnded {
    data_seq: 0,
    ended: Some(UnixMillis(0)),
};

/// A page of a user's sessions. Before the first of the ended ones, what has ended by itself is entered among them.
fn listed<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: &str,
    tenant_id: Option<&str>,
    after: Option<&Cursor>,
    ended: bool,
) -> Result<UserReply, StoreFault> {
    if ended && after.is_none() {
        end::settle(store, context, user_id)?;
    }
    listing::list(store, context, user_id, tenant_id, after, ended)
}

/// The live session of a handle; `None` when it is unknown, ended, past its expiry, or older than the cut-off, which
/// ends it.
fn live<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<Option<SessionRecord>, StoreFault> {
    Ok(match store.session(handle)? {
        Some(Stored::Live(record)) if context.counts(record.created, record.expiry) => Some(record),
        Some(Stored::Live(record)) if record.created < context.not_before => {
            end::end(store, context, &record, Ending::CutOff, None)?;
            None
        }
        _ => None,
    })
}

/// What `answer` makes of the live session of a handle; [`GONE`] when there is none.
fn of_live<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    answer: impl FnOnce(SessionRecord) -> Result<UserReply, StoreFault>,
) -> Result<UserReply, StoreFault> {
    match live(store, context, handle)? {
        Some(record) => answer(record),
        None => Ok(GONE),
    }
}

/// Stores a record that has changed; [`GONE`] when its session lives no more.
fn update<S: UserStore>(store: &S, record: &SessionRecord) -> Result<UserReply, StoreFault> {
    Ok(if store.update_session(record)? {
        UserReply::Done {}
    } else {
        GONE
    })
}

fn view(record: &SessionRecord) -> SessionView {
    SessionView {
        handle: record.handle.clone(),
        user_id: record.user_id.clone(),
        tenant_id: record.tenant_id.clone(),
        payload: record.payload.clone(),
    }
}

impl UserContext<'_> {
    /// Whether a session of these times is one that has not ended by itself.
    fn counts(&self, created: UnixMillis, expiry: UnixMillis) -> bool {
        expiry > self.now && created >= self.not_before
    }

    /// The refresh-token secret that makes tokens, and the others.
    fn newest_secret(&self) -> Result<(&Numbered, &[Numbered]), StoreFault> {
        let none = || StoreFault("the key ring holds no refresh-token secret".to_owned());
        self.refresh_secrets.split_last().ok_or_else(none)
    }

    /// Whether the secret that a session's tokens were made with last is kept: without it they are recognised no more.
    ///
    /// # Errors
    /// It is newer than all that are known here: without it the tokens cannot be told from others'.
    fn keeps_secret(&self, number: u32) -> Result<bool, StoreFault> {
        let mut known = self.refresh_secrets.iter().map(|(known, _)| *known);
        if known.clone().all(|known| known < number) {
            return Err(StoreFault(format!(
                "refresh-token secret {number} is not in the key ring"
            )));
        }
        Ok(known.any(|known| known == number))
    }

    fn anti_csrf_token(
        &self,
        handle: &str,
        salt: &str,
        generation: u32,
    ) -> Result<AntiCsrfToken, StoreFault> {
        let none = || StoreFault("the key ring holds no key for anti-CSRF tokens".to_owned());
        let (_, key) = self.anti_csrf_keys.last().ok_or_else(none)?;
        Ok(anti_csrf_token(key, handle, salt, generation))
    }

    /// The validity of a fresh access token: the setting, shortened by a random share up to the jitter, so that tokens
    /// minted in one burst do not all come back at one moment.
    fn jittered_validity(&self) -> Millis {
        let validity = self.settings.access_token_validity.0;
        let permille = u64::from(self.settings.access_token_jitter_permille);
        let &[a, b, c, d, ..] = &self.random;
        let share = u64::from(u32::from_be_bytes([a, b, c, d]));
        let most = validity.saturating_mul(permille) / 1000;
        let cut = most.saturating_mul(share) >> 32;
        Millis(validity.saturating_sub(cut))
    }
}

/// The anti-CSRF token of a session's generation: equal for all siblings that are made with one key, so that whichever answer a
/// browser keeps last, cookies and token agree.
fn anti_csrf_token(key: &Secret, handle: &str, salt: &str, generation: u32) -> AntiCsrfToken {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let parts: [&[u8]; 4] = [
        b"anti-csrf 1",
        handle.as_bytes(),
        salt.as_bytes(),
        &generation.to_be_bytes(),
    ];
    AntiCsrfToken::new(Base64UrlUnpadded::encode_string(mac(key, &parts).expose()))
}

/// The answer of an object that holds nothing, when it can be given without writing: reading leaves nothing behind.
/// `None` when the call has to be answered over a store.
pub fn answer_empty(call: &UserCall) -> Option<UserReply> {
    match call {
        UserCall::Create(_)
        | UserCall::CreateBound { .. }
        | UserCall::Adopt { .. }
        | UserCall::EndBefore { .. } => None,
        UserCall::WriteData { handle, .. } if is_foreign(handle) => None,
        UserCall::Revoke { handles, .. } if handles.iter().any(|handle| is_foreign(handle)) => None,
        UserCall::Check { handle, .. } if is_foreign(handle) => Some(NEVER_ENDED),
        #[cfg(postern_next)]
        UserCall::CheckNext { handle } if is_foreign(handle) => Some(NEVER_ENDED),
        UserCall::ReadData { handle, .. } if is_foreign(handle) => Some(UserReply::Data {
            session_data: EMPTY.to_owned(),
            seq: 0,
        }),
        UserCall::ListSessions { .. } | UserCall::ListOwn { .. } => Some(NOTHING_LISTED),
        UserCall::Erase { .. } => Some(UserReply::Erased {
            handles: Vec::new(),
            goes_on: false,
        }),
        UserCall::List { .. }
        | UserCall::ListForeign { .. }
        | UserCall::Revoke { .. }
        | UserCall::RevokeAll { .. }
        | UserCall::RevokeOthers { .. } => Some(UserReply::Handles {
            handles: Vec::new(),
        }),
        _ => Some(GONE),
    }
}
