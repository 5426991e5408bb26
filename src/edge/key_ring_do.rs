//! The Durable Object `KeyRing`: the one place where keys and secrets are made and stored.
//!
//! Owns storage and generation. The rules are `crate::keys`. There is one object, [`OBJECT_NAME`].
//!
//! Requests, each a POST with an empty or a JSON body; answers are JSON:
//!
//! | path | body | 200 |
//! | --- | --- | --- |
//! | `/ring` | | a `RingCopy`, with private keys |
//! | `/rotate` | | a `RingCopy` |
//! | `/withdraw` | `{"kid":"…"}` | a `RingCopy`; 404 when there is no such key |
//!
//! Anything that goes wrong is 503 `{"fault":"…"}`: never an exception, whose text would reach the caller.

use std::cell::Cell;

use wasm_bindgen::JsCast;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::{clock, crypto, js::ObjectStorage, key_ring_store, promise, settings};
use crate::{
    json::{self, ObjectWriter},
    keys::{KeyMaterial, KeyNeeded, KeyPolicy, KeyRing as Ring, RingCopy, SECRETS_NEEDED, Secrets},
    time::UnixMillis,
};

/// The name of the one object.
pub(super) const OBJECT_NAME: &str = "key-ring";

/// Why there is no answer. The texts are safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Settings are wrong; the doors say which.
    Settings,
    /// Storage failed.
    Storage,
    /// The stored shape is newer than this code.
    NewerSchema,
    /// WebCrypto failed.
    Crypto,
    /// There is no key of this name.
    UnknownKid,
    /// The request is not one of ours.
    BadRequest,
}

/// What a caller wants besides a copy of the ring.
#[derive(Debug, Clone)]
enum Command {
    Ring,
    Rotate,
    Withdraw(String),
}

/// The object. Holds nothing in memory but the alarm it has set: storage is the authority.
#[durable_object(alarm)]
pub struct KeyRing {
    state: State,
    env: Env,
    /// When the alarm is set to, as far as this instance knows.
    alarm: Cell<Option<UnixMillis>>,
}

impl DurableObject for KeyRing {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            alarm: Cell::new(None),
        }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let outcome = match command(&mut request).await {
            Ok(command) => self.run(command).await,
            Err(fault) => Err(fault),
        };
        answer(&outcome)
    }

    /// Makes the next key when it is due, so that it is published before it signs even if nobody asks in between.
    /// Nothing re-arms here: the next question does, so keys are not made for a deployment that nobody uses. For the
    /// same reason a failure needs no retry: the next question makes what is due.
    async fn alarm(&self) -> worker::Result<Response> {
        self.alarm.set(None);
        let now = clock::now();
        let made = match settings::current(&self.env) {
            Ok(settings) => self
                .updated(KeyPolicy::from(settings.as_ref()), Command::Ring, now)
                .await
                .is_ok(),
            Err(_) => false,
        };
        Response::ok(if made { "" } else { "failed" })
    }
}

impl KeyRing {
    async fn run(&self, command: Command) -> Result<RingCopy, Fault> {
        let now = clock::now();
        let settings = settings::current(&self.env).map_err(|_| Fault::Settings)?;
        let policy = KeyPolicy::from(settings.as_ref());
        let ring = self.updated(policy, command, now).await?;
        self.arm(ring.next_change(policy)).await;
        Ok(ring.copy(policy, now))
    }

    /// The ring after `command`, with every key that is due. Generation awaits, so nothing else is delivered to the
    /// object meanwhile; and what was generated joins only if the stored ring still needs it.
    async fn updated(
        &self,
        policy: KeyPolicy,
        command: Command,
        now: UnixMillis,
    ) -> Result<Ring, Fault> {
        let storage = self.storage();
        if matches!(command, Command::Ring)
            && let Some(ring) = key_ring_store::load(&storage)?
            && ring.needed(policy, now).is_empty()
            && !ring.clone().settle(policy, now)
        {
            return Ok(ring);
        }
        self.state
            .block_concurrency_while(
                async move { Ok(update(&storage, policy, command, now).await) },
            )
            .await
            .unwrap_or(Err(Fault::Storage))
    }

    /// Sets the alarm. Best effort: without it the next question makes the key, only later.
    async fn arm(&self, at: UnixMillis) {
        if self.alarm.get() == Some(at) {
            return;
        }
        let Ok(milliseconds) = js_sys::Number::try_from(at.0) else {
            return;
        };
        if promise::of(self.storage().set_alarm_at(&milliseconds))
            .await
            .is_ok()
        {
            self.alarm.set(Some(at));
        }
    }

    fn storage(&self) -> ObjectStorage {
        self.state
            .storage()
            .as_raw()
            .unchecked_ref::<ObjectStorage>()
            .clone()
    }
}

/// One change of the ring. Only this function awaits between reading and writing, and only before the second reading.
async fn update(
    storage: &ObjectStorage,
    policy: KeyPolicy,
    command: Command,
    now: UnixMillis,
) -> Result<Ring, Fault> {
    let mut preview = stored_or_new(storage)?;
    withdraw(&mut preview, policy, &command, now)?;
    let rotation = match command {
        Command::Rotate => Ring::needed_for_rotation(policy),
        Command::Ring | Command::Withdraw(_) => Vec::new(),
    };
    let mut needed = preview.needed(policy, now);
    needed.retain(|need| !rotation.contains(need));
    let rotation = generated(rotation).await?;
    let needed = generated(needed).await?;

    let mut ring = match key_ring_store::load(storage)? {
        Some(ring) => ring,
        // The secrets of the preview were never stored, so nobody has seen them.
        None => Ring::new(preview.head.secrets),
    };
    withdraw(&mut ring, policy, &command, now)?;
    for (need, material) in rotation {
        ring.add_key(policy, need, material, now)
            .ok_or(Fault::Crypto)?;
    }
    ring.add_needed(policy, needed, now).ok_or(Fault::Crypto)?;
    ring.settle(policy, now);
    key_ring_store::save(storage, &ring)?;
    Ok(ring)
}

fn stored_or_new(storage: &ObjectStorage) -> Result<Ring, Fault> {
    if let Some(ring) = key_ring_store::load(storage)? {
        return Ok(ring);
    }
    let mut random = [[0; 32]; SECRETS_NEEDED];
    for bytes in &mut random {
        *bytes = crypto::random().map_err(|_| Fault::Crypto)?;
    }
    Ok(Ring::new(Secrets::new(random)))
}

fn withdraw(
    ring: &mut Ring,
    policy: KeyPolicy,
    command: &Command,
    now: UnixMillis,
) -> Result<(), Fault> {
    match command {
        Command::Withdraw(kid) => ring
            .withdraw(policy, kid, now)
            .map_err(|_| Fault::UnknownKid),
        Command::Ring | Command::Rotate => Ok(()),
    }
}

async fn generated(needed: Vec<KeyNeeded>) -> Result<Vec<(KeyNeeded, KeyMaterial)>, Fault> {
    let mut generated = Vec::with_capacity(needed.len());
    for need in needed {
        let (public_jwk, private_jwk) = crypto::generate(need.algorithm)
            .await
            .map_err(|_| Fault::Crypto)?;
        let random = crypto::random().map_err(|_| Fault::Crypto)?;
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

async fn command(request: &mut Request) -> Result<Command, Fault> {
    match request.path().as_str() {
        "/ring" => Ok(Command::Ring),
        "/rotate" => Ok(Command::Rotate),
        "/withdraw" => {
            let body = request.text().await.map_err(|_| Fault::BadRequest)?;
            match json::parse_object(&body).and_then(|body| body.string("kid")) {
                Ok(Some(kid)) => Ok(Command::Withdraw(kid.into_owned())),
                _ => Err(Fault::BadRequest),
            }
        }
        _ => Err(Fault::BadRequest),
    }
}

fn answer(outcome: &Result<RingCopy, Fault>) -> worker::Result<Response> {
    match outcome {
        Ok(copy) => Response::ok(copy.to_json()),
        Err(fault) => {
            let status = match fault {
                Fault::UnknownKid => 404,
                Fault::BadRequest => 400,
                _ => 503,
            };
            let mut body = ObjectWriter::new();
            body.text("fault", &format!("{fault:?}"));
            Ok(Response::ok(body.finish())?.with_status(status))
        }
    }
}
