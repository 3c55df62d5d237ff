// Rate limits in front of routes of the real express, fastify and hono: the same answers from each.
// On every server.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";

import {
  expressRateLimit,
  fastifyRateLimit,
  type FastifyRequestLike,
  honoRateLimit,
  type LimitOptions,
  type Limiting,
} from "remora/http";
import { rateLimit } from "remora/toolkit";
import { describePiece } from "../toolkit/open.ts";

/** What tests look at of a request: its headers, by a function of each framework. */
type Ask = (headers?: Record<string, string>) => Promise<Response>;

/** What a route is limited by, in words that fit every framework. */
interface Wishes extends Pick<LimitOptions<never>, "style"> {
  readonly key?: (header: (name: string) => string | undefined) => string | undefined;
  readonly cost?: (header: (name: string) => string | undefined) => number;
}

/** One route `/`, which counts how often it was reached. */
interface App {
  readonly ask: Ask;
  readonly reached: () => number;
  readonly close: () => Promise<unknown>;
}

const failed = 418;

async function onExpress(limit: Limiting, { key, cost, style }: Wishes): Promise<App> {
  let count = 0;
  const app = express();
  const middleware = expressRateLimit(limit, {
    ...(key === undefined ? {} : { key: (request) => key((name) => request.get(name)) }),
    ...(cost === undefined ? {} : { cost: (request) => cost((name) => request.get(name)) }),
    ...(style === undefined ? {} : { style }),
  });
  app.get("/", middleware, (_, response) => {
    count += 1;
    response.send("hello");
  });
  app.use((error: Error, _: unknown, response: express.Response, _next: unknown) => {
    response.status(failed).send(error.message);
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    reached: () => count,
    ask: (headers = {}) => fetch(url, { headers: { connection: "close", ...headers } }),
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

async function onFastify(limit: Limiting, { key, cost, style }: Wishes): Promise<App> {
  let count = 0;
  const app = fastify();
  const read = (request: FastifyRequestLike) => (name: string) => request.headers[name] as string | undefined;
  const onRequest = fastifyRateLimit(limit, {
    ...(key === undefined ? {} : { key: (request) => key(read(request)) }),
    ...(cost === undefined ? {} : { cost: (request) => cost(read(request)) }),
    ...(style === undefined ? {} : { style }),
  });
  app.get("/", { onRequest }, () => {
    count += 1;
    return "hello";
  });
  app.setErrorHandler((error: Error, _, reply) => reply.code(failed).send(error.message));
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return {
    reached: () => count,
    ask: (headers = {}) => fetch(url, { headers: { connection: "close", ...headers } }),
    close: () => app.close(),
  };
}

function onHono(limit: Limiting, { key, cost, style }: Wishes): Promise<App> {
  let count = 0;
  const app = new Hono();
  app.use(
    "/",
    honoRateLimit(limit, {
      key: (context) => (key ?? (() => "everybody"))((name) => context.req.header(name)),
      ...(cost === undefined ? {} : { cost: (context) => cost((name) => context.req.header(name)) }),
      ...(style === undefined ? {} : { style }),
    }),
  );
  app.get("/", (context) => {
    count += 1;
    return context.text("hello");
  });
  app.onError((error, context) => context.text(error.message, failed));
  return Promise.resolve({
    reached: () => count,
    ask: async (headers = {}) => app.request("/", { headers }),
    close: () => Promise.resolve(),
  });
}

describePiece("rate limits over http", "http", (box) => {
  describe.each([
    ["express", onExpress],
    ["fastify", onFastify],
    ["hono", onHono],
  ])("by %s", (name, open) => {
    const rule = { algorithm: "slidingLog", limit: 5, window: 3600 } as const;

    test("let five of fifty at once through, and tell everybody", async () => {
      await using app = Object.assign(await open(rateLimit(box.db, name, rule), {}), disposal);
      const answers = await Promise.all(Array.from({ length: 50 }, () => app.ask()));
      const passed = answers.filter(({ status }) => status === 200);
      expect(passed).toHaveLength(5);
      expect(app.reached()).toBe(5);
      expect(await passed[0]?.text()).toBe("hello");
      expect(new Set(passed.map(({ headers }) => headers.get("ratelimit")))).toEqual(
        new Set([0, 1, 2, 3, 4].map((left) => `"${name}";r=${left};t=3600`)),
      );
      expect(passed[0]?.headers.get("ratelimit-policy")).toBe(`"${name}";q=5;w=3600`);
      expect(passed[0]?.headers.get("retry-after")).toBeNull();
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(45);
      for (const { headers } of refused) {
        expect(headers.get("ratelimit")).toMatch(/;r=0;t=\d+$/);
        expect(Number(headers.get("retry-after"))).toBeGreaterThan(3500);
      }
      expect(await refused[0]?.json()).toEqual({
        error: "too_many_requests",
        retryAfterMs: expect.any(Number) as number,
      });
    });

    test("ask whom it is for, and what it costs", async () => {
      const wishes: Wishes = {
        key: (header) => header("x-user"),
        cost: (header) => Number(header("x-cost") ?? 1),
        style: "legacy",
      };
      await using app = Object.assign(await open(rateLimit(box.db, `${name}2`, rule), wishes), disposal);
      expect((await app.ask({ "x-user": "ada", "x-cost": "4" })).headers.get("ratelimit-remaining")).toBe("1");
      expect((await app.ask({ "x-user": "ada", "x-cost": "2" })).status).toBe(429);
      expect((await app.ask({ "x-user": "bob", "x-cost": "2" })).headers.get("ratelimit-remaining")).toBe("3");
      const uncounted = await app.ask();
      expect(uncounted.status).toBe(200);
      expect(uncounted.headers.get("ratelimit-remaining")).toBeNull();
      expect(app.reached()).toBe(3);
    });

    test("hand what fails to the application's own handler", async () => {
      const key: Wishes["key"] = (header) => {
        if (header("x-user") === undefined) throw new Error("nobody");
        return header("x-user");
      };
      await using app = Object.assign(await open(rateLimit(box.db, `${name}3`, rule), { key }), disposal);
      const nobody = await app.ask();
      expect([nobody.status, await nobody.text()]).toEqual([failed, "nobody"]);
      const tooLong = await app.ask({ "x-user": "a".repeat(600) });
      expect([tooLong.status, await tooLong.text()]).toEqual([failed, expect.stringContaining("512 bytes")]);
      const other = await box.another();
      await using gone = Object.assign(await open(rateLimit(other, `${name}3`, rule), { key: () => "ada" }), disposal);
      await other.close();
      expect((await gone.ask()).status).toBe(failed);
      expect(gone.reached()).toBe(0);
      const open_ = rateLimit(other, `${name}3`, rule, { fail: "open" });
      await using through = Object.assign(await open(open_, { key: () => "ada" }), disposal);
      expect((await through.ask()).status).toBe(200);
    });
  });
});

const disposal = {
  async [Symbol.asyncDispose](this: App) {
    await this.close();
  },
};
