//! The wasm shell: doors, Durable Objects, KV, WebCrypto.
//!
//! Owns every JS type and every await. Refuses to hold rules: each function reads, calls the core, and writes.

mod clock;
pub mod crypto;
mod http;
pub mod issuer_keys;
mod js;
pub mod key_ring;
mod key_ring_do;
mod key_ring_store;
mod promise;
mod settings;

use worker::{Context, Env, Request, Response, event};

#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    Response::error("not found", 404)
}
