//! The use cases, as every entry point calls them: verify, read and overwrite, create, refresh, list, end.
//!
//! The order across objects, KV and keys: a handle's tag before any I/O, the signing key before anything changes, the
//! object before KV. The rules are in `postern_core::session`.

pub(crate) mod exchange;
pub(crate) mod issuer_logout;
pub(crate) mod login;

mod data;
mod export;
mod foreign_token;
mod former_core;
mod issue;
mod journal;
mod manage;
mod person;
mod ticket;

pub(crate) use data::{
    SessionData, get_session_data, get_session_data_strictly, update_session_data,
};
pub(crate) use export::{export, export_object};
pub(crate) use former_core::{end_stolen, is_of_former_core, take_over, taken_over};
pub(crate) use issue::{
    Exchange, KeyShown, NewSession, create, own_session, refresh, regenerate, verify_for_protocol,
    with_proof,
};
pub(crate) use manage::{
    Listing, Report, end_all_before, information, list, list_sessions, merge_payload,
    replace_payload_that_fits, revoke, revoke_all, revoke_others,
};
pub(crate) use person::{Person, erase};
pub(crate) use ticket::redeem;
