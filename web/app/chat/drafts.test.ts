import { afterEach, beforeEach, expect, test } from "bun:test";
import { readDraft, removeDraft, saveDraft } from "./drafts.ts";

const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");

/** A browser's storage that holds so many texts. */
function useStorage(room: number) {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem(key: string, text: string) {
      if (!kept.has(key) && kept.size >= room) throw new DOMException("full", "QuotaExceededError");
      kept.set(key, text);
    },
    removeItem: (key: string) => void kept.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true, writable: true });
  return kept;
}

beforeEach(() => void useStorage(10));
afterEach(() => {
  if (before) Object.defineProperty(globalThis, "localStorage", before);
});

test("a draft belongs to its person and place, and nothing is kept of an empty one", () => {
  const kept = useStorage(10);
  saveDraft("1", "8", "half a sentence");
  expect(readDraft("1", "8")).toBe("half a sentence");
  expect(readDraft("1", "9")).toBe("");
  expect(readDraft("2", "8")).toBe("");
  saveDraft("1", "8", "");
  expect(kept.size).toBe(0);
  saveDraft("1", "8", "again");
  removeDraft("1", "8");
  expect(readDraft("1", "8")).toBe("");
});

test("storage that is full or forbidden takes nothing down", () => {
  useStorage(0);
  saveDraft("1", "8", "lost");
  expect(readDraft("1", "8")).toBe("");
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new DOMException("forbidden", "SecurityError");
    },
  });
  saveDraft("1", "8", "lost");
  expect(readDraft("1", "8")).toBe("");
});
