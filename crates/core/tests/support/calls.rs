//! Calls to a user's object in their plainest form. Whoever wants more of one writes it out.

use postern_core::session::call::{Create, Gone, Refresh, RotationMode, UserCall, UserReply};

pub const GONE: UserReply = UserReply::Unauthorised {
    reason: Gone::NoSession,
};
pub const ROTATION_MODES: [RotationMode; 3] =
    [RotationMode::Own, RotationMode::Eager, RotationMode::Lazy];

pub fn create(handle: &str, user_id: &str, tenant_id: &str, data: Option<&str>) -> UserCall {
    UserCall::Create(Create {
        handle: handle.to_owned(),
        user_id: user_id.to_owned(),
        tenant_id: tenant_id.to_owned(),
        payload: "{}".to_owned(),
        session_data: data.map(str::to_owned),
        anti_csrf: false,
        use_dynamic_key: true,
        by_service_api: false,
        access_token_validity: None,
        device: None,
        made_by: None,
    })
}

pub fn refresh(token: &str, rotation_mode: RotationMode) -> UserCall {
    UserCall::Refresh(Refresh {
        token: token.to_owned(),
        anti_csrf_token: None,
        check_anti_csrf: false,
        anti_csrf: Some(false),
        rotation_mode,
        use_dynamic_key: None,
        protected_claims: Vec::new(),
        access_token_validity: None,
        device: None,
        proof: None,
    })
}

pub fn read(handle: &str) -> UserCall {
    UserCall::ReadData {
        handle: handle.to_owned(),
        copy_lapsed: false,
    }
}

pub fn write(handle: &str, text: &str) -> UserCall {
    UserCall::WriteData {
        handle: handle.to_owned(),
        session_data: text.to_owned(),
        keep_for: None,
    }
}

pub fn replace_payload(handle: &str, payload: &str) -> UserCall {
    UserCall::ReplacePayload {
        handle: handle.to_owned(),
        payload: payload.to_owned(),
    }
}

pub fn check(handle: &str) -> UserCall {
    UserCall::Check {
        handle: handle.to_owned(),
        issued: None,
    }
}

pub fn list(user_id: &str) -> UserCall {
    UserCall::List {
        user_id: user_id.to_owned(),
        tenant_id: None,
    }
}

/// `repeatable`: the answer to a repeated call names the same sessions.
pub fn revoke(handles: Vec<String>, repeatable: bool) -> UserCall {
    UserCall::Revoke {
        handles,
        keep_for: None,
        repeatable,
        by: None,
    }
}

pub fn revoke_one(handle: &str) -> UserCall {
    revoke(vec![handle.to_owned()], false)
}

pub fn revoke_all(user_id: &str, tenant: Option<&str>, repeatable: bool) -> UserCall {
    UserCall::RevokeAll {
        user_id: user_id.to_owned(),
        tenant_id: tenant.map(str::to_owned),
        repeatable,
        by: None,
    }
}
