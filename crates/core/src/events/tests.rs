use super::{
    Event, EventType, Member, Value,
    webhook::{parse_secret, signatures},
};

#[test]
fn an_event_is_sent_as_standard_webhooks_has_it() {
    let event = Event::new(
        EventType::SessionEnded,
        &[
            (Member::Handle, Value::Text("h")),
            (Member::By, None.into()),
            (Member::Count, Value::Number(3)),
        ],
    );
    assert_eq!(
        event.body("evt_1", 7, "2027-01-15T08:00:00.000Z"),
        r#"{"type":"session.ended","timestamp":"2027-01-15T08:00:00.000Z","id":"evt_1","sequence":7,"data":{"handle":"h","count":3}}"#
    );
}

#[test]
fn no_two_events_have_one_name() {
    let mut names: Vec<_> = EventType::ALL.iter().map(|event| event.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EventType::ALL.len());
}

/// The example of the specification's libraries: secret, id, timestamp, payload, signature.
#[test]
fn a_signature_is_that_of_the_libraries() {
    let secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let body = r#"{"test": 2432232314}"#;
    let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(
        signatures(std::slice::from_ref(&secret), id, 1_614_265_330, body),
        one
    );
    let other = parse_secret(&format!("whsec_{}", "A".repeat(32))).unwrap();
    let both = signatures(&[other, secret], id, 1_614_265_330, body);
    let both: Vec<_> = both.split(' ').collect();
    assert_eq!(both.len(), 2);
    assert_eq!(both[1], one);
    assert_ne!(both[0], one);
}

#[test]
fn a_secret_is_of_the_scheme_or_none() {
    let of = |bytes: usize| {
        use base64ct::{Base64, Encoding};
        format!("whsec_{}", Base64::encode_string(&vec![7; bytes]))
    };
    for good in [of(24), of(32), of(64)] {
        assert!(parse_secret(&good).is_some(), "{good}");
    }
    for bad in [
        String::new(),
        "whsec_".to_owned(),
        of(23),
        of(65),
        of(24).replace("whsec_", ""),
        of(24).replace("whsec_", "whsk_"),
        "whsec_not base64!".to_owned(),
    ] {
        assert!(parse_secret(&bad).is_none(), "{bad}");
    }
}
