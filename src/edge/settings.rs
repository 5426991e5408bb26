//! The settings of this isolate: read once from the environment, which does not change while an isolate lives.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, JSON, Object};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use crate::settings::{RawValue, SettingFault, Settings};

thread_local! {
    static CURRENT: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// The settings, or every fault in them.
pub(super) fn current(env: &Env) -> Result<Rc<Settings>, Vec<SettingFault>> {
    if let Some(settings) = CURRENT.with_borrow(Clone::clone) {
        return Ok(settings);
    }
    let (settings, _warnings) = Settings::parse(&values(env))?;
    let settings = Rc::new(settings);
    CURRENT.with_borrow_mut(|current| *current = Some(Rc::clone(&settings)));
    Ok(settings)
}

/// Text and JSON variables. What is neither is a binding.
fn values(env: &Env) -> Vec<(String, RawValue)> {
    let environment: &Object = env.unchecked_ref();
    let plain = |value: &JsValue| {
        Array::is_array(value)
            || !value.is_object()
            || Object::get_prototype_of(value) == Object::get_prototype_of(&Object::new())
    };
    Object::entries(environment)
        .iter()
        .filter_map(|entry| {
            let entry: Array = entry.unchecked_into();
            let (name, value) = (entry.get(0).as_string()?, entry.get(1));
            if let Some(text) = value.as_string() {
                return Some((name, RawValue::Text(text)));
            }
            let json = plain(&value)
                .then(|| JSON::stringify(&value).ok())
                .flatten()?;
            Some((name, RawValue::Json(json.into())))
        })
        .collect()
}
