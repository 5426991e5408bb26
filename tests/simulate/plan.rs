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
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub length: u64,
    pub isolates: usize,
    /// Verifications a second, over all isolates.
    pub rate: f64,
    /// Sessions at the start; as many are held from then on.
    pub sessions: usize,
    /// Revoking calls a second.
    pub revocations: f64,
    /// Handles of others that are revoked before the start.
    pub revoked_before: u64,
    pub access_token: u64,
    /// The authority goes on answering as it did when this began.
    pub frozen: Window,
    /// The authority gives no answer and records nothing.
    pub out: Vec<Window>,
    /// A share of the users' objects gives no answer.
    pub objects_out: Vec<Window>,
    /// Everyone's sessions from before this moment end.
    pub cut_off: Option<u64>,
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
            rate: 120.0,
            sessions: 4_000,
            revocations: 1.3,
            revoked_before: 100_000,
            access_token: 1_800_000,
            // Ten times the longest bound.
            frozen: 2_000_000..2_600_000,
            out: vec![4_000_000..4_180_000, 6_000_000..6_070_000],
            objects_out: vec![3_000_000..3_120_000, 4_100_000..4_200_000],
            cut_off: Some(8_000_000),
            key_changes: 900_000,
            restarts: 1_500_000,
            mistake: None,
        }
    }

    /// The same in little, for `cargo test`.
    pub fn short(seed: u64) -> Self {
        Self {
            seed,
            length: 1_500_000,
            isolates: 30,
            rate: 20.0,
            sessions: 300,
            revocations: 0.5,
            revoked_before: 8_700,
            access_token: 600_000,
            frozen: 100_000..700_000,
            out: vec![800_000..920_000, 1_000_000..1_020_000],
            objects_out: vec![760_000..780_000, 880_000..960_000],
            cut_off: Some(1_200_000),
            key_changes: 250_000,
            restarts: 300_000,
            mistake: None,
        }
    }
}
