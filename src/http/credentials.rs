//! Which access token a request carries, and by which method (fdi.md 4.6; the table in contract section 5).
