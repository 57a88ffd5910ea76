import { TextInput } from "@mantine/core";
import Search from "lucide-react/icons/search";
import { type ReactNode, useRef } from "react";
import { Form, useSubmit } from "react-router";
import type { PublicUser } from "../../../protocol/objects.ts";
import { Avatar } from "./avatar.tsx";
import styles from "./lists.module.css";

interface PeopleSearchProps {
  /** What was searched for; null: nothing yet. */
  q: string | null;
  found: readonly PublicUser[];
  /** The text when nothing was searched for and there is no one to choose. */
  empty?: string;
  /** The button beside each person who was found. */
  renderAction: (person: PublicUser) => ReactNode;
}

/** Finds people by name while typing; without scripts by pressing Enter. */
export function PeopleSearch({ q, found, empty, renderAction }: PeopleSearchProps) {
  const submit = useSubmit();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  return (
    <div>
      <Form
        role="search"
        onChange={({ currentTarget }) => {
          clearTimeout(timer.current);
          timer.current = setTimeout(
            () => void submit(currentTarget, { replace: true, preventScrollReset: true }),
            250,
          );
        }}
      >
        <TextInput
          name="q"
          dir="auto"
          defaultValue={q ?? ""}
          label="Find people"
          placeholder="Username or name"
          leftSection={<Search size={16} />}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
        />
      </Form>
      <div aria-live="polite">
        {q !== null && found.length === 0 && (
          <p className={`${styles.note} ${styles.searched}`}>
            No one found for “<bdi>{q}</bdi>”. Try part of the name.
          </p>
        )}
        {q === null && empty !== undefined && found.length === 0 && (
          <p className={`${styles.note} ${styles.searched}`}>{empty}</p>
        )}
        <ul className={`${styles.list} ${styles.searched}`}>
          {found.map((person) => (
            <li key={person.id} className={styles.item}>
              <Avatar id={person.id} name={person.name ?? person.username} size={32} />
              <div className={styles.what}>
                <p dir="auto">{person.name ?? person.username}</p>
                {person.name !== null && (
                  <p className={styles.note} dir="auto">
                    {person.username}
                  </p>
                )}
              </div>
              {renderAction(person)}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
