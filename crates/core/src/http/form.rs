//! Forms (`application/x-www-form-urlencoded`, WHATWG URL section 5.1).

/// The values of a field, in their order; `None` when one cannot be decoded.
pub(crate) fn values(form: &str, name: &str) -> Option<Vec<String>> {
    form.split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(key, _)| decoded(key).as_deref() == Some(name))
        .map(|(_, value)| decoded(value))
        .collect()
}

/// The text behind `+` and percent escapes; `None` when it is not UTF-8 or an escape is cut short.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}
