// @ts-check
// `npm run bench [-- NAME…]`: see bench/main.mjs.
import "../bench/main.mjs";
