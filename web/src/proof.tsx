// What stands behind an item, looked up where it was measured: lines with a histogram, the waterfall, the chart, the map.
import { useState } from "preact/hooks";
import { query, useView } from "./api";
import { LogHistogram } from "./logs/histogram";
import { LogLines } from "./logs/lines";
import { ServiceMap } from "./map/map";
import { MetricChart } from "./metrics/chart";
import { around } from "./place";
import { go } from "./route";
import { Shown } from "./shown";
import { Waterfall } from "./trace/waterfall";
import type { Evidence, LogsView, MetricsView, ServicesView, TraceView } from "./wire.gen";

const LINES = 200;
const CHARTS_MAX = 3;

export function Proof({ item }: { item: Evidence }) {
  const times = around(item);
  switch (item.measure?.of) {
    case "template":
      return <Lines key={item.id} {...times} service={item.measure.service} template={item.measure.template} />;
    case "trace":
      return <Trace key={item.id} id={item.measure.trace} />;
    case "series":
      return <Charts key={item.id} {...times} service={item.measure.service} name={item.measure.metric} pod={item.measure.pod} />;
    case "requests":
      return <Calls key={item.id} {...times} focus={item.measure.service} />;
    case "calls":
      return <Calls key={item.id} {...times} focus={item.measure.callee} />;
    default:
      return null;
  }
}

interface Times {
  from?: string;
  to?: string;
}

function Lines({ from, to, service, template }: Times & { service: string; template: string }) {
  const [range, setRange] = useState<Times>({ from, to });
  const [again, setAgain] = useState(0);
  const loaded = useView<LogsView>(query("/v1/logs", { ...range, service, template, limit: LINES }), again);
  return (
    <Shown
      loaded={loaded}
      again={() => setAgain(again + 1)}
      show={(view) => (
        <div class="proof">
          <LogHistogram view={view} onRange={(start, end) => setRange({ from: start, to: end })} />
          {(range.from !== from || range.to !== to) && (
            <button type="button" class="small" onClick={() => setRange({ from, to })}>
              The whole time
            </button>
          )}
          <div class="proof-lines">
            <LogLines lines={view.lines} />
          </div>
        </div>
      )}
    />
  );
}

function Trace({ id }: { id: string }) {
  const [again, setAgain] = useState(0);
  const loaded = useView<TraceView>(`/v1/traces/${encodeURIComponent(id)}`, again);
  return <Shown loaded={loaded} again={() => setAgain(again + 1)} show={(view) => <Waterfall view={view} />} />;
}

function Charts({ from, to, service, name, pod }: Times & { service: string; name: string; pod: string | null }) {
  const [again, setAgain] = useState(0);
  const loaded = useView<MetricsView>(query("/v1/metrics", { from, to, service, name }), again);
  return (
    <Shown
      loaded={loaded}
      again={() => setAgain(again + 1)}
      show={(view) => {
        const series = view.series.filter((one) => pod === null || one.pod === pod).slice(0, CHARTS_MAX);
        const onRange = (start: string, end: string) => go(query("/charts", { from: start, to: end, service, name }));
        return (
          <div class="proof">
            {series.map((one, index) => (
              <MetricChart key={index} series={one} from={view.from} to={view.to} beforeFrom={view.before_from} markers={view.markers} onRange={onRange} />
            ))}
          </div>
        );
      }}
    />
  );
}

function Calls({ from, to, focus }: Times & { focus: string }) {
  const [again, setAgain] = useState(0);
  const loaded = useView<ServicesView>(query("/v1/services", { from, to }), again);
  return <Shown loaded={loaded} again={() => setAgain(again + 1)} show={(view) => <ServiceMap view={view} focus={focus} onFocus={(name) => go(query("/services", { from, to, focus: name, tab: "map" }))} />} />;
}
