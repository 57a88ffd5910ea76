import { expect, test } from "bun:test";
import { Observable } from "./observable.ts";

test("a listener is called once for each change, not for the same value again, and not after its end", () => {
  const value = new Observable(1);
  let calls = 0;
  const end = value.subscribe(() => void calls++);
  value.set(2);
  value.set(2);
  value.update((n) => n + 1);
  expect([value.get(), calls]).toEqual([3, 2]);
  end();
  value.set(4);
  expect([value.get(), calls]).toEqual([4, 2]);
});

test("a listener that is removed during a change does not keep it from the others", () => {
  const value = new Observable("a");
  const calls: string[] = [];
  const end = value.subscribe(() => {
    calls.push("first");
    end();
  });
  value.subscribe(() => void calls.push("second"));
  value.set("b");
  expect(calls).toEqual(["first", "second"]);
});
