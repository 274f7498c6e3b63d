// A sequence of any length: dragged, zoomed by the wheel or the keys. The steps in view, and as many
// on either side, come from the server, thinned to the width of the screen.
const LANES = 7; // from so many channels on, each has a lane of its own
const SHOWN = 64; // channels
const LEAST = 8; // steps in view

export default {
  template: `
    <div class="chart" role="application" tabindex="0" :aria-label="label" @keydown="key"
         @wheel.prevent="wheel" @pointerdown="down" @pointermove="move" @pointerup="up"
         @pointercancel="up" @dblclick="show(0, steps)"></div>`,
  props: { url: String, steps: Number, channels: Array, rate: Number, runs: Array, label: String },
  async mounted() {
    const module = await import("/static/uplot/uPlot.esm.js");
    if (!this.$el.isConnected) return;
    this.uPlot = module.default;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.$el);
    this.theme = new MutationObserver(() => this.build());
    this.theme.observe(document.body, { attributeFilter: ["class"] });
    this.view = [0, this.steps];
    this.build();
    await this.fetch();
  },
  beforeUnmount() {
    this.gone = true;
    this.observer?.disconnect();
    this.theme?.disconnect();
    this.chart?.destroy();
  },
  methods: {
    colour(name) {
      return getComputedStyle(document.body).getPropertyValue(name).trim();
    },
    shownChannels() {
      return this.channels.slice(0, SHOWN);
    },
    inLanes() {
      return this.shownChannels().length >= LANES;
    },
    build() {
      this.chart?.destroy();
      const names = this.shownChannels();
      const grid = { stroke: this.colour("--line"), width: 1 };
      const axis = { stroke: this.colour("--dim"), grid, ticks: grid, font: "12px system-ui" };
      const count = names.length;
      const lanes = {
        ...axis, size: 72, splits: () => names.map((_, i) => count - 1 - i + 0.45),
        values: () => names.map((name) => (name.length > 9 ? name.slice(0, 8) + "…" : name)),
        grid: { show: false },
      };
      const seconds = this.rate ? (u, ticks) => ticks.map((t) => +(t / this.rate).toPrecision(6)) : undefined;
      const options = {
        width: this.$el.clientWidth, height: this.height(),
        cursor: { drag: { x: false, y: false }, points: { show: !this.inLanes() } },
        legend: { show: !this.inLanes() },
        scales: {
          x: { time: false, auto: false, range: () => this.view },
          y: this.inLanes() ? { range: () => [-0.1, count] } : {},
        },
        axes: [
          { ...axis, label: this.rate ? "seconds" : "step", labelSize: 18, labelFont: "12px system-ui", values: seconds },
          this.inLanes() ? lanes : { ...axis, size: 60 },
        ],
        series: [
          { label: this.rate ? "second" : "step", value: (u, v) => (v == null ? "" : this.rate ? (v / this.rate).toPrecision(6) : Math.round(v)) },
          ...names.map((label, i) => ({
            label, stroke: this.colour(`--curve-${i % 8}`), width: 1.25, points: { show: false },
            value: (u, v) => (v == null ? "" : +v.toPrecision(5)),
          })),
        ],
        hooks: { drawClear: [(u) => this.drawRuns(u)] },
      };
      this.chart = new this.uPlot(options, this.data ?? [[], ...names.map(() => [])], this.$el);
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
    resize() {
      if (this.chart && this.$el.clientWidth) {
        this.chart.setSize({ width: this.$el.clientWidth, height: this.height() });
        this.fetch();
      }
    },
    height() {
      return this.$el.clientHeight - (this.inLanes() ? 0 : 30); // the legend is a line below
    },
    // What is in view changes at once; the steps follow.
    show(start, stop) {
      const span = Math.min(Math.max(stop - start, Math.min(LEAST, this.steps)), this.steps);
      const first = Math.min(Math.max(0, start), this.steps - span);
      this.view = [first, first + span];
      this.chart?.setScale("x", { min: first, max: first + span });
      this.fetch();
    },
    isThere() {
      const [start, stop] = this.view;
      const here = this.loaded;
      if (!here || here.start > Math.floor(start) || here.stop < Math.ceil(stop)) return false;
      return !here.thinned || (here.stop - here.start) / here.width <= (1.5 * (stop - start)) / this.pixels();
    },
    pixels() {
      return Math.max(50, Math.round(this.$el.clientWidth));
    },
    async fetch() {
      if (this.busy || this.isThere()) return;
      this.busy = true;
      try {
        while (!this.gone && !this.isThere()) {
          const span = this.view[1] - this.view[0];
          const start = Math.max(0, Math.floor(this.view[0] - span));
          const stop = Math.min(this.steps, Math.ceil(this.view[1] + span));
          const width = Math.max(50, Math.round((this.pixels() * (stop - start)) / span));
          const answer = await fetch(`${this.url}&start=${start}&stop=${stop}&width=${width}`);
          if (!answer.ok) break;
          const thinned = answer.headers.get("x-thinned") === "1";
          this.take(await answer.arrayBuffer());
          this.loaded = { start, stop, width, thinned };
        }
      } finally {
        this.busy = false;
      }
    },
    take(buffer) {
      if (this.gone) return;
      const [points, channels] = new Uint32Array(buffer, 0, 2);
      const steps = new Float64Array(buffer, 8, points);
      const values = new Float32Array(buffer, 8 + 8 * points);
      const rows = [];
      for (let c = 0; c < Math.min(channels, SHOWN); c++) rows.push(this.curve(values.subarray(c * points, (c + 1) * points), c));
      this.data = [steps, ...rows];
      this.chart.setData(this.data, false);
      this.chart.setScale("x", { min: this.view[0], max: this.view[1] });
      this.$el.dataset.points = points;
    },
    curve(values, channel) {
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
      this.$el.setPointerCapture(event.pointerId);
      this.held = { x: event.clientX, view: this.view };
    },
    move(event) {
      if (!this.held) return;
      const { x, view } = this.held;
      const moved = ((x - event.clientX) / this.chart.over.clientWidth) * (view[1] - view[0]);
      this.show(view[0] + moved, view[1] + moved);
    },
    up() {
      this.held = null;
    },
    key(event) {
      const keys = {
        ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2),
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
        Home: () => this.show(0, this.steps), 0: () => this.show(0, this.steps),
      };
      if (keys[event.key] && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        keys[event.key]();
      }
    },
  },
};
