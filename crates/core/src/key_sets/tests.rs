use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use super::{
    Confirmed, FIRST_PAUSE, KeySetKeeper, LONGEST_PAUSE, MOST_AT_ONCE, SPACING, Step,
    UNKNOWN_KEY_EVERY, call::Place, pause,
};
use postern_jwt::{
    jwks_cache::{Decision, JwksState, KEEPER_COOLDOWN, MAX_STALE, MIN_LIFETIME, SetFreshness},
    time::{Millis, UnixMillis},
};

const START: UnixMillis = UnixMillis(1_000_000_000_000);
const LIFETIME: Millis = Millis::from_seconds(600);

const fn after(millis: u64) -> UnixMillis {
    START.plus(Millis(millis))
}

fn good() -> KeySetKeeper {
    let mut keeper = KeySetKeeper::default();
    keeper.asks(START, None);
    keeper.confirmed(START, LIFETIME, true);
    keeper
}

fn version(keeper: &KeySetKeeper) -> Option<u64> {
    keeper.usable(START).map(|set| set.version)
}

#[test]
fn a_set_is_fetched_once_renewed_at_half_its_life_and_fetched_when_it_is_over() {
    assert_eq!(KeySetKeeper::default().step(START, None), Step::Fetch);
    let keeper = good();
    assert_eq!(keeper.step(after(299_999), None), Step::Answer);
    assert_eq!(keeper.step(after(300_000), None), Step::AnswerAndRefresh);
    assert_eq!(keeper.step(after(600_000), None), Step::Fetch);
}

#[test]
fn a_rotated_key_is_looked_for_after_a_second() {
    let keeper = good();
    assert_eq!(keeper.step(after(999), version(&keeper)), Step::Answer);
    assert_eq!(keeper.step(after(1_000), version(&keeper)), Step::Fetch);
    // Whoever has another set gets this one first.
    assert_eq!(keeper.step(after(1_000), Some(7)), Step::Answer);
}

#[test]
fn a_set_outlives_an_outage_for_a_day_and_nobody_waits_for_the_issuer_after_its_first_failure() {
    let mut keeper = good();
    let over = START.plus(LIFETIME);
    keeper.asks(over, None);
    keeper.failed(over);
    assert_eq!(keeper.step(over, None), Step::Answer);
    let later = over.plus(FIRST_PAUSE);
    assert_eq!(keeper.step(later, None), Step::AnswerAndRefresh);
    assert!(!keeper.is_settled());
    let last = over.plus(MAX_STALE).minus(Millis(1));
    assert_eq!(keeper.step(last, None), Step::AnswerAndRefresh);
    keeper.failed(last);
    assert_eq!(keeper.step(last.plus(Millis(1)), None), Step::Unavailable);
}

#[test]
fn what_was_stored_is_used_after_a_restart() {
    let confirmed = Confirmed {
        at: START,
        lifetime: LIFETIME,
        version: 3,
    };
    let keeper = KeySetKeeper::restored(Some(confirmed));
    assert_eq!(keeper.step(after(1), None), Step::Answer);
    assert_eq!(KeySetKeeper::restored(None).step(START, None), Step::Fetch);
}

#[test]
fn versions_name_texts() {
    let mut keeper = KeySetKeeper::default();
    let first = keeper.confirmed(START, LIFETIME, true).version;
    assert_eq!(keeper.confirmed(after(5), LIFETIME, false).version, first);
    let second = keeper.confirmed(after(5), LIFETIME, true).version;
    assert!(second > first);
    // Storage was lost: what follows is above what any isolate may still have.
    assert!(
        KeySetKeeper::default()
            .confirmed(after(6), LIFETIME, true)
            .version
            > second
    );
}

#[test]
fn a_key_that_no_set_has_is_looked_for_three_times_and_then_every_ten_seconds() {
    let mut keeper = good();
    let lacking = version(&keeper);
    let mut looks_at = |seconds: u64| {
        let now = after(seconds * 1_000);
        let looks = keeper.step(now, lacking) == Step::Fetch;
        if looks {
            keeper.asks(now, lacking);
            // Whoever lacks a key of another set costs nothing.
            keeper.asks(now, Some(7));
        }
        looks
    };
    let seconds = [1, 2, 3, 4, 10, 11, 12, 20, 21];
    assert_eq!(
        seconds.map(&mut looks_at),
        [true, true, true, false, false, true, false, false, true]
    );
    // However long nobody looked, there are three at once; the time until the next begins with the first of them.
    let seconds = [200, 201, 202, 203, 209, 210];
    assert_eq!(
        seconds.map(&mut looks_at),
        [true, true, true, false, false, true]
    );
    // Two are left at 240, and at 255 there are three again; the next one is at 265, and not at 260.
    let seconds = [240, 255, 256, 257, 260, 264, 265];
    assert_eq!(
        seconds.map(&mut looks_at),
        [true, true, true, true, false, false, true]
    );
}

#[test]
fn the_names_of_keepers_are_those_of_the_objects_that_are_there() {
    let of = |place: Place| place.keeper();
    let uri = "https://idp.example/jwks".to_owned();
    assert_eq!(of(Place::Uri(uri)), "key-set uri https://idp.example/jwks");
    assert_eq!(of(Place::Binding("IDP".to_owned())), "key-set binding IDP");
    let issuer = "https://idp.example".to_owned();
    assert_eq!(
        of(Place::Discovery(issuer)),
        "key-set issuer https://idp.example"
    );
}

#[test]
fn pauses_grow_to_a_bound() {
    let seconds = [1, 2, 3, 4, 5, 70, u32::MAX].map(|times| pause(times).as_seconds());
    assert_eq!(seconds, [5, 10, 20, 40, 60, 60, 60]);
    assert_eq!(pause(9), LONGEST_PAUSE);
}

/// One question and how the issuer behaves should it be asked.
#[derive(Debug, Clone, Copy)]
struct Moment {
    wait: u64,
    lacks: bool,
    works: bool,
}

fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let wait = prop_oneof![Just(0_u64), 1_u64..50, 100_u64..2_000, 1_000_u64..40_000];
    let works = prop_oneof![9 => Just(true), 1 => Just(false)];
    let one =
        (wait, any::<bool>(), works).prop_map(|(wait, lacks, works)| Moment { wait, lacks, works });
    prop::collection::vec(one, 1..400)
}

proptest! {
    /// Whatever comes in, in whatever order: the issuer is asked no more often than the head of the module says, and no
    /// usable set is withheld.
    #[test]
    fn the_issuer_is_asked_within_bounds(moments in moments()) {
        let mut keeper = KeySetKeeper::default();
        let mut now = START;
        let mut asked: Vec<UnixMillis> = Vec::new();
        let mut last_failure: Option<UnixMillis> = None;
        for Moment { wait, lacks, works } in moments {
            now = now.plus(Millis(wait));
            let lacking = keeper.usable(now).map(|set| set.version).filter(|_| lacks);
            let step = keeper.step(now, lacking);
            let has_set = keeper.usable(now).is_some();
            prop_assert!(has_set || matches!(step, Step::Fetch | Step::Unavailable));
            prop_assert!(!has_set || step != Step::Unavailable);
            if matches!(step, Step::Fetch | Step::AnswerAndRefresh) {
                if let Some(failure) = last_failure {
                    prop_assert!(now.since(failure) >= FIRST_PAUSE);
                }
                keeper.asks(now, lacking);
                asked.push(now);
                if works {
                    keeper.confirmed(now, MIN_LIFETIME, false);
                    last_failure = None;
                } else {
                    keeper.failed(now);
                    last_failure = Some(now);
                }
            }
        }
        for (first, from) in asked.iter().enumerate() {
            for (last, to) in asked.iter().enumerate().skip(first + 1) {
                let span = to.since(*from).0;
                let by_unknown = u64::from(MOST_AT_ONCE) + span / UNKNOWN_KEY_EVERY.0 + 1;
                let by_age = span / (MIN_LIFETIME.0 / 2) + 1;
                let by_failure = span / FIRST_PAUSE.0 + 1;
                let count = u64::try_from(last - first + 1).unwrap();
                prop_assert!(count <= by_unknown + by_age + by_failure, "{count} in {span} ms");
                prop_assert!(span >= SPACING.0);
            }
        }
    }

    /// However it is flooded with unknown `kid`s, a key that the issuer adds is there within ten seconds; without a flood
    /// within one.
    #[test]
    fn a_new_key_is_found_within_seconds(flood in prop::collection::vec(1_u64..3_000, 0..200), added in 0_u64..60_000) {
        let mut keeper = good();
        let mut asked = vec![START];
        let mut at = START;
        let mut times: Vec<UnixMillis> = flood.iter().map(|wait| { at = at.plus(Millis(*wait)); at }).collect();
        let is_quiet = times.is_empty();
        let added = after(added);
        // A user whose token names the new key tries again every 250 ms.
        times.extend((0..60_u64).map(|n| added.plus(Millis(n * 250))));
        times.sort_unstable();
        for now in times {
            let lacking = keeper.usable(now).map(|set| set.version);
            if matches!(keeper.step(now, lacking), Step::Fetch | Step::AnswerAndRefresh) {
                keeper.asks(now, lacking);
                keeper.confirmed(now, LIFETIME, false);
                asked.push(now);
            }
        }
        let found = asked.iter().find(|at| **at >= added).copied();
        let most = if is_quiet { SPACING } else { UNKNOWN_KEY_EVERY };
        prop_assert!(found.is_some_and(|found| found.since(added) <= most.max(Millis(1_000))));
    }
}

/// 1,000 isolates start at once, each with twenty tokens of which some name keys that nobody has. Every isolate decides by its own state, the
/// keeper by its; a question takes 20 ms, the issuer 300 ms.
#[test]
fn a_thousand_isolates_that_start_at_once_make_a_handful_of_requests_to_the_issuer() {
    const QUESTION: u64 = 20;
    const ISSUER: u64 = 300;
    let mut keeper = KeySetKeeper::default();
    let mut fetch_ends: Option<UnixMillis> = None;
    let mut isolates = vec![(JwksState::default(), None::<u64>, Vec::<UnixMillis>::new()); 1_000];
    let (mut requests, mut questions, mut served) = (0_u32, 0_u32, 0_u32);
    for tick in 0..4_000_u64 {
        let now = after(tick);
        if fetch_ends == Some(now) {
            keeper.confirmed(now, LIFETIME, true);
            fetch_ends = None;
        }
        for (number, (state, version, answers)) in isolates.iter_mut().enumerate() {
            let place = u64::try_from(number).unwrap();
            // Answers that are due; while the keeper fetches, they wait for it.
            if answers.first().is_some_and(|due| *due <= now) && fetch_ends.is_none() {
                let _ = answers.remove(0);
                let step = keeper.step(now, *version);
                if step == Step::Fetch {
                    keeper.asks(now, *version);
                    fetch_ends = Some(after(tick + ISSUER));
                    requests += 1;
                    answers.insert(0, now);
                } else if let Some(set) = keeper.usable(now) {
                    *version = Some(set.version);
                    state.fetch_succeeded(
                        now,
                        SetFreshness {
                            age: now.since(set.at),
                            lifetime: set.lifetime,
                            cooldown: KEEPER_COOLDOWN,
                            is_settled: keeper.is_settled(),
                        },
                    );
                }
            }
            // A token every 200 ms, not in step; every third names a key that does not exist.
            if tick % 200 == place % 200 {
                let is_known = version.is_some() && (tick / 200) % 3 != 0;
                match state.decide(now, is_known) {
                    Decision::Use => served += 1,
                    Decision::MustFetch | Decision::UseAndRefresh => {
                        state.fetch_started(now);
                        answers.push(after(tick + QUESTION));
                        questions += 1;
                    }
                    Decision::Wait | Decision::Unavailable => {}
                }
            }
        }
    }
    assert!(requests <= 5, "{requests} requests to the issuer");
    assert!(
        questions >= 1_000 && served > 10_000,
        "{questions} {served}"
    );
}
