//! The calls and replies as messages: which members, in which order.

use super::{
    AccessGrant, Carried, Create, Door, Envelope, Gone, Question, Refresh, UserCall, UserReply,
    Verify,
};
use crate::{
    session::model::{Device, ReuseSubtype, SessionView, TokenInfo},
    wire::{wire_enum, wire_struct},
};

wire_enum! { UserCall {
    0 => Create(create),
    1 => Refresh(refresh),
    2 => Verify(verify),
    3 => Check { handle },
    4 => ReadData { handle, copy_lapsed },
    5 => WriteData { handle, session_data, keep_for },
    6 => ReadInformation { handle },
    7 => ReplacePayload { handle, payload },
    8 => Regenerate { handle, payload, carried },
    9 => List { user_id, tenant_id },
    10 => Revoke { handles, keep_for, repeatable },
    11 => RevokeAll { user_id, tenant_id, repeatable },
    else Self::Check { handle: String::new() },
} }

wire_enum! { UserReply {
    0 => Issued { session, access, refresh },
    1 => Live { session, access, payload_update_available, data_seq },
    2 => Standing { data_seq },
    3 => Data { session_data, seq },
    4 => Written { seq },
    5 => CopyPending,
    6 => Done,
    7 => Information { session, session_data, expiry, created, last_refreshed, device },
    8 => Handles(handles),
    9 => Unauthorised(gone),
    10 => Theft { handle, user_id, subtype },
    11 => RevocationPending,
    else Self::Done,
} }

wire_enum! { Gone {
    0 => NoSession,
    1 => NotOurs,
    2 => AntiCsrf,
    3 => RotatedOut,
    4 => ProtectedClaim,
    else Self::NoSession,
} }

wire_enum! { Door {
    0 => Own,
    1 => Eager,
    2 => Lazy,
    else Self::Own,
} }

wire_enum! { ReuseSubtype {
    0 => RecentPrev,
    1 => OrphanedBranch,
    2 => StaleLineage,
    else Self::RecentPrev,
} }

wire_struct! {
    Create {
        handle, user_id, tenant_id, payload, session_data, anti_csrf, use_dynamic_key, by_service_api,
        access_token_validity, device,
    }
    Refresh {
        token, anti_csrf_token, check_anti_csrf, anti_csrf, door, use_dynamic_key, protected_claims,
        access_token_validity,
    }
    Verify { handle, hash1, parent_hash1, payload, anti_csrf_token, check_database, door }
    Carried { expiry, hash1, parent_hash1, anti_csrf_token }
    AccessGrant { created, expiry, hash1, parent_hash1, anti_csrf_token, use_dynamic_key, by_service_api }
    Envelope { as_of, reply }
    Question { not_before, call }
    SessionView { handle, user_id, tenant_id, payload }
    TokenInfo { token, expiry, created }
    Device { user_agent, ip }
}
