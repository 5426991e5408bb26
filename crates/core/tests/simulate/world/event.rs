//! What may happen in a run, and its order.

use postern_core::{
    revocation::{
        call::{PollAnswer, Report},
        copy::Poll,
    },
    session::record::RevocationTask,
};

use super::relays::Asking;
use crate::simulate::users::{Renewed, Tokens};

pub(super) enum Event {
    Verify {
        isolate: usize,
    },
    ObjectAsked(Ask),
    ObjectAnswered(Ask),
    RefreshAsked(Ask),
    RefreshAnswered(Ask, Renewed),
    RefreshCheckedAgain(Ask, Tokens),
    RefreshLost {
        session: usize,
    },
    PollArrives {
        isolate: usize,
        life: u64,
        poll: Poll,
    },
    PollReachesRelay {
        relay: usize,
        asking: Asking,
    },
    RelayReachesAuthority {
        relay: usize,
        shard: u32,
        /// When it began to ask.
        asked: u64,
    },
    RelayHears {
        relay: usize,
        shard: u32,
        asked: u64,
        answer: Option<PollAnswer>,
    },
    PollAnswered {
        isolate: usize,
        life: u64,
        shard: u32,
        answer: PollAnswer,
    },
    SegmentsFetched {
        isolate: usize,
        life: u64,
        shard: u32,
        answer: PollAnswer,
        names: Vec<String>,
    },
    ReportArrives {
        user: usize,
        tasks: Vec<RevocationTask>,
        report: Report,
        /// Where it goes to.
        shards: Vec<u32>,
    },
    ReportAnswered {
        user: usize,
        tasks: Vec<RevocationTask>,
        accepted: bool,
    },
    Alarm {
        user: usize,
    },
    Create,
    Revoke,
    Restart {
        isolate: usize,
    },
    HostRestart,
    AuthorityRestart {
        again: bool,
    },
    KeysChange,
    CutOff {
        moment: u64,
        is_repeated: bool,
    },
    Freeze,
    Thaw,
    /// The key ring starts again with the variables of the other release.
    Deploy,
    /// The authority and the key ring are of an older release from now on, or no more.
    Older(bool),
    CutOffReported {
        session: usize,
    },
}

#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) isolate: usize,
    pub(super) life: u64,
    pub(super) session: usize,
    /// Under which it is counted, and by which it is decided.
    pub(super) level: u64,
    pub(super) bound: u64,
    /// When the verification began.
    pub(super) start: u64,
    pub(super) told: u64,
    pub(super) standing: bool,
}

/// By time, and at one time in the order in which they were queued.
pub(super) struct Queued(pub(super) u64, pub(super) u64, pub(super) Event);

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}
