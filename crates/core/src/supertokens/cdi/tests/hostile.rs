//! Whatever is sent: an answer, never a panic, and nothing of the sender's markup in a text that is labelled HTML.

use proptest::prelude::*;

use super::{head, settings};
use crate::supertokens::cdi::admission::{Head, admit};

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        Just("recipe".to_owned()),
        Just("session".to_owned()),
        Just("verify".to_owned()),
        Just("remove".to_owned()),
        Just("jwt".to_owned()),
        Just("appid-public".to_owned()),
        Just("public".to_owned()),
        "[a-z0-9-]{0,70}",
        "appid-[a-z<>%]{0,9}",
        ".{0,9}",
    ];
    prop::collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn version() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some("2.0".to_owned())),
        Just(Some("5.6".to_owned())),
        "[0-9.]{0,8}".prop_map(Some),
        ".{0,9}".prop_map(Some),
    ]
}

fn body() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        Just("\"userId\""),
        Just("\"sessionHandles\""),
        Just("\"accessToken\""),
        Just("\"userDataInJWT\""),
        Just("\"<b>\""),
    ];
    let value = prop_oneof![
        Just("null"),
        Just("\"<script>\""),
        Just("{\"sub\":1}"),
        Just("[\"\"]"),
        Just("1e999"),
        Just("true"),
        Just("\"\\ud800\""),
    ];
    let object = prop::collection::vec((field, value), 0..4).prop_map(|members| {
        let members: Vec<String> = members
            .into_iter()
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    prop_oneof![object, ".{0,20}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_request_has_an_answer(
        path in path(),
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("x")],
        query in "[a-zA-Z=&%+<>]{0,20}",
        version in version(),
        body in body(),
        keyless: bool,
    ) {
        let settings = settings();
        let head = Head { query: &query, keyless, ..head(method, &path, version.as_deref()) };
        let received = admit(head, &settings)
            .and_then(|admitted| admitted.receive(body.as_bytes(), &settings));
        if let Err(reply) = received {
            prop_assert!([200, 400, 403, 404, 405].contains(&reply.status), "{reply:?}");
            prop_assert!(reply.body.ends_with('\n'));
            prop_assert_eq!(reply.header("cache-control"), Some("no-store"));
            if reply.header("content-type") == Some("text/html; charset=UTF-8") {
                // One fixed text of the protocol has an arrow of its own.
                let text = reply.body.replacen("not found => ", "", 1);
                prop_assert!(!text.contains(['<', '>', '"', '&']), "{reply:?}");
            }
        }
    }
}
