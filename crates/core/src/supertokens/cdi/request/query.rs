//! Query parameters (`application/x-www-form-urlencoded`, WHATWG URL section 5.1).

use crate::http::form::decoded;
use crate::http::reply::Reply;
use crate::supertokens::cdi::reply;

/// The first value of a parameter that must be there; it may be empty.
pub(crate) fn required(query: &str, name: &str) -> Result<String, Reply> {
    find(query, name).ok_or_else(|| reply::missing_parameter(name))
}

/// A switch that is on unless it is given as anything but `true`, in any letter case.
pub(crate) fn switch(query: &str, name: &str) -> bool {
    find(query, name).is_none_or(|value| value.eq_ignore_ascii_case("true"))
}

/// The first value of a parameter; `None` when it is absent, or is no text.
pub fn find(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| decoded(key).as_deref() == Some(name))
        .and_then(|(_, value)| decoded(value))
}

#[cfg(test)]
mod tests {
    use super::{required, switch};

    #[test]
    fn values_are_decoded_and_the_first_one_counts() {
        let query = "a=1&userId=J%C3%BCrgen+M%2Bx&userId=other";
        assert_eq!(required(query, "userId").unwrap(), "Jürgen M+x");
        assert_eq!(required("userId=", "userId").unwrap(), "");
        assert_eq!(required("userId", "userId").unwrap(), "");
    }

    #[test]
    fn a_missing_or_undecodable_value_is_the_protocols_400() {
        for query in ["", "userid=x", "userId=%4", "userId=%zz", "userId=%FF"] {
            let reply = required(query, "userId").unwrap_err();
            assert_eq!(reply.status, 400);
            assert_eq!(
                reply.body,
                "Field name 'userId' is missing in GET request\n"
            );
        }
    }

    #[test]
    fn a_switch_is_on_unless_told_otherwise() {
        assert!(switch("", "all"));
        assert!(switch("all=TRUE", "all"));
        assert!(!switch("all=false", "all"));
        assert!(!switch("all=1", "all"));
        assert!(!switch("all", "all"));
    }
}
