import { expect, it } from "vitest";
import { next } from "./playback";

const here = { position: 10, when: "2026-11-22T10:00:00Z" };
const now = Date.parse("2026-11-22T11:00:00Z");

it("plays all of the log in a minute, by positions", () => {
  expect(next(here, 0, 500, 1_200, now)).toBe("20");
  expect(next({ ...here, position: 1_195 }, 0, 500, 1_200, now)).toBe(null);
  expect(next(here, 0, 500, 12, now)).toBe("11");
});

it("plays a day in a minute, by the log's own time", () => {
  expect(next(here, 86_400_000, 500, 1_200, now)).toBe("2026-11-22T10:12:00.000Z");
  expect(next({ ...here, when: "2026-11-22T10:55:00Z" }, 86_400_000, 500, 1_200, now)).toBe(null);
});

it("stops where the time of a position is not known", () => {
  expect(next({ ...here, when: "" }, 86_400_000, 500, 1_200, now)).toBe(null);
});
