import { withSession } from "postern/next";

export const GET = withSession(async (_request, { postern }) => Response.json({ user: postern?.userId ?? null }), { required: false });
