//! Texts with a time and a MAC: `d1.number.time.mac`, where `number` names the secret of the key ring.
//!
//! What a text is about is not in it: whoever opens it says so, and another session's text is none. The number lets the
//! secret be changed: new texts are made with the last one, and texts of those before are good for as long as they say.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{
    CHALLENGE_LIFE, CLOCK_ALLOWANCE, COOKIE_ALLOWANCE, COOKIE_LIFE, REGISTRATION_LIFE, SessionId,
};
use postern_jwt::{
    proof::Thumbprint,
    secret::{Secret, mac},
    time::{Millis, UnixMillis},
};

const VERSION: &str = "d1";
/// The longest text that is looked at, in bytes: a number of ten digits, a time of twenty, a MAC of 43.
const MAX_BYTES: usize = 96;

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
        let (number, secret) = self.secrets.last()?;
        let mac = purpose.mac(secret, about, time);
        let mac = Base64UrlUnpadded::encode_string(mac.expose());
        Some(format!("{VERSION}.{number}.{}.{mac}", time.0))
    }

    fn open(&self, purpose: Purpose, about: &[&[u8]], text: &str) -> Result<UnixMillis, SealFault> {
        let opened = || {
            if text.len() > MAX_BYTES {
                return None;
            }
            let mut parts = text.split('.');
            let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
            let [version, number, time, _] = parts;
            let (number, at): (u32, u64) = (number.parse().ok()?, time.parse().ok()?);
            let (_, secret) = self.secrets.iter().find(|(known, _)| *known == number)?;
            let at = UnixMillis(at);
            let mac = purpose.mac(secret, about, at);
            let mac = Base64UrlUnpadded::encode_string(mac.expose());
            // Compared as a whole text: it has one spelling.
            let whole = Secret::new(format!("{VERSION}.{number}.{}.{mac}", at.0).into_bytes());
            (version == VERSION && whole.equals(text.as_bytes())).then_some(at)
        };
        opened().ok_or(SealFault::NotOurs)
    }
}

impl Purpose {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Registration => b"registration challenge",
            Self::Refresh => b"refresh challenge",
            Self::Cookie => b"bound cookie",
        }
    }

    fn mac(self, secret: &Secret, about: &[&[u8]], time: UnixMillis) -> Secret {
        let key = mac(secret, &[b"derived key", b"device binding 1"]);
        let time = time.0.to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![self.name(), &time];
        parts.extend_from_slice(about);
        mac(&key, &parts)
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
