//! What a refresh has to show of the keys that its session is bound to.

pub(super) mod device;
pub(super) mod key;

use crate::{message::Unread, session::call::UserReply};

/// The answer to an isolate of a release that would make tokens which do not say that the session is bound. It answers 503.
pub(super) const OUT_OF_REACH: UserReply = UserReply::Unread {
    why: Unread::Unsupported,
};
