/** Count the bytes of some downloads as they arrive. */
export class DownloadProgress {
  private loaded = 0;
  private lastTold = 0;

  /** `bytes` holds the size of each file to count, by name; `tell` is called at most every 50 ms. */
  constructor(
    private readonly bytes: Readonly<Record<string, number>>,
    private readonly tell: (loaded: number, total: number) => void,
  ) {}

  private get total(): number {
    return Object.values(this.bytes).reduce((sum, size) => sum + size, 0);
  }

  /** `response`, counted while it is read, if its file is one of those to count. */
  follow(response: Response): Response {
    const name = new URL(response.url).pathname.split("/").pop() ?? "";
    if (!(name in this.bytes) || !response.body || !response.ok) return response;
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.add(chunk.byteLength);
        controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(counter), { status, statusText, headers });
  }

  private add(bytes: number): void {
    this.loaded += bytes;
    const now = performance.now();
    if (now - this.lastTold < 50) return;
    this.lastTold = now;
    this.tell(Math.min(this.loaded, this.total), this.total);
  }
}
