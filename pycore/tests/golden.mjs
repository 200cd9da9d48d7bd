// Runs the golden cases through this browser's WebGPU, without Python: see test_shaders_chromium.py.

let device;
const pipelines = new Map();

async function compile({ files, constants }, texts) {
  const key = JSON.stringify([files, constants]);
  if (!pipelines.has(key)) {
    const module = device.createShaderModule({ code: files.map((name) => texts[name]).join("\n") });
    const { messages } = await module.getCompilationInfo();
    const errors = messages.filter((each) => each.type === "error");
    if (errors.length) throw new Error(`${files}: ${errors.map((each) => `${each.lineNum}: ${each.message}`)}`);
    const compute = { module, entryPoint: "main", constants };
    pipelines.set(key, await device.createComputePipelineAsync({ layout: "auto", compute }));
  }
  return pipelines.get(key);
}

function texture(width, height, format, usage) {
  return device.createTexture({ size: [width, height], format, usage });
}

async function readBuffer(source) {
  const buffer = device.createBuffer({ size: source.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, buffer, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  return [...new Uint8Array(buffer.getMappedRange())];
}

async function readTexture(source, bytesPerPixel) {
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

// A case says how large everything is and which stages run on it: test_shaders_chromium.py makes it from the plan.
async function runCase({ kind, width, height, pixels, textures, buffers, uniforms, stages }, texts) {
  const bytes = Uint8Array.from(pixels);
  const named = {};
  let frame;
  if (kind === "external") {
    frame = new VideoFrame(bytes, { format: "RGBA", codedWidth: width, codedHeight: height, timestamp: 0 });
    named.frame = device.importExternalTexture({ source: frame, colorSpace: "srgb" });
  } else {
    const input = texture(width, height, "rgba8unorm", GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST);
    device.queue.writeTexture({ texture: input }, bytes, { bytesPerRow: 4 * width }, [width, height]);
    named.frame = input.createView();
  }
  for (const [name, content] of Object.entries(uniforms)) {
    const buffer = device.createBuffer({
      size: content.length,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, Uint8Array.from(content));
    named[name] = { buffer };
  }
  const kept = {};
  const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC;
  for (const { name, format, size: [w, h] } of textures) {
    kept[name] = texture(w, h, format, usage);
    named[name] = kept[name].createView();
  }
  for (const { name, size, content } of buffers) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    kept[name] = device.createBuffer({ size, usage });
    if (content) device.queue.writeBuffer(kept[name], 0, Uint8Array.from(content));
    named[name] = { buffer: kept[name] };
  }
  const ready = [];
  for (const stage of stages) ready.push(await compile(stage, texts));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  stages.forEach(({ binds, grid }, index) => {
    const entries = binds.map((name, binding) => ({ binding, resource: named[name] })).filter(({ resource }) => resource);
    const layout = ready[index].getBindGroupLayout(0);
    pass.setPipeline(ready[index]);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(...grid);
  });
  pass.end();
  device.queue.submit([encoder.finish()]);
  frame?.close();
  const result = {};
  for (const { name, bytes } of textures) result[name] = await readTexture(kept[name], bytes);
  for (const { name } of buffers) result[name] = await readBuffer(kept[name]);
  return result;
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
