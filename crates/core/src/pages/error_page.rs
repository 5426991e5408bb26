//! What a refusal or a fault looks like to a person: a small page that needs nothing else, in place of JSON.
//!
//! A page says what to do next and under which id the log has it; it never says what was
//! refused in detail, nor which origin is at fault.

use super::{Next, escaped, with_page_headers, written};
use crate::http::reply::Reply;
use postern_jwt::json;

/// The longest request id that is taken from outside.
const MAX_ID_BYTES: usize = 64;

/// What a page shows beside the answer that it stands for.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageDetail<'a> {
    /// The name of the request in the log.
    pub request_id: &'a str,
    /// Where to log in, with the way back; `None` when nobody said.
    pub login: Option<&'a str>,
    /// True when a form was sent: a link would lose what was typed.
    pub is_form: bool,
    /// True in development (`DEVELOPMENT`): the message of the JSON is shown, too.
    pub shows_message: bool,
}

/// A request id from outside, such as `CF-Ray`; `None` for what is none.
pub fn request_id(text: &str) -> Option<&str> {
    let is_id = (8..=MAX_ID_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_id.then_some(text)
}

/// The page for an answer of ours that is JSON; what else its headers say stays. Others stay as they are.
pub fn of(mut reply: Reply, detail: &PageDetail<'_>) -> Reply {
    let Some(code) = code_of(&reply).filter(|_| reply.status >= 400) else {
        return reply;
    };
    let message = member(&reply, "message").filter(|_| detail.shows_message);
    reply.body = html(reply.status, &code, message.as_deref(), detail);
    with_page_headers(reply)
}

/// The same answer with a page of the operator's.
pub fn with_body(mut reply: Reply, body: String) -> Reply {
    reply.body = body;
    reply.headers.retain(|(name, _)| name != "content-type");
    reply.with_header("content-type", "text/html; charset=utf-8")
}

/// True for an answer that [`of`] makes a page of.
pub fn has_page(reply: &Reply) -> bool {
    reply.status >= 400 && code_of(reply).is_some()
}

fn code_of(reply: &Reply) -> Option<String> {
    member(reply, "status")
}

/// A text in the JSON of an answer.
fn member(reply: &Reply, name: &str) -> Option<String> {
    let object = json::parse_object(&reply.body).ok()?;
    let text = object.string(name).ok()??;
    Some(text.into_owned())
}

/// Title, paragraphs, and what to do next.
type Words<'a> = (&'static str, Vec<&'static str>, Next<'a>);

const START: Next<'static> = Next::Link("/", "Go to the start page");

fn html(status: u16, code: &str, message: Option<&str>, detail: &PageDetail<'_>) -> String {
    let (title, text, next) =
        about_session(code, detail).unwrap_or_else(|| about_site(status, detail.is_form));
    let label = format!("Error {status}");
    let message = message.map(escaped);
    let text: Vec<&str> = text.into_iter().chain(message.as_deref()).collect();
    written(&label, title, &text, &next, detail.request_id)
}

/// What is said of a person's session; `None` for other refusals.
fn about_session<'a>(code: &str, detail: &PageDetail<'a>) -> Option<Words<'a>> {
    let login = |text| match detail.login {
        Some(login) if detail.is_form => Next::Tab(login, "Sign in in a new tab"),
        Some(login) => Next::Link(login, text),
        None => Next::Nothing,
    };
    let kept = "What you sent was not passed on. Keep this page open and, when that is done, reload it: your browser will offer to send the form again.";
    Some(match code {
        "UNAUTHORISED" | "TRY_REFRESH_TOKEN" if detail.is_form => {
            let how = if detail.login.is_some() {
                "You are signed out, or were signed in too long ago. Sign in in a new tab."
            } else {
                "You are signed out, or were signed in too long ago. Sign in to this site in a new tab."
            };
            ("Your form was not sent", vec![how, kept], login(""))
        }
        "UNAUTHORISED" | "TRY_REFRESH_TOKEN" => (
            "Please sign in",
            vec![
                "This page is for people who are signed in. You are signed out, or were signed in too long ago.",
            ],
            login("Sign in"),
        ),
        "TOKEN_THEFT_DETECTED" => (
            "You were signed out for your safety",
            vec![
                "Somebody else may have used your session, so it was ended everywhere. Sign in again.",
                "If this happens more than once, tell whoever runs this site.",
            ],
            START,
        ),
        "INVALID_CLAIMS" => (
            "You may not see this page",
            vec![
                "You are signed in, but your account has no access to it. If it should have, ask whoever runs this site, or sign in with another account.",
            ],
            START,
        ),
        "DEVICE_BINDING_REQUIRED" => (
            "This page needs a browser that protects your session",
            vec![
                "You are signed in, but your session is not bound to this device. Sign out, and sign in again with a browser that supports device-bound sessions, such as Chrome.",
            ],
            START,
        ),
        "FOREIGN_WEBSITE" => (
            "This request came from another website",
            vec![
                "For your safety nothing was done. If you meant to do this, open this site yourself and try again there.",
            ],
            START,
        ),
        _ => return None,
    })
}

/// What is said of an address, of a request, or of the servers behind.
fn about_site<'a>(status: u16, is_form: bool) -> Words<'a> {
    // An empty address is that of this page. Of a form it would be asked for without what was typed.
    let again = || {
        if is_form {
            Next::Nothing
        } else {
            Next::Link("", "Try again")
        }
    };
    match status {
        403 => (
            "This page is not open to you",
            vec!["This site does not serve this address. Check that it is spelt as you meant it."],
            START,
        ),
        404 => (
            "There is no such page",
            vec!["Nothing is at this address. Check that it is spelt as you meant it."],
            START,
        ),
        405 => (
            "This address cannot be opened like this",
            vec!["It is meant for programs, or for forms of this site."],
            START,
        ),
        413 => (
            "That was too large",
            vec![
                "What you sent is larger than this site takes, and was not passed on. Go back, and send less or a smaller file.",
            ],
            Next::Nothing,
        ),
        429 => (
            "Too many requests",
            vec!["Wait for a minute, then try again."],
            again(),
        ),
        500 => (
            "This site is not set up correctly",
            vec!["The fault is not yours. Whoever runs the site finds the reason in its log."],
            again(),
        ),
        502 => (
            "The server behind this page does not answer",
            vec!["The fault is not yours. Wait for a minute, then try again."],
            again(),
        ),
        503 => (
            "Not available at the moment",
            vec![
                "You are still signed in, and nothing is lost. Wait for a moment, then try again.",
            ],
            again(),
        ),
        504 => (
            "The server behind this page takes too long",
            vec![
                "The fault is not yours. It may have done what you asked for: look before you send something a second time.",
            ],
            again(),
        ),
        _ => (
            "This request could not be understood",
            vec!["Check the address, or go back and try again."],
            START,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{PageDetail, of, request_id};
    use crate::error;
    use crate::http::reply::Reply;

    #[test]
    fn what_comes_from_outside_is_text() {
        let detail = PageDetail {
            request_id: "<b>&\"",
            login: Some("/login?x=\"><script>"),
            ..PageDetail::default()
        };
        let reply = Reply::json(401, r#"{"status":"UNAUTHORISED","message":"x"}"#);
        let page = of(reply, &detail).body.clone();
        assert!(
            page.contains("&lt;b&gt;&amp;&quot;")
                && page.contains("href=\"/login?x=&quot;&gt;&lt;script&gt;\"")
        );
        assert!(!page.contains("<b>") && !page.contains("<script"));
    }

    #[test]
    fn every_status_has_a_page_that_tells_no_more_than_the_json() {
        for (status, code) in [
            (400, "BAD_INPUT"),
            (401, "UNAUTHORISED"),
            (401, "TRY_REFRESH_TOKEN"),
            (401, "TOKEN_THEFT_DETECTED"),
            (440, "UNAUTHORISED"),
            (403, "INVALID_CLAIMS"),
            (403, "NO_RULE"),
            (403, "FOREIGN_WEBSITE"),
            (404, "NOT_FOUND"),
            (405, "METHOD_NOT_ALLOWED"),
            (413, "TOO_LARGE"),
            (429, "TOO_MANY"),
            (500, "MISCONFIGURED"),
            (502, "BAD_GATEWAY"),
            (503, "GENERAL_ERROR"),
            (504, "GATEWAY_TIMEOUT"),
        ] {
            for is_form in [false, true] {
                let json = Reply::json(
                    status,
                    format!(r#"{{"status":"{code}","message":"detail-4711"}}"#),
                )
                .with_header("set-cookie", "a=");
                let page = of(
                    json,
                    &PageDetail {
                        request_id: "0123456789abcdef",
                        is_form,
                        ..PageDetail::default()
                    },
                );
                assert_eq!(page.status, status);
                assert_eq!(
                    page.header("content-type"),
                    Some("text/html; charset=utf-8")
                );
                assert_eq!(
                    (page.header("cache-control"), page.header("set-cookie")),
                    (Some("no-store"), Some("a="))
                );
                for part in [
                    "<html lang=\"en\">",
                    "name=\"viewport\"",
                    "<h1>",
                    "0123456789abcdef",
                    "prefers-color-scheme:dark",
                ] {
                    assert!(page.body.contains(part), "{code} {part}");
                }
                assert!(
                    !page.body.contains("4711")
                        && !page.body.contains("<script")
                        && !page.body.contains("http"),
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn in_development_the_message_is_shown_as_text() {
        let shown = |shows_message| {
            let detail = PageDetail {
                shows_message,
                ..PageDetail::default()
            };
            of(error::bad_gateway_of("origin <app> at http://x"), &detail)
                .body
                .clone()
        };
        assert!(shown(true).contains("<p>origin &lt;app&gt; at http://x</p>"));
        assert!(!shown(false).contains("http://x"));
    }

    #[test]
    fn only_refusals_and_faults_become_pages() {
        for reply in [
            Reply::json(200, r#"{"status":"OK"}"#),
            Reply::empty(404),
            Reply::new(500, &[], "text".to_owned()),
        ] {
            assert_eq!(of(reply.clone(), &PageDetail::default()), reply);
        }
        assert_ne!(
            of(error::not_found(), &PageDetail::default()),
            error::not_found()
        );
    }

    #[test]
    fn a_request_id_is_a_plain_word() {
        assert_eq!(
            request_id("8f2b6c1d2e3f4a5b-FRA"),
            Some("8f2b6c1d2e3f4a5b-FRA")
        );
        for text in [
            "",
            "short",
            "a b c d e f",
            "<script>alert</script>",
            &"a".repeat(65),
            "abcdefgh\n",
        ] {
            assert_eq!(request_id(text), None, "{text}");
        }
    }
}
