//! What kind of answer a request can use: a page for a person, or data for a program.

/// True when a page is asked for. `Accept` says so, also for scripts that fetch pages; `Sec-Fetch-Mode` does not: some
/// programs send it that are no browsers.
pub fn wants_page(method: &str, accept: Option<&str>) -> bool {
    matches!(method, "GET" | "HEAD") && prefers_pages(accept.unwrap_or_default())
}

/// True when whoever asks reads a page rather than data, whatever the method. What the browser SDK asks for, it reads
/// itself.
pub fn reads_pages(header: &dyn Fn(&str) -> Option<String>) -> bool {
    prefers_pages(&header("accept").unwrap_or_default()) && !is_of_sdk(header)
}

/// True for a page that a person opens, or a form that a person sends: no script made the request, so none can refresh
/// the session and send it again.
///
/// `Sec-Fetch-Mode` says so where browsers send it (to https and to loopback). Elsewhere it shows by what only
/// browsers ask for: a page by `Accept`, or `Upgrade-Insecure-Requests`; of a `POST` also that a form can have sent it.
pub fn is_navigation(method: &str, header: &dyn Fn(&str) -> Option<String>) -> bool {
    let is_sent_by_forms = matches!(method, "GET" | "HEAD" | "POST");
    let asks_for_page = || {
        prefers_pages(&header("accept").unwrap_or_default())
            || header("upgrade-insecure-requests").is_some_and(|value| value.trim() == "1")
    };
    match mode(header).as_deref() {
        Some("navigate") => is_sent_by_forms && asks_for_page(),
        Some(_) => false,
        None => {
            is_sent_by_forms
                && asks_for_page()
                && !is_of_script(header)
                && (method != "POST" || is_form(header("content-type").as_deref()))
        }
    }
}

/// True when nothing can act on a refusal: a navigation, or a picture, script or style of a page. Only a script that made
/// the request itself can refresh the session and try again.
pub fn cannot_refresh(method: &str, header: &dyn Fn(&str) -> Option<String>) -> bool {
    mode(header).as_deref() == Some("no-cors") || is_navigation(method, header)
}

/// `Sec-Fetch-Mode`, as far as a browser sent it: those send `Sec-Fetch-Site` beside it. Some programs say `cors`
/// whatever they ask for.
fn mode(header: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mode = header("sec-fetch-mode")?;
    (mode != "cors" || header("sec-fetch-site").is_some()).then_some(mode)
}

/// True when the browser SDK made the request: it refreshes the session when it is told to, and tries again.
pub fn is_of_sdk(header: &dyn Fn(&str) -> Option<String>) -> bool {
    ["rid", "st-auth-mode", "fdi-version"]
        .iter()
        .any(|name| header(name).is_some())
}

/// True when a header is there that scripts add and navigations never have.
fn is_of_script(header: &dyn Fn(&str) -> Option<String>) -> bool {
    is_of_sdk(header)
        || ["x-requested-with", "hx-request", "turbo-frame"]
            .iter()
            .any(|name| header(name).is_some())
}

/// True for what a form can send without a script (HTML, "form submission"); without a body there is no type.
fn is_form(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else {
        return true;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
    ]
    .iter()
    .any(|known| essence.eq_ignore_ascii_case(known))
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
