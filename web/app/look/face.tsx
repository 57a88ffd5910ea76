import styles from "./face.module.css";

/** Hues that stay apart from each other and from the accent. */
const HUES = [28, 45, 95, 140, 170, 200, 225, 255, 285, 320];

/** A person as initials on a colour that is always the same for him. Decoration: the name stands beside it. */
export function Face({ id, name, size = 36 }: { id: string; name: string; size?: number }) {
  return (
    <span
      aria-hidden="true"
      className={styles.face}
      style={{ "--hue": hueOf(id), "--size": `${size}px` } as React.CSSProperties}
    >
      {initialsOf(name)}
    </span>
  );
}

function hueOf(id: string): number {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return HUES[sum % HUES.length] ?? 0;
}

function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter((word) => word !== "");
  const letters =
    words.length > 1 ? [words[0], words.at(-1)].map((word) => [...(word ?? "")][0]) : [...name].slice(0, 2);
  return letters.join("").toUpperCase();
}
