//! Equality of two JSON texts by what they mean.

use std::{borrow::Cow, collections::BinaryHeap};

use super::{JsonFault, Kind, Number, kind, object, parse_array, parse_string};

/// True when both texts mean the same value: member order, whitespace, escapes and the spelling of numbers
/// (`1`, `1.0`, `1e0`) make no difference; the order of array elements does.
pub fn same_value(left: &str, right: &str) -> Result<bool, JsonFault> {
    let (left, right) = (super::minify(left)?, super::minify(right)?);
    same(&left, &right)
}

/// Each level opens its own text again, so the work is the input times its depth, which is bounded.
fn same(left: &str, right: &str) -> Result<bool, JsonFault> {
    if left == right {
        return Ok(true);
    }
    if kind(left) != kind(right) {
        return Ok(false);
    }
    match kind(left) {
        Kind::Null | Kind::Boolean => Ok(false),
        Kind::Number => Ok(Number::from_valid(left) == Number::from_valid(right)),
        Kind::String => Ok(parse_string(left)? == parse_string(right)?),
        Kind::Array => {
            let (left, right) = (parse_array(left)?, parse_array(right)?);
            if left.len() != right.len() {
                return Ok(false);
            }
            all(left
                .into_iter()
                .zip(right)
                .map(|(left, right)| same(left, right)))
        }
        Kind::Object => {
            let (mut left, mut right) = (by_name(left)?, by_name(right)?);
            if left.len() != right.len() {
                return Ok(false);
            }
            while let (Some(left), Some(right)) = (left.pop(), right.pop()) {
                if left.0 != right.0 || !same(left.1, right.1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

fn all(mut parts: impl Iterator<Item = Result<bool, JsonFault>>) -> Result<bool, JsonFault> {
    let unlike = parts.find(|part| !matches!(part, Ok(true)));
    unlike.unwrap_or(Ok(true))
}

/// The members, to be taken in the order of their names. (A heap: sorting would be many times its code.)
fn by_name(text: &str) -> Result<BinaryHeap<(Cow<'_, str>, &str)>, JsonFault> {
    let members = object::parse_object(text)?.into_members();
    Ok(members
        .into_iter()
        .map(|member| (member.name, member.value))
        .collect())
}
