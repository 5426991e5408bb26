//! Public suffixes: domains under which unrelated people have hosts, so that no cookie may be set for them.
//!
//! The whole list of publicsuffix.org has some ten thousand entries and changes every week; browsers have it, and drop
//! such cookies. What is here finds the usual mistakes when the Worker starts: top-level domains, the second level of
//! countries that have one, and the hosting platforms where deployments like this one live.

/// Second-level names under which countries register, as in `co.uk`.
const SECOND_LEVEL: [&str; 24] = [
    "ac", "co", "com", "ed", "edu", "gen", "go", "gob", "gouv", "gov", "govt", "gv", "id", "ind",
    "info", "ltd", "me", "mil", "ne", "net", "nom", "or", "org", "sch",
];

/// Domains in which everybody can have a host.
const PLATFORMS: [&str; 64] = [
    "amplifyapp.com",
    "appspot.com",
    "awsapprunner.com",
    "azureedge.net",
    "azurefd.net",
    "azurestaticapps.net",
    "azurewebsites.net",
    "blogspot.com",
    "bitbucket.io",
    "cloudapp.net",
    "cloudfront.net",
    "codeberg.page",
    "csb.app",
    "ddns.net",
    "deno.dev",
    "deno.net",
    "duckdns.org",
    "dyndns.org",
    "edgecompute.app",
    "edgeone.app",
    "elasticbeanstalk.com",
    "fastly.net",
    "firebaseapp.com",
    "fly.dev",
    "framer.app",
    "framer.website",
    "github.io",
    "githubpreview.dev",
    "gitlab.io",
    "gitpod.io",
    "glitch.me",
    "herokuapp.com",
    "hosted.app",
    "koyeb.app",
    "kinsta.app",
    "lovable.app",
    "myshopify.com",
    "netlify.app",
    "ngrok-free.app",
    "ngrok-free.dev",
    "ngrok.app",
    "ngrok.dev",
    "ngrok.io",
    "no-ip.org",
    "on-fleek.app",
    "onrender.com",
    "pages.dev",
    "r2.dev",
    "railway.app",
    "readthedocs.io",
    "render.com",
    "replit.app",
    "replit.dev",
    "repl.co",
    "run.app",
    "supabase.co",
    "surge.sh",
    "translate.goog",
    "trycloudflare.com",
    "vercel.app",
    "vercel.dev",
    "web.app",
    "webflow.io",
    "workers.dev",
];

/// True for a cookie domain, with or without its leading dot, that is known to be a public suffix.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    let name = domain.strip_prefix('.').unwrap_or(domain);
    if super::origin::is_local_name(name) {
        return false;
    }
    match name.split_once('.') {
        None => true,
        Some((second, top)) => {
            let is_country = top.len() == 2;
            (is_country && SECOND_LEVEL.contains(&second)) || PLATFORMS.contains(&name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_public_suffix;

    #[test]
    fn the_usual_public_suffixes_are_known() {
        for domain in [
            "com",
            ".com",
            "uk",
            "dev",
            "co.uk",
            ".co.uk",
            "com.au",
            "co.jp",
            "or.jp",
            "com.br",
            "github.io",
            ".github.io",
            "workers.dev",
            "pages.dev",
            "vercel.app",
            "netlify.app",
            "herokuapp.com",
            "web.app",
            "fly.dev",
            "onrender.com",
        ] {
            assert!(is_public_suffix(domain), "{domain}");
        }
        for domain in [
            "example.com",
            ".example.com",
            "co.com",
            "example.co.uk",
            ".app.example.co.uk",
            "me.workers.dev",
            "mine.github.io",
            "company.uk",
            "localhost",
            "127.0.0.1",
        ] {
            assert!(!is_public_suffix(domain), "{domain}");
        }
    }
}
