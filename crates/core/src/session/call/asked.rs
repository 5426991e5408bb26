//! What is asked of a user's object.

use serde::{Deserialize, Serialize};

use crate::{
    message::raw,
    session::{listing::Cursor, minting::TokenLimit, model::Device},
};
use postern_jwt::{
    proof::Thumbprint,
    secret::AntiCsrfToken,
    time::{Millis, UnixMillis},
};

/// A question or an order to a user's object. Handles in it have passed the tag check.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserCall {
    /// Create a session.
    Create(Create),
    /// Create a session that is bound to a key by DPoP (RFC 9449). An object that does not know it makes none.
    CreateBound {
        /// The session.
        create: Create,
        /// The thumbprint of the key.
        key: Thumbprint,
    },
    /// Take over a session of a SuperTokens core, unless it is here or has ended here. Answered as a session that was created,
    /// with its first refresh token, as often as it is asked while the session lives; or as a theft, which ends it.
    Adopt {
        /// The session, as one that is to be created.
        create: Create,
        /// When it was created there.
        created: UnixMillis,
        /// When it ends there unless it is refreshed.
        expiry: UnixMillis,
        /// Whether the core has seen a refresh token of it twice.
        is_stolen: bool,
    },
    /// Exchange a refresh token.
    Refresh(Refresh),
    /// Verify a session whose access token was checked, by the protocol's rules.
    Verify(Verify),
    /// Is this session live?
    Check {
        /// The session.
        handle: String,
        /// The `iat` of the token at hand, where a handle names a subject and not one of its sessions (a trusted issuer's
        /// that has no name for sessions): a token that was made after such a handle was ended is of a new session.
        #[serde(default)]
        issued: Option<UnixMillis>,
    },
    /// Read the session data.
    ReadData {
        /// The session.
        handle: String,
        /// The reader found no KV copy, or a lapsed one: have it renewed.
        copy_lapsed: bool,
    },
    /// Overwrite the session data.
    WriteData {
        /// The session.
        handle: String,
        /// The new data: the text of one JSON object.
        #[serde(with = "raw")]
        session_data: String,
        /// For a trusted issuer's session: how long the data is kept.
        keep_for: Option<Millis>,
    },
    /// Read everything about a session.
    ReadInformation {
        /// The session.
        handle: String,
    },
    /// Replace the stored payload; live access tokens keep theirs.
    ReplacePayload {
        /// The session.
        handle: String,
        /// The new payload: the text of one JSON object.
        #[serde(with = "raw")]
        payload: String,
    },
    /// Merge members into the stored payload; live access tokens keep theirs.
    MergePayload {
        /// The session.
        handle: String,
        /// The text of one JSON object: its members replace the stored ones, `null` takes one away.
        #[serde(with = "raw")]
        changes: String,
        /// What the access token of the merged payload may be.
        limit: TokenLimit,
    },
    /// Replace the payload and allow a new access token with it, of the same remaining life.
    Regenerate {
        /// The session.
        handle: String,
        /// The new payload; `None` keeps the stored one.
        #[serde(default, with = "raw::optional")]
        payload: Option<String>,
        /// What the new token takes over from the one at hand.
        carried: Carried,
    },
    /// An access token that a refresh made was used for the first time, as far as the isolate knows. Nobody waits for the
    /// answer, and nothing is lost when there is none.
    NoteUse {
        /// The session.
        handle: String,
        /// The access token's `refreshTokenHash1`.
        hash1: String,
    },
    /// Use a ticket of a session, whose MAC was checked: it works once.
    RedeemTicket {
        /// The session.
        handle: String,
        /// The ticket's own name.
        id: String,
        /// When the ticket can no longer be used.
        expires: UnixMillis,
    },
    /// Bind a session to the key of a device, whose proof was checked, and allow an access token that says so, of the same
    /// remaining life.
    BindDevice {
        /// The session.
        handle: String,
        /// The thumbprint of the key.
        thumbprint: Thumbprint,
        /// The public key, as a JWK.
        key: String,
        /// What the new token takes over from the one at hand.
        carried: Carried,
    },
    /// The browser of a bound session has shown that it knows of it. Nobody waits for the answer.
    ConfirmDevice {
        /// The session.
        handle: String,
        /// The thumbprint of the key.
        thumbprint: Thumbprint,
    },
    /// Read the key that a session is bound to.
    ReadDevice {
        /// The session.
        handle: String,
    },
    /// The device of a session has answered a challenge, whose MAC and signature were checked: it counts once.
    ProveDevice {
        /// The session.
        handle: String,
        /// The thumbprint of the key.
        thumbprint: Thumbprint,
        /// The challenge's own name.
        challenge: String,
        /// When the challenge can no longer be answered.
        expires: UnixMillis,
        /// Allow a new access token.
        renew: bool,
    },
    /// List a user's sessions.
    List {
        /// The user.
        user_id: String,
        /// In one tenant, or in all.
        tenant_id: Option<String>,
    },
    /// A page of a user's sessions with their facts.
    ListSessions {
        /// The user.
        user_id: String,
        /// In one tenant, or in all.
        tenant_id: Option<String>,
        /// Where the page begins; `None` = with the newest.
        after: Option<Cursor>,
        /// The ended ones in place of the live ones.
        ended: bool,
    },
    /// A page of the sessions of the one user whose object this is, as [`Self::ListSessions`] lists them: for whoever knows the
    /// object and not the user.
    ListOwn {
        /// Where the page begins; `None` = with the newest.
        after: Option<Cursor>,
        /// The ended ones in place of the live ones.
        ended: bool,
    },
    /// End sessions.
    Revoke {
        /// Which.
        handles: Vec<String>,
        /// For trusted issuers' sessions: how long a tombstone is kept.
        keep_for: Option<Millis>,
        /// Report also the ones that an earlier call has ended.
        repeatable: bool,
        /// Who ends them, by the name of an [`EndedBy`](crate::session::listing::EndedBy); `None` = of a release that does not say.
        #[serde(default)]
        by: Option<String>,
    },
    /// End a user's sessions.
    RevokeAll {
        /// The user.
        user_id: String,
        /// In one tenant, or in all.
        tenant_id: Option<String>,
        /// When there is nothing left to end, report the ones that the last such call has ended.
        repeatable: bool,
        /// Who ends them, by the name of an [`EndedBy`](crate::session::listing::EndedBy); `None` = of a release that does not say.
        #[serde(default)]
        by: Option<String>,
    },
    /// End a user's sessions but one. A repeated call reports the same ones.
    RevokeOthers {
        /// The user.
        user_id: String,
        /// In one tenant, or in all.
        tenant_id: Option<String>,
        /// The session that goes on.
        keep: String,
        /// Who ends them, as in [`Self::RevokeAll`].
        by: Option<String>,
    },
    /// Have no token of a trusted issuer's subject count that was made up to a moment, because the issuer says so. Only ever
    /// moves forward, and can be repeated.
    EndBefore {
        /// The handle that names the subject, or its mark.
        handle: String,
        /// The moment; one that lies ahead is now.
        moment: UnixMillis,
        /// How long that is remembered: until no such token is accepted any more.
        keep_for: Millis,
    },
    /// End what a person has here and forget everything about the person, at most
    /// [`ERASE_BATCH`](crate::session::user::ERASE_BATCH) sessions at a time. Can be repeated, also after it is done.
    Erase {
        /// The user; `None` = the object is that of a trusted issuer's user, and everything in it is the user's.
        user_id: Option<String>,
        /// For trusted issuers' sessions: how long a tombstone is kept.
        keep_for: Option<Millis>,
    },
    /// A page of the trusted issuer's sessions about which something is stored, by handle.
    ListForeign {
        /// The last handle of the page before; `None` = from the first.
        after: Option<String>,
    },
    /// As [`Self::Check`], of the next release.
    #[cfg(postern_next)]
    CheckNext {
        /// The session.
        handle: String,
    },
}

impl UserCall {
    /// Whether the call leaves everything as it is, and so has nothing for the alarm to do.
    pub const fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Check { .. }
                | Self::ReadData {
                    copy_lapsed: false,
                    ..
                }
                | Self::ReadInformation { .. }
                | Self::ReadDevice { .. }
                | Self::List { .. }
                | Self::ListSessions { ended: false, .. }
                | Self::ListOwn { ended: false, .. }
                | Self::ListForeign { .. }
        )
    }
}

/// Creates a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Create {
    /// The new handle, drawn by the isolate.
    pub handle: String,
    /// The user.
    pub user_id: String,
    /// The tenant.
    pub tenant_id: String,
    /// The payload: the text of one JSON object.
    #[serde(with = "raw")]
    pub payload: String,
    /// The session data: the text of one JSON object; `None` when there is none.
    #[serde(default, with = "raw::optional")]
    pub session_data: Option<String>,
    /// Bind the tokens to an anti-CSRF token.
    pub anti_csrf: bool,
    /// Sign with the dynamic key.
    pub use_dynamic_key: bool,
    /// Asked for through the service API: signed with RS256 whatever the setting, and no `iss` of ours is added.
    pub by_service_api: bool,
    /// Validity of the access token in place of the setting, without jitter (protocol 5.6).
    pub access_token_validity: Option<Millis>,
    /// Device facts, already coarsened.
    pub device: Option<Device>,
    /// Which way it is made, by the name of a [`MadeBy`](crate::session::listing::MadeBy); `None` = of a release that does not say.
    #[serde(default)]
    pub made_by: Option<String>,
}

/// Exchanges a refresh token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refresh {
    /// The refresh token, whole.
    pub token: String,
    /// The anti-CSRF token presented with it.
    pub anti_csrf_token: Option<String>,
    /// Compare it with the token's own.
    pub check_anti_csrf: bool,
    /// Bind the new tokens to an anti-CSRF token; `None` = if the presented one is.
    pub anti_csrf: Option<bool>,
    /// Which kind of entry point asks.
    #[serde(rename = "door")]
    pub rotation_mode: RotationMode,
    /// Sign with the dynamic key from now on; `None` = as before.
    pub use_dynamic_key: Option<bool>,
    /// Claims that must not stand in the payload of the token to be minted.
    pub protected_claims: Vec<String>,
    /// Validity of the access token in place of the setting, without jitter (protocol 5.6).
    pub access_token_validity: Option<Millis>,
    /// What was sent to show the device of a bound session. Absent from an isolate of before: it cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceShown>,
    /// The proof of possession that came with it, whose signature was checked. Of a session that is bound to no key it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofShown>,
}

/// A proof of possession (RFC 9449) that was checked, for the user's object to use up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofShown {
    /// The thumbprint of the key that it was signed with.
    pub key: Thumbprint,
    /// Names the proof: a digest of key, method, URL and `jti`.
    pub id: String,
    /// When it could no longer be used.
    pub expires: UnixMillis,
}

/// What came with a refresh token to show the device of its session. Of a session that is not bound it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceShown {
    /// The value of the bound cookie, as it was sent.
    #[serde(default)]
    pub cookie: Option<String>,
    /// The browser says that it could not renew the cookie, or it does not wait for it before such a request: its absence
    /// is a reason to refuse, and not to end the session.
    #[serde(default)]
    pub is_excused: bool,
}

/// The rotation rules of an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationMode {
    /// RPC and the browser API: eager, with a quiet period.
    Own,
    /// Protocol 5.6: eager, no quiet period.
    Eager,
    /// Protocol up to 5.5: lazy.
    Lazy,
}

/// Verifies a session by the protocol's rules (cdi.md 3.3 and 3.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verify {
    /// The session.
    pub handle: String,
    /// The access token's `refreshTokenHash1`.
    pub hash1: String,
    /// The access token's `parentRefreshTokenHash1`.
    pub parent_hash1: Option<String>,
    /// The access token's payload.
    #[serde(with = "raw")]
    pub payload: String,
    /// The access token's anti-CSRF token, carried over to a new one.
    pub anti_csrf_token: Option<AntiCsrfToken>,
    /// The row must exist.
    pub check_database: bool,
    /// [`RotationMode::Lazy`] promotes and re-mints; any other only looks.
    #[serde(rename = "door")]
    pub rotation_mode: RotationMode,
}

/// What a regenerated access token takes over from the one at hand, whose signature was checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Carried {
    /// When the token at hand expires.
    pub expiry: UnixMillis,
    /// Its `refreshTokenHash1`.
    pub hash1: String,
    /// Its `parentRefreshTokenHash1`, so that a later verify can still promote.
    pub parent_hash1: Option<String>,
    /// Its anti-CSRF token.
    pub anti_csrf_token: Option<AntiCsrfToken>,
    /// The device that it says its session is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Thumbprint>,
}
