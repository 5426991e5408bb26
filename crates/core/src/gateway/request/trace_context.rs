//! The trace that a request belongs to (W3C Trace Context, sections 3.2 and 3.3). Postern passes it on as it came or not at all:
//! what is malformed would break off, or mix up, the traces of an origin.

/// The length of a `traceparent` of version 00, in bytes: `00-<32 digits>-<16 digits>-<2 digits>`.
const TRACEPARENT_BYTES: usize = 55;
/// The longest header that passes, in bytes: as much as the specification asks everybody to pass on.
const MAX_BYTES: usize = 512;
/// The most members of a `tracestate`.
const MAX_MEMBERS: usize = 32;

/// Whether a value of `traceparent` is well-formed. One of a version to come counts when it begins as version 00 does
/// (section 4.3).
pub fn is_traceparent(value: &str) -> bool {
    let bytes = value.as_bytes();
    let Some((known, more)) = bytes.split_at_checked(TRACEPARENT_BYTES) else {
        return false;
    };
    let mut parts = known.split(|byte| *byte == b'-');
    let mut part = |length: usize| {
        let digits = parts.next().filter(|part| part.len() == length);
        digits.filter(|part| part.iter().copied().all(is_digit))
    };
    let (version, trace, parent, flags) = (part(2), part(32), part(16), part(2));
    let is_whole = match version {
        Some(b"ff") | None => false,
        Some(b"00") => more.is_empty(),
        Some(_) => more.first().is_none_or(|byte| *byte == b'-') && bytes.len() <= MAX_BYTES,
    };
    let is_some_id = |id: Option<&[u8]>| id.is_some_and(|id| id.iter().any(|byte| *byte != b'0'));
    is_whole && is_some_id(trace) && is_some_id(parent) && flags.is_some() && parts.next().is_none()
}

/// Hexadecimal, in lower case only.
const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Whether a value of `tracestate` is well-formed: at most 32 of `key=value`, no key twice, empty members allowed.
pub fn is_tracestate(value: &str) -> bool {
    if value.len() > MAX_BYTES {
        return false;
    }
    let mut keys = Vec::new();
    value.split(',').all(|member| {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            return true;
        }
        let Some((key, value)) = member.split_once('=') else {
            return false;
        };
        let is_new = !keys.contains(&key);
        keys.push(key);
        is_new && keys.len() <= MAX_MEMBERS && is_key(key) && is_state_value(value)
    })
}

/// `key`, or `tenant@system`.
fn is_key(key: &str) -> bool {
    let is_part = |part: &str, longest: usize, may_begin_with_digit: bool| {
        let begins_well = part.bytes().next().is_some_and(|byte| {
            byte.is_ascii_lowercase() || (may_begin_with_digit && byte.is_ascii_digit())
        });
        begins_well
            && part.len() <= longest
            && part.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte)
            })
    };
    match key.split_once('@') {
        Some((tenant, system)) => is_part(tenant, 241, true) && is_part(system, 14, false),
        None => is_part(key, 256, false),
    }
}

fn is_state_value(value: &str) -> bool {
    let is_printed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(is_printed)
}

#[cfg(test)]
mod tests {
    use super::{is_traceparent, is_tracestate};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn a_traceparent_is_of_the_specified_form_or_none() {
        let zeros = |count| "0".repeat(count);
        for (value, is_good) in [
            (format!("00-{TRACE}-{PARENT}-01"), true),
            (format!("00-{TRACE}-{PARENT}-00"), true),
            (format!("00-{TRACE}-{PARENT}-ff"), true),
            (format!("01-{TRACE}-{PARENT}-01"), true),
            (format!("01-{TRACE}-{PARENT}-01-more"), true),
            (format!("01-{TRACE}-{PARENT}-01more"), false),
            (format!("01-{TRACE}-{PARENT}-01-{}", "x".repeat(457)), false),
            (format!("00-{TRACE}-{PARENT}-01-more"), false),
            (format!("00-{TRACE}-{PARENT}-01-"), false),
            (format!("ff-{TRACE}-{PARENT}-01"), false),
            (format!("0-{TRACE}-{PARENT}-001"), false),
            (format!("00-{}-{PARENT}-01", zeros(32)), false),
            (format!("00-{TRACE}-{}-01", zeros(16)), false),
            (format!("00-{}-{PARENT}-01", TRACE.to_uppercase()), false),
            (format!("00-{TRACE}-{PARENT}-0g"), false),
            (format!("00-{TRACE}-{PARENT}"), false),
            (format!("00-{TRACE}{PARENT}--01"), false),
            (format!("00_{TRACE}-{PARENT}-01"), false),
            (format!(" 00-{TRACE}-{PARENT}-01"), false),
            (
                format!("00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01"),
                false,
            ),
            (format!("00-{TRACE}-{PARENT}-0\u{e9}"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_traceparent(&value), is_good, "{value}");
        }
    }

    #[test]
    fn a_tracestate_is_of_the_specified_form_or_none() {
        let many = |count: usize| {
            let members = (0..count).map(|n| format!("k{n}=v"));
            members.collect::<Vec<_>>().join(",")
        };
        for (value, is_good) in [
            ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE".to_owned(), true),
            ("a=1, b=2 ,,c=3".to_owned(), true),
            (String::new(), true),
            ("fw529a3039@dt=FfAAA".to_owned(), true),
            ("0tenant@system=1".to_owned(), true),
            ("a_-*/9=x y~".to_owned(), true),
            (many(32), true),
            (many(33), false),
            ("a=1,a=2".to_owned(), false),
            ("0a=1".to_owned(), false),
            ("A=1".to_owned(), false),
            ("a".to_owned(), false),
            ("=1".to_owned(), false),
            ("a=".to_owned(), false),
            ("a=b=c".to_owned(), false),
            ("a@0b=1".to_owned(), false),
            ("a@b@c=1".to_owned(), false),
            ("a=\u{e9}".to_owned(), false),
            ("a=\t1".to_owned(), false),
            (format!("a={}", "x".repeat(257)), false),
            (
                format!("a={},b={}", "x".repeat(256), "y".repeat(256)),
                false,
            ),
        ] {
            assert_eq!(is_tracestate(&value), is_good, "{value}");
        }
    }
}
