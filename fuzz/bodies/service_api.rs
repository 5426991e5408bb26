//! The service API: `METHOD path?query`, a line with the version and a key, and the body behind it.

use postern_core::supertokens::cdi::admission::{Head, admit};
use postern_core::supertokens::cdi::request::path;

use super::{DEPLOYMENT, text};

pub const DICTIONARY: &[&str] = &[
    "GET ",
    "POST ",
    "PUT ",
    "DELETE ",
    "/recipe/session",
    "/recipe/session/verify",
    "/recipe/session/refresh",
    "/recipe/session/data",
    "/recipe/session/remove",
    "/recipe/session/user",
    "/recipe/jwt",
    "/recipe/jwt/data",
    "/session",
    "/handshake",
    "/apiversion",
    "/appid-public",
    "/blue",
    "?sessionHandle=",
    "&userId=",
    "%2e",
    "+",
    "\n",
    "5.6",
    "2.0",
    "1.0",
    "abcdefghijklmnopqrstuvwxyz",
    "Bearer ",
    "\"userId\":\"a\"",
    "\"userDataInJWT\":{}",
    "\"userDataInDatabase\":{}",
    "\"enableAntiCsrf\":false",
    "\"sessionHandles\":[\"a\"]",
    "\"accessToken\":\"\"",
    "<script>",
];

/// Everything that an answer without a use case may be.
const STATUSES: [u16; 8] = [200, 400, 401, 403, 404, 405, 410, 413];

pub fn service_api(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let (Some(request), Some(credentials)) =
        (lines.next().and_then(text), lines.next().and_then(text))
    else {
        return;
    };
    let body = lines.next().unwrap_or_default();
    let (method, target) = request.split_once(' ').unwrap_or((request, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (version, key) = credentials
        .split_once(' ')
        .unwrap_or((credentials, "abcdefghijklmnopqrstuvwxyz"));
    for keyless in [false, true] {
        let head = Head {
            method,
            path,
            query,
            api_key: Some(key),
            authorization: None,
            cdi_version: (!version.is_empty()).then_some(version),
            keyless,
        };
        let answered =
            admit(head, &DEPLOYMENT).and_then(|admitted| admitted.receive(body, &DEPLOYMENT));
        match answered {
            Ok(_) => {
                assert!(path::route(path).is_some(), "{path}");
                assert!(
                    keyless
                        || DEPLOYMENT.accepts_api_key(key.trim())
                        || path::route(path).is_some_and(|route| !route.endpoint.needs_api_key())
                );
            }
            Err(reply) => {
                assert!(STATUSES.contains(&reply.status), "{reply:?}");
                assert!(
                    reply
                        .headers
                        .iter()
                        .all(|(name, value)| is_header(name) && is_header(value)),
                    "{reply:?}"
                );
                let is_html = reply
                    .headers
                    .iter()
                    .any(|(name, value)| name == "content-type" && value.starts_with("text/html"));
                // One fixed text of the protocol has an arrow of its own.
                let markup = reply.body.replacen("not found => ", "", 1);
                assert!(
                    !is_html || !markup.contains(['<', '>', '"', '&']),
                    "{reply:?}"
                );
            }
        }
    }
    if let Some(route) = path::route(path) {
        assert!(path::is_tenant_id(&route.tenant_id), "{}", route.tenant_id);
    }
}

/// Whether the runtime takes it as a header; an answer that cannot be sent is none.
fn is_header(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
