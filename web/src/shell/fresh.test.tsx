import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { nextIn, useFresh } from "./fresh";
import { mount, serve } from "./testing";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function Count({ of }: { of: string }) {
  const { loaded } = useFresh<{ count: number }>(of, 1000);
  return <p>{loaded.at === "here" ? loaded.view.count : loaded.at}</p>;
}

function seen(isHidden: boolean): void {
  vi.spyOn(document, "hidden", "get").mockReturnValue(isHidden);
  document.dispatchEvent(new Event("visibilitychange"));
}

test("it is renewed while the page is in sight, rests while it is not, and ends with the component", async () => {
  let count = 0;
  const asked = serve(() => ({ count: (count += 1) }));
  const root = mount(<Count of="/v1/a" />);
  await vi.advanceTimersByTimeAsync(50);
  expect(root.textContent).toBe("1");
  await vi.advanceTimersByTimeAsync(2000);
  expect(root.textContent).toBe("3");
  seen(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(3);
  seen(false);
  await vi.advanceTimersByTimeAsync(50);
  expect(asked).toHaveLength(4);
  render(null, root);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(4);
});

test("an answer that comes while nobody looks brings no further question", async () => {
  const asked = serve(() => new Promise((done) => setTimeout(() => done({ count: 1 }), 500)));
  const root = mount(<Count of="/v1/b" />);
  await vi.advanceTimersByTimeAsync(100);
  seen(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(root.textContent).toBe("1");
  expect(asked).toHaveLength(1);
  render(null, root);
});

test("one question at a time, and one that takes too long is given up", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (path: string, { signal }: { signal: AbortSignal }) => {
    asked.push(path);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
  });
  const root = mount(<Count of="/v1/c" />);
  await vi.advanceTimersByTimeAsync(14_000);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2000);
  expect(root.textContent).toBe("failed");
  render(null, root);
});

test("on the way back what was there is shown at once, and renewed", async () => {
  let count = 0;
  serve(() => ({ count: (count += 1) }));
  const before = mount(<Count of="/v1/d" />);
  await vi.advanceTimersByTimeAsync(50);
  render(null, before);
  const root = mount(<Count of="/v1/d" />);
  expect(root.textContent).toBe("1");
  await vi.advanceTimersByTimeAsync(50);
  expect(root.textContent).toBe("2");
  render(null, root);
});

test("failures are asked about less and less, but not never", () => {
  expect([0, 1, 2, 20].map((failures) => nextIn(15_000, failures))).toEqual([15_000, 30_000, 60_000, 120_000]);
  expect(nextIn(0, 0)).toBeUndefined();
});
