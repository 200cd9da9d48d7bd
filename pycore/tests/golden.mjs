// Runs the golden cases through this browser's WebGPU, without Python: see test_shaders_chromium.py.

const TILE = 8;
let device;
const pipelines = new Map();

async function compile(files, texts, format) {
  const key = [...files, format].join();
  if (!pipelines.has(key)) {
    const module = device.createShaderModule({ code: files.map((name) => texts[name]).join("\n") });
    const { messages } = await module.getCompilationInfo();
    const errors = messages.filter((each) => each.type === "error");
    if (errors.length) throw new Error(`${files}: ${errors.map((each) => `${each.lineNum}: ${each.message}`)}`);
    pipelines.set(key, format
      ? await device.createRenderPipelineAsync({
        layout: "auto",
        vertex: { module, entryPoint: "corners" },
        fragment: { module, entryPoint: "paint", targets: [{ format }] },
      })
      : await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } }));
  }
  return pipelines.get(key);
}

function bind(pipeline, resources) {
  const entries = resources.map((resource, binding) => ({ binding, resource }));
  return device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
}

function texture(width, height, format, usage) {
  return device.createTexture({ size: [width, height], format, usage });
}

async function read(source, bytesPerPixel) {
  const row = source.width * bytesPerPixel;
  const bytesPerRow = Math.ceil(row / 256) * 256;
  const buffer = device.createBuffer({
    size: bytesPerRow * source.height,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture: source }, { buffer, bytesPerRow }, [source.width, source.height]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const padded = new Uint8Array(buffer.getMappedRange());
  const bytes = [];
  for (let y = 0; y < source.height; y++) bytes.push(...padded.subarray(y * bytesPerRow, y * bytesPerRow + row));
  return bytes;
}

async function runCase({ kind, width, height, pixels, look, crop: [, , w, h] }, texts) {
  const bytes = Uint8Array.from(pixels);
  let frame, resource;
  if (kind === "external") {
    frame = new VideoFrame(bytes, { format: "RGBA", codedWidth: width, codedHeight: height, timestamp: 0 });
    resource = device.importExternalTexture({ source: frame, colorSpace: "srgb" });
  } else {
    const input = texture(width, height, "rgba8unorm", GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST);
    device.queue.writeTexture({ texture: input }, bytes, { bytesPerRow: 4 * width }, [width, height]);
    resource = input.createView();
  }
  const uniform = device.createBuffer({ size: look.length, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(uniform, 0, Uint8Array.from(look));
  const kept = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC;
  const source = texture(w, h, "rgba16float", kept);
  const luma = texture(2 * w, 2 * h, "r32float", kept);
  const canvas = texture(2 * w, 2 * h, "rgba8unorm", GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC);
  const ingest = await compile([`frame_${kind}`, "look", "ingest"], texts);
  const lanczos = await compile(["look", "lanczos3"], texts);
  const compose = await compile(["look", "compose"], texts, "rgba8unorm");

  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(ingest);
  pass.setBindGroup(0, bind(ingest, [resource, { buffer: uniform }, source.createView()]));
  pass.dispatchWorkgroups(Math.ceil(w / TILE), Math.ceil(h / TILE));
  pass.setPipeline(lanczos);
  pass.setBindGroup(0, bind(lanczos, [source.createView(), { buffer: uniform }, luma.createView()]));
  pass.dispatchWorkgroups(Math.ceil((w + 1) / TILE), Math.ceil((h + 1) / TILE));
  pass.end();
  const draw = encoder.beginRenderPass({
    colorAttachments: [{ view: canvas.createView(), loadOp: "clear", storeOp: "store" }],
  });
  draw.setPipeline(compose);
  draw.setBindGroup(0, bind(compose, [source.createView(), { buffer: uniform }, luma.createView()]));
  draw.draw(3);
  draw.end();
  device.queue.submit([encoder.finish()]);
  frame?.close();
  return { source: await read(source, 8), luma: await read(luma, 4), canvas: await read(canvas, 4) };
}

export async function run(cases, texts) {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) return null;
  device = await adapter.requestDevice();
  const faults = [];
  device.onuncapturederror = ({ error }) => faults.push(error.message);
  const results = [];
  for (const each of cases) results.push(await runCase(each, texts));
  if (faults.length) throw new Error(faults.join("\n"));
  return results;
}
