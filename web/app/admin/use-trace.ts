import { useEffect, useRef, useState } from "react";
import { UsherError } from "../../../sdk/errors.ts";
import { readTrace, type TraceFrame, type TraceTarget } from "./trace-stream.ts";

/** Frames that are kept, of those that are shown and of those that wait while it is paused. */
const MOST = 500;

export interface NumberedFrame extends TraceFrame {
  /** Counts from 1 in the order in which they came. */
  n: number;
}

export interface Trace {
  /** What is watched; null: nothing was yet. */
  subject: string | null;
  running: boolean;
  /** The server has said that it watches. */
  open: boolean;
  paused: boolean;
  /** The newest first. */
  frames: readonly NumberedFrame[];
  /** Came while it was paused; the newest first. */
  held: readonly NumberedFrame[];
  leftOut: number;
  refusal: UsherError | null;
}

const NOTHING: Trace = {
  subject: null,
  running: false,
  open: false,
  paused: false,
  frames: [],
  held: [],
  leftOut: 0,
  refusal: null,
};

/** One trace at a time: another one ends the one before, and so does leaving the page. */
export function useTrace() {
  const [trace, setTrace] = useState(NOTHING);
  const current = useRef<AbortController | null>(null);
  const count = useRef(0);
  useEffect(() => () => current.current?.abort(), []);

  const stop = () => {
    current.current?.abort();
    setTrace((trace) => ({ ...trace, running: false }));
  };

  /** `find` tells whom or what to watch, or throws why not. */
  const start = async (subject: string, seconds: number, find: () => Promise<TraceTarget>) => {
    current.current?.abort();
    const mine = new AbortController();
    current.current = mine;
    setTrace({ ...NOTHING, subject, running: true });
    const change = (next: (trace: Trace) => Trace) => {
      if (!mine.signal.aborted) setTrace(next);
    };
    try {
      for await (const turn of readTrace(await find(), seconds, mine.signal)) {
        const came = turn.frames.map((frame) => ({ ...frame, n: ++count.current })).reverse();
        change((trace) => ({ ...trace, ...added(trace, came), open: true, leftOut: trace.leftOut + turn.leftOut }));
      }
      change((trace) => ({ ...trace, running: false }));
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof UsherError)) throw error;
      change((trace) => ({ ...trace, running: false, refusal: error }));
    }
  };

  const pause = () => setTrace((trace) => ({ ...trace, paused: true }));
  const goOn = () =>
    setTrace(({ frames, held, ...trace }) => ({
      ...trace,
      paused: false,
      frames: [...held, ...frames].slice(0, MOST),
      held: [],
    }));
  const clear = () => setTrace((trace) => ({ ...trace, frames: [], held: [], leftOut: 0 }));
  return { trace, start, stop, pause, goOn, clear };
}

function added({ paused, frames, held }: Trace, came: readonly NumberedFrame[]): Partial<Trace> {
  if (came.length === 0) return {};
  return paused ? { held: [...came, ...held].slice(0, MOST) } : { frames: [...came, ...frames].slice(0, MOST) };
}
