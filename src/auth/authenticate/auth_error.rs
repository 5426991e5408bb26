//! A request whose session was refused, with what its answer and the log need to know.

use crate::auth::{
    device::{self},
    dpop::{self},
};
use crate::runtime::log;
use postern_core::{
    error::{self, Presented},
    gateway::DeviceFault,
    http::reply::Reply,
    refusal::Refusal,
    settings::Settings,
    supertokens::fdi::answers,
};

pub(super) fn not_shown(fault: dpop::NotShown) -> AuthError {
    AuthError {
        presented: fault.presented,
        detail: fault.detail,
        ..refused(fault.refusal)
    }
}

/// A refusal, with what the answer needs to know about the request.
pub(crate) struct AuthError {
    pub(crate) refusal: Refusal,
    pub(crate) presented: Presented,
    pub(crate) own_session_is_gone: bool,
    /// The token is good, and the request does not show that a page of ours made it.
    pub(crate) token_is_good: bool,
    /// What is wrong with its device.
    pub(crate) device: DeviceFault,
    /// What the log has in place of the refusal's text.
    pub(crate) detail: Option<String>,
}

pub(crate) const NO_TOKEN: AuthError = AuthError {
    refusal: Refusal::Unauthorised("the request carries no access token"),
    presented: Presented::Nothing,
    own_session_is_gone: false,
    token_is_good: false,
    device: DeviceFault::None,
    detail: None,
};

impl AuthError {
    /// What the log says of it.
    pub(crate) fn log_text(&self) -> String {
        let detail = self.detail.clone();
        detail.unwrap_or_else(|| error::detail(&self.refusal))
    }

    pub(crate) fn reply(&self, settings: &Settings) -> Reply {
        let reason = error::Outcome::of(&self.refusal).code;
        log::write_with(
            log::Event::BrowserApi,
            &[(log::Member::Reason, reason)],
            &self.log_text(),
        );
        let reply = answers::verify_refused(
            settings,
            &self.refusal,
            self.presented,
            self.own_session_is_gone,
        );
        if self.device == DeviceFault::BeingBound {
            reply.with_header("retry-after", "1")
        } else {
            reply
        }
    }

    /// The same, if the browser says that it could not renew the cookie that shows the device: nobody is to refresh then.
    pub(crate) fn unless_skipped(self, skipped: Option<&str>) -> Self {
        match skipped {
            Some(reason) if self.device == DeviceFault::CookieMissing => {
                log::write(log::Event::DeviceSkipped, &device::skipped(reason));
                Self {
                    refusal: Refusal::GeneralError("the browser could not show the device"),
                    ..self
                }
            }
            _ => self,
        }
    }
}

/// Nothing that counts here; a token that was passed over is for the log.
pub(super) fn none(passed_over: Option<String>) -> AuthError {
    AuthError {
        detail: passed_over,
        ..NO_TOKEN
    }
}

pub(crate) const fn refused(refusal: Refusal) -> AuthError {
    AuthError {
        refusal,
        presented: Presented::Token,
        own_session_is_gone: false,
        token_is_good: false,
        device: DeviceFault::None,
        detail: None,
    }
}
