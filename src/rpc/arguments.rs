//! RPC arguments: JS values from another Worker, checked and turned into JSON text.
//!
//! What counts as JSON: plain objects, arrays, strings of Unicode, finite numbers, booleans and null. `undefined`
//! members are dropped; anything else is refused, naming the path. Nothing here is trusted to be of the type it claims,
//! nor to be small: a value may hold one part many times over, and so be far larger as text than it was on its way here.

use std::cell::RefCell;

use js_sys::{Array, JsString, Object, RangeError, Reflect, TypeError};
use wasm_bindgen::{JsCast, JsValue};

use crate::auth::verified_session::NO_SESSION;
use crate::runtime::{
    http::body::MemoryPermit,
    js::{self, WellFormed},
    number::whole_number,
};
use postern_jwt::{json, time::UnixMillis};

/// How deep an argument may nest; a cycle ends here too.
const MAX_DEPTH: usize = json::MAX_DEPTH;
/// How much of a text is looked at, in UTF-16 units: more than any text that is accepted has. The rest is not copied, and
/// the text is refused for its length where that is known.
const MAX_TEXT_LENGTH: u32 = 128 * 1024;
/// The same for each text of a list; those are handles.
const MAX_ELEMENT_LENGTH: u32 = 1024;
/// The longest JSON text of an object, in bytes: as much as `MAX_SESSION_DATA` may be.
const MAX_JSON_BYTES: usize = 4 * 1024 * 1024;
/// How much of a path is named in an error.
const MAX_PATH_CHARACTERS: usize = 200;

const TOO_LONG: &str = "is too long";

/// The one argument of an RPC method: an object with named members.
pub(crate) struct Arguments<'a> {
    method: &'a str,
    value: JsValue,
    permit: RefCell<MemoryPermit>,
}

impl<'a> Arguments<'a> {
    /// Takes the argument; a rejection when it is not an object.
    pub(crate) fn new(method: &'a str, value: JsValue) -> Result<Self, JsValue> {
        if is_plain_object(&value) {
            Ok(Self {
                method,
                value,
                permit: RefCell::default(),
            })
        } else {
            Err(type_error(&format!(
                "{method}: the argument must be an object"
            )))
        }
    }

    /// A string member that must be there.
    pub(crate) fn string(&self, name: &'static str) -> Result<String, JsValue> {
        self.optional_string(name)?
            .ok_or_else(|| self.wrong(name, "must be a string"))
    }

    /// The handle of a session. What `getSession` gives in its place for a token that names no session is refused by name.
    pub(crate) fn handle(&self) -> Result<String, JsValue> {
        if self.member("handle").is_null() {
            return Err(self.wrong("handle", &["is null: ", NO_SESSION].concat()));
        }
        self.string("handle")
    }

    /// A string member that may be left out.
    pub(crate) fn optional_string(&self, name: &'static str) -> Result<Option<String>, JsValue> {
        let value = self.member(name);
        if value.is_undefined() {
            return Ok(None);
        }
        if !value.is_string() {
            return Err(self.wrong(name, "must be a string"));
        }
        match text(&value, MAX_TEXT_LENGTH) {
            Some(text) => Ok(Some(text)),
            None => Err(self.wrong(name, "must be well-formed Unicode")),
        }
    }

    /// A boolean member that may be left out.
    pub(crate) fn optional_boolean(&self, name: &'static str) -> Result<Option<bool>, JsValue> {
        let value = self.member(name);
        if value.is_undefined() {
            return Ok(None);
        }
        value
            .as_bool()
            .map(Some)
            .ok_or_else(|| self.wrong(name, "must be a boolean"))
    }

    /// A point in time that must be there. One of before 2001 is a mistake, such as seconds for milliseconds.
    pub(crate) fn time(&self, name: &'static str) -> Result<UnixMillis, JsValue> {
        whole_number(&self.member(name))
            .filter(|time| *time >= 1_000_000_000_000)
            .map(UnixMillis)
            .ok_or_else(|| self.wrong(name, "must be a time in milliseconds since the Unix epoch"))
    }

    /// A list of strings that must be there, of at most `most` elements.
    pub(crate) fn strings(&self, name: &'static str, most: u32) -> Result<Vec<String>, JsValue> {
        let value = self.member(name);
        if !Array::is_array(&value) {
            return Err(self.wrong(name, "must be an array of strings"));
        }
        let array: Array = value.unchecked_into();
        if array.length() > most {
            return Err(self.wrong(name, &format!("must hold at most {most} elements")));
        }
        let strings = array
            .iter()
            .map(|element| text(&element, MAX_ELEMENT_LENGTH));
        strings
            .collect::<Option<_>>()
            .ok_or_else(|| self.wrong(name, "must be an array of strings"))
    }

    /// A list of pairs of strings that must be there, of at most `most` elements.
    pub(crate) fn pairs(
        &self,
        name: &'static str,
        most: u32,
    ) -> Result<Vec<(String, String)>, JsValue> {
        const MUST: &str = "must be an array of pairs [name, value] of strings";
        let value = self.member(name);
        if !Array::is_array(&value) {
            return Err(self.wrong(name, MUST));
        }
        let array: Array = value.unchecked_into();
        if array.length() > most {
            return Err(self.wrong(name, &format!("must hold at most {most} elements")));
        }
        let pair = |element: JsValue| {
            if !Array::is_array(&element) {
                return None;
            }
            let pair: Array = element.unchecked_into();
            let texts = (
                text(&pair.get(0), MAX_ELEMENT_LENGTH)?,
                text(&pair.get(1), MAX_TEXT_LENGTH)?,
            );
            (pair.length() == 2).then_some(texts)
        };
        let pairs = array.iter().map(pair).collect::<Option<_>>();
        pairs.ok_or_else(|| self.wrong(name, MUST))
    }

    /// A JSON object that must be there, as text.
    pub(crate) fn json_object(&self, name: &'static str) -> Result<String, JsValue> {
        self.optional_json_object(name)?
            .ok_or_else(|| self.wrong(name, "must be an object"))
    }

    /// A JSON object that may be left out, as text.
    pub(crate) fn optional_json_object(
        &self,
        name: &'static str,
    ) -> Result<Option<String>, JsValue> {
        let value = self.member(name);
        if value.is_undefined() {
            return Ok(None);
        }
        if !is_plain_object(&value) {
            return Err(self.wrong(name, "must be an object"));
        }
        let mut writer = Writer {
            text: String::new(),
            path: name.to_owned(),
            depth: 0,
            left_out: 0,
        };
        match writer.write(&value) {
            Ok(()) => {
                let held = self.permit.borrow_mut().grow(writer.text.len());
                held.map_err(|_| {
                    JsValue::from(js_sys::Error::new(
                        "too many large arguments at a time; try again",
                    ))
                })?;
                Ok(Some(writer.text))
            }
            Err(TOO_LONG) => Err(self.too_long(name)),
            Err(reason) => {
                let path: String = writer.path.chars().take(MAX_PATH_CHARACTERS).collect();
                Err(self.wrong(&path, reason))
            }
        }
    }

    /// A member that is itself an object with named members.
    pub(crate) fn optional_object(
        &self,
        name: &'static str,
    ) -> Result<Option<Arguments<'a>>, JsValue> {
        let value = self.member(name);
        if value.is_undefined() {
            return Ok(None);
        }
        if !is_plain_object(&value) {
            return Err(self.wrong(name, "must be an object"));
        }
        Ok(Some(Arguments {
            method: self.method,
            value,
            permit: RefCell::default(),
        }))
    }

    /// The rejection for a member that is not as it must be.
    pub(crate) fn wrong(&self, name: &str, must: &str) -> JsValue {
        type_error(&format!("{}: \"{name}\" {must}", self.method))
    }

    fn too_long(&self, name: &str) -> JsValue {
        let method = self.method;
        let message = format!("{method}: \"{name}\" is longer than {MAX_JSON_BYTES} bytes");
        RangeError::new(&message).into()
    }

    fn member(&self, name: &'static str) -> JsValue {
        // Own members only: an argument cannot inherit one.
        let name = js::name(name);
        match js::has_own(&self.value, &name) {
            Ok(true) => Reflect::get(&self.value, &name).unwrap_or(JsValue::NULL),
            _ => JsValue::UNDEFINED,
        }
    }
}

struct Writer {
    text: String,
    path: String,
    depth: usize,
    /// Members that were looked at and left no text.
    left_out: usize,
}

impl Writer {
    /// How many bytes may still be written. Work counts like text, or a value of nothing could take for ever.
    fn room(&self) -> usize {
        MAX_JSON_BYTES.saturating_sub(self.text.len().saturating_add(self.left_out))
    }

    /// Writes a string as a literal, and gives its text.
    fn string(
        &mut self,
        value: &JsValue,
        ill_formed: &'static str,
    ) -> Result<String, &'static str> {
        let has_room = |length: usize| length < self.room();
        // No character is shorter as UTF-8 than it was in JS: what is too long there need not be copied to know it.
        let length = value.dyn_ref().map_or(0, JsString::length);
        if !usize::try_from(length).is_ok_and(has_room) {
            return Err(TOO_LONG);
        }
        let text = text(value, u32::MAX).ok_or(ill_formed)?;
        if !has_room(text.len()) {
            return Err(TOO_LONG);
        }
        self.text.push_str(&json::quote(&text));
        Ok(text)
    }

    fn write(&mut self, value: &JsValue) -> Result<(), &'static str> {
        if self.room() == 0 {
            return Err(TOO_LONG);
        }
        if value.is_null() {
            self.text.push_str("null");
        } else if let Some(boolean) = value.as_bool() {
            self.text.push_str(if boolean { "true" } else { "false" });
        } else if value.is_string() {
            self.string(value, "is not well-formed Unicode")?;
        } else if let Some(number) = value.as_f64() {
            self.text
                .push_str(&number_text(number).ok_or("is not a finite number")?);
        } else if Array::is_array(value) {
            self.nested(|writer| writer.array(value.unchecked_ref()))?;
        } else if is_plain_object(value) {
            self.nested(|writer| writer.object(value))?;
        } else {
            return Err("is not JSON");
        }
        Ok(())
    }

    fn nested(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err("is nested too deeply, or holds itself");
        }
        write(self)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    fn array(&mut self, array: &Array) -> Result<(), &'static str> {
        self.text.push('[');
        for (index, element) in array.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.at(&format!("[{index}]"), |writer| writer.write(&element))?;
        }
        self.text.push(']');
        Ok(())
    }

    fn object(&mut self, object: &JsValue) -> Result<(), &'static str> {
        let names = js::keys(object).map_err(|_| "is not JSON")?;
        let mut first = true;
        self.text.push('{');
        for name in names.iter() {
            let value = Reflect::get(object, &name).map_err(|_| "is not JSON")?;
            if value.is_undefined() {
                self.left_out = self.left_out.saturating_add(1);
                if self.room() == 0 {
                    return Err(TOO_LONG);
                }
                continue;
            }
            if !std::mem::take(&mut first) {
                self.text.push(',');
            }
            let name = self.string(&name, "has a name that is not well-formed Unicode")?;
            self.text.push(':');
            self.at(&format!(".{name}"), |writer| writer.write(&value))?;
        }
        self.text.push('}');
        Ok(())
    }

    /// Writes one element; on refusal its path stays, to be named.
    fn at(
        &mut self,
        step: &str,
        write: impl FnOnce(&mut Self) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let length = self.path.len();
        self.path.push_str(step);
        write(self)?;
        self.path.truncate(length);
        Ok(())
    }
}

/// The shortest JSON text of a number; `None` for NaN and the infinities.
fn number_text(number: f64) -> Option<String> {
    if !number.is_finite() {
        return None;
    }
    // JS writes it without its sign.
    if number == 0.0 && number.is_sign_negative() {
        return Some("-0".to_owned());
    }
    let text = String::from(js_sys::Number::from(number).to_string_with_radix(10).ok()?);
    Some(text)
}

/// The text of a string, at most `most` units of it; `None` when it is none, or holds a lone surrogate.
fn text(value: &JsValue, most: u32) -> Option<String> {
    let string = value.dyn_ref::<JsString>()?;
    let well_formed: &WellFormed = string.unchecked_ref();
    if !matches!(well_formed.is_well_formed(), Ok(true)) {
        return None;
    }
    if string.length() > most {
        return Some(String::from(string.slice(0, most)));
    }
    value.as_string()
}

/// True for what `{}` makes: no class instance, array, function, promise or `null`.
fn is_plain_object(value: &JsValue) -> bool {
    if !value.is_object() || value.is_function() || Array::is_array(value) {
        return false;
    }
    match js::prototype_of(value) {
        Ok(prototype) => {
            prototype.is_null()
                || js::prototype_of(&Object::new())
                    .is_ok_and(|plain| Object::is(&plain, &prototype))
        }
        Err(_) => false,
    }
}

fn type_error(message: &str) -> JsValue {
    TypeError::new(message).into()
}
