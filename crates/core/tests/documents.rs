//! Lists in documents that are made from tables in the code. `npm run docs` writes them; without it, a difference is a failure.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use postern_core::console::overview::NOT_SHOWN;
use postern_core::error::ErrorCode;
use postern_core::events::{EventType, Member as EventMember};
use postern_core::log_events::LogEvent;
use postern_core::settings::{self, RawValue, SettingRow, Settings};
use postern_jwt::TokenFault;

/// Holds the lines between `start` and `end` of a file of the repository against `expected`, or replaces them.
fn is_made_of(file: &str, start: &str, end: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text
        .split_once(&format!("{start}\n"))
        .unwrap_or_else(|| panic!("{file} has no line {start}"));
    let (found, after) = rest
        .split_once(end)
        .unwrap_or_else(|| panic!("{file} has no {end} after {start}"));
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{start}\n{expected}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, expected, "{file}, after {start}: run `npm run docs`");
    }
}

/// Between these marks in a Markdown file.
fn markdown_is_made_of(file: &str, what: &str, expected: &str) {
    let start = format!("<!-- made by `npm run docs`: {what} -->");
    is_made_of(file, &start, "\n<!-- end -->", &format!("\n{expected}"));
}

/// Examples between quotes become code.
fn with_code(text: &str) -> String {
    text.replace('"', "`")
}

/// One text on one line, for whatever a doc comment was wrapped to.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn rows_of(section: &str) -> String {
    let mut table =
        "| name | default | accepted | what it is |\n| --- | --- | --- | --- |\n".to_owned();
    for row in settings::reference()
        .iter()
        .filter(|row| row.section == section)
    {
        let default = if row.default_is_a_value {
            format!("`{}`", row.default)
        } else {
            row.default.to_owned()
        };
        let accepted = with_code(&row.accepted);
        let description = one_line(row.description);
        writeln!(
            table,
            "| `{}` | {default} | {accepted} | {description} |",
            row.name
        )
        .unwrap();
    }
    table
}

#[test]
fn the_reference_of_settings_is_the_table() {
    let mut sections: Vec<_> = settings::reference()
        .iter()
        .map(|row| row.section)
        .collect();
    sections.dedup();
    for section in sections {
        markdown_is_made_of(
            "docs/settings.md",
            &format!("settings, {section}"),
            &rows_of(section),
        );
    }
}

/// The first sentence of a description, without Markdown.
fn first_sentence(row: &SettingRow) -> String {
    let text = one_line(row.description).replace('`', "");
    let sentence = text.split_inclusive(". ").next().unwrap_or_default();
    // A link to another document says nothing here.
    let without_links = sentence.split(" ([").next().unwrap_or_default();
    format!("{}.", without_links.trim_end().trim_end_matches('.'))
}

#[test]
fn no_secret_is_shown_on_the_console() {
    let rows = settings::reference();
    let mut secrets = rows
        .iter()
        .filter(|row| row.description.trim_start().starts_with("Secret"));
    assert!(secrets.clone().count() >= 2);
    assert!(secrets.all(|row| NOT_SHOWN.contains(&row.name)));
}

#[test]
fn the_settings_in_wrangler_toml_are_the_table() {
    let mut block = String::new();
    for row in settings::reference() {
        let Some(example) = row.example else { continue };
        writeln!(
            block,
            "# {}\n# {} = {example}",
            first_sentence(&row),
            row.name
        )
        .unwrap();
    }
    is_made_of(
        "wrangler.toml",
        "# The usual ones, made by `npm run docs`:",
        "# (end)",
        &block,
    );
}

#[test]
fn every_default_and_every_example_is_accepted_as_a_value() {
    let with = |name: &str, value: RawValue| {
        let mut values = vec![(name.to_owned(), value)];
        if name != "API_DOMAIN" {
            let own = RawValue::Text("https://auth.example.com".to_owned());
            values.push(("API_DOMAIN".to_owned(), own));
        }
        Settings::parse(&values)
    };
    for row in settings::reference() {
        if row.default_is_a_value {
            let found = with(row.name, RawValue::Text(row.default.to_owned()));
            assert!(found.is_ok(), "{} = {}: {found:?}", row.name, row.default);
        }
        // What is no list or table is the same text in TOML and in JSON.
        if let Some(example) = row.example.filter(|example| !example.contains('{')) {
            let found = with(row.name, RawValue::Json(example.to_owned()));
            assert!(found.is_ok(), "{} = {example}: {found:?}", row.name);
        }
    }
}

#[test]
fn the_reference_of_log_events_is_the_table() {
    let mut table = "| event | level | members | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for event in LogEvent::ALL {
        let members: Vec<_> = event
            .members()
            .iter()
            .map(|member| format!("`{}`", member.name()))
            .collect();
        writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            event.name(),
            event.level().name(),
            members.join(", "),
            one_line(event.meaning())
        )
        .unwrap();
    }
    markdown_is_made_of("docs/logs.md", "log events", &table);
}

#[test]
fn the_reference_of_events_is_the_table() {
    let mut table = "| `type` | `data` | meaning |\n| --- | --- | --- |\n".to_owned();
    for event in EventType::ALL {
        let members = event.members().iter();
        let members: Vec<_> = members
            .map(|member| format!("`{}`", member.name()))
            .collect();
        writeln!(
            table,
            "| `{}` | {} | {} |",
            event.name(),
            members.join(", "),
            one_line(event.meaning())
        )
        .unwrap();
    }
    markdown_is_made_of("docs/events.md", "events", &table);
    let mut table = "| member | what it is |\n| --- | --- |\n".to_owned();
    for member in EventMember::ALL {
        writeln!(
            table,
            "| `{}` | {} |",
            member.name(),
            one_line(member.meaning())
        )
        .unwrap();
    }
    markdown_is_made_of("docs/events.md", "members of events", &table);
}

#[test]
fn no_two_log_events_and_no_two_codes_have_one_name() {
    let events = LogEvent::ALL.iter().map(|event| event.name()).collect();
    let codes = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    let faults = TokenFault::ALL.iter().map(|fault| fault.code()).collect();
    let tables: [Vec<&str>; 3] = [events, codes, faults];
    for mut names in tables {
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

#[test]
fn the_references_of_error_codes_are_the_tables() {
    let mut table = "| `status` | HTTP | meaning |\n| --- | --- | --- |\n".to_owned();
    for code in ErrorCode::ALL {
        let meaning = one_line(code.meaning());
        writeln!(
            table,
            "| `{}` | {} | {meaning} |",
            code.name(),
            code.http_status()
        )
        .unwrap();
    }
    markdown_is_made_of("docs/errors.md", "error codes", &table);
    let mut table = "| code | meaning |\n| --- | --- |\n".to_owned();
    for fault in TokenFault::ALL {
        writeln!(
            table,
            "| `{}` | {} |",
            fault.code(),
            one_line(fault.meaning())
        )
        .unwrap();
    }
    markdown_is_made_of("docs/errors.md", "token faults", &table);
}
