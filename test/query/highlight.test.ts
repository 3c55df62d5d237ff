// Marked texts: the words that were asked for, as they stand in the text, and nothing else changed.
// Folded letters, marks, signs of HTML and characters beyond the BMP are among the texts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, text } from "remora";
import { tokens } from "../../src/codec/term.ts";
import { highlighter } from "../../src/query/highlight.ts";
import type { Condition } from "../../src/query/node.ts";
import { hostileString, phrase } from "../property/strings.ts";
import { seed } from "../property/seed.ts";

const { metadata } = defineEntity({
  name: "note",
  schema: z.object({ id: z.string(), body: z.string() }),
  index: { body: text({ phrase: true }) },
});

function mark(body: string, where: Condition, escape = false): string | null | undefined {
  const query = { metadata, where, orderBy: [], limit: undefined, offset: 0 };
  return highlighter(query, { paths: ["body"], open: "[", close: "]", escape })({ body })["body"];
}
const match = (sought: string): Condition => ({ type: "match", path: "body", text: sought });

test("words are marked as they stand in the text", () => {
  expect(mark("The Quick-brown FOX, foxes!", match("fox quick"))).toBe("The [Quick]-brown [FOX], foxes!");
  expect(mark("École, e\u0301cole", match("école"))).toBe("[École], [e\u0301cole]");
  expect(mark("Straße ﬁne ①2", match("STRASSE fine 12"))).toBe("[Straße] [ﬁne] [①2]");
  expect(mark("𝒳 and 😀", match("x"))).toBe("[𝒳] and 😀");
  expect(mark("nothing here", match("else"))).toBe("nothing here");
});

test("beginnings, mistakes and phrases mark what they mean", () => {
  expect(mark("star wars starlight", { type: "matchPrefix", path: "body", text: "wars sta" })).toBe(
    "[star] [wars] [starlight]",
  );
  expect(mark("receive recieve", { type: "fuzzy", path: "body", text: "recive", distance: 1 })).toBe(
    "[receive] [recieve]",
  );
  expect(mark("to be or not", { type: "phrase", path: "body", text: "or not" })).toBe("to be [or] [not]");
});

test("what must not be there, and other fields, mark nothing", () => {
  expect(mark("fox", { type: "not", item: match("fox") })).toBe("fox");
  expect(mark("fox", { type: "not", item: { type: "not", item: match("fox") } })).toBe("[fox]");
  expect(mark("fox", { type: "match", path: "title", text: "fox" })).toBe("fox");
  expect(mark("fox hen", { type: "or", items: [match("fox"), match("hen")] })).toBe("[fox] [hen]");
});

test("texts are escaped, marks are not", () => {
  expect(mark(`<b>"fox" & 'hen'</b>`, match("fox b"), true)).toBe(
    "&lt;[b]&gt;&quot;[fox]&quot; &amp; &#39;hen&#39;&lt;/[b]&gt;",
  );
});

test("without its marks a text is what it was, and every word of it can be marked", () => {
  const some = fc.oneof(phrase, hostileString).filter((body) => !/[[\]]/.test(body));
  fc.assert(
    fc.property(some, (body) => {
      expect(mark(body, match(body))?.replaceAll(/[[\]]/g, "")).toBe(body);
      for (const word of tokens(body)) {
        const shown = mark(body, match(word)) ?? "";
        const hits = [...shown.matchAll(/\[([^\]]*)\]/g)].map(([, hit = ""]) => hit);
        // Characters that fold to several words or signs stay unmarked; all others are found.
        for (const hit of hits) expect(tokens(hit)).toContain(word);
        const whole = Array.from(body).every(
          (character) =>
            !/[^\p{L}\p{M}\p{N}]/u.test(character.normalize("NFKC")) || character.normalize("NFKC") === character,
        );
        if (whole) expect([body, word, hits.length > 0]).toEqual([body, word, true]);
      }
    }),
    { numRuns: 3000, seed },
  );
});
