import styles from "./avatar.module.css";

/** Hues that are distinct from each other and from the accent. */
const HUES = [28, 55, 85, 115, 140, 165, 195, 220, 245, 270, 295, 325];

/** A person as initials on a colour that is always the same for them. Decorative: the name is beside it. `isOnline`: with a dot. */
export function Avatar({
  id,
  name,
  size = 36,
  isOnline,
}: {
  id: string;
  name: string;
  size?: number;
  isOnline?: boolean;
}) {
  return (
    <span
      aria-hidden="true"
      className={styles.avatar}
      data-is-online={isOnline || undefined}
      style={{ "--hue": getHue(id), "--size": `${size}px` } as React.CSSProperties}
    >
      {getInitials(name)}
    </span>
  );
}

/** FNV-1a: ids that differ in one digit get distant hues. */
function getHue(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return HUES[(hash >>> 8) % HUES.length] ?? 0;
}

function getInitials(name: string): string {
  const words = name.split(/[^\p{L}\p{M}\p{N}]+/u).filter((word) => word !== "");
  const letters =
    words.length > 1
      ? [words[0], words.at(-1)].map((word) => [...(word ?? "")][0])
      : [...(words[0] ?? name)].slice(0, 2);
  return letters.join("").toUpperCase();
}
