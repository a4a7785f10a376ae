// A small chart with its figures in words, for those who do not see it.
const WIDTH = 320;
const HEIGHT = 48;

export function Sparkline({ values, label }: { values: number[]; label: string }) {
  const finite = values.filter(Number.isFinite);
  const [first] = finite;
  const last = finite[finite.length - 1];
  if (finite.length < 2 || first === undefined || last === undefined) return null;
  const highest = Math.max(...finite);
  const low = Math.min(0, ...finite);
  const span = Math.max(highest - low, Number.EPSILON);
  const points = finite.map((value, index) => {
    const x = (index / (finite.length - 1)) * (WIDTH - 6) + 3;
    const y = HEIGHT - 4 - ((value - low) / span) * (HEIGHT - 8);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const [x, y] = (points[points.length - 1] ?? "0,0").split(",");
  const words = `from ${figure(first)} to ${figure(last)}, highest ${figure(highest)}`;
  return (
    <figure class="spark">
      <svg role="img" aria-label={`${label}: ${words}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT}>
        <polygon class="area" points={`3,${HEIGHT - 4} ${points.join(" ")} ${WIDTH - 3},${HEIGHT - 4}`} />
        <polyline points={points.join(" ")} />
        <circle cx={x} cy={y} r="2.5" />
      </svg>
      <figcaption aria-hidden="true">{words}</figcaption>
    </figure>
  );
}

function figure(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}
