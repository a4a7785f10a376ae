// The same thing in other programs, by addresses that the settings give.
import { useView } from "./api";
import { millis } from "./time";
import { visible } from "./text";
import type { Evidence, ExternalLink, PanelOptions } from "./wire.gen";

/** What can be filled in. */
export interface Filled {
  trace?: string;
  service?: string;
  metric?: string;
  query?: string;
  from?: string;
  to?: string;
}

/** The address with everything filled in; `undefined` where something is missing or it leads nowhere safe. */
export function filled(link: ExternalLink, values: Filled): string | undefined {
  const times = { from_ms: values.from && String(millis(values.from)), to_ms: values.to && String(millis(values.to)) };
  const known: Record<string, string | undefined> = { ...values, ...times };
  let isWhole = true;
  const address = link.address.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = known[name];
    isWhole &&= value !== undefined && value !== "";
    return encodeURIComponent(value ?? "");
  });
  return isWhole && /^https?:\/\//.test(address) ? address : undefined;
}

/** What of an item can be opened elsewhere, and as what. */
export function fillable(item: Evidence): [string, Filled] {
  const times = { from: item.from ?? undefined, to: item.to ?? undefined, service: item.service ?? undefined, query: item.query ?? undefined };
  switch (item.measure?.of) {
    case "trace":
      return ["trace", { ...times, trace: item.measure.trace }];
    case "template":
      return ["logs", times];
    case "series":
      return ["metric", { ...times, metric: item.measure.metric }];
    case "requests":
    case "calls":
      return ["service", times];
    default:
      return ["", times];
  }
}

export function Elsewhere({ item }: { item: Evidence }) {
  const options = useView<PanelOptions>("/v1/panel");
  if (options.at !== "here") return null;
  const [kind, values] = fillable(item);
  const links = options.view.links.filter((link) => link.kind === kind).flatMap((link) => ({ name: link.name, address: filled(link, values) }));
  return (
    <>
      {links.map(
        ({ name, address }) =>
          address && (
            <a key={address} href={address} target="_blank" rel="noreferrer noopener">
              Open in {visible(name)} <span aria-hidden="true">↗</span>
              <span class="visually-hidden"> (another page)</span>
            </a>
          ),
      )}
    </>
  );
}
