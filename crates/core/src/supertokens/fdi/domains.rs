//! The domains that session cookies may be set for.

use crate::settings::{
    Settings,
    origin::{host_name, is_local_name, origin_host},
};

/// Domains guessed at when the older one is not given.
const MAX_GUESSED_DOMAINS: usize = 8;

/// `OLDER_COOKIE_DOMAIN`, or without it every domain that a cookie of this host can have had.
pub(super) fn former_domains(settings: &Settings) -> Vec<String> {
    match &settings.older_cookie_domain {
        Some(older) => vec![older.clone()],
        None => guessed_domains(settings),
    }
}

/// Every domain but the current one that a cookie of this host can have: host-only (empty), the host, and each parent of
/// two labels or more. A browser ignores those that it does not allow.
pub(super) fn guessed_domains(settings: &Settings) -> Vec<String> {
    let current = settings
        .cookie_domain
        .as_deref()
        .map(|domain| domain.trim_start_matches('.'));
    let name = host_name(origin_host(&settings.api_domain));
    let host_only = current.map(|_| "");
    let parents = std::iter::successors(Some(name), |name| {
        name.split_once('.').map(|(_, parent)| parent)
    })
    .filter(|parent| !is_local_name(name) && parent.contains('.') && Some(*parent) != current);
    host_only
        .into_iter()
        .chain(parents)
        .take(MAX_GUESSED_DOMAINS)
        .map(str::to_owned)
        .collect()
}
