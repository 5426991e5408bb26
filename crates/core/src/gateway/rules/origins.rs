//! `[origins.NAME]`: where requests are sent.

use crate::settings::origin::{host_name, is_loopback_name, origin_host, parse_origin};
use crate::settings::parse_duration;
use postern_jwt::time::Millis;

use crate::gateway::reserved::normal;
use crate::gateway::rules::fields::{Faults, Fields};

/// How long an origin may take to begin its answer, unless it says otherwise.
const DEFAULT_TIMEOUT: Millis = Millis::from_seconds(30);
const SHORTEST_TIMEOUT: Millis = Millis(100);
/// The longest that an origin may be given to begin its answer.
pub const LONGEST_TIMEOUT: Millis = Millis::from_seconds(300);

/// The most names of headers that one origin must not get.
const MAX_REMOVED_HEADERS: usize = 64;

/// The most origins.
const MAX_ORIGINS: usize = 200;

/// Where a request is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `scheme://host[:port]`, lower case, without a path.
    Url(String),
    /// The service binding of this name.
    Binding(String),
    /// The request's own URL: what lies behind the route that this Worker is on.
    Route,
}

/// Header names that an origin must not get, in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RemovedHeader {
    /// This one.
    Name(String),
    /// All that begin so.
    Beginning(String),
}

impl RemovedHeader {
    /// Reads a name, which may end in `*`. What a request cannot do without is no name to remove.
    fn parse(text: &str) -> Option<Self> {
        let (name, is_whole) = match text.strip_suffix('*') {
            Some(beginning) => (beginning, false),
            None => (text, true),
        };
        let is_name = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let normal = normal(name).into_owned();
        let removes = |needed: &&str| {
            if is_whole {
                normal == **needed
            } else {
                needed.starts_with(&normal)
            }
        };
        let is_needed = [
            "host",
            "content-length",
            "content-type",
            "cookie",
            "authorization",
        ]
        .iter()
        .any(removes);
        (is_name && !is_needed).then_some(if is_whole {
            Self::Name(normal)
        } else {
            Self::Beginning(normal)
        })
    }
}

/// An origin.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the rules file, and none says anything about another"
)]
pub struct Origin {
    /// Its name in the rules file.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// How long it may take to begin its answer.
    pub timeout: Millis,
    /// True = it is known to read ambiguous paths as the rules do.
    pub accepts_ambiguous_paths: bool,
    /// True = headers that name another method (`X-HTTP-Method-Override`) pass.
    pub accepts_method_override: bool,
    /// Further request headers that it must not get from a client, see [`Self::removes`].
    pub(crate) remove_request_headers: Vec<RemovedHeader>,
    /// True = a SuperTokens SDK runs there, whose session headers and cookies pass to the client.
    pub sets_sessions: bool,
    /// True = its own address in its answers becomes the one that the client used.
    pub rewrite: bool,
}

impl Origin {
    /// Who an assertion for this origin is for: its URL, or `binding:NAME`, or for the route the request's origin.
    pub fn audience<'a>(&'a self, request_origin: &'a str) -> std::borrow::Cow<'a, str> {
        match &self.target {
            Target::Url(url) => url.into(),
            Target::Binding(name) => format!("binding:{name}").into(),
            Target::Route => request_origin.into(),
        }
    }

    /// True for a request header, by its normal form, that the rules file says it must not get.
    pub(crate) fn removes(&self, normal: &str) -> bool {
        self.remove_request_headers
            .iter()
            .any(|removed| match removed {
                RemovedHeader::Name(name) => name == normal,
                RemovedHeader::Beginning(beginning) => normal.starts_with(beginning),
            })
    }

    /// The origin of the setting `ORIGIN`.
    pub(crate) fn of_setting(url: &str) -> Self {
        Self {
            name: "ORIGIN".to_owned(),
            target: Target::Url(url.to_owned()),
            timeout: DEFAULT_TIMEOUT,
            accepts_ambiguous_paths: false,
            accepts_method_override: false,
            remove_request_headers: Vec::new(),
            sets_sessions: false,
            rewrite: true,
        }
    }
}

/// Reads the table of origins.
pub(crate) fn read(text: &str, faults: &mut Faults) -> Vec<Origin> {
    let mut fields = Fields::open(text, "origins", faults);
    let entries: Vec<_> = fields
        .all()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    if entries.len() > MAX_ORIGINS {
        fields.fault_here(format!("must hold at most {MAX_ORIGINS} origins"));
        return Vec::new();
    }
    entries
        .into_iter()
        .map(|(name, value)| read_one(name, value, faults))
        .collect()
}

/// What is faulty gets a value that will do, so that rules which name the origin are not at fault as well.
fn read_one(name: String, text: &str, faults: &mut Faults) -> Origin {
    let mut fields = Fields::open(text, &format!("origins.{name}"), faults);
    let name_is_good = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !name_is_good {
        fields.fault_here("must have a name of 1 to 64 letters, digits, - and _".to_owned());
    }
    let url = fields.parsed(
        "url",
        "an origin such as \"https://app.example.com\" or \"http://127.0.0.1:9000\", without a path",
        parse_origin,
    );
    let binding = fields.parsed("binding", "the name of a service binding", |text| {
        let is_name = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !text.starts_with(|c: char| c.is_ascii_digit());
        is_name.then(|| text.to_owned())
    });
    let is_route = fields.boolean("route").unwrap_or(false);
    let named = ["url", "binding"]
        .into_iter()
        .filter(|name| fields.has(name))
        .count();
    if named.saturating_add(usize::from(is_route)) != 1 {
        fields.fault_here("must have one of url, binding and route = true".to_owned());
    }
    if let Some(url) = &url
        && url.starts_with("http://")
        && !is_loopback_name(host_name(origin_host(url)))
    {
        fields.warn("url", "is http: identities travel unencrypted".to_owned());
    }
    let target = match (url, binding) {
        (Some(url), _) => Target::Url(url),
        (None, Some(binding)) => Target::Binding(binding),
        (None, None) => Target::Route,
    };
    let timeout = fields.parsed("timeout", "a duration from 100ms to 300s", |text| {
        parse_duration(text).filter(|span| (SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(span))
    });
    let sets_sessions = fields.choice(
        "sessions",
        "\"sdk\" (a SuperTokens SDK runs there) or \"none\"",
        &[("sdk", true), ("none", false)],
    );
    let remove_request_headers = fields.list(
        "remove_request_headers",
        "a list of header names such as [\"Remote-User\", \"X-Auth-Request-*\"]; never Host, Cookie, Authorization or what describes the body",
        MAX_REMOVED_HEADERS,
        RemovedHeader::parse,
    );
    let origin = Origin {
        target,
        accepts_method_override: fields.boolean("accepts_method_override").unwrap_or(false),
        remove_request_headers: remove_request_headers.unwrap_or_default(),
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        accepts_ambiguous_paths: fields.boolean("accepts_ambiguous_paths").unwrap_or(false),
        sets_sessions: sets_sessions.unwrap_or(false),
        rewrite: fields.boolean("rewrite").unwrap_or(true),
        name,
    };
    fields.finish("of an origin");
    origin
}
