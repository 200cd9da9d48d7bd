// @ts-check
/**
 * Other people's 2x upscalers for the browser, for comparison: anime4k-webgpu and @websr/websr. Nothing of them comes with the page:
 * `build.py bench --peers` fetches both from npm and serves them beside it under peers/.
 */

const TRIES = 5;
const TARGET_MS = 60;
const WARM_MS = 200;

/** @typedef {{name: string, width: number, height: number, ms: number, how: string}} PeerTime */

const ANIME4K = ["CNNx2M", "CNNx2VL", "CNNx2UL"];
const WEBSR = ["s", "m", "l"];

/** @param {string} src */
function script(src) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = src;
    element.onload = () => resolve(undefined);
    element.onerror = () => reject(new Error(`${src} is not there: build.py bench --peers brings it`));
    document.head.append(element);
  });
}

/** Loads both packages and a device for each to share. @param {string} [from] the folder that they lie in */
export async function load(from = "./peers") {
  await script(`${from}/anime4k-webgpu/lib/index.js`);
  await script(`${from}/websr/dist/websr.js`);
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no GPU for the peers");
  const timed = adapter.features.has("timestamp-query");
  const { maxBufferSize, maxStorageBufferBindingSize, maxTextureDimension2D } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: timed ? ["timestamp-query"] : [],
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxTextureDimension2D },
  });
  return { device, timed, anime4k: globalThis["anime4k-webgpu"], WebSR: globalThis.WebSR };
}

/** @param {GPUDevice} device @param {number} width @param {number} height */
function inputTexture(device, width, height) {
  return device.createTexture({ size: [width, height], format: "rgba16float", usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.RENDER_ATTACHMENT });
}

/** @param {{width: number, height: number}} size */
function picture({ width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  for (let i = 0; i < image.data.length; i++) image.data[i] = i % 4 === 3 ? 255 : Math.random() * 256;
  context.putImageData(image, 0, 0);
  return canvas.transferToImageBitmap();
}

/** Milliseconds per round of `run(rounds)`, the best of TRIES, each long against the clock's rounding. @param {(rounds: number) => Promise<number>} run */
async function best(run) {
  await run(1);
  for (let warm = 0; warm < WARM_MS; ) warm += Math.max(0.5, await run(4));
  const rounds = Math.max(1, Math.min(200, Math.round(TARGET_MS / Math.max(0.01, (await run(4)) / 4))));
  let least = Infinity;
  for (let i = 0; i < TRIES; i++) least = Math.min(least, (await run(rounds)) / rounds);
  return least;
}

/** @param {GPUDevice} device */
function clock(device) {
  const queries = device.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const read = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  /** @param {(encoder: GPUCommandEncoder) => void} encode */
  return async encode => {
    const encoder = device.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: { querySet: queries, endOfPassWriteIndex: 0 } }).end();
    encode(encoder);
    encoder.beginComputePass({ timestampWrites: { querySet: queries, endOfPassWriteIndex: 1 } }).end();
    encoder.resolveQuerySet(queries, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, 16);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const [began, ended] = new BigUint64Array(read.getMappedRange());
    read.unmap();
    return Number(ended - began) / 1e6;
  };
}

/**
 * @param {{width: number, height: number}[]} sizes
 * @param {(message: string) => void} tell
 * @returns {Promise<PeerTime[]>}
 */
export async function timePeers(sizes, tell) {
  const { device, timed, anime4k, WebSR } = await load();
  const onGpu = timed ? clock(device) : null;
  /** @type {PeerTime[]} */
  const times = [];
  for (const { width, height } of sizes) {
    for (const name of ANIME4K) {
      tell(`Anime4K ${name}, ${width}x${height}`);
      const input = inputTexture(device, width, height);
      device.queue.copyExternalImageToTexture({ source: picture({ width, height }) }, { texture: input }, [width, height]);
      const pipeline = new anime4k[name]({ device, inputTexture: input });
      const ms = await best(async rounds => {
        const encode = (/** @type {GPUCommandEncoder} */ encoder) => {
          for (let i = 0; i < rounds; i++) pipeline.pass(encoder);
        };
        if (onGpu) return onGpu(encode);
        const encoder = device.createCommandEncoder();
        encode(encoder);
        const began = performance.now();
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        return performance.now() - began;
      });
      times.push({ name: `Anime4K ${name}`, width, height, ms, how: onGpu ? "passes alone, the GPU's clock" : "passes alone" });
      input.destroy();
      for (const each of pipeline.pipelines ?? []) each.getOutputTexture?.().destroy();
    }
    for (const name of WEBSR) {
      tell(`WebSR ${name.toUpperCase()}, ${width}x${height}`);
      const weights = await (await fetch(`./peers/websr/weights/anime4k/cnn-2x-${name}-rl.json`)).json();
      const canvas = document.createElement("canvas");
      const bitmap = picture({ width, height });
      const websr = new WebSR({ network_name: `anime4k/cnn-2x-${name}`, weights, gpu: device, canvas, resolution: { width, height } });
      const ms = await best(async rounds => {
        const began = performance.now();
        for (let i = 0; i < rounds; i++) await websr.render(bitmap);
        await device.queue.onSubmittedWorkDone();
        return performance.now() - began;
      });
      times.push({ name: `WebSR ${name.toUpperCase()}`, width, height, ms, how: "its render(), with upload and canvas" });
      for (const buffer of Object.values(websr.context.buffers)) /** @type {GPUBuffer} */ (buffer).destroy();
    }
  }
  device.destroy();
  return times;
}
