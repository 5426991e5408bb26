//! Session tickets: `t1.handle.id.scope.expires.until.mac`, for requests that can carry no header (`EventSource`, WebSockets).
//!
//! A ticket stands for its session at one scope (host and path), for seconds, once. Its form, its MAC and its life are checked
//! without I/O, so that bytes that we did not issue reach no object. The user's object sees to it that it works once ([`crate::session::user`]).

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::session::handle::has_own_form;
use postern_jwt::{
    secret::{Secret, mac},
    time::{Millis, UnixMillis},
};

/// The query parameter that carries a ticket.
pub const PARAMETER: &str = "postern_ticket";
/// How long a ticket can be used.
pub const LIFE: Millis = Millis(30_000);
/// The longest text that is looked at as a ticket, in bytes: a handle takes half of it.
pub const MAX_TICKET_BYTES: usize = 512;
/// The longest path that a ticket is made for, in bytes.
pub const MAX_PATH_BYTES: usize = 2_048;
/// How many random bytes an id has.
pub const ID_BYTES: usize = 12;

const VERSION: &str = "t1";
const PLACE_BYTES: usize = 16;
/// Of id, scope and MAC, encoded.
const LENGTHS: [usize; 3] = [16, 22, 43];

/// The key of tickets: made from another secret, and used for nothing else.
#[derive(Debug)]
pub struct TicketKey(Secret);

/// Where a ticket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketScope<'a> {
    /// `name[:port]`, in its normal form.
    pub host: &'a str,
    /// The path that is sent to the origin.
    pub path: &'a str,
}

/// What a ticket says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The session.
    pub handle: String,
    /// Its own name.
    pub id: String,
    /// When it can no longer be used.
    pub expires: UnixMillis,
    /// When the access token that it was asked for with stops being good: what the ticket opened ends then.
    pub until: UnixMillis,
}

/// Why a ticket does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketFault {
    /// We did not make it.
    NotOurs,
    /// It is for another host or path.
    OtherPlace,
    /// Its time is over.
    Expired,
}

impl TicketFault {
    /// For the log, to be read after `ticket: `.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotOurs => "none of ours",
            Self::OtherPlace => "for another host or path",
            Self::Expired => "expired",
        }
    }
}

impl TicketKey {
    /// The key that a secret of the key ring stands for here.
    pub fn derived_from(secret: &Secret) -> Self {
        Self(mac(secret, &[b"derived key", b"session ticket 1"]))
    }

    /// The text of a ticket.
    pub fn seal(&self, ticket: &Ticket, scope: TicketScope<'_>) -> String {
        let Ticket {
            handle,
            id,
            expires,
            until,
        } = ticket;
        let scope = self.scope(scope);
        let body = format!("{VERSION}.{handle}.{id}.{scope}.{}.{}", expires.0, until.0);
        let mac = Base64UrlUnpadded::encode_string(self.mac(&body).expose());
        format!("{body}.{mac}")
    }

    /// What a text says that is presented as a ticket at a scope.
    ///
    /// # Errors
    /// Why it does not count; of what we did not make nothing more is said.
    pub fn open(
        &self,
        text: &str,
        scope: TicketScope<'_>,
        now: UnixMillis,
    ) -> Result<Ticket, TicketFault> {
        let parts = taken_apart(text).ok_or(TicketFault::NotOurs)?;
        // The MAC is over the text, and is compared as text: a ticket has one spelling.
        let expected = Base64UrlUnpadded::encode_string(self.mac(parts.body).expose());
        if !Secret::new(expected.into_bytes()).equals(parts.mac.as_bytes()) {
            return Err(TicketFault::NotOurs);
        }
        if parts.scope != self.scope(scope) {
            return Err(TicketFault::OtherPlace);
        }
        if parts.expires <= now {
            return Err(TicketFault::Expired);
        }
        Ok(Ticket {
            handle: parts.handle.to_owned(),
            id: parts.id.to_owned(),
            expires: parts.expires,
            until: parts.until,
        })
    }

    fn scope(&self, scope: TicketScope<'_>) -> String {
        let parts: [&[u8]; 3] = [b"scope", scope.host.as_bytes(), scope.path.as_bytes()];
        let digest = mac(&self.0, &parts);
        Base64UrlUnpadded::encode_string(digest.expose().get(..PLACE_BYTES).unwrap_or_default())
    }

    fn mac(&self, body: &str) -> Secret {
        mac(&self.0, &[b"ticket", body.as_bytes()])
    }
}

/// Whether a text has the form of a ticket, before any key is at hand.
pub fn has_form(text: &str) -> bool {
    taken_apart(text).is_some()
}

/// What stands in a ticket, unchecked.
struct Parts<'a> {
    handle: &'a str,
    id: &'a str,
    scope: &'a str,
    expires: UnixMillis,
    until: UnixMillis,
    /// What the MAC is over.
    body: &'a str,
    mac: &'a str,
}

fn taken_apart(text: &str) -> Option<Parts<'_>> {
    if text.len() > MAX_TICKET_BYTES {
        return None;
    }
    let rest = text.strip_prefix(VERSION)?.strip_prefix('.')?;
    let (body, mac) = text.rsplit_once('.')?;
    let (rest, _) = rest.rsplit_once('.')?;
    let (rest, until) = rest.rsplit_once('.')?;
    let (rest, expires) = rest.rsplit_once('.')?;
    let (rest, scope) = rest.rsplit_once('.')?;
    let (handle, id) = rest.rsplit_once('.')?;
    let time = |text: &str| text.parse().ok().map(UnixMillis);
    let is_one = has_own_form(handle) && [id, scope, mac].map(str::len) == LENGTHS;
    is_one.then_some(Parts {
        handle,
        id,
        scope,
        expires: time(expires)?,
        until: time(until)?,
        body,
        mac,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{LIFE, Ticket, TicketFault, TicketKey, TicketScope, has_form};
    use crate::session::{
        handle::HandleKeys,
        lineage,
        refresh_token::{self, TokenMaker},
    };
    use postern_jwt::{
        secret::{Secret, mac},
        time::UnixMillis,
    };

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const SCOPE: TicketScope<'_> = TicketScope {
        host: "app.example.com",
        path: "/events",
    };

    fn secret() -> Secret {
        Secret::new(vec![7; 32])
    }

    fn key() -> TicketKey {
        TicketKey::derived_from(&secret())
    }

    fn handles() -> HandleKeys {
        HandleKeys::new(&secret(), &secret())
    }

    fn ticket(tenant: &str) -> Ticket {
        let handle = handles().issue("alice", tenant, [7; 16]);
        Ticket {
            handle: handle.as_str().to_owned(),
            id: "AAECAwQFBgcICQoL".to_owned(),
            expires: NOW.plus(LIFE),
            until: NOW.plus(LIFE).plus(LIFE),
        }
    }

    #[test]
    fn it_counts_at_its_place_until_its_time_is_over() {
        for tenant in ["public", "blue", "a.b.c"] {
            let text = key().seal(&ticket(tenant), SCOPE);
            assert_eq!(key().open(&text, SCOPE, NOW), Ok(ticket(tenant)));
            let last = UnixMillis(ticket(tenant).expires.0 - 1);
            assert_eq!(key().open(&text, SCOPE, last), Ok(ticket(tenant)));
            let over = key().open(&text, SCOPE, ticket(tenant).expires);
            assert_eq!(over, Err(TicketFault::Expired));
        }
    }

    #[test]
    fn another_host_or_path_is_another_place() {
        let text = key().seal(&ticket("public"), SCOPE);
        for (host, path) in [
            ("app.example.com", "/events/"),
            ("app.example.com", "/Events"),
            ("app.example.com", "/"),
            ("app.example.com:8443", "/events"),
            ("other.example.com", "/events"),
            ("app.example.com/", "events"),
        ] {
            let opened = key().open(&text, TicketScope { host, path }, NOW);
            assert_eq!(opened, Err(TicketFault::OtherPlace), "{host}{path}");
        }
    }

    #[test]
    fn no_text_of_another_purpose_is_a_ticket_and_a_ticket_is_none_of_theirs() {
        let salted = secret();
        let maker = TokenMaker {
            secret: &salted,
            others: &[],
            salt: "salt",
            handle: &ticket("public").handle,
        };
        let scope = lineage::TokenPosition {
            generation: 1,
            index: 0,
        };
        let refresh = maker.token(scope, false);
        for other in [
            refresh.as_str(),
            &ticket("public").handle,
            "",
            "t1",
            "eyJ.e.s",
        ] {
            let opened = key().open(other, SCOPE, NOW);
            assert_eq!(opened, Err(TicketFault::NotOurs), "{other}");
        }
        let text = key().seal(&ticket("public"), SCOPE);
        assert!(has_form(&text));
        assert!(refresh_token::parse(&text).is_none());
        assert!(handles().check(&text).is_none());
        // The secret itself, or a key made from it for another purpose, seals nothing.
        for other in [
            secret(),
            mac(&secret(), &[b"derived key", b"session ticket 2"]),
        ] {
            let sealed = TicketKey(other).seal(&ticket("public"), SCOPE);
            assert_eq!(key().open(&sealed, SCOPE, NOW), Err(TicketFault::NotOurs));
        }
    }

    #[test]
    fn only_a_text_with_parts_of_the_right_lengths_has_the_form() {
        let text = key().seal(&ticket("public"), SCOPE);
        let parts: Vec<&str> = text.split('.').collect();
        for at in [4, 5, 8] {
            let mut changed = parts.clone();
            let longer = [parts[at], "A"].concat();
            changed[at] = &longer;
            assert!(!has_form(&changed.join(".")), "{at}");
        }
    }

    #[test]
    fn each_fault_has_words_of_its_own() {
        let all = [
            TicketFault::NotOurs,
            TicketFault::OtherPlace,
            TicketFault::Expired,
        ]
        .map(TicketFault::text);
        assert!(all.iter().all(|text| !text.is_empty()));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_refused(at in any::<proptest::sample::Index>(), byte in 0u8..128) {
            let text = key().seal(&ticket("blue"), SCOPE);
            let mut bytes = text.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(key().open(&changed, SCOPE, NOW).is_ok(), changed == text);
        }

        #[test]
        fn arbitrary_text_is_refused(text in "(t1\\.)?[a-z2-7._0-9A-Z-]{0,300}|.{0,300}") {
            prop_assert_eq!(key().open(&text, SCOPE, NOW), Err(TicketFault::NotOurs));
        }

        #[test]
        fn it_needs_no_escape_in_a_query(id in "[A-Za-z0-9_-]{16}") {
            let text = key().seal(&Ticket { id, ..ticket("public") }, SCOPE);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
            prop_assert!(text.len() <= super::MAX_TICKET_BYTES);
        }
    }
}
