//! The key ring: its object, the object's storage, and this isolate's copy.

mod answer;
mod backup;
pub(crate) mod client;
pub(crate) mod fault;
mod jurisdiction;
mod name;
pub(crate) mod object;
mod records;
mod relay;
mod store;
mod update;
mod wanted;

pub(crate) use client::{
    NotSealed, OUT_OF_REACH, Outage, SecretsRotated, Withdrawal, current, cut_off, held,
    renew_if_older_than, rotate, rotate_secrets, sealing, sign, signer, with_unknown_key, withdraw,
};
