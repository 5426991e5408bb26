//! The protocol's version matrix, typed in from the protocol, and every cell of it checked as behaviour.

mod answers;
mod requests;

use super::row;
use crate::supertokens::cdi::request::version::VERSIONS;
use crate::tokens::access_token::AccessTokenVersion;

#[derive(Clone, Copy, PartialEq)]
enum Keys {
    None,
    KeyAndExpiry,
    AndList,
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Ignored,
    Optional,
    Required,
}

/// One column of the matrix.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the cells of a table are independent facts"
)]
struct Column {
    minted: AccessTokenVersion,
    keys: Keys,
    id_refresh_token: bool,
    tenant_id: bool,
    recipe_user_id: bool,
    handshake: bool,
    create_key: Field,
    refresh_key: Field,
    check_database: Field,
    protected_claims: bool,
    tenant_paths: bool,
    /// The status of an "all tenants" call from a tenant's path.
    all_tenants: u16,
    /// Rotation at refresh, stateless verify, `accessTokenValidity`.
    newest: bool,
    session_information: bool,
    user_id: bool,
}

/// Every version and its column. Each table below reads from 2.7 on the left to 5.6 on the right.
#[rustfmt::skip]
fn cells() -> Vec<(&'static str, Column)> {
    use AccessTokenVersion::{V2, V3, V4, V5};
    use Field::{Ignored as Ign, Optional as Opt, Required as Req};
    use Keys::{AndList, KeyAndExpiry as Key, None as No};
    const YES: bool = true;
    const __: bool = false;

    let versions: [&[&str]; 8] = [
        &["2.7"],
        &["2.8"],
        &["2.9", "2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18", "2.19", "2.20"],
        &["2.21"],
        &["3.0", "3.1"],
        &["4.0"],
        &["5.0", "5.1", "5.2", "5.3", "5.4", "5.5"],
        &["5.6"],
    ];
    //                          2.7  2.8  2.9      2.21 3.0  4.0  5.0  5.6
    let minted =               [V2,  V2,  V2,      V3,  V4,  V5,  V5,  V5];
    let keys =                 [Key, Key, AndList, No,  No,  No,  No,  No];
    let id_refresh_token =     [YES, YES, YES,     __,  __,  __,  __,  __];
    let tenant_id =            [__,  __,  __,      __,  YES, YES, YES, YES];
    let recipe_user_id =       [__,  __,  __,      __,  __,  YES, YES, YES];
    let handshake =            [YES, YES, YES,     __,  __,  __,  __,  __];
    let create_key =           [Ign, Ign, Ign,     Opt, Opt, Opt, Opt, Opt];
    let refresh_key =          [Ign, Ign, Ign,     Ign, Opt, Opt, Req, Req];
    let check_database =       [Ign, Ign, Ign,     Req, Req, Req, Req, Req];
    let protected_claims =     [__,  __,  __,      YES, YES, YES, YES, YES];
    let tenant_paths =         [__,  __,  __,      __,  YES, YES, YES, YES];
    let all_tenants =          [404, 404, 404,     404, 200, 200, 403, 403];
    let newest =               [__,  __,  __,      __,  __,  __,  __,  YES];
    let session_information =  [__,  YES, YES,     YES, YES, YES, YES, YES];
    let user_id =              [__,  __,  __,      __,  __,  YES, YES, YES];

    let column = |i: usize| Column {
        minted: minted[i],
        keys: keys[i],
        id_refresh_token: id_refresh_token[i],
        tenant_id: tenant_id[i],
        recipe_user_id: recipe_user_id[i],
        handshake: handshake[i],
        create_key: create_key[i],
        refresh_key: refresh_key[i],
        check_database: check_database[i],
        protected_claims: protected_claims[i],
        tenant_paths: tenant_paths[i],
        all_tenants: all_tenants[i],
        newest: newest[i],
        session_information: session_information[i],
        user_id: user_id[i],
    };
    let named = versions.iter().enumerate();
    named.flat_map(|(i, names)| names.iter().map(move |name| (*name, column(i)))).collect()
}

#[test]
fn the_columns_and_the_two_legacy_versions_are_all_there_is() {
    let mut expected = vec!["1.0", "2.0"];
    expected.extend(cells().iter().map(|(name, _)| name));
    let known: Vec<&str> = VERSIONS.iter().map(|version| version.name).collect();
    assert_eq!(known, expected);
}

#[test]
fn access_token_version_minted() {
    for (name, column) in cells() {
        assert_eq!(row(name).access_token, column.minted, "{name}");
    }
}
