//! Placeholder until the architect's module is merged: reads the three settings of the key ring only.
use std::rc::Rc;

use worker::Env;

use crate::{keys::KeyPolicy, settings::SigningAlgorithm, time::Millis};

pub(super) fn current(env: &Env) -> Result<Rc<KeyPolicy>, ()> {
    let read = |name: &str, default: u64| {
        Millis(
            env.var(name)
                .ok()
                .and_then(|v| v.to_string().parse().ok())
                .unwrap_or(default),
        )
    };
    Ok(Rc::new(KeyPolicy {
        interval: read("TEST_INTERVAL_MS", 604_800_000),
        access_token_validity: read("TEST_VALIDITY_MS", 3_600_000),
        signing_algorithm: match env
            .var("SIGNING_ALGORITHM")
            .map(|v| v.to_string())
            .as_deref()
        {
            Ok("ES256") => SigningAlgorithm::ES256,
            Ok("EdDSA") => SigningAlgorithm::EdDSA,
            _ => SigningAlgorithm::RS256,
        },
    }))
}
