import { ConfigError } from "../config/load.ts";
import type { HotName } from "../config/options.ts";
import { onSighup } from "../platform/sighup.ts";
import type { Program } from "./program.ts";

/** SIGHUP has the environment, `.env` and the files read again. `written`: records what has changed. */
export async function startReload(
  { live, logger, lifecycle, tls, onError }: Program,
  onChanged: (changed: readonly HotName[]) => Promise<void>,
): Promise<void> {
  live.onChange((changed) => {
    if (changed.has("LOG_LEVEL")) logger.level = live.config.LOG_LEVEL;
  });
  const reload = () => {
    tls?.reload();
    try {
      const { changed, restart } = live.reload();
      logger.info({ changed }, "the settings were read again");
      if (restart.length > 0) logger.warn({ options: restart }, `needs a restart: ${restart.join(", ")}`);
      if (changed.length > 0) onChanged(changed).catch(onError);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const { message } of error.mistakes) logger.error(`the settings were not applied: ${message}`);
    }
  };
  await lifecycle.start(
    "reload",
    () => onSighup(reload),
    (end) => end(),
  );
}
