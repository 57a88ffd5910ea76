import { useEffect, useRef, useState } from "react";
import { UsherError } from "../../../sdk/errors.ts";
import { readTrace, type TraceFrame, type TraceTarget } from "./trace-stream.ts";

/** Maximum number of frames shown, and of frames buffered while it is paused. */
const MAX_FRAMES = 500;

export interface NumberedFrame extends TraceFrame {
  /** Counts from 1 in the order in which they came. */
  n: number;
}

export interface Trace {
  /** What is watched; null: nothing so far. */
  subject: string | null;
  isRunning: boolean;
  /** The server has started the trace. */
  isOpen: boolean;
  isPaused: boolean;
  /** The newest first. */
  frames: readonly NumberedFrame[];
  /** Received while it was paused; the newest first. */
  buffered: readonly NumberedFrame[];
  dropped: number;
  refusal: UsherError | null;
}

const EMPTY_TRACE: Trace = {
  subject: null,
  isRunning: false,
  isOpen: false,
  isPaused: false,
  frames: [],
  buffered: [],
  dropped: 0,
  refusal: null,
};

/** One trace at a time: a new one ends the previous one, and so does leaving the page. */
export function useTrace() {
  const [trace, setTrace] = useState(EMPTY_TRACE);
  const current = useRef<AbortController | null>(null);
  const count = useRef(0);
  useEffect(() => () => current.current?.abort(), []);

  const stop = () => {
    current.current?.abort();
    setTrace((trace) => ({ ...trace, isRunning: false }));
  };

  /** `find` returns whom or what to watch, or throws UsherError. */
  const start = async (subject: string, seconds: number, find: () => Promise<TraceTarget>) => {
    current.current?.abort();
    const controller = new AbortController();
    current.current = controller;
    setTrace({ ...EMPTY_TRACE, subject, isRunning: true });
    const change = (next: (trace: Trace) => Trace) => {
      if (!controller.signal.aborted) setTrace(next);
    };
    try {
      for await (const batch of readTrace(await find(), seconds, controller.signal)) {
        const newFrames = batch.frames.map((frame) => ({ ...frame, n: ++count.current })).reverse();
        change((trace) => ({
          ...trace,
          ...addFrames(trace, newFrames),
          isOpen: true,
          dropped: trace.dropped + batch.dropped,
        }));
      }
      change((trace) => ({ ...trace, isRunning: false }));
    } catch (error) {
      if (controller.signal.aborted) return;
      if (!(error instanceof UsherError)) throw error;
      change((trace) => ({ ...trace, isRunning: false, refusal: error }));
    }
  };

  const pause = () => setTrace((trace) => ({ ...trace, isPaused: true }));
  const resume = () =>
    setTrace(({ frames, buffered, ...trace }) => ({
      ...trace,
      isPaused: false,
      frames: [...buffered, ...frames].slice(0, MAX_FRAMES),
      buffered: [],
    }));
  const clear = () => setTrace((trace) => ({ ...trace, frames: [], buffered: [], dropped: 0 }));
  return { trace, start, stop, pause, resume, clear };
}

function addFrames({ isPaused, frames, buffered }: Trace, newFrames: readonly NumberedFrame[]): Partial<Trace> {
  if (newFrames.length === 0) return {};
  return isPaused
    ? { buffered: [...newFrames, ...buffered].slice(0, MAX_FRAMES) }
    : { frames: [...newFrames, ...frames].slice(0, MAX_FRAMES) };
}
