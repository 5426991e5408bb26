// A consumer of Postern's events from a queue: it keeps an audit trail, and acts on what needs somebody.
import { handle } from "../handle.js";

const A_YEAR = 365 * 24 * 60 * 60;

export default {
  /** @param {{messages: readonly {body: any, ack(): void, retry(): void}[]}} batch */
  async queue(batch, env) {
    for (const message of batch.messages) {
      const event = message.body;
      try {
        // An event may come twice, here under the same key: what is done for it must be the same done twice, or be left out.
        if ((await env.AUDIT.get(event.id)) === null) {
          await handle(event);
          await env.AUDIT.put(event.id, JSON.stringify(event), { expirationTtl: A_YEAR });
        }
        message.ack();
      } catch (error) {
        console.error(`event ${event.id}: ${error}`);
        message.retry();
      }
    }
  },
};
