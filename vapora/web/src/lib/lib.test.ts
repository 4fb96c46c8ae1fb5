import { expect, test } from "vitest";
import type { Card } from "../api/types";
import { csv } from "./csv";
import { fits, NO_FILTER, readFilter, withFilter } from "./filter";
import { cents, dollars, duration, named } from "./format";
import { visible } from "./window";

const card = { id: "task-1", title: "Write the Parser", role: "developer", assigned_agent: null, task_type: "code", runs: [], waiting: null } as unknown as Card;

test("every word of a search must occur, in any case", () => {
  expect(fits(card, { ...NO_FILTER, text: "parser write" })).toBe(true);
  expect(fits(card, { ...NO_FILTER, text: "parser docs" })).toBe(false);
  expect(fits(card, { ...NO_FILTER, waiting: "any" })).toBe(false);
});

test("a label narrows the board to the cards that bear it", () => {
  const labelled = { ...card, labels: ["mobile", "sprint 7"] } as unknown as Card;
  expect(fits(labelled, { ...NO_FILTER, label: "sprint 7" })).toBe(true);
  expect(fits(labelled, { ...NO_FILTER, label: "sprint" })).toBe(false);
  expect(fits(card, { ...NO_FILTER, label: "mobile" })).toBe(false);
  expect(fits(labelled, { ...NO_FILTER, text: "mobile" })).toBe(true);
});

test("a filter survives the address, and leaves the rest of it alone", () => {
  const filter = { text: "a&b=c", role: "developer", agent: "", waiting: "any", label: "sprint 7" };
  const query = withFilter("?at=12", filter);
  expect(readFilter(query)).toEqual(filter);
  expect(new URLSearchParams(query).get("at")).toBe("12");
  expect(withFilter("?q=x", NO_FILTER)).toBe("");
});

test("small money is told from none", () => {
  expect([dollars(0), dollars(3), dollars(9_100), dollars(1_234_567)]).toEqual(["$0.00", "<$0.0001", "$0.0091", "$1.23"]);
  expect([cents(null), cents(0), cents(250)]).toEqual(["no limit", "$0.00", "$2.50"]);
});

test("times are told in the largest unit that fits", () => {
  expect([duration(900), duration(61_000), duration(7_260_000)]).toEqual(["900 ms", "1 min 1 s", "2 h 1 min"]);
});

test("a cell of a table can neither break out of it nor be a formula", () => {
  expect(csv([["a,b", 'say "x"', "=1+1", -5]])).toBe('"a,b","say ""x""",\'=1+1,-5\r\n');
});

test("only what is seen is drawn, with a margin", () => {
  const heights = Array.from({ length: 1_000 }, () => 100);
  const span = visible(heights, 5_000, 500, 100);
  expect(span).toEqual({ first: 49, end: 56, above: 4_900, total: 100_000 });
  expect(visible([], 0, 500, 100)).toEqual({ first: 0, end: 0, above: 0, total: 0 });
  expect(visible([10], 9_999, 500, 0).end).toBe(1);
});

test("a sentence names cards by their titles where they are known", () => {
  const titles: Record<string, string> = { "task-00112233445566aa": "Plan it" };
  const said = named("It starts as soon as task-00112233445566aa and task-00000000000000ff are done.", (id) => titles[id]);
  expect(said).toBe("It starts as soon as “Plan it” and task-00000000000000ff are done.");
});
