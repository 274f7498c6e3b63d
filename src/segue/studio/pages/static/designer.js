// The palette and the network: layers are clicked or dragged into chains, with the mouse, a finger
// or the keys. What is drawn comes from the server; what is done goes there as an event "act".
const BESIDE = 24, BELOW = 240; // pixels around the network in which something is dropped there
const BEGIN = 5; // pixels after which a press is a drag

const Call = {
  name: "Call",
  props: { node: Object, root: String },
  inject: ["desk"],
  template: `
    <div class="layer" role="listitem" :class="{ here: node.path && desk.selected === node.path, wrong: node.wrong, implied: !node.path, holds: node.branches.length, step: root === 'prepare' }">
      <div class="row">
        <button v-if="node.path" type="button" class="what" :data-path="node.path" :aria-pressed="desk.selected === node.path"
                @click="desk.choose(node.path)" @pointerdown="desk.press($event, node.call, node.path)" @keydown="desk.key($event, node.path)">
          <span class="mono">{{ node.call }}</span><span v-if="node.is_head" class="dim small-text">the head</span>
        </button>
        <span v-else class="what"><span class="mono">{{ node.call }}</span><span v-if="!node.wrong" class="dim small-text">implied</span></span>
        <span class="mono shape">{{ node.shape }}</span>
        <span class="count">{{ node.parameters ? node.parameters.toLocaleString("en") : "" }}</span>
        <span v-if="node.path" class="tools">
          <button v-for="tool in desk.tools" :key="tool.name" type="button" :aria-label="node.call + ' ' + tool.name" :title="tool.title"
                  @click="desk.act(tool.act(node.path))">{{ tool.sign }}</button>
        </span>
      </div>
      <div v-if="node.wrong" class="small-text said" role="alert">{{ node.wrong }}</div>
      <div v-if="node.branches.length" class="branches">
        <div v-for="branch in node.branches" :key="branch.path" class="branch">
          <div class="dim small-text">{{ branch.name }}</div>
          <Chain v-if="branch.nodes.length" :nodes="branch.nodes" :path="branch.path" :root="root"></Chain>
          <button v-else type="button" class="slot open" :class="desk.marks(branch.path + '/0')" :data-place="branch.path + '/0'"
                  @click="desk.aim(branch.path + '/0')">as it is · put a layer here</button>
        </div>
        <button v-if="node.grows" type="button" class="slot open new" :class="desk.marks(node.grows)" :data-place="node.grows"
                @click="desk.aim(node.grows)">+ branch</button>
      </div>
    </div>`,
};

const Chain = {
  name: "Chain",
  components: { Call },
  props: { nodes: Array, path: String, root: String },
  inject: ["desk"],
  computed: {
    keyed() { // an element stays with its layer, wherever that goes, so that nobody clicks another
      const counts = {};
      return this.nodes.map((node) => [`${node.call}#${(counts[node.call] = (counts[node.call] ?? 0) + 1)}`, node]);
    },
    own() {
      return this.keyed.filter(([, node]) => node.path || (!node.is_head && !node.wrong));
    },
    last() { // the head that is implied, and a rest that cannot be read, stand behind the end
      return this.keyed.filter(([, node]) => !node.path && (node.is_head || node.wrong));
    },
    end() {
      return this.path + "/" + this.nodes.filter((node) => node.path).length;
    },
  },
  template: `
    <div class="chain" role="list">
      <template v-for="[key, node] in own" :key="key">
        <div v-if="node.path" class="slot" :class="desk.marks(node.path)" :data-place="node.path" @click="desk.aim(node.path)"></div>
        <Call :node="node" :root="root"></Call>
      </template>
      <div class="slot" :class="desk.marks(end)" :data-place="end" @click="desk.aim(end)"></div>
      <Call v-for="[key, node] in last" :key="key" :node="node" :root="root"></Call>
    </div>`,
};
Call.components = { Chain };

export default {
  components: { Chain },
  props: { drawn: Object, palettes: Array, selected: String, seen: String, data: String },
  template: `
    <div class="designer">
      <section class="card palette" aria-label="Palette">
        <div class="head"><h2>Palette</h2><span class="dim small-text">click or drag</span></div>
        <input class="find" type="search" v-model="wanted" placeholder="type to find" aria-label="find a layer">
        <details v-for="group in found" :key="group.name + !!wanted" :open="group.open || !!wanted">
          <summary class="dim small-text">{{ group.name }}</summary>
          <div class="chips">
            <button v-for="card in group.cards" :key="card.kind" type="button" class="chip" :class="group.root" :title="card.title"
                    @click="put(card, group.root)" @pointerdown="press($event, card.example, '', group.root)">{{ card.kind }}</button>
          </div>
        </details>
        <p v-if="!found.length" class="empty small-text">No layer and no step is called so.</p>
      </section>
      <section class="card desk" aria-label="Network">
        <slot></slot>
        <div class="canvas" ref="canvas" :class="{ dragging: ghost }">
          <div class="flow"><span class="dim">{{ data }}</span><span class="mono shape">{{ drawn.given }}</span></div>
          <Chain :nodes="drawn.steps" path="prepare" root="prepare"></Chain>
          <div class="flow"><span class="dim">prepared</span><span class="mono shape">{{ drawn.shape }}</span></div>
          <Chain :nodes="drawn.layers" path="network" root="network"></Chain>
        </div>
        <div v-if="drawn.problem" class="problem" role="alert">{{ drawn.problem }}</div>
        <div class="dim small-text">{{ total }}</div>
      </section>
      <div v-if="ghost" class="ghost mono" :style="{ left: ghost.x + 'px', top: ghost.y + 'px' }">{{ ghost.text }}</div>
    </div>`,
  provide() {
    return { desk: this };
  },
  data() {
    return {
      wanted: "", target: "", ghost: null, over: "", held: null, dragged: false,
      tools: [
        { name: "up", sign: "↑", title: "one place up (Alt+↑)", act: (path) => ({ do: "shift", path, by: -1 }) },
        { name: "down", sign: "↓", title: "one place down (Alt+↓)", act: (path) => ({ do: "shift", path, by: 1 }) },
        { name: "out", sign: "✕", title: "take it out (Delete)", act: (path) => ({ do: "remove", path }) },
      ],
    };
  },
  computed: {
    found() {
      const wanted = this.wanted.trim().toLowerCase();
      const fits = (card) => !wanted || (card.kind + " " + card.title).toLowerCase().includes(wanted);
      return this.palettes.map((group) => ({ ...group, cards: group.cards.filter(fits) })).filter((group) => group.cards.length);
    },
    total() {
      const count = this.drawn.parameters;
      return count == null ? "" : `${count.toLocaleString("en")} parameters`;
    },
  },
  watch: {
    selected(path) { // the keys go on where the layer is now
      const inside = this.$refs.canvas.contains(document.activeElement) || document.activeElement === document.body;
      if (path && inside) this.$nextTick(() => {
        const layer = this.$refs.canvas.querySelector(`[data-path="${path}"]`);
        layer?.focus();
        layer?.scrollIntoView({ block: "nearest" }); // not behind its own sheet, on a small screen
      });
    },
  },
  mounted() {
    document.addEventListener("keydown", this.keys);
  },
  beforeUnmount() {
    document.removeEventListener("keydown", this.keys);
    this.release();
  },
  methods: {
    act(what) {
      this.$emit("act", { ...what, seen: this.seen });
    },
    // -- click and keys
    choose(path) {
      if (this.dragged) return;
      this.target = "";
      this.act({ do: "select", path });
    },
    aim(place) {
      this.target = this.target === place ? "" : place;
    },
    marks(place) {
      return { over: this.over === place, target: this.target === place };
    },
    put(card, root) {
      if (this.dragged) return;
      if (root === "template") return this.act({ do: "template", text: card.example });
      let place = this.target.startsWith(root + "/") ? this.target : "";
      if (!place && this.selected.startsWith(root + "/")) {
        const steps = this.selected.split("/");
        place = [...steps.slice(0, -1), Number(steps.at(-1)) + 1].join("/");
      }
      this.target = "";
      this.act(place ? { do: "insert", text: card.example, place } : { do: "add", text: card.example, root });
    },
    key(event, path) {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (by && event.altKey) this.act({ do: "shift", path, by });
      else if (by) this.step(path, by);
      else if (event.key === "Delete" || event.key === "Backspace") this.act({ do: "remove", path });
      else return;
      event.preventDefault();
    },
    step(path, by) {
      const all = [...this.$refs.canvas.querySelectorAll("[data-path]")];
      all[all.findIndex((one) => one.dataset.path === path) + by]?.focus();
    },
    keys(event) {
      if (event.key === "Escape") {
        if (!this.ghost && !this.target) this.act({ do: "select", path: "" });
        this.target = "";
        this.release();
      }
      if (!(event.ctrlKey || event.metaKey) || event.target.matches("input, textarea")) return;
      const undo = event.key.toLowerCase() === "z", redo = event.key.toLowerCase() === "y";
      if (!undo && !redo) return;
      event.preventDefault();
      this.act({ do: redo || event.shiftKey ? "redo" : "undo" });
    },
    // -- dragging
    press(event, text, path, root) {
      if (event.button || root === "template") return;
      this.held = { text, path, root: root || path.split("/")[0], x: event.clientX, y: event.clientY };
      this.moving ??= (moved) => this.move(moved);
      this.leaving ??= (up) => this.drop(up);
      this.ending ??= () => this.release();
      window.addEventListener("pointermove", this.moving);
      window.addEventListener("pointerup", this.leaving);
      window.addEventListener("pointercancel", this.ending);
    },
    move(event) {
      const held = this.held;
      if (!this.ghost && Math.hypot(event.clientX - held.x, event.clientY - held.y) < BEGIN) return;
      event.preventDefault();
      window.getSelection()?.removeAllRanges();
      this.dragged = true;
      this.ghost = { text: held.text, x: event.clientX + 12, y: event.clientY + 8 };
      this.over = this.nearest(event.clientX, event.clientY);
      const edge = event.clientY < 70 ? -14 : event.clientY > window.innerHeight - 40 ? 14 : 0;
      if (edge) window.scrollBy(0, edge);
    },
    nearest(x, y) {
      const { path, root } = this.held;
      const { left, right, top, bottom } = this.$refs.canvas.getBoundingClientRect();
      const outside = x < left - BESIDE || x > right + BESIDE || y < top - BELOW || y > bottom + BELOW;
      const places = outside ? [] : [...this.$refs.canvas.querySelectorAll("[data-place]")];
      let [best, least] = ["", Infinity];
      for (const one of places) {
        const place = one.dataset.place;
        if (!place.startsWith(root + "/") || (path && place.startsWith(path + "/"))) continue;
        const far = this.distance(one, x, y);
        if (far <= least) [best, least] = [place, far];
      }
      return best;
    },
    distance(element, x, y) {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
    },
    drop(event) {
      const { held, over } = this;
      if (this.ghost && over) {
        this.act(held.path ? { do: "move", path: held.path, place: over } : { do: "insert", text: held.text, place: over });
      }
      this.release();
    },
    release() {
      this.held = this.ghost = null;
      this.over = "";
      window.removeEventListener("pointermove", this.moving);
      window.removeEventListener("pointerup", this.leaving);
      window.removeEventListener("pointercancel", this.ending);
      setTimeout(() => (this.dragged = false)); // behind the click that ends a drag
    },
  },
};
