//! What kind of answer a request can use: a page for a person, or data for a program.

/// True when a page is asked for. `Accept` says so, also for scripts that fetch pages; `Sec-Fetch-Mode` does not: some
/// programs send it that are no browsers.
pub fn wants_page(method: &str, accept: Option<&str>) -> bool {
    matches!(method, "GET" | "HEAD") && prefers_pages(accept.unwrap_or_default())
}

/// True when nothing can act on a refusal: a page that is opened, or a picture, script or style of one. Only a script
/// that made the request itself can refresh the session and try again.
pub fn cannot_refresh(method: &str, sec_fetch_mode: Option<&str>, accept: Option<&str>) -> bool {
    match sec_fetch_mode {
        Some("no-cors") => true,
        Some("navigate") | None => wants_page(method, accept),
        Some(_) => false,
    }
}

/// True when `Accept` names HTML, and JSON not before it and with no greater weight (RFC 9110 section 12.5.1). A
/// wildcard names nothing: programs send it that would make nothing of a page.
fn prefers_pages(accept: &str) -> bool {
    let mut best: Option<(u32, bool)> = None;
    for member in accept.split(',') {
        let mut parts = member.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let is_page = ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|known| media_type.eq_ignore_ascii_case(known));
        let is_data = media_type.eq_ignore_ascii_case("application/json");
        if !(is_page || is_data) {
            continue;
        }
        let weight = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(1000, weight);
        if weight > best.map_or(0, |(best, _)| best) {
            best = Some((weight, is_page));
        }
    }
    best.is_some_and(|(_, is_page)| is_page)
}

/// A weight in thousandths; what is none counts as 1, as if it were absent.
fn weight(text: &str) -> u32 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals: String = decimals.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), decimals.parse::<u32>()) {
        (Ok(0), Ok(thousandths)) => thousandths,
        _ => 1000,
    }
}
