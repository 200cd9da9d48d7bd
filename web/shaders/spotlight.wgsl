// The spotlight: pycore/spotlight/drawing.py is its definition, pycore/upscaler/placer.py packs it. Places are in source pixels from the
// crop's top left corner.

struct Mark {
    color: vec4f,    // and opacity
    plate: vec4f,    // x, y, width, height of what is behind the name
    feet: vec2f,
    centre: vec2f,
    tip: vec2f,      // the arrow's
    start: vec2f,    // where the letters' picture begins
    line: vec2i,     // its size; 0: no name
    style: u32,      // 0 nothing, 1 ring, 2 dim, 3 arrow, 4 the name alone
    height: f32,     // the player's
    letter: f32,     // source pixels to a pixel of the letters' picture
    capital: f32,    // the height of an H
}

// How far inside of the letters each pixel of their picture is.
@group(0) @binding(3) var<storage, read> letters: array<f32>;

const PLATE = vec3f(0.04, 0.05, 0.07);

fn over(rgb: vec3f, color: vec3f, alpha: f32) -> vec3f {
    return rgb + (color - rgb) * alpha;
}

// Share of a pixel inside, from the distance to the outline.
fn cover(distance: f32, fine: f32) -> f32 {
    return clamp(0.5 - distance / fine, 0.0, 1.0);
}

// On the ground around the feet, behind the legs.
fn ring(at: vec2f, fine: f32, mark: Mark) -> f32 {
    let reach = vec2f(0.36, 0.115) * mark.height;
    let d = at - mark.feet;
    let radius = length(d / reach);
    let steep = length(d / reach / reach) / max(radius, 1e-6);
    let distance = (radius - 1.0) / max(steep, 1e-6);
    let band = cover(abs(distance) - 0.02 * mark.height, fine);
    let squared = radius * radius;
    let glow = select(0.0, 0.12 + 0.2 * squared * squared, radius < 1.0);
    let legs = clamp((0.17 * mark.height - abs(d.x)) / (0.05 * mark.height), 0.0, 1.0)
        * clamp(0.5 - d.y / (0.04 * mark.height), 0.0, 1.0);
    return max(band, glow) * (1.0 - legs);
}

// 0 at the player, 1 away from them.
fn away(at: vec2f, mark: Mark) -> f32 {
    let radius = length((at - mark.centre) / (vec2f(0.55, 0.75) * mark.height));
    let share = clamp((radius - 0.9) / 0.5, 0.0, 1.0);
    return share * share * (3.0 - 2.0 * share);
}

// How far outside of a triangle that points down.
fn arrow(at: vec2f, mark: Mark) -> f32 {
    let tall = 0.2 * mark.height;
    let half = 0.13 * mark.height;
    let d = vec2f(abs(at.x - mark.tip.x), at.y - mark.tip.y);
    return max((d.x * tall + d.y * half) / length(vec2f(tall, half)), -d.y - tall);
}

fn letter_at(at: vec2i, mark: Mark) -> f32 {
    let inside = clamp(at, vec2i(0), mark.line - 1);
    return letters[inside.y * mark.line.x + inside.x];
}

fn written(at: vec2f, fine: f32, mark: Mark) -> f32 {
    let place = (at - mark.start) / mark.letter;
    if (any(place < vec2f(0.0)) || any(place > vec2f(mark.line))) {
        return 0.0;
    }
    let from_centre = clamp(place - 0.5, vec2f(0.0), vec2f(mark.line - 1));
    let first = vec2i(floor(from_centre));
    let share = from_centre - vec2f(first);
    let upper = mix(letter_at(first, mark), letter_at(first + vec2i(1, 0), mark), share.x);
    let lower = mix(letter_at(first + vec2i(0, 1), mark), letter_at(first + vec2i(1, 1), mark), share.x);
    return cover(-mix(upper, lower, share.y) * mark.letter, fine);
}

fn name(rgb: vec3f, at: vec2f, fine: f32, mark: Mark) -> vec3f {
    let corner = 0.35 * mark.capital;
    let d = abs(at - mark.plate.xy - mark.plate.zw / 2.0) - mark.plate.zw / 2.0 + corner;
    let plate = cover(length(max(d, vec2f(0.0))) + min(max(d.x, d.y), 0.0) - corner, fine);
    let bar = plate * cover(mark.plate.y + mark.plate.w - 0.16 * mark.capital - at.y, fine);
    let opacity = mark.color.a;
    let behind = over(over(rgb, PLATE, 0.72 * plate * opacity), mark.color.rgb, bar * opacity);
    return over(behind, vec3f(1.0), written(at, fine, mark) * opacity);
}

// `at`: in source pixels from the crop's corner; `fine`: source pixels to a pixel of the canvas.
fn marked(given: vec3f, at: vec2f, fine: f32, mark: Mark) -> vec3f {
    var rgb = given;
    let opacity = mark.color.a;
    switch mark.style {
        case 1u: {
            rgb = over(rgb, mark.color.rgb, ring(at, fine, mark) * opacity);
        }
        case 2u: {
            rgb *= 1.0 - 0.62 * opacity * away(at, mark);
        }
        case 3u: {
            let distance = arrow(at, mark);
            rgb = over(rgb, PLATE, 0.8 * cover(distance - 0.018 * mark.height, fine) * opacity);
            rgb = over(rgb, mark.color.rgb, cover(distance, fine) * opacity);
        }
        default: {}
    }
    if (mark.line.x > 0) {
        rgb = name(rgb, at, fine, mark);
    }
    return rgb;
}
