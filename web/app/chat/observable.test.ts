import { expect, test } from "bun:test";
import { Observable } from "./observable.ts";

test("who watches a value hears of each change once, not of the same value again, and nothing after the end", () => {
  const value = new Observable(1);
  let heard = 0;
  const end = value.subscribe(() => void heard++);
  value.set(2);
  value.set(2);
  value.update((n) => n + 1);
  expect([value.get(), heard]).toEqual([3, 2]);
  end();
  value.set(4);
  expect([value.get(), heard]).toEqual([4, 2]);
});

test("who stops watching while a change is told does not keep it from the others", () => {
  const value = new Observable("a");
  const heard: string[] = [];
  const end = value.subscribe(() => {
    heard.push("first");
    end();
  });
  value.subscribe(() => void heard.push("second"));
  value.set("b");
  expect(heard).toEqual(["first", "second"]);
});
