// What one may want to ask next, from what the answer says.
import { visible } from "./text";
import type { Answer } from "./wire.gen";

const SUGGESTIONS_MAX = 4;

export function suggestions(answer: Answer): string[] {
  const words: string[] = [];
  // Names with a space in them are not found again in a question.
  const rival = answer.hypotheses.slice(1).find((one) => one.status !== "refuted" && /^[\w.-]+$/.test(one.subject));
  if (answer.verdict === "likely_cause" && rival) words.push(`why not ${rival.subject}?`);
  if (answer.receipt.spans > 0) words.push("show me one failing trace");
  if (answer.verdict !== "lookup") words.push("what changed?");
  if (answer.receipt.log_records > 0 && answer.verdict !== "lookup") words.push("show the new errors");
  words.push("and before that?");
  return words.filter((one) => one !== answer.question).slice(0, SUGGESTIONS_MAX);
}

export function Suggestions({ answer, ask }: { answer: Answer; ask: (question: string) => void }) {
  return (
    <ul class="suggestions" aria-label="Ask next">
      {suggestions(answer).map((words) => (
        <li key={words}>
          <button type="button" class="small" onClick={() => ask(words)}>
            {visible(words)}
          </button>
        </li>
      ))}
    </ul>
  );
}
