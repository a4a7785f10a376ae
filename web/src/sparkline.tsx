// A small chart with its figures in words, for those who do not see it.
const WIDTH = 220;
const HEIGHT = 36;

export function Sparkline({ values, label }: { values: number[]; label: string }) {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return null;
  const low = Math.min(0, ...finite);
  const high = Math.max(...finite, low + 1e-9);
  const points = finite.map((value, index) => {
    const x = (index / (finite.length - 1)) * (WIDTH - 2) + 1;
    const y = HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const words = `${label}: from ${finite[0]} to ${finite[finite.length - 1]}, highest ${Math.max(...finite)}`;
  return (
    <svg class="spark" role="img" aria-label={words} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT}>
      <polyline points={points.join(" ")} fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}
