//! What happens in a run: sizes, rates, and when which part fails.

/// A span of virtual time in milliseconds since the start.
pub type Window = std::ops::Range<u64>;

/// A mistake made on purpose, to see that the judge finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The age of a copy counts from when it was fetched.
    AgeByFetchTime,
    /// Segments are not fetched.
    NoSegments,
    /// What an object once said holds for ever.
    FactsForEver,
    /// A session whose object gives no answer is let in.
    OpenOnOutage,
    /// The revoker is told OK before the authority has recorded it.
    EarlyOk,
    /// An entry is dropped when the session ends in place of when its last token is dead.
    ShortEntries,
    /// Whatever looks revoked is refused without asking.
    RefuseHits,
    /// The key set version of answers is overlooked.
    OldKeys,
    /// Of several shards only the first is heard.
    OneShard,
    /// Of a cut-off only the authority tells, not the key ring: an isolate that has just started asks without knowing.
    DeafToRing,
    /// Doubt about a token counts from the moment of a cut-off, not from when it was recorded, and no token tells when its
    /// session was created.
    DoubtFromMoment,
    /// What an older authority and an older key ring do not say, when a cut-off was recorded, is taken to have been its moment.
    AbsentIsMoment,
    /// An isolate that hears from nobody goes on making tokens that do not tell when their session was created.
    MintUnheard,
    /// A user's object that ends a session for a cut-off tells nobody.
    SilentCutOff,
    /// Isolates go by their own variables for how long an ended session may be let in.
    OwnBound,
    /// Isolates and users' objects go by their own variables for the tolerance that tokens are judged with.
    OwnTolerance,
    /// Users' objects go by their own variables for how long an access token lives, and the key ring keeps keys by those of
    /// the first release.
    OwnLifetime,
    /// Isolates go by their own variables for how many shards there are.
    OwnShards,
    /// An isolate that heard of a cut-off while a refresh was under way does not ask once more.
    NoSecondLook,
    /// A relay that gets no answer goes on with the last one, and isolates count what it says as of when they asked.
    AgelessRelays,
    /// Reports go to the shards that are polled now, and not to those of the number that was announced.
    OldShardsOnly,
}

/// What a release's variables say, of what isolates and objects must share.
#[derive(Debug, Clone, Copy)]
pub struct Variables {
    /// How long an ended session may be let in where nothing else is said.
    pub bound: u64,
    pub access_token: u64,
    pub clock_tolerance: u64,
    pub shards: u32,
}

/// Everyone's sessions from before a moment end.
#[derive(Debug, Clone, Copy)]
pub struct PlannedCutOff {
    /// When that is asked for.
    pub at: u64,
    /// How long before lies the moment.
    pub back: u64,
}

/// Neither the authority nor the key ring is heard of from when a cut-off is recorded, for longer than tokens are in doubt.
const UNHEARD_LONG: Window = 9_900_100..10_300_000;
const UNHEARD_SHORT: Window = 1_200_100..1_700_000;

#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub length: u64,
    pub isolates: usize,
    /// Verifications a second, over all isolates.
    pub rate: f64,
    /// Between isolates and the authority and the key ring; some isolates use none.
    pub relays: usize,
    /// Sessions at the start; as many are held from then on.
    pub sessions: usize,
    /// Revoking calls a second.
    pub revocations: f64,
    /// Handles of others that are revoked before the start.
    pub revoked_before: u64,
    /// Those of the release that the key ring is of at first, and of the one it is of from `deployed` on. Isolates and users'
    /// objects are of either all the time.
    pub variables: [Variables; 2],
    pub deployed: u64,
    /// When the number of shards changes that isolates poll: it was announced long before. `None`: it is announced with the
    /// deployment.
    pub shards_change: Option<u64>,
    /// How long a key signs.
    pub key_interval: u64,
    /// The authority and the key ring are of an older release, which does not keep when a cut-off was recorded.
    pub older: Vec<Window>,
    /// The authority goes on answering as it did when this began.
    pub frozen: Vec<Window>,
    /// The authority gives no answer and records nothing.
    pub out: Vec<Window>,
    /// The key ring gives no answer.
    pub ring_out: Vec<Window>,
    /// The first of the relays gives no answer.
    pub relay_out: Vec<Window>,
    /// A share of the users' objects gives no answer.
    pub objects_out: Vec<Window>,
    pub cut_offs: Vec<PlannedCutOff>,
    /// Between two changes of the key set.
    pub key_changes: u64,
    /// Between two restarts of an isolate, on average.
    pub restarts: u64,
    pub mistake: Option<Mistake>,
}

impl Plan {
    /// More than 1,000,000 verifications and 10,000 revocations over three hours.
    pub fn long(seed: u64) -> Self {
        Self {
            seed,
            length: 10_800_000,
            isolates: 200,
            relays: 4,
            rate: 120.0,
            sessions: 4_000,
            revocations: 1.3,
            revoked_before: 100_000,
            variables: [
                Variables {
                    bound: 10_000,
                    access_token: 1_800_000,
                    clock_tolerance: 0,
                    shards: 3,
                },
                Variables {
                    bound: 60_000,
                    access_token: 4_500_000,
                    clock_tolerance: 60_000,
                    shards: 2,
                },
            ],
            deployed: 2_700_000,
            shards_change: seed.is_multiple_of(2).then_some(7_000_000),
            key_interval: 1_800_000,
            older: vec![4_900_000..5_400_000, 9_000_000..9_500_000],
            // Ten times the longest bound; and from when a cut-off is recorded, before anybody has heard of it.
            frozen: vec![2_000_000..2_600_000, 8_000_100..8_060_000],
            out: vec![
                4_000_000..4_180_000,
                // The cut-off in the past is asked for meanwhile.
                4_990_000..5_060_000,
                6_000_000..6_070_000,
                UNHEARD_LONG,
            ],
            ring_out: vec![3_500_000..3_620_000, UNHEARD_LONG],
            relay_out: vec![2_500_000..3_100_000, 7_900_000..8_300_000],
            objects_out: vec![3_000_000..3_120_000, 4_100_000..4_200_000],
            cut_offs: vec![
                PlannedCutOff {
                    at: 5_000_000,
                    back: 4_000_000,
                },
                PlannedCutOff {
                    at: 8_000_000,
                    back: 0,
                },
                PlannedCutOff {
                    at: UNHEARD_LONG.start - 100,
                    back: 0,
                },
            ],
            key_changes: 900_000,
            restarts: 1_500_000,
            mistake: None,
        }
    }

    /// The same in little, for `cargo test`.
    pub fn short(seed: u64) -> Self {
        Self {
            seed,
            length: 2_400_000,
            isolates: 30,
            relays: 2,
            rate: 10.0,
            sessions: 300,
            revocations: 0.35,
            revoked_before: 7_800,
            variables: [
                Variables {
                    bound: 10_000,
                    access_token: 240_000,
                    clock_tolerance: 0,
                    shards: 2,
                },
                Variables {
                    bound: 60_000,
                    access_token: 1_200_000,
                    clock_tolerance: 300_000,
                    shards: 1,
                },
            ],
            deployed: 200_000,
            shards_change: seed.is_multiple_of(2).then_some(1_150_000),
            // No shorter: while nobody hears of new keys the old ones must sign.
            key_interval: 700_000,
            older: vec![Window {
                start: 700_000,
                end: 1_010_000,
            }],
            frozen: vec![100_000..500_000, 1_000_100..1_060_000],
            out: vec![740_000..770_000, 1_080_000..1_100_000, UNHEARD_SHORT],
            ring_out: vec![560_000..600_000, UNHEARD_SHORT],
            relay_out: vec![450_000..620_000, 990_000..1_050_000],
            objects_out: vec![650_000..670_000, 1_070_000..1_110_000],
            cut_offs: vec![
                PlannedCutOff {
                    at: 760_000,
                    back: 740_000,
                },
                PlannedCutOff {
                    at: 1_000_000,
                    back: 0,
                },
                PlannedCutOff {
                    at: UNHEARD_SHORT.start - 100,
                    back: 0,
                },
            ],
            key_changes: 250_000,
            restarts: 500_000,
            mistake: None,
        }
    }
}
