//! Strict JSON: no duplicate members, bounded depth, numbers and text kept verbatim.
