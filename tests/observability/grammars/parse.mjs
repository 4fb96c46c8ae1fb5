// How many faults each query has. In and out: JSON, a list of [language, query] and a list of numbers.
import { parser as logql } from "@grafana/lezer-logql";
import { parser as traceql } from "@grafana/lezer-traceql";
import { parser as promql } from "@prometheus-io/lezer-promql";
import { readFileSync } from "node:fs";

const parsers = { logql, traceql, promql };

function faults(language, query) {
  let count = 0;
  parsers[language].parse(query).iterate({
    enter(node) {
      if (node.type.isError) count += 1;
    },
  });
  return count;
}

const queries = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(queries.map(([language, query]) => faults(language, query))));
