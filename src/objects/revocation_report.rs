//! Reports of ended sessions to the log of revocations.

use super::{
    key_ring,
    revocations::{Outage, recorded},
};
use crate::runtime::{clock, settings};
use postern_core::revocation::{
    call::{AuthorityCall, Report},
    key,
};

use worker::Env;

/// Reports ended sessions of one user, to each shard at which an isolate may look for them.
pub(crate) async fn report(env: &Env, report: Report) -> Result<(), Outage> {
    let now = clock::now();
    let ring = key_ring::current(env, now).await;
    let ring = ring.map_err(|key_ring::Outage| Outage)?;
    let counts = if let Some(shards) = ring.shards() {
        shards.reported(now)
    } else {
        let settings = settings::current(env).map_err(|_| Outage)?;
        vec![settings.revocation_shards]
    };
    let first = report.entries.first();
    let (_, route) = first
        .and_then(|entry| key::keys(&entry.handle))
        .ok_or(Outage)?;
    let mut shards: Vec<u32> = Vec::new();
    for count in counts {
        let shard = key::shard(route, count);
        if !shards.contains(&shard) {
            shards.push(shard);
        }
    }
    let call = AuthorityCall::Report(report);
    for shard in shards {
        recorded(env, shard, &call).await?;
    }
    Ok(())
}
