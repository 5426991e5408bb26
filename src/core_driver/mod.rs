//! The SuperTokens backend protocol (CDI): versions as one table, request and response shapes.
