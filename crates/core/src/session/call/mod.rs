//! What the isolates ask of a user's object, and what it answers: the messages between `src/objects/user_sessions/client.rs` and
//! `src/objects/user_sessions/object`. The ends may be of two releases: how a member or a call is added is said in
//! [`crate::message`].

mod asked;
mod reply;

pub use asked::{
    Carried, Create, DeviceShown, ProofShown, Refresh, RotationMode, UserCall, Verify,
};
pub use reply::{Gone, UserReply};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::message::Message;
use postern_jwt::time::UnixMillis;

/// What an isolate sends: a call, and what the object has to know besides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserRequest<C = UserCall> {
    /// The highest protocol number that the isolate understands.
    pub protocol: u32,
    /// The cut-off as far as the isolate knows: sessions created before it have ended, whoever they belong to.
    pub not_before: UnixMillis,
    /// The call.
    pub call: C,
}

impl<C: Serialize + DeserializeOwned> Message for UserRequest<C> {
    type Content = C;

    fn protocol(&self) -> u32 {
        self.protocol
    }
}

/// An answer with the object's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserResponse<R = UserReply> {
    /// The protocol number that the answer is given in.
    pub protocol: u32,
    /// The object's time when it answered: what is said is true as of then.
    pub as_of: UnixMillis,
    /// The answer.
    pub reply: R,
}

impl<R: Serialize + DeserializeOwned> Message for UserResponse<R> {
    type Content = R;

    fn protocol(&self) -> u32 {
        self.protocol
    }
}
