//! The tenant that a call is about.

use crate::supertokens::cdi::reply;
use crate::supertokens::cdi::request::version::Version;
use crate::{http::reply::Reply, tenant::PUBLIC_TENANT};

/// The tenant that a call by user is limited to; `None` = all of them.
pub(crate) fn tenant_scope(
    version: &Version,
    tenant_id: &str,
    all_tenants: bool,
) -> Result<Option<String>, Reply> {
    if !all_tenants {
        return Ok(Some(tenant_id.to_owned()));
    }
    if version.all_tenants_needs_public && tenant_id != PUBLIC_TENANT {
        return Err(reply::public_tenant_only());
    }
    Ok(None)
}
