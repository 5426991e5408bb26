// What the platform's collector of traces gets, as lines: the spans of Postern's own, and whose invocation each belongs to. Of
// requests nothing is printed, because the platform tells their headers, too.
const tell = (line) => console.log(`trace ${JSON.stringify(line)}`);

export default {
  tailStream({ event, spanContext }) {
    tell({ type: "onset", model: event.executionModel, spanId: event.spanId, traceId: spanContext.traceId });
    return ({ event, spanContext }) => {
      if (event.type === "spanOpen") tell({ type: "open", name: event.name, spanId: event.spanId, parentId: spanContext.spanId, traceId: spanContext.traceId });
      if (event.type === "attributes") tell({ type: "attributes", spanId: spanContext.spanId, named: event.info.filter(({ name }) => name.startsWith("postern.")) });
      if (event.type === "spanClose") tell({ type: "close", spanId: spanContext.spanId });
    };
  },
};
