// Listening to channels and patterns over one connection: begun once, ended when nobody listens, and again after it was cut.
// What listeners throw ends nothing.
import { Cluster as Cluster6 } from "ioredis";
import { Cluster as Cluster5 } from "ioredis5";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { type ConnectionTarget, connect, type Database } from "remora";
import type { TestServer } from "remora/testing";
import { attach } from "../../src/redis/attachment.ts";
import type { Subscriber, SubscriptionKind } from "../../src/redis/subscriber.ts";
import { expectFailure } from "../behaviour/failures.ts";
import { ownCluster } from "./own-cluster.ts";
import { ownServer } from "./own-server.ts";

/** Listens, and lets the test wait for messages. */
class Ear {
  readonly heard: [channel: string, message: string][] = [];
  readonly failures: unknown[] = [];
  readonly gaps: boolean[] = [];
  fails = false;
  #wake = (): void => undefined;

  readonly listener = {
    message: (message: string, channel: string): void => {
      this.heard.push([channel, message]);
      this.#wake();
      if (this.fails) throw new RangeError(message);
    },
    failed: (error: unknown): void => void this.failures.push(error),
    gap: (listening: boolean): void => {
      this.gaps.push(listening);
      this.#wake();
    },
  };

  async until(done: () => boolean): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop -- until it is
    while (!done()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

describe("a connection that listens", () => {
  let server: TestServer;
  let db: Database;
  let subscriber: Subscriber;
  beforeEach(async () => {
    server = await ownServer();
    db = await connect(server.url);
    subscriber = db[attach]().openSubscriber();
  });
  afterEach(async () => {
    await db.close();
    await server.stop();
  });
  const publish = (channel: string, message: string): Promise<unknown> => db.redis.call("PUBLISH", channel, message);

  test("is one for the database, and tells each listener of its own", async () => {
    expect(db[attach]().openSubscriber()).toBe(subscriber);
    const [one, two, pattern] = [new Ear(), new Ear(), new Ear()];
    const stop = await subscriber.subscribe("channel", "a", one.listener);
    await subscriber.subscribe("channel", "a", two.listener);
    await subscriber.subscribe("pattern", "a*", pattern.listener);
    expect(await publish("a", "1")).toBe(2);
    // The reply comes over another connection than the message.
    await one.until(() => one.heard.length === 1);
    await stop();
    await stop();
    await publish("ab", "2");
    await publish("a", "3");
    await pattern.until(() => pattern.heard.length === 3);
    await two.until(() => two.heard.length === 2);
    expect(one.heard).toEqual([["a", "1"]]);
    expect(two.heard).toEqual([["a", "1"], ["a", "3"]]); // prettier-ignore
    expect(pattern.heard.map(([channel]) => channel)).toEqual(["a", "ab", "a"]);
  });

  test("ends what nobody listens to", async () => {
    const ear = new Ear();
    const stops = await Promise.all(
      (["channel", "pattern", "shard"] as SubscriptionKind[]).map((kind) =>
        subscriber.subscribe(kind, "a", ear.listener),
      ),
    );
    expect(await db.redis.call("SPUBLISH", "a", "s")).toBe(1);
    expect(await publish("a", "1")).toBe(2);
    await ear.until(() => ear.heard.length === 3);
    await Promise.all(stops.map((stop) => stop()));
    expect(await publish("a", "2")).toBe(0);
    expect(await db.redis.call("SPUBLISH", "a", "s")).toBe(0);
  });

  test("goes on when a listener throws", async () => {
    const [bad, good] = [new Ear(), new Ear()];
    bad.fails = true;
    await subscriber.subscribe("channel", "a", bad.listener);
    await subscriber.subscribe("channel", "a", good.listener);
    await publish("a", "1");
    await publish("a", "2");
    await good.until(() => good.heard.length === 2);
    expect(bad.failures).toEqual([new RangeError("1"), new RangeError("2")]);
  });

  test("listens again after it was cut, and tells of the gap", async () => {
    const ear = new Ear();
    await subscriber.subscribe("channel", "a", ear.listener);
    await subscriber.subscribe("pattern", "b*", ear.listener);
    const before = ear.gaps.length;
    await db.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await ear.until(() => ear.gaps.slice(before).includes(false) && ear.gaps.at(-1) === true);
    expect(await publish("a", "1")).toBe(1);
    expect(await publish("bc", "2")).toBe(1);
    await ear.until(() => ear.heard.length === 2);
  });

  test("says what a user may not listen to", async () => {
    await db.redis.call("ACL", "SETUSER", "deaf", "on", ">x", "~*", "+@all", "resetchannels", "&mine");
    const url = new URL(server.url);
    await using other = await connect({ host: url.hostname, port: Number(url.port), username: "deaf", password: "x" });
    const ears = other[attach]().openSubscriber();
    await expectFailure(ears.subscribe("channel", "theirs", new Ear().listener), "CAPABILITY");
    await ears.subscribe("channel", "mine", new Ear().listener);
  });

  test("is closed with its database", async () => {
    await subscriber.subscribe("channel", "a", new Ear().listener);
    await db.close();
    expect(subscriber.closed).toBe(true);
    await expectFailure(subscriber.subscribe("channel", "b", new Ear().listener), "CONNECTION");
    expect(() => db[attach]().openSubscriber()).toThrow("the connection was closed");
  });
});

describe("a connection that listens to a cluster", () => {
  test.each(["ioredis 6", "ioredis 5"])("hears what any node is told: %s", async (name) => {
    const cluster = await ownCluster();
    const client = name === "ioredis 6" ? new Cluster6([...cluster.nodes], { lazyConnect: true }) : new Cluster5([...cluster.nodes], { lazyConnect: true }); // prettier-ignore
    const db = await connect(client as unknown as ConnectionTarget);
    const subscriber = db[attach]().openSubscriber();
    const ear = new Ear();
    await subscriber.subscribe("channel", "a", ear.listener);
    await subscriber.subscribe("pattern", "b*", ear.listener);
    for (const shard of ["s1", "s2", "s3"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await subscriber.subscribe("shard", shard, ear.listener);
      // oxlint-disable-next-line no-await-in-loop
      await db.redis.call("SPUBLISH", shard, "s");
    }
    await db.redis.call("PUBLISH", "a", "1");
    await db.redis.call("PUBLISH", "bc", "2");
    await ear.until(() => ear.heard.length === 5);
    expect(ear.heard.map(([channel]) => channel).toSorted()).toEqual(["a", "bc", "s1", "s2", "s3"]);
    await db.close();
    await cluster.stop();
  });
});
