// Checked by tsc, never run: the subpath exports in their frameworks.
import * as postern from "postern";
import { accessTokenOf, clearedHeaders, sessionHeaders } from "postern/cookies";
import { session as ofExpress } from "postern/express";
import { session as ofFastify } from "postern/fastify";
import { session as ofHono, type PosternVariables } from "postern/hono";
import { withSession } from "postern/next";
import { memoryPostern } from "postern/testing";
import fastify from "fastify";
import { Hono } from "hono";

interface Claims {
  role: "editor" | "reader";
}

export async function typedPayload(token: string): Promise<"editor" | "reader"> {
  const controller = new AbortController();
  const { session } = await postern.getSession<Claims>(token, null, { signal: controller.signal, timeoutMilliseconds: 500 });
  const data = await postern.getSessionData<{ cart: string[] }>(session.handle);
  data.cart.push("book");
  // @ts-expect-error: it is one of two texts
  session.jwtPayload.role = "admin";
  return session.jwtPayload.role;
}

export const hono = new Hono<{ Variables: PosternVariables }>().use(ofHono({ required: false, freshness: "strict" }));
hono.get("/", (c) => c.text(c.get("postern")?.userId ?? "nobody"));

export const app = fastify();
app.addHook("preHandler", ofFastify());
app.get("/", async (request) => request.postern?.userId);

export const GET = withSession((_: Request, { postern: session }: { params: Promise<{ id: string }>; postern: postern.Session }) => new Response(session.userId));
export const open = withSession((_: Request, context) => new Response(context.postern?.userId ?? "nobody"), { required: false });

export async function login(headers: Headers): Promise<[string, string][]> {
  ofExpress({ origins: ["https://app.example"], onError: (error) => error.errType });
  const memory = memoryPostern({ maxSessionData: 100 });
  postern.init({ binding: memory.binding, adminBinding: memory.adminBinding, retries: 0 });
  if (accessTokenOf(headers)?.from === "header") return clearedHeaders();
  return sessionHeaders(await postern.createNewSession("alice"), { sameSite: "none", domain: "example.com" });
}
