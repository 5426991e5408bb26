//! The settings of this isolate: read from the environment once, and parsed once.

use std::{cell::RefCell, rc::Rc};

use js_sys::{JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::log;
use crate::{
    location::Location,
    settings::{RawValue, Settings},
};

/// The settings are bad. Every fault was logged, by name, when they were first read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misconfigured;

thread_local! {
    static SETTINGS: RefCell<Option<Result<Rc<Settings>, Misconfigured>>> = const { RefCell::new(None) };
}

/// The settings. An environment never changes under a running isolate.
pub(super) fn current(env: &Env) -> Result<Rc<Settings>, Misconfigured> {
    SETTINGS.with_borrow_mut(|settings| settings.get_or_insert_with(|| load(env)).clone())
}

/// Where objects that there are few of are to be made.
pub(super) fn central_location(env: &Env) -> Option<Location> {
    current(env).ok()?.central_location
}

fn load(env: &Env) -> Result<Rc<Settings>, Misconfigured> {
    match Settings::parse(&variables(env)) {
        Ok((settings, warnings)) => {
            log::set_level(settings.log_level);
            for warning in warnings {
                log::setting_warning(&warning);
            }
            Ok(Rc::new(settings))
        }
        Err(faults) => {
            for fault in faults {
                log::setting_fault(&fault);
            }
            Err(Misconfigured)
        }
    }
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
