//! Challenges and bound cookies: [sealed](crate::sealed) texts about a session.

use super::{
    CHALLENGE_LIFE, CLOCK_ALLOWANCE, COOKIE_ALLOWANCE, COOKIE_LIFE, REGISTRATION_LIFE, SessionId,
};
use crate::sealed::{Seal, Seals};
use postern_jwt::{
    proof::Thumbprint,
    secret::Secret,
    time::{Millis, UnixMillis},
};

const VERSION: &str = "d1";

/// What a text is for. No text of one purpose is one of another.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Registration,
    Refresh,
    Cookie,
}

/// Why a text does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealFault {
    /// We did not make it, or not for this.
    NotOurs,
    /// Its time is over, or has not come.
    Expired,
}

impl SealFault {
    /// For the log.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotOurs => "none of ours",
            Self::Expired => "expired",
        }
    }
}

/// The keys behind challenges and bound cookies: made from the numbered secrets of the key ring, and used for nothing else.
#[derive(Debug)]
pub struct DeviceKeys<'a> {
    secrets: &'a [(u32, Secret)],
}

impl<'a> DeviceKeys<'a> {
    /// The keys that these secrets stand for here; the last one makes.
    pub const fn new(secrets: &'a [(u32, Secret)]) -> Self {
        Self { secrets }
    }

    /// The challenge that comes with a new session; `None` when the ring holds no secret.
    pub fn registration_challenge(&self, handle: &str, now: UnixMillis) -> Option<String> {
        self.seal(Purpose::Registration, &[handle.as_bytes()], now)
    }

    /// Whether a text is a registration challenge of this session that can still be answered.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check_registration(
        &self,
        handle: &str,
        text: &str,
        now: UnixMillis,
    ) -> Result<(), SealFault> {
        let made = self.open(Purpose::Registration, &[handle.as_bytes()], text)?;
        within(made, REGISTRATION_LIFE, now)
    }

    /// The challenge that the device of a bound session is to sign; `None` when the ring holds no secret.
    pub fn refresh_challenge(&self, id: &SessionId, now: UnixMillis) -> Option<String> {
        self.seal(Purpose::Refresh, &id.parts(), now)
    }

    /// When a refresh challenge of this session can no longer be answered.
    ///
    /// # Errors
    /// It cannot be any more, or never could.
    pub fn check_refresh(
        &self,
        id: &SessionId,
        text: &str,
        now: UnixMillis,
    ) -> Result<UnixMillis, SealFault> {
        let made = self.open(Purpose::Refresh, &id.parts(), text)?;
        within(made, CHALLENGE_LIFE, now)?;
        Ok(made.plus(CHALLENGE_LIFE))
    }

    /// The value of the bound cookie of a session; `None` when the ring holds no secret.
    pub fn cookie(&self, handle: &str, key: Thumbprint, now: UnixMillis) -> Option<String> {
        let ends = now.plus(COOKIE_LIFE);
        self.seal(Purpose::Cookie, &[handle.as_bytes(), key.bytes()], ends)
    }

    /// Until when the value of a bound cookie shows the device of this session.
    ///
    /// # Errors
    /// It does not.
    pub fn check_cookie(
        &self,
        handle: &str,
        key: Thumbprint,
        text: &str,
        now: UnixMillis,
    ) -> Result<UnixMillis, SealFault> {
        let parts = [handle.as_bytes(), key.bytes()];
        let ends = self.open(Purpose::Cookie, &parts, text)?;
        let until = ends.plus(COOKIE_ALLOWANCE);
        if now < until {
            Ok(until)
        } else {
            Err(SealFault::Expired)
        }
    }

    fn seal(&self, purpose: Purpose, about: &[&[u8]], time: UnixMillis) -> Option<String> {
        Seals(self.secrets).seal(purpose.seal(), about, time)
    }

    fn open(&self, purpose: Purpose, about: &[&[u8]], text: &str) -> Result<UnixMillis, SealFault> {
        let opened = Seals(self.secrets).open(purpose.seal(), about, text);
        opened.ok_or(SealFault::NotOurs)
    }
}

impl Purpose {
    const fn seal(self) -> Seal {
        Seal {
            version: VERSION,
            key: b"device binding 1",
            purpose: match self {
                Self::Registration => b"registration challenge",
                Self::Refresh => b"refresh challenge",
                Self::Cookie => b"bound cookie",
            },
        }
    }
}

fn within(made: UnixMillis, life: Millis, now: UnixMillis) -> Result<(), SealFault> {
    let is_over = now >= made.plus(life);
    let lies_ahead = made > now.plus(CLOCK_ALLOWANCE);
    if is_over || lies_ahead {
        Err(SealFault::Expired)
    } else {
        Ok(())
    }
}
