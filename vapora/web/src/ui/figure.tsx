/** A chart with its heading, and the same as a table. */
import { Chart, type ChartProps } from "./chart";
import { Panel } from "./page";

export function Figure({ heading, ...chart }: Omit<ChartProps, "label"> & { heading: string }) {
  const { days, series, unit } = chart;
  return (
    <Panel heading={heading}>
      <Chart {...chart} label={`${heading}, as a chart. The table below says the same.`} />
      <details>
        <summary class="cursor-pointer text-sm text-soft">As a table</summary>
        <div class="overflow-auto max-h-80 mt-2" tabIndex={0} role="region" aria-label={`${heading}, table`}>
          <table>
            <thead>
              <tr>
                <th>Day</th>
                {series.map((one) => (
                  <th key={one.label} class="num">
                    {one.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {days.map((day, at) => (
                <tr key={day}>
                  <td class="whitespace-nowrap">{day}</td>
                  {series.map((one) => {
                    const value = one.values[at];
                    return (
                      <td key={one.label} class="num">
                        {value == null ? "–" : unit(value)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </Panel>
  );
}
