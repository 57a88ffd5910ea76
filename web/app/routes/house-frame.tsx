import type { ReactNode } from "react";
import { ClockProvider } from "../chat/clock.tsx";
import { HouseProvider } from "../chat/house-context.tsx";
import type { FrameData } from "../server/frame.ts";
import { Shell } from "./shell.tsx";

/** The signed-in layout around a page. */
export function HouseFrame({ frame, children }: { frame: FrameData; children: ReactNode }) {
  const { snapshot, steps, zone, now } = frame;
  return (
    <ClockProvider timeZone={zone} now={now}>
      {/* Whoever signs in over the person who was here gets a state, and a connection, of their own. */}
      <HouseProvider key={snapshot.me.id} snapshot={snapshot}>
        <Shell steps={steps}>{children}</Shell>
      </HouseProvider>
    </ClockProvider>
  );
}
