import { expect, test } from "vitest";
import { freeName, isImage, pastedName, size } from "./files";

test("a name that is taken gets a number before its end", () => {
  expect(freeName("shot.png", [])).toBe("shot.png");
  expect(freeName("shot.png", ["shot.png"])).toBe("shot (2).png");
  expect(freeName("shot.png", ["shot.png", "shot (2).png"])).toBe("shot (3).png");
  expect(freeName(".env", [".env"])).toBe(".env (2)");
  expect(freeName(" ", [])).toBe("file");
});

test("a pasted picture is called by the moment, every other file as it was", () => {
  const at = new Date("2026-11-27T10:11:12Z");
  expect(pastedName({ name: "image.png", type: "image/png" }, at)).toBe("screenshot 2026-11-27 10.11.12.png");
  expect(pastedName({ name: "plan.pdf", type: "application/pdf" }, at)).toBe("plan.pdf");
});

test("sizes are read at a glance", () => {
  expect([size(12), size(1_234), size(45_678), size(10_485_760)]).toEqual(["12 bytes", "1.2 kB", "46 kB", "10 MB"]);
});

test("what could run is no image", () => {
  expect([isImage("image/png"), isImage("image/svg+xml"), isImage("text/plain")]).toEqual([true, false, false]);
});
