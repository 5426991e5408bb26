//! The SuperTokens browser protocol (FDI): cookies, headers, anti-CSRF, transfer methods.
