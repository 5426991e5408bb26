//! Who may use an operator's endpoints: whoever shows an API key of the settings.

use worker::Env;

use super::super::rate_limit;
use crate::runtime::http::request::Incoming;
use postern_core::{
    error, http::reply::Reply, settings::Settings, supertokens::cdi::request::api_key,
};

/// The answer to a request that shows no API key of ours; `None` = it shows one.
pub(in crate::http) async fn refused(
    request: &Incoming,
    env: &Env,
    settings: &Settings,
) -> Option<Reply> {
    let header = request.header("api-key");
    let presented = api_key::presented(header.as_deref(), request.authorization());
    if presented.is_some_and(|key| settings.accepts_api_key(key)) {
        return None;
    }
    Some(rate_limit::reply_to_wrong_api_key(request, env, error::invalid_api_key()).await)
}
