import type { Config } from "../../config/options.ts";
import { AppError } from "../../platform/errors.ts";
import type { RequestInfo } from "../../platform/http/api.ts";
import { problemResponse } from "../../platform/http/problem.ts";
import type { Logger } from "../../platform/logger.ts";

/**
 * Returns a function that waits HTTP_WRITE_TIMEOUT for an ordinary response, and then responds 503 instead. The handler goes on;
 * its result is stored under the Idempotency-Key, if any.
 */
export function createWriteTimeout(
  config: Pick<Config, "HTTP_WRITE_TIMEOUT">,
  logger: Logger,
): (response: Response | Promise<Response>, info: RequestInfo) => Promise<Response> {
  return async (response, { requestId }) => {
    const late = Promise.withResolvers<Response>();
    const timer = setTimeout(() => {
      logger.error({ request_id: requestId }, "a request took longer than HTTP_WRITE_TIMEOUT");
      const error = new AppError("unavailable", "This took too long. Try again.", { retry_after: 5 });
      late.resolve(problemResponse(error, requestId));
    }, config.HTTP_WRITE_TIMEOUT);
    try {
      return await Promise.race([response, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
