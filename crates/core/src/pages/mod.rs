//! Pages for people: what a refusal or a fault looks like in place of JSON, and the start page of a machine under development.
//!
//! A page is small, has no script and needs nothing from elsewhere.

use std::fmt::Write;

use crate::http::reply::Reply;

pub mod error_page;
pub mod start;

const STYLE: &str = include_str!("page.css");

/// No script, nothing from elsewhere, and no style but this one.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'sha256-ADIGW/Ve8uvD+aHCZ5ADXnZXb4BFQY6w/Q/adveswoU='; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// What to do next, as far as a link does it.
enum Next<'a> {
    Nothing,
    Link(&'a str, &'static str),
    /// In another tab, so that this page, and the form behind it, stay.
    Tab(&'a str, &'static str),
}

fn with_page_headers(mut reply: Reply) -> Reply {
    reply.headers.retain(|(name, _)| name != "content-type");
    reply
        .with_header("content-type", "text/html; charset=utf-8")
        .with_header("content-security-policy", CONTENT_SECURITY_POLICY)
        .with_header("x-content-type-options", "nosniff")
        .with_header("referrer-policy", "no-referrer")
}

/// A page: label, title and paragraphs are HTML.
fn written(label: &str, title: &str, text: &[&str], next: &Next<'_>, request_id: &str) -> String {
    let mut page = String::with_capacity(4096);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n");
    // Writing to a `String` cannot fail.
    let _ = write!(
        page,
        "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    let _ = writeln!(page, "<p class=\"status\">{label}</p>");
    let _ = writeln!(page, "<h1>{title}</h1>");
    for paragraph in text {
        let _ = writeln!(page, "<p>{paragraph}</p>");
    }
    match next {
        Next::Nothing => {}
        Next::Link(to, what) => {
            let _ = writeln!(
                page,
                "<a class=\"next\" href=\"{}\">{what}</a>",
                escaped(to)
            );
        }
        Next::Tab(to, what) => {
            let _ = writeln!(
                page,
                "<a class=\"next\" href=\"{}\" target=\"_blank\" rel=\"noopener\">{what}</a>",
                escaped(to)
            );
        }
    }
    let _ = write!(
        page,
        "<footer><p>Request id: <code>{}</code></p></footer>\n</main>\n</body>\n</html>\n",
        escaped(request_id)
    );
    page
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};
    use sha2::{Digest, Sha256};

    use super::{CONTENT_SECURITY_POLICY, STYLE};

    #[test]
    fn the_policy_allows_this_style_and_nothing_else() {
        let hash = Base64::encode_string(&Sha256::digest(STYLE.as_bytes()));
        assert!(
            CONTENT_SECURITY_POLICY.contains(&format!("'sha256-{hash}'")),
            "{hash}"
        );
        assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'none'"));
    }
}
