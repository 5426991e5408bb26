// What is done about an event, whichever way it came: put your own code here.

/** Whom to tell; in place of a message to your own people. */
export const told = [];

/** @param {{type: string, timestamp: string, id: string, sequence: number, data: any}} event */
export async function handle(event) {
  const { type, data } = event;
  switch (type) {
    case "session.theft":
      told.push(`${data.userId}: two holders of one refresh token (${data.reason}); the session was ended`);
      break;
    case "key.withdrawn":
      told.push(`the ${data.kind} key ${data.kid} was withdrawn`);
      break;
    case "events.dropped":
      told.push(`${data.count} events were given up: look at what you know of sessions again`);
      break;
    // A later release may tell of more: what is not known is no fault.
    default:
  }
}
