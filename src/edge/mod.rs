//! The wasm shell: doors, Durable Objects, KV, WebCrypto.
//!
//! Owns every JS type and every await. Refuses to hold rules: each function reads, calls the core, and writes.

use worker::{Context, Env, Request, Response, event};

#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    Response::error("not found", 404)
}
