//! A request at the gateway, with what each step has found out about it.

use super::error_pages::Asker;
use super::renewal;
use crate::gateway::websocket::ticket::{self, NotRedeemed};
use crate::{
    auth::{
        authenticate::{self, Demands, Found},
        device::{self, DeviceDemand},
        dpop::Proofs,
        verified_session::VerifiedToken,
        verifier,
    },
    objects::context::Context,
    runtime::{
        http::{header_lines::HeaderLines, request::Incoming},
        js::ExecutionContext,
    },
};
use postern_core::error::Presented;
use postern_core::gateway::request::socket_token;
use postern_core::gateway::request::ticket_query::Offered;
use postern_core::gateway::request::upgrade::is_websocket;
use postern_core::gateway::response::directives::Holder;
use postern_core::gateway::{DeviceFault, Matched, RequestMeta, Rule, SessionRefused};
use postern_core::identity::Issuer;
use postern_core::refusal::Refusal;
use postern_core::request::credentials::{self, AccessTokens, Candidate, Classification, Transfer};
use postern_core::request::token_places::{self, Placed};
use postern_core::settings::Settings;
use postern_core::supertokens::fdi::request::BrowserRequest;
use postern_core::tokens::candidate;
use std::rc::Rc;

use worker::Env;

/// What every step works with.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Incoming,
    pub(crate) headers: &'a HeaderLines,
    pub(crate) settings: &'a Settings,
    pub(crate) matched: Matched<'a>,
    /// Whether the answer may hold directives.
    pub(crate) directives: bool,
    /// The context, where the rule asks for a session or allows directives.
    pub(crate) context: Option<Context>,
    pub(crate) session: Option<Rc<VerifiedToken>>,
    /// Why there is no session, where the rule asks for one.
    pub(crate) refused: Option<SessionRefused>,
    /// Where the token of its session was found; `None` without a session, or with that of a ticket.
    pub(crate) session_found: Option<Found>,
    /// Whether its session is that of a ticket, which stands for it in this one request and changes nothing.
    pub(crate) session_is_by_ticket: bool,
    pub(crate) facts: &'a RequestMeta<'a>,
    pub(crate) asker: &'a Asker<'a>,
    pub(crate) socket_authorization: Option<String>,
    /// The tickets that its URL held.
    pub(crate) offered: Offered,
}

impl Call<'_> {
    /// The session that the request carries, as the rule wants it verified.
    pub(crate) async fn verify(
        &mut self,
        env: &Env,
        execution: &ExecutionContext,
    ) -> Result<Rc<VerifiedToken>, SessionRefused> {
        let rule = self.matched.rule;
        let nothing = |refusal| SessionRefused::new(refusal, Presented::Nothing);
        if !rule.asks_for_session() && !self.directives {
            return Err(nothing(NO_TOKEN));
        }
        let context = match Context::open(env, execution).await {
            Ok(context) => self.context.insert(context),
            // Without a token there is nothing that keys or storage could say.
            Err(_) if !self.carries_a_credential() => return Err(nothing(NO_TOKEN)),
            Err(refusal) => return Err(nothing(refusal)),
        };
        if !rule.asks_for_session() {
            return Err(nothing(NO_TOKEN));
        }
        let session = session_of(
            context,
            rule,
            self.facts,
            (self.request.url(), Proofs::UsedUp),
            self.headers,
        )
        .await;
        match session {
            Ok((known, found)) => {
                self.session_found = Some(found);
                Ok(known)
            }
            Err(refused) => self.by_ticket(refused).await,
        }
    }

    /// The session of a ticket, where no other credential has one.
    async fn by_ticket(
        &mut self,
        refused: SessionRefused,
    ) -> Result<Rc<VerifiedToken>, SessionRefused> {
        let Some(context) = &self.context else {
            return Err(refused);
        };
        // While a credential cannot be judged, nobody is taken for somebody else.
        // Nor does a ticket say whether its session is bound.
        if self.offered == Offered::None
            || self.matched.rule.device_bound
            || matches!(refused.refusal, Refusal::GeneralError(_))
        {
            return Err(refused);
        }
        let rule = self.matched.rule;
        match ticket::redeemed(context, rule, self.facts, &self.offered).await {
            Ok(known) => {
                self.session_is_by_ticket = true;
                self.directives = false;
                Ok(known)
            }
            Err(NotRedeemed::Outage(outage)) => Err(SessionRefused::new(outage, Presented::Token)),
            Err(NotRedeemed::Because(why)) => {
                let says_nothing =
                    refused.presented == Presented::Nothing && refused.detail.is_none();
                let detail = if says_nothing {
                    why
                } else {
                    [&refused.log_reason(), "; ", &why].concat()
                };
                Err(SessionRefused {
                    detail: Some(detail),
                    ..refused
                })
            }
        }
    }

    /// True when the request passes without its session because that has ended: the browser is to forget it.
    pub(crate) fn forgets_session(&self) -> bool {
        let is_anonymous = self.session.is_none();
        is_anonymous
            && self
                .refused
                .as_ref()
                .is_some_and(|it| it.own_session_is_gone)
    }

    /// Whose session the request has, as directives ask.
    pub(crate) fn holder(&self) -> Holder {
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
                    return verifier::classify(context, token, transfer.place(), issuers)
                        .0
                        .plain();
                }
                let trusted = &self.settings.trusted_issuers;
                let issuer = candidate::structure(token, trusted).map(|found| found.issuer);
                let issuer = issuer.map(|issuer| {
                    issuer.map_or(Issuer::Own, |issuer| Issuer::Trusted(issuer.id.clone()))
                });
                if issuer.is_some_and(|issuer| issuers.accepts(&issuer)) {
                    Classification::Token(())
                } else {
                    Classification::Nothing
                }
            },
        )
    }

    /// Whether the token of its session is the one in `Authorization`.
    pub(crate) fn session_is_in_header(&self) -> bool {
        matches!(
            self.session_found,
            Some(Found::Sent {
                transfer: Transfer::Header,
                ..
            })
        )
    }

    /// `Authorization`, or what stands for it.
    fn authorization(&self) -> Option<&str> {
        let sent = self.headers.get("authorization");
        sent.or(self.socket_authorization.as_deref())
    }

    fn carries_a_credential(&self) -> bool {
        let has_ticket = self.offered != Offered::None && self.facts.method == "GET";
        has_ticket
            || self.tokens().map_or(true, |found| found.is_any())
            || !placed(self.settings, self.headers).is_empty()
    }

    /// The access token of the session; without a session, the one that was refused.
    pub(crate) fn token(&self) -> Option<Candidate<'_, ()>> {
        if self.session_found == Some(Found::Placed) {
            return None;
        }
        let found = self.tokens().ok()?;
        let is_in_header = match &self.session {
            Some(_) => self.session_is_in_header(),
            None => found.header.is_some(),
        };
        found.by(if is_in_header {
            Transfer::Header
        } else {
            Transfer::Cookie
        })
    }
}

/// The token that comes with a WebSocket, see [`socket_token`].
pub(crate) fn socket_authorization(headers: &HeaderLines) -> Option<String> {
    let protocols = headers.get("sec-websocket-protocol")?;
    socket_token::authorization(headers.get("upgrade"), Some(protocols))
}

/// What stands where tokens of trusted issuers may be.
fn placed<'s>(settings: &'s Settings, headers: &HeaderLines) -> Vec<Placed<'s>> {
    let is_websocket = is_websocket(headers.get("upgrade"));
    token_places::placed(settings, is_websocket, |name| {
        headers.get(name).map(str::to_owned)
    })
}

/// The session that headers carry, verified as a rule wants it.
pub(crate) async fn session_of(
    context: &Context,
    rule: &Rule,
    facts: &RequestMeta<'_>,
    (url, proofs): (&str, Proofs),
    headers: &HeaderLines,
) -> Result<(Rc<VerifiedToken>, Found), SessionRefused> {
    let of_socket = socket_authorization(headers);
    let placed = placed(&context.settings, headers);
    let browser = BrowserRequest {
        placed: &placed,
        method: facts.method,
        url,
        proof: headers.get("dpop"),
        authorization: headers.get("authorization").or(of_socket.as_deref()),
        cookie: headers.get("cookie"),
        rid: headers.get("rid"),
        anti_csrf: headers.get("anti-csrf"),
        host: facts.host,
        origin: headers.get("origin"),
        sec_fetch_site: headers.get("sec-fetch-site"),
        is_websocket: is_websocket(headers.get("upgrade")),
        skipped: headers.get("secure-session-skipped"),
        ..BrowserRequest::default()
    };
    let demands = Demands {
        freshness: rule.freshness.unwrap_or(context.settings.freshness),
        check_anti_csrf: rule.anti_csrf,
        others: &rule.cross_site,
        device: if rule.device_bound {
            DeviceDemand::Bound
        } else {
            DeviceDemand::AsSet
        },
        issuers: &rule.issuers,
        proofs,
    };
    match authenticate::verified(context, &browser, &demands).await {
        Ok(session) => Ok(session),
        Err(refused) => {
            let refused = refused.unless_skipped(browser.skipped);
            Err(SessionRefused {
                renewal: renewal::renewal(context, &browser, &refused, &rule.issuers).await,
                device: if device::is_cookie_missing(context, &browser) {
                    DeviceFault::CookieMissing
                } else {
                    refused.device
                },
                refusal: refused.refusal,
                presented: refused.presented,
                own_session_is_gone: refused.own_session_is_gone,
                token_is_good: refused.token_is_good,
                detail: refused.detail,
            })
        }
    }
}

const NO_TOKEN: Refusal = Refusal::Unauthorised("the request carries no access token");

pub(crate) fn log_detail(matched: Option<Matched<'_>>, what: &str) -> String {
    match matched {
        Some(matched) => format!("rule {}: {what}", matched.rule.label()),
        None => what.to_owned(),
    }
}
