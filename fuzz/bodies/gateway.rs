//! The gateway: rules files, paths, and the directives of origins.

use postern_core::gateway::compile;
use postern_core::gateway::matching::path::{self, PathFault};
use postern_core::gateway::response::directives::{self, Holder, MAX_BYTES, Sent};
use postern_core::gateway::{Denial, Gateway, RequestMeta, Rule, admit, is_never_answered};
use postern_jwt::{json, secret::Secret};

use super::{DEPLOYMENT, text};

pub const DICTIONARY: &[&str] = &[
    "{\"origins\":{\"app\":{\"url\":\"http://127.0.0.1:9000\"}},\"rules\":[",
    "]}",
    "{\"path\":\"/**\",\"origin\":\"app\"}",
    "\"path\":[",
    "\"/a/*/c\"",
    "\"host\":\"app.example.com\"",
    "\"methods\":[\"GET\"]",
    "\"session\":\"required\"",
    "\"require\":{\"claim\":\"role\",\"equals\":\"admin\"}",
    "\"all\":[",
    "\"any\":[",
    "/**",
    "/*",
    "/a",
    "/%61",
    "%2f",
    "%2e",
    "%25",
    "%c3%a9",
    "..",
    ".",
    ";",
    "\\",
    "//",
    "\n",
    "GET app.example.com ",
    "POST APP.example.com.:80 ",
    "GET x.workers.dev ",
    "TRACE ",
    "%3f",
    "%20",
    "%ef%bc%8f",
    "key",
    "session",
    "user",
    "e30",
];

/// A rules file, and in its last line a request: method, host, path.
pub fn rules(input: &[u8]) {
    let Some(document) = text(input) else { return };
    let (file, request) = document
        .rsplit_once('\n')
        .unwrap_or((document, "GET app.example.com /a"));
    let compiled = compile(file, Some(&DEPLOYMENT));
    for fault in &compiled.faults {
        assert!(!fault.message.is_empty());
    }
    if !compiled.faults.is_empty() {
        return;
    }
    let gateway = &compiled.gateway;
    assert_eq!(gateway.is_empty(), gateway.rule(0).is_none());
    let mut words = request.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (method, host, path) = (word(), word(), word());
    let facts = RequestMeta {
        host,
        method,
        raw_path: path,
        path,
        query: "",
        header: &|_| None,
    };
    let admitted = admit(gateway, &facts);
    if !is_never_answered(method) && path::check(path, path).is_err() {
        let accepts = |rule: &Rule| {
            gateway
                .origin(rule)
                .is_some_and(|origin| origin.accepts_ambiguous_paths)
        };
        let any_accepts = all(gateway).any(accepts);
        assert!(
            any_accepts || admitted.is_err(),
            "an ambiguous path falls under no rule: {path}"
        );
        return;
    }
    // The tree of all rules finds what looking at one after the other finds.
    let first = all(gateway).position(|rule| covers(rule, host, method, path));
    assert_eq!(gateway.find(host, method, path), first, "{request}");
    match admitted {
        Ok(_) => assert!(first.is_some_and(|index| gateway.matched(index).is_some())),
        Err(Denial::NoRule) => {
            assert!(first.is_none_or(|index| gateway.matched(index).is_none()));
        }
        Err(Denial::Method) => assert!(is_never_answered(method)),
        Err(denial) => assert_eq!(denial, Denial::Path(PathFault::OtherRule)),
    }
}

fn all(gateway: &Gateway) -> impl Iterator<Item = &Rule> {
    (0..).map_while(|index| gateway.rule(index))
}

fn covers(rule: &Rule, host: &str, method: &str, path: &str) -> bool {
    let has_host = match normal(host) {
        Some((name, _)) if rule.hosts.is_empty() => {
            rule.workers_dev || !name.ends_with(".workers.dev")
        }
        Some((name, port)) => {
            let hosts = [format!("{name}{port}"), name];
            rule.hosts.iter().any(|known| hosts.contains(known))
        }
        None => rule.hosts.is_empty(),
    };
    has_host && rule.covers_method(method) && rule.paths.iter().any(|pattern| fits(pattern, path))
}

/// Name and `:port` of a host; `None` for what is no host.
fn normal(host: &str) -> Option<(String, String)> {
    let host = host.to_ascii_lowercase();
    let (name, port) = match host.rfind(':') {
        // The colons inside the brackets of an IPv6 address begin no port.
        Some(at) if host.rfind(']').is_none_or(|bracket| bracket < at) => host.split_at(at),
        _ => (host.as_str(), ""),
    };
    let digits = port.strip_prefix(':').unwrap_or_default();
    let port = match digits {
        "" => String::new(),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!(":{}", digits.parse::<u16>().ok()?)
        }
        _ => return None,
    };
    if let Some(address) = name.strip_prefix('[') {
        let address = address.strip_suffix(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        return Some((name.to_owned(), port));
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_good = name.split('.').all(|label| {
        let mut bytes = label.bytes();
        !label.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    is_good.then(|| (name.to_owned(), port))
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, is_open) = pattern
        .strip_suffix("/**")
        .map_or((pattern, false), |rest| (rest, true));
    let (pattern, path) = (segments(pattern), segments(path));
    (path.len() == pattern.len() || (is_open && path.len() > pattern.len()))
        && pattern
            .iter()
            .zip(&path)
            .all(|(wanted, found)| wanted == "*" || decoded(wanted) == decoded(found))
}

fn segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Vec::new();
    }
    path.strip_suffix('/')
        .unwrap_or(path)
        .split('/')
        .map(str::to_owned)
        .collect()
}

fn decoded(segment: &str) -> Vec<u8> {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        // Without this a sign would be a digit.
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let escape = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], escape) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// A path that passes means the same to whoever decodes it once, twice or not at all.
pub fn paths(input: &[u8]) {
    let Some(raw) = text(input) else { return };
    assert!(!path::is_kept_by_urls(raw) || path::check(raw, raw).is_ok());
    assert!(path::check(raw, &format!("{raw}x")).is_err());
    if path::check(raw, raw).is_err() {
        return;
    }
    assert!(raw.starts_with('/'));
    assert!(!raw.contains("//") && !raw.contains(['\\', ';', '\0']));
    for segment in raw.split('/') {
        let once = decoded(segment);
        let plain = std::str::from_utf8(&once).expect("UTF-8");
        let is_dots = !plain.is_empty() && plain.chars().all(|c| c == '.' || c.is_whitespace());
        assert!(!is_dots, "{raw}");
        assert!(
            !plain.contains(['/', '\\', ';']) && !plain.chars().any(char::is_control),
            "{raw}"
        );
        assert_eq!(decoded(plain), once, "{raw}");
    }
}

/// The directives of an answer: one line for each header.
pub fn directives(input: &[u8]) {
    let Some(lines) = text(input) else { return };
    let mut lines = lines.split('\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let key = Secret::new(b"key".to_vec());
    let sent = Sent {
        key: line(),
        create_session: line(),
        session_data: line(),
        set_payload: line(),
        revoke: line(),
        age: line(),
        cache_status: None,
    };
    let values = [
        sent.create_session,
        sent.session_data,
        sent.set_payload,
        sent.revoke,
    ];
    for holder in [Holder::Unknown, Holder::Nobody, Holder::Somebody] {
        match directives::read(&sent, &key, holder) {
            Ok(None) => assert!(values.iter().all(Option::is_none)),
            Ok(Some(read)) => {
                assert_eq!((sent.key, sent.age), (Some("key"), None));
                // Without a session there is none to change; a revocation then has nothing to do, where that is known.
                let changes = read.payload.is_some() || read.session_data.is_some();
                assert!(!changes || (holder == Holder::Somebody && read.create.is_none()));
                assert!(read.revoke.is_none() || holder != Holder::Unknown);
                let texts = read
                    .create
                    .iter()
                    .flat_map(|create| [&create.payload, &create.session_data]);
                for text in texts.chain(&read.payload).chain(&read.session_data) {
                    assert!(text.len() <= MAX_BYTES);
                    assert!(json::parse_object(text).is_ok(), "{text}");
                }
            }
            Err(fault) => assert!(
                !fault.to_string().contains("e30"),
                "no fault repeats a value"
            ),
        }
    }
}
