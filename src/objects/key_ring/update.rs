//! One change of the ring: what was asked for, and every key that is due.

use super::{
    fault::Fault,
    records::{ATTEMPTS, Records},
    wanted::Wanted,
};
use crate::runtime::{crypto, random};
use postern_core::keys::{
    KeyMaterial, KeyNeeded, KeyPolicy, KeyRing as Ring, RingCall, SECRETS_NEEDED, Secrets,
    TooManySecrets,
};
use postern_jwt::time::UnixMillis;

/// The ring after `command`, as it was stored. Keys are made and sealed while others may write, so it is stored only if nobody
/// has, and otherwise begun anew.
pub(super) async fn update(
    records: &Records,
    wanted: Wanted,
    command: &RingCall,
    now: UnixMillis,
) -> Result<Ring, Fault> {
    for _ in 0..ATTEMPTS {
        let before = records.load().await?;
        let mut ring = match &before {
            Some(opened) => opened.ring.clone(),
            None => new()?,
        };
        let (policy, _) = wanted.settle(&mut ring, now);
        withdraw(&mut ring, policy, command, now)?;
        let rotation = match command {
            RingCall::Rotate => Ring::needed_for_rotation(policy),
            _ => Vec::new(),
        };
        let mut needed = ring.needed(policy, now);
        needed.retain(|need| !rotation.contains(need));
        for (need, material) in generated(rotation).await? {
            ring.add_key(policy, need, material, now)
                .ok_or(Fault::Crypto)?;
        }
        let needed = generated(needed).await?;
        ring.add_needed(policy, needed, now).ok_or(Fault::Crypto)?;
        if matches!(command, RingCall::RotateSecrets) {
            let random = [random::random()?, random::random()?];
            ring.rotate_secrets(policy, random, now)
                .map_err(|TooManySecrets| Fault::TooManySecrets)?;
            wanted.settle(&mut ring, now);
        }
        ring.settle(policy, now);
        let stored = before.as_ref().map(|opened| &opened.records);
        let before = before.as_ref().map(|opened| &opened.ring);
        if records.replace(stored, before, &ring, now).await? {
            return Ok(ring);
        }
    }
    Err(Fault::Busy)
}

fn new() -> Result<Ring, Fault> {
    let mut random = [[0; 32]; SECRETS_NEEDED];
    for bytes in &mut random {
        *bytes = random::random().map_err(|_| Fault::Crypto)?;
    }
    Ok(Ring::new(Secrets::new(random)))
}

fn withdraw(
    ring: &mut Ring,
    policy: KeyPolicy,
    command: &RingCall,
    now: UnixMillis,
) -> Result<(), Fault> {
    match command {
        RingCall::Withdraw { kid } => ring
            .withdraw(policy, kid, now)
            .map_err(|_| Fault::UnknownKid),
        RingCall::CutOff { moment } => {
            ring.cut_off(*moment, now);
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn generated(needed: Vec<KeyNeeded>) -> Result<Vec<(KeyNeeded, KeyMaterial)>, Fault> {
    let mut generated = Vec::with_capacity(needed.len());
    for need in needed {
        let (public_jwk, private_jwk) = crypto::generate(need.algorithm)
            .await
            .map_err(|_| Fault::Crypto)?;
        let random = random::random().map_err(|_| Fault::Crypto)?;
        generated.push((
            need,
            KeyMaterial {
                public_jwk,
                private_jwk,
                random,
            },
        ));
    }
    Ok(generated)
}
