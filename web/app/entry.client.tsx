import { StrictMode, startTransition } from "react";
import { hydrateRoot } from "react-dom/client";
import { HydratedRouter } from "react-router/dom";
import { fetchPagesAhead } from "./fetch-ahead.ts";

startTransition(() => {
  hydrateRoot(
    document,
    <StrictMode>
      <HydratedRouter />
    </StrictMode>,
  );
});

const whenIdle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 1_000));
whenIdle(() => fetchPagesAhead(window.__reactRouterManifest));
