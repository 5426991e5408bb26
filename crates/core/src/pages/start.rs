//! What `/` shows while Postern runs on one machine and no rule says what is there: what runs, where it answers, and what to do next.
//!
//! In production (`DEVELOPMENT` not set) the path is like any other that nobody serves: 404.

use super::{Next, escaped, with_page_headers, written};
use crate::http::reply::Reply;
use crate::settings::Settings;

/// The page; `None` outside development. `release` is the version that runs, `request_id` the request's name in the log.
pub fn start_page(settings: &Settings, release: &str, request_id: &str) -> Option<Reply> {
    settings
        .development
        .then(|| with_page_headers(Reply::new(200, &[], text(settings, release, request_id))))
}

fn text(settings: &Settings, release: &str, request_id: &str) -> String {
    let origin = &settings.api_domain;
    let browser = format!("{origin}{}", settings.api_base_path);
    let service = format!("{origin}{}", settings.service_api_base_path);
    let service_api = if settings.api_key_digests.is_empty() {
        "The service API does not exist yet: it wants <code>API_KEYS</code> in <code>.dev.vars</code>.".to_owned()
    } else {
        format!(
            "Backends: the service API at <code>{}</code>, with the key that is printed at the start.",
            escaped(&service)
        )
    };
    let browser = escaped(&browser);
    let paragraphs = [
        format!("Browsers and apps: the browser API at <code>{browser}</code>."),
        service_api,
        "No rule says what is at other addresses. Three commands to go on with:".to_owned(),
        format!("<code>curl -i {browser}/session</code><br>is refused: nobody is signed in. README, section “Five minutes”, signs somebody in."),
        "<code>npm start -- --var ORIGIN:http://127.0.0.1:9000</code><br>puts Postern in front of your own server; <code>gateway.toml</code> says who may do what there.".to_owned(),
        "<code>npm run check</code><br>looks for faults in settings, rules and issuers.".to_owned(),
    ];
    let paragraphs: Vec<&str> = paragraphs.iter().map(String::as_str).collect();
    let label = format!("Release {release}, in development");
    written(
        &escaped(&label),
        "Postern is running",
        &paragraphs,
        &Next::Nothing,
        request_id,
    )
}

#[cfg(test)]
mod tests {
    use super::start_page;
    use crate::settings::testing::parsed;

    #[test]
    fn only_a_machine_under_development_says_what_runs() {
        assert_eq!(
            start_page(
                &parsed(&[("API_DOMAIN", "http://127.0.0.1:8787")]),
                "1.2.3",
                "id"
            ),
            None
        );
        let on = parsed(&[
            ("API_DOMAIN", "http://127.0.0.1:8787"),
            ("DEVELOPMENT", "true"),
        ]);
        let page = start_page(&on, "1.2.3", "0123456789abcdef").expect("a page");
        assert_eq!(page.status, 200);
        for part in ["1.2.3", "http://127.0.0.1:8787/auth", "0123456789abcdef"] {
            assert!(page.body.contains(part), "{part}");
        }
        assert!(!page.body.contains("<script"));
    }
}
