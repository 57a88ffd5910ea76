import styles from "./face.module.css";

/** Hues that stay apart from each other and from the accent. */
const HUES = [28, 55, 85, 115, 140, 165, 195, 220, 245, 270, 295, 325];

/** A person as initials on a colour that is always the same for him. Decoration: the name stands beside it. `here`: with a dot. */
export function Face({ id, name, size = 36, here }: { id: string; name: string; size?: number; here?: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={styles.face}
      data-here={here || undefined}
      style={{ "--hue": hueOf(id), "--size": `${size}px` } as React.CSSProperties}
    >
      {initialsOf(name)}
    </span>
  );
}

/** FNV-1a: ids that differ in one digit land far apart. */
function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return HUES[(hash >>> 8) % HUES.length] ?? 0;
}

function initialsOf(name: string): string {
  const words = name.split(/[^\p{L}\p{M}\p{N}]+/u).filter((word) => word !== "");
  const letters =
    words.length > 1
      ? [words[0], words.at(-1)].map((word) => [...(word ?? "")][0])
      : [...(words[0] ?? name)].slice(0, 2);
  return letters.join("").toUpperCase();
}
