//! The reference: what sessions and their refresh tokens must do, told as sets of tokens and who begot whom.
//!
//! It shares no rule with the product: there are no generations and no indices here. Each token remembers the token it
//! was issued for, and a session knows the token in use and the set of children that may take its place.

use std::collections::BTreeSet;

use postern_core::{refusal::ReuseSubtype, session::call::RotationMode};

/// The settings that matter, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub grace: u64,
    pub access: u64,
    pub refresh: u64,
    pub absolute: Option<u64>,
    pub most_sessions: usize,
    /// Whether at our own endpoints use supersedes, or time.
    pub by_use: bool,
}

impl Rules {
    /// How long after the first exchange our own endpoints answer a child with itself.
    pub fn quiet(&self) -> u64 {
        self.grace.min(self.access / 2)
    }
}

/// A refresh token that was issued.
#[derive(Debug, Clone)]
pub struct Token {
    pub text: String,
    pub session: usize,
    /// The token it was issued for; `None` for a session's first.
    pub parent: Option<usize>,
}

/// An access token, as far as rotation is concerned.
#[derive(Debug, Clone)]
pub struct Access {
    pub session: usize,
    pub hash1: String,
    pub token: usize,
    pub parent: Option<usize>,
    pub parent_hash1: Option<String>,
    pub payload: String,
    pub expiry: u64,
}

#[derive(Debug, Clone)]
pub struct Session {
    pub handle: String,
    pub created: u64,
    pub expiry: u64,
    pub ended: bool,
    pub payload: String,
    /// Every value that was accepted, in order.
    pub data: Vec<String>,
    pub in_use: usize,
    pub children: BTreeSet<usize>,
    pub exchanged: Option<u64>,
    /// When the last child was issued, and when one was first seen.
    pub issued: Option<u64>,
    pub seen: Option<u64>,
}

impl Session {
    pub fn is_live(&self, now: u64) -> bool {
        !self.ended && self.expiry > now
    }

    fn is_family(&self, token: usize) -> bool {
        token == self.in_use || self.children.contains(&token)
    }
}

/// What must become of a presented refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    NewChild,
    Same,
    Gone,
    Theft(ReuseSubtype),
}

/// What must become of a verified access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Gone,
    RotatedOut,
    /// Good as it is; whether the stored payload is another one.
    Good {
        differs: bool,
    },
    /// Good, and replaced by one with the stored payload.
    Reminted,
}

pub struct Reference {
    pub rules: Rules,
    pub sessions: Vec<Session>,
    pub tokens: Vec<Token>,
}

impl Reference {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            sessions: Vec::new(),
            tokens: Vec::new(),
        }
    }

    fn slid(&self, created: u64, now: u64) -> u64 {
        let sliding = now + self.rules.refresh;
        self.rules
            .absolute
            .map_or(sliding, |most| sliding.min(created + most))
    }

    pub fn create(&mut self, handle: String, token: String, data: Option<String>, now: u64) {
        let mut oldest: Vec<usize> = self.live(now);
        while oldest.len() >= self.rules.most_sessions {
            let displaced = oldest.remove(0);
            self.sessions[displaced].ended = true;
        }
        let session = self.sessions.len();
        let in_use = self.issued(session, token, None);
        self.sessions.push(Session {
            handle,
            created: now,
            expiry: self.slid(now, now),
            ended: false,
            payload: "{}".to_owned(),
            data: data.into_iter().collect(),
            in_use,
            children: BTreeSet::new(),
            exchanged: None,
            issued: None,
            seen: None,
        });
    }

    /// Notes a token; one that was issued for another becomes its child.
    pub fn issued(&mut self, session: usize, text: String, parent: Option<usize>) -> usize {
        let token = self.tokens.len();
        self.tokens.push(Token {
            text,
            session,
            parent,
        });
        if parent.is_some() {
            self.sessions[session].children.insert(token);
        }
        token
    }

    /// The live sessions, oldest first.
    pub fn live(&self, now: u64) -> Vec<usize> {
        let mut live: Vec<usize> = (0..self.sessions.len())
            .filter(|&session| self.sessions[session].is_live(now))
            .collect();
        live.sort_by_key(|&session| (self.sessions[session].created, session));
        live
    }

    pub fn sweep(&mut self, now: u64) {
        for session in &mut self.sessions {
            session.ended |= session.expiry < now;
        }
    }

    pub fn refresh(&mut self, token: usize, rotation_mode: RotationMode, now: u64) -> Verdict {
        let Token {
            session, parent, ..
        } = self.tokens[token];
        let brothers_parent = self.tokens[self.sessions[session].in_use].parent;
        let state = &self.sessions[session];
        if !state.is_live(now) {
            return Verdict::Gone;
        }
        let slid = self.slid(state.created, now);
        let quiet = self.rules.quiet();
        let by_use = self.rules.by_use && rotation_mode == RotationMode::Own;
        let quiet_from = state.exchanged.map(|at| {
            if by_use {
                at.max(state.issued.unwrap_or(at))
            } else {
                at
            }
        });
        let quiet_until = quiet_from.filter(|_| quiet > 0).map(|at| at + quiet);
        let superseded = if by_use {
            state.seen.map(|at| at.max(state.exchanged.unwrap_or(at)))
        } else {
            state.exchanged
        };
        let state = &mut self.sessions[session];
        if state.children.contains(&token) {
            if rotation_mode == RotationMode::Own && quiet_until.is_some_and(|until| now < until) {
                state.seen = state.seen.or(Some(now));
                return Verdict::Same;
            }
            Self::promote(state, token, slid);
        } else if token != state.in_use {
            state.ended = true;
            return Verdict::Theft(if parent == brothers_parent {
                ReuseSubtype::OrphanedBranch
            } else {
                ReuseSubtype::StaleLineage
            });
        } else if superseded.is_some_and(|at| now > at + self.rules.grace) {
            state.ended = true;
            return Verdict::Theft(ReuseSubtype::RecentPrev);
        }
        if rotation_mode != RotationMode::Lazy && (state.exchanged.is_none() || by_use) {
            state.exchanged = state.exchanged.or(Some(now));
            state.expiry = state.expiry.max(slid);
        }
        state.issued = Some(now);
        Verdict::NewChild
    }

    fn promote(state: &mut Session, token: usize, slid: u64) {
        state.in_use = token;
        state.children.clear();
        (state.exchanged, state.issued, state.seen) = (None, None, None);
        state.expiry = state.expiry.max(slid);
    }

    /// An access token was seen somewhere. `false` when its session has ended.
    pub fn see(&mut self, access: &Access, now: u64) -> bool {
        let state = &mut self.sessions[access.session];
        let is_live = state.is_live(now);
        if is_live && self.rules.by_use && state.children.contains(&access.token) {
            state.seen = state.seen.or(Some(now));
        }
        is_live
    }

    pub fn verify(
        &mut self,
        access: &Access,
        rotation_mode: RotationMode,
        check_database: bool,
        now: u64,
    ) -> Standing {
        let slid = self.slid(self.sessions[access.session].created, now);
        if !self.see(access, now) {
            return Standing::Gone;
        }
        let state = &mut self.sessions[access.session];
        let differs = state.payload != access.payload;
        if rotation_mode != RotationMode::Lazy {
            let family = state.is_family(access.token)
                || access.parent.is_some_and(|parent| state.is_family(parent));
            return if family {
                Standing::Good { differs }
            } else {
                Standing::RotatedOut
            };
        }
        let remint =
            if access.parent == Some(state.in_use) && state.children.contains(&access.token) {
                Self::promote(state, access.token, slid);
                true
            } else {
                access.parent.is_some() && access.token == state.in_use
            };
        if remint || (check_database && differs) {
            Standing::Reminted
        } else {
            Standing::Good { differs }
        }
    }
}
