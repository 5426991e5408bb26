//! Refresh-token rotation: one pure function over a small record.
//!
//! Children of one token are *numbered siblings*, all good until one of them is used. So an honest client may retry and
//! race as it likes, while two holders of one token part at their first refresh: each gets an index of its own, and only
//! one index can ever be used.
//!
//! A token is superseded by *use*: only once a child of it was seen, by its access token or by itself, is it known that the
//! answer arrived, and only then does the grace period begin. Until then the token may be exchanged again, however long ago
//! that answer was lost. (By setting, and at the endpoints of the backend protocol, the grace period begins with the first
//! exchange.)

use std::cmp::Ordering;

use crate::refusal::ReuseSubtype;
use postern_jwt::time::{Millis, UnixMillis};

/// Where a session's refresh tokens stand. Constant in size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// The generation of the token that was used last.
    pub generation: u32,
    /// The index of that token among its siblings.
    pub used_index: u32,
    /// How many children were issued from it.
    pub children: u32,
    /// When it was first exchanged with eager rotation; `None` while it was not.
    pub first_exchanged: Option<UnixMillis>,
    /// When the last of these children was issued.
    pub last_issued: Option<UnixMillis>,
    /// When one of these children was first seen in use.
    pub child_seen: Option<UnixMillis>,
}

/// A refresh token's position: generation and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPosition {
    /// How many uses lie between the session's first token and this one.
    pub generation: u32,
    /// Which of the siblings it is.
    pub index: u32,
}

/// What begins the grace period of a token that was exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Superseding {
    /// The first use of a child.
    ByUse,
    /// The first exchange.
    ByTime,
}

/// How an entry point rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Our own endpoints and protocol 5.6: the first exchange starts a deadline for the token exchanged.
    Eager {
        /// For this long after the last child was issued (the first one, where time supersedes), a child that comes back
        /// is answered with itself: an answer that is still on its way may yet overwrite it in the client's jar. Zero at
        /// protocol 5.6.
        quiet: Millis,
        /// What supersedes the token exchanged.
        superseding: Superseding,
    },
    /// Protocol up to 5.5: no deadline, no quiet period; an access token may promote its refresh token.
    Lazy,
}

/// What to do for a presented token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Issue this child.
    Issue {
        /// The child's position.
        child: TokenPosition,
        /// Whether the session's expiry slides.
        slide: bool,
        /// Whether the presented token was a child that is now the one in use.
        promoted: bool,
    },
    /// Answer with the presented refresh token itself and a new access token.
    Reissue,
    /// A reuse: the session must end.
    Reuse(ReuseSubtype),
    /// The place was never issued: not ours, whatever its MAC says.
    NeverIssued,
}

impl Lineage {
    /// The lineage of a new session, whose first token is generation 0, index 0.
    pub const START: Self = Self {
        generation: 0,
        used_index: 0,
        children: 0,
        first_exchanged: None,
        last_issued: None,
        child_seen: None,
    };

    /// The place of the token that was used last.
    pub const fn used(&self) -> TokenPosition {
        TokenPosition {
            generation: self.generation,
            index: self.used_index,
        }
    }

    /// Whether `place` is a child of the token used last.
    pub const fn is_child(&self, position: TokenPosition) -> bool {
        position.generation == self.generation.saturating_add(1) && position.index < self.children
    }

    /// The lineage once the child at `index` was used. The caller has checked [`Self::is_child`].
    #[must_use]
    pub const fn promoted(&self, index: u32) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            used_index: index,
            children: 0,
            first_exchanged: None,
            last_issued: None,
            child_seen: None,
        }
    }

    /// The lineage once a child was seen in use. Only the first time counts.
    #[must_use]
    pub fn with_child_seen(self, now: UnixMillis) -> Self {
        Self {
            child_seen: self.child_seen.or(Some(now)),
            ..self
        }
    }

    /// The lineage as it is read from storage that code may have written to which knows neither `last_issued` nor
    /// `child_seen`. `of` are the generation and the number of children that these two belong to.
    #[must_use]
    pub fn restored(self, of: Option<(u32, u32)>, last_refreshed: Option<UnixMillis>) -> Self {
        match of {
            Some(of) if of == (self.generation, self.children) => self,
            // That code has issued children since, the last of them when it last refreshed.
            Some((generation, _)) if generation == self.generation => Self {
                last_issued: last_refreshed,
                ..self
            },
            _ => Self {
                last_issued: last_refreshed,
                child_seen: None,
                ..self
            },
        }
    }

    /// Presents a refresh token whose MAC was checked. `grace` is how long an exchanged token stays exchangeable.
    pub fn present(
        self,
        position: TokenPosition,
        rotation: Rotation,
        grace: Millis,
        now: UnixMillis,
    ) -> (Self, Step) {
        if self.is_child(position) {
            if self.is_quiet(rotation, now) {
                return (self.with_child_seen(now), Step::Reissue);
            }
            return self.promoted(position.index).exchange(rotation, now, true);
        }
        if position == self.used() {
            return match self.superseded_since(rotation) {
                Some(since) if now > since.plus(grace) => {
                    (self, Step::Reuse(ReuseSubtype::RecentPrev))
                }
                _ => self.exchange(rotation, now, false),
            };
        }
        let step = match position.generation.cmp(&self.generation) {
            Ordering::Equal => Step::Reuse(ReuseSubtype::OrphanedBranch),
            Ordering::Less => Step::Reuse(ReuseSubtype::StaleLineage),
            Ordering::Greater => Step::NeverIssued,
        };
        (self, step)
    }

    /// Whether a child that is presented now is answered with itself.
    fn is_quiet(&self, rotation: Rotation, now: UnixMillis) -> bool {
        let (Rotation::Eager { quiet, superseding }, Some(exchanged)) =
            (rotation, self.first_exchanged)
        else {
            return false;
        };
        let since = match superseding {
            Superseding::ByUse => self.last_issued.map_or(exchanged, |at| at.max(exchanged)),
            Superseding::ByTime => exchanged,
        };
        // Where there is no quiet period there is none, even while a clock that was set back catches up.
        quiet > Millis(0) && now < since.plus(quiet)
    }

    /// When the grace period of the token used last began; `None` while it has not.
    fn superseded_since(&self, rotation: Rotation) -> Option<UnixMillis> {
        match rotation {
            Rotation::Eager {
                superseding: Superseding::ByUse,
                ..
            } => self
                .child_seen
                .max(self.child_seen.and(self.first_exchanged)),
            Rotation::Eager { .. } | Rotation::Lazy => self.first_exchanged,
        }
    }

    fn exchange(mut self, rotation: Rotation, now: UnixMillis, promoted: bool) -> (Self, Step) {
        let first = self.first_exchanged.is_none();
        if first && matches!(rotation, Rotation::Eager { .. }) {
            self.first_exchanged = Some(now);
        }
        let child = TokenPosition {
            generation: self.generation.saturating_add(1),
            index: self.children,
        };
        self.children = self.children.saturating_add(1);
        self.last_issued = Some(now);
        // Asked for again after its answer was lost, it slides again: whoever comes back late is not to be too late.
        let slide = match rotation {
            Rotation::Eager { superseding, .. } => {
                promoted || first || superseding == Superseding::ByUse
            }
            Rotation::Lazy => promoted,
        };
        (
            self,
            Step::Issue {
                child,
                slide,
                promoted,
            },
        )
    }
}

#[cfg(test)]
mod tests;
