// What a site's own script does: starts the browser SDK and calls its API. Bundled, with the unmodified packages.
import axios from "axios";
import Website from "supertokens-website";
import SuperTokens from "supertokens-web-js";
import Session from "supertokens-web-js/recipe/session";

const events = [];
let sdk;

/** Starts one of the two SDKs. */
function start({ name, apiDomain, mode }) {
  const onHandleEvent = ({ action }) => events.push(action);
  if (name === "supertokens-website") {
    sdk = Website;
    Website.init({ apiDomain, apiBasePath: "/auth", tokenTransferMethod: mode, onHandleEvent });
  } else {
    sdk = Session;
    SuperTokens.init({
      appInfo: { appName: "journey", apiDomain, apiBasePath: "/auth" },
      recipeList: [Session.init({ tokenTransferMethod: mode, onHandleEvent })],
    });
  }
  sdk.addAxiosInterceptors(axios);
}

const transports = {
  async fetch(url, { method, headers, body }) {
    const response = await fetch(url, { method, headers, body });
    return { status: response.status, text: await response.text() };
  },
  XMLHttpRequest: (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.onload = () => resolve({ status: request.status, text: request.responseText });
      request.onerror = () => reject(new Error("network error"));
      request.send(body);
    }),
  async axios(url, { method, headers, body }) {
    const response = await axios({ url, method, headers, data: body, validateStatus: () => true, transformResponse: (data) => data });
    return { status: response.status, text: response.data };
  },
};

/** One call; its status and parsed body, or `{failed}` when there was no answer. */
async function call(transport, url, { method = "GET", json } = {}) {
  const headers = json === undefined ? {} : { "content-type": "application/json" };
  const body = json === undefined ? undefined : JSON.stringify(json);
  try {
    const { status, text } = await transports[transport](url, { method, headers, body });
    return { status, body: parsed(text) };
  } catch (error) {
    // axios throws where its interceptor's refresh was refused, with the answer.
    if (error?.response) return { status: error.response.status, body: parsed(error.response.data) };
    return { failed: String(error?.message ?? error?.status ?? error) };
  }
}

function parsed(text) {
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A method of the SDK; what it throws comes back as text. */
async function ask(method) {
  try {
    return { value: await sdk[method]() };
  } catch (error) {
    return { failed: String(error?.message ?? error?.status ?? error) };
  }
}

window.app = {
  start,
  call,
  ask,
  events: () => [...events],
  many: (count, transport, url) => Promise.all(Array.from({ length: count }, () => call(transport, url))),
};
