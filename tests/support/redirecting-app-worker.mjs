// An origin that is a Worker: redirects to a page beside the one that was asked for.
export default {
  fetch: (request) => Response.redirect(new URL("/login", request.url).href, 302),
};
