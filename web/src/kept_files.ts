/**
 * Files that are fetched once and kept: their names hold their hash, so what is kept is never old.
 *
 * They lie in the browser's Cache Storage, where they outlive the visit and can be had without a network. Where the
 * browser allows no storage (a private window, an address without https), they are fetched each time.
 */
import { fetchFile } from "./fetch_file";

const STORE = "nanochat-model";

export class KeptFiles {
  private readonly opened: Promise<Cache | undefined>;

  /** Take hold of the storage; before the worker gives up its own way to it. */
  constructor(
    readonly site: string,
    storage: CacheStorage | undefined,
  ) {
    this.opened = storage ? storage.open(STORE).catch(() => undefined) : Promise.resolve(undefined);
  }

  /** A small file that may have changed; without a network, as it was. */
  async fresh(address: string): Promise<string> {
    const store = await this.opened;
    try {
      const response = await fetchFile(address, { cache: "no-cache" });
      await store?.put(address, response.clone()).catch(() => {});
      return await response.text();
    } catch (error) {
      const kept = await store?.match(address);
      if (kept) return kept.text();
      throw error;
    }
  }

  /** A file with a hash in its address. `count` hears of its bytes as they come. */
  async read(address: string, count: (bytes: number) => void): Promise<ArrayBuffer> {
    const store = await this.opened;
    const kept = await store?.match(address);
    if (kept) {
      const found = await kept.arrayBuffer();
      count(found.byteLength);
      return found;
    }
    const response = await fetchFile(address);
    const found = await new Response(response.body?.pipeThrough(counter(count)) ?? null).arrayBuffer();
    await this.keep(store, address, found);
    return found;
  }

  /** Keep a file in place of older versions of it: what stands before the hash in its name is the same. */
  private async keep(store: Cache | undefined, address: string, found: ArrayBuffer): Promise<void> {
    if (!store) return;
    try {
      const stem = stemOf(address);
      for (const old of await store.keys()) if (stemOf(old.url) === stem) await store.delete(old);
      await store.put(address, new Response(found));
    } catch {
      // No room: it is fetched again next time.
    }
  }
}

function stemOf(address: string): string {
  return address.replace(/-[0-9a-f]{12}\.|\?[0-9a-f]{12}$/, ".");
}

function counter(count: (bytes: number) => void): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    transform(chunk, controller) {
      count(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
}
