// Sequences as points in the plane: a click on one, or Enter where the arrows have gone, chooses it.
const WIDTH = 1000;
const HEIGHT = 620;
const MARGIN = 20;
const NAMED = 8; // classes with a colour of their own

export default {
  template: `
    <div class="map">
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="application" tabindex="0" :aria-label="label + (here ? ': ' + here.title : '')" @keydown="key">
        <circle v-for="(point, i) in placed" :key="i" :cx="point.x" :cy="point.y" :r="point === here ? 12 : 7" :data-index="point.index"
                :fill="point.colour" :class="{ here: point === here }" @click="choose(point)"><title>{{ point.title }}</title></circle>
      </svg>
      <div class="chips small-text">
        <span v-for="(name, i) in classes.slice(0, ${NAMED - 1})" :key="name"><span class="dot" :style="{ background: 'var(--curve-' + i + ')' }"></span> {{ name }}</span>
        <span v-if="classes.length >= ${NAMED}" class="dim">{{ classes.length - ${NAMED - 1} }} others in grey</span>
      </div>
    </div>`,
  props: { points: Array, label: String },
  data: () => ({ at: -1 }),
  computed: {
    classes() {
      const counts = {};
      for (const [, , label] of this.points) counts[label] = (counts[label] ?? 0) + 1;
      return Object.keys(counts).sort((a, b) => counts[b] - counts[a] || (a < b ? -1 : 1));
    },
    placed() {
      const ends = [0, 1].map((axis) => {
        const values = this.points.map((point) => point[axis]);
        return [Math.min(...values), Math.max(...values)];
      });
      const scaled = (value, axis, size) => {
        const [low, high] = ends[axis];
        return MARGIN + ((value - low) / (high - low || 1)) * (size - 2 * MARGIN);
      };
      return this.points.map(([x, y, label, index, id]) => ({
        x: scaled(x, 0, WIDTH), y: HEIGHT - scaled(y, 1, HEIGHT), index, title: `${id}: ${label}`,
        colour: `var(--curve-${Math.min(this.classes.indexOf(label), NAMED - 1)})`,
      }));
    },
    here() {
      return this.placed[this.at];
    },
  },
  methods: {
    choose(point) {
      this.at = this.placed.indexOf(point);
      this.$emit("choose", point.index);
    },
    key(event) {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) this.at = (this.at + step + this.placed.length) % this.placed.length;
      else if (event.key === "Enter" && this.here) this.choose(this.here);
      else return;
      event.preventDefault();
    },
  },
};
