import { createContext, use } from "react";

/** The nonce of the page that is being rendered; null in the browser. */
export const NonceContext = createContext<string | null>(null);

/** The page's nonce, also in the browser (which hides the attribute's text, but not the property). */
export function useNonce(): string {
  const rendering = use(NonceContext);
  if (rendering !== null) return rendering;
  return typeof document === "undefined"
    ? ""
    : (document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "");
}
