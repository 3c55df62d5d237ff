// Makes a printed draft real, without a compiler: the text of the file becomes an entity type.
// What it imports is given by hand, and nothing else can be reached from it.
import {
  bit,
  dateAs,
  defineEntity,
  type EntityDefinition,
  exact,
  geo,
  geoPoint,
  joined,
  pointText,
  range,
  text,
} from "remora";
import { z } from "zod";

import { inferEntity } from "../../../src/cli/infer/entity.ts";
import { printEntity } from "../../../src/cli/infer/print.ts";
import type { DocumentForm, Sample } from "../../../src/cli/infer/sample.ts";

const given = { z, bit, dateAs, defineEntity, exact, geo, geoPoint, joined, pointText, range, text };

/** The entity type that a printed file defines. */
export function definitionIn(source: string): EntityDefinition {
  const body = source.replaceAll(/^(import|export type) .*$/gm, "").replace(/^export const (\w+) = /m, "return ");
  // eslint-disable-next-line typescript/no-implied-eval -- a program is what is tested
  return new Function(...Object.keys(given), body)(...Object.values(given)) as EntityDefinition;
}

/** A sample of documents under `thing:`, numbered from 0. */
export function sampleOf(form: DocumentForm, values: readonly object[], ttl?: number): Sample {
  return {
    prefix: "thing:",
    documents: values.map((value, at) => ({
      key: `thing:${at}`,
      form,
      value: value as Record<string, unknown>,
      ttl,
    })),
    types: { [form === "json" ? "ReJSON-RL" : form]: values.length },
    unfit: {},
    partial: false,
  };
}

/** What is printed for a sample. */
export function printed(sample: Sample): string {
  const { draft } = inferEntity(sample);
  return draft === undefined ? "" : printEntity(draft);
}
