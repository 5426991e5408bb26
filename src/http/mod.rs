//! HTTP as plain values: routing, bearer tokens, cookies, replies.
