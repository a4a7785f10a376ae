import { afterEach, expect, test, vi } from "vitest";
import { authorization } from "./token";
import { Shown } from "./shown";
import { hostile, mount, unmountAll } from "./shell/testing";

afterEach(() => {
  vi.useRealTimers();
  sessionStorage.clear();
  unmountAll();
});

const show = (view: string) => <b>{view}</b>;

test("what is here is shown", () => {
  expect(mount(<Shown loaded={{ at: "here", view: "text" }} show={show} again={() => undefined} />).querySelector("b")?.textContent).toBe("text");
});

test("loading is said only when it lasts", async () => {
  vi.useFakeTimers();
  const root = mount(<Shown loaded={{ at: "loading" }} show={show} again={() => undefined} />);
  await vi.advanceTimersByTimeAsync(150);
  expect(root.textContent).toBe("");
  await vi.advanceTimersByTimeAsync(200);
  expect(root.querySelector("[role=status]")?.textContent).toBe("Loading…");
});

test("a failure says why as text and is tried again when asked", () => {
  const again = vi.fn();
  const root = mount(<Shown loaded={{ at: "failed", why: hostile }} show={show} again={again} />);
  expect(root.querySelector("[role=alert]")?.textContent).toContain("<img");
  expect(root.querySelector("img")).toBeNull();
  root.querySelector("button")?.click();
  expect(again).toHaveBeenCalledOnce();
});

test("a token is kept before the server is asked again", () => {
  const again = vi.fn(() => expect(authorization()).toEqual({ authorization: "Bearer secret" }));
  const root = mount(<Shown loaded={{ at: "token" }} show={show} again={again} />);
  const field = root.querySelector<HTMLInputElement>("#token");
  if (field) field.value = "secret";
  root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
  expect(again).toHaveBeenCalledOnce();
});
