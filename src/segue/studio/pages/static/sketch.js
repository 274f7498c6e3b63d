// A field to draw in with the mouse, a pen or a finger: its lines, from 0 to 1, are given away at
// the end of each.
const SIDE = 240, PEN = 18; // pixels

export default {
  template: `
    <div class="sketch">
      <canvas ref="field" role="img" :aria-label="label" :style="{ width: size[0] + 'px', height: size[1] + 'px' }"
              @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up"></canvas>
      <button type="button" class="chip" @click="clear">clear</button>
    </div>`,
  props: { rows: Number, columns: Number, label: String },
  data() {
    return { lines: [], line: null };
  },
  computed: {
    size() {
      const most = Math.max(this.rows, this.columns);
      return [(SIDE * this.columns) / most, (SIDE * this.rows) / most];
    },
  },
  mounted() {
    const field = this.$refs.field;
    [field.width, field.height] = this.size.map((side) => side * devicePixelRatio);
    this.pen = field.getContext("2d");
    this.pen.scale(devicePixelRatio, devicePixelRatio);
    this.theme = new MutationObserver(() => this.paint());
    this.theme.observe(document.body, { attributeFilter: ["class"] });
    this.paint();
  },
  beforeUnmount() {
    this.theme?.disconnect();
  },
  methods: {
    at(event) {
      const { left, top, width, height } = this.$refs.field.getBoundingClientRect();
      return [+((event.clientX - left) / width).toFixed(4), +((event.clientY - top) / height).toFixed(4)];
    },
    down(event) {
      if (event.button) return;
      event.preventDefault();
      this.$refs.field.setPointerCapture(event.pointerId);
      this.line = [this.at(event)];
      this.lines.push(this.line);
      this.paint();
    },
    move(event) {
      if (!this.line) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.line.push(this.at(each));
      this.paint();
    },
    up() {
      if (!this.line) return;
      this.line = null;
      this.$emit("drawn", JSON.parse(JSON.stringify(this.lines)));
    },
    clear() {
      this.lines = [];
      this.paint();
      this.$emit("drawn", []);
    },
    paint() {
      const [width, height] = this.size;
      const side = Math.min(width, height);
      this.pen.clearRect(0, 0, width, height);
      this.pen.strokeStyle = getComputedStyle(document.body).getPropertyValue("--ink");
      Object.assign(this.pen, { lineWidth: (PEN * side) / SIDE, lineCap: "round", lineJoin: "round" });
      for (const line of this.lines) {
        this.pen.beginPath();
        line.forEach(([x, y], i) => (i ? this.pen.lineTo(x * width, y * height) : this.pen.moveTo(x * width, y * height)));
        if (line.length === 1) this.pen.lineTo(line[0][0] * width + 0.1, line[0][1] * height);
        this.pen.stroke();
      }
    },
  },
};
