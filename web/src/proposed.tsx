// What could be done about it, shown under an answer. A page inside another page offers nothing: there one cannot know
// what one presses.
import { useEffect, useState } from "preact/hooks";
import { useView } from "./api";
import { lazy } from "./lazy";
import { authorization } from "./token";
import type { PanelOptions, Proposal } from "./wire.gen";

const ProposalView = lazy(() => import("./proposal").then((part) => part.ProposalView));

/** Sends a word on a proposal; what came of it, or why nothing did. */
export async function send<T>(path: string, body: unknown): Promise<T | string> {
  try {
    const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json", ...authorization() }, body: JSON.stringify(body) });
    const said = (await response.json()) as T & { error?: { message: string } };
    return response.ok ? said : (said.error?.message ?? "the server did not take it");
  } catch {
    return "the server is away; whether it took that is not known. Look again before you try again";
  }
}

/** The proposal under an answer, where there may be one. */
export function Proposed({ answerId }: { answerId: string }) {
  const options = useView<PanelOptions>("/v1/panel");
  const may = options.at === "here" && options.view.actions && window.top === window.self;
  const [proposal, setProposal] = useState<Proposal | null>(null);
  useEffect(() => {
    let here = true;
    if (may) {
      void send<{ proposal: Proposal | null }>(`/v1/answers/${encodeURIComponent(answerId)}/proposal`, {}).then((said) => {
        if (here && typeof said !== "string") setProposal(said.proposal);
      });
    }
    return () => {
      here = false;
    };
  }, [answerId, may]);
  return proposal && <ProposalView proposal={proposal} changed={setProposal} />;
}
