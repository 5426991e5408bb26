//! `POST {base}/explain`: what would become of a request, and why. It names rules and checks, and no secret.

use crate::error::Outcome;
use crate::http::reply::Reply;
use crate::http::token_places::Place;
use crate::identity::Issuer;
use crate::refusal::Refusal;
use crate::settings::{Freshness, Settings, TrustedIssuer};
use crate::tokens::candidate;
use postern_jwt::json::{self, Kind, ObjectWriter};

use crate::gateway::decision::decide::{Decision, Denial, ForwardWarning};
use crate::gateway::decision::refuse::failures_json;
use crate::gateway::rules::Matched;
use crate::gateway::rules::bearer::Lack;
use crate::gateway::rules::origins::Target;
use crate::gateway::rules::{OnOutage, Rule, SessionNeed, WebSockets};

/// The most bytes of a description.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A request, described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The method; `GET` when it is not given.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers, each once, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Where `token` was put, if that was given, as text for people.
    pub token_in: Option<String>,
}

impl Described {
    /// Reads `{"url":…,"method"?,"headers"?:{name: value},"token"?}`. `token` stands where tokens of its issuer count: as a
    /// bearer token, or else in the first place that the issuer's entry names.
    ///
    /// # Errors
    /// Bad input that names the field.
    pub fn parse(body: &str, settings: &Settings) -> Result<Self, Refusal> {
        let bad = |text: &str| Refusal::BadInput(text.to_owned());
        let object =
            json::parse_object(body).map_err(|fault| Refusal::BadInput(format!("body {fault}")))?;
        let text = |name: &str| {
            object
                .string(name)
                .map_err(|_| Refusal::BadInput(format!("\"{name}\" must be a string")))
        };
        if let Some(unknown) = object
            .members()
            .find(|member| !matches!(member.name(), "method" | "url" | "headers" | "token"))
        {
            let name: String = unknown
                .name()
                .chars()
                .take(64)
                .filter(|c| !c.is_control())
                .collect();
            return Err(Refusal::BadInput(format!(
                "\"{name}\" is not a field: url, method, headers and token are"
            )));
        }
        let url = text("url")?
            .ok_or_else(|| bad("\"url\" is required"))?
            .into_owned();
        let method = text("method")?.map_or_else(|| "GET".to_owned(), std::borrow::Cow::into_owned);
        let mut headers = Vec::new();
        if let Some(value) = object.get("headers") {
            let fields = json::parse_object(value)
                .map_err(|_| bad("\"headers\" must be an object of strings"))?;
            for field in fields.members() {
                if json::kind(field.value()) != Kind::String {
                    return Err(bad("\"headers\" must be an object of strings"));
                }
                if !is_header(field.name(), field.value()) {
                    return Err(bad(
                        "\"headers\" must have names of tokens and values of one line",
                    ));
                }
                let value = json::parse_string(field.value())
                    .unwrap_or_default()
                    .into_owned();
                push_header(&mut headers, field.name().to_ascii_lowercase(), &value);
            }
        }
        let mut token_in = None;
        if let Some(token) = text("token")? {
            let place = place_of(&token, settings);
            let (name, value) = match place {
                Place::Authorization | Place::SessionCookie => {
                    ("authorization", format!("Bearer {token}"))
                }
                Place::Header(name) => (name, token.into_owned()),
                Place::Cookie(name) => ("cookie", format!("{name}={token}")),
                Place::Protocol(beginning) => {
                    ("sec-websocket-protocol", format!("{beginning}{token}"))
                }
            };
            if headers.iter().any(|(known, _)| known == name) {
                return Err(Refusal::BadInput(format!(
                    "\"token\" and a header {name} cannot both be given: that is where the token would be"
                )));
            }
            headers.push((name.to_owned(), value));
            let has_upgrade = headers.iter().any(|(known, _)| known == "upgrade");
            if matches!(place, Place::Protocol(_)) && !has_upgrade {
                headers.push(("upgrade".to_owned(), "websocket".to_owned()));
            }
            token_in = Some(place.to_string());
        }
        Ok(Self {
            method,
            url,
            headers,
            token_in,
        })
    }
}

/// Where a token would be that somebody gives without saying where it was.
fn place_of<'s>(token: &str, settings: &'s Settings) -> Place<'s> {
    let issuer =
        candidate::structure(token, &settings.trusted_issuers).and_then(|found| found.issuer);
    issuer
        .and_then(|issuer| issuer.places().into_iter().next())
        .unwrap_or(Place::Authorization)
}

/// Adds a header; values of a repeated one are joined, as runtimes do.
fn push_header(headers: &mut Vec<(String, String)>, name: String, value: &str) {
    match headers.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => {
            known.push_str(", ");
            known.push_str(value);
        }
        None => headers.push((name, value.to_owned())),
    }
}

/// Whether a header could have come that way: no runtime hands on others. `value` is the JSON text of a string.
fn is_header(name: &str, value: &str) -> bool {
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    is_token && json::parse_string(value).is_ok_and(|value| !value.contains(['\r', '\n', '\0']))
}

/// The explanation of one request, as far as it got.
#[derive(Debug, Clone)]
pub struct Explanation<'g> {
    /// The path as it was described.
    pub raw_path: String,
    /// The path that would be sent.
    pub path: String,
    /// As in [`Described`].
    pub token_in: Option<String>,
    /// The rule it falls under.
    pub matched: Option<Matched<'g>>,
    /// What became of it.
    pub end: End,
}

/// How an explanation ends.
#[derive(Debug, Clone)]
pub enum End {
    /// With a decision.
    Decided(Decision),
    /// It is a preflight; `false` = the origin is asked.
    Preflight(bool),
}

impl Explanation<'_> {
    /// The answer to who asked for the explanation. `reply` is what the client would get, when it is refused.
    pub fn json(&self, settings: &Settings, reply: Option<&Reply>) -> String {
        let mut explanation = ObjectWriter::new();
        explanation.text("status", "OK");
        let (decision, denial, warning) = match &self.end {
            End::Preflight(true) => ("preflight", None, None),
            End::Preflight(false) => ("forward", None, None),
            End::Decided(Decision::Refuse(denial)) => ("refuse", Some(denial), None),
            End::Decided(Decision::Renew(_)) => ("refresh", None, None),
            End::Decided(Decision::AskAgain) => ("askAgain", None, None),
            End::Decided(Decision::Forward(forward)) => {
                explanation.boolean("withIdentity", forward.with_identity);
                ("forward", None, forward.warning.as_ref())
            }
        };
        explanation.text("decision", decision);
        let decided_by = match (&self.end, denial, warning) {
            (End::Preflight(_), ..) => "preflight",
            (End::Decided(Decision::Renew(_)), ..) => "staleSession",
            (End::Decided(Decision::AskAgain), ..) => "device",
            (_, Some(denial), _) | (_, _, Some(ForwardWarning::Shadowed(denial))) => denial.check(),
            (_, _, Some(ForwardWarning::Outage)) => "onOutage",
            (_, _, Some(ForwardWarning::StaleSession)) => "staleSession",
            (_, _, Some(ForwardWarning::PassedOver(_))) => "issuers",
            (_, None, None) => "rule",
        };
        explanation.text("decidedBy", decided_by);
        let shadowed = match warning {
            Some(ForwardWarning::Shadowed(denial)) => Some(denial),
            _ => None,
        };
        if let Some(denial) = denial.or(shadowed) {
            explanation.text("reason", &reason(denial));
            if let Denial::Claims(failed) = denial {
                explanation.json("claimValidationErrors", &failures_json(failed));
            }
        }
        if let Some(ForwardWarning::PassedOver(why)) = warning {
            explanation.text("reason", why);
        }
        explanation.boolean("shadowed", shadowed.is_some());
        explanation.optional_text("tokenIn", self.token_in.as_deref());
        let mut path = ObjectWriter::new();
        path.text("received", &self.raw_path);
        path.text("sent", &self.path);
        explanation.json("path", &path.finish());
        let rule = self
            .matched
            .map_or_else(|| "null".to_owned(), |matched| rule_json(settings, matched));
        explanation.json("rule", &rule);
        if let Some(reply) = reply {
            let mut answer = ObjectWriter::new();
            answer.number("httpStatus", u64::from(reply.status));
            let location = reply.headers.iter().find(|(name, _)| name == "location");
            answer.optional_text("location", location.map(|(_, value)| value.as_str()));
            explanation.json("answer", &answer.finish());
        }
        explanation.finish()
    }
}

/// Why, for who has an API key: precise, and without any token or user data.
pub fn reason(denial: &Denial) -> String {
    match denial {
        Denial::Path(fault) => format!("the path {}", fault.text()),
        Denial::Method => "TRACE, TRACK and CONNECT are never answered".to_owned(),
        Denial::NoRule => "no rule has this host, path and method".to_owned(),
        Denial::Unsendable(why) => why.text().to_owned(),
        Denial::Website => {
            "a website that is not one of WEBSITE_ORIGINS opens a WebSocket".to_owned()
        }
        Denial::Session(refused) => {
            format!(
                "{}: {}",
                Outcome::of(&refused.refusal).code,
                refused.log_reason()
            )
        }
        Denial::Bearer(Lack::Scope) => "a scope of the rule is missing".to_owned(),
        Denial::Bearer(Lack::Authentication) => {
            "the authentication is not of acr_values, or longer ago than max_age".to_owned()
        }
        Denial::Claims(failed) => {
            let ids: Vec<&str> = failed.iter().map(|claim| claim.id.as_str()).collect();
            format!("claims not met: {}", ids.join(", "))
        }
    }
}

fn rule_json(settings: &Settings, matched: Matched<'_>) -> String {
    let Rule {
        session,
        websocket,
        on_outage,
        ..
    } = matched.rule;
    let mut rule = ObjectWriter::new();
    rule.number("index", u64::try_from(matched.index).unwrap_or(u64::MAX));
    rule.optional_text("name", matched.rule.name.as_deref());
    for (name, values) in [
        ("host", &matched.rule.hosts),
        ("path", &matched.rule.paths),
        ("methods", &matched.rule.methods),
    ] {
        rule.json(name, &json::strings(values.iter().map(String::as_str)));
    }
    rule.text("origin", &matched.origin.name);
    rule.text(
        "target",
        match &matched.origin.target {
            Target::Url(url) => url,
            Target::Binding(name) => name,
            Target::Route => "route",
        },
    );
    rule.text(
        "session",
        match session {
            SessionNeed::Required => "required",
            SessionNeed::Optional => "optional",
            SessionNeed::None => "none",
        },
    );
    if matched.rule.asks_for_session() {
        let issuers = matched.rule.issuers.named().iter();
        rule.json("issuers", &json::strings(issuers.map(Issuer::id)));
        rule.json("tokenFrom", &token_from(settings, matched.rule));
        rule.text(
            "freshness",
            &freshness(matched.rule.freshness.unwrap_or(settings.freshness)),
        );
        rule.boolean("require", matched.rule.require.is_some());
        if matched.rule.device_bound {
            rule.boolean("deviceBound", true);
        }
        rule.boolean("shadow", matched.rule.shadow);
        rule.text(
            "onOutage",
            match on_outage {
                OnOutage::Refuse => "refuse",
                OnOutage::Anonymous => "anonymous",
            },
        );
    }
    rule.boolean("directives", matched.rule.directives);
    rule.boolean("forwardCredentials", matched.rule.forward_credentials);
    rule.text(
        "websocket",
        match websocket {
            WebSockets::Enforce => "enforce",
            WebSockets::Pass => "pass",
        },
    );
    rule.finish()
}

/// Where tokens of each trusted issuer of a rule may be, by the issuer's id.
fn token_from(settings: &Settings, rule: &Rule) -> String {
    let accepted = |issuer: &&TrustedIssuer| {
        let mut named = rule.issuers.named().iter();
        named.any(|known| matches!(known, Issuer::Trusted(id) if *id == issuer.id))
    };
    let mut all = ObjectWriter::new();
    for issuer in settings.trusted_issuers.iter().filter(accepted) {
        let places: Vec<String> = issuer.places().iter().map(Place::to_string).collect();
        all.json(
            &issuer.id,
            &json::strings(places.iter().map(String::as_str)),
        );
    }
    all.finish()
}

fn freshness(freshness: Freshness) -> String {
    match freshness {
        Freshness::Stateless => "stateless".to_owned(),
        Freshness::Within(bound) => format!("within {} ms", bound.0),
        Freshness::Strict => "strict".to_owned(),
    }
}
