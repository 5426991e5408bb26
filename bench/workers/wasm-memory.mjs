// Keeps hold of the memory of every Wasm instance that is made after this. To be imported first.
const { Instance } = WebAssembly;
const memories = [];

WebAssembly.Instance = class extends Instance {
  constructor(...values) {
    super(...values);
    memories.push(this.exports.memory);
  }
};

/** Bytes of Wasm memory. */
export const wasmBytes = () => memories.reduce((sum, memory) => sum + (memory?.buffer.byteLength ?? 0), 0);
