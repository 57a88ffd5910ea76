import type { ReactNode } from "react";
import { ChatProvider } from "../chat/chat-context.tsx";
import { ClockProvider } from "../chat/clock.tsx";
import type { LayoutData } from "../server/layout-data.ts";
import { Shell } from "./shell.tsx";

/** The signed-in layout around a page. */
export function AppLayout({ data, children }: { data: LayoutData; children: ReactNode }) {
  const { snapshot, steps, zone, now } = data;
  return (
    <ClockProvider timeZone={zone} now={now}>
      {/* Another person who signs in gets a new state and a new connection. */}
      <ChatProvider key={snapshot.me.id} snapshot={snapshot}>
        <Shell steps={steps}>{children}</Shell>
      </ChatProvider>
    </ClockProvider>
  );
}
