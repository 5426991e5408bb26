//! The settings and the gateway's rules of this isolate: read once, and parsed once.

use std::{cell::RefCell, rc::Rc};

use js_sys::{JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::{crypto, log, metrics};
use postern_core::{
    gateway::{self, Gateway, Target},
    location::Place,
    settings::{RawValue, SettingFault, Settings},
};

/// The settings are bad. Every fault was logged, by name, when they were first read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misconfigured;

/// Everything that a deployment is set up with, parsed.
#[derive(Debug, Clone)]
struct SetUp {
    settings: Rc<Settings>,
    /// `None` without rules: then there is no gateway.
    gateway: Option<Rc<Gateway>>,
}

thread_local! {
    static SET_UP: RefCell<Option<Result<SetUp, Misconfigured>>> = const { RefCell::new(None) };
}

/// The settings. An environment never changes under a running isolate.
pub(crate) fn current(env: &Env) -> Result<Rc<Settings>, Misconfigured> {
    set_up(env, |set_up| Rc::clone(&set_up.settings))
}

/// The settings, if they were read already and are good.
pub(crate) fn at_hand() -> Option<Rc<Settings>> {
    SET_UP.with_borrow(|known| match known {
        Some(Ok(SetUp { settings, .. })) => Some(Rc::clone(settings)),
        _ => None,
    })
}

/// The gateway's rules, if they were read already and are good.
pub(crate) fn gateway_at_hand() -> Option<Rc<Gateway>> {
    SET_UP.with_borrow(|known| known.as_ref()?.as_ref().ok()?.gateway.clone())
}

/// Where objects that there are few of are, or are to be made. Nowhere while the settings are bad: they might be elsewhere.
pub(crate) fn central_place(env: &Env) -> Option<Place> {
    let settings = current(env).ok()?;
    Some(Place {
        jurisdiction: settings.jurisdiction,
        location: settings.central_location,
    })
}

/// The gateway's rules, if there are any.
pub(crate) fn gateway(env: &Env) -> Result<Option<Rc<Gateway>>, Misconfigured> {
    set_up(env, |set_up| set_up.gateway.clone())
}

/// How many origins this isolate may tell about a session; none before settings were first read.
pub(crate) fn origins() -> usize {
    SET_UP.with_borrow(|known| match known {
        Some(Ok(SetUp {
            gateway: Some(gateway),
            ..
        })) => gateway.origins().len(),
        _ => 0,
    })
}

fn set_up<T>(env: &Env, read: impl FnOnce(&SetUp) -> T) -> Result<T, Misconfigured> {
    SET_UP.with_borrow_mut(|known| {
        let set_up = known.get_or_insert_with(|| load(env));
        set_up
            .as_ref()
            .map(read)
            .map_err(|misconfigured| *misconfigured)
    })
}

/// Reads settings and rules. Every fault of both is logged before either is given up.
fn load(env: &Env) -> Result<SetUp, Misconfigured> {
    metrics::open(env);
    let parsed = Settings::with_issuers(&variables(env), &bundled("posternIssuers"));
    let settings = parsed.as_ref().ok().map(|(settings, _)| settings);
    if let Some(settings) = settings {
        log::set_level(settings.log_level);
    }
    let mut compiled = gateway::compile(&bundled("posternGatewayRules"), settings);
    compiled
        .faults
        .extend(missing_bindings(env, &compiled.gateway));
    compiled
        .faults
        .extend(settings.into_iter().flat_map(missing_algorithms));
    compiled
        .faults
        .extend(settings.and_then(|settings| rate_limiter_fault(env, settings)));
    for warning in &compiled.warnings {
        log::setting_warning(warning);
    }
    for fault in &compiled.faults {
        log::setting_fault(fault);
    }
    match parsed {
        Ok((settings, warnings)) => {
            for warning in warnings {
                log::setting_warning(&warning);
            }
            let has_rules = !compiled.gateway.is_empty();
            compiled
                .faults
                .is_empty()
                .then_some(())
                .ok_or(Misconfigured)?;
            Ok(SetUp {
                settings: Rc::new(settings),
                gateway: has_rules.then(|| Rc::new(compiled.gateway)),
            })
        }
        Err(faults) => {
            for fault in faults {
                log::setting_fault(&fault);
            }
            Err(Misconfigured)
        }
    }
}

/// A bundled file as JSON text, which `entry.mjs` leaves where a Wasm instance that starts after a trap finds it, too.
fn bundled(name: &str) -> String {
    Reflect::get(&js_sys::global(), &name.into())
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

/// The text of a variable or secret, as it was given.
pub(crate) fn given(env: &Env, name: &str) -> Option<String> {
    let mut given = variables(env).into_iter();
    given
        .find(|(known, _)| known == name)
        .map(|(_, value)| match value {
            RawValue::Text(text) | RawValue::Json(text) => text,
        })
}

/// A fault for each origin behind a service binding that this deployment does not have.
fn missing_bindings(env: &Env, gateway: &Gateway) -> Vec<SettingFault> {
    gateway
        .origins()
        .iter()
        .filter_map(|origin| {
            let Target::Binding(binding) = &origin.target else {
                return None;
            };
            let bound = Reflect::get(env, &binding.into()).unwrap_or_default();
            (!bound.is_object()).then(|| SettingFault {
                setting: format!("gateway.toml origins.{}.binding", origin.name),
                message: "is not a service binding of this Worker".to_owned(),
            })
        })
        .collect()
}

/// The name of the rate limiting binding, which a deployment may have.
pub(crate) const RATE_LIMIT: &str = "RATE_LIMIT";

/// What is wrong with the rate limiting binding, if there is one.
fn rate_limiter_fault(env: &Env, settings: &Settings) -> Option<SettingFault> {
    let bound = Reflect::get(env, &RATE_LIMIT.into()).unwrap_or_default();
    // A variable of that name is a setting that does not exist, which is said elsewhere.
    if !bound.is_object() || raw(&bound).is_some() {
        return None;
    }
    let limit = Reflect::get(&bound, &"limit".into()).unwrap_or_default();
    let message = if !limit.is_function() {
        "is not a rate limiting binding"
    } else if settings.session_expired_status_code == 429 {
        "needs another SESSION_EXPIRED_STATUS_CODE: clients would take 429 for the end of the session"
    } else {
        return None;
    };
    Some(SettingFault {
        setting: RATE_LIMIT.to_owned(),
        message: message.to_owned(),
    })
}

/// A fault for each algorithm that an issuer's entry lists and this runtime does not have.
fn missing_algorithms(settings: &Settings) -> impl Iterator<Item = SettingFault> {
    settings.trusted_issuers.iter().flat_map(|issuer| {
        let algorithms = issuer.algorithms.iter();
        let missing = algorithms.filter(|algorithm| !crypto::can_verify(**algorithm));
        missing.map(|algorithm| SettingFault {
            setting: format!("the trusted issuer {}", issuer.id),
            message: format!(
                "lists {algorithm}, which this runtime has with compatibility_flags = [\"webcrypto_modern_algorithms\"] in wrangler.toml only"
            ),
        })
    })
}

/// The variables and secrets of an environment, without its bindings.
fn variables(env: &Env) -> Vec<(String, RawValue)> {
    let env: &Object = env.unchecked_ref();
    let names = Object::keys(env);
    let variables = names.iter().filter_map(|name| {
        let value = Reflect::get(env, &name).ok()?;
        Some((name.as_string()?, raw(&value)?))
    });
    variables.collect()
}

/// The value of a variable; `None` for a binding, which is an object of a class of its own.
fn raw(value: &JsValue) -> Option<RawValue> {
    if let Some(text) = value.as_string() {
        return Some(RawValue::Text(text));
    }
    let plain = !value.is_object()
        || js_sys::Array::is_array(value)
        || Object::get_prototype_of(value).constructor().name() == "Object";
    if !plain {
        return None;
    }
    JSON::stringify(value)
        .ok()
        .and_then(|text| text.as_string())
        .map(RawValue::Json)
}
