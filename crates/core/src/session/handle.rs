//! Session handles: self-routing names that prove where they come from.
//!
//! A handle of ours is `route.random.tag`, with `_tenant` appended for tenants other than `public`; one of a trusted
//! issuer is `x.<issuer id>.route.digest.tag`. `route` is a keyed digest of the user id and names the object that keeps
//! the session; `tag` is a keyed check over the rest. Handles are made and checked without I/O, so that bytes that
//! we did not issue reach neither an object nor KV. The tag sheds load; it authorises nothing.

use data_encoding::BASE32_NOPAD;

use crate::tenant::PUBLIC_TENANT;
use postern_jwt::{
    compact,
    secret::{MacKey, Secret},
};

/// The longest text that is looked at as a handle, in bytes. Ours are far shorter; a tenant or issuer id takes the rest.
pub const MAX_HANDLE_BYTES: usize = 256;
/// The longest user id, in bytes.
pub const MAX_USER_ID_BYTES: usize = 512;

const ROUTE_BYTES: usize = 16;
const TAG_BYTES: usize = 8;
const FOREIGN_PREFIX: &str = "x";

/// The keys behind handles. `route` never rotates, because it names storage.
#[derive(Debug, Clone)]
pub struct HandleKeys {
    /// Keys the digest of user ids.
    route: MacKey,
    /// Keys the check over a handle.
    tag: MacKey,
}

/// A handle whose tag was checked: we issued these bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedHandle {
    text: String,
    route_start: usize,
    route_end: usize,
    kind: HandleKind,
}

/// Where a handle comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandleKind {
    /// A session of ours, in this tenant.
    Own {
        /// The tenant of the session.
        tenant: String,
    },
    /// A session of a trusted issuer.
    Foreign {
        /// The issuer's id in settings.
        issuer: String,
    },
}

/// Whom a trusted issuer's token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'s> {
    /// The issuer's tenant, if it has tenants.
    pub tenant: Option<&'s str>,
    /// The user, unique within issuer and tenant.
    pub user_id: &'s str,
}

impl<'s> Subject<'s> {
    /// A user of an issuer without tenants.
    pub const fn of(user_id: &'s str) -> Self {
        Self {
            tenant: None,
            user_id,
        }
    }
}

/// Whether a handle that passed the tag check names a trusted issuer's session.
pub fn is_foreign(handle: &str) -> bool {
    // The route of a handle of ours has 26 characters, so none of ours begins like this.
    handle.starts_with("x.")
}

/// Whether a text has the form of a handle of ours, before any key is at hand to check it.
pub fn has_own_form(text: &str) -> bool {
    let (body, tenant) = text.split_once('_').unwrap_or((text, PUBLIC_TENANT));
    let is_encoded = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
    };
    let lengths = body
        .split('.')
        .map(|part| if is_encoded(part) { part.len() } else { 0 });
    !tenant.is_empty() && text.len() <= MAX_HANDLE_BYTES && lengths.eq([26, 26, 13])
}

/// The trusted issuer, by its id in settings, whose session a handle names that passed the tag check.
pub fn issuer_id(handle: &str) -> Option<&str> {
    handle.strip_prefix("x.")?.split('.').next()
}

/// What of a trusted issuer's a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// A subject, by `sub`.
    Subject,
    /// A session, by `sid`.
    Session,
}

/// What the id of an issuer is followed by in a mark; no id in settings ends like this.
const MARK: &str = "-m";

/// Whether a handle that passed the tag check is a mark, and no session's.
pub fn is_mark(handle: &str) -> bool {
    issuer_id(handle).is_some_and(|issuer| issuer.ends_with(MARK))
}

impl CheckedHandle {
    /// The whole handle: the key in KV and in the object.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the object that keeps the session.
    pub fn route(&self) -> &str {
        self.text
            .get(self.route_start..self.route_end)
            .unwrap_or_default()
    }

    /// The random part of a handle of ours; `None` for a trusted issuer's.
    pub fn random(&self) -> Option<[u8; 16]> {
        let part = self.text.split('.').nth(1)?.to_ascii_uppercase();
        BASE32_NOPAD.decode(part.as_bytes()).ok()?.try_into().ok()
    }

    /// Where the handle comes from.
    pub const fn kind(&self) -> &HandleKind {
        &self.kind
    }
}

impl HandleKeys {
    /// Of two secrets: one keys the digest of user ids, the other the check over a handle.
    pub fn new(route: &Secret, tag: &Secret) -> Self {
        Self {
            route: MacKey::new(route),
            tag: MacKey::new(tag),
        }
    }

    /// The name under which is remembered that an issuer's signal was taken: `id` is its `jti`.
    pub fn signal_name(&self, issuer: &str, id: &str) -> String {
        let digest = self.route.mac(&[b"jti", issuer.as_bytes(), id.as_bytes()]);
        compact::encode(digest.expose())
    }

    /// The name of the object that keeps the sessions of a user.
    pub fn route(&self, user_id: &str) -> String {
        encode(&self.route.mac(&[b"user", user_id.as_bytes()]), ROUTE_BYTES)
    }

    /// Makes the handle of a new session of ours. `random` must be fresh.
    pub fn issue(&self, user_id: &str, tenant: &str, random: [u8; 16]) -> CheckedHandle {
        let route = self.route(user_id);
        let random = base32(&random);
        let tag = self.own_tag(&route, &random, tenant);
        let suffix = if tenant == PUBLIC_TENANT {
            String::new()
        } else {
            format!("_{tenant}")
        };
        CheckedHandle {
            route_start: 0,
            route_end: route.len(),
            text: format!("{route}.{random}.{tag}{suffix}"),
            kind: HandleKind::Own {
                tenant: tenant.to_owned(),
            },
        }
    }

    /// Makes the handle of a trusted issuer's session. Call it for a token that was verified, and for nothing else. An empty
    /// `session` is none: a handle for what is known of a user whose token names no session.
    ///
    /// `issuer` is the id in settings, so that two issuers can never share a handle and a changed URL orphans nothing.
    pub fn issue_foreign(
        &self,
        issuer: &str,
        subject: Subject<'_>,
        session: &str,
    ) -> CheckedHandle {
        let Subject { tenant, user_id } = subject;
        let [issuer_part, user_part, session_part] = [issuer, user_id, session].map(str::as_bytes);
        let digest_of = |parts: &[&[u8]]| encode(&self.route.mac(parts), ROUTE_BYTES);
        // A first part of its own for each form, and every part has its length: no two lists of names are one text.
        let (route, digest) = match tenant.map(str::as_bytes) {
            None => (
                digest_of(&[b"foreign", issuer_part, user_part]),
                digest_of(&[b"session", issuer_part, user_part, session_part]),
            ),
            Some(tenant) => (
                digest_of(&[b"foreign of tenant", issuer_part, tenant, user_part]),
                digest_of(&[
                    b"session of tenant",
                    issuer_part,
                    tenant,
                    user_part,
                    session_part,
                ]),
            ),
        };
        self.foreign(issuer.to_owned(), &route, &digest)
    }

    /// Makes the mark of a trusted issuer's subject or session: a name under which the issuer's word is kept that it has
    /// ended, whatever handle the tokens have. It has the form of a handle, of an issuer that there is not, so that no entry point takes
    /// it for one.
    pub fn mark(&self, issuer: &str, tenant: &str, kind: MarkKind, name: &str) -> CheckedHandle {
        let kind: &[u8] = match kind {
            MarkKind::Subject => b"subject",
            MarkKind::Session => b"session",
        };
        let parts = |purpose| -> [&[u8]; 5] {
            [
                purpose,
                kind,
                issuer.as_bytes(),
                tenant.as_bytes(),
                name.as_bytes(),
            ]
        };
        let route = encode(&self.route.mac(&parts(b"mark route")), ROUTE_BYTES);
        let digest = encode(&self.route.mac(&parts(b"mark")), ROUTE_BYTES);
        self.foreign([issuer, MARK].concat(), &route, &digest)
    }

    fn foreign(&self, issuer: String, route: &str, digest: &str) -> CheckedHandle {
        let tag = self.foreign_tag(&issuer, route, digest);
        let route_start = FOREIGN_PREFIX
            .len()
            .saturating_add(issuer.len())
            .saturating_add(2);
        CheckedHandle {
            route_start,
            route_end: route_start.saturating_add(route.len()),
            text: format!("{FOREIGN_PREFIX}.{issuer}.{route}.{digest}.{tag}"),
            kind: HandleKind::Foreign { issuer },
        }
    }

    /// Checks that we issued a handle; `None` when we did not. Does no I/O.
    pub fn check(&self, handle: &str) -> Option<CheckedHandle> {
        if handle.len() > MAX_HANDLE_BYTES {
            return None;
        }
        let (body, tenant) = match handle.split_once('_') {
            Some((_, PUBLIC_TENANT | "")) => return None,
            Some((body, tenant)) => (body, tenant),
            None => (handle, PUBLIC_TENANT),
        };
        let parts: Vec<&str> = body.split('.').collect();
        match *parts.as_slice() {
            [route, random, tag] => {
                let expected = Secret::new(self.own_tag(route, random, tenant).into_bytes());
                expected.equals(tag.as_bytes()).then(|| CheckedHandle {
                    text: handle.to_owned(),
                    route_start: 0,
                    route_end: route.len(),
                    kind: HandleKind::Own {
                        tenant: tenant.to_owned(),
                    },
                })
            }
            [FOREIGN_PREFIX, issuer, route, digest, tag] if body.len() == handle.len() => {
                let expected = Secret::new(self.foreign_tag(issuer, route, digest).into_bytes());
                let route_start = FOREIGN_PREFIX
                    .len()
                    .saturating_add(issuer.len())
                    .saturating_add(2);
                expected.equals(tag.as_bytes()).then(|| CheckedHandle {
                    text: handle.to_owned(),
                    route_start,
                    route_end: route_start.saturating_add(route.len()),
                    kind: HandleKind::Foreign {
                        issuer: issuer.to_owned(),
                    },
                })
            }
            _ => None,
        }
    }

    fn own_tag(&self, route: &str, random: &str, tenant: &str) -> String {
        let parts: [&[u8]; 4] = [
            b"own 1",
            route.as_bytes(),
            random.as_bytes(),
            tenant.as_bytes(),
        ];
        encode(&self.tag.mac(&parts), TAG_BYTES)
    }

    fn foreign_tag(&self, issuer: &str, route: &str, digest: &str) -> String {
        let parts: [&[u8]; 4] = [
            b"foreign 1",
            issuer.as_bytes(),
            route.as_bytes(),
            digest.as_bytes(),
        ];
        encode(&self.tag.mac(&parts), TAG_BYTES)
    }
}

fn encode(mac: &Secret, bytes: usize) -> String {
    base32(mac.expose().get(..bytes).unwrap_or_default())
}

/// Base32 without padding (RFC 4648 section 6), in lower case.
fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{HandleKeys, HandleKind, MarkKind, Subject, has_own_form, is_foreign, is_mark};
    use postern_jwt::secret::Secret;

    fn keys() -> HandleKeys {
        HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
    }

    #[test]
    fn a_handle_is_route_random_tag_in_lower_case_base32() {
        let handle = keys().issue("u1", "public", [7; 16]);
        let parts: Vec<_> = handle.as_str().split('.').map(str::len).collect();
        assert_eq!(parts, [26, 26, 13]);
        assert!(
            handle
                .as_str()
                .chars()
                .all(|c| c == '.' || matches!(c, 'a'..='z' | '2'..='7'))
        );
        assert_eq!(handle.route(), keys().route("u1"));
    }

    #[test]
    fn the_form_of_our_handles_is_known_without_keys() {
        for tenant in ["public", "acme"] {
            assert!(has_own_form(keys().issue("u1", tenant, [7; 16]).as_str()));
        }
        let handle = keys().issue("u1", "public", [7; 16]).as_str().to_owned();
        for other in [
            "",
            "a.b.c",
            &handle[1..],
            &format!("{handle}_"),
            &handle.to_uppercase(),
        ] {
            assert!(!has_own_form(other), "{other}");
        }
    }

    #[test]
    fn other_tenants_are_a_suffix_that_the_tag_covers() {
        let handle = keys().issue("u1", "acme", [7; 16]);
        assert!(handle.as_str().ends_with("_acme"));
        let moved = handle.as_str().replace("_acme", "_evil");
        assert_eq!(keys().check(&moved), None);
        assert_eq!(keys().check(&handle.as_str().replace("_acme", "")), None);
    }

    #[test]
    fn the_public_tenant_has_one_spelling() {
        let handle = keys().issue("u1", "public", [7; 16]);
        assert_eq!(keys().check(&format!("{}_public", handle.as_str())), None);
        assert_eq!(keys().check(&format!("{}_", handle.as_str())), None);
    }

    #[test]
    fn marks_are_handles_of_no_issuer_that_there_can_be() {
        let mark = keys().mark("idp", "", MarkKind::Session, "s1");
        assert!(is_mark(mark.as_str()) && is_foreign(mark.as_str()));
        assert_eq!(keys().check(mark.as_str()), Some(mark.clone()));
        let subject = keys().mark("idp", "", MarkKind::Subject, "s1");
        let tenants = keys().mark("idp", "s", MarkKind::Session, "1");
        assert!(mark.route() != subject.route() && mark.route() != tenants.route());
        assert!(!is_mark(
            keys().issue_foreign("idp", Subject::of("u"), "s").as_str()
        ));
        assert!(!is_mark(keys().issue("u", "a-m", [1; 16]).as_str()));
    }

    #[test]
    fn issuers_never_share_a_handle() {
        let one = keys().issue_foreign("a", Subject::of("u"), "s");
        let two = keys().issue_foreign("b", Subject::of("u"), "s");
        assert_ne!(one.route(), two.route());
        assert_eq!(keys().check(one.as_str()).unwrap().route(), one.route());
        let swapped = one.as_str().replacen("x.a.", "x.b.", 1);
        assert_eq!(keys().check(&swapped), None);
    }

    proptest! {
        #[test]
        fn what_we_issue_checks(user in ".{0,40}", tenant in "[a-z0-9-]{1,12}", random in any::<[u8; 16]>()) {
            let handle = keys().issue(&user, &tenant, random);
            let checked = keys().check(handle.as_str());
            prop_assert_eq!(checked.as_ref(), Some(&handle));
            prop_assert_eq!(handle.kind(), &HandleKind::Own { tenant });
        }

        #[test]
        fn a_changed_byte_is_refused(random in any::<[u8; 16]>(), at in 0usize..67, byte in 0u8..128) {
            let handle = keys().issue("u1", "public", random);
            let mut bytes = handle.as_str().as_bytes().to_vec();
            if bytes[at] != byte {
                bytes[at] = byte;
                let changed = String::from_utf8(bytes).unwrap();
                prop_assert!(keys().check(&changed).is_none());
            }
        }

        #[test]
        fn arbitrary_text_is_refused(text in ".{0,300}") {
            prop_assert!(keys().check(&text).is_none());
        }
    }
}
