import { AppError } from "../errors.ts";

/** Most bytes of a request's body. Larger things (pictures, later) have routes of their own. */
export const MAX_BODY = 1_048_576;

/**
 * Reads a body whole, within a size and a time: a client that drips it byte by byte is answered 408, not waited for.
 *
 * @param timeout ms for the whole body
 * @throws AppError `too_large`, `request_timeout`
 */
export async function readBody(request: Request, timeout: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new AppError("too_large", `A request may have at most ${MAX_BODY} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY) throw tooLarge();
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
      if (size > MAX_BODY) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => {}); // the connection is answered and closed; what else it sends is nobody's concern
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
