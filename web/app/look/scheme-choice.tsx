import { useMantineColorScheme } from "@mantine/core";
import { useEffect, useState } from "react";
import styles from "./lists.module.css";

const CHOICES = [
  { value: "auto", label: "As the system has it" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

/** Light or dark, kept in this browser. */
export function SchemeChoice() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [known, setKnown] = useState(false);
  useEffect(() => setKnown(true), []);
  return (
    <select
      className={styles.select}
      aria-label="Colours"
      value={known ? colorScheme : "auto"}
      disabled={!known}
      onChange={({ target }) => {
        const choice = CHOICES.find(({ value }) => value === target.value);
        if (choice) setColorScheme(choice.value);
      }}
    >
      {CHOICES.map(({ value, label }) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}
