//! Session tickets in a query: found, and taken out of the URL before anything is logged, sent on or led back to.
//!
//! What counts as a ticket: the parameter [`PARAMETER`] in whatever escapes, and every value that has the form of a ticket,
//! whatever its name.

use crate::gateway::own_tokens::percent_decoded;
use crate::session::ticket::{PARAMETER, has_form};

/// What a request offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offered {
    /// No ticket.
    None,
    /// This text.
    One(String),
    /// More than one: nobody can say which counts.
    Several,
}

/// Takes tickets out of a query: what is left, and what was offered. `None` when there is none, as nearly always.
pub fn taken(query: &str) -> Option<(String, Offered)> {
    if !(query.contains(PARAMETER) || query.contains("t1.") || query.contains('%')) {
        return None;
    }
    let mut left = String::with_capacity(query.len());
    let mut offered = Offered::None;
    let mut is_changed = false;
    // Some origins read `;` as `&`.
    for part in query.split_inclusive(['&', ';']) {
        let pair = part.strip_suffix(['&', ';']).unwrap_or(part);
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decoded(value);
        let is_named = percent_decoded(name) == PARAMETER;
        if !is_named && !has_form(&value) {
            left.push_str(part);
            continue;
        }
        is_changed = true;
        if is_named {
            offered = match offered {
                Offered::None => Offered::One(value),
                _ => Offered::Several,
            };
        }
    }
    if !is_changed {
        return None;
    }
    // The separator before what was last.
    if !query.ends_with(['&', ';']) && left.ends_with(['&', ';']) {
        left.pop();
    }
    Some((left, offered))
}

#[cfg(test)]
mod tests {
    use super::{Offered, taken};

    #[test]
    fn a_ticket_is_taken_out_and_the_rest_stays_as_it_is() {
        let [user, tag] = ["a".repeat(26), "a".repeat(13)];
        let rest = [
            "b".repeat(16),
            "c".repeat(22),
            "1.2".to_owned(),
            "d".repeat(43),
        ]
        .join(".");
        let form = format!("t1.{user}.{user}.{tag}.{rest}");
        for (query, left, offered) in [
            ("postern_ticket=x", "", Some("x")),
            ("a=1&postern_ticket=x", "a=1", Some("x")),
            ("postern_ticket=x&a=%41&b", "a=%41&b", Some("x")),
            ("a=1&postern_ticket=x&b=2", "a=1&b=2", Some("x")),
            ("a=1;postern_ticket=x;b=2&", "a=1;b=2&", Some("x")),
            ("%70ostern%5Fticket=%78", "", Some("x")),
            ("postern_ticket", "", Some("")),
            ("postern_ticket==&a&&", "a&&", Some("=")),
            // By another name it does not count, and goes nowhere.
            (&format!("q={form}&a"), "a", None),
            (&format!("a&q={}", form.replace('.', "%2e")), "a", None),
        ] {
            let offered = offered.map_or(Offered::None, |text| Offered::One(text.to_owned()));
            assert_eq!(taken(query), Some((left.to_owned(), offered)), "{query}");
        }
        let twice = taken("postern_ticket=x&a&postern_ticket=x");
        assert_eq!(twice, Some(("a".to_owned(), Offered::Several)));
    }

    #[test]
    fn any_other_query_is_left_alone() {
        for query in [
            "",
            "a=1&b=%20",
            "Postern_ticket=x",
            "xpostern_ticket=x",
            "q=postern_ticket",
            "q=t1.x",
            "q=t1.a.b.c.id.place.1.2.mac",
            "&&;=%",
        ] {
            assert_eq!(taken(query), None, "{query}");
        }
    }
}
