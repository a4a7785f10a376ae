// The page behind a permalink: exactly the item that was cited.
import { useState } from "preact/hooks";
import { useView } from "./api";
import { EvidencePane } from "./evidence";
import { Shown } from "./shown";
import type { Evidence } from "./wire.gen";

export function Permalink({ answer, id }: { answer: string; id: string }) {
  const [again, setAgain] = useState(0);
  const loaded = useView<Evidence>(`/v1/evidence/${encodeURIComponent(answer)}/${encodeURIComponent(id)}`, again);
  return (
    <div class="permalink">
      <Shown loaded={loaded} again={() => setAgain(again + 1)} show={(item) => <EvidencePane item={item} />} />
    </div>
  );
}
