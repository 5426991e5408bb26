// What the floors read of a request, as Postern does (`src/executor.mjs`, which cannot be had without the Wasm).
const encoder = new TextEncoder();
const buffer = new Uint8Array(65_536);

export function facts({ method, url, headers }) {
  const text = `${method}\n${url}\n${headers.get("authorization") ?? ""}\n${headers.get("cookie") ?? ""}`;
  return encoder.encodeInto(text, buffer);
}
