//! The deployment as a whole, as far as the isolate that answers can tell.

use crate::{
    auth::jwks_client,
    objects::{context::Context, revocation_copy},
    runtime::{metrics, settings},
};
use postern_core::{
    console::overview::{array, settings as told_settings},
    message::NEWEST,
    settings::{Console, Freshness, names_and_defaults},
};
use postern_jwt::{json::ObjectWriter, time::Millis};

/// What the copy of the revocations is kept fresh for where the settings name no bound.
const USUAL_BOUND: Millis = Millis::from_seconds(60);

pub(super) async fn told(context: &Context) -> String {
    let set = &context.settings;
    let mut told = ObjectWriter::new();
    told.text("status", "OK");
    told.text("release", env!("CARGO_PKG_VERSION"));
    told.number("protocol", u64::from(NEWEST));
    told.text("apiDomain", &set.api_domain);
    told.boolean("signsOut", set.console == Console::ApiKey);
    told.number("now", context.now.0);
    told.json("keys", &context.ring.told(context.now));
    told.json("freshness", &freshness(context).await);
    let issuers = set.trusted_issuers.iter().chain(&set.console_access);
    let issuers: Vec<String> = issuers
        .map(|issuer| jwks_client::held(issuer, context.now))
        .collect();
    told.json("issuers", &array(&issuers));
    told.text("counts", &metrics::to_prometheus());
    let given = |name: &str| settings::given(&context.env, name);
    told.json("settings", &told_settings(names_and_defaults(), given));
    told.finish()
}

async fn freshness(context: &Context) -> String {
    let bound = match context.settings.freshness {
        Freshness::Within(bound) => bound,
        Freshness::Strict | Freshness::Stateless => USUAL_BOUND,
    };
    let held = revocation_copy::freshness(context, bound).await;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mut told = ObjectWriter::new();
    told.number("shards", u64::from(held.shards));
    if let Some(age) = held.age {
        told.number("age", age.0);
    }
    told.number("bound", bound.0);
    told.number("entries", count(held.entries));
    told.number("segments", count(held.segments));
    told.number("bytes", count(held.bytes));
    told.number("notBefore", revocation_copy::not_before(context).0);
    told.finish()
}
