//! Refresh tokens and access tokens are presented, some of them forged.

use postern_core::session::call::{Carried, Gone, RotationMode, UserCall, UserReply, Verify};

use super::World;
use crate::{
    reference::{Standing, Verdict},
    support::{
        calls::{GONE, ROTATION_MODES},
        random::Random,
        user::handle,
    },
};

impl World {
    /// Somebody presents a token: mostly one of the newest, now and then any that ever was.
    pub(super) fn refresh(&mut self, random: &mut Random) {
        let count = self.model.tokens.len() as u64;
        let among = if random.chance(80) {
            count.min(4)
        } else {
            count
        };
        let token = (count - 1 - random.below(among)) as usize;
        let rotation_mode = random.pick(&ROTATION_MODES);
        let text = self.model.tokens[token].text.clone();
        let session = self.model.tokens[token].session;
        let now = self.now();
        let reply = self.object.user.refresh(&text, rotation_mode);
        match (self.model.refresh(token, rotation_mode, now), reply) {
            (
                Verdict::NewChild,
                UserReply::Issued {
                    access,
                    refresh,
                    session: view,
                },
            ) => {
                assert!(
                    self.model
                        .tokens
                        .iter()
                        .all(|known| known.text != refresh.token),
                    "a token twice"
                );
                let parent = (rotation_mode == RotationMode::Lazy).then_some(token);
                let child = self.model.issued(session, refresh.token, Some(token));
                self.note(&access, child, parent, &view.payload);
            }
            (
                Verdict::Same,
                UserReply::Issued {
                    access,
                    refresh,
                    session: view,
                },
            ) => {
                assert_eq!(refresh.token, text);
                self.note(&access, token, None, &view.payload);
            }
            (Verdict::Gone, reply) => assert_eq!(reply, GONE),
            (
                Verdict::Theft(expected),
                UserReply::Theft {
                    handle,
                    user_id,
                    subtype,
                    ..
                },
            ) => {
                let stolen_from = &self.model.sessions[session].handle;
                assert_eq!(
                    (&handle, user_id.as_str(), subtype),
                    (stolen_from, "u1", expected)
                );
            }
            (expected, reply) => panic!("expected {expected:?}, got {reply:?}"),
        }
    }

    pub(super) fn verify(&mut self, random: &mut Random) {
        let access = self.accesses[random.below(self.accesses.len() as u64) as usize].clone();
        let (rotation_mode, check_database) = (random.pick(&ROTATION_MODES), random.chance(50));
        let now = self.now();
        let reply = self.object.user.call(UserCall::Verify(Verify {
            handle: self.model.sessions[access.session].handle.clone(),
            hash1: access.hash1.clone(),
            parent_hash1: access.parent_hash1.clone(),
            payload: access.payload.clone(),
            anti_csrf_token: None,
            check_database,
            rotation_mode,
        }));
        let expected = self
            .model
            .verify(&access, rotation_mode, check_database, now);
        match (expected, reply) {
            (Standing::Gone, reply) => assert_eq!(reply, GONE),
            (Standing::RotatedOut, reply) => {
                assert_eq!(
                    reply,
                    UserReply::Unauthorised {
                        reason: Gone::RotatedOut
                    }
                );
            }
            (
                Standing::Good { differs },
                UserReply::Live {
                    access: None,
                    payload_update_available,
                    session,
                    ..
                },
            ) => {
                assert_eq!(
                    (session.payload, payload_update_available),
                    (access.payload, differs)
                );
            }
            (
                Standing::Reminted,
                UserReply::Live {
                    access: Some(grant),
                    session,
                    ..
                },
            ) => {
                assert_eq!(session.payload, self.model.sessions[access.session].payload);
                assert_eq!((&grant.hash1, &grant.parent_hash1), (&access.hash1, &None));
                self.note(&grant, access.token, None, &session.payload);
            }
            (expected, reply) => panic!("expected {expected:?}, got {reply:?}"),
        }
    }

    /// An isolate has seen an access token, and tells the object.
    pub(super) fn note_use(&mut self, random: &mut Random) {
        let access = self.accesses[random.below(self.accesses.len() as u64) as usize].clone();
        let reply = self.object.user.call(UserCall::NoteUse {
            handle: self.model.sessions[access.session].handle.clone(),
            hash1: access.hash1.clone(),
        });
        let is_live = self.model.see(&access, self.now());
        assert_eq!(reply, if is_live { UserReply::Done {} } else { GONE });
    }

    pub(super) fn regenerate(&mut self, random: &mut Random) {
        let access = self.accesses[random.below(self.accesses.len() as u64) as usize].clone();
        let payload = self.value();
        let reply = self.object.user.call(UserCall::Regenerate {
            handle: self.model.sessions[access.session].handle.clone(),
            payload: Some(payload.clone()),
            carried: Carried {
                expiry: postern_jwt::time::UnixMillis(access.expiry),
                hash1: access.hash1.clone(),
                parent_hash1: access.parent_hash1.clone(),
                anti_csrf_token: None,
                device: None,
            },
        });
        let now = self.now();
        if !self.model.see(&access, now) {
            return assert_eq!(reply, GONE);
        }
        let session = &mut self.model.sessions[access.session];
        session.payload.clone_from(&payload);
        let UserReply::Live { access: grant, .. } = reply else {
            panic!("not regenerated: {reply:?}")
        };
        assert_eq!(grant.is_some(), access.expiry > now);
        if let Some(grant) = grant {
            self.note(&grant, access.token, access.parent, &payload);
        }
    }

    /// Bytes that were never issued: nothing at all may change.
    pub(super) fn forge(&mut self, random: &mut Random) {
        let before = self.object.user.store.clone();
        let count = self.model.tokens.len() as u64;
        let text = self.model.tokens[random.below(count) as usize].text.clone();
        let other = self.model.tokens[random.below(count) as usize].text.clone();
        let parts: Vec<&str> = text.rsplitn(4, '.').collect();
        let [mac, index, generation, head] = parts[..] else {
            panic!()
        };
        let next = |number: &str| (number.parse::<u32>().unwrap() + 1).to_string();
        let forged = match random.below(7) {
            0 => format!("{head}.{}.{index}.{mac}", next(generation)),
            1 => format!("{head}.{generation}.{}.{mac}", next(index)),
            2 => format!(
                "{head}.{generation}.{index}.{}",
                mac.chars().rev().collect::<String>()
            ),
            3 => format!("{head}.{generation}.{index}.{}", &mac[1..]),
            4 => format!("1.{}.{generation}.{index}.{mac}", handle(99)),
            5 => format!("{text}.{mac}"),
            // The MAC of another token, if it is another's.
            _ => format!(
                "{head}.{generation}.{index}.{}",
                other.rsplit('.').next().unwrap()
            ),
        };
        if self.model.tokens.iter().any(|token| token.text == forged) {
            return;
        }
        let reply = self
            .object
            .user
            .refresh(&forged, random.pick(&ROTATION_MODES));
        assert!(
            matches!(
                reply,
                UserReply::Unauthorised {
                    reason: Gone::NotOurs | Gone::NoSession
                }
            ),
            "{reply:?}"
        );
        assert!(
            self.object.user.store == before,
            "forged bytes changed something"
        );
    }
}
