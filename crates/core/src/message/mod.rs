//! Messages between isolates and Durable Objects: JSON with named members, and the number of the protocol that they speak.
//!
//! Two releases talk to each other after every deployment, for minutes or for hours. So each message says the highest number
//! that its sender understands, and an answer is given in the lower of the two. A reader passes over members that it does
//! not know. What a release may change:
//!
//! - **Add a member**: with `#[serde(default)]` (or as an `Option`), so that a message without it is read, and with a line in
//!   the golden files (`crates/core/tests/golden.rs` says which). Its absence must mean what the older release meant.
//! - **Add a call, or a new answer to one**: the number [`NEWEST`] goes up. An object that does not know a call says
//!   [`Unread::Unsupported`] and changes nothing; the caller answers 503, or makes the older call where there is one.
//! - **Never** take a member away, rename it or give it another meaning: add another one.
//!
//! The form is here, and the messages are beside what they are about. Nothing that is stored has it.

pub mod raw;

mod reader;
mod variants;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use reader::read;
pub use variants::variants;

/// The highest number that this release understands.
pub const NEWEST: u32 = if cfg!(postern_next) { 6 } else { 5 };
/// The lowest.
pub const OLDEST: u32 = 1;

/// A message: a number, and one of several calls or answers.
pub trait Message: Serialize + DeserializeOwned {
    /// The calls or the answers; an enum, each variant an object with named members.
    type Content: Serialize + DeserializeOwned;

    /// The highest number that its sender understands; of an answer, the one that it is given in.
    fn protocol(&self) -> u32;
}

/// What an isolate asks an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked<C> {
    /// The highest number that the isolate understands.
    pub protocol: u32,
    /// The call.
    pub call: C,
}

/// What an object answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered<R> {
    /// The number that the answer is given in.
    pub protocol: u32,
    /// The answer.
    pub reply: R,
}

impl<C: Serialize + DeserializeOwned> Message for Asked<C> {
    type Content = C;

    fn protocol(&self) -> u32 {
        self.protocol
    }
}

impl<R: Serialize + DeserializeOwned> Message for Answered<R> {
    type Content = R;

    fn protocol(&self) -> u32 {
        self.protocol
    }
}

/// Why a message was not read. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unread {
    /// It is of a release that is too new or too old: its number, or what it says, is out of reach.
    Unsupported,
    /// It is damaged: no message of ours, or a member is missing or out of range.
    Damaged,
}

impl Unread {
    /// What the log says.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unsupported => {
                "a message of a release that is out of reach; it heals when one of them is gone"
            }
            Self::Damaged => "a message that cannot be read",
        }
    }
}

/// The text of a message; `None` when a payload in it is not JSON.
pub fn encode(message: &impl Serialize) -> Option<String> {
    let text = serde_json::to_string(message).ok()?;
    #[cfg(postern_next)]
    let text = next::with_members(&text)?;
    Some(text)
}

/// What a message says.
pub fn decode<M: Message>(text: &str) -> Result<M, Unread> {
    match read::<M>(text) {
        Ok(message) if message.protocol() >= OLDEST => {
            #[cfg(postern_next)]
            next::check(message.protocol(), text)?;
            Ok(message)
        }
        Ok(_) => Err(Unread::Unsupported),
        Err(_) => Err(why::<M>(text)),
    }
}

/// The number that a message of somebody who understands `theirs` is answered in.
pub fn agreed(theirs: u32) -> u32 {
    theirs.min(NEWEST)
}

/// Why a text could not be read. Looks at it once more, which only happens then.
fn why<M: Message>(text: &str) -> Unread {
    let head = reader::members(text).unwrap_or_default();
    let member = |name: &str| {
        let mut named = head.iter().filter(|(theirs, _)| theirs == name);
        named.next().map(|(_, value)| *value)
    };
    let Some(Ok(protocol)) = member("protocol").map(str::parse::<u32>) else {
        return Unread::Damaged;
    };
    if !(OLDEST..=NEWEST).contains(&protocol) {
        return Unread::Unsupported;
    }
    let named = member("call").or_else(|| member("reply"));
    let named = named.and_then(|named| reader::members(named).ok());
    let known = variants::<M::Content>();
    match named.and_then(|named| named.into_iter().next()) {
        Some((name, _)) if !known.contains(&name.as_ref()) => Unread::Unsupported,
        _ => Unread::Damaged,
    }
}

#[cfg(postern_next)]
pub mod next;

#[cfg(test)]
mod tests;
