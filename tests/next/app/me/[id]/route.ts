import { getSessionData, updateSessionData } from "postern";
import { withSession } from "postern/next";

type Context = { params: Promise<{ id: string }> };

export const GET = withSession<Request, Context>(async (_request, { postern, params }) => {
  const { id } = await params;
  return Response.json({ id, user: postern.userId, data: await getSessionData(postern.handle ?? "") });
});

export const POST = withSession<Request, Context>(async (_request, { postern, params }) => {
  const { id } = await params;
  await updateSessionData(postern.handle ?? "", { seen: id });
  return Response.json({ id });
});
