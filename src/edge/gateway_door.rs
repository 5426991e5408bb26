//! The gateway: requests that are for no path of ours, matched, verified and sent on to an origin.
//!
//! Owns the order: the URL that will be sent, the rule, the session, the decision, the request, the answer. What is
//! decided at each of these is `crate::gateway`'s to say.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    browser_door::{self, Demands},
    context::Context,
    header_lines::HeaderLines,
    js::{ExecutionContext, Host},
    log, origin_answer,
    outgoing_url::{Outgoing, is_host},
    people::Asker,
    renewal_door,
    request::Incoming,
    response,
    tokens::{self, Known},
};
use crate::{
    error::{self, Presented},
    frontend::request::BrowserRequest,
    gateway::{
        self, Admission, Decision, Denial, Facts, Gateway, Matched, Note, Rule, Seen,
        SessionRefused, directives::Holder, request_headers::is_websocket, socket_token,
    },
    http::credentials::{self, AccessTokens, Candidate, Seen as SeenToken, Transfer},
    session::{
        identity::{Issuer, Session},
        model::Refusal,
    },
    settings::Settings,
    token::candidate,
};

/// What every step works with.
pub(super) struct Call<'a> {
    pub(super) request: &'a Incoming,
    pub(super) headers: &'a HeaderLines,
    pub(super) settings: &'a Settings,
    pub(super) matched: Matched<'a>,
    /// Whether the answer may hold directives.
    pub(super) directives: bool,
    /// Surroundings, where the rule asks for a session or allows directives.
    pub(super) context: Option<Context>,
    pub(super) session: Option<Rc<Known>>,
    /// Why there is no session, where the rule asks for one.
    pub(super) refused: Option<SessionRefused>,
    /// Whether its token is the one in `Authorization`.
    pub(super) session_is_in_header: bool,
    pub(super) facts: &'a Facts<'a>,
    pub(super) asker: &'a Asker<'a>,
    socket_authorization: Option<String>,
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
    let target = Outgoing::of(request.url(), request.path(), request.raw_host());
    let target = target.filter(|target| host_is_one && is_host(target.host()));
    let (Some(target), Some(host_name)) = (target, request.host()) else {
        return response::of(&error::reply(
            &Refusal::BadInput("the URL is malformed".to_owned()),
            Presented::Nothing,
            settings.session_expired_status_code,
        ));
    };
    let header = |name: &str| headers.get(name).map(str::to_owned);
    let facts = Facts {
        host: host_name,
        method: request.method(),
        raw_path: request.path(),
        path: target.path(),
        query: target.query(),
        header: &header,
    };
    let asker = Asker::new(env, request.method(), &header, target.origin());
    let mut is_preflight = false;
    let matched = match gateway::admit(gateway, &facts) {
        Ok(Admission::Rule(matched)) => matched,
        Ok(Admission::Preflight(matched)) => {
            if let Some(reply) = gateway::cors::preflight(settings, matched.rule, &facts) {
                return response::of(&reply);
            }
            // The origin is asked, without any credential: the rule looks at none.
            is_preflight = true;
            matched
        }
        Err(denial) => {
            if denial == Denial::NoRule && gateway.is_unnamed(host_name) {
                log::refused("gateway", UNNAMED);
            }
            return refused(settings, None, &facts, &asker, &denial);
        }
    };
    let mut call = Call {
        request,
        headers: &headers,
        settings,
        matched,
        directives: !is_preflight && matched.rule.takes_directives(facts.method),
        context: None,
        session: None,
        refused: None,
        session_is_in_header: false,
        facts: &facts,
        asker: &asker,
        socket_authorization: socket_authorization(&headers),
    };
    let session = call.verify(env, execution).await;
    let seen = session.as_ref().map(|known| seen(&known.session));
    let passage = match gateway::decide(matched.rule, &facts, seen.map_err(Clone::clone)) {
        Decision::Refuse(denial) => {
            return refused(settings, Some(matched), &facts, &asker, &denial);
        }
        Decision::Renew(renewal) => {
            log::refused(
                "gateway",
                &story(Some(matched), "session: goes through a refresh"),
            );
            let reply = gateway::refuse::to_refresh(settings, Some(matched.rule), &facts, &renewal);
            let login = None;
            return origin_answer::of_ours(settings, Some(matched), &asker, reply, login);
        }
        Decision::Forward(passage) => passage,
    };
    note(matched, passage.note.as_ref());
    match session {
        Ok(known) => call.session = Some(known).filter(|_| passage.with_identity),
        Err(refused) => call.refused = Some(refused),
    }
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
        let nothing = |refusal| SessionRefused::new(refusal, Presented::Nothing);
        if !rule.asks_for_session() && !self.directives {
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
        let session = session_of(context, rule, self.facts, self.headers).await;
        session.map(|(known, transfer)| {
            self.session_is_in_header = transfer == Transfer::Header;
            known
        })
    }

    /// True when the request passes without its session because that has ended: the browser is to forget it.
    pub(super) fn forgets_session(&self) -> bool {
        let is_anonymous = self.session.is_none();
        is_anonymous
            && self
                .refused
                .as_ref()
                .is_some_and(|it| it.own_session_is_gone)
    }

    /// Whose session the request has, as directives ask.
    pub(super) fn holder(&self) -> Holder {
        match self.session {
            Some(_) => Holder::Somebody,
            None if self.matched.rule.asks_for_session() => Holder::Nobody,
            None => Holder::Unknown,
        }
    }

    fn tokens(&self) -> Result<AccessTokens<'_, ()>, Refusal> {
        let issuers = &self.matched.rule.issuers;
        credentials::access_tokens(
            self.settings,
            self.authorization(),
            self.headers.get("cookie"),
            |token, transfer| {
                if let Some(context) = &self.context {
                    return tokens::seen(context, token, transfer, issuers).0.plain();
                }
                let trusted = &self.settings.trusted_issuers;
                let issuer = candidate::look(token, trusted).map(|look| look.issuer);
                let issuer = issuer.map(|issuer| {
                    issuer.map_or(Issuer::Own, |issuer| Issuer::Trusted(issuer.id.clone()))
                });
                if issuer.is_some_and(|issuer| issuers.accepts(&issuer)) {
                    SeenToken::Token(())
                } else {
                    SeenToken::Nothing
                }
            },
        )
    }

    /// `Authorization`, or what stands for it.
    fn authorization(&self) -> Option<&str> {
        let sent = self.headers.get("authorization");
        sent.or(self.socket_authorization.as_deref())
    }

    fn carries_a_token(&self) -> bool {
        self.tokens().map_or(true, |found| found.is_any())
    }

    /// The access token of the session; without a session, the one that was refused.
    pub(super) fn token(&self) -> Option<Candidate<'_, ()>> {
        let found = self.tokens().ok()?;
        let is_in_header = match &self.session {
            Some(_) => self.session_is_in_header,
            None => found.header.is_some(),
        };
        found.by(if is_in_header {
            Transfer::Header
        } else {
            Transfer::Cookie
        })
    }
}

/// A session as rules see it.
pub(super) const fn seen(session: &Session) -> Seen<'_> {
    Seen {
        issuer: &session.identity.issuer,
        payload: session.payload.as_str(),
    }
}

/// The token that comes with a WebSocket, see [`socket_token`].
fn socket_authorization(headers: &HeaderLines) -> Option<String> {
    let protocols = headers.get("sec-websocket-protocol")?;
    socket_token::authorization(headers.get("upgrade"), Some(protocols))
}

/// The session that headers carry, verified as a rule wants it.
pub(super) async fn session_of(
    context: &Context,
    rule: &Rule,
    facts: &Facts<'_>,
    headers: &HeaderLines,
) -> Result<(Rc<Known>, Transfer), SessionRefused> {
    let of_socket = socket_authorization(headers);
    let browser = BrowserRequest {
        method: facts.method,
        authorization: headers.get("authorization").or(of_socket.as_deref()),
        cookie: headers.get("cookie"),
        rid: headers.get("rid"),
        anti_csrf: headers.get("anti-csrf"),
        host: facts.host,
        origin: headers.get("origin"),
        sec_fetch_site: headers.get("sec-fetch-site"),
        is_websocket: is_websocket(headers.get("upgrade")),
        ..BrowserRequest::default()
    };
    let demands = Demands {
        freshness: rule.freshness.unwrap_or(context.settings.freshness),
        check_anti_csrf: rule.anti_csrf,
        others: &rule.cross_site,
        issuers: &rule.issuers,
    };
    match browser_door::verified(context, &browser, &demands).await {
        Ok(session) => Ok(session),
        Err(refused) => Err(SessionRefused {
            renewal: renewal_door::renewal(context, &browser, &refused, &rule.issuers).await,
            refusal: refused.refusal,
            presented: refused.presented,
            own_session_is_gone: refused.own_session_is_gone,
            token_is_good: refused.token_is_good,
            detail: refused.detail,
        }),
    }
}

const UNNAMED: &str = "rules without a host do not answer under workers.dev; API_DOMAIN, host or workers_dev names what does";

const NO_TOKEN: Refusal = Refusal::Unauthorised("the request carries no access token");

pub(super) fn refused(
    settings: &Settings,
    matched: Option<Matched<'_>>,
    facts: &Facts<'_>,
    asker: &Asker<'_>,
    denial: &Denial,
) -> Result<JsValue, JsValue> {
    let detail = match denial {
        Denial::Method => "the method is never answered".to_owned(),
        Denial::Path(fault) => fault.text().to_owned(),
        Denial::NoRule => "no rule fits".to_owned(),
        Denial::Website => "a page of another website, with the cookies of a session".to_owned(),
        Denial::Unsendable(why) => why.text().to_owned(),
        Denial::Claims(_) => gateway::explain::reason(denial),
        Denial::Session(refused) => refused.told(),
    };
    let what = story(matched, &[denial.check(), ": ", &detail].concat());
    log::refused_request("gateway", &what, asker.id());
    let rule = matched.map(|matched| matched.rule);
    let reply = gateway::refuse::reply(settings, rule, facts, denial);
    let login = rule.and_then(gateway::refuse::login_page);
    origin_answer::of_ours(settings, matched, asker, reply, login)
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
        Some(Note::PassedOver(why)) => {
            let what = ["passed as anonymous: ", why].concat();
            log::refused("gateway", &story(Some(matched), &what));
        }
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
