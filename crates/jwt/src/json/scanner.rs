//! The one place that knows the grammar of JSON (RFC 8259). Why it is not serde_json's: docs/decisions/strict-parsing.md.

#![expect(
    clippy::inline_always,
    reason = "the Worker is built for size, and every byte of every token passes through these"
)]

use std::{borrow::Cow, collections::BinaryHeap};

use super::{JsonFault, JsonReason, MAX_DEPTH, member::Member};

type Scan<T> = Result<T, JsonFault>;

/// Below this many members, comparing each with each is faster than sorting.
const FEW_MEMBERS: usize = 24;

/// A position in a JSON text, and the minified copy of what was read, if one is wanted.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    minified: Option<String>,
}

const fn fault<T>(reason: JsonReason) -> Scan<T> {
    Err(JsonFault::new(reason))
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            minified: None,
        }
    }

    pub(super) fn minifying(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            minified: Some(String::with_capacity(text.len())),
        }
    }

    pub(super) fn into_minified(self) -> String {
        self.minified.unwrap_or_default()
    }

    /// Reads one value and nothing else.
    pub(super) fn document<T>(&mut self, read: impl FnOnce(&mut Self) -> Scan<T>) -> Scan<T> {
        self.skip_whitespace();
        let value = read(self)?;
        self.skip_whitespace();
        if self.at == self.text.len() {
            Ok(value)
        } else {
            fault(JsonReason::TrailingText)
        }
    }

    /// Reads a value inside `depth` open arrays and objects; gives its text.
    pub(super) fn value(&mut self, depth: usize) -> Scan<&'a str> {
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.object(depth).map(drop)?,
            Some(b'[') => self.array(depth, &mut |_| ())?,
            Some(b'"') => self.string().map(drop)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            Some(_) => return fault(JsonReason::UnexpectedCharacter),
            None => return fault(JsonReason::UnexpectedEnd),
        }
        Ok(self.since(start))
    }

    /// Reads an object and refuses two members of one name.
    pub(super) fn object(&mut self, depth: usize) -> Scan<Vec<Member<'a>>> {
        let depth = deeper(depth)?;
        let mut members = Vec::new();
        self.punctuation(b'{')?;
        self.skip_whitespace();
        if self.peek() == Some(b'}') {
            self.punctuation(b'}')?;
            return Ok(members);
        }
        loop {
            self.skip_whitespace();
            let name = self.string()?;
            self.skip_whitespace();
            self.punctuation(b':')?;
            self.skip_whitespace();
            let value = self.value(depth).map_err(|fault| fault.in_member(&name))?;
            members.push(Member { name, value });
            self.skip_whitespace();
            if self.peek() == Some(b',') {
                self.punctuation(b',')?;
            } else {
                self.punctuation(b'}')?;
                break;
            }
        }
        match duplicate(&members) {
            Some(name) => Err(JsonFault::new(JsonReason::DuplicateMember).in_member(name)),
            None => Ok(members),
        }
    }

    /// Reads an array and shows the text of each element.
    pub(super) fn array(&mut self, depth: usize, show: &mut dyn FnMut(&'a str)) -> Scan<()> {
        let depth = deeper(depth)?;
        self.punctuation(b'[')?;
        self.skip_whitespace();
        if self.peek() == Some(b']') {
            return self.punctuation(b']');
        }
        let mut position: usize = 0;
        loop {
            self.skip_whitespace();
            show(
                self.value(depth)
                    .map_err(|fault| fault.in_element(position))?,
            );
            position = position.saturating_add(1);
            self.skip_whitespace();
            if self.peek() != Some(b',') {
                return self.punctuation(b']');
            }
            self.punctuation(b',')?;
        }
    }

    /// Reads a string and decodes its escapes.
    pub(super) fn string(&mut self) -> Scan<Cow<'a, str>> {
        let start = self.at;
        self.byte(b'"')?;
        let mut decoded: Option<String> = None;
        loop {
            let run = self.at;
            let length = self
                .rest()
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            self.advance(length.unwrap_or(self.text.len()));
            let plain = self.since(run);
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    self.keep(start);
                    return Ok(decoded.map_or(Cow::Borrowed(plain), |mut text| {
                        text.push_str(plain);
                        Cow::Owned(text)
                    }));
                }
                Some(b'\\') => {
                    let text = decoded.get_or_insert_default();
                    text.push_str(plain);
                    text.push(self.escape()?);
                }
                Some(_) => return fault(JsonReason::ControlCharacter),
                None => return fault(JsonReason::UnexpectedEnd),
            }
        }
    }

    fn escape(&mut self) -> Scan<char> {
        self.byte(b'\\')?;
        let character = match self.peek() {
            Some(b'u') => return self.unicode_escape(),
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) => return fault(JsonReason::InvalidEscape),
            None => return fault(JsonReason::UnexpectedEnd),
        };
        self.advance(1);
        Ok(character)
    }

    /// Reads `uXXXX`, and the second half when the first is a high surrogate (RFC 8259 section 7).
    fn unicode_escape(&mut self) -> Scan<char> {
        let first = self.utf16_unit()?;
        let mut units = [first, 0];
        let mut used = 1;
        if (0xd800..=0xdbff).contains(&first) && self.rest().starts_with(b"\\u") {
            self.advance(1);
            units = [first, self.utf16_unit()?];
            used = 2;
        }
        let mut characters = char::decode_utf16(units.into_iter().take(used));
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => fault(JsonReason::LoneSurrogate),
        }
    }

    fn utf16_unit(&mut self) -> Scan<u16> {
        self.byte(b'u')?;
        let start = self.at;
        self.advance(4);
        let digits = self.since(start);
        // `from_str_radix` alone would take a sign.
        if digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            u16::from_str_radix(digits, 16).or_else(|_| fault(JsonReason::InvalidEscape))
        } else {
            fault(JsonReason::InvalidEscape)
        }
    }

    fn number(&mut self) -> Scan<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.advance(1);
        }
        if self.peek() == Some(b'0') {
            self.advance(1);
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.advance(1);
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.advance(1);
            if let Some(b'+' | b'-') = self.peek() {
                self.advance(1);
            }
            self.digits()?;
        }
        // A digit here follows a leading zero; the grammar's own complaint would be harder to understand.
        if let Some(b'0'..=b'9') = self.peek() {
            return fault(JsonReason::InvalidNumber);
        }
        self.keep(start);
        Ok(())
    }

    fn digits(&mut self) -> Scan<()> {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return fault(JsonReason::InvalidNumber);
        }
        self.advance(count);
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Scan<()> {
        let start = self.at;
        if !self.rest().starts_with(word.as_bytes()) {
            return fault(JsonReason::UnexpectedCharacter);
        }
        self.advance(word.len());
        self.keep(start);
        Ok(())
    }

    #[inline(always)]
    fn punctuation(&mut self, byte: u8) -> Scan<()> {
        let start = self.at;
        self.byte(byte)?;
        self.keep(start);
        Ok(())
    }

    #[inline(always)]
    fn byte(&mut self, wanted: u8) -> Scan<()> {
        match self.peek() {
            Some(found) if found == wanted => {
                self.advance(1);
                Ok(())
            }
            Some(_) => fault(JsonReason::UnexpectedCharacter),
            None => fault(JsonReason::UnexpectedEnd),
        }
    }

    #[inline(always)]
    fn skip_whitespace(&mut self) {
        // Nearly always there is none.
        if !matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            return;
        }
        let count = self
            .rest()
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.advance(count);
    }

    /// Copies what was read since `start` to the minified text.
    #[inline(always)]
    fn keep(&mut self, start: usize) {
        if let Some(minified) = &mut self.minified {
            minified.push_str(self.text.get(start..self.at).unwrap_or_default());
        }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        #[cfg(any(test, feature = "count-steps"))]
        super::work::count(1);
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The text between `start` and here; empty inside a multi-byte character, where no caller stops.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[inline(always)]
    fn advance(&mut self, count: usize) {
        #[cfg(any(test, feature = "count-steps"))]
        super::work::count(count);
        self.at = self.at.saturating_add(count).min(self.text.len());
    }
}

fn deeper(depth: usize) -> Scan<usize> {
    if depth >= MAX_DEPTH {
        return fault(JsonReason::TooDeep);
    }
    Ok(depth.saturating_add(1))
}

/// A name that two members share. Sorting keeps the work bounded whatever names an attacker picks.
fn duplicate<'m>(members: &'m [Member<'_>]) -> Option<&'m str> {
    let names: Vec<&str> = members.iter().map(Member::name).collect();
    if names.len() <= FEW_MEMBERS {
        let mut rest = names.as_slice();
        while let [first, others @ ..] = rest {
            if others.contains(first) {
                return Some(first);
            }
            rest = others;
        }
        return None;
    }
    // A heap, because the standard library's sorting is many times its code.
    let mut names = BinaryHeap::from(names);
    let mut last = names.pop();
    while let Some(name) = names.pop() {
        if last == Some(name) {
            return last;
        }
        last = Some(name);
    }
    None
}
