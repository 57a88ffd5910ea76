import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { createRest } from "../../../../sdk/rest.ts";
import styles from "../../admin/admin.module.css";
import { pluralize } from "../../admin/format.ts";
import { FrameList } from "../../admin/frame-list.tsx";
import { type Trace, useTrace } from "../../admin/use-trace.ts";
import { useChat } from "../../chat/chat-context.tsx";
import { field, toSentence } from "../../server/forms.ts";
import { findPersonForForm } from "../../server/person.ts";
import { FormError } from "../../ui/form.tsx";
import { EmptyState } from "../../ui/page-layout.tsx";

const TIMES = [
  { value: "30", label: "30 seconds" },
  { value: "60", label: "1 minute" },
  { value: "300", label: "5 minutes" },
];

/** The frames of one room or person, received and sent, live, on all nodes. */
export default function Traces() {
  const { me } = useChat();
  const { trace, start, stop, pause, resume, clear } = useTrace();
  const { subject, isRunning, isOpen, isPaused, frames, buffered, dropped, refusal } = trace;
  return (
    <>
      <section className={styles.part}>
        <p className={styles.lead}>
          The frames that the connections of one room or person send and receive, live, on all nodes. Each use is
          written to the <Link to="/admin/audit-log?action=trace:started">audit log</Link>.
          {me.role !== "owner" && " Only an owner can trace people and channels."}
        </p>
        <TraceForm
          error={refusal?.errors[0]?.message}
          onStart={(form) => {
            const [room, username] = [field(form, "room"), field(form, "username")];
            void start(room ?? username ?? "", Number(form.get("seconds")), async () =>
              room === undefined
                ? { user_id: (await findPersonForForm(createRest({ url: "" }), username ?? "")).id }
                : { room },
            );
          }}
        />
        {refusal?.errors.length === 0 && <FormError refusal={{ message: refusal.message, fields: {}, typed: {} }} />}
        <noscript>
          <p className={styles.note}>This page needs JavaScript.</p>
        </noscript>
      </section>
      <section className={styles.part}>
        <div className={styles.traceBar}>
          <p role="status">{refusal === null && describeState(trace)}</p>
          <div className={styles.tools}>
            {isRunning && (
              <button type="button" className={styles.tool} onClick={stop}>
                Stop
              </button>
            )}
            {(isRunning || isPaused) && (
              <button type="button" className={styles.tool} onClick={isPaused ? resume : pause}>
                {isPaused ? `Resume (${buffered.length} waiting)` : "Pause"}
              </button>
            )}
            {frames.length > 0 && (
              <button type="button" className={styles.tool} onClick={clear}>
                Clear
              </button>
            )}
          </div>
        </div>
        {dropped > 0 && (
          <p className={styles.note}>{pluralize(dropped, "frame")} left out: there were too many to show.</p>
        )}
        {subject === null && (
          <EmptyState title="No trace is running">Choose a room or a person and press Start.</EmptyState>
        )}
        {isOpen && isRunning && frames.length === 0 && (
          <EmptyState title="No frames yet">Frames appear here when they are sent or received.</EmptyState>
        )}
        <FrameList frames={frames} />
      </section>
    </>
  );
}

function describeState({ subject, isRunning, isOpen, isPaused }: Trace): string {
  if (subject === null) return "";
  if (isRunning && !isOpen) return `Starting the trace of ${subject}.`;
  if (!isRunning) return `The trace of ${subject} has ended. The newest 500 frames are kept here.`;
  return isPaused ? `Paused. ${subject} is still being traced.` : `Tracing ${subject}.`;
}

interface TraceFormProps {
  /** What is wrong with the room or person. */
  error: string | undefined;
  onStart: (form: FormData) => void;
}

function TraceForm({ error, onStart }: TraceFormProps) {
  const [query] = useSearchParams();
  const [kind, setKind] = useState(query.has("username") ? "username" : "room");
  const choice = useRef<HTMLSelectElement>(null);
  // The choice may have been made before the scripts were loaded.
  useEffect(() => setKind((before) => choice.current?.value ?? before), []);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onStart(new FormData(event.currentTarget));
  };
  return (
    <form className={styles.filter} onSubmit={submit}>
      <NativeSelect
        ref={choice}
        label="Trace"
        value={kind}
        onChange={({ currentTarget }) => setKind(currentTarget.value)}
        data={[
          { value: "room", label: "A room" },
          { value: "username", label: "A person" },
        ]}
      />
      <TextInput
        key={kind}
        name={kind}
        label={kind === "room" ? "Room" : "Username"}
        placeholder={kind === "room" ? "event:7" : undefined}
        defaultValue={query.get(kind) ?? ""}
        error={error === undefined ? undefined : toSentence(error)}
        required
        maxLength={200}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <NativeSelect name="seconds" label="For" defaultValue="60" data={TIMES} />
      <Button type="submit">Start</Button>
    </form>
  );
}
