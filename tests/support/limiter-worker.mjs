// Rate limiters that fail: what Postern is bound to in place of the platform's.
import { WorkerEntrypoint } from "cloudflare:workers";

export default { fetch: () => new Response("a limiter") };

export class Throwing extends WorkerEntrypoint {
  async limit() {
    throw new Error("the limiter is broken");
  }
}

export class Silent extends WorkerEntrypoint {
  limit() {
    return new Promise((resolve) => setTimeout(resolve, 20_000));
  }
}

export class Vague extends WorkerEntrypoint {
  async limit() {
    return { success: "perhaps" };
  }
}
