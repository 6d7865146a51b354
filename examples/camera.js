// Pictures of the browser's camera, five a second, as counterpoint's VideoChunk has them: RGB, row by row, in base64.

const SIDE = 160; // pixels; the model looks at the square in the middle
const APART = 200; // milliseconds

export class Camera {
  constructor(send) { // is given each picture
    this.send = send;
    this.canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    this.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
    this.seq = 0;
  }

  async start() {
    this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    await this.video.play();
    this.timer = setInterval(() => this.look(), APART);
  }

  stop() {
    clearInterval(this.timer);
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
  }

  look() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const side = Math.min(width, height);
    if (!side) return;
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.video, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
    const pixels = base64(rgb(context.getImageData(0, 0, SIDE, SIDE).data));
    this.send({ pixels, width: SIDE, height: SIDE, seq: this.seq++, media_time: performance.now() / 1000 });
  }
}

export function rgb(rgba) {
  const found = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) found.set(rgba.subarray(from, from + 3), to);
  return found;
}

export function base64(bytes) {
  const part = 3 * 4096; // a whole number of its digits
  let found = "";
  for (let at = 0; at < bytes.length; at += part) found += btoa(String.fromCharCode(...bytes.subarray(at, at + part)));
  return found;
}
