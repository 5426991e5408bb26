//! The gateway: requests that are for no path of ours, matched, verified and sent on to an origin.
//!
//! Owns the order: the URL that will be sent, the rule, the session, the decision, the request, the answer. What is
//! decided at each of these is `crate::gateway`'s to say.

use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::{
    browser_door,
    context::Context,
    crypto,
    forward::Outbound,
    header_lines::HeaderLines,
    http_door::respond,
    js::{self, ExecutionContext, Host},
    log, origin_answer,
    request::Incoming,
    tokens::Known,
    told, watch,
};
use crate::{
    error::{self, Presented},
    frontend::request::BrowserRequest,
    gateway::{
        self, Admission, Decision, Denial, Facts, Gateway, Matched, Note, Rule, SessionRefused,
        Target, WebSockets, identity, path, request_headers,
    },
    http::credentials::{self, AccessTokens, Candidate, Transfer},
    secret::Secret,
    session::model::Refusal,
    settings::Settings,
    token::candidate,
};

/// What every step works with.
pub(super) struct Call<'a> {
    pub(super) request: &'a Incoming,
    pub(super) headers: &'a HeaderLines,
    pub(super) settings: &'a Settings,
    pub(super) matched: Matched<'a>,
    /// Surroundings, where the rule asks for a session or allows directives.
    pub(super) context: Option<Context>,
    pub(super) session: Option<Rc<Known>>,
    session_is_in_header: bool,
    pub(super) facts: &'a Facts<'a>,
}

/// Answers one request.
pub(super) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
    gateway: &Gateway,
    host: &Host,
) -> Result<JsValue, JsValue> {
    let headers = request.lines(host)?;
    // A host with a path in it would move the path that the platform reads from the request line.
    let host_is_one = headers.get("host").is_none_or(is_host);
    let Some(target) =
        Outgoing::of(request.url(), request.path(), request.host()).filter(|_| host_is_one)
    else {
        return respond(&error::reply(
            &Refusal::BadInput("the URL is malformed".to_owned()),
            Presented::Nothing,
            settings.session_expired_status_code,
        ));
    };
    let header = |name: &str| headers.get(name).map(str::to_owned);
    let facts = Facts {
        host: target.host(),
        method: &request.method,
        raw_path: request.path(),
        path: target.path(),
        query: target.query(),
        header: &header,
    };
    let matched = match gateway::admit(gateway, &facts) {
        Ok(Admission::Rule(matched)) => matched,
        Ok(Admission::Preflight(matched)) => {
            match gateway::cors::preflight(settings, matched.rule, &facts) {
                Some(reply) => return respond(&reply),
                // The origin is asked, without any credential: the rule looks at none.
                None => matched,
            }
        }
        Err(denial) => return refused(settings, None, &facts, &denial),
    };
    let mut call = Call {
        request,
        headers: &headers,
        settings,
        matched,
        context: None,
        session: None,
        session_is_in_header: false,
        facts: &facts,
    };
    let session = call.verify(env, execution).await;
    let payload = session.as_ref().map(|known| known.session.payload.as_str());
    let passage = match gateway::decide(
        settings,
        matched.rule,
        &facts,
        payload.map_err(Clone::clone),
    ) {
        Decision::Refuse(denial) => {
            return refused(settings, Some(matched), &facts, &denial);
        }
        Decision::Forward(passage) => passage,
    };
    note(matched, passage.note.as_ref());
    call.session = session.ok().filter(|_| passage.with_identity);
    call.forward(env, execution, &target, host).await
}

impl Call<'_> {
    /// The session that the request carries, as the rule wants it verified.
    async fn verify(
        &mut self,
        env: &Env,
        execution: &ExecutionContext,
    ) -> Result<Rc<Known>, SessionRefused> {
        let rule = self.matched.rule;
        let nothing = |refusal| SessionRefused {
            refusal,
            presented: Presented::Nothing,
            own_session_is_gone: false,
        };
        if !rule.asks_for_session() && !rule.directives {
            return Err(nothing(NO_TOKEN));
        }
        let context = match Context::open(env, execution).await {
            Ok(context) => self.context.insert(context),
            // Without a token there is nothing that keys or storage could say.
            Err(_) if !self.carries_a_token() => return Err(nothing(NO_TOKEN)),
            Err(refusal) => return Err(nothing(refusal)),
        };
        if !rule.asks_for_session() {
            return Err(nothing(NO_TOKEN));
        }
        let session = session_of(context, rule, &self.request.method, self.headers).await;
        session.map(|(known, transfer)| {
            self.session_is_in_header = transfer == Transfer::Header;
            known
        })
    }

    fn tokens(&self) -> Result<AccessTokens<'_>, Refusal> {
        credentials::access_tokens(
            self.settings,
            self.headers.get("authorization"),
            self.headers.get("cookie"),
            |token| candidate::is_access_token(token, &self.settings.trusted_issuers),
        )
    }

    fn carries_a_token(&self) -> bool {
        self.tokens()
            .map_or(true, |found| found.preferred.is_some())
    }

    /// The access token of the session.
    pub(super) fn token(&self) -> Option<Candidate<'_>> {
        self.tokens().ok()?.preferred
    }

    /// Sends the request on, and makes the answer fit for the client.
    async fn forward(
        &self,
        env: &Env,
        execution: &ExecutionContext,
        target: &Outgoing<'_>,
        host: &Host,
    ) -> Result<JsValue, JsValue> {
        let Matched {
            index,
            rule,
            origin,
        } = self.matched;
        let key = match self.directive_key() {
            Ok(key) => key,
            Err(refusal) => return self.outage(refusal),
        };
        let told = match (&self.context, &self.session) {
            (Some(context), Some(known)) => {
                match told::told(context, known, &origin.audience(target.origin())).await {
                    Ok(told) => Some(told),
                    Err(refusal) => return self.outage(refusal),
                }
            }
            _ => None,
        };
        let nothing = JsValue::UNDEFINED;
        let outbound = Outbound {
            request: self.request.js(),
            url: &target.url(&origin.target),
            edits: &self.edits(target, key.as_ref()),
            told: told.as_ref().map_or(&nothing, |told| &told.headers),
            origin,
            may_be_cached: !rule.asks_for_session() && !rule.directives,
        };
        let is_plain = !rule.directives && self.headers.get("upgrade").is_none();
        if is_plain && let Ok(index) = u32::try_from(index) {
            // Nothing more depends on this request: the answer need not come back here.
            return outbound.forward(env, host, index).map(JsValue::from);
        }
        match outbound.send(env, host).await {
            Ok(answer) => {
                let key = key.as_ref().map(|key| &key.secret);
                let answer = origin_answer::with_directives(self, host, answer, key).await?;
                self.watched(answer, env, execution, host)
            }
            Err(fault) => {
                let is_head = self.facts.method == "HEAD";
                let website = self.headers.get("origin");
                origin_answer::failed(self.settings, self.matched, website, is_head, fault)
            }
        }
    }

    /// What changes about the request's headers, as lines: first what the origin must not get, then what we say.
    fn edits(&self, target: &Outgoing<'_>, key: Option<&DirectiveKey>) -> String {
        let sent = request_headers::Sent {
            connection: self.headers.get("connection"),
            cookie: self.headers.get("cookie"),
            authorization: self.headers.get("authorization"),
            upgrade: self.headers.get("upgrade"),
            authorization_is_ours: self.session_is_in_header,
        };
        let names = self.headers.iter().map(|(name, _)| name);
        let changes = request_headers::changes(self.settings, self.matched.rule, sent, names);
        let mut edits = String::new();
        for name in &changes.remove {
            edits.push_str(name);
            edits.push('\n');
        }
        if changes.cookie.is_some() {
            edits.push_str("cookie\n");
        }
        let forwarded = request_headers::forwarded(
            self.headers.get("cf-connecting-ip"),
            target.host(),
            target.scheme(),
        );
        let forwarded = forwarded
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let cookie = changes.cookie.as_deref().map(|cookie| ("cookie", cookie));
        let key = key.map(|key| (identity::DIRECTIVE_KEY, key.text.as_str()));
        for (name, value) in forwarded.chain(cookie).chain(key) {
            for part in [name, ",", value, "\n"] {
                edits.push_str(part);
            }
        }
        edits.pop();
        edits
    }

    fn directive_key(&self) -> Result<Option<DirectiveKey>, Refusal> {
        if !self.matched.rule.directives {
            return Ok(None);
        }
        let random: [u8; gateway::directives::KEY_BYTES] =
            crypto::random().map_err(|_| Refusal::GeneralError("no randomness"))?;
        let text = Base64UrlUnpadded::encode_string(&random);
        Ok(Some(DirectiveKey {
            secret: Secret::new(text.clone().into_bytes()),
            text,
        }))
    }

    /// An upgrade whose session must still stand is pumped; any other answer is what it is.
    fn watched(
        &self,
        answer: JsValue,
        env: &Env,
        execution: &ExecutionContext,
        host: &Host,
    ) -> Result<JsValue, JsValue> {
        let (Some(context), Some(known)) = (&self.context, &self.session) else {
            return Ok(answer);
        };
        let response: js::FetchedResponse = answer.unchecked_into();
        if self.matched.rule.websocket == WebSockets::Pass || !response.web_socket()?.is_object() {
            return Ok(response.into());
        }
        let freshness = self.matched.rule.freshness;
        let freshness = freshness.unwrap_or(context.settings.freshness);
        let token = self.token().map(|token| token.token).unwrap_or_default();
        let (ticket, wait) = watch::ticket(context, known, &token, freshness);
        let (env, execution): (&JsValue, &JsValue) = (env.as_ref(), execution.as_ref());
        host.pump(&response, &wait, &ticket, env, execution)
    }

    /// An answer to a request that was not sent, because something of ours is out of reach.
    fn outage(&self, refusal: Refusal) -> Result<JsValue, JsValue> {
        let denial = Denial::Session(SessionRefused {
            refusal,
            presented: Presented::Token,
            own_session_is_gone: false,
        });
        refused(self.settings, Some(self.matched), self.facts, &denial)
    }
}

/// The session that headers carry, verified as a rule wants it.
pub(super) async fn session_of(
    context: &Context,
    rule: &Rule,
    method: &str,
    headers: &HeaderLines,
) -> Result<(Rc<Known>, Transfer), SessionRefused> {
    let browser = BrowserRequest {
        method,
        authorization: headers.get("authorization"),
        cookie: headers.get("cookie"),
        rid: headers.get("rid"),
        anti_csrf: headers.get("anti-csrf"),
        ..BrowserRequest::default()
    };
    let freshness = rule.freshness.unwrap_or(context.settings.freshness);
    browser_door::verified(context, &browser, freshness, rule.anti_csrf)
        .await
        .map_err(|refused| SessionRefused {
            refusal: refused.refusal,
            presented: refused.presented,
            own_session_is_gone: refused.own_session_is_gone,
        })
}

const NO_TOKEN: Refusal = Refusal::Unauthorised("the request carries no access token");

/// The key of one request's directives.
struct DirectiveKey {
    text: String,
    secret: Secret,
}

/// The URL that will be sent, as the platform writes it: what the rules see is what the origin gets.
pub(super) struct Outgoing<'r> {
    url: std::borrow::Cow<'r, str>,
    path_start: usize,
    path_end: usize,
}

impl<'r> Outgoing<'r> {
    /// Of a URL as it came, with its path and host.
    pub(super) fn of(raw: &'r str, path: &str, host: &str) -> Option<Self> {
        // Most paths are their own normal form; then the query may stay as it is, too: no rule looks at it.
        let is_kept = path::is_kept_by_urls(path) && is_plain_host(host);
        let url = if is_kept {
            raw.into()
        } else {
            std::borrow::Cow::Owned(js::Url::new(raw).ok()?.href().ok()?)
        };
        let path_start = url.find("://")?.saturating_add(3);
        let path_start = path_start.saturating_add(url.get(path_start..)?.find('/')?);
        let end = url.get(path_start..)?.find(['?', '#']);
        let path_end = end.map_or(url.len(), |at| path_start.saturating_add(at));
        Some(Self {
            url,
            path_start,
            path_end,
        })
    }

    /// `scheme://host[:port]`
    fn origin(&self) -> &str {
        self.url.get(..self.path_start).unwrap_or_default()
    }

    fn scheme(&self) -> &str {
        self.url.split(':').next().unwrap_or_default()
    }

    pub(super) fn host(&self) -> &str {
        self.origin().split("://").nth(1).unwrap_or_default()
    }

    pub(super) fn path(&self) -> &str {
        self.url
            .get(self.path_start..self.path_end)
            .unwrap_or_default()
    }

    pub(super) fn query(&self) -> &str {
        let behind = self.url.get(self.path_end..).unwrap_or_default();
        behind.strip_prefix('?').unwrap_or_default()
    }

    /// The same at an origin.
    fn url(&self, target: &Target) -> String {
        let behind = self.url.get(self.path_start..).unwrap_or_default();
        match target {
            Target::Url(base) => [base, behind].concat(),
            // The Worker that is bound sees the URL that was asked for.
            Target::Binding(_) | Target::Route => self.url.clone().into_owned(),
        }
    }
}

/// What may stand in a `Host` header (RFC 9110 section 7.2): no path, no user, no second host.
fn is_host(host: &str) -> bool {
    host.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte) || !byte.is_ascii())
}

/// A host that URLs keep as it is: lower case, without user information or escapes.
fn is_plain_host(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte)
        })
}

fn refused(
    settings: &Settings,
    matched: Option<Matched<'_>>,
    facts: &Facts<'_>,
    denial: &Denial,
) -> Result<JsValue, JsValue> {
    let detail = match denial {
        Denial::Path(fault) => fault.text().to_owned(),
        Denial::NoRule => "no rule fits".to_owned(),
        Denial::Website => "a WebSocket of another website".to_owned(),
        Denial::Claims(_) => "a claim requirement is not met".to_owned(),
        Denial::Session(refused) => error::detail(&refused.refusal),
    };
    log::refused(
        "gateway",
        &story(matched, &[denial.check(), ": ", &detail].concat()),
    );
    let rule = matched.map(|matched| matched.rule);
    let reply = gateway::refuse::reply(settings, rule, facts, denial);
    let website = (facts.header)("origin");
    origin_answer::of_ours(settings, website.as_deref(), facts.method == "HEAD", reply)
}

fn note(matched: Matched<'_>, note: Option<&Note>) {
    match note {
        None => {}
        Some(Note::Shadowed(denial)) => {
            let what = ["would be refused: ", denial.check()].concat();
            log::warning("gateway_shadow", &story(Some(matched), &what));
        }
        Some(Note::Outage) => log::warning(
            "gateway_outage",
            &story(
                Some(matched),
                "passed as anonymous: keys or storage are out of reach",
            ),
        ),
        Some(Note::StaleSession) => log::refused(
            "gateway",
            &story(
                Some(matched),
                "passed as anonymous: the session cannot be refreshed here",
            ),
        ),
    }
}

pub(super) fn story(matched: Option<Matched<'_>>, what: &str) -> String {
    match matched {
        Some(matched) => format!("rules[{}]: {what}", matched.index),
        None => what.to_owned(),
    }
}
