import { afterEach, beforeEach, expect, test } from "bun:test";
import { readDraft, removeDraft, saveDraft } from "./drafts.ts";

const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");

/** A browser's storage with a limited capacity. */
function useStorage(capacity: number) {
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem(key: string, text: string) {
      if (!stored.has(key) && stored.size >= capacity) throw new DOMException("full", "QuotaExceededError");
      stored.set(key, text);
    },
    removeItem: (key: string) => void stored.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true, writable: true });
  return stored;
}

beforeEach(() => void useStorage(10));
afterEach(() => {
  if (before) Object.defineProperty(globalThis, "localStorage", before);
});

test("a draft belongs to its person and target, and an empty one is not stored", () => {
  const stored = useStorage(10);
  saveDraft("1", "8", "half a sentence");
  expect(readDraft("1", "8")).toBe("half a sentence");
  expect(readDraft("1", "9")).toBe("");
  expect(readDraft("2", "8")).toBe("");
  saveDraft("1", "8", "");
  expect(stored.size).toBe(0);
  saveDraft("1", "8", "again");
  removeDraft("1", "8");
  expect(readDraft("1", "8")).toBe("");
});

test("storage that is full or forbidden causes no error", () => {
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
