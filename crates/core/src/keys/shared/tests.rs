//! Whatever is wanted when, and whatever copies of the ring are in use: nobody lets in longer than others keep.

use super::{
    KNOWN_WITHIN, LONGEST_OUTAGE, MAX_CLOCK_TOLERANCE, SharedSettings, SharedThen, SharedValues,
};
use crate::{
    keys::{KeyPolicy, KeyRing, RingCopy, SECRETS_NEEDED, Secrets},
    settings::{Freshness, Settings, testing},
};
use postern_jwt::time::{Millis, UnixMillis};

const START: UnixMillis = UnixMillis(1_800_000_000_000);
const MINUTE: u64 = 60_000;

fn values(bound: u64, access: u64, refresh: u64, tolerance: u64) -> SharedValues {
    SharedValues {
        bound: Some(Millis(bound)),
        access_token: Millis(access),
        refresh_token: Millis(refresh),
        clock_tolerance: Millis(tolerance),
    }
}

fn settings() -> Settings {
    testing::parsed(&[])
}

fn accepted(ring: &KeyRing, now: UnixMillis) -> SharedValues {
    ring.head.shared.as_ref().unwrap().value.accepted(now)
}

fn ring() -> KeyRing {
    KeyRing::new(Secrets::new([[7; 32]; SECRETS_NEEDED]))
}

#[test]
fn less_counts_at_once_and_more_after_an_access_token_life() {
    let old = values(60_000, 3_600_000, 100, 5_000);
    let new = values(10_000, 7_200_000, 50, 0);
    let changed = SharedSettings::first(old).settled(new, START);
    assert_eq!(changed.accepted(START), values(10_000, 3_600_000, 50, 0));
    assert_eq!(changed.kept(START), values(60_000, 7_200_000, 100, 5_000));
    let moment = START.plus(Millis(KNOWN_WITHIN.0 + 7_200_000 + 5_000 + MINUTE));
    let next = Some(SharedThen {
        values: new,
        moment,
    });
    assert_eq!((changed.next, changed.version), (next, 2));
    assert_eq!(changed.accepted(moment), new);
    // Whoever has no newer copy may let in by the old values for a day more.
    let settled = changed.settled(new, moment);
    let kept = values(60_000, 7_200_000, 100, 5_000);
    assert_eq!(
        (settled.accepted(moment), settled.kept(moment)),
        (new, kept)
    );
    let long_after = moment.plus(Millis(2 * LONGEST_OUTAGE.0));
    assert_eq!(
        settled.settled(new, long_after),
        SharedSettings {
            version: 2,
            ..SharedSettings::first(new)
        }
    );
}

#[test]
fn a_change_that_is_taken_back_is_forgotten_in_time() {
    let (old, new) = (values(1, 2, 3, 4), values(10, 20, 30, 40));
    let back = SharedSettings::first(old)
        .settled(new, START)
        .settled(old, START);
    assert_eq!((back.accepted(START), back.next), (old, None));
    assert_eq!(back.kept(START), new);
    let later = START.plus(Millis(LONGEST_OUTAGE.0 + 2 * MINUTE));
    assert_eq!(back.settled(old, later).kept(later), old);
}

#[test]
fn a_lifetime_that_was_granted_counts_for_secrets_until_its_sessions_have_ended() {
    const DAY: u64 = LONGEST_OUTAGE.0;
    let with_sessions = |days: u64| values(1, 60_000, days * DAY, 0);
    let (long, short) = (with_sessions(100), with_sessions(1));
    let mut ring = ring();
    ring.settle_shared(long, START);
    ring.settle_shared(short, START);
    let moment = ring
        .head
        .shared
        .as_ref()
        .unwrap()
        .value
        .next
        .unwrap()
        .moment;
    ring.settle_shared(short, moment);
    assert_eq!(accepted(&ring, moment).refresh_token, short.refresh_token);
    // What else counted before is forgotten when no access token of it lives, and this is not.
    let rotated = moment.plus(Millis(3 * DAY));
    ring.settle_shared(short, rotated);
    let kept = ring.kept_refresh_token(short, rotated);
    assert_eq!(kept, long.refresh_token);
    let shared = ring.head.shared.as_ref().unwrap().value;
    assert_eq!(shared.kept(rotated), short);
    let rotation = [[9; 32]; crate::keys::RANDOM_NEEDED];
    ring.rotate_secrets((&settings()).into(), rotation, rotated)
        .unwrap();
    ring.settle_secrets(kept, rotated);
    // The last session with the longer lifetime was refreshed just before the shorter one counted, or by a copy that was a day old.
    let last = moment.plus(Millis(101 * DAY));
    ring.settle_shared(short, last);
    ring.settle_secrets(ring.kept_refresh_token(short, last), last);
    assert_eq!(ring.head.secrets.refresh_secrets.len(), 2);
    let over = last.plus(Millis(MINUTE));
    ring.settle_shared(short, over);
    assert_eq!(ring.kept_refresh_token(short, over), short.refresh_token);
    let granted = ring.head.shared.as_ref().unwrap().value.granted;
    assert_eq!(granted, None);
    // Its record is as it was before there was such a note.
    assert!(!ring.to_json().unwrap().contains("granted"));
}

#[test]
fn settings_and_values_say_the_same() {
    for freshness in [
        Freshness::Stateless,
        Freshness::Strict,
        Freshness::Within(Millis(5_000)),
    ] {
        let mut settings = Settings {
            freshness,
            ..settings()
        };
        let values = SharedValues::from(&settings);
        settings.freshness = Freshness::Within(Millis(1));
        values.put_into(&mut settings);
        assert_eq!(
            (settings.freshness, SharedValues::from(&settings)),
            (freshness, values)
        );
    }
}

#[test]
fn a_copy_that_may_not_know_of_a_change_lets_in_no_more_than_its_own_variables_do() {
    let (old, new) = (
        values(60_000, 60_000, 60_000, 0),
        values(1, 90_000, 9, 9_000),
    );
    let mut ring = ring();
    assert!(ring.settle_shared(old, START));
    assert!(!ring.settle_shared(old, START));
    let policy = KeyPolicy::from(&settings());
    let copy: RingCopy = ring.copy(policy, START);
    assert_eq!(copy.accepted(new, START), old);
    assert_eq!(copy.kept_tolerance(new, START), Millis(0));
    assert_eq!(copy.accepted(new, START.plus(KNOWN_WITHIN)), old);
    let late = START.plus(Millis(KNOWN_WITHIN.0 + 1));
    assert_eq!(copy.accepted(new, late), values(1, 60_000, 9, 0));
    assert_eq!(copy.kept_tolerance(new, late), MAX_CLOCK_TOLERANCE);
    // A ring of a release that publishes nothing.
    ring.head.shared = None;
    let copy = ring.copy(policy, START);
    assert_eq!(copy.accepted(new, START), new);
    assert_eq!(copy.kept_tolerance(new, START), Millis(9_000));
}

#[test]
fn keys_are_kept_for_the_longest_life_that_counts() {
    let mut ring = ring();
    let wanted = KeyPolicy::from(&settings());
    assert_eq!(ring.policy(wanted, START), wanted);
    ring.settle_shared(values(1, 9_000_000, 9, 9), START);
    ring.settle_shared(values(1, 1_000, 9, 9), START);
    let life = ring.policy(wanted, START).access_token_validity;
    assert_eq!(life, Millis(9_000_000));
}

#[test]
fn what_counted_before_is_kept_until_its_moment() {
    let until_start = |values| {
        Some(SharedThen {
            values,
            moment: START,
        })
    };
    let now = values(1, 1_000, 10, 1);
    let shared = SharedSettings {
        before: until_start(values(1, 9_000, 9, 9)),
        granted: until_start(values(1, 9, 9_000, 9)),
        ..SharedSettings::first(now)
    };
    let just_before = START.minus(Millis(1));
    for (at, access, session, is_there) in
        [(just_before, 9_000, 9_000, true), (START, 1_000, 10, false)]
    {
        assert_eq!(shared.kept(at).access_token, Millis(access));
        assert_eq!(shared.longest_session(at), Millis(session));
        let settled = shared.settled(now, at);
        assert_eq!(settled.before.is_some(), is_there);
        assert_eq!(settled.granted.is_some(), is_there);
    }
}

/// Deployments at random, each of them by objects and isolates of any age that may be in use.
#[test]
fn nobody_accepts_what_others_have_ceased_to_keep() {
    const TICKS: u64 = 5 * 24 * 60;
    let mut random = 7_u64;
    let mut below = move |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    };
    let choices = [0, 1_000, 60_000, 300_000];
    let mut wanted = values(0, 600_000, 1, 0);
    let mut shared = SharedSettings::first(wanted);
    let mut all = Vec::new();
    for tick in 0..TICKS {
        // Often a second one before the first has had its effect, and long pauses.
        if below(if tick / 1_440 % 2 == 0 { 90 } else { 700 }) == 0 {
            let pick = |index: u64| choices[usize::try_from(index).unwrap()];
            let lives = [600_000, 3_600_000, 14_400_000];
            let life = lives[usize::try_from(below(3)).unwrap()];
            wanted = values(pick(below(4)), life, 1, pick(below(4)));
        }
        shared = shared.settled(wanted, START.plus(Millis(tick * MINUTE)));
        all.push((shared, wanted));
    }
    // The copy that is at hand at a tick when the ring was last heard of `age` ticks before, and its variables.
    let mut copy = ring().copy(KeyPolicy::from(&settings()), START);
    let mut copy_at = |tick: u64, age: u64| {
        let made = tick.saturating_sub(age);
        let (shared, own) = all[usize::try_from(made).unwrap()];
        copy.ring.head.shared = Some(shared.into());
        copy.as_of = START.plus(Millis(made * MINUTE));
        (copy.clone(), own)
    };
    for _ in 0..60_000 {
        let age = |choice: u64| {
            if choice < 7 {
                choice
            } else {
                choice * choice * 14
            }
        };
        let granted = below(TICKS - 1_000) + 1;
        let at = |tick: u64| START.plus(Millis(tick * MINUTE));
        let (copy, own) = copy_at(granted, age(below(10)));
        let life = copy.accepted(own, at(granted)).access_token;
        let dies = at(granted).plus(life);
        let ended = granted + below(life.0 / MINUTE);
        let (copy, own) = copy_at(ended, age(below(10)));
        // As `session::user` counts it.
        let kept = dies
            .plus(copy.kept_tolerance(own, at(ended)))
            .plus(Millis(10_000));
        // Around its death is where it matters.
        let judged = granted + life.0 / MINUTE + below(8);
        let (copy, own) = copy_at(judged, age(below(10)));
        let accepted = copy.accepted(own, at(judged)).clock_tolerance;
        let is_accepted = at(judged) < dies.plus(accepted);
        assert!(
            !is_accepted || at(judged) < kept,
            "granted at {granted} for {life:?}, ended at {ended}, judged at {judged} with {accepted:?}"
        );
        let (now, _) = all[usize::try_from(judged.min(TICKS - 1)).unwrap()];
        let is_alive = at(judged) < dies;
        assert!(!is_alive || now.kept(at(judged)).access_token >= life);
    }
}
