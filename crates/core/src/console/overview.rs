//! What the console shows of the deployment as a whole, as JSON texts.

use postern_jwt::json::ObjectWriter;

/// The settings whose values are secrets, or may hold one as the address of a webhook does.
pub const NOT_SHOWN: [&str; 5] = [
    "API_KEYS",
    "EVENTS_WEBHOOK_SECRETS",
    "EVENTS_WEBHOOK_URL",
    "FORMER_CORE_API_KEY",
    "KEY_ENCRYPTION_KEYS",
];

/// The settings that were given, and the defaults of the others. A value that is a secret is not shown.
pub fn settings(
    names_and_defaults: &[(&str, &str)],
    given: impl Fn(&str) -> Option<String>,
) -> String {
    let listed: Vec<String> = names_and_defaults
        .iter()
        .map(|(name, default)| {
            let value = given(name);
            let mut row = ObjectWriter::new();
            row.text("name", name);
            row.boolean("given", value.is_some());
            row.text(
                "value",
                match &value {
                    Some(_) if NOT_SHOWN.contains(name) => "set; not shown",
                    Some(value) => value,
                    None => default,
                },
            );
            row.finish()
        })
        .collect();
    array(&listed)
}

/// A JSON array of JSON texts.
pub fn array(items: &[String]) -> String {
    ["[", &items.join(","), "]"].concat()
}

#[cfg(test)]
mod tests {
    use super::settings;

    #[test]
    fn a_secret_is_not_shown_and_a_default_is_named_as_one() {
        let given = |name: &str| match name {
            "API_KEYS" => Some("very-secret-key".to_owned()),
            "FRESHNESS" => Some("within 5s".to_owned()),
            _ => None,
        };
        let table = [
            ("API_KEYS", "none"),
            ("FRESHNESS", "within 60s"),
            ("LOG_LEVEL", "info"),
        ];
        assert_eq!(
            settings(&table, given),
            r#"[{"name":"API_KEYS","given":true,"value":"set; not shown"},{"name":"FRESHNESS","given":true,"value":"within 5s"},{"name":"LOG_LEVEL","given":false,"value":"info"}]"#
        );
    }
}
