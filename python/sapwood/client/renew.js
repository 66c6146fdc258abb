// @ts-check
/** Loads the page anew, in the background, when the session that it belonged to is gone. */

const ANSWER_MS = 10_000;
/** What the server puts into the head of a live page. */
const META = /<meta name="sapwood" content="([^"]+)" data-prefix="([^"]+)"/;

/**
 * Fetch the page as its address bar says and with the same rights. The answer has a token
 * for another session, and what the ids of its process begin with; anything else is refused.
 * *resume* is the secret of the session that is gone: its state may be there still.
 * @param {{ fetch: typeof fetch }} environment @param {string} resume
 */
export async function load(environment, resume) {
  const headers = resume ? { "sapwood-resume": resume } : undefined;
  // An empty address is the page's own.
  const answer = await environment.fetch("", { headers, signal: AbortSignal.timeout(ANSWER_MS) });
  const [, token, prefix] = META.exec(await answer.text()) ?? [];
  if (!token) throw new Error("this is no live page now");
  return { token, prefix };
}
