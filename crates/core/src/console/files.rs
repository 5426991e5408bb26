//! The files of the console's page, as they lie among the Worker's static assets.

/// A file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its path among the assets.
    pub asset: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
}

/// The file at a path behind `{base}/console`.
pub fn file(path: &str) -> Option<File> {
    let (asset, content_type) = match path {
        "" => ("/index.html", "text/html; charset=utf-8"),
        "/console.css" => ("/console.css", "text/css; charset=utf-8"),
        "/console.js" => ("/console.js", "text/javascript; charset=utf-8"),
        "/view.js" => ("/view.js", "text/javascript; charset=utf-8"),
        _ => return None,
    };
    Some(File {
        asset,
        content_type,
    })
}

/// The headers of every file: nothing but the page's own files runs or is asked, no other page shows it in a frame, and no
/// address of it is shown.
pub const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
];
