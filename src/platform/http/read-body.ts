import { AppError } from "../errors.ts";

/** Maximum bytes of a body from a known caller. Larger things (pictures, later) have routes of their own. */
export const MAX_BODY = 1_048_576;
/** The same for a body that anyone may send: to sign in, to register. */
export const MAX_ANONYMOUS_BODY = 16_384;
/** The same for a form of the pages: the longest message, with each character as nine (`%E4%BD%A0`), and its other fields. */
export const MAX_FORM = 98_304;

/**
 * Reads a body whole, within a size and a time: a client that drips it byte by byte gets 408, and is not waited for.
 *
 * @param max bytes
 * @param timeout ms for the whole body
 * @throws AppError `too_large`, `request_timeout`
 */
export async function readBody(request: Request, max: number, timeout: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new AppError("too_large", `The body of this request may have at most ${max} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > max) throw tooLarge();
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();

  const chunks: Uint8Array[] = [];
  let size = 0;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new AppError("request_timeout")), timeout);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return concat(chunks, size);
      size += value.byteLength;
      if (size > max) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {}); // the request gets its response and the connection is closed; what else it sends is ignored
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function concat(chunks: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
