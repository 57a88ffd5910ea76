import { NativeSelect, useMantineColorScheme } from "@mantine/core";
import { useEffect, useState } from "react";

const SCHEMES = [
  { value: "auto", label: "System" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

/** Light or dark, stored in this browser. */
export function ColorSchemeSelect() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [known, setKnown] = useState(false);
  useEffect(() => setKnown(true), []);
  return (
    <NativeSelect
      aria-label="Appearance"
      data={SCHEMES}
      value={known ? colorScheme : "auto"}
      disabled={!known}
      onChange={({ target }) => {
        const choice = SCHEMES.find(({ value }) => value === target.value);
        if (choice) setColorScheme(choice.value);
      }}
    />
  );
}
