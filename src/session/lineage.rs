//! Refresh-token rotation: one pure function over a small record.
//!
//! Children of one token are *numbered siblings*, all good until one of them is used. So an honest client may retry and
//! race as it likes, while two holders of one token part at their first refresh: each gets an index of its own, and only
//! one index can ever be used. Owns the rules of the design's section 4; refuses to know tokens, clocks and storage.

use std::cmp::Ordering;

use crate::{
    session::model::ReuseSubtype,
    time::{Millis, UnixMillis},
};

/// Where a session's refresh tokens stand. Constant in size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// The generation of the token that was used last.
    pub generation: u32,
    /// The index of that token among its siblings.
    pub used_index: u32,
    /// How many children were issued from it.
    pub children: u32,
    /// When it was first exchanged at an eager door; `None` while it was not.
    pub first_exchanged: Option<UnixMillis>,
}

/// A refresh token's place: generation and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How many uses lie between the session's first token and this one.
    pub generation: u32,
    /// Which of the siblings it is.
    pub index: u32,
}

/// How a door rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Our own doors and protocol 5.6: the first exchange starts a deadline for the token exchanged.
    Eager {
        /// For this long after the first exchange, a child that comes back is answered with itself: an answer that is
        /// still on its way may yet overwrite it in the client's jar. Zero at protocol 5.6.
        quiet: Millis,
    },
    /// Protocol up to 5.5: no deadline, no quiet period; an access token may promote its refresh token.
    Lazy,
}

/// What to do for a presented token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Issue this child.
    Issue {
        /// The child's place.
        child: Place,
        /// Whether the session's expiry slides.
        slide: bool,
        /// Whether the presented token was a child that is now the one in use.
        promoted: bool,
    },
    /// Answer with the presented refresh token itself and a new access token.
    Echo,
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
    };

    /// The place of the token that was used last.
    pub const fn used(&self) -> Place {
        Place {
            generation: self.generation,
            index: self.used_index,
        }
    }

    /// Whether `place` is a child of the token used last.
    pub const fn is_child(&self, place: Place) -> bool {
        place.generation == self.generation.saturating_add(1) && place.index < self.children
    }

    /// The lineage once the child at `index` was used. The caller has checked [`Self::is_child`].
    #[must_use]
    pub const fn promoted(&self, index: u32) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            used_index: index,
            children: 0,
            first_exchanged: None,
        }
    }

    /// Presents a refresh token whose MAC was checked. `grace` is how long an exchanged token stays exchangeable.
    pub fn present(
        self,
        place: Place,
        rotation: Rotation,
        grace: Millis,
        now: UnixMillis,
    ) -> (Self, Step) {
        if self.is_child(place) {
            if let (Rotation::Eager { quiet }, Some(exchanged)) = (rotation, self.first_exchanged)
                // Where there is no quiet period there is none, even while a clock that was set back catches up.
                && quiet > Millis(0)
                && now < exchanged.plus(quiet)
            {
                return (self, Step::Echo);
            }
            return self.promoted(place.index).exchange(rotation, now, true);
        }
        if place == self.used() {
            return match self.first_exchanged {
                Some(exchanged) if now > exchanged.plus(grace) => {
                    (self, Step::Reuse(ReuseSubtype::RecentPrev))
                }
                _ => self.exchange(rotation, now, false),
            };
        }
        let step = match place.generation.cmp(&self.generation) {
            Ordering::Equal => Step::Reuse(ReuseSubtype::OrphanedBranch),
            Ordering::Less => Step::Reuse(ReuseSubtype::StaleLineage),
            Ordering::Greater => Step::NeverIssued,
        };
        (self, step)
    }

    fn exchange(mut self, rotation: Rotation, now: UnixMillis, promoted: bool) -> (Self, Step) {
        let first = self.first_exchanged.is_none();
        if first && matches!(rotation, Rotation::Eager { .. }) {
            self.first_exchanged = Some(now);
        }
        let child = Place {
            generation: self.generation.saturating_add(1),
            index: self.children,
        };
        self.children = self.children.saturating_add(1);
        let slide = promoted || (first && matches!(rotation, Rotation::Eager { .. }));
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
