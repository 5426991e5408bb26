//! Sessions are read, changed and ended.

use postern_core::session::call::{UserCall, UserReply};

use super::World;
use crate::support::{
    calls::{self, GONE},
    random::Random,
};

impl World {
    pub(super) fn replace_payload(&mut self, random: &mut Random) {
        let (at, payload) = (self.any_session(random), self.value());
        let now = self.now();
        let session = &mut self.model.sessions[at];
        let call = calls::replace_payload(&session.handle, &payload);
        let reply = self.object.user.call(call);
        if session.is_live(now) {
            session.payload = payload;
            assert_eq!(reply, UserReply::Done {});
        } else {
            assert_eq!(reply, GONE);
        }
    }

    pub(super) fn write(&mut self, random: &mut Random) {
        let (at, value) = (self.any_session(random), self.value());
        let now = self.now();
        let session = &mut self.model.sessions[at];
        let reply = self.object.user.call(calls::write(&session.handle, &value));
        if session.is_live(now) {
            session.data.push(value);
            assert_eq!(
                reply,
                UserReply::Written {
                    seq: session.data.len() as u64
                }
            );
            self.object.start_copy(&session.handle);
        } else {
            assert_eq!(reply, GONE);
        }
    }

    /// An edge reads: from KV when the copy is as new as it must be, else from the object.
    pub(super) fn read(&mut self, random: &mut Random) {
        let at = self.any_session(random);
        self.read_one(at);
    }

    pub(super) fn read_one(&mut self, at: usize) {
        let session = &self.model.sessions[at];
        let seq = session.data.len() as u64;
        let copy_lapsed = self
            .object
            .kv
            .entry(&session.handle)
            .is_none_or(|(_, copied)| *copied < seq);
        let reply = self.object.user.call(UserCall::ReadData {
            handle: session.handle.clone(),
            copy_lapsed,
        });
        if session.is_live(self.now()) {
            let newest = session.data.last().map_or("{}", String::as_str);
            assert_eq!(
                reply,
                UserReply::Data {
                    session_data: newest.to_owned(),
                    seq
                }
            );
        } else {
            assert_eq!(reply, GONE);
        }
    }

    pub(super) fn revoke(&mut self, random: &mut Random) {
        let wanted = [self.any_session(random), self.any_session(random)];
        let wanted = &wanted[..if random.chance(70) { 1 } else { 2 }];
        let handles = wanted
            .iter()
            .map(|&at| self.model.sessions[at].handle.clone())
            .collect();
        let reply = self.object.user.call(calls::revoke(handles, false));
        assert_eq!(
            reply,
            UserReply::Handles {
                handles: self.end(wanted)
            }
        );
    }

    pub(super) fn revoke_all(&mut self) {
        let reply = self.object.user.call(calls::revoke_all("u1", None, false));
        let expected = self.model.live(self.now());
        assert_eq!(
            reply,
            UserReply::Handles {
                handles: self.end(&expected)
            }
        );
        let all: Vec<usize> = (0..self.model.sessions.len()).collect();
        self.end(&all);
    }

    fn end(&mut self, which: &[usize]) -> Vec<String> {
        let now = self.now();
        let mut ended = Vec::new();
        for &at in which {
            let session = &mut self.model.sessions[at];
            if session.is_live(now) {
                ended.push(session.handle.clone());
            }
            session.ended = true;
        }
        ended
    }
}
