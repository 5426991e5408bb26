//! What isolates ask of the key ring: the path of a request says what, its body carries the protocol number and the rest.
//! The ends may be of two releases: how a member or a call is added is said in [`crate::message`].

use serde::{Deserialize, Serialize};

use crate::message::{self, NEWEST, OLDEST, Unread};
use postern_jwt::time::UnixMillis;

/// What an isolate wants, besides a copy of the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RingCall {
    /// Nothing else.
    Ring,
    /// New dynamic keys; they sign after the overlap.
    Rotate,
    /// A key out of use at once.
    Withdraw {
        /// Its name.
        kid: String,
    },
    /// Everybody's sessions from before this moment ended.
    CutOff {
        /// The moment.
        moment: UnixMillis,
    },
    /// New secrets beside the signing keys; they make after the overlap.
    RotateSecrets,
    /// Something about backups, which is answered with no copy.
    Sealing(Sealing),
    /// As [`Self::Ring`], of the next release.
    #[cfg(postern_next)]
    RingNext,
}

/// What an operator wants of the ring that concerns its backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealing {
    /// The ring, sealed to a key: the text of a public JWK.
    Backup {
        /// The key.
        key: String,
    },
    /// A key of the object's own that a backup is to be sealed to, so that it can be restored.
    RestoreKey,
    /// The ring that is in this backup.
    Restore {
        /// The text of the backup.
        backup: String,
        /// Even if there is another ring.
        replace: bool,
    },
}

/// The body of a request. A release that sent none understood number 1.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Body {
    #[serde(default = "first")]
    protocol: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moment: Option<UnixMillis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backup: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    replace: bool,
}

/// The number of a message that says none.
pub(super) const fn first() -> u32 {
    1
}

impl RingCall {
    /// The path that names the call, without the slash.
    pub const fn path(&self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Rotate => "rotate",
            Self::Withdraw { .. } => "withdraw",
            Self::CutOff { .. } => "cut-off",
            Self::RotateSecrets => "rotate-secrets",
            Self::Sealing(Sealing::Backup { .. }) => "backup",
            Self::Sealing(Sealing::RestoreKey) => "restore-key",
            Self::Sealing(Sealing::Restore { .. }) => "restore",
            #[cfg(postern_next)]
            Self::RingNext => "ring-next",
        }
    }

    /// The body of the request.
    pub fn body(&self) -> Option<String> {
        let mut body = Body {
            protocol: NEWEST,
            ..Body::default()
        };
        match self {
            Self::Ring
            | Self::Rotate
            | Self::RotateSecrets
            | Self::Sealing(Sealing::RestoreKey) => {}
            Self::Withdraw { kid } => body.kid = Some(kid.clone()),
            Self::CutOff { moment } => body.moment = Some(*moment),
            Self::Sealing(Sealing::Backup { key }) => body.key = Some(key.clone()),
            Self::Sealing(Sealing::Restore { backup, replace }) => {
                body.backup = Some(backup.clone());
                body.replace = *replace;
            }
            #[cfg(postern_next)]
            Self::RingNext => {}
        }
        message::encode(&body)
    }

    /// What a request asks for, and the highest number that its sender understands.
    pub fn read(path: &str, body: &str) -> Result<(u32, Self), Unread> {
        let body = if body.is_empty() { "{}" } else { body };
        let Body {
            protocol,
            kid,
            moment,
            key,
            backup,
            replace,
        } = message::read(body)?;
        if protocol < OLDEST {
            return Err(Unread::Unsupported);
        }
        let call = match path {
            "ring" => Self::Ring,
            "rotate" => Self::Rotate,
            "rotate-secrets" => Self::RotateSecrets,
            "withdraw" => Self::Withdraw {
                kid: kid.ok_or(Unread::Damaged)?,
            },
            "cut-off" => Self::CutOff {
                moment: moment.ok_or(Unread::Damaged)?,
            },
            "backup" => Self::Sealing(Sealing::Backup {
                key: key.ok_or(Unread::Damaged)?,
            }),
            "restore-key" => Self::Sealing(Sealing::RestoreKey),
            "restore" => Self::Sealing(Sealing::Restore {
                backup: backup.ok_or(Unread::Damaged)?,
                replace,
            }),
            #[cfg(postern_next)]
            "ring-next" => Self::RingNext,
            _ => return Err(Unread::Unsupported),
        };
        Ok((protocol, call))
    }
}

#[cfg(test)]
mod tests {
    use super::{RingCall, Sealing};
    use crate::message::{NEWEST, Unread};
    use postern_jwt::time::UnixMillis;

    fn restore(replace: bool) -> RingCall {
        RingCall::Sealing(Sealing::Restore {
            backup: "a.b".to_owned(),
            replace,
        })
    }

    #[test]
    fn calls_are_read_as_they_were_written() {
        for call in [
            RingCall::Ring,
            RingCall::Rotate,
            RingCall::RotateSecrets,
            RingCall::Withdraw {
                kid: "d-1".to_owned(),
            },
            RingCall::CutOff {
                moment: UnixMillis(7),
            },
            RingCall::Sealing(Sealing::Backup {
                key: r#"{"kty":"RSA"}"#.to_owned(),
            }),
            RingCall::Sealing(Sealing::RestoreKey),
            restore(false),
            restore(true),
        ] {
            let read = RingCall::read(call.path(), &call.body().unwrap());
            assert_eq!(read, Ok((NEWEST, call)));
        }
    }

    /// For ever: other releases send and expect these.
    #[test]
    fn golden_calls() {
        let kid = || RingCall::Withdraw {
            kid: "k".to_owned(),
        };
        let moment = || RingCall::CutOff {
            moment: UnixMillis(5),
        };
        for (path, body, protocol, call) in [
            // From before there were numbers.
            ("ring", "", 1, RingCall::Ring),
            ("rotate", "", 1, RingCall::Rotate),
            ("withdraw", r#"{"kid":"k"}"#, 1, kid()),
            ("cut-off", r#"{"moment":5}"#, 1, moment()),
            ("ring", r#"{"protocol":1}"#, 1, RingCall::Ring),
            ("rotate", r#"{"protocol":9,"new":[1]}"#, 9, RingCall::Rotate),
            ("withdraw", r#"{"protocol":1,"kid":"k"}"#, 1, kid()),
            ("cut-off", r#"{"protocol":1,"moment":5}"#, 1, moment()),
            (
                "backup",
                r#"{"protocol":4,"key":"k"}"#,
                4,
                RingCall::Sealing(Sealing::Backup {
                    key: "k".to_owned(),
                }),
            ),
            (
                "rotate-secrets",
                r#"{"protocol":4}"#,
                4,
                RingCall::RotateSecrets,
            ),
            (
                "restore-key",
                r#"{"protocol":4}"#,
                4,
                RingCall::Sealing(Sealing::RestoreKey),
            ),
            (
                "restore",
                r#"{"protocol":4,"backup":"a.b"}"#,
                4,
                restore(false),
            ),
            (
                "restore",
                r#"{"protocol":4,"backup":"a.b","replace":true}"#,
                4,
                restore(true),
            ),
        ] {
            assert_eq!(
                RingCall::read(path, body),
                Ok((protocol, call)),
                "{path} {body}"
            );
        }
    }

    #[test]
    fn what_is_no_call_says_why() {
        for (path, body, why) in [
            ("nothing", "", Unread::Unsupported),
            ("nothing", r#"{"protocol":7}"#, Unread::Unsupported),
            ("ring", r#"{"protocol":0}"#, Unread::Unsupported),
            ("ring", r#"{"protocol":-1}"#, Unread::Damaged),
            ("ring", "[", Unread::Damaged),
            ("withdraw", "", Unread::Damaged),
            ("withdraw", r#"{"kid":1}"#, Unread::Damaged),
            ("cut-off", r#"{"moment":1.5}"#, Unread::Damaged),
            ("backup", r#"{"key":{}}"#, Unread::Damaged),
            ("restore", r#"{"replace":true}"#, Unread::Damaged),
            (
                "restore",
                r#"{"backup":"a.b","replace":"no"}"#,
                Unread::Damaged,
            ),
        ] {
            assert_eq!(RingCall::read(path, body), Err(why), "{path} {body}");
        }
    }
}
