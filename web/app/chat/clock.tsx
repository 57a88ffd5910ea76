import { createContext, type ReactNode, use, useEffect, useState } from "react";

export interface Clock {
  timeZone: string;
  /** Unix time in ms, at most a minute old. */
  now: number;
}

const ClockContext = createContext<Clock>({ timeZone: "UTC", now: 0 });

export function useClock(): Clock {
  return use(ClockContext);
}

/**
 * Starts with the visitor's zone from a cookie, so that the first paint and hydration agree, and corrects it once in
 * the browser.
 */
export function ClockProvider({ timeZone, now, children }: Clock & { children: ReactNode }) {
  const [clock, setClock] = useState<Clock>({ timeZone, now });
  useEffect(() => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari.
    document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
    const update = () => setClock({ timeZone: zone, now: Date.now() });
    update();
    const timer = setInterval(update, 60_000);
    return () => clearInterval(timer);
  }, []);
  return <ClockContext value={clock}>{children}</ClockContext>;
}
