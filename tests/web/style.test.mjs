// Light and dark, every text can be read: contrast as WCAG 2.2 counts it, from the style sheet itself.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const sheet = readFileSync(new URL("../../pkg/web/assets/style.css", import.meta.url), "utf8");
const TEXT = 4.5, PART = 3; // of letters (1.4.3); of what a control or a drawing is known by (1.4.11)
const letters = [
  ["ink", "paper"], ["ink", "card"], ["soft", "paper"], ["soft", "card"], ["soft", "quiet-back"],
  ["good", "good-back"], ["moving", "moving-back"], ["bad", "bad-back"], ["moving", "paper"],
  ["bad", "paper"], ["bad", "card"], ["card", "accent"],
];
const parts = [
  ["stable", "card"], ["candidate", "card"], ["stable", "quiet-back"], ["candidate", "quiet-back"], ["bad", "card"],
  ["focus", "paper"], ["focus", "card"], ["accent", "card"], ["soft", "card"],
];

function coloursOf(text) {
  return Object.fromEntries([...text.matchAll(/--([a-z-]+): #([0-9a-f]{6})/g)].map((m) => [m[1], m[2]]));
}

function luminance(hex) {
  const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

test("contrast counts as WCAG does", () => {
  assert.equal(contrast("ffffff", "000000"), 21);
  assert.ok(Math.abs(contrast("777777", "ffffff") - 4.478) < 0.001);
});

const [light, dark] = sheet.split("@media (prefers-color-scheme: dark)");
for (const [scheme, colours] of [["light", coloursOf(light)], ["dark", coloursOf(dark)]])
  test(`${scheme}: every text and every mark can be told from what it stands on`, () => {
    for (const [pairs, least] of [[letters, TEXT], [parts, PART]])
      for (const [front, back] of pairs) {
        const ratio = contrast(colours[front], colours[back]);
        assert.ok(ratio >= least, `${front} on ${back}: ${ratio.toFixed(2)}, at least ${least}`);
      }
  });
