// Spans of the platform's traces, and the trace context of a request to an origin (W3C Trace Context). Where the runtime has no
// such spans, or a request is not traced, nothing happens.
import * as workers from "cloudflare:workers";

/** @type {any} */
const tracing = workers.tracing;

/** Whether this request is traced. */
const isTraced = () => tracing?.getActiveSpan?.()?.isTraced === true && tracing.startSpan !== undefined;

/**
 * Starts a span, if this request is traced. @param {string} name @param {string} what of whom it asks; empty for nothing to say
 */
export function startSpan(name, what) {
  if (!isTraced()) return undefined;
  const span = tracing.startSpan(name);
  if (what !== "") span.setAttribute("postern.what", what);
  return span;
}

// For Rust, which finds them here also after a trap.
globalThis.posternIsTraced = isTraced;
globalThis.posternStartSpan = startSpan;

/** The context of a span as `traceparent`; undefined where the runtime does not tell. @param {any} span */
export function traceparentOf(span) {
  const { traceId, spanId } = span.spanContext?.() ?? {};
  return traceId && spanId ? `00-${traceId}-${spanId}-01` : undefined;
}

/** Makes the span the parent of what an origin does. What another trace had to say is not said in this one. @param {Headers} headers @param {string} traceparent */
export function continueIn(headers, traceparent) {
  const isSameTrace = headers.get("traceparent")?.slice(3, 35) === traceparent.slice(3, 35);
  if (!isSameTrace) headers.delete("tracestate");
  headers.set("traceparent", traceparent);
}
