//! Headers by which a client claims what only a proxy, or nobody, can know: no origin gets them from outside.
//!
//! All names here are in normal form, see [`crate::gateway::reserved::normal`].

/// Families of names, by their beginning.
const FAMILIES: [&str; 8] = [
    "x-forwarded",
    "x-original-",
    "x-rewrite-",
    "x-envoy-",
    "x-appengine-",
    "ssl-client-",
    "x-ssl-client-",
    "x-amzn-mtls-",
];

/// Who the client is, what it asked for and how it came, as proxies say it.
const OF_PROXIES: [&str; 39] = [
    "forwarded",
    // RFC 9440: the certificate of the client, as the proxy saw it that ended TLS.
    "client-cert",
    "client-cert-chain",
    "x-client-cert",
    "x-client-verify",
    "x-client-dn",
    "x-arr-clientcert",
    // The address.
    "client-ip",
    "cluster-client-ip",
    "fastly-client-ip",
    "http-client-ip",
    "http-x-forwarded-for",
    "proxy-client-ip",
    "remote-addr",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarder-for",
    "x-host-ip",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    // The scheme.
    "front-end-https",
    "x-arr-ssl",
    "x-front-end-https",
    "x-scheme",
    "x-url-scheme",
    // The host and the path.
    "x-host",
    "x-http-host",
    "x-http-host-override",
    "x-http-path-override",
    "x-server-name",
    "x-script-name",
    // To CGI programs it is the variable HTTP_PROXY, through which they would send their own requests.
    "proxy",
];

/// True for a header that only a proxy of the deployment's own may write.
pub(crate) fn is_of_proxies(normal: &str) -> bool {
    FAMILIES.iter().any(|family| normal.starts_with(family)) || OF_PROXIES.contains(&normal)
}

/// True for a header that some frameworks take for the method: what a rule says about a method would not hold.
pub(crate) fn is_of_methods(normal: &str) -> bool {
    normal == "x-http-method" || normal == "x-method" || normal.ends_with("method-override")
}
