/** The peers' own code on one picture's luma: see quality.py. Both packages lie under /peers, as `build.py bench --peers` fetches them. */

import { load as loaded } from "/bench/peers.js";

let on;

/** Loads the packages; tells the adapter's vendor and architecture. */
export async function load() {
  on = await loaded("/peers");
  const { vendor, architecture } = on.device.adapterInfo;
  return `${vendor} ${architecture}`;
}

/** Grey pixels of 8 bits -> luma of twice the size, 16 bits, both in base64; `name`: "Anime4K CNNx2UL", "WebSR L". */
export async function doubled({ name, width, height, pixels }) {
  const grey = Uint8Array.from(atob(pixels), each => each.charCodeAt(0));
  const [family, net] = name.split(" ");
  const luma = await (family === "WebSR" ? webSr : anime4k)(net, grey, width, height);
  const bytes = new Uint8Array(Uint16Array.from(luma, value => Math.round(Math.min(1, Math.max(0, value)) * 65535)).buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}

async function anime4k(net, grey, width, height) {
  const { device } = on;
  const usage = GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.RENDER_ATTACHMENT;
  const input = device.createTexture({ size: [width, height], format: "rgba16float", usage });
  const halves = new Uint16Array(4 * grey.length);
  grey.forEach((value, at) => halves.set([half(value / 255), half(value / 255), half(value / 255), half(1)], 4 * at));
  device.queue.writeTexture({ texture: input }, halves, { bytesPerRow: 8 * width }, [width, height]);
  const pipeline = new on.anime4k[net]({ device, inputTexture: input });
  const encoder = device.createCommandEncoder();
  pipeline.pass(encoder);
  device.queue.submit([encoder.finish()]);
  const luma = await floats(pipeline.getOutputTexture());
  input.destroy();
  for (const each of pipeline.pipelines ?? []) each.getOutputTexture?.().destroy();
  return luma;
}

async function webSr(net, grey, width, height) {
  const { device } = on;
  const weights = await (await fetch(`/peers/websr/weights/anime4k/cnn-2x-${net.toLowerCase()}-rl.json`)).json();
  const canvas = document.createElement("canvas");
  const websr = new on.WebSR({ network_name: `anime4k/cnn-2x-${net.toLowerCase()}`, weights, gpu: device, canvas, resolution: { width, height } });
  // A canvas cannot be read back everywhere: it draws on a texture of the canvas's format instead.
  const format = navigator.gpu.getPreferredCanvasFormat();
  const made = device.createTexture({ size: [2 * width, 2 * height], format, usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC });
  websr.context.context = { getCurrentTexture: () => made };
  const rgba = new Uint8ClampedArray(4 * grey.length);
  grey.forEach((value, at) => rgba.set([value, value, value, 255], 4 * at));
  await websr.render(await createImageBitmap(new ImageData(rgba, width, height)));
  const drawn = new Uint8Array(await read(made, 4));
  const [red, blue] = format === "bgra8unorm" ? [2, 0] : [0, 2];
  const luma = Float32Array.from({ length: drawn.length / 4 }, (_, at) => lumaOf(drawn[4 * at + red], drawn[4 * at + 1], drawn[4 * at + blue]) / 255);
  made.destroy();
  for (const buffer of Object.values(websr.context.buffers)) buffer.destroy();
  return luma;
}

function lumaOf(red, green, blue) {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** A texture's bytes, rows without padding. */
async function read(texture, pixelBytes) {
  const { device } = on;
  const row = texture.width * pixelBytes;
  const pitch = Math.ceil(row / 256) * 256;
  const buffer = device.createBuffer({ size: pitch * texture.height, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow: pitch }, [texture.width, texture.height]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const padded = new Uint8Array(buffer.getMappedRange());
  const bytes = new Uint8Array(row * texture.height);
  for (let line = 0; line < texture.height; line++) bytes.set(padded.subarray(line * pitch, line * pitch + row), line * row);
  buffer.destroy();
  return bytes.buffer;
}

/** The luma of a texture that shaders alone may read. */
async function floats(texture) {
  const { device } = on;
  const size = 4 * texture.width * texture.height;
  const made = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const copy = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const compute = { module: device.createShaderModule({ code: TO_LUMA }), entryPoint: "main" };
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute });
  const entries = [texture.createView(), { buffer: made }].map((resource, binding) => ({ binding, resource }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(texture.width / 8), Math.ceil(texture.height / 8));
  pass.end();
  encoder.copyBufferToBuffer(made, 0, copy, 0, size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  const luma = new Float32Array(copy.getMappedRange().slice(0));
  made.destroy();
  copy.destroy();
  return luma;
}

const TO_LUMA = `
@group(0) @binding(0) var given: texture_2d<f32>;
@group(0) @binding(1) var<storage, read_write> luma: array<f32>;
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let size = textureDimensions(given);
    if (all(id.xy < size)) {
        luma[id.y * size.x + id.x] = dot(textureLoad(given, id.xy, 0).rgb, vec3f(0.2126, 0.7152, 0.0722));
    }
}`;

/** A number from 0 to 1 as the nearest half; none of 0 to 1 in 255ths is subnormal. */
function half(value) {
  if (!value) return 0;
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) + Math.round((value / 2 ** exponent - 1) * 1024);
}
