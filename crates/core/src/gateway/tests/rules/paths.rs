//! Path safety on raw strings: what two programs could read differently is refused, and nothing else.

use proptest::prelude::*;
use serde_json::json;

use crate::gateway::matching::path::{PathFault, check, is_kept_by_urls};
use crate::gateway::matching::readings::folded;
use crate::gateway::tests::{file, no_header, request};
use crate::gateway::{Admission, Denial, RequestMeta, admit};

/// Raw paths, the path that a URL (WHATWG) would send, and the verdict.
const AMBIGUOUS: &[(&str, &str, PathFault)] = &[
    ("//", "//", PathFault::EmptySegment),
    (
        "//evil.example/x",
        "//evil.example/x",
        PathFault::EmptySegment,
    ),
    ("/a//b", "/a//b", PathFault::EmptySegment),
    ("/a/..", "/", PathFault::DotSegment),
    ("/public/../admin", "/admin", PathFault::DotSegment),
    ("/public/./admin", "/public/admin", PathFault::DotSegment),
    ("/.", "/", PathFault::DotSegment),
    ("/..", "/", PathFault::DotSegment),
    ("/public/%2e%2e/admin", "/admin", PathFault::EncodedDot),
    ("/public/%2E./admin", "/admin", PathFault::EncodedDot),
    ("/public/.%2e/admin", "/admin", PathFault::EncodedDot),
    ("/a%2eb", "/a%2eb", PathFault::EncodedDot),
    (
        "/public%2fadmin",
        "/public%2fadmin",
        PathFault::EncodedSlash,
    ),
    (
        "/public%2Fadmin",
        "/public%2Fadmin",
        PathFault::EncodedSlash,
    ),
    (
        "/public/..%2fadmin",
        "/public/..%2fadmin",
        PathFault::EncodedSlash,
    ),
    ("/public%5cadmin", "/public%5cadmin", PathFault::Backslash),
    (
        "/public/..%5Cadmin",
        "/public/..%5Cadmin",
        PathFault::Backslash,
    ),
    ("/public\\..\\admin", "/admin", PathFault::Backslash),
    ("/\\evil.example", "//evil.example", PathFault::Backslash),
    ("/admin;", "/admin;", PathFault::Semicolon),
    ("/admin;x=1/y", "/admin;x=1/y", PathFault::Semicolon),
    (
        "/public/..;/admin",
        "/public/..;/admin",
        PathFault::Semicolon,
    ),
    ("/a%3bb", "/a%3bb", PathFault::Semicolon),
    (
        "/public/..%3b/admin",
        "/public/..%3b/admin",
        PathFault::Semicolon,
    ),
    ("/...", "/...", PathFault::DotSegment),
    ("/%20", "/%20", PathFault::DotSegment),
    ("/a/..%20/b", "/a/..%20/b", PathFault::DotSegment),
    ("/a/..%3Fx/b", "/a/..%3Fx/b", PathFault::DotSegment),
    (
        "/a/%EF%BC%8E%E2%80%A4/b",
        "/a/%EF%BC%8E%E2%80%A4/b",
        PathFault::DotSegment,
    ),
    ("/a/%E2%80%8B/b", "/a/%E2%80%8B/b", PathFault::DotSegment),
    (
        "/a/%EF%BC%85%32e/b",
        "/a/%EF%BC%85%32e/b",
        PathFault::DoubleEscape,
    ),
    ("/a/..%EF%BC%8Fb", "/a/..%EF%BC%8Fb", PathFault::LikeASlash),
    ("/a/..%E2%88%96b", "/a/..%E2%88%96b", PathFault::LikeASlash),
    ("/a%00", "/a%00", PathFault::ControlCharacter),
    ("/a%00.png", "/a%00.png", PathFault::ControlCharacter),
    ("/a%0d%0aX:1", "/a%0d%0aX:1", PathFault::ControlCharacter),
    ("/a%09", "/a%09", PathFault::ControlCharacter),
    ("/a%7f", "/a%7f", PathFault::ControlCharacter),
    ("/a%c2%85", "/a%c2%85", PathFault::ControlCharacter),
    ("/a\u{0}", "/a%00", PathFault::ControlCharacter),
    ("/a\tb", "/ab", PathFault::ControlCharacter),
    ("/a%", "/a%", PathFault::BrokenEscape),
    ("/a%2", "/a%2", PathFault::BrokenEscape),
    ("/a%zz", "/a%zz", PathFault::BrokenEscape),
    ("/a%u002e", "/a%u002e", PathFault::BrokenEscape),
    ("/a%+2e", "/a%+2e", PathFault::BrokenEscape),
    ("/a%/b", "/a%/b", PathFault::BrokenEscape),
    ("/a%252e", "/a%252e", PathFault::DoubleEscape),
    ("/%2561dmin", "/%2561dmin", PathFault::DoubleEscape),
    ("/%25%361dmin", "/%25%361dmin", PathFault::DoubleEscape),
    ("/%25%36%31dmin", "/%25%36%31dmin", PathFault::DoubleEscape),
    ("/a%c0%af", "/a%c0%af", PathFault::NotUtf8),
    ("/a%c0%ae%c0%ae", "/a%c0%ae%c0%ae", PathFault::NotUtf8),
    ("/a%ff", "/a%ff", PathFault::NotUtf8),
    ("/a%ed%a0%80", "/a%ed%a0%80", PathFault::NotUtf8),
    ("a", "/a", PathFault::NotAbsolute),
    ("*", "/*", PathFault::NotAbsolute),
    ("/caf\u{e9}", "/caf%C3%A9", PathFault::Changed),
    ("/a b", "/a%20b", PathFault::Changed),
    ("/a\"b", "/a%22b", PathFault::Changed),
    ("/<a>", "/%3Ca%3E", PathFault::Changed),
    ("/a", "/b", PathFault::Changed),
];

#[test]
fn ambiguous_paths_are_refused_by_reason() {
    for (raw, serialised, fault) in AMBIGUOUS {
        assert_eq!(check(raw, serialised), Err(*fault), "{raw:?}");
        assert!(
            *fault == PathFault::Changed || !is_kept_by_urls(raw),
            "{raw:?}"
        );
    }
    for raw in ["/caf\u{e9}", "/a b", "/a\"b", "/<a>"] {
        assert!(!is_kept_by_urls(raw), "{raw:?}");
    }
}

/// A person reads `the path ` and these words.
#[test]
fn each_reason_has_words_of_its_own() {
    for (_, _, fault) in AMBIGUOUS {
        let is_said_twice = |other: &PathFault| other != fault && other.text() == fault.text();
        assert!(!AMBIGUOUS.iter().any(|(_, _, other)| is_said_twice(other)));
        let verb = fault.text().split(' ').next().unwrap();
        assert!(["is", "does", "holds"].contains(&verb), "{}", fault.text());
    }
}

#[test]
fn plain_paths_pass() {
    for path in [
        "/",
        "/a",
        "/a/",
        "/a/b.c",
        "/a/.well-known",
        "/a..b",
        "/.a",
        "/a.",
        "/~user/-_",
        "/a+b",
        "/a,b=c@d:e!$&'()*",
        "/caf%C3%A9",
        "/caf%c3%a9",
        "/a%20b",
        "/100%25",
        "/100%25x",
        "/%25",
        "/a%3Fb%23c",
        "/Washington,_D.C.",
        "/Wait%E2%80%A6",
        "/a%20b%20",
        "/a:b::c",
        "/%E4%BD%A0%EF%BC%9B%E5%A5%BD%EF%BC%9F",
        "/%E2%9D%A4%EF%B8%8F%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB",
        "/%E9%A6%AC/%F0%9F%98%80",
    ] {
        assert_eq!(check(path, path), Ok(()), "{path}");
        assert!(is_kept_by_urls(path), "{path}");
    }
    assert_eq!(check("", "/"), Ok(()), "a request line without a path");
    // A URL may keep these or not: it has to be asked.
    for path in ["/a|b", "/a^b", "/[a]", "/a`", "/{a}"] {
        assert_eq!(check(path, path), Ok(()), "{path}");
        assert!(!is_kept_by_urls(path), "{path}");
    }
}

#[test]
fn only_an_origin_known_to_agree_gets_an_ambiguous_path() {
    let gateway = file(&json!({
        "origins": {
            "strict": { "url": "http://127.0.0.1:9000" },
            "agrees": { "url": "http://127.0.0.1:9001", "accepts_ambiguous_paths": true },
        },
        "rules": [
            { "path": "/files/**", "origin": "agrees", "session": "none" },
            { "path": "/**", "origin": "strict", "session": "none" },
        ],
    }));
    for (raw, serialised, _) in AMBIGUOUS {
        let facts = RequestMeta {
            raw_path: raw,
            path: serialised,
            ..request("GET", "/", &no_header)
        };
        assert!(
            matches!(admit(&gateway, &facts), Err(Denial::Path(_))),
            "{raw:?}"
        );
    }
    for (raw, serialised) in [
        ("/files//a", "/files//a"),
        ("/files/a%2fb", "/files/a%2fb"),
        ("/x/../files/a", "/files/a"),
    ] {
        let facts = RequestMeta {
            raw_path: raw,
            path: serialised,
            ..request("GET", "/", &no_header)
        };
        assert!(
            matches!(admit(&gateway, &facts), Ok(Admission::Rule(matched)) if matched.origin.name == "agrees"),
            "{raw}"
        );
    }
    // It is the path that is sent which is matched.
    let facts = RequestMeta {
        raw_path: "/files/../admin",
        path: "/admin",
        ..request("GET", "/", &no_header)
    };
    assert!(matches!(
        admit(&gateway, &facts),
        Err(Denial::Path(PathFault::DotSegment))
    ));
}

/// Every spelling of a text: each of its characters as it stands, or escaped, in either case of the digits.
fn spellings(text: &str) -> Vec<String> {
    let mut spellings = vec![String::new()];
    for character in text.chars() {
        let escaped = |format: fn(&u8) -> String| -> String {
            character
                .encode_utf8(&mut [0; 4])
                .as_bytes()
                .iter()
                .map(format)
                .collect()
        };
        let forms = [
            character.to_string(),
            escaped(|byte| format!("%{byte:02x}")),
            escaped(|byte| format!("%{byte:02X}")),
        ];
        spellings = spellings
            .iter()
            .flat_map(|start| forms.iter().map(move |form| format!("{start}{form}")))
            .collect();
    }
    spellings
}

#[test]
fn whatever_is_refused_plain_is_refused_in_every_escape() {
    for text in [
        ".",
        "..",
        "...",
        "....",
        " ",
        "  ",
        ".. ",
        " ..",
        ". .",
        "\u{a0}",
        "..\u{3000}",
        ";",
        "a;",
        ";a",
        "..;",
        "a;b=c",
        "\\",
        "a\\",
        "..\\",
        "\0",
        "a\0",
        "\r\n",
        "\t",
        "a\u{7f}",
        "\u{85}",
        "..?",
        ".#a",
        "..::$",
        "\u{ff0e}",
        "\u{ff0e}.",
        "\u{2024}\u{2024}",
        "\u{2025}",
        "\u{2026}",
        "\u{fe52}.",
        ".\u{200b}.",
        "\u{feff}..",
        "\u{ad}",
        "a\u{ff0f}",
        "\u{2044}a",
        "\u{2215}",
        "\u{ff3c}",
        "\u{fe68}",
        "\u{2216}",
        "\u{a5}",
        "\u{2100}",
        "..\u{37e}",
        "..\u{ff1b}a",
    ] {
        for spelling in spellings(text) {
            for path in [format!("/{spelling}"), format!("/a/{spelling}/b")] {
                let verdict = check(&path, &path);
                assert!(verdict.is_err(), "{path:?} stands for {text:?}");
                assert!(!is_kept_by_urls(&path), "{path:?}");
            }
        }
    }
}

/// Their compatibility forms (NFKC), and what code pages make of them.
#[test]
fn characters_that_some_server_turns_into_signs_of_a_url_are_read_as_these() {
    for (characters, signs) in [
        ("\u{2100}", "a/c"),
        ("\u{2101}", "a/s"),
        ("\u{2105}", "c/o"),
        ("\u{2106}", "c/u"),
        ("\u{fe16}\u{fe56}\u{ff1f}", "???"),
        ("\u{2047}\u{2048}\u{2049}", "???!!?"),
        ("\u{fe5f}\u{ff03}", "##"),
        ("\u{fe6a}\u{ff05}", "%%"),
        ("\u{fe13}\u{fe55}\u{ff1a}\u{2236}", "::::"),
        ("\u{fe69}\u{ff04}", "$$"),
    ] {
        assert_eq!(folded(characters), signs, "{characters}");
    }
}

/// Other rules than the path itself falls under are for it where servers cut, strip or fold: 400, and only there.
#[test]
fn a_path_that_some_server_reads_as_one_of_another_rule_is_refused() {
    let gateway = file(&json!({
        "origins": {
            "strict": { "url": "http://127.0.0.1:9000" },
            "agrees": { "url": "http://127.0.0.1:9001", "accepts_ambiguous_paths": true },
        },
        "rules": [
            { "path": "/admin/**", "origin": "strict" },
            { "path": "/wiki/**", "origin": "strict", "session": "none" },
            { "path": "/admin.php", "origin": "strict" },
            { "host": "agrees.example", "path": "/**", "origin": "agrees", "session": "none" },
            { "path": "/**", "origin": "strict", "session": "none" },
        ],
    }));
    let verdict = |host, path| {
        let facts = RequestMeta {
            host,
            ..request("GET", path, &no_header)
        };
        admit(&gateway, &facts).map(|_| ())
    };
    for path in [
        "/admin./x",
        "/admin../x",
        "/admin%20/x",
        "/admin%20./x",
        "/%20admin/x",
        "/admin%C2%A0/x",
        "/admin%3Fx",
        "/admin%23/x",
        "/admin.php%3Fooo.php",
        "/admin::$DATA",
        "/admin:$i30:$INDEX_ALLOCATION/x",
        "/admin%EF%BC%9Bx/y",
        "/%EF%BD%81%EF%BD%84%EF%BD%8D%EF%BD%89%EF%BD%8E/x",
        "/ad%E2%80%8Bmin/x",
        "/ad%C2%ADmin/x",
        "/admin.php.",
        "/admin.php%20",
    ] {
        let expected = Err(Denial::Path(PathFault::OtherRule));
        assert_eq!(verdict("app.example", path), expected, "{path}");
        assert_eq!(verdict("agrees.example", path), Ok(()), "{path}");
    }
    for path in [
        "/wiki/C%23",
        "/wiki/What%3F",
        "/wiki/%3F",
        "/wiki/Washington,_D.C.",
        "/wiki/a:b",
        "/wiki/%E4%BD%A0%EF%BC%9B%E5%A5%BD%EF%BC%9F",
        "/admin.phpx",
        "/v1/docs:batchGet",
    ] {
        assert_eq!(verdict("app.example", path), Ok(()), "{path}");
    }
}

/// RFC 3986 section 6: decodes once and removes dot segments, with `\` as a slash: the most eager reading there is.
fn most_eager_reading(path: &str) -> Vec<String> {
    let mut decoded = path.as_bytes().to_vec();
    for _ in 0..2 {
        let mut next = Vec::new();
        let mut rest = decoded.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            let hex = behind
                .get(..2)
                .and_then(|pair| std::str::from_utf8(pair).ok())
                .and_then(|pair| u8::from_str_radix(pair, 16).ok());
            if let (b'%', Some(byte)) = (*first, hex) {
                next.push(byte);
                rest = &behind[2..];
            } else {
                next.push(*first);
                rest = behind;
            }
        }
        decoded = next;
    }
    let text = String::from_utf8_lossy(&decoded).replace('\\', "/");
    let mut parts: Vec<String> = Vec::new();
    for part in text.split('/') {
        let part = part.split(';').next().unwrap_or_default();
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

/// The reading of a rule: each segment decoded once.
fn reading_of_rules(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| crate::http::cookie::percent_decode(part).unwrap_or_default())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn what_passes_is_read_alike_by_the_most_eager_origin(
        parts in prop::collection::vec(
            prop_oneof![
                Just("/"), Just("."), Just(".."), Just("a"), Just("%2e"), Just("%2f"), Just("%5C"), Just("\\"), Just(";"), Just("%"),
                Just("%25"), Just("2e"), Just("%61"), Just("%00"), Just("%c0"), Just("%ae"), Just("%3b"), Just("é"), Just("%C3%A9"),
            ],
            0..12,
        ),
    ) {
        let path = format!("/{}", parts.concat());
        if check(&path, &path).is_ok() {
            prop_assert_eq!(reading_of_rules(&path), most_eager_reading(&path), "{}", path);
        }
    }

    #[test]
    fn an_escape_never_makes_a_refused_segment_pass(text in "[a.;\\\\ ?#:$\u{ff0e}\u{ff0f}\u{200b}\u{1}]{1,6}", mask in any::<u8>()) {
        let escaped: String = text.chars().enumerate().map(|(at, character)| {
            if mask >> at & 1 == 0 {
                return character.to_string();
            }
            let bytes: Vec<u8> = character.to_string().into_bytes();
            let escapes = bytes.iter().map(|byte| format!("%{byte:02x}"));
            escapes.fold(String::new(), |all, one| all + &one)
        }).collect();
        let (plain, escaped) = (format!("/{text}"), format!("/{escaped}"));
        prop_assert!(check(&plain, &plain).is_ok() || check(&escaped, &escaped).is_err(), "{} {}", plain, escaped);
    }

    #[test]
    fn no_text_is_too_strange(path in "\\PC{0,40}") {
        let _ = check(&path, &path);
        let _ = is_kept_by_urls(&path);
    }
}
