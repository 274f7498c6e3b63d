// Curves over a common axis, such as the loss over the epochs.
import charting from "/static/charting.js";

const LEGEND = 28; // pixels below

export default {
  mixins: [charting],
  template: `<div class="chart small" role="img" :aria-label="label"></div>`,
  props: { data: Array, names: Array, label: String, axisLabel: String, low: Number, high: Number },
  watch: {
    data() {
      if (!this.chart) return;
      if (this.chart.series.length !== this.names.length + 1 || this.chart.series.some((one, i) => i && one.label !== this.names[i - 1])) this.build();
      else this.chart.setData(this.data);
      this.$el.dataset.points = this.data[0].length;
    },
  },
  methods: {
    build() {
      this.chart?.destroy();
      const points = { show: this.data[0].length < 30, size: 4 };
      const range = this.high == null ? {} : { range: () => [this.low ?? 0, this.high] };
      const options = {
        width: this.$el.clientWidth, height: this.$el.clientHeight - LEGEND,
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false }, y: range },
        axes: [this.axis({ label: this.axisLabel, labelSize: 18 }), this.axis({ size: 56 })],
        series: [{ label: this.axisLabel }, ...this.names.map((name, i) => ({ ...this.curve(name, i, 1.75), points, spanGaps: true }))],
      };
      this.chart = new this.uPlot(options, this.data, this.$el);
      this.$el.dataset.points = this.data[0].length;
    },
    resize() {
      if (this.chart && this.$el.clientWidth) this.chart.setSize({ width: this.$el.clientWidth, height: this.$el.clientHeight - LEGEND });
    },
  },
};
