import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { ProposalView } from "./proposal";
import { Proposed } from "./proposed";
import type { Proposal } from "./wire.gen";

const hostile = `<img src=x onerror="alert(1)">`;

const proposal: Proposal = {
  id: "ap_1", action: "recycle", title: "Recycle checkout", does: "Restarts the pods", blast_radius: "one pod at a time", callers: ["shop", hostile], undo: "nothing to undo",
  runbook: "pool.md", arguments: { service: "checkout" }, actuator: "webhook recycler", check: null, plan: "{\"action\":\"recycle\"}", hash: "abc", dry_run: ["would post the plan"],
  rests_on: { answer: "ans_1", incident: "7Q2", suspect: "checkout", evidence: ["E1"], is_tainted: false, words: "E1, of which E1 is measured" },
  proposed_by: "groundcrew", at: "2026-11-29T03:00:00Z", expires_at: "2026-11-29T03:30:00Z", state: "open",
  course: { decided_by: null, decided_at: null, outcome: null, check_at: null, helped: null, measured: null },
};

function mount(view: Parameters<typeof render>[0]): HTMLElement {
  const root = document.createElement("div");
  document.body.append(root);
  render(view, root);
  return root;
}

const button = (root: HTMLElement, words: string) => [...root.querySelectorAll<HTMLButtonElement>("button")].find((one) => one.textContent?.startsWith(words));
const submit = (root: HTMLElement) => root.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));

afterEach(() => {
  vi.unstubAllGlobals();
  sessionStorage.clear();
});

test("the plan is read, a name given and confirmed before anything is sent, and the hash that was shown is what is sent", async () => {
  const sent: [string, unknown][] = [];
  vi.stubGlobal("fetch", async (url: string, options: RequestInit) => {
    sent.push([url, JSON.parse(String(options.body))]);
    return new Response(JSON.stringify({ ...proposal, state: "done" }), { status: 200 });
  });
  const changed = vi.fn();
  const root = mount(<ProposalView proposal={proposal} changed={changed} />);
  expect(root.textContent).not.toContain("one pod at a time");
  button(root, "Approve…")?.click();
  await vi.waitFor(() => expect(root.textContent).toContain("one pod at a time"));
  for (const words of ["nothing to undo", "service = checkout", "of which E1 is measured", "abc"]) expect(root.textContent).toContain(words);
  expect(root.querySelector("img")).toBeNull();
  const field = root.querySelector<HTMLInputElement>("input[name=name]");
  if (!field) throw new Error("there is a field for the name");
  field.value = "ana";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await vi.waitFor(() => expect(button(root, "Decline")?.disabled).toBe(false));
  submit(root);
  await vi.waitFor(() => expect(button(root, "Yes, ana")).toBeDefined());
  expect(sent).toEqual([]);
  submit(root);
  await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
  expect(sent).toEqual([["/v1/proposals/ap_1/approve", { by: "ana", hash: "abc" }]]);
});

test("a refusal is said and nothing is taken for done", async () => {
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ error: { message: `expired ${hostile}` } }), { status: 409 }));
  sessionStorage.setItem("groundcrew.name", "ana");
  const changed = vi.fn();
  const root = mount(<ProposalView proposal={proposal} changed={changed} />);
  button(root, "Approve…")?.click();
  await vi.waitFor(() => expect(root.querySelector("form")).not.toBeNull());
  submit(root);
  await vi.waitFor(() => expect(button(root, "Yes, ana")).toBeDefined());
  submit(root);
  await vi.waitFor(() => expect(root.querySelector("[role=alert]")?.textContent).toContain("expired <img"));
  expect(changed).not.toHaveBeenCalled();
});

test("what is decided has no button", () => {
  const done: Proposal = { ...proposal, state: "done", course: { ...proposal.course, decided_by: "ana (API)", outcome: "recycler answered 200", helped: "not", measured: "error ratio 40 %" } };
  const root = mount(<ProposalView proposal={done} changed={() => {}} />);
  expect(root.querySelector("button")).toBeNull();
  expect(root.textContent).toContain("approved by ana (API); recycler answered 200; it is not better: error ratio 40 %");
});

test("where no actions are configured nothing is asked for", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return new Response(JSON.stringify({ links: [], actions: false }), { status: 200 });
  });
  const root = mount(<Proposed answerId="ans_1" />);
  await vi.waitFor(() => expect(asked).toEqual(["/v1/panel"]));
  expect(root.textContent).toBe("");
});
