// What all charts share: uPlot is loaded when the first one is shown; they are drawn anew in light
// and dark, and fitted to their box. A chart has `build`, `resize`, and perhaps `begin`.
export default {
  async mounted() {
    const module = await import("/static/uplot/uPlot.esm.js");
    if (!this.$el.isConnected) return;
    this.uPlot = module.default;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.$el);
    this.theme = new MutationObserver(() => this.build());
    this.theme.observe(document.body, { attributeFilter: ["class"] });
    this.begin?.();
    this.build();
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
    axis(more) {
      const grid = { stroke: this.colour("--line"), width: 1 };
      return { stroke: this.colour("--dim"), grid, ticks: grid, font: "12px system-ui", labelFont: "12px system-ui", ...more };
    },
    curve(label, number, width) {
      return { label, stroke: this.colour(`--curve-${number % 8}`), width, value: (u, v) => (v == null ? "" : +v.toPrecision(4)) };
    },
  },
};
