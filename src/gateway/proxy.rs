//! The second half of the gateway: a request that may pass, sent on with the identity headers, and its answer.

use data_encoding::BASE64URL_NOPAD;
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::{
    call::{Call, log_detail},
    forward::Outbound,
    handler::refused,
    identity_cache,
    own_tokens::Judge,
    response,
    upstream_url::Outgoing,
    websocket,
};
use crate::runtime::{
    apart::apart,
    clock,
    js::{self, ExecutionContext, Host},
    log, random,
};
use postern_core::error::Presented;
use postern_core::gateway::own_tokens::{self, Suspect};
use postern_core::gateway::request::headers::{self as request_headers, Changes, Passing};
use postern_core::gateway::request::identity;
use postern_core::gateway::response::directives;
use postern_core::gateway::{Denial, Matched, OnOutage, SessionRefused, Unsendable, WebSockets};
use postern_core::refusal::Refusal;
use postern_jwt::secret::Secret;

/// The key of one request's directives.
struct DirectiveKey {
    text: String,
    secret: Secret,
}

impl Call<'_> {
    /// Sends the request on, and makes the answer fit for the client.
    pub(crate) async fn forward(
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
        let identity = match (&self.context, &self.session) {
            (Some(context), Some(known)) => {
                match identity_cache::identity_headers(
                    context,
                    known,
                    &origin.audience(target.origin()),
                )
                .await
                {
                    Ok(headers) => Some(headers),
                    Err(_) if rule.on_outage == OnOutage::Anonymous => None,
                    Err(refusal) => return self.outage(refusal),
                }
            }
            _ => None,
        };
        let judge = Judge::at_hand(self.context.as_ref());
        let changes = judge.surely(env, |judge| self.changes(target, judge)).await;
        let Some(changes) = changes else {
            let denial = Denial::Unsendable(Unsendable::TokenInUrl);
            return self.refused(&denial);
        };
        if changes.had_api_key {
            let what = "an API key was sent to an origin's path, and removed: the service API is elsewhere";
            log::write(
                log::Event::GatewayApiKey,
                &log_detail(Some(self.matched), what),
            );
        }
        let nothing = JsValue::UNDEFINED;
        let outbound = Outbound {
            request: self.request.js(),
            url: &target.url(&origin.target),
            edits: &self.edits(target, &changes, key.as_ref()),
            identity_headers: identity
                .as_ref()
                .map_or(&nothing, |identity| &identity.headers),
            origin,
            may_be_cached: !(rule.asks_for_session() || self.directives || changes.has_credential),
        };
        let is_plain =
            !self.directives && self.headers.get("upgrade").is_none() && !self.forgets_session();
        if is_plain && let Ok(index) = u32::try_from(index) {
            // Nothing more depends on this request: the answer need not come back here.
            return outbound.forward(env, host, index).map(JsValue::from);
        }
        // Apart: most requests are plain.
        apart(self.answered_here(&outbound, key.as_ref(), env, execution, host)).await
    }

    /// Sends the request on, and does with the answer what depends on this request.
    async fn answered_here(
        &self,
        outbound: &Outbound<'_>,
        key: Option<&DirectiveKey>,
        env: &Env,
        execution: &ExecutionContext,
        host: &Host,
    ) -> Result<JsValue, JsValue> {
        let started = clock::now();
        let sent = outbound.send(env, host).await;
        let answer = sent
            .as_ref()
            .map_err(|fault| *fault)
            .map(|answer| answer.status().unwrap_or_default());
        response::measured(self.matched, answer, clock::now().since(started));
        match sent {
            Ok(answer) => {
                let key = key.map(|key| &key.secret);
                let answer = response::with_directives(self, host, answer, key).await?;
                self.watched(answer, env, execution, host)
            }
            Err(fault) => response::failed(self.settings, self.matched, self.asker, fault),
        }
    }

    /// What the origin must not get of the request's headers; `None` when it must not get the URL.
    fn changes(&self, target: &Outgoing<'_>, judge: &Judge) -> Option<Changes> {
        let Matched { rule, origin, .. } = self.matched;
        let passing = Passing::of(rule, origin, self.facts.method, self.facts.path);
        let is_ours = |suspect: &Suspect<'_>| judge.is_ours(suspect);
        let is_in_url = |part| !passing.lets(own_tokens::held(part, &is_ours));
        if is_in_url(target.query()) || is_in_url(target.path()) {
            return None;
        }
        let sent = request_headers::Sent {
            connection: self.headers.get("connection"),
            upgrade: self.headers.get("upgrade"),
            authorization_is_ours: self.session_is_in_header(),
        };
        let headers = self.headers.iter();
        let changes =
            request_headers::changes(self.settings, origin, passing, sent, headers, &is_ours);
        Some(changes)
    }

    /// What changes about the request's headers, as lines: first what the origin must not get, then what we say.
    fn edits(
        &self,
        target: &Outgoing<'_>,
        changes: &Changes,
        key: Option<&DirectiveKey>,
    ) -> String {
        let in_part = [
            ("cookie", changes.cookie.as_deref()),
            ("sec-websocket-protocol", changes.protocols.as_deref()),
        ];
        let in_part = in_part
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let mut edits = String::new();
        let removed = changes.remove.iter().map(String::as_str);
        for name in removed.chain(in_part.clone().map(|(name, _)| name)) {
            edits.push_str(name);
            edits.push('\n');
        }
        let forwarded = request_headers::forwarded(
            self.headers.get("cf-connecting-ip"),
            self.facts.host,
            target.scheme(),
        );
        let forwarded = forwarded
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let key = key.map(|key| (identity::DIRECTIVE_KEY, key.text.as_str()));
        for (name, value) in forwarded.chain(in_part).chain(key) {
            for part in [name, ",", value, "\n"] {
                edits.push_str(part);
            }
        }
        edits.pop();
        edits
    }

    fn directive_key(&self) -> Result<Option<DirectiveKey>, Refusal> {
        if !self.directives {
            return Ok(None);
        }
        let random: [u8; directives::KEY_BYTES] =
            random::random().map_err(|_| Refusal::GeneralError("no randomness"))?;
        let text = BASE64URL_NOPAD.encode(&random);
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
        let token = self.token().filter(|_| !self.session_is_by_ticket);
        let token = token.as_ref().map(|token| token.token.as_ref());
        let (ticket, wait) = websocket::ticket(context, known, token, freshness);
        let (env, execution): (&JsValue, &JsValue) = (env.as_ref(), execution.as_ref());
        host.pump(&response, &wait, &ticket, env, execution)
    }

    /// An answer to a request that was not sent, because something of ours is out of reach.
    fn outage(&self, refusal: Refusal) -> Result<JsValue, JsValue> {
        let denial = Denial::Session(SessionRefused::new(refusal, Presented::Token));
        self.refused(&denial)
    }

    fn refused(&self, denial: &Denial) -> Result<JsValue, JsValue> {
        let matched = Some(self.matched);
        refused(self.settings, matched, self.facts, self.asker, denial)
    }
}
