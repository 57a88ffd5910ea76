import { useClock } from "../chat/clock.tsx";
import { formatExactTime } from "../chat/time.ts";
import { formatNumber, pluralize } from "./format.ts";
import styles from "./frame-list.module.css";
import type { NumberedFrame } from "./use-trace.ts";

/** Frames of a trace, the newest first; each can be expanded. */
export function FrameList({ frames }: { frames: readonly NumberedFrame[] }) {
  const { timeZone } = useClock();
  return (
    <ol className={styles.frames} aria-label="Frames">
      {frames.map((frame) => (
        <li key={frame.n}>
          <Frame frame={frame} timeZone={timeZone} />
        </li>
      ))}
    </ol>
  );
}

function Frame({ frame, timeZone }: { frame: NumberedFrame; timeZone: string }) {
  const { at, node, direction, type, room, seq, bytes, connection_id, connections, user_id, text } = frame;
  return (
    <details className={styles.frame}>
      <summary>
        <span className={styles.time}>{formatExactTime(at, timeZone)}</span>
        <span className={styles.direction} data-direction={direction}>
          {direction}
        </span>
        <span className={styles.type}>{type}</span>
        <span className={styles.seq}>{seq !== null && `entry ${formatNumber(seq)}`}</span>
        <span className={styles.node}>
          {`node ${node}`}
          {connection_id === null && ", to all"}
        </span>
        <span className={styles.size}>{pluralize(bytes, "byte")}</span>
      </summary>
      <dl className={styles.details}>
        <dt>Node</dt>
        <dd>{node}</dd>
        <dt>Connection</dt>
        <dd>{connection_id ?? `All ${formatNumber(connections)} that are in the room on this node`}</dd>
        {user_id !== null && (
          <>
            <dt>Person</dt>
            <dd>{user_id}</dd>
          </>
        )}
        {room !== null && (
          <>
            <dt>Room</dt>
            <dd>{room}</dd>
          </>
        )}
      </dl>
      <pre className={styles.text}>{text === null ? "It cannot be read as text." : formatJson(text)}</pre>
    </details>
  );
}

/** JSON, indented; text that was truncated, or is no JSON, is returned unchanged. */
function formatJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
