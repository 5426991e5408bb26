//! CORS (fdi.md 6; the Fetch standard): which websites may use sessions from another origin.
//!
//! The decision, and the merging of list headers. Behind the gateway our decision replaces the origin's, because
//! the `rid` check is only as strong as CORS; only `Access-Control-Expose-Headers` and `Vary` are merged.

use crate::http::reply::Reply;
use crate::settings::Settings;

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";

/// Request headers that the browser SDK sends.
const SDK_HEADERS: &str =
    "content-type, rid, fdi-version, anti-csrf, authorization, st-auth-mode, dpop";

/// Methods a website may use; those of the application behind the gateway included.
const METHODS: &str = "GET, HEAD, PUT, POST, PATCH, DELETE";

/// How long a browser may remember a preflight: a change of `WEBSITE_ORIGINS` is felt within it.
const MAX_AGE_SECONDS: &str = "600";

/// The most header names of its own that a website may ask for in one preflight.
const MAX_REQUESTED_HEADERS: usize = 64;

/// True when `origin` is one of `WEBSITE_ORIGINS`, byte by byte.
pub fn is_website(settings: &Settings, origin: &str) -> bool {
    settings
        .website_origins
        .iter()
        .any(|website| website == origin)
}

/// The answer to `OPTIONS`, which never reaches a session or an origin. A website that is not ours learns nothing,
/// whereupon its browser gives up. `requested_headers` is `Access-Control-Request-Headers`.
pub fn preflight(
    settings: &Settings,
    origin: Option<&str>,
    requested_headers: Option<&str>,
) -> Reply {
    let reply = Reply::empty(204).with_header(
        "vary",
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    );
    let Some(origin) = origin.filter(|origin| is_website(settings, origin)) else {
        return reply;
    };
    let requested = requested_headers
        .into_iter()
        .flat_map(|names| names.split(','))
        .map(str::trim)
        .filter(|name| is_token(name))
        .take(MAX_REQUESTED_HEADERS);
    reply
        .with_header(ALLOW_ORIGIN, origin)
        .with_header(ALLOW_CREDENTIALS, "true")
        .with_header(
            "access-control-allow-headers",
            merge(SDK_HEADERS.split(", ").chain(requested)),
        )
        .with_header("access-control-allow-methods", METHODS)
        .with_header("access-control-max-age", MAX_AGE_SECONDS)
}

/// Makes the headers of any other response right for `origin`, whatever its status: without them a website sees a
/// network error where it should see a 401.
///
/// Names are compared without regard to case. `*` may stay for strangers: browsers never send credentials with it.
pub fn apply(settings: &Settings, origin: Option<&str>, headers: &mut Vec<(String, String)>) {
    let website = origin.filter(|origin| is_website(settings, origin));
    headers.retain(|(name, value)| {
        let is_open_to_all =
            name.eq_ignore_ascii_case(ALLOW_ORIGIN) && value == "*" && website.is_none();
        let is_ours =
            name.eq_ignore_ascii_case(ALLOW_ORIGIN) || name.eq_ignore_ascii_case(ALLOW_CREDENTIALS);
        is_open_to_all || !is_ours
    });
    if let Some(website) = website {
        headers.push((ALLOW_ORIGIN.to_owned(), website.to_owned()));
        headers.push((ALLOW_CREDENTIALS.to_owned(), "true".to_owned()));
    }
    merge_header(headers, EXPOSE_HEADERS, &[]);
    vary(headers, &["Origin"]);
}

/// Adds names of request headers that a response depends on. One that depends on everything says so already.
pub fn vary(headers: &mut Vec<(String, String)>, names: &[&str]) {
    let depends_on_everything = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("vary") && value.split(',').any(|member| member.trim() == "*")
    });
    if !depends_on_everything {
        merge_header(headers, "vary", names);
    }
}

/// Replaces all headers called `name` by one that lists every member once, `added` included.
fn merge_header(headers: &mut Vec<(String, String)>, name: &str, added: &[&str]) {
    let mut values = Vec::new();
    headers.retain(|(known, value)| {
        let is_other = !known.eq_ignore_ascii_case(name);
        if !is_other {
            values.push(value.clone());
        }
        is_other
    });
    let merged = merge(
        values
            .iter()
            .flat_map(|value| value.split(','))
            .chain(added.iter().copied()),
    );
    if !merged.is_empty() {
        headers.push((name.to_owned(), merged));
    }
}

/// A list without repeats, in the order given. Members are compared whole and without regard to case, so that
/// `x-front-token` does not hide `front-token`.
fn merge<'a>(members: impl Iterator<Item = &'a str>) -> String {
    let mut merged: Vec<&str> = Vec::new();
    for member in members.map(str::trim).filter(|member| !member.is_empty()) {
        if !merged
            .iter()
            .any(|known| known.eq_ignore_ascii_case(member))
        {
            merged.push(member);
        }
    }
    merged.join(", ")
}

/// A header name (RFC 9110 section 5.6.2).
pub fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::{apply, preflight, vary};
    use crate::settings::Settings;
    use crate::settings::testing::parsed;

    fn settings() -> Settings {
        parsed(&[(
            "WEBSITE_ORIGINS",
            "https://www.example.com,https://two.example:8443",
        )])
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        let mut values = headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is sent twice");
        value
    }

    #[test]
    fn a_website_passes_the_preflight_with_credentials() {
        let reply = preflight(
            &settings(),
            Some("https://two.example:8443"),
            Some("RID, x-trace,  bad name,x\"y, x-trace"),
        );
        assert_eq!((reply.status, reply.body.as_str()), (204, ""));
        for (name, value) in [
            ("access-control-allow-origin", "https://two.example:8443"),
            ("access-control-allow-credentials", "true"),
            (
                "access-control-allow-headers",
                "content-type, rid, fdi-version, anti-csrf, authorization, st-auth-mode, dpop, x-trace",
            ),
            (
                "access-control-allow-methods",
                "GET, HEAD, PUT, POST, PATCH, DELETE",
            ),
            ("access-control-max-age", "600"),
            (
                "vary",
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        ] {
            assert_eq!(header(&reply.headers, name), Some(value));
        }
    }

    #[test]
    fn strangers_get_nothing() {
        for origin in [
            None,
            Some("null"),
            Some("*"),
            Some("https://evil.example"),
            Some("https://www.example.com.evil.example"),
            Some("http://www.example.com"),
            Some("https://www.example.com:444"),
            Some("https://WWW.example.com"),
        ] {
            let reply = preflight(&settings(), origin, Some("rid"));
            assert!(
                reply
                    .headers
                    .iter()
                    .all(|(name, _)| !name.starts_with("access-control-")),
                "{origin:?}"
            );
            let mut headers = vec![
                (
                    "Access-Control-Allow-Origin".to_owned(),
                    origin.unwrap_or("x").to_owned(),
                ),
                (
                    "Access-Control-Allow-Credentials".to_owned(),
                    "true".to_owned(),
                ),
            ];
            apply(&settings(), origin, &mut headers);
            assert!(
                headers
                    .iter()
                    .all(|(name, value)| name == "vary" || value == "*"),
                "{headers:?}"
            );
            assert_eq!(header(&headers, "vary"), Some("Origin"));
        }
    }

    #[test]
    fn ours_replace_those_of_the_origin_and_lists_are_merged() {
        let mut headers: Vec<(String, String)> = [
            ("Access-Control-Allow-Origin", "*"),
            ("access-control-allow-credentials", "false"),
            (
                "Access-Control-Expose-Headers",
                "X-Front-Token, Front-Token",
            ),
            ("access-control-expose-headers", "front-token, anti-csrf"),
            ("Vary", "accept, ORIGIN"),
            ("content-type", "text/plain"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        apply(&settings(), Some("https://www.example.com"), &mut headers);
        assert_eq!(
            header(&headers, "access-control-allow-origin"),
            Some("https://www.example.com")
        );
        assert_eq!(
            header(&headers, "access-control-allow-credentials"),
            Some("true")
        );
        assert_eq!(
            header(&headers, "access-control-expose-headers"),
            Some("X-Front-Token, Front-Token, anti-csrf")
        );
        assert_eq!(header(&headers, "vary"), Some("accept, ORIGIN"));
        assert_eq!(header(&headers, "content-type"), Some("text/plain"));
        assert_eq!(headers.len(), 5);
    }

    #[test]
    fn what_a_response_depends_on_is_merged() {
        for (before, after) in [
            (vec![], "Cookie, Authorization"),
            (vec!["Accept"], "Accept, Cookie, Authorization"),
            (
                vec!["cookie", "x, AUTHORIZATION"],
                "cookie, x, AUTHORIZATION",
            ),
            (vec!["*"], "*"),
        ] {
            let named = |value: &&str| ("vary".to_owned(), (*value).to_owned());
            let mut headers: Vec<_> = before.iter().map(named).collect();
            vary(&mut headers, &["Cookie", "Authorization"]);
            assert_eq!(header(&headers, "vary"), Some(after), "{before:?}");
        }
    }

    #[test]
    fn public_documents_stay_open_to_strangers() {
        let mut headers = vec![("access-control-allow-origin".to_owned(), "*".to_owned())];
        apply(&settings(), Some("https://evil.example"), &mut headers);
        assert_eq!(header(&headers, "access-control-allow-origin"), Some("*"));
    }
}
