//! What operators are told of the keys, as JSON text.

use super::RingCopy;
use postern_jwt::{json::ObjectWriter, time::UnixMillis};

impl RingCopy {
    /// The signing keys: which they are, from and until when, and which signs. No private part.
    pub fn told(&self, now: UnixMillis) -> String {
        let listed = self.ring.keys.iter().map(|key| {
            let signer = self.signer(key.algorithm, key.kind, now);
            let mut told = ObjectWriter::new();
            told.text("kid", &key.kid);
            told.text("algorithm", key.algorithm.name());
            told.text("kind", key.kind.name());
            told.number("created", key.created.0);
            told.number("signsFrom", key.signs_from.0.max(key.created.0));
            if let Some(until) = key.verify_until {
                told.number("goodUntil", until.0);
            }
            told.boolean("signs", signer.is_some_and(|signer| signer.kid == key.kid));
            told.finish()
        });
        let listed: Vec<String> = listed.collect();
        let mut keys = ObjectWriter::new();
        keys.number("version", self.key_set_version());
        keys.number("nextChange", self.next_change().0);
        keys.number("asOf", self.as_of.0);
        keys.json("list", &["[", &listed.join(","), "]"].concat());
        keys.finish()
    }
}
