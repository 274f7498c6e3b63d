// Curves over a common axis, such as the loss over the epochs.
export default {
  template: `<div class="chart small" role="img" :aria-label="label"></div>`,
  props: { data: Array, names: Array, label: String, axis: String },
  async mounted() {
    const module = await import("/static/uplot/uPlot.esm.js");
    if (!this.$el.isConnected) return;
    this.uPlot = module.default;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.$el);
    this.theme = new MutationObserver(() => this.build());
    this.theme.observe(document.body, { attributeFilter: ["class"] });
    this.build();
  },
  beforeUnmount() {
    this.observer?.disconnect();
    this.theme?.disconnect();
    this.chart?.destroy();
  },
  watch: {
    data() {
      if (!this.chart) return;
      if (this.chart.series.some((one, i) => i && one.label !== this.names[i - 1])) this.build();
      else this.chart.setData(this.data);
      this.$el.dataset.points = this.data[0].length;
    },
  },
  methods: {
    colour(name) {
      return getComputedStyle(document.body).getPropertyValue(name).trim();
    },
    build() {
      this.chart?.destroy();
      const grid = { stroke: this.colour("--line"), width: 1 };
      const axis = { stroke: this.colour("--dim"), grid, ticks: grid, font: "12px system-ui" };
      const options = {
        width: this.$el.clientWidth, height: this.$el.clientHeight - 28,
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false } },
        axes: [{ ...axis, label: this.axis, labelSize: 18, labelFont: "12px system-ui" }, { ...axis, size: 56 }],
        series: [
          { label: this.axis },
          ...this.names.map((label, i) => ({
            label, stroke: this.colour(`--curve-${i}`), width: 1.75, points: { show: this.data[0].length < 30, size: 4 },
            value: (u, v) => (v == null ? "" : +v.toPrecision(4)),
          })),
        ],
      };
      this.chart = new this.uPlot(options, this.data, this.$el);
      this.$el.dataset.points = this.data[0].length;
    },
    resize() {
      if (this.chart && this.$el.clientWidth) this.chart.setSize({ width: this.$el.clientWidth, height: this.$el.clientHeight - 28 });
    },
  },
};
