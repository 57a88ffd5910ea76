/** One `NAME=value` of a `.env` file. */
export interface DotenvEntry {
  name: string;
  value: string;
  line: number;
}

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/;

/**
 * Reads the text of a `.env` file: `NAME=value` lines, `#` comments, an optional `export`, values in single or double quotes.
 * Nothing is expanded and no value spans lines.
 *
 * @returns the entries, and a sentence for each line that is none
 */
export function parseDotenv(text: string): { entries: DotenvEntry[]; mistakes: string[] } {
  const entries: DotenvEntry[] = [];
  const mistakes: string[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const match = LINE.exec(content);
    const value = match ? unquote(match[2]!.trim()) : null;
    if (match && value !== null) entries.push({ name: match[1]!, value, line: index + 1 });
    else mistakes.push(`Line ${index + 1} of .env is not of the form NAME=value.`);
  }
  return { entries, mistakes };
}

/** The value without its quotes or trailing comment; null when a quote is not closed. */
function unquote(text: string): string | null {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return text.replace(/(^|\s)#.*$/, "").trim();
  const end = text.indexOf(quote, 1);
  if (end < 0 || !/^\s*(#.*)?$/.test(text.slice(end + 1))) return null;
  return text.slice(1, end);
}
