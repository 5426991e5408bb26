//! Answers of our own to people: a page in place of JSON, of the operator's where one is named.
//!
//! Who gets a page, the id of the request, and how the operator's page is fetched. Our own page is written in `postern_core::pages::error_page`.

use std::{cell::OnceCell, rc::Rc};

use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use crate::runtime::{
    http::{body, request::request_id, response},
    js::{self, FetchedResponse},
    log, log_context, promise, settings,
};
use postern_core::gateway::decision::navigation;
use postern_core::gateway::{Gateway, Matched, Target};
use postern_core::http::reply::Reply;
use postern_core::pages::error_page::{self, PageDetail};

/// How long an operator's page may take, and how large it may be.
const PAGE_TIMEOUT_MS: u32 = 2_000;
const MAX_PAGE_BYTES: usize = 256 * 1024;

/// Who asks.
pub(crate) struct Asker<'a> {
    pub(crate) env: &'a Env,
    /// The method as it was sent.
    pub(crate) method: &'a str,
    /// A header by its lower-case name.
    pub(crate) header: &'a dyn Fn(&str) -> Option<String>,
    /// `scheme://host[:port]` of the request.
    pub(crate) address: &'a str,
    id: OnceCell<String>,
}

impl<'a> Asker<'a> {
    pub(crate) const fn new(
        env: &'a Env,
        method: &'a str,
        header: &'a dyn Fn(&str) -> Option<String>,
        address: &'a str,
    ) -> Self {
        Self {
            env,
            method,
            header,
            address,
            id: OnceCell::new(),
        }
    }

    /// The id of the request, as the log has it and as people are shown it.
    pub(crate) fn id(&self) -> &str {
        self.id.get_or_init(|| {
            log_context::current().map_or_else(|| request_id(self.header), |it| it.id().to_owned())
        })
    }

    fn is_form(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD")
    }
}

/// The response that an answer of ours comes to: for a person a page, if it has one. `matched` is the rule that the
/// request falls under, `login` where that sends people to log in.
pub(crate) fn response(
    asker: &Asker<'_>,
    matched: Option<Matched<'_>>,
    reply: Reply,
    login: Option<&str>,
) -> Result<JsValue, JsValue> {
    if !(error_page::has_page(&reply) && navigation::reads_pages(asker.header)) {
        return sent(asker, reply);
    }
    let gateway = settings::gateway(asker.env).ok().flatten();
    let rules_page = gateway
        .as_ref()
        .and_then(|gateway| Wanted::of(gateway, matched, reply.status));
    let mut reply = reply;
    postern_core::supertokens::fdi::cors::vary(&mut reply.headers, &["Accept"]);
    let ours = error_page::of(
        reply.clone(),
        &PageDetail {
            request_id: asker.id(),
            login,
            is_form: asker.is_form(),
            shows_message: settings::current(asker.env).is_ok_and(|settings| settings.development),
        },
    );
    let Some(wanted) = rules_page else {
        return sent(asker, ours);
    };
    let (env, is_head) = (asker.env.clone(), asker.method == "HEAD");
    let (address, id) = (asker.address.to_owned(), asker.id().to_owned());
    let language = (asker.header)("accept-language");
    let work = async move {
        let fetched = wanted.fetched(&env, &address, language, &id).await;
        let mut reply = if let Some(text) = fetched {
            error_page::with_body(reply, text)
        } else {
            let message = format!("{}: the operator's page cannot be had", wanted.place);
            log::write_with(
                log::Event::GatewayPage,
                &[(log::Member::Request, &id)],
                &message,
            );
            ours
        };
        if is_head {
            reply.body = String::new();
        }
        response::of(&reply)
    };
    Ok(promise::of_work(Box::pin(work)).into())
}

fn sent(asker: &Asker<'_>, mut reply: Reply) -> Result<JsValue, JsValue> {
    if asker.method == "HEAD" {
        reply.body = String::new();
    }
    response::of(&reply)
}

/// A page of the operator's.
struct Wanted {
    gateway: Rc<Gateway>,
    origin: usize,
    path: String,
    place: String,
}

impl Wanted {
    fn of(gateway: &Rc<Gateway>, matched: Option<Matched<'_>>, status: u16) -> Option<Self> {
        let of_rule = matched.and_then(|matched| {
            let pages = matched.rule.pages.as_ref()?;
            Some((pages, format!("rule {}: pages", matched.rule.label())))
        });
        let of_site = gateway.pages().map(|pages| (pages, "pages".to_owned()));
        let (pages, place) = [of_rule, of_site]
            .into_iter()
            .flatten()
            .find(|(pages, _)| pages.path(status).is_some())?;
        Some(Self {
            gateway: Rc::clone(gateway),
            origin: pages.origin,
            path: pages.path(status)?.to_owned(),
            place,
        })
    }

    /// The page's text, asked for without any credential; `None` when there is no page in time.
    async fn fetched(
        &self,
        env: &Env,
        address: &str,
        language: Option<String>,
        id: &str,
    ) -> Option<String> {
        let origin = self.gateway.origins().get(self.origin)?;
        let mut headers = vec![
            ("accept", JsValue::from_str("text/html")),
            ("postern-request-id", JsValue::from_str(id)),
        ];
        if let Some(language) = language {
            headers.push(("accept-language", JsValue::from_str(&language)));
        }
        let init = js::object(&[
            ("redirect", JsValue::from_str("manual")),
            ("signal", js::abort_after(PAGE_TIMEOUT_MS).ok()?),
            ("headers", js::object(&headers)?.into()),
        ])?;
        let answer = match &origin.target {
            Target::Url(base) => js::global_fetch(&[base, self.path.as_str()].concat(), &init),
            Target::Route => js::global_fetch(&[address, &self.path].concat(), &init),
            Target::Binding(name) => {
                js::binding::<js::Fetcher>(env, name)?.fetch(&[address, &self.path].concat(), &init)
            }
        };
        let answer: FetchedResponse = promise::of(answer).await.ok()?.unchecked_into();
        let kind = answer.headers().ok()?.header("content-type").ok()??;
        if answer.status().ok()? != 200 || !kind.trim_start().starts_with("text/html") {
            return None;
        }
        let bytes = body::read(answer.body().ok()?, MAX_PAGE_BYTES).await.ok()?;
        String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.is_empty())
    }
}
