//! The deployment as a whole, as far as the isolate that answers can tell.

use crate::{
    auth::jwks_client,
    objects::{context::Context, revocation_copy},
    runtime::{metrics, settings},
};
use postern_core::{
    console::overview::{array, settings as settings_overview},
    message::NEWEST,
    settings::{Console, Freshness, names_and_defaults},
};
use postern_jwt::{json::ObjectWriter, time::Millis};

/// What the copy of the revocations is kept fresh for where the settings name no bound.
const USUAL_BOUND: Millis = Millis::from_seconds(60);

pub(super) async fn overview(context: &Context) -> String {
    let set = &context.settings;
    let mut object = ObjectWriter::new();
    object.text("status", "OK");
    object.text("release", env!("CARGO_PKG_VERSION"));
    object.number("protocol", u64::from(NEWEST));
    object.text("apiDomain", &set.api_domain);
    object.boolean("signsOut", set.console == Console::ApiKey);
    object.number("now", context.now.0);
    object.json("keys", &context.ring.overview(context.now));
    object.json("freshness", &freshness(context).await);
    let issuers = set.trusted_issuers.iter().chain(&set.console_access);
    let issuers: Vec<String> = issuers
        .map(|issuer| jwks_client::held(issuer, context.now))
        .collect();
    object.json("issuers", &array(&issuers));
    object.text("counts", &metrics::to_prometheus());
    let given = |name: &str| settings::given(&context.env, name);
    object.json("settings", &settings_overview(names_and_defaults(), given));
    object.finish()
}

async fn freshness(context: &Context) -> String {
    let bound = match context.settings.freshness {
        Freshness::Within(bound) => bound,
        Freshness::Strict | Freshness::Stateless => USUAL_BOUND,
    };
    let held = revocation_copy::freshness(context, bound).await;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mut object = ObjectWriter::new();
    object.number("shards", u64::from(held.shards));
    if let Some(age) = held.age {
        object.number("age", age.0);
    }
    object.number("bound", bound.0);
    object.number("entries", count(held.entries));
    object.number("segments", count(held.segments));
    object.number("bytes", count(held.bytes));
    object.number("notBefore", revocation_copy::not_before(context).0);
    object.finish()
}
