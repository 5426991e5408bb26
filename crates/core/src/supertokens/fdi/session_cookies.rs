//! Whose the session cookies of a request are, and which refresh token among them counts.
//!
//! A sibling site can plant cookies under our names, and another deployment under one parent domain has the same names.
//! So: a refresh never changes whose session it is, and what is another deployment's is neither used nor cleared.

use std::borrow::Cow;

use crate::http::cookie::Cookies;
use crate::refusal::Refusal;
use crate::request::credentials::{
    ACCESS_TOKEN_COOKIE, Classification, HOST_ACCESS_TOKEN_COOKIE, HOST_REFRESH_TOKEN_COOKIE,
    REFRESH_TOKEN_COOKIE,
};
use crate::session::lineage::TokenPosition;
use crate::session::refresh_token;
use crate::settings::Settings;
use crate::supertokens::former_core;

/// Refresh tokens of one session that are tried: more is an attack.
pub const MAX_REFRESH_CANDIDATES: usize = 4;

/// How many values a request carries under one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Values that are ours, or may be.
    pub ours: usize,
    /// Values that are another deployment's.
    pub anothers: usize,
}

impl Sent {
    /// True when nothing but another deployment's was sent.
    pub const fn is_anothers(self) -> bool {
        self.anothers > 0 && self.ours == 0
    }

    /// True when one name carries several values of ours: of two cookie domains.
    pub const fn is_doubled(self) -> bool {
        self.ours > 1 && self.anothers == 0
    }
}

/// The session cookies of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SentCookies {
    /// `sAccessToken`.
    pub access: Sent,
    /// `sRefreshToken`.
    pub refresh: Sent,
    /// `__Host-sAccessToken`: this host's always.
    pub host_access: Sent,
    /// `__Host-sRefreshToken`: this host's always.
    pub host_refresh: Sent,
}

impl SentCookies {
    /// Counts them. `classify` says what an access token is, `is_ours` whether a handle is one of ours, `has_former_core` whether a
    /// core's sessions are taken over.
    pub fn of<T>(
        cookies: Cookies<'_>,
        classify: impl Fn(&Cow<'_, str>) -> Classification<T>,
        is_ours: impl Fn(&str) -> bool,
        has_former_core: bool,
    ) -> Self {
        let mut sent = Self::default();
        for (name, value) in cookies.decoded() {
            let (counted, is_anothers) = match name {
                ACCESS_TOKEN_COOKIE => (
                    &mut sent.access,
                    matches!(classify(&value()), Classification::Anothers),
                ),
                REFRESH_TOKEN_COOKIE => (
                    &mut sent.refresh,
                    is_anothers_refresh_token(&value(), &is_ours, has_former_core),
                ),
                HOST_ACCESS_TOKEN_COOKIE => (&mut sent.host_access, false),
                HOST_REFRESH_TOKEN_COOKIE => (&mut sent.host_refresh, false),
                _ => continue,
            };
            let count = if is_anothers {
                &mut counted.anothers
            } else {
                &mut counted.ours
            };
            *count = count.saturating_add(1);
        }
        sent
    }

    /// What was sent under a name.
    pub fn under(&self, name: &str) -> Sent {
        match name {
            ACCESS_TOKEN_COOKIE => self.access,
            REFRESH_TOKEN_COOKIE => self.refresh,
            HOST_ACCESS_TOKEN_COOKIE => self.host_access,
            HOST_REFRESH_TOKEN_COOKIE => self.host_refresh,
            _ => Sent::default(),
        }
    }
}

/// True for a refresh token of another Postern, or of a SuperTokens core whose sessions are not taken over. Anything else may be what
/// is left of one of ours.
fn is_anothers_refresh_token(
    token: &str,
    is_ours: impl Fn(&str) -> bool,
    has_former_core: bool,
) -> bool {
    match refresh_token::parse(token) {
        Some(presented) => !is_ours(presented.handle),
        None if has_former_core && former_core::is_refresh_token(token) => false,
        None => [".V0", ".V1", ".V2"]
            .iter()
            .any(|ending| token.ends_with(ending)),
    }
}

/// The sessions that the access tokens of a request prove it to be of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witnesses {
    /// The handle in `__Host-sAccessToken`, which no other site can plant.
    pub host: Option<String>,
    /// Those of the other access tokens.
    pub others: Vec<String>,
}

impl Witnesses {
    /// Whether a session may be the one that is meant, as far as access tokens tell, when its refresh token is in the cookie `name`.
    pub fn admit(&self, name: &str, handle: &str) -> bool {
        match &self.host {
            Some(host) => host == handle,
            // What only this host can set is not called into question by what everybody can.
            None if name == HOST_REFRESH_TOKEN_COOKIE || self.others.is_empty() => true,
            None => self.others.iter().any(|known| known == handle),
        }
    }

    const fn is_empty(&self) -> bool {
        self.host.is_none() && self.others.is_empty()
    }
}

/// The refresh tokens to try, one after the other while they are refused as unknown: all of one session, the newest
/// first, because presenting a superseded token is how theft is recognised.
///
/// With access tokens in the request only refresh tokens of their sessions count. Where cookies have the prefix `__Host-`,
/// a plain one needs an access token beside it, as any sibling can set it. Where there is none of ours, it is the first that the former
/// core has made: whose it is, the core has to be asked.
///
/// # Errors
/// `UNAUTHORISED` when there is none, or when nothing tells which of several sessions is meant.
pub fn refresh_candidates<'a>(
    settings: &Settings,
    cookies: Cookies<'a>,
    witnesses: &Witnesses,
    is_ours: impl Fn(&str) -> bool,
) -> Result<Vec<Cow<'a, str>>, Refusal> {
    for name in [HOST_REFRESH_TOKEN_COOKIE, REFRESH_TOKEN_COOKIE] {
        if name == REFRESH_TOKEN_COOKIE && settings.host_prefixed_cookie && witnesses.is_empty() {
            break;
        }
        let found = of_one_session(cookies.all(name), |handle| {
            is_ours(handle) && witnesses.admit(name, handle)
        })?;
        if !found.is_empty() {
            return Ok(found);
        }
        if settings.former_core_url.is_some() && name == REFRESH_TOKEN_COOKIE {
            let mut found = Vec::new();
            for token in cookies.all(name) {
                let is_new = former_core::is_refresh_token(&token) && !found.contains(&token);
                if is_new && found.len() < MAX_REFRESH_CANDIDATES {
                    found.push(token);
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    Err(Refusal::Unauthorised("Refresh token is not valid."))
}

fn of_one_session<'a>(
    tokens: impl Iterator<Item = Cow<'a, str>>,
    counts: impl Fn(&str) -> bool,
) -> Result<Vec<Cow<'a, str>>, Refusal> {
    let mut session: Option<String> = None;
    let mut found: Vec<((u32, u32), Cow<'a, str>)> = Vec::new();
    for token in tokens {
        let Some(presented) = refresh_token::parse(&token) else {
            continue;
        };
        let is_known = session.as_deref() == Some(presented.handle);
        if !is_known && !counts(presented.handle) {
            continue;
        }
        if session.is_some() && !is_known {
            return Err(Refusal::Unauthorised(
                "the request carries refresh tokens of several sessions",
            ));
        }
        let TokenPosition { generation, index } = presented.position;
        session.get_or_insert_with(|| presented.handle.to_owned());
        if !found.iter().any(|(_, known)| *known == token) {
            // The newest first.
            let position = (generation, index);
            let place = found.partition_point(|(known, _)| *known >= position);
            found.insert(place, (position, token));
            found.truncate(MAX_REFRESH_CANDIDATES);
        }
    }
    Ok(found.into_iter().map(|(_, token)| token).collect())
}

#[cfg(test)]
mod tests {
    use super::{Sent, SentCookies, Settings, Witnesses, refresh_candidates};
    use crate::http::cookie::Cookies;
    use crate::refusal::Refusal;
    use crate::request::credentials::Classification;
    use crate::settings::testing::parsed;

    fn is_ours(handle: &str) -> bool {
        !handle.starts_with("their")
    }

    /// The tokens to try, of cookies `p:` (plain) and `h:` (host-prefixed).
    fn tried(
        is_prefixed: bool,
        cookies: &[&str],
        witnesses: &[&str],
    ) -> Result<Vec<String>, Refusal> {
        let mut settings = parsed(&[]);
        settings.host_prefixed_cookie = is_prefixed;
        let header = cookies
            .iter()
            .map(|cookie| match cookie.split_once(':') {
                Some(("h", value)) => format!("__Host-sRefreshToken={value}"),
                _ => format!("sRefreshToken={}", cookie.trim_start_matches("p:")),
            })
            .collect::<Vec<_>>()
            .join("; ");
        let mut proven = Witnesses::default();
        for witness in witnesses {
            match witness.strip_prefix("h:") {
                Some(handle) => proven.host = Some(handle.to_owned()),
                None => proven.others.push((*witness).to_owned()),
            }
        }
        let found = refresh_candidates(&settings, Cookies::new(Some(&header)), &proven, is_ours)?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn of_one_session_the_newest_token_comes_first() {
        for (cookies, expected) in [
            (vec!["1.a.1.0.m"], vec!["1.a.1.0.m"]),
            (
                vec!["1.a.1.0.m", "1.a.10.0.m", "1.a.2.1.m"],
                vec!["1.a.10.0.m", "1.a.2.1.m", "1.a.1.0.m"],
            ),
            (vec!["1.a.1.0.m", "1.a.1.0.m"], vec!["1.a.1.0.m"]),
            (vec!["garbage", "1.a.1.0.m", ""], vec!["1.a.1.0.m"]),
            (
                vec!["1.theirs.5.0.m", "1.a.1.0.m", "x.y.V2"],
                vec!["1.a.1.0.m"],
            ),
            (
                vec![
                    "1.a.0.0.m",
                    "1.a.1.0.m",
                    "1.a.2.0.m",
                    "1.a.3.0.m",
                    "1.a.4.0.m",
                ],
                vec!["1.a.4.0.m", "1.a.3.0.m", "1.a.2.0.m", "1.a.1.0.m"],
            ),
        ] {
            assert_eq!(
                tried(false, &cookies, &[]).unwrap(),
                expected,
                "{cookies:?}"
            );
        }
    }

    #[test]
    fn a_cores_token_is_tried_where_sessions_are_taken_over_and_there_is_none_of_ours() {
        let cores = "IPp3+/=.0abc9.V2";
        let other = "other.0abc9.V2";
        let header = |values: &[&str]| {
            let cookies = values.iter().map(|value| format!("sRefreshToken={value}"));
            cookies.collect::<Vec<_>>().join("; ")
        };
        let mut settings = parsed(&[]);
        let found = |settings: &Settings, header: &str, witnesses: &Witnesses| {
            let found =
                refresh_candidates(settings, Cookies::new(Some(header)), witnesses, is_ours);
            found.ok().map(|found| {
                let texts = found.iter().map(ToString::to_string);
                texts.collect::<Vec<String>>()
            })
        };
        let nobody = Witnesses::default();
        assert_eq!(found(&settings, &header(&[cores]), &nobody), None);
        settings.former_core_url = Some("https://core.example.com".to_owned());
        for (values, expected) in [
            (vec!["garbage", cores, other], vec![cores, other]),
            (vec![cores; 9], vec![cores]),
            (vec![cores, "1.a.1.0.m"], vec!["1.a.1.0.m"]),
        ] {
            let found = found(&settings, &header(&values), &nobody);
            let expected = expected.into_iter().map(str::to_owned);
            assert_eq!(found, Some(expected.collect()), "{values:?}");
        }
        assert_eq!(found(&settings, &header(&["x.V2"]), &nobody), None);
        // A sibling can set a plain cookie, and an access token beside it says whose it should be.
        settings.host_prefixed_cookie = true;
        assert_eq!(found(&settings, &header(&[cores]), &nobody), None);
        let witnesses = Witnesses {
            others: vec!["a".to_owned()],
            host: None,
        };
        assert!(found(&settings, &header(&[cores]), &witnesses).is_some());
        let in_host_cookie = format!("__Host-sRefreshToken={cores}");
        assert_eq!(found(&settings, &in_host_cookie, &witnesses), None);
    }

    #[test]
    fn with_an_access_token_only_its_session_counts() {
        let (victim, mallory) = ("1.v.1.0.m", "1.m.9.0.m");
        let (host_victim, host_mallory) = ("h:1.v.1.0.m", "h:1.m.9.0.m");
        for (is_prefixed, cookies, witnesses, expected) in [
            (false, vec![victim, mallory], vec!["v"], Some(victim)),
            (false, vec![mallory, victim], vec!["v"], Some(victim)),
            (false, vec![mallory], vec!["v"], None),
            (false, vec![victim, mallory], vec![], None),
            (false, vec![victim, mallory], vec!["v", "m"], None),
            (false, vec![victim], vec!["v", "m"], Some(victim)),
            (false, vec![mallory], vec![], Some(mallory)),
            (false, vec![host_victim, mallory], vec![], Some(victim)),
            (false, vec![host_victim, mallory], vec!["m"], Some(victim)),
            (true, vec![mallory], vec![], None),
            (true, vec![mallory], vec!["h:v"], None),
            (true, vec![victim], vec!["v"], Some(victim)),
            (true, vec![victim, mallory], vec!["h:v"], Some(victim)),
            (true, vec![host_victim, mallory], vec![], Some(victim)),
            (true, vec![host_victim, mallory], vec!["m"], Some(victim)),
            (
                true,
                vec!["1.v.9.0.m", host_victim],
                vec!["h:v"],
                Some(victim),
            ),
            (true, vec![host_mallory, victim], vec!["h:v"], Some(victim)),
            (true, vec![], vec!["h:v"], None),
        ] {
            let found = tried(is_prefixed, &cookies, &witnesses);
            match expected {
                Some(token) => assert_eq!(found.unwrap(), [token], "{cookies:?} {witnesses:?}"),
                None => assert!(
                    matches!(found, Err(Refusal::Unauthorised(_))),
                    "{is_prefixed} {cookies:?} {witnesses:?}"
                ),
            }
        }
    }

    #[test]
    fn what_is_anothers_is_told_from_what_is_left_of_ours() {
        let header = "sAccessToken=theirs; sAccessToken=x; sAccessToken=y; sRefreshToken=1.theirs.0.0.m; \
                      sRefreshToken=abc%2B%2F%3D.def.V2; __Host-sRefreshToken=1.a.0.0.m; sRefreshTokens=1";
        let classify = |token: &std::borrow::Cow<'_, str>| match token.as_ref() {
            "theirs" => Classification::Anothers,
            "x" => Classification::Token(()),
            _ => Classification::Nothing,
        };
        let sent = SentCookies::of(Cookies::new(Some(header)), classify, is_ours, false);
        assert_eq!(
            sent.access,
            Sent {
                ours: 2,
                anothers: 1
            }
        );
        assert_eq!(
            sent.refresh,
            Sent {
                ours: 0,
                anothers: 2
            }
        );
        assert!(!sent.access.is_anothers() && !sent.access.is_doubled());
        assert!(sent.refresh.is_anothers() && !sent.refresh.is_doubled());
        let doubled = SentCookies::of(
            Cookies::new(Some("sRefreshToken=old; sRefreshToken=1.a.0.0.m")),
            classify,
            is_ours,
            false,
        );
        assert!(doubled.refresh.is_doubled() && !doubled.access.is_anothers());
        let cores = Cookies::new(Some("sRefreshToken=IPp3.0abc9.V2"));
        for (has_former_core, is_anothers) in [(false, true), (true, false)] {
            let sent = SentCookies::of(cores, classify, is_ours, has_former_core);
            assert_eq!(sent.refresh.is_anothers(), is_anothers);
        }
    }
}
