// A sequence of any length: dragged, zoomed by the wheel or the keys; as curves, or as a picture. The
// steps in view, and as many on either side, come from the server, thinned to the width of the screen.
// Below it stand tracks over the same steps, and its sound, whose cursor goes through all of them.
import charting from "/static/charting.js";

const LANES = 7; // from so many channels on, each has a lane of its own
const SHOWN = 64; // channels
const LEAST = 8; // steps in view
const LEGEND = 30; // pixels below curves
const SIDE = 76; // pixels for the names of rows
const PADDING = [8, 26, 0, 0];

export default {
  mixins: [charting],
  template: `
    <div class="sequence">
      <div ref="main" class="chart" role="application" tabindex="0" :aria-label="label" @keydown="key"
           @wheel.prevent="wheel" @pointerdown="down" @pointermove="move" @pointerup="up"
           @pointercancel="up" @dblclick="show(0, steps)"></div>
      <audio v-if="sound" ref="audio" controls preload="metadata" :src="sound" aria-label="its sound"
             @play="follow" @seeked="follow"></audio>
      <figure v-for="(track, i) in tracks" class="track" :key="track.name">
        <figcaption class="dim small-text">{{ track.name }}</figcaption>
        <div ref="boxes" :data-track="i" role="img" :aria-label="track.name"></div>
      </figure>
    </div>`,
  props: { url: String, kind: String, picture: String, steps: Number, channels: Array, rate: Number, runs: Array, label: String, sound: String, tracks: Array },
  beforeUnmount() {
    this.below?.forEach((one) => one.destroy());
  },
  watch: {
    tracks() {
      this.$nextTick(() => this.buildTracks());
    },
  },
  methods: {
    begin() {
      this.view = [0, this.steps];
    },
    shownChannels() {
      return this.channels.slice(0, SHOWN);
    },
    isPicture() {
      return this.kind !== "curves";
    },
    inLanes() {
      return !this.isPicture() && this.shownChannels().length >= LANES;
    },
    hasLegend() {
      return !this.isPicture() && !this.inLanes();
    },
    seconds() {
      return this.rate ? (u, ticks) => ticks.map((t) => +(t / this.rate).toPrecision(6)) : undefined;
    },
    build() {
      this.chart?.destroy();
      const names = this.isPicture() ? [] : this.shownChannels();
      const count = names.length;
      const short = (name) => (name.length > 9 ? name.slice(0, 8) + "…" : name);
      const lanes = { splits: () => names.map((_, i) => count - 1 - i + 0.45), values: () => names.map(short), grid: { show: false } };
      const side = this.inLanes() ? lanes : this.isPicture() ? this.pictureAxis(short) : {};
      const options = {
        width: this.$refs.main.clientWidth, height: this.height(), padding: PADDING,
        cursor: { drag: { x: false, y: false }, points: { show: this.hasLegend() }, y: this.hasLegend() },
        legend: { show: this.hasLegend() },
        scales: {
          x: { time: false, auto: false, range: () => this.view },
          y: this.isPicture() ? { range: () => this.pictureRange() } : this.inLanes() ? { range: () => [-0.1, count] } : {},
        },
        axes: [
          this.axis({ label: this.rate ? "seconds" : "step", labelSize: 18, values: this.seconds(), ...(this.isPicture() ? { grid: { show: false } } : {}) }),
          this.axis({ size: SIDE, ...side }),
        ],
        series: [
          { label: this.rate ? "second" : "step", value: (u, v) => (v == null ? "" : this.rate ? (v / this.rate).toPrecision(6) : Math.round(v)) },
          ...(this.isPicture() ? [{}] : names.map((name, i) => ({ ...this.curve(name, i, 1.25), points: { show: false } }))),
        ],
        hooks: { drawClear: [(u) => (this.isPicture() ? this.drawPicture(u) : this.drawRuns(u))] },
      };
      const empty = this.isPicture() ? [[0, this.steps], [null, null]] : [[], ...names.map(() => [])];
      this.chart = new this.uPlot(options, this.isPicture() ? empty : this.data_ ?? empty, this.$refs.main);
      this.buildTracks();
      this.fetch();
    },
    // -- pictures
    pictureRange() {
      return this.kind === "spectrogram" ? [0, this.rate / 2] : [0, this.channels.length];
    },
    pictureAxis(short) {
      const count = this.channels.length;
      if (this.kind === "spectrogram") return { values: (u, ticks) => ticks.map((t) => (t >= 1000 ? `${t / 1000} kHz` : `${t} Hz`)), grid: { show: false } };
      const every = Math.ceil(count / 12);
      const some = this.channels.map((_, i) => i).filter((i) => i % every === 0);
      return { splits: () => some.map((i) => count - 0.5 - i), values: () => some.map((i) => short(this.channels[i])), grid: { show: false } };
    },
    drawPicture(u) {
      if (!this.image) return;
      const { left, top, width, height } = u.bbox;
      const [a, b] = [this.image.start, this.image.stop].map((step) => u.valToPos(step, "x", true));
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(left, top, width, height);
      u.ctx.clip();
      u.ctx.imageSmoothingEnabled = this.kind === "spectrogram";
      u.ctx.drawImage(this.image.image, a, top, b - a, height);
      u.ctx.restore();
      this.drawRuns(u);
    },
    drawRuns(u) {
      if (!this.runs?.length) return;
      const { left, top, width, height } = u.bbox;
      const names = [...new Set(this.runs.map((run) => run[2]))];
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(left, top, width, height);
      u.ctx.clip();
      u.ctx.textBaseline = "top";
      u.ctx.font = `${12 * devicePixelRatio}px system-ui`;
      for (const [start, stop, name] of this.runs) {
        const [a, b] = [u.valToPos(start, "x", true), u.valToPos(stop, "x", true)];
        if (b < left || a > left + width) continue;
        u.ctx.globalAlpha = 0.13;
        u.ctx.fillStyle = this.colour(`--curve-${names.indexOf(name) % 8}`);
        u.ctx.fillRect(a, top, b - a, height);
        u.ctx.globalAlpha = 1;
        u.ctx.fillStyle = this.colour("--dim");
        if (b - a > 40) u.ctx.fillText(name.slice(0, 20), Math.max(a, left) + 4, top + 4, b - a - 8);
      }
      u.ctx.restore();
    },
    // -- tracks
    buildTracks() {
      this.below?.forEach((one) => one.destroy());
      this.below = [];
      if (!this.chart) return;
      for (const box of this.$refs.boxes ?? []) this.below.push(new this.uPlot(...this.trackOptions(this.tracks[box.dataset.track]), box));
      this.$el.dataset.tracks = this.below.length;
    },
    trackOptions(track) {
      const count = track.rows.length;
      const isCurves = track.steps !== null;
      const every = Math.ceil(count / 6);
      const some = track.rows.map((_, i) => i).filter((i) => i % every === 0);
      const name = (i) => (track.rows[i].length > 9 ? track.rows[i].slice(0, 8) + "…" : track.rows[i]);
      const rows = { splits: () => some.map((i) => count - 0.5 - i), values: () => some.map(name), grid: { show: false } };
      const options = {
        width: this.$refs.main.clientWidth, height: isCurves ? 130 : Math.min(160, Math.max(26, 16 * count)) + 10, padding: [8, 26, 4, 0],
        cursor: { drag: { x: false, y: false }, y: false, points: { show: isCurves } },
        legend: { show: isCurves },
        scales: { x: { time: false, auto: false, range: () => this.view }, y: { range: () => (isCurves ? [track.low, track.high] : [0, count]) } },
        axes: [{ show: false }, this.axis({ size: SIDE, ...(isCurves ? {} : rows) })],
        series: [
          { label: this.rate ? "second" : "step", value: (u, v) => (v == null ? "" : this.rate ? (v / this.rate).toPrecision(6) : v) },
          ...(isCurves ? track.rows.map((row, i) => ({ ...this.curve(row, i, 1.5), points: { show: track.steps.length < 60, size: 4 } })) : [{}]),
        ],
        hooks: isCurves ? {} : { drawClear: [(u) => this.drawColours(u, track)] },
      };
      return [options, isCurves ? [track.steps, ...track.values] : [[0, this.steps], [null, null]]];
    },
    // Rows of colours: above zero in one colour, below it in another, as strong as the value.
    drawColours(u, track) {
      const [warm, cold] = ["--heat", "--cold"].map((name) => this.colour(name).split(",").map(Number));
      const [rows, columns] = [track.values.length, track.values[0].length];
      const pixels = new ImageData(columns, rows);
      track.values.forEach((row, r) => row.forEach((value, c) => {
        const hue = value >= 0 ? warm : cold;
        pixels.data.set([...hue, 255 * Math.min(1, Math.abs(value) / track.high)], 4 * (r * columns + c));
      }));
      const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
      canvas.getContext("2d").putImageData(pixels, 0, 0);
      const { left, top, width, height } = u.bbox;
      const [a, b] = [0, this.steps].map((step) => u.valToPos(step, "x", true));
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(left, top, width, height);
      u.ctx.clip();
      u.ctx.imageSmoothingEnabled = false;
      u.ctx.drawImage(canvas, a, top, b - a, height);
      u.ctx.restore();
    },
    // -- sound
    follow() {
      const audio = this.$refs.audio;
      if (!audio || this.gone) return;
      this.cursor(audio.currentTime * this.rate);
      if (!audio.paused && !audio.ended) requestAnimationFrame(() => this.follow());
    },
    cursor(step) {
      this.at_ = step;
      for (const u of [this.chart, ...(this.below ?? [])]) {
        u.playhead ??= u.over.appendChild(Object.assign(document.createElement("div"), { className: "playhead" }));
        u.playhead.style.left = `${u.valToPos(step, "x")}px`;
      }
      this.$el.dataset.step = Math.round(step);
    },
    // -- what is in view
    resize() {
      const width = this.$refs.main.clientWidth;
      if (!this.chart || !width || width === this.width_) return;
      this.width_ = width;
      this.chart.setSize({ width, height: this.height() });
      this.below.forEach((one) => one.setSize({ width, height: one.height }));
      this.fetch();
    },
    height() {
      return this.$refs.main.clientHeight - (this.hasLegend() ? LEGEND : 0);
    },
    // What is in view changes at once; the steps follow.
    show(start, stop) {
      const span = Math.min(Math.max(stop - start, Math.min(LEAST, this.steps)), this.steps);
      const first = Math.min(Math.max(0, start), this.steps - span);
      this.view = [first, first + span];
      for (const u of [this.chart, ...(this.below ?? [])]) u?.setScale("x", { min: first, max: first + span });
      if (this.at_ !== undefined) this.cursor(this.at_);
      this.fetch();
    },
    isThere() {
      const [start, stop] = this.view;
      const here = this.loaded;
      if (!here || here.start > Math.floor(start) || here.stop < Math.ceil(stop)) return false;
      return !here.thinned || (here.stop - here.start) / here.width <= (1.5 * (stop - start)) / this.pixels();
    },
    pixels() {
      return Math.max(50, Math.round(this.$refs.main.clientWidth));
    },
    async fetch() {
      if (this.busy || !this.view || this.isThere()) return;
      this.busy = true;
      try {
        while (!this.gone && !this.isThere()) {
          const span = this.view[1] - this.view[0];
          const start = Math.max(0, Math.floor(this.view[0] - span));
          const stop = Math.min(this.steps, Math.ceil(this.view[1] + span));
          const width = Math.max(50, Math.round((this.pixels() * (stop - start)) / span));
          const asked = `&start=${start}&stop=${stop}&width=${width}`;
          const thinned = this.isPicture() ? await this.take(asked, start, stop, width) : await this.takePoints(asked);
          if (thinned === null) break;
          this.loaded = { start, stop, width, thinned };
        }
      } finally {
        this.busy = false;
      }
    },
    async take(asked, start, stop, width) {
      const image = new Image();
      image.src = this.picture + asked;
      await image.decode().catch(() => null);
      if (!image.width || this.gone) return null;
      this.image = { image, start, stop };
      this.chart.redraw();
      this.$refs.main.dataset.points = image.width;
      return stop - start > width;
    },
    async takePoints(asked) {
      const answer = await fetch(this.url + asked);
      if (!answer.ok) return null;
      const buffer = await answer.arrayBuffer();
      if (this.gone) return null;
      const [points, channels] = new Uint32Array(buffer, 0, 2);
      const steps = new Float64Array(buffer, 8, points);
      const values = new Float32Array(buffer, 8 + 8 * points);
      const rows = [];
      for (let c = 0; c < Math.min(channels, SHOWN); c++) rows.push(this.drawn(values.subarray(c * points, (c + 1) * points), c));
      this.data_ = [steps, ...rows];
      this.chart.setData(this.data_, false);
      this.chart.setScale("x", { min: this.view[0], max: this.view[1] });
      this.$refs.main.dataset.points = points;
      return answer.headers.get("x-thinned") === "1";
    },
    // The values of a channel as they are drawn: where each has a lane, moved and scaled into it.
    drawn(values, channel) {
      const count = this.shownChannels().length;
      let curve = values;
      if (this.inLanes()) {
        this.ranges ??= [];
        let [low, high] = this.ranges[channel] ?? [Infinity, -Infinity];
        if (!this.ranges[channel]) {
          for (const v of values) if (v === v) [low, high] = [Math.min(low, v), Math.max(high, v)];
          this.ranges[channel] = [low, high];
        }
        const scale = high > low ? 0.9 / (high - low) : 0;
        curve = values.map((v) => count - 1 - channel + (v - low) * scale);
      }
      return curve.some((v) => v !== v) ? Array.from(curve, (v) => (v === v ? v : null)) : curve;
    },
    // -- mouse, fingers, keys
    zoom(factor, at) {
      const [start, stop] = this.view;
      const centre = at ?? (start + stop) / 2;
      this.show(centre - (centre - start) * factor, centre + (stop - centre) * factor);
    },
    pan(share) {
      const span = this.view[1] - this.view[0];
      this.show(this.view[0] + share * span, this.view[1] + share * span);
    },
    at(event) {
      const over = this.chart.over.getBoundingClientRect();
      return this.view[0] + ((event.clientX - over.left) / over.width) * (this.view[1] - this.view[0]);
    },
    wheel(event) {
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.pan((event.deltaX || event.deltaY) / 1000);
      } else this.zoom(Math.exp(event.deltaY / 400), this.at(event));
    },
    down(event) {
      if (event.button || event.target.closest(".u-legend")) return;
      this.$refs.main.setPointerCapture(event.pointerId);
      this.held = { x: event.clientX, view: this.view };
    },
    move(event) {
      if (!this.held) return;
      const { x, view } = this.held;
      this.held.moved ||= Math.abs(event.clientX - x) > 3;
      const moved = ((x - event.clientX) / this.chart.over.clientWidth) * (view[1] - view[0]);
      if (this.held.moved) this.show(view[0] + moved, view[1] + moved);
    },
    up(event) {
      if (this.held && !this.held.moved && this.$refs.audio) this.$refs.audio.currentTime = this.at(event) / this.rate; // a click
      this.held = null;
    },
    key(event) {
      const keys = {
        ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2),
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
        Home: () => this.show(0, this.steps), 0: () => this.show(0, this.steps),
        " ": () => (this.$refs.audio?.paused ? this.$refs.audio.play() : this.$refs.audio?.pause()),
      };
      if (keys[event.key] && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        keys[event.key]();
      }
    },
  },
};
