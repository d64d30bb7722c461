/** What the agent says of itself to who has no token: what it is and where things are, nothing of this gateway. */
const WELCOME = {
  name: "MESG Edge",
  about: "Device events run durable workflows on this gateway.",
  api: "/api/v1",
  openapi: "/api/v1/openapi.json",
  login: "Authorization: Bearer <token>; `mesg token create` makes one, and run/token of the agent's home is one",
  docs: "docs/reference/api.md, and `mesg --help`",
} as const

/** @param accept what the caller reads @returns the page of `/` */
export function welcome(accept: string): typeof WELCOME | Response {
  if (!accept.includes("text/html")) return WELCOME
  return new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } })
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${WELCOME.name}</title>
<h1>${WELCOME.name}</h1>
<p>${WELCOME.about}</p>
<p>This is the address of its HTTP API, <code>${WELCOME.api}</code>, which <code>${WELCOME.openapi}</code> describes.
Every request carries a token: <code>Authorization: Bearer &lt;token&gt;</code>. <code>mesg token create</code> makes one,
and <code>run/token</code> of the agent's home is one.</p>
<p>On the gateway itself <code>mesg --help</code> shows the commands; <code>docs/</code> of the program explains the rest.</p>
</html>
`
